-- Sets a value if it is what the caller thinks.
--> CALL 1 k old new
--> SET k old
--> CALL 1 k old new
--> GET k
--> CALL 1 k old newer
--> DEL k
--> LPUSH k x
--> CALL 1 k old new
local present = redis.call('GET', KEYS[1])
if present == false then
    return redis.error_reply('ABSENT')
elseif present ~= ARGV[1] then
    return {err = 'CHANGED to ' .. present}
end
return redis.call('SET', KEYS[1], ARGV[2])
