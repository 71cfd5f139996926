-- Finds the nearest driver that is free, and takes it.
--> GEOADD drivers 13.361389 38.115556 ann 15.087269 37.502669 bob
--> SADD busy ann
--> CALL 2 drivers busy 13.5 38.1
--> CALL 2 drivers busy 13.5 38.1
--> SMEMBERS busy
local found = redis.call('GEOSEARCH', KEYS[1], 'FROMLONLAT', ARGV[1], ARGV[2], 'BYRADIUS', 500, 'km', 'ASC', 'WITHDIST')
for _, one in ipairs(found) do
    if redis.call('SADD', KEYS[2], one[1]) == 1 then
        return {one[1], math.floor(one[2])}
    end
end
return {}
