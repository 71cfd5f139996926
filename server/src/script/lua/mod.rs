//! Scripts in Lua 5.1, run by `luna-core`: the only part of the server that knows it.
//!
//! - [`sandbox`] makes a Lua that scripts cannot change (`prelude.lua`), with [`guard`]'s functions and
//!   [`bounds`]'s;
//! - [`server`] is the table `redis` through which a script asks for commands;
//! - [`replies`] makes Lua values of what commands answer, [`answers`] makes replies of what scripts return;
//! - [`register`] is what libraries of functions are loaded with;
//! - [`watch`] ends scripts that do not end by themselves, together with [`settle`] and [`coroutines`];
//! - [`current`] is how functions that Lua calls find what the server lent to the script;
//! - [`native`] reads their arguments;
//! - [`bit`], [`cjson`], [`cmsgpack`], [`random`] and [`struct_`] are libraries.

mod sandbox;

mod server;

mod replies;

mod answers;

mod watch;

mod settle;

mod guard;

mod bounds;

mod coroutines;

mod current;

mod native;

mod register;

mod bit;

mod cjson;

mod cmsgpack;

mod random;

mod struct_;

use std::borrow::Cow;

use luna_core::runtime::Value;
use luna_core::vm::{HostRootTicket, Vm};

use self::answers::Names;
use self::current::{CALLING, ENDING, Ending, HOST, PLACE, PROTOCOL};
use self::register::REGISTERED;
use self::sandbox::Entries;
use super::engine::{Call, Engine, FIRST_PROTOCOL, Fate, Host, Loaded};
use crate::config::Compat;

/// The name by which errors call a script.
const CHUNK: &[u8] = b"@user_script";
/// The name by which errors call a library.
const LIBRARY_CHUNK: &[u8] = b"@user_function";

/// A machine that holds more after a script gives back what nobody uses at once.
const KEPT_BYTES_MAX: usize = 4 << 20;

/// A Lua machine: one per thread.
pub(crate) struct Lua {
    vm: Vm,
    entries: Entries,
    names: Names,
}

impl Lua {
    /// One in which scripts see this server.
    pub(crate) fn new(compat: Compat) -> Self {
        let (mut vm, entries) = sandbox::open(compat);
        let names = Names::new(&mut vm);
        Self { vm, entries, names }
    }

    /// Some arguments of the call as a table.
    fn table<'a>(&mut self, arguments: impl Iterator<Item = &'a [u8]>) -> Value {
        let mut table = self.vm.new_table();
        for (index, argument) in arguments.enumerate() {
            table = table.with(index as i64 + 1, argument);
        }
        Value::Table(table.build())
    }

    /// Answers with the error that a script failed with, as the prelude tells it.
    fn fail(failure: &[Value], host: &mut dyn Host) {
        let field = |index: usize| failure.get(index).copied().unwrap_or(Value::Nil);
        let mut line = field(0).as_bytes().unwrap_or(b"ERR unknown error").to_vec();
        if let (Value::Str(source), Some(at)) = (field(1), native::number(field(2))) {
            line.extend_from_slice(&place(host));
            line.extend_from_slice(source.as_bytes());
            line.extend_from_slice(format!(":{at}.").as_bytes());
        }
        host.fail(&line, field(3).truthy());
    }
}

/// What stands in an error between what went wrong and where. Redis names the script, too.
fn place(host: &dyn Host) -> Vec<u8> {
    if host.compat().is_valkey() {
        return b" script: on ".to_vec();
    }
    [b" script: ", host.script_name().as_slice(), b", on "].concat()
}

/// A source that is not taken for a compiled one: that is no more than a wrong first letter.
fn text_only(source: &[u8]) -> Cow<'_, [u8]> {
    match source {
        [b'\x1b', ..] => Cow::Owned([b" ", source].concat()),
        _ => Cow::Borrowed(source),
    }
}

impl Engine for Lua {
    type Function = HostRootTicket;

    fn compile(&mut self, source: &[u8]) -> Result<HostRootTicket, Vec<u8>> {
        match self.vm.load_buffer(&text_only(source), CHUNK, Some(b"t")) {
            Ok(function) => Ok(self.vm.pin_host(function)),
            Err(error) => {
                let why = error.0.as_bytes().unwrap_or_default();
                Err([b"ERR Error compiling script (new function): ", why].concat())
            }
        }
    }

