-- Numbers: arithmetic, text, conversion. One program per line.
return 1, 1.0, -0.0, 1e15, 1e16, 1e100, 123456789012, 0.1, 1/3, 100 * 1.1
return 1/0, -1/0, 0/0 ~= 0/0, math.huge == 1/0
return 7 % 3, -7 % 3, 7 % -3, -7 % -3, 5.5 % 2, -5.5 % 2, 1 % 0 ~= 1 % 0
return 2^10, 2^0.5, 2^-1, (-2)^2, -2^2, 2^3^2
return 10 / 2, 7 / 2, 1e308 * 10, -1e308 * 10
return tostring(1e14), tostring(1e15), tostring(123456.789), tostring(1e-5), tostring(5e-324), tostring(2^53)
return tonumber('10'), tonumber(' 10 '), tonumber('0x10'), tonumber('1e2'), tonumber('.5'), tonumber('5.'), tonumber('-7')
return tonumber(''), tonumber(' '), tonumber('x'), tonumber('1 2'), tonumber('0x'), tonumber('1e'), tonumber('--1')
return tonumber('ff', 16), tonumber('zz', 36), tonumber('101', 2), tonumber('8', 8), tonumber('7', 8), tonumber('-ff', 16), tonumber(' 11 ', 2)
return tonumber(10, 10), tonumber('1.5', 10), tonumber(nil)
return '10' + 5, '0x10' + 0, '3' * '4', 10 .. 20, '2' ^ 3, -'2', '10' / '4', '7' % 4
return math.floor(3.7), math.floor(-3.7), math.ceil(3.2), math.ceil(-3.2), math.abs(-5), math.max(1, 3, 2), math.min(1, 3, 2)
return math.fmod(7, 3), math.fmod(-7, 3), math.fmod(7, -3), math.modf(3.7), math.modf(-3.7)
return math.sqrt(16), math.pow(2, 8), math.exp(0), math.log(1), math.log10(1000), math.sin(0), math.cos(0)
return math.deg(math.pi), math.rad(180) == math.pi, math.frexp(8), math.ldexp(0.5, 4)
return math.mod(7, 3), math.tan(0), math.atan2(1, 1) == math.pi / 4, math.cosh(0), math.sinh(0), math.tanh(0)
return 1 == 1.0, '1' == 1, 1 < 2, 'a' < 'b', 'a' < 'B', 'Z' < 'a', 'a' < 'aa', '' < 'a', '10' < '9'
return 0x10, 0xff, 0xA, 1e2, 1E+2, 1e-2, .5, 3.
return 9007199254740992 + 1, 9007199254740993, 2^53 + 1 == 2^53
return string.format('%d', 3.0), string.format('%5d|%-5d|%05d|%+d', 42, 42, 42, 42)
return string.format('%.3f %e %g %g', 1/3, 12345.678, 1e20, 0.0001)
return string.format('%x %X %o %c', 255, 255, 8, 65), string.format('%i', -5), string.format('%u', 5)
return string.format('%.14g', 0.1), string.format('%.17g', 0.1), string.format('%10.2f|%-10.2f|', 3.14159, 3.14159)
return string.format('%g', 100000), string.format('%g', 1000000), string.format('%g', 1e-5), string.format('%.0f', 0.5), string.format('%.0f', 1.5)
return string.format('%5.1f|%5s|%-5s|%.2s', 2.25, 'ab', 'ab', 'abcdef')
return 5 // 2
return 1 < 'x'
return {} + 1
return 'abc' + 1
return nil .. 'x'
return -{}
return #5
return math.floor('3.7'), math.floor('x')
return math.max()
return 1e15, 1e15 + 0.5, 123456789.123, 1e21, -1e21, 12345678901234567890
local s = 0 for i = 1, 10 do s = s + i end return s
local s = 0 for i = 10, 1, -3 do s = s + i end return s
local n = 0 for i = 1, 0 do n = n + 1 end return n
local n = 0 for i = 0, 1, 0.1 do n = n + 1 end return n
local n = 0 for i = 1, 3 do local j = i i = 10 n = n + j end return n
for i = 1, 'x' do end
for i = 'a', 2 do end
local r = {} for i = '1', '3' do r[#r + 1] = i end return #r
return tostring(-0.0), 0 == -0, 1/(-0.0), 3 - 3 == 0
return string.format('%d', '10'), string.format('%s %s', 1, 1.5), string.format('%s', 1e100)
return tostring(2^31), tostring(2^63), tostring(-2^63), 2^63 == 2^63 + 1
return 0.1 + 0.2 == 0.3, 0.1 + 0.2, 1 - 0.9, 3 * 0.1
return math.floor(-0.5), math.ceil(-0.5), math.floor(1e300) == 1e300
