-- Reads at most ARGV[3] digests from the offset ARGV[2]. Returns their number, and the text and the last use of each
-- record that is not replaced.
local all, records = digests(ARGV[2], ARGV[3]), {}
for _, digest in ipairs(all) do
  local record, last_used_at, replaced = unpack(read(digest, 'record', 'last_used_at', 'replaced'))
  if record and not replaced then
    table.insert(records, record)
    table.insert(records, last_used_at or '')
  end
end
return { #all, records }
