-- Judges and charges a batch of requests, each as a whole: what count/*.rs does, on the server.
--
-- KEYS     the subjects' keys, each once
-- ARGV[1]  numbers, each a little-endian double: where the jobs begin, the rules, the jobs; times in microseconds
--            a rule: tag, tag of its blocks, algorithm, limit, window, step, first block, longest block, shadow
--            a job:  operation, how many asks, for each: place of the key, of the rule, cost, time of the charge
-- returns  numbers, written so: time, for each job: for each ask: used, reset; then -1, or where there is more to tell:
--            refused, exceeded, wait, for each ask: blocked
--
-- Of a call for one request, to make these functions is a good part of the price: what most requests need is written out in
-- the loop.

-- Finds a rule's state and brings it to now: where its head is, and whether it lay ahead of now, because the clock went
-- back. Such a one is written even on a denial, else it would be found ahead again and never pass.
local function settle(place, states, rule, operation)
  local tag, algorithm = request[rule], request[rule + ALGORITHM]
  local head = states[3] == tag and 3 or find(states, tag)
  local size, first, used = 0, nil, nil
  if head then size, first, used = states[head + 1], states[head + 3], states[head + 4] end
  -- A state whose units are no number, or more than are ever counted, is none either.
  local is_none = not head or not (used >= 0 and used < MOST)
  if algorithm == SLIDING then
    if is_none or size ~= 48 then return seldom().begin(place, tag, algorithm, rule) end
    local since, step = now - first * request[rule + STEP], request[rule + STEP]
    return head, (since < 0 or since >= step) and seldom().slide(place, head, rule)
  elseif algorithm == EXACT then
    if is_none or size % 7 ~= 0 or used ~= size / 7 or used > 128 then return seldom().begin(place, tag, algorithm, rule) end
    local oldest = used > 0 and unpack_from(TIME, split(place)[(head + 3) / 6]) or now
    local is_steady = first <= now and oldest <= now and oldest > now - request[rule + WINDOW]
    return head, not is_steady and seldom().age(place, head, rule)
  elseif is_none then
    return seldom().begin(place, tag, algorithm, rule)
  elseif algorithm == BUCKET then
    local window, expiry = request[rule + WINDOW], now + request[rule + STEP]
    -- An operator does not know the subject's tier.
    local limit = request[rule + LIMIT]
    if operation == PEEK or operation == FORGIVE then limit = states[head + 5] > 0 and states[head + 5] or 1 end
    if states[head + 2] > expiry then states[head + 2] = expiry end
    if first < now then used = used - (now - first) * limit / window * SHY end
    states[head + 3], states[head + 4], states[head + 5] = now, used > 0 and used or 0, limit
    return head, first > now
  end
  local window = floor(now / request[rule + WINDOW])
  local expiry = (window + 1) * request[rule + WINDOW]
  if states[head + 2] > expiry then states[head + 2] = expiry end
  if window > first then states[head + 4] = 0 end
  states[head + 3] = window
  return head, first > window
end

local answer, length, at, total = { now }, 1, request[1], #request - 1
-- Of each ask of a job.
local heads, blocks, misfits = { 0 }, { 0 }, { false }

while at <= total do
  local operation, from, to = request[at], at + 2, at + 4 * request[at + 1] - 2
  local refused, exceeded, wait, bit, has_more = 0, 0, 0, 1, false
  for ask = from, to, 4 do
    local place, rule, cost, blocked = request[ask], request[ask + 1], request[ask + 2], 0
    local states = loaded[place] or load(place)
    if request[rule + FIRST_BLOCK] > 0 then
      local block = find(states, request[rule + BLOCK_TAG])
      blocked = block and seldom().block(place, block, rule) or 0
    end
    local head, ahead = settle(place, states, rule, operation)
    if ahead then dirty[place] = true end
    heads[bit], blocks[bit] = head, blocked
    if operation == DECIDE then
      local limit = request[rule + LIMIT]
      local fits = cost == 0 or states[head + 4] <= limit - cost
      misfits[bit] = not fits
      if blocked > 0 or not fits then
        local is_shadow = request[rule + SHADOW] ~= 0
        local is_barred = blocked > 0 and not is_shadow
        if is_barred or not fits then exceeded = exceeded + bit end
        if is_barred then
          refused = 2
          if wait >= 0 and blocked > wait then wait = blocked end
        end
        -- During a block too: what the limit has left may take longer to come back.
        if not fits and not is_shadow then
          if refused == 0 then refused = 1 end
          if cost > limit then
            wait = -1
          elseif wait >= 0 then
            local needed = seldom().wait(place, head, rule, cost)
            if needed > wait then wait = needed end
          end
        end
      end
    end
    bit = bit * 2
  end
  bit = 1
  for ask = from, to, 4 do
    local place, rule, cost, head, blocked = request[ask], request[ask + 1], request[ask + 2], heads[bit], blocks[bit]
    local states, algorithm = loaded[place], request[rule + ALGORITHM]
    if operation == DECIDE then
      if refused == 0 and cost > 0 and not misfits[bit] then
        local changed = dirty[place]
        dirty[place] = (not changed or changed == head) and head or true
        states[head + 4] = states[head + 4] + cost
        if algorithm == SLIDING then
          states[head + 5] = states[head + 5] + cost
          states[head + 2] = (states[head + 3] + KEPT) * request[rule + STEP]
        elseif algorithm == EXACT then
          local all, i = split(place), (head + 3) / 6
          all[i] = all[i] .. pack(TIME, now):rep(cost)
          states[head + 1], states[head + 3] = #all[i], now
          states[head + 2] = now + request[rule + WINDOW]
        elseif algorithm == BUCKET then
          -- As long as the whole debt would take at the rate of the lowest tier.
          states[head + 2] = now + request[rule + STEP]
        else
          states[head + 2] = (states[head + 3] + 1) * request[rule + WINDOW]
        end
      elseif refused == 1 and misfits[bit] and request[rule + SHADOW] == 0 and request[rule + FIRST_BLOCK] > 0 then
        blocked = seldom().strike(place, rule)
        if wait >= 0 and blocked > wait then wait = blocked end
      end
    elseif operation == REFUND or operation == FORGIVE then
      seldom().refund(place, head, rule, cost, operation == REFUND and request[ask + 3] or nil)
      dirty[place] = true
    end
    local used, reset = states[head + 4], 0
    if used > 0 then
      if algorithm == SLIDING then
        local last = states[head + 3] + KEPT
        if states[head + 5] == 0 then last = seldom().leaves(place, head) or last end
        reset = last * request[rule + STEP] - now
      elseif algorithm == EXACT then
        reset = states[head + 3] + request[rule + WINDOW] - now
        -- Of a log that another wrote, whose last time has passed before its first.
        if reset < 0 then reset = 0 end
      elseif algorithm == BUCKET then
        reset = ceil(used * request[rule + WINDOW] / states[head + 5] / (SHY * SHY)) + 1
      else
        reset = (states[head + 3] + 1) * request[rule + WINDOW] - now
      end
    end
    answer[length + 1], answer[length + 2] = used, reset
    length, bit, blocks[bit] = length + 2, bit * 2, blocked
    if blocked > 0 then has_more = true end
  end
  if operation > PEEK then
    for ask = from, to, 4 do seldom().reset(request[ask], request[ask + 1], operation == RESET) end
  end
  length, at = length + 1, to + 4
  answer[length] = -1
  if has_more or exceeded > 0 then
    answer[length], answer[length + 1], answer[length + 2] = refused, exceeded, wait
    length, bit = length + 2, 1
    for _ = from, to, 4 do
      length = length + 1
      answer[length], bit = blocks[bit], bit * 2
    end
  end
end

for place = 1, #KEYS do
  local changed = dirty[place]
  if changed then
    local states, last = loaded[place], 0
    local count, until_when = states[1], states[2]
    for i = 5, 6 * count - 1, 6 do
      if states[i] > last then last = states[i] end
    end
    -- What is kept for far longer than it need be was written by another, and may not expire at all.
    if last <= now or last > until_when or until_when - last > (last - now) / 8 or count > 255 then
      seldom().rewrite(place)
    elseif tails[place] then
      call('SET', KEYS[place], pack(format(count), unpack(states)) .. table.concat(tails[place]), 'KEEPTTL')
    elseif changed == true then
      call('SETRANGE', KEYS[place], '0', pack(format(count), unpack(states)))
    else
      local from = changed == 3 and '8' or 8 + 34 * (changed - 3) / 6
      call('SETRANGE', KEYS[place], from, pack(ONE_HEAD, unpack(states, changed, changed + 5)))
    end
  end
end
return pack('<' .. ('d'):rep(length), unpack(answer))
