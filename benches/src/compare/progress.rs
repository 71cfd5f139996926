//! Where a run is: one line, rewritten on a terminal, in its own line elsewhere.

use std::fmt::Arguments;
use std::io::IsTerminal;
use std::time::Instant;

use crate::clock;

/// Counts the steps of a run on standard error.
pub(crate) struct Progress {
    steps: usize,
    done: usize,
    start: Instant,
    is_terminal: bool,
}

impl Progress {
    pub(crate) fn new(steps: usize) -> Self {
        Self { steps, done: 0, start: clock::now(), is_terminal: std::io::stderr().is_terminal() }
    }

    /// Says which step begins.
    pub(crate) fn step(&mut self, what: Arguments<'_>) {
        self.done += 1;
        let elapsed = (clock::now() - self.start).as_secs();
        let line = format!("[{}/{}, {elapsed} s] {what}", self.done, self.steps);
        if self.is_terminal {
            eprint!("\r\x1b[K{line}");
        } else {
            eprintln!("{line}");
        }
    }

    /// Leaves the terminal on a line of its own.
    pub(crate) fn finish(&self) {
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
    }
}
