//! The store as an embedding program uses it: strings by key, in database 0, at the moment of the call.
//!
//! Each method is one [`View`](super::View), so each is atomic, those on several keys too, and has every side
//! effect that a client's command has. What a view alone can do (other databases, several steps, other
//! moments) is not repeated here.

mod bitmap;
mod dump;
mod geo;
mod hash;
mod hyperloglog;
mod list;
mod set;
mod sorted_set;
mod stream;
mod transaction;
mod waiting;

pub use self::bitmap::BitmapHandle;
pub use self::geo::PlacesHandle;
pub use self::hash::HashHandle;
pub use self::hyperloglog::HyperLogLogHandle;
pub use self::list::ListHandle;
pub use self::set::SetHandle;
pub use self::sorted_set::SortedSetHandle;
pub use self::stream::{PendingEntry, StreamEntry, StreamHandle};

use std::time::Duration;

use super::{Deadline, Key, Lookup, Scope, Store, Text};
use crate::raw::shared::SharedBytes;
use crate::shard::change::Event;
use crate::time::Millis;
use crate::{OutOfMemory, WrongType};

/// The database that these methods work on.
const DB: u16 = 0;

impl Store {
    /// The value of `key`, to keep: a large one is shared with the store, a small one copied.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// store.set("greeting", "hello")?;
    /// let greeting = store.get("greeting")?.expect("just set");
    /// store.set("greeting", "good evening")?;
    /// assert_eq!(greeting, "hello"); // What was handed out stays as it was.
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a string.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<SharedBytes>, WrongType> {
        let key = self.key(DB, key.as_ref());
        let mut view = self.view(Scope::Key(&key), self.clock().now());
        let text = view.string(key, Lookup::Read)?;
        Ok(text.map(keep))
    }

    /// Lends the value of `key` to `read`, without a copy; what `read` returns, if the key was there.
    ///
    /// The key's shard is locked meanwhile: `read` must be quick, and must not use the store, which would
    /// wait for itself. If it panics the store stays as it was.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// store.set("answer", "42")?;
    /// let answer: Option<u32> = store.get_with("answer", |value| str::from_utf8(value).ok()?.parse().ok())?.flatten();
    /// assert_eq!(answer, Some(42));
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a string.
    pub fn get_with<R>(
        &self,
        key: impl AsRef<[u8]>,
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, WrongType> {
        let key = self.key(DB, key.as_ref());
        let mut view = self.view(Scope::Key(&key), self.clock().now());
        Ok(view.string(key, Lookup::Read)?.map(|text| read(&text)))
    }

    /// The values of several keys, all of one moment. What is not there, or is no string, is `None`.
    pub fn get_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> Vec<Option<SharedBytes>> {
        let keys = self.keys(keys);
        let mut view = self.view(Scope::Keys(&keys), self.clock().now());
        let get = |key: &Key<'_>| view.string(*key, Lookup::Read).ok()?.map(keep);
        keys.iter().map(get).collect()
    }

    /// Sets `key`, whatever was there, without a deadline.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the limit is reached and nothing can be evicted; nothing is changed then.
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), OutOfMemory> {
        self.set_many_until(&[(key, value)], Deadline::Clear, self.clock().now())
    }

    /// Sets `key` for as long as `ttl`, whatever was there. It expires to the millisecond, parts of one
    /// counting in full; with a `ttl` of zero it is gone at once.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the limit is reached and nothing can be evicted; nothing is changed then.
    pub fn set_for(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: Duration,
    ) -> Result<(), OutOfMemory> {
        let now = self.clock().now();
        self.set_many_until(&[(key, value)], Deadline::At(after(now, ttl)), now)
    }

