-- Functions that few requests need: the second part of the script.

-- Redis runs the script from the start on each call, and creating these functions takes longer than most decisions. So
-- they are created when the first of them is needed.
local functions

local function slow_path()
  if functions then return functions end
  functions = {}
  local min, max = math.min, math.max
  local NO_UNITS, UNITS_FORMAT = ('\0'):rep(4 * SUB_WINDOWS), '<' .. ('I4'):rep(SUB_WINDOWS)

  -- Replaces the tail of an entry.
  local function set_tail(key, header, tail)
    split(key)[(header + 3) / 6] = tail
    records[key][header + TAIL_SIZE] = #tail
  end

  -- Replaces the numbers of an entry, except its tag and the size of its tail.
  local function set_header(key, header, expiry, since, used, extra)
    local record = records[key]
    record[header + EXPIRY], record[header + SINCE] = expiry, since
    record[header + USED], record[header + EXTRA] = used, extra
  end

  -- Empties an entry, after adding it to the record if it is missing. Returns its header.
  function functions.clear(key, tag, algorithm, rule)
    local record = records[key]
    local header = find(record, tag)
    if not header then
      -- The new header changes the format of the record, so that the tails must be written again.
      split(key)
      header = 6 * record[1] + 3
      record[1], record[header] = record[1] + 1, tag
    end
    if algorithm == SLIDING_WINDOW then
      set_header(key, header, 0, floor(now / request[rule + STEP]), 0, 0)
    elseif algorithm == TOKEN_BUCKET then
      set_header(key, header, 0, now, 0, request[rule + LIMIT])
    else
      set_header(key, header, 0, algorithm == FIXED_WINDOW and floor(now / request[rule + WINDOW]) or 0, 0, 0)
    end
    set_tail(key, header, algorithm == SLIDING_WINDOW and NO_UNITS or '')
    return header
  end

  -- Sliding log: returns the times in a tail.
  local function times(log)
    local all = { unpack_from('<' .. ('I7'):rep(#log / 7), log) }
    -- The last value is the position after the read.
    all[#all] = nil
    return all
  end

  -- Sliding log: stores times.
  local function set_times(key, header, all)
    set_tail(key, header, pack('<' .. ('I7'):rep(#all), unpack(all)))
    set_header(key, header, records[key][header + EXPIRY], all[#all] or 0, #all, 0)
  end

  -- Sliding log: removes units that left the window. Returns whether the clock went back: times in the future become
  -- now.
  function functions.advance_log(key, header, rule)
    local window, kept, went_back = request[rule + WINDOW], {}, false
    for _, at in ipairs(times(split(key)[(header + 3) / 6])) do
      if min(at, now) > now - window then kept[#kept + 1] = min(at, now) end
      went_back = went_back or at > now
    end
    local record = records[key]
    record[header + EXPIRY] = min(record[header + EXPIRY], now + window)
    set_times(key, header, kept)
    return went_back
  end

  -- Sliding window: returns the units of each sub-window, the current one first.
  local function units(key, header)
    local all = { records[key][header + EXTRA], unpack_from(UNITS_FORMAT, split(key)[(header + 3) / 6]) }
    -- The last value is the position after the read.
    all[KEPT + 1] = nil
    return all
  end

  -- Sliding window: returns the time at which the units of a sub-window are freed; the current one is the first. No
  -- charge in it is later than its last microsecond, or than the newest charge of all, one window before EXPIRY.
  local function freed_at(key, header, rule, i)
    local record = records[key]
    local next = (record[header + SINCE] + 2 - i) * request[rule + STEP]
    return min(next - 1 + request[rule + WINDOW], record[header + EXPIRY])
  end

  -- Sliding window: moves on to the current sub-window. Returns whether the clock went back.
  function functions.advance_sub_windows(key, header, rule)
    local record, moved, sum, present = records[key], {}, 0, floor(now / request[rule + STEP])
    local old, age = units(key, header), present - record[header + SINCE]
    -- Each sub-window moves back by `age`. Outside the list, there are no units.
    for i = 1, KEPT do moved[i] = old[i - age] or 0 end
    -- If the clock went back, units of the future count as charged now.
    for i = 1, min(-age, KEPT) do moved[1] = moved[1] + old[i] end
    local latest = now + request[rule + WINDOW]
    local went_back = age < 0 or record[header + EXPIRY] > latest
    record[header + SINCE], record[header + EXPIRY] = present, min(record[header + EXPIRY], latest)
    for i = 1, KEPT do
      -- The two oldest sub-windows may be freed before the next one begins.
      if i >= SUB_WINDOWS and freed_at(key, header, rule, i) <= now then moved[i] = 0 end
      sum = sum + moved[i]
    end
    record[header + USED], record[header + EXTRA] = sum, moved[1]
    set_tail(key, header, pack(UNITS_FORMAT, unpack(moved, 2)))
    return went_back
  end

  -- Sliding window: returns the time at which no unit is in use; nil if none is.
  function functions.unused_at(key, header, rule)
    for i, used in ipairs(units(key, header)) do
      if used > 0 then return freed_at(key, header, rule, i) end
    end
  end

  -- Refunds units that were charged at a time; without a time, those charged last.
  function functions.refund(key, header, rule, cost, charged_at)
    local record, algorithm = records[key], request[rule + ALGORITHM]
    if algorithm == SLIDING_WINDOW then
      local all = units(key, header)
      local first, last = 1, KEPT
      -- With a time, only the sub-window of that time is refunded. If it is no longer kept, the loop does not run.
      if charged_at then
        first = 1 + max(record[header + SINCE] - floor(charged_at / request[rule + STEP]), 0)
        last = min(first, KEPT)
      end
      for i = first, last do
        local refunded = min(all[i], cost)
        all[i], cost = all[i] - refunded, cost - refunded
        record[header + USED] = max(record[header + USED] - refunded, 0)
      end
      record[header + EXTRA] = all[1]
      set_tail(key, header, pack(UNITS_FORMAT, unpack(all, 2)))
    elseif algorithm == SLIDING_LOG then
      -- If the clock went back, the unit was moved back too, and is the last one up to that time.
      charged_at = min(charged_at or now, now)
      if charged_at <= now - request[rule + WINDOW] then return end
      local all = times(split(key)[(header + 3) / 6])
      for i = #all, 1, -1 do
        if cost > 0 and all[i] <= charged_at then
          table.remove(all, i)
          cost = cost - 1
        end
      end
      set_times(key, header, all)
    elseif algorithm == TOKEN_BUCKET then
      -- Units refilled since the charge are no longer owed.
      local refilled = 0
      if charged_at then
        refilled = max(now - charged_at, 0) * request[rule + LIMIT] / request[rule + WINDOW]
      end
      record[header + USED] = max(record[header + USED] - max(cost - refilled, 0), 0)
    elseif not charged_at or floor(charged_at / request[rule + WINDOW]) >= record[header + SINCE] then
      record[header + USED] = max(record[header + USED] - cost, 0)
    end
  end

  -- Returns the microseconds until units fit that do not fit now.
  function functions.time_until_fit(key, header, rule, cost)
    local record, algorithm, allowed = records[key], request[rule + ALGORITHM], request[rule + LIMIT] - cost
    local since, left, window = record[header + SINCE], record[header + USED], request[rule + WINDOW]
    if algorithm == SLIDING_WINDOW then
      local all = units(key, header)
      -- Free the sub-windows from the oldest on, until the cost fits.
      for i = KEPT, 1, -1 do
        left = left - all[i]
        if left <= allowed or i == 1 then return max(freed_at(key, header, rule, i) - now, 0) end
      end
    elseif algorithm == SLIDING_LOG then
      -- So many of the oldest units must leave the window: the time of the last of them, in the tail.
      local freed = unpack_from(TIME_FORMAT, split(key)[(header + 3) / 6], (left - allowed - 1) * 7 + 1)
      return freed + window - now
    elseif algorithm == TOKEN_BUCKET then
      local limit = request[rule + LIMIT]
      local wait = ceil((left - allowed) * window / limit / (ROUND_DOWN * ROUND_DOWN)) + 1
      return left <= limit and min(wait, window) or wait
    end
    return max((since + 1) * window - now, 0)
  end

  -- Returns the length of a block by its number, counted from one.
  local function block_length(rule, count)
    local doublings = min(max(count - 1, 0), MAX_DOUBLINGS)
    return min(request[rule + FIRST_BLOCK] * 2 ^ doublings, request[rule + LONGEST_BLOCK])
  end

  -- Whether the entry is of blocks that are not forgotten yet.
  local function is_remembered(record, header)
    return record[header + EXPIRY] > now and record[header + USED] >= 0 and record[header + USED] < MAX_USED
  end

  -- Returns the microseconds for which the subject is still blocked.
  function functions.remaining_block(key, header, rule)
    local record = records[key]
    local finish, count = record[header + SINCE], record[header + USED]
    if not is_remembered(record, header) then
      -- An invalid entry must not keep the key alive.
      if record[header + EXPIRY] > now then record[header + EXPIRY] = 0 end
      return 0
    end
    local latest = now + block_length(rule, count)
    if finish > latest then
      -- The clock went back: the block lasts for its length from now on.
      finish, dirty[key] = latest, true
    end
    local expiry = min(record[header + EXPIRY], finish + request[rule + LONGEST_BLOCK])
    set_header(key, header, expiry, finish, count, record[header + EXTRA])
    return max(finish - now, 0)
  end

  -- Blocks the subject, each time for twice as long. Returns the length of the block.
  function functions.start_block(key, rule)
    local record, tag = records[key], request[rule + BLOCK_TAG]
    local header = find(record, tag) or functions.clear(key, tag)
    local count = is_remembered(record, header) and record[header + USED] + 1 or 1
    local length = block_length(rule, count)
    set_header(key, header, now + length + request[rule + LONGEST_BLOCK], now + length, count, request[rule + READMITS])
    dirty[key] = true
    return length
  end

  -- Frees the units that the first request after a block needs. Its block has ended.
  function functions.readmit(key, block, header, rule, cost)
    local record = records[key]
    if not is_remembered(record, block) or record[block + EXTRA] ~= 1 then return end
    record[block + EXTRA], dirty[key] = 0, true
    local missing = ceil(record[header + USED]) - (request[rule + LIMIT] - cost)
    if missing > 0 and cost <= request[rule + LIMIT] then functions.refund(key, header, rule, missing) end
  end

  -- Removes the subject's blocks, and with `usage` what it used of the limit.
  function functions.reset(key, rule, usage)
    if usage then functions.clear(key, request[rule], request[rule + ALGORITHM], rule) end
    if find(records[key], request[rule + BLOCK_TAG]) then functions.clear(key, request[rule + BLOCK_TAG]) end
    split(key)
    dirty[key] = true
  end

  -- Writes a key without expired entries. The key is kept for a sixteenth longer than needed, so that the next charges
  -- need not extend its lifetime.
  function functions.rewrite(key)
    local record, all, headers, kept, last = records[key], split(key), { 0, 0 }, {}, 0
    -- The number of entries must fit into one byte: the newest are kept.
    for i = max(record[1] - 254, 1), record[1] do
      local expiry = record[6 * i - 1]
      if expiry > now and expiry <= now + MAX_LIFETIME then
        for from = 6 * i - 3, 6 * i + 2 do headers[#headers + 1] = record[from] end
        kept[#kept + 1] = all[i]
        last = max(last, expiry)
      end
    end
    if #kept == 0 then return call('DEL', KEYS[key]) end
    headers[1], headers[2] = #kept, last + ceil((last - now) / 16)
    local value = pack(format(#kept), unpack(headers)) .. table.concat(kept)
    return call('SET', KEYS[key], value, 'PX', ceil((headers[2] - now) / 1000) + 1)
  end

  return functions
end
