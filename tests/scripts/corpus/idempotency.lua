-- Does a thing once per name, and gives the first answer again.
--> CALL 2 once:1 account 5
--> CALL 2 once:1 account 5
--> CALL 2 once:2 account 7
--> CALL 2 once:3 account x
--> EXISTS once:3
--> GET account
local before = redis.call('GET', KEYS[1])
if before then
    return {'again', before}
end
local answer = redis.pcall('INCRBY', KEYS[2], ARGV[1])
if type(answer) == 'table' and answer.err then
    return answer
end
redis.call('SETEX', KEYS[1], 3600, answer)
return {'first', answer}
