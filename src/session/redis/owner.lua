-- What the scripts about the sessions of an owner begin with. KEYS[1] is the owner's sorted set: the digests of its
-- records, by when they end. ARGV[1] is what the names of the keys of records begin with, and ARGV[2] is the time. All
-- times are in seconds since 1970.
local owner, prefix, now = KEYS[1], ARGV[1], tonumber(ARGV[2])

local function read(digest, ...)
  return redis.call('HMGET', prefix .. digest, ...)
end

-- Stores fields of a record, which is removed when it ends.
local function save(digest, ends_at, ...)
  local seconds = math.max(ends_at - now, 1)
  redis.call('HSET', prefix .. digest, ...)
  redis.call('EXPIRE', prefix .. digest, seconds)
  redis.call('ZADD', owner, ends_at, digest)
  -- The set is kept as long as the record that ends last.
  if redis.call('TTL', owner) < seconds then redis.call('EXPIRE', owner, seconds) end
end

local function remove(digest)
  redis.call('DEL', prefix .. digest)
  redis.call('ZREM', owner, digest)
end

-- Returns the digests of records that have not ended, after `offset` others, but not more than `count`.
local function digests(offset, count)
  return redis.call('ZRANGEBYSCORE', owner, '(' .. ARGV[2], '+inf', 'LIMIT', offset, count)
end

-- Records that have ended. Of many, the next calls remove the rest.
for _, digest in ipairs(redis.call('ZRANGEBYSCORE', owner, '-inf', ARGV[2], 'LIMIT', 0, 100)) do remove(digest) end
