-- Stores a record if its version is the next one. KEYS[1] is its key. ARGV: the version that must be stored ('0' if
-- none), the version and the text of the record, and when the key expires, in seconds since 1970 ('' if it does not).
-- Returns 1 if the record was stored, else 0.
local stored = redis.pcall('HGET', KEYS[1], 'version')
if type(stored) == 'table' then
  -- A key of another type is not a record, so no version is the next one. Other errors are not the record's fault.
  if stored.err:find('WRONGTYPE', 1, true) then return 0 end
  return stored
end
-- Versions are compared as texts: a number of Lua is exact only up to 2^53.
if (stored or '0') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'record', ARGV[3])
if ARGV[4] ~= '' then redis.call('EXPIREAT', KEYS[1], ARGV[4]) end
return 1
