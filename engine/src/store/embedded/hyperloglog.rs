//! HyperLogLogs as an embedding program uses them.

use super::DB;
use crate::HllError;
use crate::store::{Key, Scope, Store};
use crate::types::hyperloglog;

/// The HyperLogLog at one key of a store: see [`Store::hyperloglog`].
#[derive(Debug, Clone, Copy)]
pub struct HyperLogLogHandle<'s, 'k> {
    store: &'s Store,
    key: Key<'k>,
}

impl Store {
    /// The HyperLogLog at `key`, whether it is there or not: it counts how many different elements it has
    /// seen, to within about one percent, in 12 KiB at most.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// let (monday, tuesday) = (store.hyperloglog("visitors:mon"), store.hyperloglog("visitors:tue"));
    /// assert!(monday.add(["alice", "bob", "alice"])?);
    /// tuesday.add(["bob", "carol"])?;
    /// assert_eq!(monday.count()?, 2);
    /// assert_eq!(monday.count_with(&["visitors:tue"])?, 3);
    /// # Ok::<_, scrubjay::HllError>(())
    /// ```
    pub fn hyperloglog<'s, 'k, K: AsRef<[u8]> + ?Sized>(&'s self, key: &'k K) -> HyperLogLogHandle<'s, 'k> {
        HyperLogLogHandle { store: self, key: self.key(DB, key.as_ref()) }
    }
}

/// Each method works at the moment of its call, is atomic, and has every side effect that a client's command
/// has.
impl HyperLogLogHandle<'_, '_> {
    /// Shows it elements; whether that has changed what it has seen.
    ///
    /// # Errors
    /// [`HllError`].
    pub fn add<T: AsRef<[u8]>>(&self, elements: impl IntoIterator<Item = T>) -> Result<bool, HllError> {
        let elements: Vec<T> = elements.into_iter().collect();
        let now = self.room()?;
        let mut view = self.store.view(Scope::Key(&self.key), now);
        view.hll_add(self.key, elements.iter().map(AsRef::as_ref))
    }

    /// How many different elements it has seen.
    ///
    /// # Errors
    /// [`HllError`].
    pub fn count(&self) -> Result<u64, HllError> {
        let mut view = self.store.view(Scope::Key(&self.key), self.store.clock().now());
        view.hll_count(&[self.key])
    }

    /// How many different elements it and those at other keys have seen together.
    ///
    /// # Errors
    /// [`HllError`].
    pub fn count_with<K: AsRef<[u8]>>(&self, others: &[K]) -> Result<u64, HllError> {
        let mut keys = self.store.keys(others);
        keys.insert(0, self.key);
        self.store.view(Scope::Keys(&keys), self.store.clock().now()).hll_count(&keys)
    }

    /// Shows it all that those at other keys have seen.
    ///
    /// # Errors
    /// [`HllError`]; nothing is changed then.
    pub fn merge<K: AsRef<[u8]>>(&self, others: &[K]) -> Result<(), HllError> {
        let now = self.room()?;
        let mut keys = self.store.keys(others);
        keys.insert(0, self.key);
        self.store.view(Scope::Keys(&keys), now).hll_merge(self.key, &keys[1..])
    }

    /// Makes room for one that is as large as they come.
    fn room(&self) -> Result<u64, HllError> {
        let now = self.store.clock().now();
        let bytes = self.key.bytes().len() + hyperloglog::BYTES_MAX;
        self.store.make_room(bytes, now)?;
        Ok(now)
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn counts_and_merges() {
        let store = Store::default();
        let (a, b) = (store.hyperloglog("a"), store.hyperloglog("b"));
        assert_eq!(a.count(), Ok(0));
        assert_eq!(a.add(["1", "2", "3"]), Ok(true));
        assert_eq!(a.add(["3"]), Ok(false));
        assert_eq!(b.add((0..20_000).map(|number: u32| number.to_le_bytes())), Ok(true));
        assert!(b.count().is_ok_and(|count| count.abs_diff(20_000) < 600));
        assert_eq!(a.merge(&["b", "none"]), Ok(()));
        assert_eq!(a.count(), a.count_with(&["b"]));
        store.set("text", "no such thing").expect("no limit");
        assert_eq!(a.merge(&["text"]), Err(HllError::NotHll));
        store.list("list").push_left(["x"]).expect("no limit");
        assert_eq!(store.hyperloglog("list").count(), Err(HllError::WrongType));
    }
}
