-- Pushes more than unpack takes at once, a chunk at a time.
--> CALL 1 list 3000 1000
--> LLEN list
--> LINDEX list 0
--> LINDEX list -1
local chunk, pushed = {}, 0
local function flush()
    if #chunk > 0 then
        pushed = redis.call('RPUSH', KEYS[1], unpack(chunk))
        chunk = {}
    end
end
for i = 1, tonumber(ARGV[1]) do
    chunk[#chunk + 1] = 'item:' .. i
    if #chunk == tonumber(ARGV[2]) then
        flush()
    end
end
flush()
return pushed
