-- Replaces a record with a new one. ARGV[3] is the id of the session. ARGV[4], ARGV[5] and ARGV[6] are the digest, the
-- end and the text of the old record, ARGV[7] and ARGV[8] the digest and the end of the new one, and the rest are its
-- fields. Returns 1 if the record was replaced, else 0.
local id, replaced = unpack(read(ARGV[4], 'id', 'replaced'))
if id ~= ARGV[3] or replaced or not redis.call('ZSCORE', owner, ARGV[4]) then return 0 end
save(ARGV[4], tonumber(ARGV[5]), 'record', ARGV[6], 'replaced', '1')
save(ARGV[7], tonumber(ARGV[8]), unpack(ARGV, 9))
return 1
