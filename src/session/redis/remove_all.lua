-- Reads at most ARGV[4] digests from the offset ARGV[3], and removes their sessions, except the one with the id ARGV[2]
-- ('' for none). Returns the number of digests, how many of them are kept, and the ids of the removed sessions.
local all, kept, removed, is_removed = digests(ARGV[3], ARGV[4]), 0, {}, {}
for _, digest in ipairs(all) do
  local id = read(digest, 'id')[1]
  if id and id == ARGV[2] then
    kept = kept + 1
  else
    remove(digest)
    if id and not is_removed[id] then
      is_removed[id] = true
      table.insert(removed, id)
    end
  end
end
return { #all, kept, removed }
