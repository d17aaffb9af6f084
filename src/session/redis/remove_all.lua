-- Removes sessions of the owner except that with the id ARGV[3] ('' if there is none): of ARGV[5] digests, after ARGV[4]
-- others. Returns the number of these digests, how many of them are kept, and the ids of the removed sessions.
local all, kept, removed, is_removed = digests(ARGV[4], ARGV[5]), 0, {}, {}
for _, digest in ipairs(all) do
  local id = read(digest, 'id')[1]
  if id and id == ARGV[3] then
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
