-- Takes a lock with a fencing number that grows with each owner.
--> CALL 2 lock fence alice 60000
--> CALL 2 lock fence bob 60000
--> CALL 2 lock fence alice 60000
--> DEL lock
--> CALL 2 lock fence bob 60000
--> GET fence
local owner = redis.call('GET', KEYS[1])
if owner and owner ~= ARGV[1] then
    return {0, owner}
end
if not owner then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX')
    redis.call('INCR', KEYS[2])
end
return {1, tonumber(redis.call('GET', KEYS[2]))}