    fn release(&mut self, function: HostRootTicket) {
        // A function that is no longer there has been released already.
        let _ = self.vm.unpin(function);
    }

    fn load(&mut self, source: &[u8], host: &mut dyn Host) -> (Loaded<HostRootTicket>, Fate) {
        let chunk = match self.vm.load_buffer(&text_only(source), LIBRARY_CHUNK, Some(b"t")) {
            Ok(chunk) => chunk,
            Err(error) => {
                let why = error.0.as_bytes().unwrap_or_default();
                return (Err([b"ERR Error compiling function: ", why].concat()), Fate::Whole);
            }
        };
        REGISTERED.with_borrow_mut(Vec::clear);
        ENDING.set(None);
        watch::start(&mut self.vm);
        let (vm, load) = (&mut self.vm, self.entries.load);
        let ended = HOST.set(host, || vm.call_value(load, &[chunk]));
        let registered = REGISTERED.take();
        let fate = if ENDING.get().is_some() { Fate::Spent } else { Fate::Whole };
        let why = match (ENDING.take(), ended.as_deref()) {
            (None, Ok([Value::Bool(true), ..])) => return (Ok(registered), fate),
            (Some(Ending::Killed(why)), _) => why.as_bytes().to_vec(),
            (None, Ok([_, Value::Table(failure), ..])) => {
                let text = failure.get(Value::Str(self.vm.intern_str("err")));
                text.as_bytes().unwrap_or(b"ERR unknown error").to_vec()
            }
            _ => b"ERR not enough memory".to_vec(),
        };
        registered.into_iter().for_each(|(_, callback)| self.release(callback));
        (Err([b"ERR Error registering functions: ", why.as_slice()].concat()), fate)
    }

    fn call(&mut self, function: &HostRootTicket, call: Call<'_>, host: &mut dyn Host) -> Fate {
        self.enter(self.entries.run, function, call, host)
    }

    fn call_registered(&mut self, function: &HostRootTicket, call: Call<'_>, host: &mut dyn Host) -> Fate {
        self.enter(self.entries.call, function, call, host)
    }

    fn memory_bytes(&self) -> usize {
        self.vm.memory_used()
    }
}

