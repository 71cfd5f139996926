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
        black_box(self.0.get(key).map(|guard| *guard)).is_some()
    }

    fn insert(&self, key: Key, value: Value) {
        self.0.insert(key, value);
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
