-- Counts days of presence in a row.
--> SETBIT days 0 1
--> SETBIT days 1 1
--> SETBIT days 2 1
--> SETBIT days 4 1
--> CALL 1 days 4
--> CALL 1 days 2
--> CALL 1 days 3
local day, streak = tonumber(ARGV[1]), 0
while day >= 0 and redis.call('GETBIT', KEYS[1], day) == 1 do
    streak = streak + 1
    day = day - 1
end
return {streak, redis.call('BITCOUNT', KEYS[1])}
