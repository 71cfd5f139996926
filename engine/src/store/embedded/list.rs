//! Lists as an embedding program uses them.

use super::DB;
use crate::collections::deque::{End, Side};
use crate::collections::packed::Digits;
use crate::store::{Key, Lookup, Missing, Scope, Store, View};
use crate::types::list::{List, Search, range_of};
use crate::{CollectionError, WrongType};

/// The list at one key of a store: see [`Store::list`].
#[derive(Debug, Clone, Copy)]
pub struct ListHandle<'s, 'k> {
    pub(super) store: &'s Store,
    pub(super) key: Key<'k>,
}

impl Store {
    /// The list at `key`, whether it is there or not: it comes with its first element and goes with its last.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// let jobs = store.list("jobs");
    /// jobs.push_right(["wash", "cut", "dry"])?;
    /// assert_eq!(jobs.pop_left()?.as_deref(), Some(&b"wash"[..]));
    /// assert_eq!(jobs.range(0, -1)?, [b"cut", b"dry"]);
    /// # Ok::<_, scrubjay::CollectionError>(())
    /// ```
    pub fn list<'s, 'k, K: AsRef<[u8]> + ?Sized>(&'s self, key: &'k K) -> ListHandle<'s, 'k> {
        ListHandle { store: self, key: self.key(DB, key.as_ref()) }
    }
}

