//! Where a run is: one line, rewritten on a terminal, in its own line elsewhere.

use std::fmt::Arguments;
use std::io::IsTerminal;
use std::time::Instant;

use crate::clock;

/// Counts the steps of a run on standard error.
pub(crate) struct Progress {
    /// How many there will be, if that is known.
    steps: Option<usize>,
    done: usize,
    start: Instant,
    is_terminal: bool,
}

impl Progress {
    /// A run of so many steps, or of nobody knows how many.
    pub(crate) fn new(steps: Option<usize>) -> Self {
        Self { steps, done: 0, start: clock::now(), is_terminal: std::io::stderr().is_terminal() }
    }

    /// Says which step begins.
    pub(crate) fn step(&mut self, what: Arguments<'_>) {
        self.done += 1;
        let elapsed = (clock::now() - self.start).as_secs();
        let of = self.steps.map_or_else(String::new, |steps| format!("/{steps}"));
        let line = format!("[{}{of}, {elapsed} s] {what}", self.done);
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
