-- Functions, varargs, closures, scopes and control. One program per line.
local function f(...) return select('#', ...), ... end return f(), f(nil), f(1, nil, 3)
local function f(...) local a, b = ... return a, b end return f(1), f(1, 2, 3)
local function f(...) return {...} end return #f(1, 2, 3), f(5)[1]
local function f(a, ...) return a, select('#', ...) end return f(1, 2, 3)
local function f(...) local n = 0 for _, v in ipairs({...}) do n = n + v end return n end return f(1, 2, 3)
local function f(...) return (...) end return f(1, 2), select('#', f())
local function g(...) return ... end return g(1, 2), g(3, 4)
return (function(...) return ... end)(1, 2, 3)
return (function(...) return arg and arg.n end)(1, 2)
local function c() local n = 0 return function() n = n + 1 return n end end local a, b = c(), c() return a(), a(), b()
local fs = {} for i = 1, 3 do fs[i] = function() return i end end return fs[1](), fs[2](), fs[3]()
local fs = {} local i = 1 while i <= 3 do local j = i fs[i] = function() j = j + 1 return j end i = i + 1 end return fs[1](), fs[1](), fs[2]()
local x = 1 do local x = 2 end return x
local x = 1 local function f() return x end x = 2 return f()
local function fact(n) return n <= 1 and 1 or n * fact(n - 1) end return fact(10)
local function loop(n) if n == 0 then return 'done' end return loop(n - 1) end return loop(100000)
local function even(n) local odd if n == 0 then return true end return not (n == 1) and even(n - 2) end return even(10), even(7)
local a, b, c = 1, 2 return a, b, c
local a, b = 1, 2 a, b = b, a return a, b
local t = {} local i = 1 i, t[i] = i + 1, 20 return i, t[1], t[2]
local function f() return 1, 2, 3 end local a, b, c, d = f() return a, b, c, d
local function f() return 1, 2 end local a, b, c = 0, f() return a, b, c
local function f() return 1, 2 end local a, b, c = f(), 10 return a, b, c
return nil and 1, false or 'x', nil or false, 1 and 2, not nil, not 0, not ''
return 1 and nil or 3, false == nil, nil == nil
if nil then return 1 elseif false then return 2 else return 3 end
local i = 0 repeat local done = i >= 3 i = i + 1 until done return i
local i = 0 while true do i = i + 1 if i > 5 then break end end return i
local n = 0 for i = 1, 10 do if i % 2 == 0 then n = n + i end end return n
for i = 1, 3 do for j = 1, 3 do if i * j == 4 then return i, j end end end
local function iter(s, c) if c < s then return c + 1 end end local n = 0 for i in iter, 3, 0 do n = n + i end return n
for i in 5 do end
for i in nil do end
local function f(a, b) return a, b end return f(1), f(1, 2, 3), (f(1, 2))
return type(nil), type(1), type('x'), type({}), type(type), type(true), type(coroutine.create(function() end))
return type()
local s = '' for _, w in ipairs({'a', 'b'}) do s = s .. w end return s
local a <close> = 1
goto x
return loadstring('return 1 + 1')(), loadstring('x ='), loadstring('return ...')(7)
return loadstring('local a = 1 return a')(), (loadstring('return'))()
return load(function() return nil end)
local parts = {'return ', '5', nil} local i = 0 return load(function() i = i + 1 return parts[i] end)()
return loadstring('error("in chunk")', '=chunk')()
return loadstring('error("in chunk")', '@file.lua')()
return loadstring('error("in chunk")')()
return pcall(loadstring('local x = nil; return x.y', '=c'))
return loadstring('return 1', 5)
local function f() return f end return f()()() == f
return ((1))
local t = {n = 0} function t.inc() t.n = t.n + 1 return t.n end return t.inc(), t.inc()
local t = {a = {}} function t.a.f(x) return x end function t.a:g() return self == t.a end return t.a.f(3), t.a:g()
return tostring(1) == '1', tostring(nil) .. 'x', (tostring(12.50))
return #'abc' + 1, -2 ^ 2, not 1 == 2, 1 .. 2 == '12', 2 * 3 + 4 * 5, 2 + 3 .. ''
return 1 < 2 == true, 'a' .. 'b' == 'ab', 2^2^3, -3 % 5, (2 + 3) * 4
do return 'early' end
local function f(...) local a <const> = 1 end
return (function() local a, b = 1 return b end)()
local x = 5 local x = x + 1 return x
local f f = function(n) if n > 0 then return f(n - 1) end return 'end' end return f(10)
