-- Gives back the jobs whose owners have been silent for too long.
--> ZADD active 100 a 200 b 300 c
--> CALL 2 active jobs 250
--> LRANGE jobs 0 -1
--> ZCARD active
--> CALL 2 active jobs 250
local moved = 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], 0, ARGV[1])) do
    if redis.call('ZREM', KEYS[1], id) == 1 then
        redis.call('LPUSH', KEYS[2], id)
        moved = moved + 1
    end
end
return moved
