-- Counts requests of the last while, each by its moment.
--> CALL 1 log:u 1000 100 2 a
--> CALL 1 log:u 1050 100 2 b
--> CALL 1 log:u 1060 100 2 c
--> CALL 1 log:u 1110 100 2 d
--> ZRANGE log:u 0 -1 WITHSCORES
--> CALL 1 log:u 5000 100 2 e
--> ZCARD log:u
local now, window, limit = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - window)
local count = redis.call('ZCARD', KEYS[1])
if count >= limit then
    local oldest = redis.call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
    return {0, tostring(tonumber(oldest[2]) + window - now)}
end
redis.call('ZADD', KEYS[1], now, ARGV[4])
redis.call('PEXPIRE', KEYS[1], window)
return {1, limit - count - 1}
