//! The steps of [`Remote`](super::Remote) as scripts.
//!
//! Each runs on every server that has Lua: Redis, Valkey and Scrubjay of any age that is still in use. None
//! uses a command or an option that only one of them has, all keys are in KEYS, and those of one script are
//! in one slot. Time is the server's, so that no two clients need to agree on it. What they do to a record is
//! what [`record`](super::record) says; the tests run both against the same expectations.

use std::sync::OnceLock;

use redis::Script as Hashed;

/// A script, and its hash once it was needed.
pub(super) struct Script {
    code: &'static str,
    hashed: OnceLock<Hashed>,
}

impl Script {
    const fn new(code: &'static str) -> Self {
        Self { code, hashed: OnceLock::new() }
    }

    /// The text.
    pub(super) fn code(&self) -> &'static str {
        self.code
    }

    /// Its SHA-1, in hexadecimal digits.
    pub(super) fn hash(&self) -> &str {
        self.hashed.get_or_init(|| Hashed::new(self.code)).get_hash()
    }
}

/// What the scripts on records begin with: a record taken apart, and put together again.
macro_rules! on_records {
    ($body:literal) => {
        concat!(
            r"
local value = redis.call('GET', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
local head = value and string.match(value, '^[=%-?][^\n]*')
if head and string.sub(value, #head + 1, #head + 1) ~= '\n' then head = nil end
local function number(name)
  return tonumber(string.match(head, ' ' .. name .. '(%d+)')) or 0
end
local holder, is_over = false, true
if head then
  local token, till = string.match(head, ' l(%x+):(%d+)')
  if token and (left < 0 or left > tonumber(till)) then holder = token end
  is_over = string.sub(head, 1, 1) == '?' or (left >= 0 and left <= number('e'))
end
local function digits(number) return string.format('%.0f', number) end
local function put(record, ttl) redis.call('SET', KEYS[1], record, 'PX', digits(ttl)) end
local function put_lease(token, ttl)
  if is_over then return put('? l' .. token .. ':0\n', ttl) end
  local longer = math.max(ttl - left, 0)
  local ends = number('e') + longer
  local bare = string.gsub(string.gsub(head, ' l%x+:%d+', ''), ' e%d+', '')
  if ends > 0 then bare = bare .. ' e' .. digits(ends) end
  local till = left + longer - ttl
  put(bare .. ' l' .. token .. ':' .. digits(till) .. string.sub(value, #head + 1), left + longer)
end
",
            $body
        )
    };
}

/// KEYS: the key. ARGV: version, record, TTL in milliseconds. Whether it was put.
pub(super) static PUT_IF_NEWER: Script = Script::new(on_records!(
    r"
local old = head and string.match(head, ' n(%d+)')
local new = ARGV[1]
-- Versions of 64 bits do not fit into Lua's numbers: the one with fewer digits is the smaller one.
if old and (#old > #new or (#old == #new and old >= new)) then return 0 end
put(ARGV[2], tonumber(ARGV[3]))
return 1"
));

/// KEYS: the key. ARGV: token, TTL, ahead, both in milliseconds. 0 with what is fresh, 1 granted, 2 taken,
/// both with what is stale; a record comes with what is left of its key's life.
pub(super) static LEASE: Script = Script::new(on_records!(
    r"
local token, ttl, ahead = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
if not is_over and (left < 0 or left > number('e') + number('g') + ahead) then return {0, value, left} end
local answer = 2
if not holder or holder == token then
  answer = 1
  put_lease(token, ttl)
end
if is_over then return {answer} end
return {answer, value, left}"
));

/// KEYS: the key. ARGV: token, TTL in milliseconds. Whether it was held.
pub(super) static EXTEND_LEASE: Script = Script::new(on_records!(
    r"
if holder ~= ARGV[1] then return 0 end
put_lease(ARGV[1], tonumber(ARGV[2]))
return 1"
));

/// KEYS: the key. ARGV: token, record, TTL in milliseconds. Whether it was held.
pub(super) static FILL: Script = Script::new(on_records!(
    r"
if holder ~= ARGV[1] then return 0 end
put(ARGV[2], tonumber(ARGV[3]))
return 1"
));

/// KEYS: the key. ARGV: token. Whether it was held.
pub(super) static RELEASE: Script = Script::new(on_records!(
    r"
if holder ~= ARGV[1] then return 0 end
if is_over then
  redis.call('DEL', KEYS[1])
else
  local bare = string.gsub(head, ' l%x+:%d+', '')
  put(bare .. string.sub(value, #head + 1), left)
end
return 1"
));

/// KEYS: the key. ARGV: a value. How many were removed.
pub(super) static REMOVE_IF_EQUAL: Script = Script::new(
    r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])",
);

/// KEYS: a tag's. ARGV: a fresh generation, the TTL in milliseconds. The generation.
pub(super) static GENERATION: Script = Script::new(
    r"
local generation = redis.call('GET', KEYS[1])
if not generation then
  generation = ARGV[1]
  redis.call('SET', KEYS[1], generation, 'PX', ARGV[2])
elseif redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) / 2 then
  redis.call('PEXPIRE', KEYS[1], ARGV[2])
end
return generation",
);

/// KEYS: the key. ARGV: permits, the time between two of them in microseconds, the burst. Whether they were
/// given, how many remain, and after how many microseconds they could be had.
pub(super) static TAKE: Script = Script::new(
    r"
local permits, interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local horizon = now + interval * burst
local till = tonumber(redis.call('GET', KEYS[1]) or '0') or 0
till = math.min(math.max(till, now), horizon)
local wanted = till + interval * permits
if wanted > horizon then
  return {0, math.floor((horizon - till) / interval), wanted - horizon}
end
local ttl = math.max(math.ceil((wanted - now) / 1000), 1)
redis.call('SET', KEYS[1], string.format('%.0f', wanted), 'PX', string.format('%.0f', ttl))
return {1, math.floor((horizon - wanted) / interval), 0}",
);

/// KEYS: the lock, its fence. ARGV: token, TTL, how long the fence is kept, both in milliseconds. 1 and the
/// fence if it was taken, as text; or 0 and how many milliseconds it is another's.
pub(super) static LOCK: Script = Script::new(
    r"
if redis.call('EXISTS', KEYS[1]) == 1 then return {0, redis.call('PTTL', KEYS[1])} end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000000 + tonumber(time[2])
local last = tonumber(redis.call('GET', KEYS[2]) or '0') or 0
local fence = string.format('%.0f', math.max(last + 1, now))
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
redis.call('SET', KEYS[2], fence, 'PX', ARGV[3])
return {1, fence}",
);

/// KEYS: the lock. ARGV: token, TTL in milliseconds. Whether it was held.
pub(super) static EXTEND_LOCK: Script = Script::new(
    r"
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])",
);
