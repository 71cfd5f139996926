-- Makes a Lua that scripts cannot change, and returns what runs them. Its arguments are the functions that
-- are not written in Lua, and two tables to fill: what stands behind each protected table, and what scripts
-- are shown instead of a metatable.
local native, behind, shown = ...

local real = _G
local select, type, error, setmetatable, next = select, type, error, setmetatable, next
local pcall, xpcall, getinfo = pcall, xpcall, debug.getinfo
local setfenv, tostring = setfenv, tostring

-- What scripts see of the standard libraries: all else goes.
local seen = {}
for name in ([[
    _G _VERSION assert collectgarbage coroutine error gcinfo getmetatable ipairs load loadstring math next os
    pairs pcall rawequal rawget rawset select setmetatable string table tonumber tostring type unpack xpcall
    redis server cjson cmsgpack struct bit
]]):gmatch('%S+') do
    seen[name] = true
end
for name in next, real do
    if not seen[name] then
        real[name] = nil
    end
end
real.os = {clock = native.clock}
real.math.random = native.random
real.math.randomseed = native.randomseed
real.redis = native.server
real.server = native.server
for name, library in next, native.libraries do
    real[name] = library
end

-- The functions that could be used to get around the protection, or to outlive a kill.
for _, name in next, {'next', 'pairs', 'rawget', 'rawset', 'getmetatable', 'setmetatable'} do
    real[name] = native[name]
end
real.table.insert = native.insert
real.table.foreach = native.foreach

-- The functions that could make more than fits into memory.
real.string.rep = native.rep
real.string.format = native.format
real.table.concat = native.concat
real.string.gsub = native.make_gsub(string.gsub, function(table, key) return table[key] end)

local settle, settle_server = native.settle, native.settle_server

function real.pcall(...)
    if select('#', ...) == 0 then
        return false, 'attempt to call a boolean value'
    end
    return settle_server(pcall(...))
end

function real.xpcall(...)
    if select('#', ...) < 2 then
        error("bad argument #2 to 'xpcall' (value expected)", 2)
    end
    return settle(xpcall(...))
end

-- A coroutine counts its own instructions, so each has to be told what to do when it has run for a while.
local watch = native.watch
local function watched(body)
    return function(...)
        watch()
        return body(...)
    end
end
local create, resume, wrap, status = coroutine.create, coroutine.resume, coroutine.wrap, coroutine.status
real.coroutine.create, real.coroutine.resume, real.coroutine.wrap =
    native.coroutines(watched, create, resume, wrap, status)

-- Turns what a script failed with into a table with its place.
local function handler(failure)
    native.note(failure)
    local level = 2
    local place = getinfo(level, 'Sl')
    if place and place.what == 'C' then
        level = 3
        place = getinfo(level, 'Sl')
    end
    -- What is written here stands for functions that are not written in Lua elsewhere.
    while place and place.source == '=prelude' do
        level = level + 1
        place = getinfo(level, 'Sl')
    end
    if type(failure) ~= 'table' then
        failure = {err = 'ERR ' .. tostring(failure)}
    end
    if place then
        failure.source = place.source
        failure.line = place.currentline
    end
    return failure
end
real.__redis__err__handler = handler
real.__server__err__handler = native.is_valkey and handler or nil

-- Behind an empty table every read and every write can be seen; natives look up what is behind it.
local readonly = native.readonly
local function protect(table)
    local front = setmetatable({}, {__index = table, __newindex = readonly})
    behind[front] = table
    return front
end

for name, value in next, real do
    if type(value) == 'table' and value ~= real and name ~= 'server' then
        real[name] = protect(value)
    end
end
real.server = native.is_valkey and real.redis or nil
local front = protect(real)
real._G = front
setmetatable(real, {__index = native.missing})
shown[front] = protect({__index = native.missing})
shown.string = protect({__index = real.string})
setfenv(0, front)

-- What the functions of libraries see: the same without KEYS and ARGV. While a library is loaded it sees next to
-- nothing.
local functions = {}
for name, value in next, real do
    functions[name] = value
end
setmetatable(functions, {__index = native.missing})
local loading = setmetatable({}, {__index = native.missing})
local api = setmetatable({register_function = native.register_function}, {__index = native.missing})
for _, name in next, {
    'LOG_DEBUG', 'LOG_VERBOSE', 'LOG_NOTICE', 'LOG_WARNING', 'REDIS_VERSION', 'REDIS_VERSION_NUM', 'VALKEY_VERSION',
    'VALKEY_VERSION_NUM', 'SERVER_NAME',
} do
    api[name] = native.server[name]
end
loading.redis = protect(api)
loading.server = native.is_valkey and loading.redis or nil
local stage = {__index = functions, __newindex = readonly}
local library = setmetatable({}, stage)
behind[library] = functions
functions._G = library
shown[library] = shown[front]

-- Whether all went well, and then what was returned, or else what is said of the failure, where it came up, and
-- whether it has been counted.
local function unfold(ok, result)
    if ok or type(result) ~= 'table' then
        return ok, result
    end
    local text = result.err
    return false, type(text) == 'number' and tostring(text) or text, result.source, result.line,
        result.ignore_error_stats_update
end

local function run(script, keys, arguments)
    real.KEYS, real.ARGV = keys, arguments
    return unfold(xpcall(script, handler))
end

local function load(chunk)
    setfenv(chunk, library)
    stage.__index = loading
    local ok, failure = xpcall(chunk, handler)
    stage.__index = functions
    return ok, failure
end

local function call(callback, keys, arguments)
    return unfold(xpcall(function()
        return callback(keys, arguments)
    end, handler))
end

return run, load, call
