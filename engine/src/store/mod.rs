//! Many shards and threads: routing, locking, views, settling.

mod key;
mod view;

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::time::Clock;

pub use key::Key;
pub use view::{Deadline, Flush, Lookup, Meta, Scope, Text, View};

const SHARDS: usize = 16;

#[derive(Default)]
struct Shard {
    dbs: HashMap<u16, HashMap<Box<[u8]>, view::Record>>,
}

/// A keyspace of byte strings and Redis types, shared by threads.
pub struct Store {
    clock: Clock,
    shards: Vec<Mutex<Shard>>,
    hasher: ahash::RandomState,
}

impl Default for Store {
    fn default() -> Self {
        Self { clock: Clock::system(), shards: (0..SHARDS).map(|_| Mutex::default()).collect(), hasher: ahash::RandomState::new() }
    }
}

impl Store {
    /// Hashes a key of a database.
    pub fn key<'a>(&self, db: u16, bytes: &'a [u8]) -> Key<'a> {
        Key { db, hash: self.hasher.hash_one(bytes), bytes }
    }

    /// Locks what `scope` names, in ascending order, for one command at the moment `now` (ms since the epoch).
    pub fn view(&self, scope: Scope<'_>, now: u64) -> View<'_> {
        View::open(self, scope, now)
    }

    /// Where this store reads the time.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Evicts until the memory limit holds again with `bytes` more than now.
    ///
    /// # Errors
    /// When the limit is passed and the policy finds nothing to evict.
    pub fn make_room(&self, _now: u64, _bytes: usize) -> Result<(), crate::OutOfMemory> {
        Ok(())
    }

    fn shard_of(&self, hash: u64) -> usize {
        (hash >> 60) as usize % SHARDS
    }
}
