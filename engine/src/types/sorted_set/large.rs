//! The large form: a tree of scores and handles, and a dictionary of members with their scores.
//!
//! Members lie in the dictionary, and the tree names them by handle. Scores are in both: in the tree, so that
//! a way down it looks at members only where scores are equal; in the dictionary, so that the score of a
//! member is one look-up.

use std::cmp::Ordering;
use std::ops::Range;

use smallvec::SmallVec;

use super::{AddOptions, Added, LexRange, NotANumber, Only, Pair, ScoreRange};
use crate::collections::dict::{self, Dict};
use crate::collections::packed::Element;
use crate::collections::ranked::{self, Ranked};
use crate::raw::Handle;
use crate::raw::heap::{HeapBytes, malloc_bytes};

/// Slots of the dictionary that are looked at for each member that is removed, to close the holes.
const COMPACT_SLOTS: usize = 8;

/// A large sorted set.
#[derive(Debug)]
pub struct LargeSortedSet {
    /// Each member's value is its score, eight bytes.
    members: Dict,
    /// One item for each member.
    ranked: Ranked<Item>,
}

/// What the tree holds of a member. The score in two halves, so that an item takes twelve bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    score: [u32; 2],
    member: Handle,
}

const _: () = assert!(size_of::<Item>() == 12);

impl Item {
    #[inline]
    pub(super) fn new(score: f64, member: Handle) -> Self {
        let bits = score.to_bits();
        Self { score: [bits as u32, (bits >> 32) as u32], member }
    }

    #[inline]
    pub(super) fn score(self) -> f64 {
        f64::from_bits(u64::from(self.score[0]) | u64::from(self.score[1]) << 32)
    }

    /// The order of two members of one dictionary.
    pub(super) fn compare(self, other: Self, members: &Dict) -> Ordering {
        by_score(self.score(), other.score())
            .then_with(|| members.key(self.member).cmp(members.key(other.member)))
    }

    pub(super) fn member(self, members: &Dict) -> &[u8] {
        members.key(self.member)
    }

    pub(super) fn pair(self, members: &Dict) -> Pair<'_> {
        Pair { member: Element::Text(self.member(members)), score: self.score() }
    }
}

#[inline]
fn by_score(a: f64, b: f64) -> Ordering {
    if a < b {
        Ordering::Less
    } else if a > b {
        Ordering::Greater
    } else {
        // Neither is NaN.
        Ordering::Equal
    }
}

/// Whether an item comes before a member with this score, after it, or is the member's.
#[inline]
fn place<'a>(members: &'a Dict, member: &'a [u8], score: f64) -> impl FnMut(&Item) -> Ordering {
    move |item| by_score(item.score(), score).then_with(|| members.key(item.member).cmp(member))
}

#[inline]
fn score_at(members: &Dict, handle: Handle) -> f64 {
    f64::from_le_bytes(members.value(handle).try_into().expect("invariant: a score is eight bytes"))
}

impl LargeSortedSet {
    pub(super) fn new(seed: u64) -> Self {
        Self { members: Dict::new(seed), ranked: Ranked::new() }
    }

    /// A sorted set of members whose items are in order.
    pub(super) fn from_parts(members: Dict, items: Vec<Item>) -> Self {
        Self { members, ranked: Ranked::from_sorted(items) }
    }

