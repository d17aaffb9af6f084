-- What stands in a key, and how it is read: the first part of the script, before seldom.lua and decide.lua.
--
-- How many states there are, until when the key is kept, the heads of the states, then their tails. A head: tag, bytes of
-- the tail, expiry, three numbers; times in microseconds.
--   exact    the last time, the units, 0; the tail: the times, oldest first
--   sliding  the running sub-window, the units of all, its own; the tail: those of the twelve before, the last first
--   bucket   when the debt was that, the debt, the limit that it flows back by
--   fixed    the window, its units, 0
--   a block  its end, how many there were, 0
-- Most requests change heads alone. Whatever else stands in a key counts as nothing; what these formats bound is not
-- looked at again.
local DECIDE, REFUND, FORGIVE, PEEK, RESET = 0, 1, 2, 3, 4
local EXACT, SLIDING, BUCKET, FIXED = 1, 2, 3, 4
-- Where the numbers of a rule stand, from its tag on.
local BLOCK_TAG, ALGORITHM, LIMIT, WINDOW, STEP, FIRST_BLOCK, LONGEST_BLOCK, SHADOW = 1, 2, 3, 4, 5, 6, 7, 8
-- By the library struct: I7 is an unsigned integer of seven bytes, d a double.
local TOP, HEAD, TIME = '<I1I7', 'I6I2I7I7dI4', '<I7'
local ONE_HEAD = '<' .. HEAD
-- Sub-windows: the running one and twelve before.
local KEPT = 13
-- No state is kept longer: what claims to be is none.
local LONGEST = 2 ^ 51
-- No more units, nor blocks, are ever counted.
local MOST = 2 ^ 36
local SHY = 1 - 200 * 2 ^ -52
local call, pack, unpack_from = redis.call, struct.pack, struct.unpack
local floor, ceil, KEYS = math.floor, math.ceil, KEYS

local time = call('TIME')
local now = time[1] * 1000000 + time[2]
-- One command for all keys; where another type stands, nothing does.
local values = call('MGET', unpack(KEYS))
local request = { unpack_from('<' .. ('d'):rep(#ARGV[1] / 8), ARGV[1]) }
-- By the place of the key: {how many, kept until, heads...}; the tails, where they may have changed; the one head that
-- changed, or true where more did.
local loaded, tails, dirty = {}, {}, {}

-- By the number of states, the format of all that stands before the tails.
local formats = {}

local function format(count)
  local known = formats[count]
  if not known then
    known = TOP .. HEAD:rep(count)
    formats[count] = known
  end
  return known
end

-- The states of a key, none where nothing of ours stands.
local function load(place)
  local value, states = values[place], nil
  local count = value and value:byte() or 0
  local size = 8 + 34 * count
  if count > 0 and #value >= size then
    states = { unpack_from(format(count), value) }
    for tail = 4, 6 * count - 2, 6 do size = size + states[tail] end
    if size ~= #value then states = nil end
  end
  if not states then states, tails[place] = { 0, 0 }, {} end
  loaded[place] = states
  return states
end

-- Where a state's head begins.
local function find(states, tag)
  if states[3] == tag then return 3 end
  for head = 9, 6 * states[1] - 3, 6 do
    if states[head] == tag then return head end
  end
end

-- The tails of a key's states.
local function split(place)
  local all = tails[place]
  if not all then
    local states, value = loaded[place], values[place]
    local from = 9 + 34 * states[1]
    all, tails[place] = {}, all
    for i = 1, states[1] do
      local size = states[6 * i - 2]
      all[i] = value:sub(from, from + size - 1)
      from = from + size
    end
    tails[place] = all
  end
  return all
end