    /// Sets several keys at once, without deadlines: nobody sees some of them changed and others not yet.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the limit is reached and nothing can be evicted; nothing is changed then.
    pub fn set_many<K, V>(&self, pairs: &[(K, V)]) -> Result<(), OutOfMemory>
    where
        K: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        self.set_many_until(pairs, Deadline::Clear, self.clock().now())
    }

    /// Sets several keys at once, for as long as `ttl`.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the limit is reached and nothing can be evicted; nothing is changed then.
    pub fn set_many_for<K, V>(&self, pairs: &[(K, V)], ttl: Duration) -> Result<(), OutOfMemory>
    where
        K: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let now = self.clock().now();
        self.set_many_until(pairs, Deadline::At(after(now, ttl)), now)
    }

    /// Sets `key` only if it is not there, for as long as `ttl` if one is given; whether it was set.
    ///
    /// With [`remove_if_equal`](Self::remove_if_equal) this makes a lock that ends by itself, should its
    /// holder not end it:
    ///
    /// ```
    /// # use std::time::Duration;
    /// # let store = scrubjay::Store::default();
    /// let ttl = Some(Duration::from_secs(5));
    /// assert!(store.set_if_absent("lock:1", "my token", ttl)?);
    /// assert!(!store.set_if_absent("lock:1", "another's token", ttl)?);
    /// assert!(!store.remove_if_equal("lock:1", "another's token"));
    /// assert!(store.remove_if_equal("lock:1", "my token"));
    /// # Ok::<_, scrubjay::OutOfMemory>(())
    /// ```
    ///
    /// # Errors
    /// [`OutOfMemory`] when the limit is reached and nothing can be evicted; nothing is changed then.
    pub fn set_if_absent(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: Option<Duration>,
    ) -> Result<bool, OutOfMemory> {
        let (now, value) = (self.clock().now(), value.as_ref());
        let key = self.key(DB, key.as_ref());
        self.make_room(key.bytes.len() + value.len(), now)?;
        let mut view = self.view(Scope::Key(&key), now);
        let absent = view.meta(key, Lookup::Write).is_none();
        if absent {
            let deadline = ttl.map_or(Deadline::Clear, |ttl| Deadline::At(after(now, ttl)));
            view.set(key, value, deadline, Event::Set);
        }
        Ok(absent)
    }

    /// Takes the value of `key` out of the store, as for a token that is good only once.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a string; it stays then.
    pub fn take(&self, key: impl AsRef<[u8]>) -> Result<Option<SharedBytes>, WrongType> {
        let key = self.key(DB, key.as_ref());
        let mut view = self.view(Scope::Key(&key), self.clock().now());
        let value = view.string(key, Lookup::Read)?.map(keep);
        view.remove(key, Event::Del);
        Ok(value)
    }

    /// Removes `key`; whether it was there.
    pub fn remove(&self, key: impl AsRef<[u8]>) -> bool {
        self.remove_many(&[key]) == 1
    }

    /// Removes several keys at once; how many were there.
    pub fn remove_many<K: AsRef<[u8]>>(&self, keys: &[K]) -> usize {
        let keys = self.keys(keys);
        let mut view = self.view(Scope::Keys(&keys), self.clock().now());
        keys.iter().filter(|key| view.remove(**key, Event::Del)).count()
    }

    /// Removes `key` if it holds just this value, as whoever gives a lock back does; whether it did.
    pub fn remove_if_equal(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> bool {
        let key = self.key(DB, key.as_ref());
        let mut view = self.view(Scope::Key(&key), self.clock().now());
        let text = view.string(key, Lookup::Write);
        let equal = matches!(text, Ok(Some(text)) if *text == *value.as_ref());
        equal && view.remove(key, Event::Del)
    }

    /// Whether `key` is there.
    pub fn contains(&self, key: impl AsRef<[u8]>) -> bool {
        let key = self.key(DB, key.as_ref());
        self.view(Scope::Key(&key), self.clock().now()).meta(key, Lookup::Peek).is_some()
    }

    /// Has `key` expire after `ttl` from now, whatever deadline it had; whether the key was there.
    pub fn expire(&self, key: impl AsRef<[u8]>, ttl: Duration) -> bool {
        let now = self.clock().now();
        let key = self.key(DB, key.as_ref());
        self.view(Scope::Key(&key), now).set_deadline(key, Some(after(now, ttl)), Event::Expire)
    }

    /// Takes the deadline of `key` away; whether it had one.
    pub fn persist(&self, key: impl AsRef<[u8]>) -> bool {
        let key = self.key(DB, key.as_ref());
        let mut view = self.view(Scope::Key(&key), self.clock().now());
        let had_one = view.meta(key, Lookup::Peek).is_some_and(|meta| meta.deadline.is_some());
        had_one && view.set_deadline(key, None, Event::Persist)
    }

    /// How long `key` will still be there: `None` when it is not there, `Some(None)` when it has no deadline.
    ///
    /// ```
    /// use std::time::Duration;
    /// use scrubjay::{Store, time::ManualClock};
    ///
    /// let clock = ManualClock::new(0);
    /// let store = Store::builder().clock(clock.clone()).build();
    /// store.set_for("session", "alice", Duration::from_secs(30))?;
    ///
    /// clock.advance(Duration::from_millis(29_999)); // Time passes when the test says so.
    /// assert_eq!(store.ttl("session").flatten(), Some(Duration::from_millis(1)));
    /// clock.advance(Duration::from_millis(1));
    /// assert_eq!(store.ttl("session"), None);
    /// # Ok::<_, scrubjay::OutOfMemory>(())
    /// ```
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Option<Option<Duration>> {
        let now = self.clock().now();
        let key = self.key(DB, key.as_ref());
        let meta = self.view(Scope::Key(&key), now).meta(key, Lookup::Peek)?;
        Some(meta.deadline.map(|deadline| Duration::from_millis(deadline.saturating_sub(now))))
    }

    /// How many keys there are in database 0, expired ones included that nobody has met yet. All locks are
    /// taken for it.
    pub fn len(&self) -> usize {
        self.view(Scope::All, self.clock().now()).len(DB).0
    }

    /// Whether there is no key in database 0.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Removes everything, from all databases.
    pub fn clear(&self) {
        self.view(Scope::All, self.clock().now()).flush(None, super::Flush::Sync);
    }

    fn keys<'a, K: AsRef<[u8]>>(&self, keys: &'a [K]) -> Vec<Key<'a>> {
        keys.iter().map(|key| self.key(DB, key.as_ref())).collect()
    }

    fn set_many_until<K, V>(
        &self,
        pairs: &[(K, V)],
        deadline: Deadline,
        now: Millis,
    ) -> Result<(), OutOfMemory>
    where
        K: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        self.make_room(
            pairs.iter().map(|(key, value)| key.as_ref().len() + value.as_ref().len()).sum(),
            now,
        )?;
        let keys: smallvec::SmallVec<[Key<'_>; 4]> =
            pairs.iter().map(|(key, _)| self.key(DB, key.as_ref())).collect();
        let mut view = self.view(Scope::Keys(&keys), now);
        for (key, (_, value)) in keys.iter().zip(pairs) {
            view.set(*key, value.as_ref(), deadline, Event::Set);
        }
        Ok(())
    }
}

