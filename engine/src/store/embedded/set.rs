//! Sets as an embedding program uses them.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::DB;
use crate::collections::packed::Digits;
use crate::store::{Key, Lookup, Scope, SetOperation, Store, View};
use crate::{CollectionError, WrongType};

/// The set at one key of a store: see [`Store::set_of`].
#[derive(Debug, Clone, Copy)]
pub struct SetHandle<'s, 'k> {
    store: &'s Store,
    key: Key<'k>,
}

/// Keys of several sets.
type Keys<'k> = SmallVec<[Key<'k>; 8]>;

impl Store {
    /// The set at `key`, whether it is there or not: it comes with its first member and goes with its last.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// use scrubjay::SetOperation;
    ///
    /// let (rust, rare) = (store.set_of("tag:rust"), store.set_of("tag:rare"));
    /// rust.add(["page:1", "page:2", "page:3"])?;
    /// rare.add(["page:2"])?;
    /// assert!(rust.contains("page:1")?);
    /// assert_eq!(rust.combine(SetOperation::Intersection, &["tag:rare"])?, [b"page:2"]);
    /// assert_eq!(rust.remove(["page:1", "page:9"])?, 1);
    /// # Ok::<_, scrubjay::CollectionError>(())
    /// ```
    pub fn set_of<'s, 'k, K: AsRef<[u8]> + ?Sized>(&'s self, key: &'k K) -> SetHandle<'s, 'k> {
        SetHandle { store: self, key: self.key(DB, key.as_ref()) }
    }
}

/// Each method works at the moment of its call, is atomic, and has every side effect that a client's command
/// has.
impl SetHandle<'_, '_> {
    /// Adds members; how many of them are new.
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn add<T: AsRef<[u8]>>(
        &self,
        members: impl IntoIterator<Item = T>,
    ) -> Result<usize, CollectionError> {
        let members: Vec<T> = members.into_iter().collect();
        let bytes: usize = members.iter().map(|member| member.as_ref().len()).sum();
        let now = self.store.clock().now();
        self.store.make_room(self.key.bytes().len() + bytes, now)?;
        let mut view = self.store.view(Scope::Key(&self.key), now);
        Ok(view.set_add(self.key, members.iter().map(AsRef::as_ref))?)
    }

