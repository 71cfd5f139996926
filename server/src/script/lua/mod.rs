//! Scripts in Lua 5.1, run by `luna-core`: the only part of the server that knows it.
//!
//! - [`sandbox`] makes a Lua that scripts cannot change (`prelude.lua`), with [`guard`]'s functions;
//! - [`server`] is the table `redis` through which a script asks for commands;
//! - [`replies`] makes Lua values of what commands answer, [`answers`] makes replies of what scripts return;
//! - [`register`] is what libraries of functions are loaded with;
//! - [`watch`] ends scripts that do not end by themselves, together with [`settle`];
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

mod current;

mod native;

mod register;

mod bit;

mod cjson;

mod cmsgpack;

mod random;

mod struct_;

use luna_core::runtime::Value;
use luna_core::vm::{HostRootTicket, Vm};

use self::answers::Names;
use self::current::{CALLING, ENDING, Ending, HOST, PROTOCOL};
use self::register::REGISTERED;
use self::sandbox::Entries;
use super::engine::{Call, Engine, FIRST_PROTOCOL, Fate, Host};
use super::functions::Function;

/// The name by which errors call a script.
const CHUNK: &[u8] = b"@user_script";
/// The name by which errors call a library.
const LIBRARY_CHUNK: &[u8] = b"@user_function";

/// A Lua machine: one per thread.
pub(crate) struct Lua {
    vm: Vm,
    entries: Entries,
    names: Names,
}

impl Lua {
    pub(crate) fn new() -> Self {
        let (mut vm, entries) = sandbox::open();
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

    /// Answers with the error that a script failed with, and says where.
    fn fail(&mut self, failure: Value, host: &mut dyn Host) {
        let mut line = Vec::new();
        let mut known = false;
        if let Value::Table(failure) = failure {
            let mut field = |name: &str| failure.get(Value::Str(self.vm.intern_str(name)));
            let (text, source, at) = (field("err"), field("source"), field("line"));
            known = field(replies::COUNTED).truthy();
            match text {
                Value::Str(text) => line.extend_from_slice(text.as_bytes()),
                _ => line.extend_from_slice(b"ERR unknown error"),
            }
            if let (Value::Str(source), Some(at)) = (source, native::number(at)) {
                line.extend_from_slice(b" script: on ");
                line.extend_from_slice(source.as_bytes());
                line.extend_from_slice(format!(":{at}.").as_bytes());
            }
        } else {
            line.extend_from_slice(b"ERR unknown error");
        }
        host.fail(&line, known);
    }
}

impl Engine for Lua {
    type Function = HostRootTicket;

    fn compile(&mut self, source: &[u8]) -> Result<HostRootTicket, Vec<u8>> {
        match self.vm.load_buffer(source, CHUNK, Some(b"t")) {
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

    fn load(
        &mut self,
        source: &[u8],
        host: &mut dyn Host,
    ) -> (Result<Vec<(Function, HostRootTicket)>, Vec<u8>>, Fate) {
        let chunk = match self.vm.load_buffer(source, LIBRARY_CHUNK, Some(b"t")) {
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
            (Some(Ending::Killed), _) => b"ERR FUNCTION LOAD timeout".to_vec(),
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
        watch::start(&mut self.vm);
        let vm = &mut self.vm;
        let ended = HOST.set(host, || vm.call_value(run, &[script, keys, arguments]));
        if CALLING.take() {
            panic!("a command that a script called has panicked");
        }
        match (ENDING.get(), ended.as_deref()) {
            (Some(Ending::Killed), _) => {
                let by: &[u8] = if run.raw_eq(self.entries.run) {
                    b"ERR Error running script: Script killed by user with SCRIPT KILL."
                } else {
                    b"ERR Script killed by user with FUNCTION KILL."
                };
                host.fail(by, false);
            }
            (Some(Ending::OutOfMemory), _) | (None, Err(_)) => {
                host.fail(b"ERR Error running script: not enough memory", false);
            }
            (None, Ok([Value::Bool(true), results @ ..])) => {
                answers::answer(&self.names, host, results.first().copied().unwrap_or(Value::Nil));
            }
            (None, Ok(results)) => self.fail(results.get(1).copied().unwrap_or(Value::Nil), host),
        }
        if ENDING.take().is_some() { Fate::Spent } else { Fate::Whole }
    }
}
