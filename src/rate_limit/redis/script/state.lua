-- The record of a subject and how it is read. The first part of the script, after the constants that Rust injects
-- (script.rs): operations, algorithms, the fields of a rule, and bounds.
--
-- A Redis key holds the record of one subject: the number of its entries, the time until which the key is kept, the
-- headers of the entries, and then their tails. An entry is the state of one limit or of its blocks. Its header is six
-- numbers: TAG, TAIL_SIZE, EXPIRY, SINCE, USED and EXTRA. Times are in microseconds since 1970.
--
--                   SINCE                     USED              EXTRA                    tail
--   sliding log     time of the last unit     units             0                        times, oldest first
--   sliding window  number of the sub-window  units in all      units in the current     units of the 12 before (1)
--   token bucket    time of the debt          debt              limit that refills it    -
--   fixed window    number of the window      units             0                        -
--   block           end of the block          number of blocks  1: admits a request (2)  -
--
-- (1) EXPIRY is one window after the newest charge.
-- (2) The first request after the block, if the limit readmits it and it has not come yet.
--
-- Headers and tails are apart because most requests change one header only, which SETRANGE writes in place. A value
-- that does not have this format counts as empty, so that a foreign value under the same key cannot make the script
-- fail.
local TAIL_SIZE, EXPIRY, SINCE, USED, EXTRA = 1, 2, 3, 4, 5
-- Formats of Redis' struct library: I7 is an unsigned integer of seven bytes, d a double.
local RECORD_FORMAT, HEADER_FORMAT, TIME_FORMAT = '<I1I7', 'I6I2I7I7dI4', '<I7'
local ONE_HEADER_FORMAT = '<' .. HEADER_FORMAT
-- No request or block is counted beyond this: an entry that claims more is not ours.
local MAX_USED = 2 ^ 36
local call, pack, unpack_from = redis.call, struct.pack, struct.unpack
local floor, ceil, KEYS = math.floor, math.ceil, KEYS

-- The clock of the server and not of the processes, whose clocks differ. A microsecond since 1970 needs 51 bits, and a
-- double is exact up to 53.
local time = call('TIME')
local now = time[1] * 1000000 + time[2]
-- One command reads all keys. It returns nothing for a key of another type.
local values = call('MGET', unpack(KEYS))
local request = { unpack_from('<' .. ('d'):rep(#ARGV[1] / 8), ARGV[1]) }
-- By the index of the key: the record {number of entries, kept until, headers...}; the tails, if they may have changed;
-- and which header changed, or true if more than one header did.
local records, tails, dirty = {}, {}, {}

-- The formats of a record without its tails, by the number of entries. A record that was packed as one string is read
-- by one call.
local formats = {}

local function format(count)
  local known = formats[count]
  if not known then
    known = RECORD_FORMAT .. HEADER_FORMAT:rep(count)
    formats[count] = known
  end
  return known
end

-- Reads the record of a key; an empty one if the value does not have the format.
local function load(key)
  local value, record = values[key], nil
  -- The first byte is the number of entries. A record has 8 bytes, and each header 34: 6 + 2 + 7 + 7 + 8 + 4.
  local count = value and value:byte() or 0
  local size = 8 + 34 * count
  if count > 0 and #value >= size then
    record = { unpack_from(format(count), value) }
    -- The tails must fill the rest of the value exactly. The last element of `record`, the position after the read, is
    -- not looked at.
    for tail_size = 4, 6 * count - 2, 6 do size = size + record[tail_size] end
    if size ~= #value then record = nil end
  end
  if not record then record, tails[key] = { 0, 0 }, {} end
  records[key] = record
  return record
end

-- Returns the index at which the header with this tag begins; nil if there is none.
local function find(record, tag)
  if record[3] == tag then return 3 end
  for header = 9, 6 * record[1] - 3, 6 do
    if record[header] == tag then return header end
  end
end

-- Returns the tails of a record, in the order of its headers.
local function split(key)
  local all = tails[key]
  if not all then
    local record, value = records[key], values[key]
    -- Lua counts from one.
    local from = 9 + 34 * record[1]
    all = {}
    for i = 1, record[1] do
      local size = record[6 * i - 2]
      all[i] = value:sub(from, from + size - 1)
      from = from + size
    end
    tails[key] = all
  end
  return all
end