    /// Takes members out; how many of them were in it.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn remove<T: AsRef<[u8]>>(&self, members: impl IntoIterator<Item = T>) -> Result<usize, WrongType> {
        let members: Vec<T> = members.into_iter().collect();
        self.view().set_remove(self.key, members.iter().map(AsRef::as_ref))
    }

    /// Moves a member to the set at another key; whether it was in this one.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// let (waiting, done) = (store.set_of("waiting"), store.set_of("done"));
    /// waiting.add(["job:1", "job:2"])?;
    /// assert!(waiting.move_to("done", "job:1")?);
    /// assert_eq!((waiting.len()?, done.len()?), (1, 1));
    /// # Ok::<_, scrubjay::CollectionError>(())
    /// ```
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn move_to(
        &self,
        destination: impl AsRef<[u8]>,
        member: impl AsRef<[u8]>,
    ) -> Result<bool, CollectionError> {
        let destination = self.store.key(DB, destination.as_ref());
        let now = self.store.clock().now();
        self.store.make_room(destination.bytes().len() + member.as_ref().len(), now)?;
        let keys = [self.key, destination];
        let mut view = self.store.view(Scope::Keys(&keys), now);
        Ok(view.set_move(self.key, destination, member.as_ref())?)
    }

    /// Whether these bytes are a member.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn contains(&self, member: impl AsRef<[u8]>) -> Result<bool, WrongType> {
        let mut view = self.view();
        let set = view.set_at(self.key, Lookup::Read)?;
        Ok(set.is_some_and(|set| set.contains(member.as_ref())))
    }

    /// How many members there are.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn len(&self) -> Result<usize, WrongType> {
        Ok(self.view().set_at(self.key, Lookup::Read)?.map_or(0, |set| set.len()))
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn is_empty(&self) -> Result<bool, WrongType> {
        Ok(self.len()? == 0)
    }

    /// All members, in no order.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn members(&self) -> Result<Vec<Vec<u8>>, WrongType> {
        let mut members = Vec::new();
        self.for_each(|member| members.push(member.to_vec()))?;
        Ok(members)
    }

    /// Lends all members, without copies.
    ///
    /// The key's shard is locked meanwhile: `read` must be quick, and must not use the store.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn for_each(&self, mut read: impl FnMut(&[u8])) -> Result<(), WrongType> {
        let mut view = self.view();
        if let Some(set) = view.set_at(self.key, Lookup::Read)? {
            let mut digits = Digits::default();
            set.for_each(|member| read(member.text(&mut digits)));
        }
        Ok(())
    }

    /// One step of a walk over a set that may be large: lends some members and returns the cursor of the next
    /// step, 0 at the end. A member that is there from the first step, with cursor 0, to the last is lent at
    /// least once, whatever is added and removed in between.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// let set = store.set_of("numbers");
    /// set.add((0..1000).map(|number| format!("number {number}")))?;
    /// let (mut cursor, mut seen) = (0, 0);
    /// loop {
    ///     cursor = set.scan(cursor, |_| seen += 1)?;
    ///     if cursor == 0 {
    ///         break;
    ///     }
    /// }
    /// assert_eq!(seen, 1000);
    /// # Ok::<_, scrubjay::CollectionError>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn scan(&self, cursor: u64, mut read: impl FnMut(&[u8])) -> Result<u64, WrongType> {
        let mut view = self.view();
        let Some(set) = view.set_at(self.key, Lookup::Read)? else { return Ok(0) };
        let mut digits = Digits::default();
        Ok(set.scan(cursor, |member| read(member.text(&mut digits))))
    }

    /// Takes a member out by chance, each as likely as any other.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn pop(&self) -> Result<Option<Vec<u8>>, WrongType> {
        self.view().set_pop(self.key, |member| member.to_vec())
    }

    /// Takes up to `count` members out by chance.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn pop_many(&self, count: usize) -> Result<Vec<Vec<u8>>, WrongType> {
        let mut popped = Vec::new();
        self.view().set_pop_many(self.key, count, |member| popped.push(member.to_vec()))?;
        Ok(popped)
    }

    /// A member by chance, each as likely as any other.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn random(&self) -> Result<Option<Vec<u8>>, WrongType> {
        let mut chosen = None;
        self.view().set_random(self.key, |member| chosen = Some(member.to_vec()))?;
        Ok(chosen)
    }

    /// `count` different members by chance, or all when there are no more.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn sample(&self, count: usize) -> Result<Vec<Vec<u8>>, WrongType> {
        let mut chosen = Vec::new();
        self.view().set_sample(self.key, count, |member| chosen.push(member.to_vec()))?;
        Ok(chosen)
    }

    /// `times` members by chance, each drawn from all: the same one may come again. None of an empty set.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a set.
    pub fn draw(&self, times: usize) -> Result<Vec<Vec<u8>>, WrongType> {
        let mut drawn = Vec::new();
        let _ = self.view().set_draw(self.key, times, |member| {
            drawn.push(member.to_vec());
            ControlFlow::Continue(())
        })?;
        Ok(drawn)
    }

    /// What is made of this set and those at other keys, all of one moment, in no order.
    ///
    /// # Errors
    /// [`WrongType`] when one of the keys holds something other than a set.
    pub fn combine<K: AsRef<[u8]>>(
        &self,
        operation: SetOperation,
        others: &[K],
    ) -> Result<Vec<Vec<u8>>, WrongType> {
        let mut members = Vec::new();
        let keys = self.with(others);
        let mut view = self.store.view(Scope::Keys(&keys), self.store.clock().now());
        view.set_combine(operation, &keys, |member| members.push(member.to_vec()))?;
        Ok(members)
    }

    /// How many members this set and those at other keys have in common.
    ///
    /// # Errors
    /// [`WrongType`] when one of the keys holds something other than a set.
    pub fn common<K: AsRef<[u8]>>(&self, others: &[K]) -> Result<usize, WrongType> {
        let keys = self.with(others);
        let mut view = self.store.view(Scope::Keys(&keys), self.store.clock().now());
        view.set_common(&keys, usize::MAX)
    }

    /// Puts here, whatever was there, what is made of the sets at these keys; how many members that has. The
    /// key goes when there are none.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// use scrubjay::SetOperation;
    ///
    /// store.set_of("monday").add(["anna", "ben"])?;
    /// store.set_of("tuesday").add(["ben", "carl"])?;
    /// let both = store.set_of("both");
    /// assert_eq!(both.store(SetOperation::Intersection, &["monday", "tuesday"])?, 1);
    /// assert_eq!(both.members()?, [b"ben"]);
    /// # Ok::<_, scrubjay::CollectionError>(())
    /// ```
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn store<K: AsRef<[u8]>>(
        &self,
        operation: SetOperation,
        sources: &[K],
    ) -> Result<usize, CollectionError> {
        let now = self.store.clock().now();
        self.store.make_room(self.key.bytes().len(), now)?;
        let keys = self.with(sources);
        let mut view = self.store.view(Scope::Keys(&keys), now);
        Ok(view.set_store(operation, self.key, &keys[1..])?)
    }

    /// This key, and others.
    fn with<'a, K: AsRef<[u8]>>(&'a self, others: &'a [K]) -> Keys<'a> {
        let others = others.iter().map(|key| self.store.key(DB, key.as_ref()));
        std::iter::once(self.key).chain(others).collect()
    }

    fn view(&self) -> View<'_> {
        self.store.view(Scope::Key(&self.key), self.store.clock().now())
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    fn sorted(mut members: Vec<Vec<u8>>) -> Vec<String> {
        members.sort();
        members.into_iter().map(|member| String::from_utf8(member).expect("text")).collect()
    }

    #[test]
    fn a_set_comes_and_goes_with_its_members() {
        let store = Store::default();
        let set = store.set_of("s");
        assert_eq!((set.len(), set.is_empty()), (Ok(0), Ok(true)));
        assert_eq!((set.pop(), set.random(), set.members()), (Ok(None), Ok(None), Ok(Vec::new())));
        assert_eq!(set.add(["a", "b", "a", "1"]), Ok(3));
        assert_eq!(
            (set.contains("a"), set.contains("c"), set.contains("1")),
            (Ok(true), Ok(false), Ok(true))
        );
        assert_eq!(sorted(set.members().expect("a set")), ["1", "a", "b"]);
        assert_eq!(sorted(set.sample(9).expect("a set")), ["1", "a", "b"]);
        assert_eq!(set.sample(2).expect("a set").len(), 2);
        assert_eq!(set.draw(7).expect("a set").len(), 7);
        assert!(set.random().expect("a set").is_some_and(|member| set.contains(member) == Ok(true)));
        assert_eq!(set.remove(["a", "x"]), Ok(1));
        assert!(set.pop().expect("a set").is_some());
        assert_eq!(set.pop_many(5).expect("a set").len(), 1);
        assert!(!store.contains("s"));
        assert_eq!(set.add::<&str>([]), Ok(0));
        assert!(!store.contains("s"));
    }

    #[test]
    fn sets_meet() {
        let store = Store::default();
        store.set_of("a").add(["1", "2", "3"]).expect("no limit");
        store.set_of("b").add(["3", "4"]).expect("no limit");
        let a = store.set_of("a");
        let combined = |operation| sorted(a.combine(operation, &["b"]).expect("sets"));
        assert_eq!(combined(SetOperation::Union), ["1", "2", "3", "4"]);
        assert_eq!(combined(SetOperation::Intersection), ["3"]);
        assert_eq!(combined(SetOperation::Difference), ["1", "2"]);
        assert_eq!((a.common(&["b"]), a.common(&["b", "none"])), (Ok(1), Ok(0)));
        assert_eq!(a.store(SetOperation::Difference, &["b", "a"]), Ok(1));
        assert_eq!(sorted(a.members().expect("a set")), ["4"]);
        assert_eq!(a.store(SetOperation::Union, &["none"]), Ok(0));
        assert!(!store.contains("a"));
    }

    #[test]
    fn other_types_are_refused() {
        let store = Store::default();
        store.set("text", "v").expect("no limit");
        let set = store.set_of("text");
        assert_eq!(set.add(["a"]), Err(CollectionError::WrongType));
        assert_eq!((set.len(), set.pop()), (Err(WrongType), Err(WrongType)));
        store.set_of("s").add(["a"]).expect("no limit");
        assert_eq!(store.set_of("s").move_to("text", "a"), Err(CollectionError::WrongType));
        assert_eq!(store.set_of("s").combine(SetOperation::Union, &["text"]), Err(WrongType));
        assert_eq!(set.store(SetOperation::Union, &["s"]), Ok(1), "whatever was there");
    }
}
