-- Moves what is due from a sorted set to a list.
--> ZADD due 100 a 200 b 300 c 400 d
--> CALL 2 due ready 50 10
--> CALL 2 due ready 250 10
--> CALL 2 due ready 500 1
--> LRANGE ready 0 -1
--> ZRANGE due 0 -1
--> CALL 2 due ready 500 10
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, ARGV[2])
if #due == 0 then
    return false
end
redis.call('ZREM', KEYS[1], unpack(due))
redis.call('RPUSH', KEYS[2], unpack(due))
return due
