-- Merges an update into the live store. Arguments: prefix, update (MessagePack), settings (the same).
-- Nothing here depends on the order of updates, and an update that comes again changes nothing:
-- texts and times only grow, and an event is counted when it is new in its student's log.
local prefix = ARGV[1]
local update = cmsgpack.unpack(ARGV[2])
local set = cmsgpack.unpack(ARGV[3])
local newest, watermark, cells, students = update[1], update[2], update[3], update[4]
local call = redis.call
local pipeline, last_key = prefix .. 'pipeline', prefix .. 'last'
local started, ended = prefix .. 'sessions:started', prefix .. 'sessions:ended'
local minutes_key = prefix .. 'minutes'

local head = tonumber(call('HGET', pipeline, 'newest_ms') or '0')
local head_minute = math.floor(head / 60000)
if newest > head then
  call('HSET', pipeline, 'newest_ms', string.format('%.0f', newest))
  head = newest
end
if watermark > tonumber(call('HGET', pipeline, 'watermark_ms') or '0') then
  call('HSET', pipeline, 'watermark_ms', string.format('%.0f', watermark))
end
local tail = math.floor(head / 60000) - set.window_minutes

-- Minutes that left the window go, in event time; the rest goes by its time to live.
local is_new_minute = math.floor(head / 60000) > head_minute
if is_new_minute then
  for _, minute in ipairs(call('ZRANGEBYSCORE', minutes_key, '-inf', tail - 1)) do
    call('UNLINK', prefix .. 'minute:' .. minute)
  end
  call('ZREMRANGEBYSCORE', minutes_key, '-inf', tail - 1)
  call('ZREMRANGEBYSCORE', last_key, '-inf', string.format('(%.0f', head - set.last_ms))
end

