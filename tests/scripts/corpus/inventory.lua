-- Takes several goods at once, or none of them.
--> HSET stock apple 3 pear 1
--> CALL 1 stock apple 2 pear 1
--> CALL 1 stock apple 2
--> CALL 1 stock plum 1
--> HGETALL stock
local missing = {}
for i = 1, #ARGV, 2 do
    local there = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or 0)
    if there < tonumber(ARGV[i + 1]) then
        missing[#missing + 1] = ARGV[i] .. ':' .. there
    end
end
if #missing > 0 then
    return {false, unpack(missing)}
end
local left = {}
for i = 1, #ARGV, 2 do
    left[#left + 1] = redis.call('HINCRBY', KEYS[1], ARGV[i], -ARGV[i + 1])
end
return {true, left}
