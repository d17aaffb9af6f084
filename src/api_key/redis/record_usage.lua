-- Adds to the usage of records. KEYS are their keys. ARGV: for each of them, the number of requests to add, and the time
-- of the last one, in seconds since 1970.
for i, key in ipairs(KEYS) do
  local stored = redis.pcall('HMGET', key, 'version', 'usage_count', 'last_used_at')
  if stored.err then
    -- A key of another type is not a record. One such key must not make the usage of the others fail for ever.
    if not stored.err:find('WRONGTYPE', 1, true) then return stored end
  elseif stored[1] then
    -- What is no number counts as zero. A number of Lua is exact up to 2^53, more than a key is ever used.
    local count = math.min((tonumber(stored[2]) or 0) + ARGV[2 * i - 1], 2 ^ 53)
    local last_used_at = math.max(tonumber(stored[3]) or 0, ARGV[2 * i])
    redis.call('HSET', key, 'usage_count', ('%.0f'):format(count), 'last_used_at', ('%.0f'):format(last_used_at))
  end
end
return redis.status_reply('OK')
