-- Adds to several counters, none below nought.
--> CALL 3 a b c 5 3 -1
--> MGET a b c
--> CALL 3 a b c -2 -3 4
--> MGET a b c
local changed, present = {}, redis.call('MGET', unpack(KEYS))
for i, key in ipairs(KEYS) do
    changed[i] = (tonumber(present[i]) or 0) + tonumber(ARGV[i])
    if changed[i] < 0 then
        return redis.error_reply(('BELOW %s would be %d'):format(key, changed[i]))
    end
end
for i, key in ipairs(KEYS) do
    redis.call('SET', key, changed[i])
end
return changed
