-- Metatables. One program per line.
local t = setmetatable({}, {__index = function(t, k) return k .. '!' end}) return t.a, t[1], rawget(t, 'a')
local t = setmetatable({}, {__index = {a = 1}}) return t.a, t.b
local t = setmetatable({}, {__newindex = function(t, k, v) rawset(t, k, v * 2) end}) t.a = 5 return t.a
local s = {} local t = setmetatable({}, {__newindex = s}) t.a = 5 return rawget(t, 'a'), s.a
local m = {__add = function(a, b) return 'add' end, __sub = function() return 'sub' end, __mul = function() return 'mul' end, __div = function() return 'div' end, __mod = function() return 'mod' end, __pow = function() return 'pow' end, __unm = function() return 'unm' end} local t = setmetatable({}, m) return t + 1, 1 + t, t - 1, t * 1, t / 1, t % 1, t ^ 1, -t
local m = {__concat = function(a, b) return (type(a) == 'table' and 't' or a) .. '..' .. (type(b) == 'table' and 't' or b) end} local t = setmetatable({}, m) return t .. 'x', 'x' .. t, t .. t, 1 .. t, 'a' .. 'b' .. t
local m = {__eq = function() return true end} local a, b = setmetatable({}, m), setmetatable({}, m) return a == b, a ~= b, a == 1, rawequal(a, b)
local a, b = setmetatable({}, {__eq = function() return true end}), setmetatable({}, {__eq = function() return true end}) return a == b
local m = {__lt = function(a, b) return a.n < b.n end, __le = function(a, b) return a.n <= b.n end} local a, b = setmetatable({n = 1}, m), setmetatable({n = 2}, m) return a < b, a > b, a <= b, a >= b
local m = {__lt = function(a, b) return a.n < b.n end} local a, b = setmetatable({n = 1}, m), setmetatable({n = 2}, m) return a <= b, b <= a
local t = setmetatable({}, {__call = function(self, a, b) return a, b, self ~= nil end}) return t(1, 2)
local t = setmetatable({}, {__len = function() return 42 end}) return #t
local t = setmetatable({}, {__tostring = function() return 'me' end}) return tostring(t)
local t = setmetatable({}, {__tostring = function() return 5 end}) return tostring(t)
local t = setmetatable({}, {__tostring = function() return {} end}) return tostring(t)
local t = setmetatable({}, {__metatable = 'locked'}) return getmetatable(t)
setmetatable(setmetatable({}, {__metatable = 'locked'}), {})
return getmetatable({}), getmetatable(1), getmetatable(nil), getmetatable('x').__index == string
return setmetatable(1, {})
return setmetatable({}, 1)
return setmetatable({})
return getmetatable()
local A = {} A.__index = A function A.new(n) return setmetatable({n = n}, A) end function A:get() return self.n end return A.new(5):get()
local A = {} A.__index = A function A:hi() return 'A' end local B = setmetatable({}, {__index = A}) B.__index = B local b = setmetatable({}, B) return b:hi(), b.nope
local t = setmetatable({}, {__index = function(t, k) local v = k * 2 rawset(t, k, v) return v end}) return t[2], rawget(t, 2), rawget(t, 3)
local t = setmetatable({1, 2}, {__index = function() return 0 end}) return #t, t[3], ipairs(t)
local log = {} local t = setmetatable({}, {__index = function(_, k) log[#log + 1] = k end}) local _ = t.a, t.b return table.concat(log, ',')
local t = setmetatable({}, {__add = 5}) return t + 1
local t = setmetatable({}, {__index = 5}) return t.x
local t = setmetatable({}, {__call = 5}) return t()
local a = setmetatable({}, {__index = function() error('no field') end}) return a.x
local t = {} setmetatable(t, {__index = t}) return t.x
local t = setmetatable({}, {}) return setmetatable(t, nil) == t, getmetatable(t)
return {} < {}
return {} <= 1
return {} .. 'x'
local t = setmetatable({}, {__unm = function(a) return 'neg' end}) return -t
local m = {__index = function(t, k) return k end} local t = setmetatable({}, {__index = setmetatable({}, m)}) return t.deep
local t = setmetatable({}, {__mode = 'k'}) t[{}] = 1 collectgarbage() return next(t)
local t = setmetatable({}, {__mode = 'v'}) t.x = {} collectgarbage() return t.x
local p = setmetatable({}, {__newindex = function() error('frozen', 2) end}) p.x = 1
