//! mini-moka: TinyLFU in front of LRU, with the hasher its documentation shows as the faster one.

use std::hint::black_box;
use std::time::Duration;

use ahash::RandomState;
use mini_moka::sync::{Cache, ConcurrentCacheExt};

use super::{Contender, Key, Value};

pub(crate) struct MiniMoka(Cache<Key, Value, RandomState>);

impl Contender for MiniMoka {
    fn new(entries: usize, long: Option<Duration>) -> Self {
        let builder = Cache::builder().max_capacity(entries as u64);
        let hasher = RandomState::new();
        Self(match long {
            Some(long) => builder.time_to_live(long).build_with_hasher(hasher),
            None => builder.build_with_hasher(hasher),
        })
    }

    fn get(&self, key: &Key) -> bool {
        black_box(self.0.get(key)).is_some()
    }

    fn insert(&self, key: Key, value: Value) {
        self.0.insert(key, value);
    }

    fn len(&self) -> usize {
        self.0.sync();
        self.0.entry_count() as usize
    }
}
