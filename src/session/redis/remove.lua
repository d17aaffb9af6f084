-- Removes the session with the id ARGV[2] and its replaced records. Returns 1 if there was one, else 0.
local removed = 0
for _, digest in ipairs(digests(0, -1)) do
  if read(digest, 'id')[1] == ARGV[2] then
    remove(digest)
    removed = 1
  end
end
return removed
