-- What few decisions need: the second part of the script.

-- Made when first needed: to make these functions takes longer than most decisions.
local made

local function seldom()
  if made then return made end
  made = {}
  local min, max = math.min, math.max
  local ZEROS, PAST = ('\0'):rep(48), '<' .. ('I4'):rep(12)

  local function change(place, head, tail)
    split(place)[(head + 3) / 6] = tail
    loaded[place][head + 1] = #tail
  end

  local function set(place, head, expiry, first, second, third)
    local states = loaded[place]
    states[head + 2], states[head + 3], states[head + 4], states[head + 5] = expiry, first, second, third
  end

  -- A state of nothing.
  function made.begin(place, tag, algorithm, rule)
    local states = loaded[place]
    local head = find(states, tag)
    if not head then
      split(place)
      head = 6 * states[1] + 3
      states[1], states[head] = states[1] + 1, tag
    end
    if algorithm == SLIDING then
      set(place, head, 0, floor(now / request[rule + STEP]), 0, 0)
    elseif algorithm == BUCKET then
      set(place, head, 0, now, 0, request[rule + LIMIT])
    else
      set(place, head, 0, algorithm == FIXED and floor(now / request[rule + WINDOW]) or 0, 0, 0)
    end
    change(place, head, algorithm == SLIDING and ZEROS or '')
    return head
  end

  local function times(log)
    local all = { unpack_from('<' .. ('I7'):rep(#log / 7), log) }
    all[#all] = nil
    return all
  end

  local function keep(place, head, all)
    change(place, head, pack('<' .. ('I7'):rep(#all), unpack(all)))
    set(place, head, loaded[place][head + 2], all[#all] or 0, #all, 0)
  end

  -- Lets a log forget what is past; whether it lay ahead.
  function made.age(place, head, rule)
    local window, all, ahead = request[rule + WINDOW], {}, false
    for _, at in ipairs(times(split(place)[(head + 3) / 6])) do
      if min(at, now) > now - window then all[#all + 1] = min(at, now) end
      ahead = ahead or at > now
    end
    loaded[place][head + 2] = min(loaded[place][head + 2], now + window)
    keep(place, head, all)
    return ahead
  end

  -- The units of each sub-window, the running one first.
  local function units(place, head)
    local all = { loaded[place][head + 5], unpack_from(PAST, split(place)[(head + 3) / 6]) }
    all[KEPT + 1] = nil
    return all
  end

  -- Moves sub-windows on; whether they lay ahead.
  function made.slide(place, head, rule)
    local states, all, sum, present = loaded[place], {}, 0, floor(now / request[rule + STEP])
    local old, age = units(place, head), present - states[head + 3]
    for i = 1, KEPT do all[i] = old[i - age] or 0 end
    -- The clock went back: what lies ahead was used at present.
    for i = 1, min(-age, KEPT) do all[1] = all[1] + old[i] end
    for i = 1, KEPT do sum = sum + all[i] end
    set(place, head, min(states[head + 2], (present + KEPT) * request[rule + STEP]), present, sum, all[1])
    change(place, head, pack(PAST, unpack(all, 2)))
    return age < 0
  end

  -- When the last of the sub-windows leaves in which there is a unit.
  function made.leaves(place, head)
    for i, used in ipairs(units(place, head)) do
      if used > 0 then return loaded[place][head + 3] + KEPT + 1 - i end
    end
  end

  -- Gives back what was charged at a time; without one, what was charged last.
  function made.refund(place, head, rule, cost, at)
    local states, algorithm = loaded[place], request[rule + ALGORITHM]
    if algorithm == SLIDING then
      local all = units(place, head)
      local first = at and 1 + max(states[head + 3] - floor(at / request[rule + STEP]), 0) or 1
      for i = first, at and min(first, KEPT) or KEPT do
        local given = min(all[i], cost)
        all[i], cost, states[head + 4] = all[i] - given, cost - given, max(states[head + 4] - given, 0)
      end
      states[head + 5] = all[1]
      change(place, head, pack(PAST, unpack(all, 2)))
    elseif algorithm == EXACT then
      -- Where the clock went back, the unit was moved back with it, and is the last before.
      at = min(at or now, now)
      if at <= now - request[rule + WINDOW] then return end
      local all = times(split(place)[(head + 3) / 6])
      for i = #all, 1, -1 do
        if cost > 0 and all[i] <= at then
          table.remove(all, i)
          cost = cost - 1
        end
      end
      keep(place, head, all)
    elseif algorithm == BUCKET then
      -- What flowed back since is not in debt any more.
      local back = at and max(now - at, 0) * request[rule + LIMIT] / request[rule + WINDOW] * SHY / SHY or 0
      states[head + 4] = max(states[head + 4] - max(cost - back, 0), 0)
    elseif not at or floor(at / request[rule + WINDOW]) >= states[head + 3] then
      states[head + 4] = max(states[head + 4] - cost, 0)
    end
  end

  -- How long until so many units fit that do not now.
  function made.wait(place, head, rule, cost)
    local states, algorithm, allowed = loaded[place], request[rule + ALGORITHM], request[rule + LIMIT] - cost
    local first, left, window = states[head + 3], states[head + 4], request[rule + WINDOW]
    if algorithm == SLIDING then
      local all = units(place, head)
      for i = KEPT, 1, -1 do
        left = left - all[i]
        if left <= allowed or i == 1 then return max((first + KEPT + 1 - i) * request[rule + STEP] - now, 0) end
      end
    elseif algorithm == EXACT then
      local freed = unpack_from(TIME, split(place)[(head + 3) / 6], (left - allowed - 1) * 7 + 1)
      return freed + window - now
    elseif algorithm == BUCKET then
      return ceil((left - allowed) * window / request[rule + LIMIT] / (SHY * SHY)) + 1
    end
    return max((first + 1) * window - now, 0)
  end

  -- Of the so many-th block.
  local function length(rule, count)
    return min(request[rule + FIRST_BLOCK] * 2 ^ min(max(count - 1, 0), 32), request[rule + LONGEST_BLOCK])
  end

  -- Whether a block is one, and not forgotten yet.
  function made.is_known(states, head)
    return states[head + 2] > now and states[head + 4] >= 0 and states[head + 4] < MOST
  end

  -- For how long the subject is still blocked.
  function made.block(place, head, rule)
    local states = loaded[place]
    local finish, count = states[head + 3], states[head + 4]
    if not made.is_known(states, head) then
      -- What is no block is not to keep the key.
      if states[head + 2] > now then states[head + 2] = 0 end
      return 0
    end
    if finish > now + length(rule, count) then
      -- The clock went back.
      finish, dirty[place] = now + length(rule, count), true
    end
    set(place, head, min(states[head + 2], finish + request[rule + LONGEST_BLOCK]), finish, count, 0)
    return max(finish - now, 0)
  end

  -- Blocks the subject, each time for twice as long.
  function made.strike(place, rule)
    local states, tag = loaded[place], request[rule + BLOCK_TAG]
    local head = find(states, tag) or made.begin(place, tag)
    local count = made.is_known(states, head) and states[head + 4] + 1 or 1
    local blocked = length(rule, count)
    set(place, head, now + blocked + request[rule + LONGEST_BLOCK], now + blocked, count, 0)
    dirty[place] = true
    return blocked
  end

  -- Forgets the subject's blocks, or all of it.
  function made.reset(place, rule, is_whole)
    if is_whole then made.begin(place, request[rule], request[rule + ALGORITHM], rule) end
    if find(loaded[place], request[rule + BLOCK_TAG]) then made.begin(place, request[rule + BLOCK_TAG]) end
    split(place)
    dirty[place] = true
  end

  -- Writes a key without what has passed, and keeps it for longer than it need be: so it is not done with every charge.
  function made.rewrite(place)
    local states, all, heads, written, last = loaded[place], split(place), { 0, 0 }, {}, 0
    -- No more than a byte can tell.
    for i = max(states[1] - 254, 1), states[1] do
      local expiry = states[6 * i - 1]
      if expiry > now and expiry <= now + LONGEST then
        for from = 6 * i - 3, 6 * i + 2 do heads[#heads + 1] = states[from] end
        written[#written + 1] = all[i]
        last = max(last, expiry)
      end
    end
    if #written == 0 then return call('DEL', KEYS[place]) end
    heads[1], heads[2] = #written, last + ceil((last - now) / 16)
    local value = pack(format(#written), unpack(heads)) .. table.concat(written)
    return call('SET', KEYS[place], value, 'PX', ceil((heads[2] - now) / 1000) + 1)
  end

  return made
end