/// The value, to keep after the locks are gone.
fn keep(text: Text<'_>) -> SharedBytes {
    text.shared().unwrap_or_else(|| SharedBytes::copy_from(&text))
}

/// A part of a millisecond counts in full: nothing is gone before its time.
fn after(now: Millis, ttl: Duration) -> Millis {
    let millis = ttl.as_nanos().div_ceil(1_000_000);
    now.saturating_add(u64::try_from(millis).unwrap_or(Millis::MAX))
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::time::ManualClock;

    #[test]
    fn a_deadline_is_given_kept_and_taken_away() {
        let clock = ManualClock::new(1_000);
        let store = Store::builder().clock(clock.clone()).shards(1).build();
        store.set_many_for(&[("a", "1"), ("b", "2")], Duration::from_micros(1)).expect("no limit");
        assert_eq!(store.ttl("a"), Some(Some(Duration::from_millis(1))));
        assert!(store.persist("a"));
        assert!(!store.persist("a"), "it has none");
        assert!(!store.persist("c"), "it is not there");
        assert!(!store.expire("c", Duration::MAX));
        assert!(store.expire("b", Duration::MAX), "as good as never");
        clock.advance(Duration::from_millis(1));
        assert_eq!((store.ttl("a"), store.contains("b")), (Some(None), true));
        assert!(store.expire("a", Duration::ZERO));
        assert!(!store.contains("a"), "gone at once");
        assert_eq!(store.stats().expired, 1);
    }

    #[test]
    fn a_value_is_taken_once() {
        let store = Store::default();
        let large = vec![7; 100_000];
        store.set("token", &large).expect("no limit");
        assert!(store.take("token").expect("a string").is_some_and(|value| value == large));
        assert_eq!(store.take("token"), Ok(None));
    }
}
