-- Takes from the first of several lists that has something.
--> RPUSH low l1 l2
--> RPUSH high h1
--> CALL 3 high middle low
--> CALL 3 high middle low
--> CALL 3 high middle low
--> CALL 3 high middle low
for i, key in ipairs(KEYS) do
    local item = redis.call('LPOP', key)
    if item then
        return {key, item, i, redis.call('LLEN', key)}
    end
end
return redis.status_reply('EMPTY')
