//! Building a sorted set whole: members come in any order, and are put in theirs once.

use super::large::{Item, LargeSortedSet};
use super::packed::PackedPairsBuf;
use super::{Limits, SortedSet};
use crate::collections::dict::{self, Dict};

/// A sorted set in the making.
#[derive(Debug)]
pub struct Builder {
    /// Each member's value is its score.
    members: Dict,
    longest_bytes: usize,
    /// The bounds of the small form for as long as a set that grows would have it.
    small: Option<Limits>,
}

impl Builder {
    /// Nothing yet. The seed is that of the dictionary, should there be one.
    pub fn new(seed: u64) -> Self {
        Self { members: Dict::new(seed), longest_bytes: 0, small: None }
    }

    /// Nothing yet of a set that Valkey fills member by member, and makes in the small form unless so many
    /// are `expected` that they will not fit. There a score of -0 is 0, and stays so.
    pub fn growing(seed: u64, expected: usize, limits: &Limits) -> Self {
        let small = (expected <= limits.zset_max_listpack_entries).then_some(*limits);
        Self { small, ..Self::new(seed) }
    }

    /// How many members there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Adds a member; whether it is a new one. The score of one that was there stays. A score is a number.
    pub fn add(&mut self, member: &[u8], score: f64) -> bool {
        self.small = self.small.filter(|limits| {
            self.members.len() < limits.zset_max_listpack_entries
                && member.len() <= limits.zset_max_listpack_value
        });
        let score = if self.small.is_some() && score == 0.0 { 0.0 } else { score };
        self.merge(member, score, |old, _| old)
    }

    /// Adds a member, or gives one that is there the score that `merge` makes of the old and the new one;
    /// whether it is a new one.
    pub fn merge(&mut self, member: &[u8], score: f64, merge: impl FnOnce(f64, f64) -> f64) -> bool {
        debug_assert!(!score.is_nan());
        let hash = self.members.hash(member);
        match self.members.find_hashed(hash, member) {
            Some(handle) => {
                let value = self.members.value_mut(handle);
                let old =
                    f64::from_le_bytes((&*value).try_into().expect("invariant: a score is eight bytes"));
                value.copy_from_slice(&merge(old, score).to_le_bytes());
                false
            }
            None => {
                let item = dict::Item { key: member, value: &score.to_le_bytes(), deadline: None };
                self.members.insert_hashed(hash, item);
                self.longest_bytes = self.longest_bytes.max(member.len());
                true
            }
        }
    }

    /// The sorted set, in the small form wherever it fits.
    pub fn finish(self, limits: &Limits) -> SortedSet {
        let fits = self.len() <= limits.zset_max_listpack_entries
            && self.longest_bytes <= limits.zset_max_listpack_value;
        let items = self.items();
        if !fits {
            return SortedSet::Large(Box::new(LargeSortedSet::from_parts(self.members, items)));
        }
        let mut packed = PackedPairsBuf::new();
        for item in items {
            packed.push(item.member(&self.members), item.score());
        }
        SortedSet::Packed(packed)
    }

    /// The sorted set in the large form, for whoever only reads it and drops it again.
    pub fn finish_large(self) -> SortedSet {
        let items = self.items();
        SortedSet::Large(Box::new(LargeSortedSet::from_parts(self.members, items)))
    }

    fn items(&self) -> Vec<Item> {
        let item = |(handle, item): (_, dict::Item<'_>)| {
            Item::new(
                f64::from_le_bytes(item.value.try_into().expect("invariant: a score is eight bytes")),
                handle,
            )
        };
        let mut items: Vec<Item> = self.members.iter().map(item).collect();
        items.sort_unstable_by(|a, b| a.compare(*b, &self.members));
        items
    }
}
