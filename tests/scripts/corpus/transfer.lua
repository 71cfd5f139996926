-- Moves money between accounts.
--> MSET ann 100 bob 5
--> CALL 2 ann bob 30
--> CALL 2 ann bob 300
--> CALL 2 ann nobody 1
--> CALL 2 ann bob x
--> MGET ann bob
local amount = tonumber(ARGV[1])
if not amount or amount <= 0 then
    return redis.error_reply('AMOUNT is no amount: ' .. ARGV[1])
end
local from, to = redis.call('GET', KEYS[1]), redis.call('GET', KEYS[2])
assert(from and to, 'no such account')
if tonumber(from) < amount then
    return {err = 'FUNDS ' .. from .. ' is less than ' .. amount}
end
return {redis.call('DECRBY', KEYS[1], amount), redis.call('INCRBY', KEYS[2], amount)}
