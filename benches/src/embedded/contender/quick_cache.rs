//! quick_cache: kin of S3-FIFO. It knows no deadlines.

use std::hint::black_box;
use std::time::Duration;

use quick_cache::sync::Cache;

use super::{Contender, Key, Value};

pub(crate) struct QuickCache(Cache<Key, Value>);

impl Contender for QuickCache {
    fn new(entries: usize, _: Option<Duration>) -> Self {
        Self(Cache::new(entries))
    }

    fn get(&self, key: &Key) -> bool {
        black_box(self.0.get(key)).is_some()
    }

    fn insert(&self, key: Key, value: Value) {
        self.0.insert(key, value);
    }

    fn len(&self) -> usize {
        self.0.len()
    }
}
