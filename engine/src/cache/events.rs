//! What a cache tells about entries that have left it.

use std::fmt;
use std::sync::Arc;

/// Why an entry has left the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cause {
    /// Another value was put in under its key.
    Replaced,
    /// It was removed: by its key, a predicate or a tag, or with all others.
    Invalidated,
    /// Its TTL or its time to idle was over.
    Expired,
    /// It had to make room, or would not fit at all.
    Evicted,
}

/// An entry that has left the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Removal<K, V> {
    /// Its key.
    pub key: K,
    /// Its value.
    pub value: V,
    /// Why it left.
    pub cause: Cause,
}

/// Who is told of every value that leaves.
pub(super) struct Listener<K, V>(Arc<dyn Fn(Removal<K, V>) + Send + Sync>);

impl<K, V> Listener<K, V> {
    pub(super) fn new(hear: impl Fn(Removal<K, V>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(hear))
    }

    pub(super) fn tell(&self, key: K, value: V, cause: Cause) {
        (self.0)(Removal { key, value, cause });
    }
}

impl<K, V> Clone for Listener<K, V> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K, V> fmt::Debug for Listener<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Listener(..)")
    }
}
