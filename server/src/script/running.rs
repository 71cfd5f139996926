//! The script that runs, for whoever wants to know or to end it. Scripts lock the whole keyspace, so there is
//! one at a time.

use std::sync::Arc;

use scrubjay::sync::Mutex;
use scrubjay::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::cache::Script;
use crate::config::Identity;
use crate::error::Error;
use crate::shared::{self, Busy};

/// What runs.
#[derive(Debug, Clone)]
pub enum Program {
    /// A script that came with `EVAL` or `EVALSHA`.
    Script(Arc<Script>),
    /// A function of a library.
    Function {
        name: Box<[u8]>,
        /// The command by which it was called.
        command: Vec<Box<[u8]>>,
    },
}

/// Who asks for its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Killer {
    /// `SCRIPT KILL`.
    Script,
    /// `FUNCTION KILL`.
    Function,
}

/// The script that runs, if one does.
#[derive(Debug, Default)]
pub struct Running {
    program: Mutex<Option<Program>>,
    /// When it began, in nanoseconds of the store's clock.
    began: AtomicU64,
    /// Whether it has run a command that writes.
    wrote: AtomicBool,
    /// Whether it has to end.
    killed: AtomicBool,
}

impl Running {
    /// A script begins. It has ended when the guard is dropped.
    pub fn begin(&self, program: Program, now_nanos: u64) -> Guard<'_> {
        let mut running = self.program.lock();
        self.began.store(now_nanos, Relaxed);
        self.wrote.store(false, Relaxed);
        self.killed.store(false, Relaxed);
        *running = Some(program);
        Guard(Some(self))
    }

    /// What runs, and when it began, in nanoseconds of the store's clock.
    pub(crate) fn program(&self) -> Option<(Program, u64)> {
        let program = self.program.lock();
        program.as_ref().map(|program| (program.clone(), self.began.load(Relaxed)))
    }

    /// When it began, in nanoseconds of the store's clock.
    pub(crate) fn began_nanos(&self) -> u64 {
        self.began.load(Relaxed)
    }

    /// It is about to run a command that writes, and whether it may: not once it was killed.
    pub fn note_write(&self) -> bool {
        if self.has_written() {
            return true;
        }
        // Whoever kills it looks, under this lock, whether it has written.
        let _program = self.program.lock();
        let may = !self.is_killed();
        self.wrote.store(may, Relaxed);
        may
    }

    /// Whether it has run a command that writes.
    pub fn has_written(&self) -> bool {
        self.wrote.load(Relaxed)
    }

    /// Whether it has to end.
    pub fn is_killed(&self) -> bool {
        self.killed.load(Relaxed)
    }

    /// Ends it soon. `server` is who answers.
    ///
    /// # Errors
    /// When nothing runs, or what it has written forbids it.
    pub fn kill(&self, killer: Killer, server: Identity) -> Result<(), Error> {
        let program = self.program.lock();
        match (&*program, killer) {
            (None, _) => Err(Error::Text("NOTBUSY No scripts in execution right now.")),
            _ if self.has_written() => Err(Error::Text(
                "UNKILLABLE Sorry the script already executed write commands against the dataset. You can \
                 either wait the script termination or kill the server in a hard way using the SHUTDOWN \
                 NOSAVE command.",
            )),
            (Some(Program::Script(_)), Killer::Script)
            | (Some(Program::Function { .. }), Killer::Function) => {
                self.killed.store(true, Relaxed);
                Ok(())
            }
            (Some(Program::Script(_)), Killer::Function) => Err(shared::Program::Script.error(server)),
            (Some(Program::Function { .. }), Killer::Script) => Err(shared::Program::Function.error(server)),
        }
    }
}

/// Ends the record of a script.
pub struct Guard<'a>(Option<&'a Running>);

impl Guard<'_> {
    /// The script has ended, and whether somebody who killed it was told that it would: then it has to fail,
    /// though it may have come to its end by itself. Nobody who is told that nothing runs is told afterwards
    /// that the server is busy.
    pub fn finish(mut self, busy: &Busy) -> bool {
        busy.set(None);
        self.end()
    }

    fn end(&mut self) -> bool {
        let Some(running) = self.0.take() else { return false };
        let mut program = running.program.lock();
        *program = None;
        running.is_killed()
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
