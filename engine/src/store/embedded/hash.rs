//! Hashes as an embedding program uses them.

use std::time::Duration;

use super::{DB, after};
use crate::collections::packed::Element;
use crate::store::view::{FieldCondition, FieldExpiry, FieldPersist, FieldPresence};
use crate::store::{Key, Scope, Store, View};
use crate::types::hash::FieldDeadline;
use crate::{CollectionError, HashError, WrongType};

/// A field and its value.
type Entry = (Vec<u8>, Vec<u8>);

/// The hash at one key of a store: see [`Store::hash`].
#[derive(Debug, Clone, Copy)]
pub struct HashHandle<'s, 'k> {
    store: &'s Store,
    key: Key<'k>,
}

impl Store {
    /// The hash at `key`, whether it is there or not: it comes with its first field and goes with its last.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// let user = store.hash("user:1");
    /// user.set_many([("name", "Ada"), ("born", "1815")])?;
    /// assert_eq!(user.get("name")?.as_deref(), Some(&b"Ada"[..]));
    /// assert_eq!(user.increment("visits", 1)?, 1);
    /// assert_eq!(user.len()?, 3);
    /// assert_eq!(user.remove(["born", "died"])?, 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn hash<'s, 'k, K: AsRef<[u8]> + ?Sized>(&'s self, key: &'k K) -> HashHandle<'s, 'k> {
        HashHandle { store: self, key: self.key(DB, key.as_ref()) }
    }
}

/// Each method works at the moment of its call, is atomic, and has every side effect that a client's command
/// has. No method ever sees a field that has perished.
impl HashHandle<'_, '_> {
    /// Sets a field, which then has no deadline; whether it is new.
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn set(&self, field: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<bool, CollectionError> {
        Ok(self.set_many([(field, value)])? == 1)
    }

    /// Sets fields, which then have no deadlines; how many are new.
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn set_many<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        pairs: impl IntoIterator<Item = (F, V)>,
    ) -> Result<usize, CollectionError> {
        let pairs: Vec<(F, V)> = pairs.into_iter().collect();
        let mut view = self.view_to_write(&pairs)?;
        Ok(view.hash_set(self.key, pairs.iter().map(bytes_of))?)
    }

    /// Sets a field if it is not there; whether it was set.
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn set_if_absent(
        &self,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
    ) -> Result<bool, CollectionError> {
        let pair = [(field, value)];
        let mut view = self.view_to_write(&pair)?;
        let (field, value) = bytes_of(&pair[0]);
        Ok(view.hash_set_if_absent(self.key, field, value)?)
    }

    /// Sets a field for as long as `ttl`: it perishes to the millisecond, and with it the key if no other is
    /// left.
    ///
    /// ```
    /// use std::time::Duration;
    /// use scrubjay::{Store, time::ManualClock};
    ///
    /// let clock = ManualClock::new(0);
    /// let store = Store::builder().clock(clock.clone()).build();
    /// let user = store.hash("user:1");
    /// user.set("name", "Ada")?;
    /// user.set_for("token", "secret", Duration::from_secs(30))?;
    ///
    /// clock.advance(Duration::from_secs(30)); // Time passes when the test says so.
    /// assert_eq!(user.get("token")?, None);
    /// assert_eq!(user.len()?, 1);
    /// # Ok::<_, scrubjay::CollectionError>(())
    /// ```
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn set_for(
        &self,
        field: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        ttl: Duration,
    ) -> Result<(), CollectionError> {
        let pair = [(field, value)];
        let mut view = self.view_to_write(&pair)?;
        let deadline = FieldDeadline::At(after(view.now(), ttl));
        view.hash_set_expiring(self.key, pair.iter().map(bytes_of), deadline, FieldPresence::Any)?;
        Ok(())
    }

