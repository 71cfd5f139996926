-- Gives a lock back, if it is still the caller's.
--> SET lock:a one
--> CALL 1 lock:a two
--> CALL 1 lock:a one
--> CALL 1 lock:a one
--> EXISTS lock:a
if redis.call('GET', KEYS[1]) == ARGV[1] then
    return redis.call('DEL', KEYS[1])
end
return 0