-- Sessions newest first, with stretches of activity merged into them.
local function merge(sessions, stretches)
  local all = {}
  for _, session in ipairs(sessions) do all[#all + 1] = {session[1], session[2]} end
  for at = 1, #stretches, 2 do all[#all + 1] = {stretches[at], stretches[at + 1]} end
  table.sort(all, function(a, b) return a[1] < b[1] end)
  local merged = {}
  for _, piece in ipairs(all) do
    local open = merged[#merged]
    if open and piece[1] - open[2] <= set.gap_ms then
      if piece[2] > open[2] then open[2] = piece[2] end
    else
      merged[#merged + 1] = piece
    end
  end
  local newest_first = {}
  for at = #merged, math.max(1, #merged - set.most_sessions + 1), -1 do
    newest_first[#newest_first + 1] = merged[at]
  end
  return newest_first
end

-- The list of starts and ends of sessions says the same about which sessions there are.
local function is_logged_alike(old, new)
  if #old ~= #new then return false end
  for at = 1, #old do
    if old[at][1] ~= new[at][1] or (at > 1 and old[at][2] ~= new[at][2]) then return false end
  end
  return true
end

local function log_sessions(student, old, new)
  for _, session in ipairs(old) do
    call('ZREM', started, student .. ':' .. session[1])
    call('ZREM', ended, student .. ':' .. session[1])
  end
  for at, session in ipairs(new) do
    call('ZADD', started, session[1], student .. ':' .. session[1])
    if at > 1 then call('ZADD', ended, session[2], student .. ':' .. session[1]) end
  end
  call('ZREMRANGEBYRANK', started, 0, -set.log_entries - 1)
  call('ZREMRANGEBYRANK', ended, 0, -set.log_entries - 1)
end

-- A student's state: event, activity, 6 facts, days, then start and end of sessions, newest first.
local DAYS, SESSIONS = 9, 10

local function merge_sessions(student, state, stretches)
  local from, till = stretches[1], stretches[2]
  local open_start, open_end = state[SESSIONS], state[SESSIONS + 1]
  if open_start and #stretches == 2 and from >= open_start and from - open_end <= set.gap_ms then
    if till <= open_end then return false end
    state[SESSIONS + 1] = till
    return true
  end
  local before = {}
  for at = SESSIONS, #state, 2 do before[#before + 1] = {state[at], state[at + 1]} end
  local after = merge(before, stretches)
  if not is_logged_alike(before, after) then log_sessions(student, before, after) end
  for at = #state, SESSIONS, -1 do state[at] = nil end
  for _, session in ipairs(after) do
    state[#state + 1] = session[1]
    state[#state + 1] = session[2]
  end
  return true
end

-- Days: the newest * 256 + a bit for each of the 8 days up to it.
local function merge_days(known, days)
  local newest_day, mask = math.floor(known / 256), known % 256
  for _, day in ipairs(days) do
    if day > newest_day then
      local shift = day - newest_day
      mask = shift < 8 and bit.band(bit.lshift(mask, shift), 255) or 0
      mask, newest_day = bit.bor(mask, 1), day
    elseif newest_day - day < 8 then
      mask = bit.bor(mask, bit.lshift(1, newest_day - day))
    end
  end
  return newest_day * 256 + mask
end

local function merge_student(student, old, event, activity, facts, stretches, days)
  local state = old and cmsgpack.unpack(old) or {'', '', '', '', '', '', '', '', 0}
  local is_new = false
  if event > state[1] or (event == state[1] and activity > state[2]) then
    state[1], state[2], is_new = event, activity, true
  end
  for at = 1, 6 do
    if facts[at] > state[at + 2] then state[at + 2], is_new = facts[at], true end
  end
  is_new = merge_sessions(student, state, stretches) or is_new
  local seen = merge_days(state[DAYS], days)
  if is_new or seen ~= state[DAYS] then
    state[DAYS] = seen
    call('SET', prefix .. 'student:' .. student, cmsgpack.pack(state), 'EX', set.student_seconds)
  end
end

-- New entries go to the student's log, and count in their minutes.
local counts = {}
local function log_events(student, old, entries, places)
  local log = old or ''
  local size = #log
  for at = 1, #places do
    local place = places[at]
    if cells[place + 1][1] >= tail then
      local entry = string.sub(entries, at * 10 - 9, at * 10)
      if not string.find(log, entry, 1, true) then
        log = log .. entry
        counts[place] = (counts[place] or 0) + 1
      end
    end
  end
  if #log == size then return end
  local from = math.max(1, #log - set.most_recent_bytes + 1)
  while struct.unpack('>I6', log, from) < tail * 60000 do from = from + 10 end
  if from > 1 then log = string.sub(log, from) end
  call('SET', prefix .. 'recent:' .. student, log, 'EX', set.recent_seconds)
end

local state_keys, log_keys, last = {}, {}, {}
for at, student in ipairs(students) do
  state_keys[at] = prefix .. 'student:' .. student[1]
  log_keys[at] = prefix .. 'recent:' .. student[1]
  if student[2] >= head - set.last_ms then
    last[#last + 1] = student[2]
    last[#last + 1] = student[1]
  end
end
local states, logs = call('MGET', unpack(state_keys)), call('MGET', unpack(log_keys))
for at, s in ipairs(students) do
  merge_student(s[1], states[at], s[3], s[4], s[5], s[8], s[9])
  log_events(s[1], logs[at], s[6], s[7])
end
if #last > 0 then call('ZADD', last_key, 'GT', unpack(last)) end

local per_minute = {}
for place, count in pairs(counts) do
  local minute, name = cells[place + 1][1], cells[place + 1][2]
  call('HINCRBY', prefix .. 'minute:' .. minute, name, count)
  per_minute[minute] = (per_minute[minute] or 0) + count
end
for minute, count in pairs(per_minute) do
  local key = prefix .. 'minute:' .. minute
  call('HINCRBY', key, 'events', count)
  call('EXPIRE', key, set.minute_seconds, 'NX')
  call('ZADD', minutes_key, minute, minute)
end
if is_new_minute then
  for _, key in ipairs({pipeline, last_key, started, ended, minutes_key}) do
    call('EXPIRE', key, set.student_seconds)
  end
end
return #students