    /// Adds pairs in order, to a sorted set that is empty.
    pub(super) fn extend_in_order<'a>(&mut self, pairs: impl Iterator<Item = Pair<'a>>) {
        let members = &mut self.members;
        self.ranked = Ranked::from_sorted(pairs.map(|pair| {
            let mut digits = Default::default();
            let handle = members.insert(pair.member.text(&mut digits), &pair.score.to_le_bytes(), None);
            Item::new(pair.score, handle)
        }));
    }

    /// Its members, each with its score.
    pub(crate) fn dict(&self) -> &Dict {
        &self.members
    }

    pub(super) fn len(&self) -> usize {
        self.ranked.len()
    }

    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.members.find(member).map(|handle| score_at(&self.members, handle))
    }

    pub(super) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(member)?;
        let rank = self.ranked.rank(place(&self.members, member, score));
        Some((rank.expect("invariant: the tree has each member"), score))
    }

    pub(super) fn range(&self, ranks: Range<usize>) -> Walk<'_> {
        Walk { items: self.ranked.range(ranks), members: &self.members, fetched: 0 }
    }

    pub(super) fn score_ranks(&self, range: &ScoreRange) -> Range<usize> {
        self.ranks(|item| range.is_above(item.score()), |item| range.is_below(item.score()))
    }

    pub(super) fn lex_ranks(&self, range: &LexRange<'_>) -> Range<usize> {
        let member = |item: &Item| item.pair(&self.members).member;
        self.ranks(|item| range.is_above(member(item)), |item| range.is_below(member(item)))
    }

    fn ranks(&self, is_above: impl Fn(&Item) -> bool, is_below: impl Fn(&Item) -> bool) -> Range<usize> {
        let order = |less: bool| if less { Ordering::Less } else { Ordering::Greater };
        let start = self.ranked.seek(|item| order(is_above(item)));
        let end = self.ranked.seek(|item| order(!is_below(item)));
        start..end.max(start)
    }

    pub(super) fn scan(&self, cursor: u64, mut emit: impl FnMut(&[u8], f64)) -> u64 {
        self.members.scan(cursor, |handle, item| emit(item.key, score_at(&self.members, handle)))
    }

    pub(super) fn add(
        &mut self,
        member: &[u8],
        score: f64,
        options: AddOptions,
    ) -> Result<Added, NotANumber> {
        let hash = self.members.hash(member);
        let Some(handle) = self.members.find_hashed(hash, member) else {
            if options.only == Only::Existing {
                return Ok(Added::Refused);
            }
            let item = dict::Item { key: member, value: &score.to_le_bytes(), deadline: None };
            let handle = self.members.insert_hashed(hash, item);
            let added = self.ranked.insert(Item::new(score, handle), place(&self.members, member, score));
            debug_assert!(added, "the dictionary did not have the member");
            return Ok(Added::New(score));
        };
        let old = score_at(&self.members, handle);
        let Some(new) = options.over(old, score)? else { return Ok(Added::Refused) };
        if new == old {
            return Ok(Added::Same(new));
        }
        // The item itself is told by its handle, without a look at its member.
        let mut by_member = place(&self.members, member, old);
        let removed =
            self.ranked.remove(|item| if item.member == handle { Ordering::Equal } else { by_member(item) });
        drop(by_member);
        debug_assert!(removed.is_some(), "the tree has each member");
        self.members.value_mut(handle).copy_from_slice(&new.to_le_bytes());
        self.ranked.insert(Item::new(new, handle), place(&self.members, member, new));
        Ok(Added::Changed(new))
    }

    /// A hint that a member, which is in the cache already if it is there, will be looked for in its order.
    pub(crate) fn prefetch_rank(&self, member: &[u8]) {
        if let Some(handle) = self.members.find(member) {
            self.prefetch_score(score_at(&self.members, handle));
        }
    }

    fn prefetch_score(&self, score: f64) {
        self.ranked.prefetch(|item| by_score(item.score(), score));
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let Some(handle) = self.members.find(member) else { return false };
        let score = score_at(&self.members, handle);
        let removed = self.ranked.remove(place(&self.members, member, score));
        debug_assert!(removed.is_some(), "the tree has each member");
        self.members.remove(handle);
        self.compact(1);
        true
    }

    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>, mut taken: impl FnMut(Pair<'_>)) {
        let before = self.len();
        let members = &mut self.members;
        self.ranked.remove_range(ranks, |item| {
            taken(item.pair(members));
            members.remove(item.member);
        });
        self.compact(before - self.len());
    }

    /// Closes holes in the dictionary after so many removals, and follows the members that move.
    fn compact(&mut self, removals: usize) {
        for _ in 0..removals {
            if !self.members.is_sparse() {
                return;
            }
            let mut moves = SmallVec::<[(Handle, Handle); COMPACT_SLOTS]>::new();
            self.members.compact(COMPACT_SLOTS, |old, new| moves.push((old, new)));
            let members = &self.members;
            for (done, &(_, new)) in moves.iter().enumerate() {
                // A member that is moved twice is told of twice, and the slot that one has left may be
                // another's now. So what the tree says of those not yet followed is read through all that has
                // happened since.
                let rest = &moves[done..];
                let moved =
                    |handle| rest.iter().fold(handle, |at, &(old, new)| if at == old { new } else { at });
                let at = moved(rest[0].0);
                let (member, score) = (members.key(at), score_at(members, at));
                let order = |item: &Item| {
                    by_score(item.score(), score).then_with(|| members.key(moved(item.member)).cmp(member))
                };
                let found = self.ranked.update(order, |item| item.member = new);
                debug_assert!(found, "the tree has each member");
            }
        }
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        assert_eq!(self.members.len(), self.ranked.len());
        let items: Vec<_> = self.ranked.iter().copied().collect();
        for pair in items.windows(2) {
            assert_eq!(pair[0].compare(pair[1], &self.members), Ordering::Less);
        }
        for item in items {
            let member = self.members.key(item.member);
            assert_eq!(self.members.find(member), Some(item.member));
            assert_eq!(score_at(&self.members, item.member).to_bits(), item.score().to_bits());
        }
    }
}

impl Clone for LargeSortedSet {
    fn clone(&self) -> Self {
        let mut copy = Self { members: self.members.empty_like(), ranked: Ranked::new() };
        copy.extend_in_order(self.range(0..self.len()));
        copy
    }
}

impl HeapBytes for LargeSortedSet {
    fn heap_bytes(&self) -> usize {
        malloc_bytes(size_of::<Self>()) + self.members.memory_bytes() + self.ranked.memory_bytes()
    }
}

/// Pairs in order, from either end.
#[derive(Debug, Clone)]
pub(super) struct Walk<'a> {
    items: ranked::Range<'a, Item>,
    members: &'a Dict,
    /// How many of the next members have been asked for. They lie anywhere, so they are fetched side by side.
    fetched: usize,
}

/// Members that are asked for at once.
const FETCH: usize = 12;

impl Walk<'_> {
    #[inline]
    fn fetch<'i>(&mut self, next: impl Iterator<Item = &'i Item>) {
        next.take(FETCH).for_each(|item| self.members.prefetch(item.member));
        self.fetched = FETCH;
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        if self.fetched == 0 {
            self.fetch(self.items.clone());
        }
        self.fetched -= 1;
        self.items.next().map(|item| item.pair(self.members))
    }
}

impl DoubleEndedIterator for Walk<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.fetched == 0 {
            self.fetch(self.items.clone().rev());
        }
        self.fetched -= 1;
        self.items.next_back().map(|item| item.pair(self.members))
    }
}
