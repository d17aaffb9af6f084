-- Stores when records were used last. KEYS are their keys, and ARGV is the time for each, in seconds since 1970.
for i, key in ipairs(KEYS) do
  local stored = redis.pcall('HMGET', key, 'record', 'last_used_at')
  if stored.err then
    -- A key of another type is not a record. One such key must not make the uses of the others fail for ever.
    if not stored.err:find('WRONGTYPE', 1, true) then return stored end
  elseif stored[1] and tonumber(ARGV[i]) > (tonumber(stored[2]) or 0) then
    redis.call('HSET', key, 'last_used_at', ARGV[i])
  end
end
return redis.status_reply('OK')
