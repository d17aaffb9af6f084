-- Returns the text of the record under KEYS[1], and its last use; nil if there is none. ARGV[1] is the prefix of the sets
-- of owners, and ARGV[2] is the digest of the record.
local record, last_used_at, owner = unpack(redis.call('HMGET', KEYS[1], 'record', 'last_used_at', 'owner'))
if not owner then
  -- A hash without the fields is an unreadable record, not a missing one.
  return redis.call('EXISTS', KEYS[1]) == 1 and { '', '' }
end
-- A session that is not in the set could not be listed or ended.
return redis.call('ZSCORE', ARGV[1] .. owner, ARGV[2]) and { record or '', last_used_at or '' }
