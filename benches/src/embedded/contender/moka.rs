//! moka and mini-moka: TinyLFU in front of LRU, with the hasher their documentation shows as the faster one.
//! Two crates whose types have nothing in common but the names of their methods.

use std::hint::black_box;
use std::time::Duration;

use ahash::RandomState;
use mini_moka::sync::ConcurrentCacheExt;

use super::{Contender, Key, Value};

/// An adapter to the cache of a library, which counts right after it was told to `settle`.
macro_rules! contender {
    ($name:ident, $library:ident, $settle:ident) => {
        pub(crate) struct $name($library::sync::Cache<Key, Value, RandomState>);

        impl Contender for $name {
            fn new(entries: usize, long: Option<Duration>) -> Self {
                let builder = $library::sync::Cache::builder().max_capacity(entries as u64);
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
                self.0.$settle();
                self.0.entry_count() as usize
            }
        }
    };
}

contender!(Moka, moka, run_pending_tasks);
contender!(MiniMoka, mini_moka, sync);
