-- Renames the fields of a hash, whatever they hold.
--> HSET h first_name Ann last_name Lee age 5
--> CALL 1 h first_name first last_name last none x
--> HMGET h first last age first_name
local moved = {}
for i = 1, #ARGV, 2 do
    local value = redis.call('HGET', KEYS[1], ARGV[i])
    if value then
        redis.call('HSET', KEYS[1], ARGV[i + 1], value)
        redis.call('HDEL', KEYS[1], ARGV[i])
        moved[#moved + 1] = ('%s -> %s (%q)'):format(ARGV[i], ARGV[i + 1], value)
    end
end
return moved
