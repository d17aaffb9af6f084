-- Removes sessions of the owner except that with the id ARGV[2] ('' if there is none): of ARGV[4] digests, after ARGV[3]
-- others. Returns the number of these digests, how many of them are kept, and the ids of the removed sessions.
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
