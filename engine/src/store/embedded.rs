//! The store as an embedding program uses it: strings by key, in database 0, at the moment of the call.
//!
//! Each method is one [`View`](super::View), so each is atomic, those on several keys too, and has every side effect that a
//! client's command has.

use std::time::Duration;

use super::{Deadline, Key, Lookup, Scope, Store};
use crate::raw::shared::SharedBytes;
use crate::shard::change::Event;
use crate::time::Millis;
use crate::{OutOfMemory, WrongType};

/// The database that these methods work on.
const DB: u16 = 0;

impl Store {
    /// The value of `key`, to keep: a large one is shared, a small one copied.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a string.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Result<Option<SharedBytes>, WrongType> {
        let key = self.key(DB, key.as_ref());
        let mut view = self.view(Scope::Key(&key), self.clock().now());
        let text = view.string(key, Lookup::Read)?;
        Ok(text.map(|text| text.shared().unwrap_or_else(|| SharedBytes::copy_from(&text))))
    }

    /// Lends the value of `key` to `read`, without a copy. The key's shard is locked meanwhile: `read` must be quick, and
    /// must not use the store.
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
        let get = |key: &Key<'_>| {
            let text = view.string(*key, Lookup::Read).ok()??;
            Some(text.shared().unwrap_or_else(|| SharedBytes::copy_from(&text)))
        };
        keys.iter().map(get).collect()
    }

    /// Sets `key`, whatever was there, without a deadline.
    ///
    /// # Errors
    /// [`OutOfMemory`] when the limit is reached and nothing can be evicted; nothing is changed then.
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<(), OutOfMemory> {
        self.set_many_until(&[(key, value)], Deadline::Clear, self.clock().now())
    }

    /// Sets `key`, whatever was there; it expires after `ttl`, to the millisecond.
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

    /// Sets several keys at once: nobody sees some of them changed and others not yet.
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

    /// Sets `key` only if it is not there; it expires after `ttl`, if one is given. Whether it was set.
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

    /// Gives `key` a deadline `ttl` from now, or with `None` takes it away; whether the key was there.
    pub fn expire(&self, key: impl AsRef<[u8]>, ttl: Option<Duration>) -> bool {
        let now = self.clock().now();
        let key = self.key(DB, key.as_ref());
        let event = if ttl.is_some() { Event::Expire } else { Event::Persist };
        let deadline = ttl.map(|ttl| after(now, ttl));
        self.view(Scope::Key(&key), now).set_deadline(key, deadline, event)
    }

    /// How long `key` will still be there: `None` when it is not there, `Some(None)` when it has no deadline.
    pub fn ttl(&self, key: impl AsRef<[u8]>) -> Option<Option<Duration>> {
        let now = self.clock().now();
        let key = self.key(DB, key.as_ref());
        let meta = self.view(Scope::Key(&key), now).meta(key, Lookup::Peek)?;
        Some(meta.deadline.map(|deadline| Duration::from_millis(deadline.saturating_sub(now))))
    }

    /// How many keys there are, expired ones included that nobody has met yet.
    pub fn len(&self) -> usize {
        self.view(Scope::All, self.clock().now()).len(DB).0
    }

    /// Whether there is no key.
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

fn after(now: Millis, ttl: Duration) -> Millis {
    now.saturating_add(u64::try_from(ttl.as_millis()).unwrap_or(Millis::MAX))
}
