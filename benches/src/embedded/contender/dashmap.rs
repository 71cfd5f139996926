//! dashmap, as the map without eviction: what being a cache costs at all.

use std::hint::black_box;
use std::time::Duration;

use ahash::RandomState;
use dashmap::DashMap;

use super::{Contender, Key, Value};

pub(crate) struct Dashmap(DashMap<Key, Value, RandomState>);

impl Contender for Dashmap {
    fn new(_: usize, _: Option<Duration>) -> Self {
        Self(DashMap::with_hasher(RandomState::new()))
    }

    fn get(&self, key: &Key) -> bool {
        // The guard is read from while it is held, as it is meant to be.
        self.0
            .get(key)
            .inspect(|guard| {
                black_box(guard[0]);
            })
            .is_some()
    }

    fn insert(&self, key: Key, value: Value) {
        self.0.insert(key, value);
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
