-- Keeps a position unless what is known is newer: the rule of entry.yields.
-- ARGV: conversation, version, time in microseconds, the position as JSON,
-- milliseconds to live. Fields: c conversation, v version, a time, p position;
-- without p, versions up to v of c were dropped.
local old = redis.call('HMGET', KEYS[1], 'c', 'v', 'a', 'p')
if old[1] == ARGV[1] then
  local known, new = tonumber(old[2]), tonumber(ARGV[2])
  if new < known or (new == known and not old[4]) then return 0 end
elseif old[4] and tonumber(old[3]) > tonumber(ARGV[3]) then
  return 0
end
redis.call('HSET', KEYS[1], 'c', ARGV[1], 'v', ARGV[2], 'a', ARGV[3], 'p', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
