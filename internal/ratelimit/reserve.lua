-- The rule of schedule (rule.go) over KEYS, the cells of a call and at last the mark.
-- ARGV: the horizon, the number of charges, the plan (as program in redis.go writes
-- it), then of each limit its period and what a full bucket spans. All times are in
-- microseconds.
-- Returns the server's now, then for each demand a time and a cell: zero when the
-- units are taken and the time is when to leave, otherwise the cell in the way and
-- when it is free. Every number stays below 2^53, where Lua's arithmetic is exact.
local byte = string.byte
local longest, second, grace, maxcost = 2251799813685248, 1000000, 60000000, 255
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local last, program, code = now + ARGV[1], ARGV[3], {}
if #program <= 2048 then
  code = {byte(program, 1, -1)}
else
  -- No more than a few thousand results fit on Lua's stack.
  for from = 1, #program, 2048 do
    local part = {byte(program, from, from + 2047)}
    for i = 1, #part do code[from + i - 1] = part[i] end
  end
end

local tats, touched, periods, full, pos = redis.call('MGET', unpack(KEYS)), {}, {}, {}, 1

-- The mark says since when the cells hold all that was granted, and in which history
-- of the server's data. A history ends when the server is started, and when a replica
-- takes over, whatever either of them lost. A mark ahead is from a clock put back.
local mark, history = tats[#KEYS], redis.pcall('INFO', 'replication')
history = type(history) == 'string' and string.match(history, 'master_replid:(%w+)') or ''
local since, known = string.match(mark or '', '^(%d+) (%w*)$')
since = tonumber(since)
if known ~= history or since > now then
  since = now
  redis.call('SET', KEYS[#KEYS], string.format('%.0f %s', now, history))
end

for i = 1, #KEYS - 1 do
  local l = 2 * (code[pos] * 256 + code[pos + 1]) + 2
  pos = pos + 2
  local period, span = tonumber(ARGV[l]), tonumber(ARGV[l + 1])
  local tat, reach = tonumber(tats[i] or 0) or 0, period * maxcost
  if reach > longest then reach = longest end
  if reach < span then reach = span end
  reach = now + second + reach
  if tat > reach then tat, touched[i] = reach, true end
  tats[i], periods[i], full[i] = tat, period, span
end

local cells, takes, slacks = {}, {}, {}
for x = 1, tonumber(ARGV[2]) do
  local i = code[pos] * 256 + code[pos + 1]
  local take = periods[i] * code[pos + 2]
  pos = pos + 3
  if take > longest then take = longest end
  local slack = full[i] - take
  if slack < 0 then slack = 0 end
  cells[x], takes[x], slacks[x] = i, take, slack
  local floor = take + slack
  if floor > grace then floor = grace end
  floor = since + second + floor
  if floor > now and tats[i] < floor then tats[i], touched[i] = floor, true end
end

local out, n, stop = {now}, 1, #program
while pos <= stop do
  local first, final = pos + 1, pos + 2 * code[pos]
  local at, by = now, 0
  for p = first, final, 2 do
    local x = code[p] * 256 + code[p + 1]
    local free = tats[cells[x]] - slacks[x]
    if free > at then at, by = free, cells[x] end
  end
  if at <= last then
    by = 0
    for p = first, final, 2 do
      local x = code[p] * 256 + code[p + 1]
      local i = cells[x]
      local tat = tats[i]
      if tat < at then tat = at end
      tats[i], touched[i] = tat + takes[x], true
    end
  end
  out[n + 1], out[n + 2], n, pos = at, by, n + 2, final + 1
end

for i in pairs(touched) do
  -- A bucket that is full again says no more than a missing one. The time to go is
  -- absolute, because what is relative counts from before the script's now.
  redis.call('SET', KEYS[i], tats[i], 'PXAT', math.ceil(tats[i] / 1000))
end
return out
