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
local KEPT = 13
-- No state is kept longer: what claims to be is none.
local LONGEST = 2 ^ 51
local MOST = 2 ^ 53
local SHY = 1 - 200 * 2 ^ -52
local floor, ceil, min, max = math.floor, math.ceil, math.min, math.max

local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
-- One command for all keys; where another type stands, nothing does.
local values = redis.call('MGET', unpack(KEYS))
local loaded, dirty = {}, {}

local function load(place)
  local key = KEYS[place]
  local states = loaded[key]
  if states then return states end
  if values[place] then
    local ok, read = pcall(cmsgpack.unpack, values[place])
    if ok and type(read) == 'table' then states = read end
  end
  states = states or {}
  loaded[key] = states
  return states
end

-- Each `settle` returns the state as of now, and whether it lay ahead of now, because the clock went back: such a one is
-- written even on a denial, else it would be found ahead again and never pass.

-- The numbers of a state, as many as there must be; nil where it is absent or no state.
local function numbers(states, id, least, most)
  local state = states[id]
  if type(state) ~= 'table' or #state < least or #state > most then return nil end
  for i = 1, #state do
    -- Nor what is no finite number: it would never pass.
    if type(state[i]) ~= 'number' or not (state[i] >= 0 and state[i] <= MOST) then return nil end
  end
  return state
end

local exact = {}

function exact.settle(states, rule)
  -- expiry, then the times, oldest first
  local state = numbers(states, rule[1], 1, 129) or { 0 }
  local kept, past, ahead = { min(state[1], now + rule[4]) }, now - rule[4], false
  for i = 2, #state do
    local at = min(state[i], now)
    if at > past then kept[#kept + 1] = at end
    ahead = ahead or state[i] > now
  end
  return kept, ahead
end

function exact.used(state) return #state - 1 end

function exact.charge(state, rule, cost)
  for _ = 1, cost do state[#state + 1] = now end
  state[1] = now + rule[4]
end

function exact.refund(state, rule, cost, at)
  -- Where the clock went back, the unit was moved back with it, and is the last before.
  at = min(at, now)
  if at <= now - rule[4] then return end
  for i = #state, 2, -1 do
    if cost == 0 then return end
    if state[i] <= at then
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
  if old and old[2] == present then return old, false end
  local state = { old and min(old[1], now + rule[4] + 2 * rule[5]) or 0, present }
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
  return state, age < 0
end

function sliding.used(state)
  return state[3] + state[4] + state[5] + state[6] + state[7] + state[8] + state[9]
    + state[10] + state[11] + state[12] + state[13] + state[14] + state[15]
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

local function refilled(rule, limit, elapsed) return elapsed * limit / rule[4] * SHY end

local function until_debt(rule, limit, debt, wanted)
  if debt <= wanted then return 0 end
  -- What is beyond an integer of the answer would spoil those to all others of the batch.
  return min(ceil((debt - wanted) * rule[4] / limit / (SHY * SHY)) + 1, MOST)
end

function bucket.settle(states, rule, operation)
  -- expiry, when the debt was that, the debt, the limit that it flows back by
  local old = numbers(states, rule[1], 4, 4)
  if not old then return { 0, now, 0, rule[3] }, false end
  -- An operator does not know the subject's tier.
  local limit = (operation == PEEK or operation == FORGIVE) and max(old[4], 1) or rule[3]
  local debt = max(old[3] - refilled(rule, limit, max(now - old[2], 0)), 0)
  return { min(old[1], now + rule[5]), now, debt, limit }, old[2] > now
end

function bucket.used(state) return ceil(state[3]) end

function bucket.charge(state, rule, cost)
  state[3] = state[3] + cost
  -- As long as the whole debt would take at the rate of the lowest tier.
  state[1] = now + rule[5]
end

function bucket.refund(state, rule, cost, at)
  state[3] = max(state[3] - max(cost - refilled(rule, rule[3], max(now - at, 0)) / SHY, 0), 0)
end

function bucket.forgive(state, cost) state[3] = max(state[3] - cost, 0) end

function bucket.wait(state, rule, cost) return until_debt(rule, rule[3], state[3], rule[3] - cost) end

function bucket.reset(state, rule) return until_debt(rule, state[4], state[3], 0) end

local fixed = {}

function fixed.settle(states, rule)
  -- expiry, the window, its units
  local window = floor(now / rule[4])
  local old = numbers(states, rule[1], 3, 3)
  local expiry = old and min(old[1], (window + 1) * rule[4]) or 0
  return { expiry, window, old and old[2] >= window and old[3] or 0 }, old and old[2] > window
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
  local finish = min(old[2], now + length)
  local state = { min(old[1], finish + rule[7]), finish, old[3] }
  return state, max(finish - now, 0), old[2] > finish
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
  local operation, asks = job[1], {}
  for i = 2, #job, 3 do
    key = key + 1
    local name, rule = KEYS[key], rules[job[i] + 1]
    local states, algorithm = load(key), ALGORITHMS[rule[2]]
    local state, wait, ahead = block(states, rule)
    if ahead and operation ~= PEEK then
      states[rule[1] .. '!'] = state
      dirty[name] = true
    end
    asks[#asks + 1] = {
      key = name, states = states, rule = rule, algorithm = algorithm, cost = job[i + 1], at = job[i + 2], blocked = wait,
    }
  end
  local refused, exceeded, wait, bit = 0, 0, 0, 1
  for _, ask in ipairs(asks) do
    local ahead
    ask.state, ahead = ask.algorithm.settle(ask.states, ask.rule, operation)
    if ahead and operation ~= PEEK then
      ask.states[ask.rule[1]] = ask.state
      dirty[ask.key] = true
    end
    if operation == DECIDE then
      local rule, cost = ask.rule, ask.cost
      local is_shadow, fits = rule[8] ~= 0, cost == 0 or ask.algorithm.used(ask.state) + cost <= rule[3]
      local is_barred = ask.blocked > 0 and not is_shadow
      if is_barred or not fits then exceeded = exceeded + bit end
      if is_barred then
        refused = 2
        if wait >= 0 then wait = max(wait, ask.blocked) end
      end
      -- During a block too: what the limit has left may take longer to come back.
      if not fits and not is_shadow then
        refused = max(refused, 1)
        if cost > rule[3] then
          wait = -1
        elseif wait >= 0 then
          wait = max(wait, ask.algorithm.wait(ask.state, rule, cost))
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
        ask.blocked = strike(ask.states, rule)
        if wait >= 0 then wait = max(wait, ask.blocked) end
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
    if expiry > now and expiry <= now + LONGEST then last = max(last, expiry) else states[id] = nil end
  end
  if last > 0 then
    redis.call('SET', name, cmsgpack.pack(states), 'PX', ceil((last - now) / 1000) + 1)
  else
    redis.call('DEL', name)
  end
end
return answer
