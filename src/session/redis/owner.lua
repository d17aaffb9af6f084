-- What the scripts about the sessions of an owner begin with. KEYS[1] is the owner's sorted set: the digests of its
-- records, by when they end, in seconds since 1970. ARGV[1] is what the names of the keys of records begin with.
local owner, prefix = KEYS[1], ARGV[1]

local function read(digest, ...)
  return redis.call('HMGET', prefix .. digest, ...)
end

local function remove(digest)
  redis.call('DEL', prefix .. digest)
  redis.call('ZREM', owner, digest)
end

-- Returns the digests of records after `offset` others, but not more than `count`.
local function digests(offset, count)
  return redis.call('ZRANGEBYSCORE', owner, '-inf', '+inf', 'LIMIT', offset, count)
end
