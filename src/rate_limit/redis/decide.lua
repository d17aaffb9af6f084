-- Judges and charges a batch of requests, each as a whole: what count/*.rs does, on the server.
--
-- KEYS     the subjects' keys, one for each ask
-- ARGV[1]  msgpack of {rules, jobs}
--            a rule: {id, algorithm, limit, window, step, first block, longest block, shadow}; times in microseconds
--            a job:  {operation, for each ask: rule, cost, time of the charge}
-- returns  {time, for each job: refused, exceeded, wait, for each ask: used, reset, blocked}
--
-- A key holds msgpack of {[id] = {expiry, state...}}. Whatever else stands there counts as nothing.
local DECIDE, REFUND, FORGIVE, PEEK, RESET, UNBLOCK = 0, 1, 2, 3, 4, 5
local PAST, KEPT = 12, 13
-- No state is kept longer: what claims to be is none.
local LONGEST = 2 ^ 51
local SHY = 1 - 200 * 2 ^ -52
local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local loaded, dirty = {}, {}

local function load(key)
  local states = loaded[key]
  if states then return states end
  local value = redis.pcall('GET', key)
  if type(value) == 'string' then
    local ok, read = pcall(cmsgpack.unpack, value)
    if ok and type(read) == 'table' then states = read end
  end
  states = states or {}
  loaded[key] = states
  return states
end

-- The numbers of a state, as many as there must be; nil where it is absent or no state.
local function numbers(states, id, least, most)
  local state = states[id]
  if type(state) ~= 'table' or #state < least or #state > most then return nil end
  for i = 1, #state do
    if type(state[i]) ~= 'number' then return nil end
  end
  return state
end

local exact = {}

function exact.settle(states, rule)
  -- expiry, then the times, oldest first
  local state = numbers(states, rule[1], 1, 129) or { 0 }
  local kept, past = { state[1] }, now - rule[4]
  for i = 2, #state do
    local at = min(state[i], now)
    if at > past then kept[#kept + 1] = at end
  end
  return kept
end

function exact.used(state) return #state - 1 end

function exact.charge(state, rule, cost)
  for _ = 1, cost do state[#state + 1] = now end
  state[1] = now + rule[4]
end

function exact.refund(state, rule, cost, at)
  for i = #state, 2, -1 do
    if cost == 0 then return end
    if state[i] == at then
      table.remove(state, i)
      cost = cost - 1
    end
  end
end

function exact.forgive(state, cost)
  for _ = 1, min(cost, #state - 1) do state[#state] = nil end
end

function exact.wait(state, rule, cost)
  local excess = #state - 1 + cost - rule[3]
  return excess > 0 and state[1 + excess] + rule[4] - now or 0
end

function exact.reset(state, rule) return #state > 1 and state[#state] + rule[4] - now or 0 end

local sliding = {}

function sliding.settle(states, rule)
  -- expiry, the running sub-window, its units, those of the twelve before
  local present = floor(now / rule[5])
  local old = numbers(states, rule[1], 2 + KEPT, 2 + KEPT)
  local state = { old and old[1] or 0, present }
  local age = old and present - old[2] or KEPT
  if age < 0 then
    -- The clock went back: what lies ahead was used at present.
    local moved = 0
    for i = 0, min(-age, KEPT) do moved = moved + (old[3 + i] or 0) end
    state[3] = moved
    for i = 1, KEPT - 1 do state[3 + i] = old[3 + i - age] or 0 end
  else
    for i = 0, KEPT - 1 do state[3 + i] = i >= age and old and old[3 + i - age] or 0 end
  end
  return state
end

function sliding.used(state)
  local sum = 0
  for i = 3, 2 + KEPT do sum = sum + state[i] end
  return sum
end

function sliding.charge(state, rule, cost)
  state[3] = state[3] + cost
  state[1] = now + rule[4] + 2 * rule[5]
end

function sliding.refund(state, rule, cost, at)
  local i = 3 + max(state[2] - floor(at / rule[5]), 0)
  if state[i] and i <= 2 + KEPT then state[i] = max(state[i] - cost, 0) end
end

function sliding.forgive(state, cost)
  for i = 3, 2 + KEPT do
    local given = min(state[i], cost)
    state[i], cost = state[i] - given, cost - given
  end
end

local function leaves(state, rule, age) return max((state[2] + KEPT - age) * rule[5] - now, 0) end

function sliding.wait(state, rule, cost)
  local left, allowed = sliding.used(state), rule[3] - cost
  if left <= allowed then return 0 end
  for age = KEPT - 1, 0, -1 do
    left = left - state[3 + age]
    if left <= allowed then return leaves(state, rule, age) end
  end
  return leaves(state, rule, 0)
end

function sliding.reset(state, rule)
  for age = 0, KEPT - 1 do
    if state[3 + age] > 0 then return leaves(state, rule, age) end
  end
  return 0
end

local bucket = {}

local function refilled(rule, elapsed) return elapsed * rule[3] / rule[4] * SHY end

local function until_debt(rule, debt, wanted)
  if debt <= wanted then return 0 end
  return ceil((debt - wanted) * rule[4] / rule[3] / (SHY * SHY)) + 1
end

function bucket.settle(states, rule)
  -- expiry, when the debt was that, the debt
  local old = numbers(states, rule[1], 3, 3)
  if not old then return { 0, now, 0 } end
  return { old[1], now, max(old[3] - refilled(rule, max(now - old[2], 0)), 0) }
end

function bucket.used(state) return ceil(state[3]) end

function bucket.charge(state, rule, cost)
  state[3] = state[3] + cost
  -- As long as the whole debt would take at the rate of the lowest tier.
  state[1] = now + rule[5]
end

function bucket.refund(state, rule, cost, at)
  state[3] = max(state[3] - max(cost - refilled(rule, max(now - at, 0)) / SHY, 0), 0)
end

function bucket.forgive(state, cost) state[3] = max(state[3] - cost, 0) end

function bucket.wait(state, rule, cost) return until_debt(rule, state[3], rule[3] - cost) end

function bucket.reset(state, rule) return until_debt(rule, state[3], 0) end

local fixed = {}

function fixed.settle(states, rule)
  -- expiry, the window, its units
  local window = floor(now / rule[4])
  local old = numbers(states, rule[1], 3, 3)
  return { old and old[1] or 0, window, old and old[2] >= window and old[3] or 0 }
end

function fixed.used(state) return state[3] end

local function rest(state, rule) return max((state[2] + 1) * rule[4] - now, 0) end

function fixed.charge(state, rule, cost)
  state[3] = state[3] + cost
  state[1] = now + rest(state, rule)
end

function fixed.refund(state, rule, cost, at)
  if floor(at / rule[4]) >= state[2] then state[3] = max(state[3] - cost, 0) end
end

function fixed.forgive(state, cost) state[3] = max(state[3] - cost, 0) end

function fixed.wait(state, rule, cost) return state[3] + cost <= rule[3] and 0 or rest(state, rule) end

function fixed.reset(state, rule) return state[3] == 0 and 0 or rest(state, rule) end

local ALGORITHMS = { exact, sliding, bucket, fixed }

-- A block: expiry, its end, how many there were.
local function block(states, rule)
  if rule[6] == 0 then return nil, 0 end
  local old = numbers(states, rule[1] .. '!', 3, 3)
  if not old or old[1] <= now then return { 0, 0, 0 }, 0 end
  local length = min(rule[6] * 2 ^ min(max(old[3] - 1, 0), 32), rule[7])
  local state = { old[1], min(old[2], now + length), old[3] }
  return state, max(state[2] - now, 0)
end

local function strike(states, rule)
  local state = block(states, rule)
  if not state then return 0 end
  state[3] = state[3] + 1
  local length = min(rule[6] * 2 ^ min(state[3] - 1, 32), rule[7])
  state[2] = now + length
  state[1] = state[2] + rule[7]
  states[rule[1] .. '!'] = state
  return length
end

local request = cmsgpack.unpack(ARGV[1])
local rules, jobs = request[1], request[2]
local answer, key = { now }, 0

for _, job in ipairs(jobs) do
  local operation, asks, blocked = job[1], {}, false
  for i = 2, #job, 3 do
    key = key + 1
    local name, rule = KEYS[key], rules[job[i] + 1]
    local states, algorithm = load(name), ALGORITHMS[rule[2]]
    local _, wait = block(states, rule)
    asks[#asks + 1] = {
      key = name, states = states, rule = rule, algorithm = algorithm, cost = job[i + 1], at = job[i + 2], blocked = wait,
    }
    blocked = blocked or (wait > 0 and rule[8] == 0)
  end
  local refused, exceeded, wait, bit = 0, 0, 0, 1
  for _, ask in ipairs(asks) do
    ask.state = ask.algorithm.settle(ask.states, ask.rule)
    if operation == DECIDE then
      local rule, fits = ask.rule, true
      if blocked then
        fits = ask.blocked == 0 or rule[8] ~= 0
        if not fits then wait = max(wait, ask.blocked) end
      else
        fits = ask.algorithm.used(ask.state) + ask.cost <= rule[3]
      end
      if not fits then
        exceeded = exceeded + bit
        if blocked then
          refused = 2
        elseif rule[8] == 0 then
          refused = 1
          if ask.cost > rule[3] then
            wait = -1
          elseif wait >= 0 then
            wait = max(wait, ask.algorithm.wait(ask.state, rule, ask.cost))
          end
        end
      end
      ask.fits = fits
    end
    bit = bit * 2
  end
  for _, ask in ipairs(asks) do
    local rule, id = ask.rule, ask.rule[1]
    if operation == DECIDE then
      if refused == 0 and ask.fits and ask.cost > 0 then
        ask.algorithm.charge(ask.state, rule, ask.cost)
        ask.states[id] = ask.state
        dirty[ask.key] = true
      elseif refused == 1 and not ask.fits and rule[8] == 0 and rule[6] > 0 then
        local length = strike(ask.states, rule)
        if wait >= 0 then wait = max(wait, length) end
        dirty[ask.key] = true
      end
    elseif operation == REFUND or operation == FORGIVE then
      if operation == REFUND then
        ask.algorithm.refund(ask.state, rule, ask.cost, ask.at)
      else
        ask.algorithm.forgive(ask.state, ask.cost)
      end
      ask.states[id] = ask.state
      dirty[ask.key] = true
    elseif operation == RESET or operation == UNBLOCK then
      if operation == RESET then ask.states[id] = nil end
      ask.states[id .. '!'] = nil
      dirty[ask.key] = true
    end
  end
  answer[#answer + 1] = refused
  answer[#answer + 1] = exceeded
  answer[#answer + 1] = wait
  for _, ask in ipairs(asks) do
    answer[#answer + 1] = ask.algorithm.used(ask.state)
    answer[#answer + 1] = ask.algorithm.reset(ask.state, ask.rule)
    answer[#answer + 1] = ask.blocked
  end
end

for name in pairs(dirty) do
  local states, last = loaded[name], 0
  for id, state in pairs(states) do
    local expiry = type(state) == 'table' and type(state[1]) == 'number' and state[1] or 0
    if expiry <= now or expiry > now + LONGEST then states[id] = nil else last = max(last, expiry) end
  end
  if last > 0 then
    redis.call('SET', name, cmsgpack.pack(states), 'PX', ceil((last - now) / 1000) + 1)
  else
    redis.call('DEL', name)
  end
end
return answer
