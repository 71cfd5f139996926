//! foyer's cache in memory, by its default policy and by S3-FIFO. It knows no deadlines.

use std::hint::black_box;
use std::time::Duration;

use ahash::RandomState;
use foyer_memory::{Cache, CacheBuilder, EvictionConfig, LruConfig, S3FifoConfig};

use super::{Contender, Key, Value};

/// One that hands out counted references to its entries.
pub(crate) struct Foyer<const IS_S3FIFO: bool>(Cache<Key, Value, RandomState>);

pub(crate) type Lru = Foyer<false>;
pub(crate) type S3Fifo = Foyer<true>;

impl<const IS_S3FIFO: bool> Contender for Foyer<IS_S3FIFO> {
    fn new(entries: usize, _: Option<Duration>) -> Self {
        let policy: EvictionConfig =
            if IS_S3FIFO { S3FifoConfig::default().into() } else { LruConfig::default().into() };
        let builder = CacheBuilder::new(entries).with_eviction_config(policy);
        Self(builder.with_hash_builder(RandomState::new()).build())
    }

    fn get(&self, key: &Key) -> bool {
        black_box(self.0.get(key).map(|entry| *entry.value())).is_some()
    }

    fn insert(&self, key: Key, value: Value) {
        self.0.insert(key, value);
    }

    fn len(&self) -> usize {
        self.0.entries()
    }
}
