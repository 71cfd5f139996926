//! Scrubjay's own.

use std::hint::black_box;
use std::time::Duration;

use scrubjay::Cache;

use super::{Contender, Key, Value};

pub(crate) struct Scrubjay(Cache<Key, Value>);

impl Contender for Scrubjay {
    fn new(entries: usize, long: Option<Duration>) -> Self {
        let builder = Cache::builder().max_entries(entries as u64);
        Self(match long {
            Some(long) => builder.ttl(long).build(),
            None => builder.build(),
        })
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
