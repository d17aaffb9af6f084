-- Returns the number of digests among the ARGV[3] ones after ARGV[2] others, and their records that are not replaced: of
-- each the text, and when it was used last.
local all, records = digests(ARGV[2], ARGV[3]), {}
for _, digest in ipairs(all) do
  local record, last_used_at, replaced = unpack(read(digest, 'record', 'last_used_at', 'replaced'))
  if record and not replaced then
    table.insert(records, record)
    table.insert(records, last_used_at or '')
  end
end
return { #all, records }
