-- Removes a position of at most version ARGV[1] and remembers for ARGV[2]
-- milliseconds that it went.
local known = redis.call('HGET', KEYS[1], 'v')
if not known or tonumber(known) > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'v', ARGV[1])
redis.call('HDEL', KEYS[1], 'a', 'p')
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
