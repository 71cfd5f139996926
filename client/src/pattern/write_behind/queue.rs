//! Writes that wait, how they are queued, and what becomes of those that the database does not take.

use std::fmt;
use std::time::Duration;

/// A write on its way to the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write<V> {
    /// The key, without the prefix.
    pub key: String,
    /// Its value; none: it is deleted.
    pub value: Option<V>,
}

/// How writes are queued. Each parameter has a default; the methods are named as the fields.
#[derive(Debug, Clone)]
pub struct Queue {
    pub(super) capacity: usize,
    pub(super) batch: usize,
    pub(super) linger: Duration,
    pub(super) backoff: (Duration, Duration),
    pub(super) give_up_after: Option<u32>,
    pub(super) last_tries: u32,
}

impl Queue {
    /// The defaults.
    pub fn new() -> Self {
        Self {
            capacity: 10_000,
            batch: 100,
            linger: Duration::from_millis(50),
            backoff: (Duration::from_millis(50), Duration::from_secs(5)),
            give_up_after: None,
            last_tries: 3,
        }
    }

    /// How many keys may wait, at least one. Default 10 000.
    #[must_use]
    pub fn capacity(mut self, keys: usize) -> Self {
        self.capacity = keys.max(1);
        self
    }

    /// How many writes the database gets at once at most, at least one. Default 100.
    #[must_use]
    pub fn batch(mut self, writes: usize) -> Self {
        self.batch = writes.max(1);
        self
    }

    /// How long a write waits for others to make a batch with. Default 50 ms.
    #[must_use]
    pub fn linger(mut self, linger: Duration) -> Self {
        self.linger = linger;
        self
    }

    /// The pauses after a batch was refused: `first`, then twice as long each time up to `max`, up to half of
    /// each taken off by chance. Default 50 ms and 5 s.
    #[must_use]
    pub fn backoff(mut self, first: Duration, max: Duration) -> Self {
        self.backoff = (first, max);
        self
    }

    /// A batch that was refused so often is given up: it is handed over by
    /// [`lost`](super::WriteBehind::lost). Default: never.
    #[must_use]
    pub fn give_up_after(mut self, tries: u32) -> Self {
        self.give_up_after = Some(tries.max(1));
        self
    }

    /// How often a batch is tried once [`shutdown`](super::WriteBehind::shutdown) was called. Default 3.
    #[must_use]
    pub fn last_tries(mut self, tries: u32) -> Self {
        self.last_tries = tries.max(1);
        self
    }
}

impl Default for Queue {
    fn default() -> Self {
        Self::new()
    }
}

/// What did not reach the database.
#[derive(Debug)]
#[non_exhaustive]
pub struct Lost<V, E> {
    /// The writes, of each key the last.
    pub writes: Vec<Write<V>>,
    /// What the database said last; none if storing panicked.
    pub error: Option<E>,
}

impl<V, E: fmt::Display> fmt::Display for Lost<V, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} writes did not reach the database", self.writes.len())?;
        match &self.error {
            Some(error) => write!(f, ": {error}"),
            None => f.write_str(": storing them panicked"),
        }
    }
}

impl<V: fmt::Debug, E: std::error::Error + 'static> std::error::Error for Lost<V, E> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.as_ref().map(|error| error as _)
    }
}

/// A write to a queue that was shut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the queue was shut down")
    }
}

impl std::error::Error for Closed {}
