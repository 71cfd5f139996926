-- Changes a document in place.
--> SET doc {"name":"x","tags":["a","b"],"n":1}
--> CALL 1 doc n 2
--> CALL 1 doc name 5.5
--> STRLEN doc
--> CALL 1 none a 1
local document = redis.call('GET', KEYS[1])
if not document then
    return redis.error_reply('NODOC there is none')
end
document = cjson.decode(document)
local before = document[ARGV[1]]
document[ARGV[1]] = tonumber(ARGV[2]) or ARGV[2]
redis.call('SET', KEYS[1], cjson.encode({document[ARGV[1]], #document.tags}))
redis.call('SET', KEYS[1], cjson.encode({name = document.name, tags = document.tags, n = document.n}), 'GET')
local kept = cjson.decode(redis.call('GET', KEYS[1]))
return {tostring(before), kept.name .. '', kept.tags, kept.n}
