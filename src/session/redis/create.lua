-- Stores a session. ARGV[3] is its digest, ARGV[4] its end, ARGV[5] the limit of sessions of the owner ('' for none),
-- ARGV[6] is '1' if sessions above the limit are rejected, and the rest are the fields of the record. Returns the ids of
-- the sessions that were removed, or nil if the session is rejected.
local removed = {}
if ARGV[5] ~= '' then
  -- Replaced records do not count, and are removed with their session.
  local sessions, current = {}, {}
  for _, digest in ipairs(redis.call('ZRANGEBYSCORE', owner, '(' .. ARGV[2], '+inf')) do
    local id, last_used_at, replaced = unpack(read(digest, 'id', 'last_used_at', 'replaced'))
    if not id then
      remove(digest)
    else
      local session = sessions[id] or { id = id, digests = {} }
      sessions[id] = session
      table.insert(session.digests, digest)
      if not replaced then
        session.last_used_at, session.place = tonumber(last_used_at) or 0, #current
        table.insert(current, session)
      end
    end
  end
  local excess = #current + 1 - math.max(tonumber(ARGV[5]), 1)
  if excess > 0 and ARGV[6] == '1' then return false end
  table.sort(current, function(a, b)
    if a.last_used_at ~= b.last_used_at then return a.last_used_at < b.last_used_at end
    return a.place < b.place
  end)
  for i = 1, excess do
    for _, digest in ipairs(current[i].digests) do remove(digest) end
    table.insert(removed, current[i].id)
  end
end
save(ARGV[3], tonumber(ARGV[4]), unpack(ARGV, 7))
return removed
