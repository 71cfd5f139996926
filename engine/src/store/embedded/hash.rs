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
        // Before the lock: who names the fields may ask the store for them.
        let fields: Vec<F> = fields.into_iter().collect();
        let mut view = self.view();
        let now = view.now();
        let hash = view.hash(self.key)?;
        let value = |field: &F| hash.and_then(|hash| hash.get(field.as_ref(), now)).map(Element::to_vec);
        Ok(fields.iter().map(value).collect())
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

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::time::ManualClock;

    #[test]
    fn a_hash_comes_and_goes_with_its_fields() {
        let store = Store::default();
        let hash = store.hash("h");
        assert_eq!((hash.len(), hash.is_empty(), hash.entries()), (Ok(0), Ok(true), Ok(Vec::new())));
        assert_eq!((hash.set("a", "1"), hash.set("a", "2")), (Ok(true), Ok(false)));
        assert_eq!(hash.set_many([("a", "3"), ("b", "4")]), Ok(1));
        assert_eq!((hash.set_if_absent("b", "5"), hash.set_if_absent("c", "6")), (Ok(false), Ok(true)));
        assert_eq!((hash.increment("b", -5), hash.increment("n", 7)), (Ok(-1), Ok(7)));
        assert_eq!((hash.get("a"), hash.get("none")), (Ok(Some(b"3".to_vec())), Ok(None)));
        assert_eq!((hash.contains("c"), hash.contains("none")), (Ok(true), Ok(false)));
        assert_eq!(hash.take("c"), Ok(Some(b"6".to_vec())));
        assert_eq!(hash.remove(["a", "b", "n", "none"]), Ok(3));
        assert!(!store.contains("h"));
        assert_eq!(hash.take("c"), Ok(None));
        assert_eq!(hash.set_many(Vec::<(&str, &str)>::new()), Ok(0));
        assert!(!store.contains("h"));
    }

    #[test]
    fn fields_perish_one_by_one() {
        let clock = ManualClock::new(1_000);
        let store = Store::builder().clock(clock.clone()).build();
        let hash = store.hash("h");
        let ms = Duration::from_millis;
        hash.set_many([("a", "1"), ("b", "2")]).expect("no limit");
        hash.set_for("c", "3", ms(10)).expect("no limit");
        assert_eq!((hash.expire("b", ms(20)), hash.expire("none", ms(20))), (Ok(true), Ok(false)));
        assert_eq!((hash.ttl("a"), hash.ttl("b")), (Ok(Some(None)), Ok(Some(Some(ms(20))))));
        clock.advance(ms(10));
        assert_eq!((hash.get("c"), hash.ttl("c"), hash.len()), (Ok(None), Ok(None), Ok(2)));
        assert_eq!((hash.persist("b"), hash.persist("b")), (Ok(true), Ok(false)));
        clock.advance(ms(100));
        assert_eq!(hash.get_many(["a", "b", "c"]), Ok(vec![Some(b"1".to_vec()), Some(b"2".to_vec()), None]));
    }

    #[test]
    fn who_names_the_fields_may_use_the_store() {
        let store = Store::default();
        let hash = store.hash("h");
        hash.set("a", "1").expect("no limit");
        let fields = ["a", "b"].into_iter().filter(|field| hash.contains(field).expect("a hash"));
        assert_eq!(hash.get_many(fields), Ok(vec![Some(b"1".to_vec())]));
    }

    #[test]
    fn other_types_are_refused() {
        let store = Store::default();
        store.set("s", "text").expect("no limit");
        let hash = store.hash("s");
        assert_eq!(hash.set("a", "1"), Err(CollectionError::WrongType));
        assert_eq!(hash.increment("a", 1), Err(HashError::WrongType));
        assert_eq!((hash.get("a"), hash.len()), (Err(WrongType), Err(WrongType)));
        store.hash("h").set("a", "text").expect("no limit");
        assert_eq!(store.hash("h").increment("a", 1), Err(HashError::NotInteger));
    }
}
