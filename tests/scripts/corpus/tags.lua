-- Deletes all keys that carry a tag.
--> MSET p1 a p2 b p3 c
--> SADD tag:red p1 p2 gone
--> SADD tag:blue p3
--> CALL 2 tag:red tag:none
--> EXISTS p1 p2 p3
--> KEYS tag:*
local deleted = 0
for _, tag in ipairs(KEYS) do
    for _, key in ipairs(redis.call('SMEMBERS', tag)) do
        deleted = deleted + redis.call('UNLINK', key)
    end
    redis.call('UNLINK', tag)
end
return deleted
