-- Makes a lock last longer, if it is still the caller's and lasts at all.
--> SET lock:a one PX 60000
--> CALL 1 lock:a two 1000 0
--> CALL 1 lock:a one 1000 0
--> PERSIST lock:a
--> CALL 1 lock:a one 1000 1
--> CALL 1 lock:none one 1000 0
if redis.call('get', KEYS[1]) ~= ARGV[1] then
    return 0
end
local left = redis.call('pttl', KEYS[1])
if left < 0 then
    return redis.error_reply('NOTTL the lock lasts for ever')
end
local wanted = tonumber(ARGV[2])
if ARGV[3] == '0' then
    wanted = wanted + left
end
redis.call('pexpire', KEYS[1], wanted)
return wanted > 1000 and 'longer' or 'anew'
