-- Keeps a user's sessions, of which the oldest goes when there are too many.
--> CALL 1 user:1 1 s1 2
--> CALL 1 user:1 2 s2 2
--> CALL 1 user:1 3 s3 2
--> EXISTS session:s1 session:s2 session:s3
--> CALL 1 user:1 4 s2 2
--> ZRANGE user:1 0 -1
local key = function(id) return 'session:' .. id end
redis.call('ZADD', KEYS[1], ARGV[1], ARGV[2])
redis.call('HSET', key(ARGV[2]), 'at', ARGV[1])
local gone = {}
while redis.call('ZCARD', KEYS[1]) > tonumber(ARGV[3]) do
    local oldest = redis.call('ZPOPMIN', KEYS[1])[1]
    redis.call('DEL', key(oldest))
    table.insert(gone, oldest)
end
return gone
