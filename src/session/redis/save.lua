-- The second part of the scripts that store records. ARGV[2] is the time, in seconds since 1970.
local now = tonumber(ARGV[2])

-- Stores fields of a record, which Redis removes when it ends.
local function save(digest, ends_at, ...)
  local seconds = math.max(ends_at - now, 1)
  redis.call('HSET', prefix .. digest, ...)
  redis.call('EXPIRE', prefix .. digest, seconds)
  redis.call('ZADD', owner, ends_at, digest)
  -- The set is kept as long as the record that ends last.
  if redis.call('TTL', owner) < seconds then redis.call('EXPIRE', owner, seconds) end
end

-- Removes up to 100 records that have ended. The next calls remove the rest.
for _, digest in ipairs(redis.call('ZRANGEBYSCORE', owner, '-inf', ARGV[2], 'LIMIT', 0, 100)) do remove(digest) end
