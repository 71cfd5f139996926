//! What one connection asked for at once. Changes are gathered meanwhile for those who track by prefix.

use std::cell::Cell;

use crate::shared::Shared;

thread_local! {
    /// How many cycles this thread is in: one inside of another while it is busy with a long command.
    static OPEN: Cell<usize> = const { Cell::new(0) };
}

/// Requests that came together, from the first to the last.
pub struct Cycle<'a>(&'a Shared);

impl<'a> Cycle<'a> {
    /// The first of them is about to run.
    pub fn begin(shared: &'a Shared) -> Self {
        OPEN.set(OPEN.get() + 1);
        Self(shared)
    }
}

impl Drop for Cycle<'_> {
    fn drop(&mut self) {
        OPEN.set(OPEN.get() - 1);
        self.0.tell_of_prefixes();
        self.0.mail.wake();
    }
}

/// Whether this thread is in one.
pub(super) fn is_open() -> bool {
    OPEN.get() > 0
}
