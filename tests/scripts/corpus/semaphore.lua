-- Lets so many in at a time; who has not left in time is put out.
--> CALL 1 sem 2 100 10 a
--> CALL 1 sem 2 100 11 b
--> CALL 1 sem 2 100 12 c
--> CALL 1 sem 2 100 111 c
--> ZRANGE sem 0 -1 WITHSCORES
local limit, timeout, now = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('zremrangebyscore', KEYS[1], 0, '(' .. now - timeout + 1)
if redis.call('zcard', KEYS[1]) < limit then
    redis.call('zadd', KEYS[1], now, ARGV[4])
    return ARGV[4]
end
return nil
