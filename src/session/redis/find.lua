-- Returns the text of the record under KEYS[1], and when it was used last; nil if there is none. ARGV[1] is what the names
-- of the sets of owners begin with, and ARGV[2] is the digest of the record.
local record, last_used_at, owner = unpack(redis.call('HMGET', KEYS[1], 'record', 'last_used_at', 'owner'))
if not owner then
  -- A hash without its fields is not a record.
  return redis.call('EXISTS', KEYS[1]) == 1 and { '', '' }
end
-- Without its place in the set, the session could not be listed and ended.
return redis.call('ZSCORE', ARGV[1] .. owner, ARGV[2]) and { record or '', last_used_at or '' }
