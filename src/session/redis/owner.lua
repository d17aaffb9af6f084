-- The beginning of the scripts about the sessions of an owner. KEYS[1] is the owner's sorted set: the digests of its
-- records, scored by their end in seconds since 1970. ARGV[1] is the prefix of the keys of records.
local owner, prefix = KEYS[1], ARGV[1]

local function read(digest, ...)
  return redis.call('HMGET', prefix .. digest, ...)
end

local function remove(digest)
  redis.call('DEL', prefix .. digest)
  redis.call('ZREM', owner, digest)
end

-- Returns at most `count` digests from this offset.
local function digests(offset, count)
  return redis.call('ZRANGEBYSCORE', owner, '-inf', '+inf', 'LIMIT', offset, count)
end
