-- Stores the call ARGV[1] under KEYS[1] for ARGV[2] milliseconds. Returns 1 if this call has stored it, which is also true
-- when the connection was lost and the call is repeated.
local call = redis.call('GET', KEYS[1])
if call then return call == ARGV[1] and 1 or 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
