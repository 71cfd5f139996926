//! Sorted sets as an embedding program uses them.

use std::ops::RangeBounds;

use super::DB;
use crate::collections::packed::Digits;
use crate::shard::change::Event;
use crate::store::{Combination, Key, Lookup, Scope, Span, Store, View};
use crate::types::sorted_set::{AddOptions, End, Pair, ScoreRange};
use crate::{SortedSetError, WrongType};

/// The sorted set at one key of a store: see [`Store::sorted_set`].
#[derive(Debug, Clone, Copy)]
pub struct SortedSetHandle<'s, 'k> {
    store: &'s Store,
    key: Key<'k>,
}

impl Store {
    /// The sorted set at `key`, whether it is there or not: it comes with its first member and goes with its
    /// last. Members are in the order of their scores, and of their bytes where scores are equal.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// let board = store.sorted_set("leaderboard");
    /// board.add("alice", 10.0)?;
    /// board.add_many([("bob", 7.5), ("carol", 12.0)])?;
    /// assert_eq!(board.increment("bob", 3.0)?, 10.5);
    ///
    /// assert_eq!(board.rank("bob")?, Some(1));
    /// assert_eq!(board.count(10.0..=11.0)?, 2);
    /// assert_eq!(board.pop_max()?, Some((b"carol".to_vec(), 12.0)));
    /// # Ok::<_, scrubjay::SortedSetError>(())
    /// ```
    pub fn sorted_set<'s, 'k, K: AsRef<[u8]> + ?Sized>(&'s self, key: &'k K) -> SortedSetHandle<'s, 'k> {
        SortedSetHandle { store: self, key: self.key(DB, key.as_ref()) }
    }
}

/// Each method works at the moment of its call, is atomic, and has every side effect that a client's command
/// has.
impl SortedSetHandle<'_, '_> {
    /// Gives a member a score, whether it is there or not; whether it is new.
    ///
    /// # Errors
    /// [`SortedSetError`]; nothing is changed then.
    pub fn add(&self, member: impl AsRef<[u8]>, score: f64) -> Result<bool, SortedSetError> {
        self.add_many([(member, score)]).map(|added| added == 1)
    }

    /// Gives members scores, whether they are there or not; how many of them are new.
    ///
    /// # Errors
    /// [`SortedSetError`]; nothing is changed then.
    pub fn add_many<T: AsRef<[u8]>>(
        &self,
        members: impl IntoIterator<Item = (T, f64)>,
    ) -> Result<usize, SortedSetError> {
        let members: Vec<(T, f64)> = members.into_iter().collect();
        if members.iter().any(|(_, score)| score.is_nan()) {
            return Err(SortedSetError::NotANumber);
        }
        if members.is_empty() {
            return Ok(0);
        }
        let mut view = self.view_with_room(members.iter().map(|(member, _)| member.as_ref().len()).sum())?;
        let pairs = members.iter().map(|(member, score)| (*score, member.as_ref()));
        Ok(view.sorted_set_add(self.key, AddOptions::default(), pairs)?.added)
    }

    /// Adds to the score of a member, which is nought if it is not there; the new score.
    ///
    /// # Errors
    /// [`SortedSetError`]; nothing is changed then.
    pub fn increment(&self, member: impl AsRef<[u8]>, by: f64) -> Result<f64, SortedSetError> {
        if by.is_nan() {
            return Err(SortedSetError::NotANumber);
        }
        let mut view = self.view_with_room(member.as_ref().len())?;
        let score = view.sorted_set_increment(self.key, AddOptions::default(), by, member.as_ref())?;
        Ok(score.expect("invariant: no option forbids it"))
    }

