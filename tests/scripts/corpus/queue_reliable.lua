-- Takes a job, and remembers who has it until when.
--> RPUSH jobs a b c
--> HSET job:a tries 0
--> CALL 3 jobs active job: 1000 worker1 2
--> CALL 3 jobs active job: 1001 worker2 2
--> HGETALL job:a
--> ZRANGE active 0 -1 WITHSCORES
--> CALL 3 jobs active job: 1001 worker2 2
--> CALL 3 jobs active job: 1001 worker2 2
local id = redis.call('LPOP', KEYS[1])
if not id then
    return nil
end
local job = KEYS[3] .. id
local tries = redis.call('HINCRBY', job, 'tries', 1)
if tries > tonumber(ARGV[3]) then
    redis.call('HSET', job, 'state', 'dead')
    return {'dead', id}
end
redis.call('ZADD', KEYS[2], ARGV[1] + 30, id)
redis.call('HSET', job, 'owner', ARGV[2], 'state', 'active')
return {id, redis.call('HGETALL', job)}
