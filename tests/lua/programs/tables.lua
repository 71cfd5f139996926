-- Tables. One program per line.
local t = {10, 20, 30, x = 1} return #t, t[1], t[3], t[4], t.x, t['x'], t.y
local t = {} t[1] = 'a' t[2] = 'b' t[3] = nil return #t, t[1], t[2]
local t = {[1] = 'a', [2] = 'b', 'c'} return t[1], t[2], #t
local t = {f = function(self, x) return self.n + x end, n = 5} return t:f(3), t.f(t, 4)
local t = {1, 2, 3} table.insert(t, 4) table.insert(t, 1, 0) return table.concat(t, ','), #t
local t = {1, 2, 3} return table.remove(t), table.remove(t, 1), #t, table.concat(t, ','), table.remove({}), table.remove(t, 5)
local t = {3, 1, 2} table.sort(t) return table.concat(t, ',')
local t = {3, 1, 2} table.sort(t, function(a, b) return a > b end) return table.concat(t, ',')
local t = {'b', 'a', 'C'} table.sort(t) return table.concat(t, ',')
table.sort({1, 'a'})
table.sort({1, 2, 3}, function() error('in comparator') end)
local t = {} for i = 1, 100 do t[i] = (i * 37) % 101 end table.sort(t) for i = 2, 100 do if t[i - 1] > t[i] then return 'unsorted' end end return 'sorted'
return unpack({1, 2, 3}), unpack({1, 2, 3}, 2), select('#', unpack({}, 1, 3)), unpack({1, 2, 3}, 2, 2)
return (unpack({1, 2, 3}))
return select('#'), select('#', nil, nil), select(2, 'a', 'b', 'c'), select(-1, 'a', 'b'), select(5, 'a')
return select(0, 'a')
return select(-5, 'a')
return next({}), next({5}), next({a = 1}), type(next)
return next({}, 'nokey')
local t = {} for k, v in pairs({10, 20, a = 5}) do t[#t + 1] = tostring(k) .. '=' .. v end table.sort(t) return unpack(t)
local t = {} for i, v in ipairs({10, 20, nil, 40}) do t[#t + 1] = i .. '=' .. v end return unpack(t)
local t = {1, 2, 3, 4} for k in pairs(t) do t[k] = nil end return next(t)
local n = 0 for _ in pairs({nil, 1, nil, 2}) do n = n + 1 end return n
local t = {} t[1.0] = 'a' t[2^53] = 'b' t['1'] = 'c' return t[1], t['1'], t[2^53]
local t = {} t[nil] = 1
local t = {} t[0/0] = 1
local t = {} return t[nil], t[0/0]
return table.getn({1, 2}), table.maxn({1, 2, [10] = 1}), table.maxn({}), table.maxn({[1.5] = 1})
table.setn({}, 1)
local r = {} table.foreachi({5, 6}, function(i, v) r[#r + 1] = i * v end) return unpack(r)
return table.foreach({1, 2, 3}, function(k, v) if v == 2 then return 'found' end end)
return #{1, 2, nil}, #{nil}, #{n = 1}, #{'a', 'b', 'c'}
return rawget({5}, 1), rawset({}, 1, 2)[1], rawequal({}, {}), rawequal(1, 1)
local a = {} local b = a b.x = 1 return a.x, a == b, {} == {}
local t = {{1, 2}, {3, 4}} return t[2][1], #t, #t[1]
local t = {} t.a = {} t.a.b = {} t.a.b.c = 5 return t.a.b.c, t.a['b'].c
local t = {} return t.a.b
local t = {} t.a.b = 1
local t = {} t.f()
local t = {} t:m()
local t = {} return t.x.y.z
local t = {1, 2, 3} t[#t + 1] = 4 t[#t] = nil return #t
local t = {} for i = 1, 1000 do t[i] = i end for i = 1, 990 do t[i] = nil end local n = 0 for _ in pairs(t) do n = n + 1 end return n
local t = {} for i = 1, 10 do t['k' .. i] = i end local s = 0 for _, v in pairs(t) do s = s + v end return s
return table.insert({}, 1, 2, 3)
return table.insert({})
return table.insert(nil, 1)
return table.insert({}, 'x', 1)
return table.remove()
return table.concat()
return table.sort()
return ipairs()
return pairs()
return ipairs(nil)
return unpack()
return unpack(nil)
return type(table.sort), type(ipairs({})), select('#', ipairs({}))
local t = {1, 2, 3} table.insert(t, 2, 'x') return table.concat(t, ',')
local t = {1, 2, 3} table.insert(t, 5, 'x') return #t == 5 or #t == 3, t[5]
local t = {5, 4, 3} local u = {unpack(t)} u[1] = 0 return t[1], #u
return #{unpack({1, 2, 3}), unpack({1, 2, 3})}
local function f() return 1, 2, 3 end return {f(), f()}[4], #{f(), (f())}