impl Lua {
    /// Runs a function by way of one of the prelude's.
    fn enter(&mut self, run: Value, function: &HostRootTicket, call: Call<'_>, host: &mut dyn Host) -> Fate {
        let script = self.vm.read_host(*function).expect("invariant: a function lives until it is released");
        let args = || call.args.iter().skip(call.first_key);
        let keys = self.table(args().take(call.keys));
        let arguments = self.table(args().skip(call.keys));
        PROTOCOL.set(FIRST_PROTOCOL);
        ENDING.set(None);
        PLACE.take();
        watch::start(&mut self.vm);
        let vm = &mut self.vm;
        let ended = HOST.set(host, || vm.call_value(run, &[script, keys, arguments]));
        if CALLING.take() {
            panic!("a command that a script called has panicked");
        }
        match (ENDING.get(), ended.as_deref()) {
            (Some(Ending::Killed(why)), _) => {
                let mut line = why.as_bytes().to_vec();
                if let [at @ .., b':', b' '] | [at @ .., b':'] = PLACE.take().as_slice() {
                    line.extend_from_slice(&place(host));
                    line.push(b'@');
                    line.extend_from_slice(at);
                    line.push(b'.');
                }
                host.fail(&line, false);
            }
            (Some(Ending::OutOfMemory), _) | (None, Err(_)) => {
                host.fail(b"ERR Error running script: not enough memory", false);
            }
            (None, Ok([Value::Bool(true), results @ ..])) => {
                answers::answer(&self.names, host, results.first().copied().unwrap_or(Value::Nil));
            }
            (None, Ok(failure)) => Self::fail(failure.get(1..).unwrap_or_default(), host),
        }
        if ENDING.take().is_some() {
            return Fate::Spent;
        }
        if self.vm.memory_used() > KEPT_BYTES_MAX {
            self.vm.collect_garbage();
        }
        Fate::Whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{ArgBuffer, Reply};
    use crate::script::engine::Interrupt;

    /// A server that has no commands and kills a script when it has been asked so often.
    #[derive(Default)]
    struct Lone {
        reply: Reply,
        patience: Option<u32>,
    }

    impl Host for Lone {
        fn interrupt(&mut self) -> Interrupt {
            match &mut self.patience {
                None => Interrupt::GoOn,
                Some(0) => Interrupt::Kill("ERR killed"),
                Some(patience) => {
                    *patience -= 1;
                    Interrupt::GoOn
                }
            }
        }

        fn reply(&mut self) -> &mut Reply {
            &mut self.reply
        }

        fn fail(&mut self, error: &[u8], _: bool) {
            self.reply.error_line(error);
        }
    }

    /// What a script answers, with `arguments`, and what it has made of the machine.
    fn answer(lua: &mut Lua, script: &str, patience: Option<u32>, arguments: &[&str]) -> (String, Fate) {
        let function = match lua.compile(script.as_bytes()) {
            Ok(function) => function,
            Err(wrong) => return (String::from_utf8_lossy(&wrong).into_owned(), Fate::Whole),
        };
        let mut args = ArgBuffer::default();
        arguments.iter().for_each(|argument| args.push(argument.as_bytes()));
        args.finish();
        let args = args.get(0).expect("one request");
        let mut host = Lone { patience, ..Lone::default() };
        let fate = lua.call(&function, Call { args, first_key: 0, keys: 0 }, &mut host);
        let mut bytes = Vec::new();
        host.reply.output().copy_to(&mut bytes);
        if fate == Fate::Spent {
            *lua = Lua::new(Compat::Valkey91);
        } else {
            lua.release(function);
        }
        (String::from_utf8_lossy(&bytes).into_owned(), fate)
    }

    const KILLED: &str = "-ERR killed script: on @user_script:1.\r\n";
    const TOO_LARGE: &str = "-ERR Error running script: not enough memory\r\n";

    #[test]
    fn whatever_runs_away_is_caught() {
        const RUNAWAYS: &[&str] = &[
            "while true do end",
            "repeat until false",
            "for i = 1, 1e18 do end",
            "for _ in function() return 1 end do end",
            "local function f() return f() end f()",
            "local function f() f() f() end while true do pcall(f) end",
            "while true do pcall(function() while true do end end) end",
            "while true do pcall(error, 'x') end",
            "while true do pcall(pcall, pcall, error) end",
            "local function f() while true do pcall(f) end end f()",
            "while true do xpcall(function() error('x') end, function() while true do end end) end",
            "xpcall(function() while true do end end, function() while true do end end) while true do end",
            "while true do pcall(string.rep, 'x', 10) end",
            "coroutine.wrap(function() while true do end end)()",
            "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
            "while true do coroutine.wrap(function() end)() end",
            "while true do \
             pcall(coroutine.wrap(function() pcall(function() while true do end end) end)) \
             end",
            "local next = coroutine.wrap(function() while true do coroutine.yield() end end) \
             while true do next() end",
            "local function f() coroutine.wrap(f)() end while true do pcall(f) end",
            "local function f() local c = coroutine.create(f) coroutine.resume(c) while true do end end f()",
            "local function f() local c = coroutine.wrap(f) pcall(c) while true do end end f()",
            "local step = coroutine.wrap(function() while true do coroutine.yield() end end) \
             coroutine.wrap(function() while true do step() end end)()",
            "local step = coroutine.create(function() while true do coroutine.yield() end end) \
             coroutine.wrap(function() while true do coroutine.resume(step) end end)()",
            "coroutine.wrap(function() coroutine.wrap(function() end)() while true do end end)()",
            "coroutine.wrap(function() \
             pcall(coroutine.wrap(function() error('x') end)) while true do end \
             end)()",
            "table.sort({3, 2, 1}, function() while true do end end)",
            "while true do pcall(table.sort, {3, 2, 1}, function() while true do end end) end",
            "table.sort({3, 2, 1}, function() coroutine.wrap(function() while true do end end)() end)",
            "string.gsub('abc', '.', function() while true do end end)",
            "while true do pcall(string.gsub, 'abc', '.', function() while true do end end) end",
            "table.foreach({1}, function() while true do end end)",
            "local t = setmetatable({}, {__index = function(t, k) return t[k + 1] end}) \
             while true do pcall(function() return t[1] end) end",
            "local t = setmetatable({}, {__index = function() while true do end end}) return t.x",
            "local t = setmetatable({}, {__newindex = function() while true do end end}) t.x = 1",
            "local t = setmetatable({}, {__call = function() while true do end end}) t()",
            "local m = {} m.__concat = function() while true do end end \
             return setmetatable({}, m) .. setmetatable({}, m)",
            "local m = {} m.__lt = function() while true do end end \
             return setmetatable({}, m) < setmetatable({}, m)",
            "return tostring(setmetatable({}, {__tostring = function() while true do end end}))",
            "while true do loadstring('return 1')() end",
            "while true do load(function() end) end",
            "load(function() while true do end end)",
            "while true do redis.pcall('x') end",
            "while true do pcall(redis.call, 'x') end",
            "while true do setmetatable({}, {}) end",
        ];
        let mut lua = Lua::new(Compat::Valkey91);
        for script in RUNAWAYS {
            assert_eq!(answer(&mut lua, script, Some(2), &[]), (KILLED.into(), Fate::Spent), "{script}");
            assert_eq!(answer(&mut lua, "return 1", None, &[]), (":1\r\n".into(), Fate::Whole));
        }
    }

    #[test]
    fn whatever_grows_too_large_is_caught() {
        const GROWING: &[&str] = &[
            "local s = 'x' while true do s = s .. s end",
            "local s = 'x' while true do pcall(function() s = s .. s end) end",
            "local s = ('x'):rep(1e6) local t = {} while true do t[#t + 1] = s .. #t end",
            "local s = ('x'):rep(1e6) local t = {} \
             while true do pcall(function() t[#t + 1] = s .. #t end) end",
            "local t = {} while true do t[#t + 1] = {} end",
            "local t = {} while true do t[#t + 1] = coroutine.create(function() end) end",
            "local s = ('x'):rep(1e6) local t = {} \
             coroutine.wrap(function() while true do t[#t + 1] = s .. #t end end)()",
            "local s = ('x'):rep(1e6) local t = {} \
             coroutine.resume(coroutine.create(function() while true do t[#t + 1] = s .. #t end end)) \
             while true do end",
            "return ('x'):rep(1e9)",
            "return ('x'):rep(1e18)",
            "while true do pcall(string.rep, 'x', 1e9) end",
            "local s, t = ('x'):rep(1e6), {} for i = 1, 1e4 do t[i] = s end return table.concat(t)",
            "local s, t = ('x'):rep(1e6), {} for i = 1, 1e4 do t[i] = 'y' end return table.concat(t, s)",
            "local s = ('x'):rep(1e6) return (s:gsub('x', s))",
            "local s, t = ('x'):rep(1e6), {} for i = 1, 1e4 do t[i] = s end return cjson.encode(t)",
            "local s, t = ('x'):rep(1e6), {} for i = 1, 1e4 do t[i] = s end return cmsgpack.pack(t)",
            "local t = {'x'} for i = 1, 60 do t = {t, t} end return cjson.encode(t)",
            "local s = ('x'):rep(1e6) return (s:gsub('x', '%0' .. s))",
            "local s = ('x'):rep(1e6) return (s:gsub('x', function() return s end))",
            "local s = ('x'):rep(1e6) return (s:gsub('x', {x = s}))",
            "local s = ('x'):rep(1e7) local f, t = ('%s'):rep(200), {} \
             for i = 1, 200 do t[i] = s end return f:format(unpack(t))",
        ];
        let mut lua = Lua::new(Compat::Valkey91);
        for script in GROWING {
            assert_eq!(answer(&mut lua, script, None, &[]), (TOO_LARGE.into(), Fate::Spent), "{script}");
        }
        // What ends by itself leaves a machine that goes on.
        let script = "local s = ('x'):rep(1e7) for i = 1, 100 do local t = s .. i end return #s";
        assert_eq!(answer(&mut lua, script, None, &[]), (":10000000\r\n".into(), Fate::Whole));
    }
}
