-- Stores the last uses of records. KEYS are their keys, and ARGV the times, in seconds since 1970.
for i, key in ipairs(KEYS) do
  local stored = redis.pcall('HMGET', key, 'record', 'last_used_at')
  if stored.err then
    -- A key of another type is not a record, and must not prevent the others from being stored.
    if not stored.err:find('WRONGTYPE', 1, true) then return stored end
  elseif stored[1] and tonumber(ARGV[i]) > (tonumber(stored[2]) or 0) then
    redis.call('HSET', key, 'last_used_at', ARGV[i])
  end
end
return redis.status_reply('OK')
