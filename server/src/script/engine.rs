//! What the server asks of whoever runs scripts, and what a script asks of the server. Only `script/lua`
//! knows by what means scripts are run.

use super::functions::Function;
use crate::config::Compat;
use crate::resp::{Args, Protocol, Reply};

/// The functions that a library has registered, each with what is to be called, or why there are none.
pub(crate) type Loaded<F> = Result<Vec<(Function, F)>, Vec<u8>>;

/// A language, on one thread.
pub(crate) trait Engine {
    /// A script, ready to run on this thread. It is forgotten when it is dropped and
    /// [`release`](Engine::release) has been called.
    type Function;

    /// Compiles a script, or says what is wrong with it.
    fn compile(&mut self, source: &[u8]) -> Result<Self::Function, Vec<u8>>;

    /// Gives back what a function took.
    fn release(&mut self, function: Self::Function);

    /// Runs a function and answers the client with what it returns or fails with.
    fn call(&mut self, function: &Self::Function, call: Call<'_>, host: &mut dyn Host) -> Fate;

    /// Runs the code of a library, and returns what it registers, or the reply to what is wrong with it.
    fn load(&mut self, source: &[u8], host: &mut dyn Host) -> (Loaded<Self::Function>, Fate);

    /// Calls a function that a library has registered, likewise.
    fn call_registered(&mut self, function: &Self::Function, call: Call<'_>, host: &mut dyn Host) -> Fate;

    /// Bytes it holds.
    fn memory_bytes(&self) -> usize;
}

/// What a call has made of the engine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It is as it was before.
    Whole,
    /// It is good for nothing any more: the script was ended in the middle of something.
    Spent,
}

/// With what a script is called.
#[derive(Clone, Copy)]
pub(crate) struct Call<'a> {
    /// The whole request.
    pub(crate) args: Args<'a>,
    /// Where the keys begin.
    pub(crate) first_key: usize,
    /// How many arguments are keys; those behind them are the script's arguments.
    pub(crate) keys: usize,
}

/// What a script may ask for while it runs; by itself a host has no commands.
pub(crate) trait Host {
    /// Runs a command and writes its reply. Errors are part of the reply.
    fn call(&mut self, _args: Args<'_>, reply: &mut Reply) -> Called {
        reply.error_line(b"ERR Unknown command called from script");
        Called::Failed
    }

    /// Whether the client may run this command; nothing if there is none of this name.
    fn permits(&mut self, _args: Args<'_>) -> Option<bool> {
        None
    }

    /// Which server the script is on.
    fn compat(&self) -> Compat {
        Compat::Valkey91
    }

    /// What errors call the script.
    fn script_name(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Writes a line into the log.
    fn log(&mut self, _level: LogLevel, _text: &[u8]) {}

    /// Whether the script should go on. It is asked every now and then.
    fn interrupt(&mut self) -> Interrupt;

    /// Where the script's answer goes.
    fn reply(&mut self) -> &mut Reply;

    /// Writes an error into the answer. `known`: it was counted when it came up.
    fn fail(&mut self, error: &[u8], known: bool);
}

/// What became of a command that a script asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Called {
    /// It ran.
    Ran,
    /// It ran and failed, or was refused: the reply is an error, which has been counted.
    Failed,
}

/// Whether a script goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Interrupt {
    GoOn,
    /// It has to end, and this is why.
    Kill(&'static str),
}

/// How important a script finds what it logs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LogLevel {
    Debug,
    Verbose,
    Notice,
    Warning,
}

/// The protocol in which commands answer a script until it chooses.
pub(crate) const FIRST_PROTOCOL: Protocol = Protocol::Resp2;
