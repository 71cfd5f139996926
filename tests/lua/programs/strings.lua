-- Strings. One program per line.
return #'', #'abc', #'a\0b', 'a\0b' == 'a\0b', 'a\0b' < 'a\0c'
return ('abc'):upper(), ('ABC'):lower(), ('abc'):reverse(), ('ab'):rep(3), ('ab'):rep(0), ('ab'):rep(-1), ('x'):len()
return ('hello'):sub(2, 4), ('hello'):sub(-3), ('hello'):sub(2), ('hello'):sub(0), ('hello'):sub(10), ('hello'):sub(-100, 2), ('hello'):sub(3, 2)
return ('hello'):byte(), ('hello'):byte(2), ('hello'):byte(1, 3), ('hello'):byte(-1), ('hello'):byte(10), (''):byte()
return string.char(), string.char(72, 105), string.char(0, 255):byte(1, 2)
return string.char(256)
return string.char(-1)
return 'a' .. 'b' .. 'c', 1 .. '', 'x' .. 1.5, '' .. ''
return 'tab\tnew\nquote\"back\\', '\65\066\0677'
return [[long]], [==[with ]] inside]==]
return ('x'):format(), ('%s'):format('y'), ('%%'):format(), ('%q'):format('a\n"b"\\\0\r')
return string.format('%s', nil), string.format('%s', true), string.format('%s|%10s|%-10s|', 'a', 'b', 'c')
return string.format('%s')
return string.format('%d', 'x')
return string.format('%d', 1.5)
return string.format('%z', 1)
return string.format('%', 1)
return string.format('%123d', 1)
return string.format('%s', setmetatable({}, {__tostring = function() return 'mine' end}))
return string.format('%c%c%c', 76, 117, 97), string.format('%5c|', 65)
return tostring('x'), tostring(nil), tostring(true), tostring(12), type(tostring({})), type(tostring(error))
return ('abc'):find('b'), ('abc'):find('z'), ('abc'):find(''), ('abc'):find('', 4), ('abc'):find('', 5), ('a.c'):find('.', 1, true), ('abc'):find('c', -1)
return ('a+b'):find('+', 1, true), ('abcabc'):find('abc', 2), ('abc'):find('b', 10)
return rawequal('a' .. 'b', 'ab'), 'ab' == 'a' .. 'b'
return ('x'):nosuch()
return ('x').y, ('x').len
local s = 'x' s.y = 1
return ('%d items'):format(3), ('%s=%s'):rep(2, '&')
return #('x'):rep(1000), ('ab'):rep(3):sub(-2)
return string.len('x', 'y'), string.upper(12), string.rep(1, 3), string.reverse(123)
return string.len()
return string.upper(nil)
return string.sub()
return string.sub('x')
return string.rep('x')
return string.byte('x', 1, 1e9)
return table.concat({1, 2, 3}), table.concat({1, 2, 3}, ', '), table.concat({}, 'x'), table.concat({1, 2, 3}, '-', 2), table.concat({1, 2, 3}, '-', 2, 3), table.concat({1, 2, 3}, '-', 3, 2)
return table.concat({1, {}, 3})
return table.concat({1, 2}, 1, 1, 5)
return table.concat({'a', 'b'}, 0), table.concat({1.5, 2}, '')
return ('a,b,,c'):gsub(',', ';'), ('abc'):gsub('', '-'), ('abc'):gsub('b', ''), ('abc'):gsub('.', '%0%0')
return tostring(12):len(), (12 .. ''):rep(2)
return 'é' == '\195\169', #'é', ('é'):upper() == 'é'
return ('one two'):match('^(%w+)'), ('key = value'):match('^(%w+)%s*=%s*(%w+)$')
return loadstring('return "\\400"')
return loadstring('return "abc')
return loadstring('return [[abc')
