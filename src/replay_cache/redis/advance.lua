-- Stores the step ARGV[3] and the call ARGV[1] under KEYS[1] for ARGV[2] milliseconds, if the step is greater than the
-- stored one. Steps have 20 digits, because Lua rounds large numbers. Returns 1 if this call has stored it, which is also
-- true when the connection was lost and the call is repeated.
local stored = redis.call('GET', KEYS[1])
if stored then
  if stored == ARGV[3] .. ARGV[1] then return 1 end
  if stored:sub(1, 20) >= ARGV[3] then return 0 end
end
redis.call('SET', KEYS[1], ARGV[3] .. ARGV[1], 'PX', ARGV[2])
return 1
