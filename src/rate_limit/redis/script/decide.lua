-- Decides about a batch of jobs, each as a whole: all charges of a job are applied or none. This is what
-- memory/decide.rs and algorithm/*.rs do, on the server. The last part of the script.
--
-- KEYS     the keys of the subjects, without duplicates
-- ARGV[1]  numbers, each a little-endian double: where the jobs begin, the rules, the jobs; times in microseconds
--            rule: the fields named in protocol.rs, from TAG to REPORTS_MORE
--            job:  the operation and the number of charges, then for each charge:
--                  the index of its key, the index of its rule, its cost, and when it was charged
-- returns  numbers in the same format: the time, then for each job:
--            for each charge its usage, when more is available, and its reset, then NO_DETAILS or
--            rejected, a bit for each charge that exceeds its limit, the wait, and for each charge its remaining block
--
-- What most requests need is written out in the loop, because each function takes time to create on every call.

-- Finds the entry of a rule and moves it to now. Returns its header, and whether it must be written even if the request
-- is denied, because the clock went back: otherwise it would lie in the future again on the next call, and never
-- expire.
local function advance(key, record, rule, operation)
  local tag, algorithm = request[rule], request[rule + ALGORITHM]
  -- Most subjects have one limit, whose header is the first.
  local header = record[3] == tag and 3 or find(record, tag)
  local size, since, used = 0, nil, nil
  if header then size, since, used = record[header + TAIL_SIZE], record[header + SINCE], record[header + USED] end
  -- NaN fails these comparisons too.
  local is_invalid = not header or not (used >= 0 and used < MAX_USED)
  if algorithm == SLIDING_WINDOW then
    if is_invalid or size ~= 4 * SUB_WINDOWS then return slow_path().clear(key, tag, algorithm, rule) end
    -- Within the current sub-window, nothing moves, and the tail need not be read. It is needed a few microseconds
    -- before its end, if the window is not a multiple of twelve: then the oldest sub-window is freed.
    local step, window, expiry = request[rule + STEP], request[rule + WINDOW], record[header + EXPIRY]
    local elapsed = now - since * step
    local is_current = elapsed >= 0 and elapsed < window - (SUB_WINDOWS - 1) * step - 1
      and (used == 0 or expiry > now and expiry <= now + window)
    return header, not is_current and slow_path().advance_sub_windows(key, header, rule)
  elseif algorithm == SLIDING_LOG then
    if is_invalid or size % 7 ~= 0 or used ~= size / 7 or used > MAX_LOG_UNITS then
      return slow_path().clear(key, tag, algorithm, rule)
    end
    -- As long as the oldest unit is in the window, none has left it: only its time is read, seven bytes of the tail.
    -- The index of a tail is that of its header, whose six numbers begin at 3, 9, 15...
    local oldest = used > 0 and unpack_from(TIME_FORMAT, split(key)[(header + 3) / 6]) or now
    local is_current = since <= now and oldest <= now and oldest > now - request[rule + WINDOW]
    return header, not is_current and slow_path().advance_log(key, header, rule)
  elseif is_invalid then
    return slow_path().clear(key, tag, algorithm, rule)
  elseif algorithm == TOKEN_BUCKET then
    local window, expiry = request[rule + WINDOW], now + request[rule + STEP]
    local limit = request[rule + LIMIT]
    -- An administrator does not know the subject's tier, so the limit of the last request refills the bucket.
    if operation == PEEK or operation == REFUND_LAST then
      limit = record[header + EXTRA] > 0 and record[header + EXTRA] or 1
    end
    -- An expiry that is later than a charge would set is foreign, or from before the clock went back.
    if record[header + EXPIRY] > expiry then record[header + EXPIRY] = expiry end
    if now - since >= window and used <= limit then
      -- In one window, the whole limit is refilled exactly.
      used = 0
    elseif since < now then
      used = used - (now - since) * limit / window * ROUND_DOWN
    end
    record[header + SINCE], record[header + USED], record[header + EXTRA] = now, used > 0 and used or 0, limit
    return header, since > now
  end
  -- Fixed window.
  local window = floor(now / request[rule + WINDOW])
  local expiry = (window + 1) * request[rule + WINDOW]
  if record[header + EXPIRY] > expiry then record[header + EXPIRY] = expiry end
  if window > since then record[header + USED] = 0 end
  record[header + SINCE] = window
  return header, since > window
end

local response, length, at, total = { now }, 1, request[1], #request - 1
-- By the bit of a charge in its job: its header, its remaining block, and whether it exceeds the limit. Bits as indexes
-- save a second counter.
local headers, blocks, exceeds = { 0 }, { 0 }, { false }

while at <= total do
  -- `from` and `to` are the positions of the first and the last charge of the job; each has four numbers.
  local operation, from, to = request[at], at + 2, at + 4 * request[at + 1] - 2
  local rejected, exceeded, wait, bit, has_details = ADMITTED, 0, 0, 1, false
  -- First pass: look up every charge, and decide.
  for charge = from, to, 4 do
    local key, rule, cost, blocked = request[charge], request[charge + 1], request[charge + 2], 0
    local record = records[key] or load(key)
    local block = request[rule + FIRST_BLOCK] > 0 and find(record, request[rule + BLOCK_TAG])
    if block then blocked = slow_path().remaining_block(key, block, rule) end
    local header, went_back = advance(key, record, rule, operation)
    if went_back then dirty[key] = true end
    headers[bit], blocks[bit] = header, blocked
    if block and blocked == 0 and operation == DECIDE and cost > 0 then
      slow_path().readmit(key, block, header, rule, cost)
    end
    -- `wait` becomes the longest wait of all limits that reject the job; NEVER is negative, and stays.
    if operation == DECIDE then
      local limit = request[rule + LIMIT]
      -- Subtracted from the limit, so that a cost beyond the limit is negative and never fits.
      local fits = cost == 0 or record[header + USED] <= limit - cost
      exceeds[bit] = not fits
      if blocked > 0 or not fits then
        local is_shadow = request[rule + SHADOW] ~= 0
        local is_blocked = blocked > 0 and not is_shadow
        if is_blocked or not fits then exceeded = exceeded + bit end
        if is_blocked then
          rejected = BLOCKED
          if wait >= 0 and blocked > wait then wait = blocked end
        end
        -- Computed during a block too: the units may be freed later than the block ends.
        if not fits and not is_shadow then
          if rejected == ADMITTED then rejected = EXCEEDED end
          if cost > limit then
            wait = NEVER
          -- The block that this rejection starts says how long to wait, if a request is admitted at its end.
          elseif wait >= 0 and request[rule + READMITS] == 0 then
            local needed = slow_path().time_until_fit(key, header, rule, cost)
            if needed > wait then wait = needed end
          end
        end
      end
    end
    bit = bit * 2
  end
  -- Second pass: apply the charges, if none was rejected, and write the usage to the response.
  bit = 1
  for charge = from, to, 4 do
    local key, rule, cost = request[charge], request[charge + 1], request[charge + 2]
    local header, blocked = headers[bit], blocks[bit]
    local record, algorithm = records[key], request[rule + ALGORITHM]
    if operation == DECIDE then
      if rejected == ADMITTED and cost > 0 and not exceeds[bit] then
        -- Remember the header, if it is the only one of the key that changes: then only it is written.
        local changed = dirty[key]
        dirty[key] = (not changed or changed == header) and header or true
        record[header + USED] = record[header + USED] + cost
        if algorithm == SLIDING_WINDOW then
          record[header + EXTRA] = record[header + EXTRA] + cost
          record[header + EXPIRY] = now + request[rule + WINDOW]
        elseif algorithm == SLIDING_LOG then
          -- The tail grows, so the whole value is written: `split` fills `tails[key]`.
          local all, i = split(key), (header + 3) / 6
          all[i] = all[i] .. pack(TIME_FORMAT, now):rep(cost)
          record[header + TAIL_SIZE], record[header + SINCE] = #all[i], now
          record[header + EXPIRY] = now + request[rule + WINDOW]
        elseif algorithm == TOKEN_BUCKET then
          -- The time that a full debt takes at the rate of the lowest tier.
          record[header + EXPIRY] = now + request[rule + STEP]
        else
          record[header + EXPIRY] = (record[header + SINCE] + 1) * request[rule + WINDOW]
        end
      -- Not if the job is BLOCKED: requests during a block start no further one.
      elseif rejected == EXCEEDED and exceeds[bit]
        and request[rule + SHADOW] == 0 and request[rule + FIRST_BLOCK] > 0 then
        blocked = slow_path().start_block(key, rule)
        if wait >= 0 and blocked > wait then wait = blocked end
      end
    elseif operation == REFUND or operation == REFUND_LAST then
      slow_path().refund(key, header, rule, cost, operation == REFUND and request[charge + 3] or nil)
      dirty[key] = true
    end
    local used, more, reset = record[header + USED], 0, 0
    if used > 0 then
      if request[rule + REPORTS_MORE] ~= 0 then
        local one_more = request[rule + LIMIT] - ceil(used) + 1
        more = slow_path().time_until_fit(key, header, rule, one_more > 1 and one_more or 1)
      end
      if algorithm == SLIDING_WINDOW then
        -- If the current sub-window is empty, an older one decides.
        local unused_at = record[header + EXPIRY]
        if record[header + EXTRA] == 0 then unused_at = slow_path().unused_at(key, header, rule) or unused_at end
        reset = unused_at > now and unused_at - now or 0
      elseif algorithm == SLIDING_LOG then
        reset = record[header + SINCE] + request[rule + WINDOW] - now
        -- A foreign log may have its times out of order.
        if reset < 0 then reset = 0 end
      elseif algorithm == TOKEN_BUCKET then
        local window, limit = request[rule + WINDOW], record[header + EXTRA]
        reset = ceil(used * window / limit / (ROUND_DOWN * ROUND_DOWN)) + 1
        if used <= limit and reset > window then reset = window end
      else
        reset = (record[header + SINCE] + 1) * request[rule + WINDOW] - now
      end
    end
    response[length + 1], response[length + 2], response[length + 3] = used, more, reset
    length, bit, blocks[bit] = length + 3, bit * 2, blocked
    if blocked > 0 then has_details = true end
  end
  if operation == RESET or operation == UNBLOCK then
    for charge = from, to, 4 do slow_path().reset(request[charge], request[charge + 1], operation == RESET) end
  end
  length, at = length + 1, to + 4
  response[length] = NO_DETAILS
  if has_details or exceeded > 0 then
    response[length], response[length + 1], response[length + 2] = rejected, exceeded, wait
    length, bit = length + 2, 1
    for _ = from, to, 4 do
      length = length + 1
      response[length], bit = blocks[bit], bit * 2
    end
  end
end

-- Write the records that changed, with the cheapest command that does it.
for key = 1, #KEYS do
  local changed = dirty[key]
  if changed then
    -- `last` is the latest expiry of any entry, `kept_until` when the key expires.
    local record, last = records[key], 0
    local count, kept_until = record[1], record[2]
    for i = 5, 6 * count - 1, 6 do
      if record[i] > last then last = record[i] end
    end
    -- Rewriting sets the lifetime of the key, and drops expired entries. It is needed if the key would expire too
    -- early, or has nothing left, or too many entries. A key that is kept for much longer than needed was written by
    -- someone else, and may never expire.
    if last <= now or last > kept_until or kept_until - last > (last - now) / 8 or count > 255 then
      slow_path().rewrite(key)
    -- The other commands keep the lifetime: all of the value, all headers, or the one header that changed.
    elseif tails[key] then
      call('SET', KEYS[key], pack(format(count), unpack(record)) .. table.concat(tails[key]), 'KEEPTTL')
    elseif changed == true then
      call('SETRANGE', KEYS[key], '0', pack(format(count), unpack(record)))
    else
      -- The headers begin after eight bytes. A constant text saves Lua the conversion of the most frequent offset.
      local offset = changed == 3 and '8' or 8 + 34 * (changed - 3) / 6
      call('SETRANGE', KEYS[key], offset, pack(ONE_HEADER_FORMAT, unpack(record, changed, changed + 5)))
    end
  end
end
return pack('<' .. ('d'):rep(length), unpack(response))