/// Each method works at the moment of its call, is atomic, and has every side effect that a client's command
/// has.
impl ListHandle<'_, '_> {
    /// Puts elements at the head, one after the other, so that the last of them ends up first; the list's new
    /// length.
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn push_left<T: AsRef<[u8]>>(
        &self,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<usize, CollectionError> {
        self.push(End::Left, elements)
    }

    /// Puts elements at the tail, one after the other; the list's new length.
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn push_right<T: AsRef<[u8]>>(
        &self,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<usize, CollectionError> {
        self.push(End::Right, elements)
    }

    /// Takes the first element off.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list.
    pub fn pop_left(&self) -> Result<Option<Vec<u8>>, WrongType> {
        Ok(self.pop(End::Left, 1)?.pop())
    }

    /// Takes the last element off.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list.
    pub fn pop_right(&self) -> Result<Option<Vec<u8>>, WrongType> {
        Ok(self.pop(End::Right, 1)?.pop())
    }

    /// Takes up to `count` elements off one end, the outermost first.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list.
    pub fn pop(&self, end: End, count: usize) -> Result<Vec<Vec<u8>>, WrongType> {
        let popped = self.view().list_pop(self.key, end, count, |popped| {
            let mut elements = Vec::with_capacity(popped.len());
            popped.for_each(|element| elements.push(element.to_vec()));
            elements
        })?;
        Ok(popped.unwrap_or_default())
    }

    /// Takes an element off one end and puts it at one end of the list at another key; a copy of it, or
    /// `None` when there is none.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// use scrubjay::End;
    ///
    /// let (waiting, working) = (store.list("waiting"), store.list("working"));
    /// waiting.push_right(["a", "b"])?;
    /// let job = waiting.move_to(End::Left, "working", End::Right)?;
    /// assert_eq!(job.as_deref(), Some(&b"a"[..]));
    /// assert_eq!((waiting.len()?, working.len()?), (1, 1));
    /// # Ok::<_, scrubjay::CollectionError>(())
    /// ```
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn move_to(
        &self,
        take: End,
        destination: impl AsRef<[u8]>,
        put: End,
    ) -> Result<Option<Vec<u8>>, CollectionError> {
        let destination = self.store.key(DB, destination.as_ref());
        let now = self.store.clock().now();
        self.store.make_room(0, now)?;
        let keys = [self.key, destination];
        let mut view = self.store.view(Scope::Keys(&keys), now);
        Ok(view.list_move((self.key, take), (destination, put), <[u8]>::to_vec)?)
    }

    /// How many elements there are.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list.
    pub fn len(&self) -> Result<usize, WrongType> {
        Ok(self.view().read::<List>(self.key, Lookup::Read)?.map_or(0, |list| list.len()))
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list.
    pub fn is_empty(&self) -> Result<bool, WrongType> {
        Ok(self.len()? == 0)
    }

    /// The element of an index, which counts from the last one if it is negative.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list.
    pub fn get(&self, index: i64) -> Result<Option<Vec<u8>>, WrongType> {
        let mut view = self.view();
        let list = view.read::<List>(self.key, Lookup::Read)?;
        Ok(list.and_then(|list| list.with(index, |element| element.to_vec())))
    }

    /// The elements from one index to another, both of them included; negative ones count from the end.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list.
    pub fn range(&self, start: i64, stop: i64) -> Result<Vec<Vec<u8>>, WrongType> {
        let mut elements = Vec::new();
        self.for_each(start, stop, |element| elements.push(element.to_vec()))?;
        Ok(elements)
    }

    /// Lends the elements from one index to another, both of them included, without copies; negative ones
    /// count from the end.
    ///
    /// The key's shard is locked meanwhile: `read` must be quick, and must not use the store.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list.
    pub fn for_each(&self, start: i64, stop: i64, mut read: impl FnMut(&[u8])) -> Result<(), WrongType> {
        let mut view = self.view();
        if let Some(list) = view.read::<List>(self.key, Lookup::Read)? {
            let (start, count) = range_of(start, stop, list.len());
            let mut digits = Digits::default();
            list.for_each(start, count, |element| read(element.text(&mut digits)));
        }
        Ok(())
    }

    /// The index of the first element that is `element`.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list.
    pub fn position(&self, element: impl AsRef<[u8]>) -> Result<Option<usize>, WrongType> {
        let first = Search { backward: false, skip: 0, matches_max: 1, elements_max: u64::MAX };
        let mut view = self.view();
        let list = view.read::<List>(self.key, Lookup::Read)?;
        Ok(list.and_then(|list| list.positions(element.as_ref(), first).pop()))
    }

    /// Puts an element in place of that of an index, which may count from the end; whether there was one.
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn set(&self, index: i64, element: impl AsRef<[u8]>) -> Result<bool, CollectionError> {
        let element = element.as_ref();
        let mut view = self.view_with_room(element.len())?;
        Ok(view.list_set(self.key, index, element)?.unwrap_or(false))
    }

    /// Puts an element beside the first one that is `pivot`; the list's new length, or `None` without such a
    /// one.
    ///
    /// # Errors
    /// [`CollectionError`]; nothing is changed then.
    pub fn insert(
        &self,
        side: Side,
        pivot: impl AsRef<[u8]>,
        element: impl AsRef<[u8]>,
    ) -> Result<Option<usize>, CollectionError> {
        let element = element.as_ref();
        let mut view = self.view_with_room(element.len())?;
        Ok(view.list_insert(self.key, pivot.as_ref(), side, element)?.flatten())
    }

    /// Removes elements that are `element`: the first `count`, the last if it is negative, all if it is
    /// nought. How many there were.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list.
    pub fn remove(&self, count: i64, element: impl AsRef<[u8]>) -> Result<usize, WrongType> {
        self.view().list_remove(self.key, count, element.as_ref())
    }

    /// Removes all elements but those from one index to another, both of which stay; negative ones count from
    /// the end.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// let latest = store.list("latest");
    /// latest.push_left(["one", "two", "three"])?;
    /// latest.trim(0, 1)?; // The two that came last.
    /// assert_eq!(latest.range(0, -1)?, [&b"three"[..], b"two"]);
    /// # Ok::<_, scrubjay::CollectionError>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a list.
    pub fn trim(&self, start: i64, stop: i64) -> Result<(), WrongType> {
        self.view().list_trim(self.key, start, stop)
    }

    fn push<T: AsRef<[u8]>>(
        &self,
        end: End,
        elements: impl IntoIterator<Item = T>,
    ) -> Result<usize, CollectionError> {
        let elements: Vec<T> = elements.into_iter().collect();
        let bytes = elements.iter().map(|element| element.as_ref().len()).sum();
        let mut view = self.view_with_room(bytes)?;
        let pushed = view.list_push(self.key, end, elements.iter().map(AsRef::as_ref), Missing::Create)?;
        Ok(pushed.unwrap_or(0))
    }

    pub(super) fn view(&self) -> View<'_> {
        self.store.view(Scope::Key(&self.key), self.store.clock().now())
    }

    fn view_with_room(&self, bytes: usize) -> Result<View<'_>, CollectionError> {
        let now = self.store.clock().now();
        self.store.make_room(self.key.bytes().len() + bytes, now)?;
        Ok(self.store.view(Scope::Key(&self.key), now))
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_and_goes_with_its_elements() {
        let store = Store::default();
        let list = store.list("l");
        assert_eq!((list.len(), list.is_empty()), (Ok(0), Ok(true)));
        assert_eq!(list.push_left(["b", "a"]), Ok(2));
        assert_eq!(list.push_right([&b"c"[..], b"3"]), Ok(4));
        assert_eq!(list.get(-1), Ok(Some(b"3".to_vec())));
        assert_eq!((list.get(4), list.position("3")), (Ok(None), Ok(Some(3))));
        assert_eq!(list.insert(Side::After, "a", "new"), Ok(Some(5)));
        assert_eq!(list.insert(Side::After, "nowhere", "new"), Ok(None));
        assert_eq!((list.set(0, "first"), list.set(-6, "none")), (Ok(true), Ok(false)));
        assert_eq!(list.remove(0, "new"), Ok(1));
        assert_eq!(list.pop(End::Right, 2), Ok(vec![b"3".to_vec(), b"c".to_vec()]));
        assert_eq!(list.pop_right(), Ok(Some(b"b".to_vec())));
        assert_eq!(list.pop_left(), Ok(Some(b"first".to_vec())));
        assert!(!store.contains("l"));
        assert_eq!((list.pop_left(), list.range(0, -1)), (Ok(None), Ok(Vec::new())));
        assert_eq!(list.push_right::<&str>([]), Ok(0));
        assert!(!store.contains("l"));
    }

    #[test]
    fn other_types_are_refused() {
        let store = Store::default();
        store.set("s", "text").expect("no limit");
        let list = store.list("s");
        assert_eq!(list.push_left(["a"]), Err(CollectionError::WrongType));
        assert_eq!((list.len(), list.pop_left()), (Err(WrongType), Err(WrongType)));
        store.list("l").push_left(["a"]).expect("a list");
        assert_eq!(store.list("l").move_to(End::Left, "s", End::Left), Err(CollectionError::WrongType));
        assert_eq!(store.list("l").len(), Ok(1));
    }
}
