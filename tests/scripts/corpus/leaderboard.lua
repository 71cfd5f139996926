-- Adds to a score and tells the place, and who stands around.
--> CALL 1 board 10 ann 1
--> CALL 1 board 30 bob 1
--> CALL 1 board 20 cat 1
--> CALL 1 board 15 ann 1
--> CALL 1 board 0.5 dan 2
--> ZRANGE board 0 -1 REV WITHSCORES
redis.call('ZINCRBY', KEYS[1], ARGV[1], ARGV[2])
local rank = redis.call('ZREVRANK', KEYS[1], ARGV[2])
local around = tonumber(ARGV[3])
local first = math.max(0, rank - around)
local near = redis.call('ZREVRANGE', KEYS[1], first, rank + around, 'WITHSCORES')
local shown = {}
for i = 1, #near, 2 do
    shown[#shown + 1] = (first + (i + 1) / 2) .. '. ' .. near[i] .. ' ' .. near[i + 1]
end
return {rank + 1, shown}
