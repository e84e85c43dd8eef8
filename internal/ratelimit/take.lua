-- The rule of Decide over KEYS, all or nothing. ARGV holds for each key how far
-- the cost moves its arrival time and how far ahead of now that may lie, both in
-- microseconds. Returns the index of the key that is free last (0: all taken),
-- when it is free, and the server's now. Every number stays below 2^53, where
-- Lua's arithmetic is exact.
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local kept = redis.call('MGET', unpack(KEYS))
local next, by, free = {}, 0, now
for i = 1, #KEYS do
  local tat = math.max(tonumber(kept[i] or 0) or 0, now) + ARGV[2 * i - 1]
  if tat - ARGV[2 * i] > free then
    by, free = i, tat - ARGV[2 * i]
  end
  next[i] = tat
end
if by == 0 then
  for i = 1, #KEYS do
    -- A bucket that is full again says no more than a missing one.
    local ms = math.ceil((next[i] - now) / 1000)
    redis.call('SET', KEYS[i], string.format('%.0f', next[i]), 'PX', string.format('%.0f', ms))
  end
end
return {by, free, now}
