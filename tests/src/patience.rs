//! Waiting. Tests assert no timings; they wait until something is so, or give up after a generous while.

use std::time::{Duration, Instant};

/// How long a test waits for what should come at once, on a machine that may be very busy.
pub const GENEROUS: Duration = Duration::from_secs(20);

/// A moment after which waiting ends.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// The moment `wait` from now.
    #[expect(clippy::disallowed_methods, reason = "tests of running servers need the real clock")]
    pub fn after(wait: Duration) -> Self {
        Self(Instant::now() + wait)
    }

    /// What is left of the wait; zero once it is over.
    #[expect(clippy::disallowed_methods, reason = "tests of running servers need the real clock")]
    pub fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    /// Whether the wait is over.
    pub fn is_over(self) -> bool {
        self.left().is_zero()
    }
}

/// Does nothing for a while.
#[expect(clippy::disallowed_methods, reason = "the other process has no channel to wait on")]
pub fn pause(wait: Duration) {
    std::thread::sleep(wait);
}

/// Asks again and again until there is an answer; `None` when there was none for `wait`.
pub fn poll<T>(wait: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let deadline = Deadline::after(wait);
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if deadline.is_over() {
            return None;
        }
        pause(Duration::from_millis(2));
    }
}
