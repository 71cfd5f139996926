-- Fills a bucket by the time that has passed, and takes tokens from it.
--> CALL 1 bucket 10 2 0 7
--> CALL 1 bucket 10 2 1 7
--> CALL 1 bucket 10 2 2.5 7
--> CALL 1 bucket 10 2 100 10
--> CALL 1 bucket 10 0.5 101 1
--> HGETALL bucket
local capacity, rate, now, wanted = unpack({tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])})
local state = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(state[1]) or capacity
local at = tonumber(state[2]) or now
tokens = math.min(capacity, tokens + math.max(0, now - at) * rate)
local allowed = tokens >= wanted
if allowed then
    tokens = tokens - wanted
end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('EXPIRE', KEYS[1], math.ceil(capacity / rate))
return {allowed and 1 or 0, string.format('%.2f', tokens), allowed}