    /// Takes members out; how many of them were in it.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn remove<T: AsRef<[u8]>>(&self, members: impl IntoIterator<Item = T>) -> Result<usize, WrongType> {
        let members: Vec<T> = members.into_iter().collect();
        self.view().sorted_set_remove(self.key, members.iter().map(AsRef::as_ref))
    }

    /// Takes the members out whose scores lie within a range; how many they were.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn remove_range(&self, scores: impl RangeBounds<f64>) -> Result<usize, WrongType> {
        self.view().sorted_set_remove_span(self.key, Span::Scores(ScoreRange::of(scores)))
    }

    /// The score of a member.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn score(&self, member: impl AsRef<[u8]>) -> Result<Option<f64>, WrongType> {
        let mut view = self.view();
        let set = view.sorted_set(self.key, Lookup::Read)?;
        Ok(set.and_then(|set| set.score(member.as_ref())))
    }

    /// The rank of a member: how many come before it.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn rank(&self, member: impl AsRef<[u8]>) -> Result<Option<usize>, WrongType> {
        let mut view = self.view();
        let set = view.sorted_set(self.key, Lookup::Read)?;
        Ok(set.and_then(|set| set.rank(member.as_ref())).map(|(rank, _)| rank))
    }

    /// How many members there are.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn len(&self) -> Result<usize, WrongType> {
        Ok(self.view().sorted_set(self.key, Lookup::Read)?.map_or(0, |set| set.len()))
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn is_empty(&self) -> Result<bool, WrongType> {
        Ok(self.len()? == 0)
    }

    /// How many members have scores within a range.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn count(&self, scores: impl RangeBounds<f64>) -> Result<usize, WrongType> {
        let mut view = self.view();
        let set = view.sorted_set(self.key, Lookup::Read)?;
        Ok(set.map_or(0, |set| set.score_ranks(&ScoreRange::of(scores)).len()))
    }

    /// The members from one rank to another, both included, with their scores. Negative ranks count from the
    /// end: `range(-3, -1)` are the three with the highest scores.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn range(&self, start: i64, stop: i64) -> Result<Vec<(Vec<u8>, f64)>, WrongType> {
        self.collect(Span::Ranks(start, stop))
    }

    /// The members with scores within a range, with their scores.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// let due = store.sorted_set("due");
    /// due.add_many([("job:1", 100.0), ("job:2", 200.0), ("job:3", 300.0)])?;
    /// assert_eq!(due.range_by_score(..=200.0)?, [(b"job:1".to_vec(), 100.0), (b"job:2".to_vec(), 200.0)]);
    /// assert_eq!(due.remove_range(..=200.0)?, 2);
    /// # Ok::<_, scrubjay::SortedSetError>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn range_by_score(&self, scores: impl RangeBounds<f64>) -> Result<Vec<(Vec<u8>, f64)>, WrongType> {
        self.collect(Span::Scores(ScoreRange::of(scores)))
    }

    /// Lends all members with their scores, in order, without copies.
    ///
    /// The key's shard is locked meanwhile: `read` must be quick, and must not use the store.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn for_each(&self, mut read: impl FnMut(&[u8], f64)) -> Result<(), WrongType> {
        self.each(Span::Ranks(0, -1), |pair| read(pair.member.text(&mut Digits::default()), pair.score))
    }

    /// One step of a walk over a sorted set that may be large: lends some members, in no order, and returns
    /// the cursor of the next step, 0 at the end. A member that is there from the first step, with cursor 0,
    /// to the last is lent at least once, whatever is added and removed in between.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn scan(&self, cursor: u64, mut read: impl FnMut(&[u8], f64)) -> Result<u64, WrongType> {
        let mut view = self.view();
        let Some(set) = view.sorted_set(self.key, Lookup::Read)? else { return Ok(0) };
        Ok(set.scan(cursor, |pair| read(pair.member.text(&mut Digits::default()), pair.score)))
    }

    /// Takes the member with the lowest score out.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn pop_min(&self) -> Result<Option<(Vec<u8>, f64)>, WrongType> {
        self.pop(End::Min)
    }

    /// Takes the member with the highest score out.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn pop_max(&self) -> Result<Option<(Vec<u8>, f64)>, WrongType> {
        self.pop(End::Max)
    }

    /// Puts what is made of the sorted sets, or sets, at other keys here, whatever was here; how many members
    /// it has.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// use scrubjay::Combination;
    ///
    /// store.sorted_set("monday").add_many([("alice", 3.0), ("bob", 1.0)])?;
    /// store.sorted_set("tuesday").add("alice", 4.0)?;
    /// let week = store.sorted_set("week");
    /// assert_eq!(week.combine(Combination::Union(Default::default()), &["monday", "tuesday"])?, 2);
    /// assert_eq!(week.score("alice")?, Some(7.0));
    /// # Ok::<_, scrubjay::SortedSetError>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongType`] when another type lives at one of them; nothing is changed then.
    pub fn combine<K: AsRef<[u8]>>(
        &self,
        combination: Combination,
        sources: &[K],
    ) -> Result<usize, SortedSetError> {
        let now = self.store.clock().now();
        self.store.make_room(self.key.bytes().len(), now)?;
        let mut keys = vec![self.key];
        keys.extend(sources.iter().map(|key| self.store.key(DB, key.as_ref())));
        let mut view = self.store.view(Scope::Keys(&keys), now);
        view.sorted_set_look_up(&keys[1..])?;
        Ok(view.sorted_set_combine_into(self.key, &keys[1..], &[], combination)?)
    }

    /// Takes the whole sorted set away; whether it was there.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn clear(&self) -> Result<bool, WrongType> {
        let mut view = self.view();
        let is_there = view.sorted_set(self.key, Lookup::Write)?.is_some();
        Ok(is_there && view.remove(self.key, Event::Del))
    }

    fn pop(&self, end: End) -> Result<Option<(Vec<u8>, f64)>, WrongType> {
        let mut popped = None;
        self.view()
            .sorted_set_pop(self.key, end, 1, |pair| popped = Some((pair.member.to_vec(), pair.score)))?;
        Ok(popped)
    }

    fn collect(&self, span: Span<'_>) -> Result<Vec<(Vec<u8>, f64)>, WrongType> {
        let mut pairs = Vec::new();
        self.each(span, |pair| pairs.push((pair.member.to_vec(), pair.score)))?;
        Ok(pairs)
    }

    fn each(&self, span: Span<'_>, read: impl FnMut(Pair<'_>)) -> Result<(), WrongType> {
        let mut view = self.view();
        if let Some(set) = view.sorted_set(self.key, Lookup::Read)? {
            set.range(span.ranks(set)).for_each(read);
        }
        Ok(())
    }

    fn view(&self) -> View<'_> {
        self.store.view(Scope::Key(&self.key), self.store.clock().now())
    }

    fn view_with_room(&self, bytes: usize) -> Result<View<'_>, SortedSetError> {
        let now = self.store.clock().now();
        self.store.make_room(self.key.bytes().len() + bytes, now)?;
        Ok(self.store.view(Scope::Key(&self.key), now))
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_is_no_number_and_other_types() {
        let store = Store::default();
        let set = store.sorted_set("z");
        assert_eq!(set.add("m", f64::NAN), Err(SortedSetError::NotANumber));
        assert_eq!(set.increment("m", f64::NAN), Err(SortedSetError::NotANumber));
        assert_eq!(set.add_many(Vec::<(&str, f64)>::new()), Ok(0));
        assert!(!store.contains("z"));
        store.set("s", "x").expect("no limit");
        let string = store.sorted_set("s");
        assert_eq!(string.add("m", 1.0), Err(SortedSetError::WrongType));
        assert_eq!((string.len(), string.clear()), (Err(WrongType), Err(WrongType)));
    }

    #[test]
    fn is_read_from_everywhere() {
        let store = Store::default();
        let set = store.sorted_set("z");
        let members: Vec<(String, f64)> = (0..300).map(|n| (format!("m{n:03}"), f64::from(n / 2))).collect();
        assert_eq!(set.add_many(members.clone()), Ok(300));
        assert_eq!(set.range(-1, -1), Ok(vec![(b"m299".to_vec(), 149.0)]));
        assert_eq!(set.range_by_score(3.0..4.0).map(|found| found.len()), Ok(2));
        let (mut walked, mut scanned, mut cursor) = (Vec::new(), 0, 0);
        set.for_each(|member, score| walked.push((String::from_utf8(member.to_vec()).unwrap(), score)))
            .unwrap();
        assert_eq!(walked, members);
        loop {
            cursor = set.scan(cursor, |_, _| scanned += 1).unwrap();
            if cursor == 0 {
                break;
            }
        }
        assert_eq!(scanned, 300);
        assert_eq!(set.pop_min(), Ok(Some((b"m000".to_vec(), 0.0))));
        assert_eq!(set.remove(["m001", "m001", "x"]), Ok(1));
        assert_eq!((set.clear(), set.clear(), set.is_empty()), (Ok(true), Ok(false), Ok(true)));
    }
}
