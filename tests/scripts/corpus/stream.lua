-- Appends to a stream unless the same was appended lately.
--> CALL 2 events seen 1-1 order 5
--> CALL 2 events seen 1-2 order 5
--> CALL 2 events seen 1-3 order 6
--> XRANGE events - +
local name = redis.sha1hex(table.concat(ARGV, '|', 2))
if redis.call('SADD', KEYS[2], name) == 0 then
    return redis.status_reply('DUPLICATE')
end
return redis.call('XADD', KEYS[1], ARGV[1], unpack(ARGV, 2))
