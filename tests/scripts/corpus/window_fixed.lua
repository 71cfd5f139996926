-- Counts requests in a window that begins with the first.
--> CALL 1 rate:u 3 60
--> CALL 1 rate:u 3 60
--> CALL 1 rate:u 3 60
--> CALL 1 rate:u 3 60
--> CALL 1 rate:v 3 60
--> TTL rate:u
local count = redis.call('INCR', KEYS[1])
if count == 1 then
    redis.call('EXPIRE', KEYS[1], ARGV[2])
end
local limit = tonumber(ARGV[1])
if count > limit then
    return {err = 'LIMITED ' .. KEYS[1] .. ' has had ' .. limit}
end
return limit - count