    /// The value of a field, copied.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a hash.
    pub fn get(&self, field: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, WrongType> {
        let mut view = self.view();
        let now = view.now();
        let hash = view.hash(self.key)?;
        Ok(hash.and_then(|hash| hash.get(field.as_ref(), now)).map(Element::to_vec))
    }

    /// The values of several fields at one moment, in their order.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a hash.
    pub fn get_many<F: AsRef<[u8]>>(
        &self,
        fields: impl IntoIterator<Item = F>,
    ) -> Result<Vec<Option<Vec<u8>>>, WrongType> {
        let mut view = self.view();
        let now = view.now();
        let hash = view.hash(self.key)?;
        let value = |field: F| hash.and_then(|hash| hash.get(field.as_ref(), now)).map(Element::to_vec);
        Ok(fields.into_iter().map(value).collect())
    }

    /// All fields and their values, copied, in no order.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a hash.
    pub fn entries(&self) -> Result<Vec<Entry>, WrongType> {
        let mut view = self.view();
        let now = view.now();
        let mut entries = Vec::new();
        if let Some(hash) = view.hash(self.key)? {
            hash.for_each(now, |field, value| entries.push((field.to_vec(), value.to_vec())));
        }
        Ok(entries)
    }

    /// Whether a field is there.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a hash.
    pub fn contains(&self, field: impl AsRef<[u8]>) -> Result<bool, WrongType> {
        let mut view = self.view();
        let now = view.now();
        Ok(view.hash(self.key)?.is_some_and(|hash| hash.get(field.as_ref(), now).is_some()))
    }

    /// How many fields there are.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a hash.
    pub fn len(&self) -> Result<usize, WrongType> {
        let mut view = self.view();
        let now = view.now();
        Ok(view.hash(self.key)?.map_or(0, |hash| hash.len(now)))
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a hash.
    pub fn is_empty(&self) -> Result<bool, WrongType> {
        Ok(self.len()? == 0)
    }

    /// Removes fields; how many were there.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a hash.
    pub fn remove<F: AsRef<[u8]>>(&self, fields: impl IntoIterator<Item = F>) -> Result<usize, WrongType> {
        let fields: Vec<F> = fields.into_iter().collect();
        self.view().hash_remove(self.key, fields.iter().map(AsRef::as_ref))
    }

    /// Takes the value of a field out, and the field with it.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a hash.
    pub fn take(&self, field: impl AsRef<[u8]>) -> Result<Option<Vec<u8>>, WrongType> {
        let mut taken = None;
        self.view().hash_take(self.key, [field.as_ref()].into_iter(), |value| {
            taken = value.map(Element::to_vec);
        })?;
        Ok(taken)
    }

    /// Adds to the integer in a field, which is taken for nought when it is not there; the new value. The
    /// field keeps its deadline.
    ///
    /// # Errors
    /// [`HashError`]; nothing is changed then.
    pub fn increment(&self, field: impl AsRef<[u8]>, by: i64) -> Result<i64, HashError> {
        let mut view = self.view_to_write(&[(&field, b"")])?;
        view.hash_increment(self.key, field.as_ref(), by)
    }

    /// Has a field perish after `ttl` from now, whatever deadline it had; whether it was there.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a hash.
    pub fn expire(&self, field: impl AsRef<[u8]>, ttl: Duration) -> Result<bool, WrongType> {
        let mut view = self.view();
        let deadline = after(view.now(), ttl);
        let mut there = false;
        let fields = [field.as_ref()].into_iter();
        view.hash_expire(self.key, fields, deadline, FieldCondition::default(), |outcome| {
            there = outcome != FieldExpiry::Missing;
        })?;
        Ok(there)
    }

    /// Takes the deadline of a field away; whether it had one.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a hash.
    pub fn persist(&self, field: impl AsRef<[u8]>) -> Result<bool, WrongType> {
        let mut had_one = false;
        self.view().hash_persist(self.key, [field.as_ref()].into_iter(), |outcome| {
            had_one = outcome == FieldPersist::Done;
        })?;
        Ok(had_one)
    }

    /// How long a field will still be there: `None` when it is not there, `Some(None)` when it has no
    /// deadline.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a hash.
    pub fn ttl(&self, field: impl AsRef<[u8]>) -> Result<Option<Option<Duration>>, WrongType> {
        let mut view = self.view();
        let now = view.now();
        let deadline = view.hash(self.key)?.and_then(|hash| hash.deadline(field.as_ref(), now));
        Ok(deadline.map(|at| at.map(|at| Duration::from_millis(at.saturating_sub(now)))))
    }

    fn view(&self) -> View<'_> {
        self.store.view(Scope::Key(&self.key), self.store.clock().now())
    }

    /// The same once there is room for what is to be written.
    fn view_to_write<F: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        pairs: &[(F, V)],
    ) -> Result<View<'_>, crate::OutOfMemory> {
        let now = self.store.clock().now();
        let bytes = pairs.iter().map(bytes_of).map(|(field, value)| field.len() + value.len()).sum();
        self.store.make_room(bytes, now)?;
        Ok(self.store.view(Scope::Key(&self.key), now))
    }
}

fn bytes_of<F: AsRef<[u8]>, V: AsRef<[u8]>>((field, value): &(F, V)) -> (&[u8], &[u8]) {
    (field.as_ref(), value.as_ref())
}
