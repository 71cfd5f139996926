//! Sorted sets: different byte strings, each with a score, in the order of scores, and of bytes where scores
//! are equal.
//!
//! A small one is packed: member and score by turns, in order, a score as the text that `ZSCORE` replies (an
//! integer's is kept as a number). A large one is two collections (`large`): a tree of scores and handles
//! that knows ranks, and a dictionary of members with their scores.
//!
//! A sorted set that has outgrown the small form stays large when it shrinks again; only one that is built
//! anew ([`Builder`]) is small wherever it fits.
//!
//! Scores are never NaN. Nought and minus nought are equal; the small form does not keep the sign of nought,
//! as Valkey's does not.

mod bounds;
mod build;
mod combine;
mod large;
mod packed;
#[cfg(all(test, not(shuttle)))]
mod tests;

use std::ops::Range;

pub use self::bounds::{LexBound, LexRange, ScoreRange};
pub use self::build::Builder;
pub use self::combine::{Aggregate, Source, Weighted, difference, intersection, intersection_count, union};
pub use self::large::LargeSortedSet;

use self::packed::{PackedPairs, PackedPairsBuf};
use super::{Collection, Encoding, Kind, Limits, Object, Value};
use crate::collections::packed::{Element, Packed, PackedBuf};
use crate::random::Random;

/// A member and its score.
#[derive(Debug, Clone, Copy)]
pub struct Pair<'a> {
    /// The member, as it is kept.
    pub member: Element<'a>,
    /// Its score.
    pub score: f64,
}

/// A sum of scores is not a number: infinity was taken from infinity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotANumber;

/// Which members [`SortedSet::add`] touches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Only {
    /// All.
    #[default]
    Any,
    /// Those that are not there yet: `NX`.
    New,
    /// Those that are there: `XX`.
    Existing,
}

/// Which way [`SortedSet::add`] may change the score of a member that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Toward {
    /// Either.
    #[default]
    Any,
    /// Up: `GT`.
    Greater,
    /// Down: `LT`.
    Less,
}

/// What [`SortedSet::add`] does with a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddOptions {
    /// Which members it touches.
    pub only: Only,
    /// Which way a score may change.
    pub toward: Toward,
    /// Whether the score is added to the one that is there.
    pub increment: bool,
}

/// What [`SortedSet::add`] has done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Added {
    /// The member is new, with this score.
    New(f64),
    /// The member has this score now, and had another.
    Changed(f64),
    /// The member had this score already.
    Same(f64),
    /// Nothing, as the options said.
    Refused,
}

impl AddOptions {
    /// The score that a member is to have which has one already; none when the options do not allow it.
    fn over(self, old: f64, given: f64) -> Result<Option<f64>, NotANumber> {
        if self.only == Only::New {
            return Ok(None);
        }
        let score = if self.increment { old + given } else { given };
        if score.is_nan() {
            return Err(NotANumber);
        }
        let allowed = match self.toward {
            Toward::Any => true,
            Toward::Greater => score > old,
            Toward::Less => score < old,
        };
        Ok(allowed.then_some(score))
    }
}

/// Which end of a sorted set something is taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// Where scores are lowest.
    Min,
    /// Where scores are highest.
    Max,
}

/// A sorted set, to read.
#[derive(Debug, Clone, Copy)]
pub enum SortedSetRef<'a> {
    /// A small one.
    Packed(PackedPairs<'a>),
    /// A large one.
    Large(&'a LargeSortedSet),
}

impl<'a> SortedSetRef<'a> {
    /// How many members it has.
    pub fn len(self) -> usize {
        match self {
            Self::Packed(pairs) => pairs.len(),
            Self::Large(large) => large.len(),
        }
    }

    /// Whether it has no members.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The score of a member.
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Packed(pairs) => pairs.find(member).map(|found| found.score),
            Self::Large(large) => large.score(member),
        }
    }

    /// The rank of a member, from the lowest score up, and its score.
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self {
            Self::Packed(pairs) => pairs.rank(member),
            Self::Large(large) => large.rank(member),
        }
    }

    /// All pairs, from either end.
    pub fn iter(self) -> Pairs<'a> {
        self.range(0..self.len())
    }

    /// The pairs of a range of ranks, from either end. What of it is past the end does not matter.
    pub fn range(self, ranks: Range<usize>) -> Pairs<'a> {
        match self {
            Self::Packed(pairs) => Pairs(Walk::Packed(pairs.range(ranks))),
            Self::Large(large) => Pairs(Walk::Large(large.range(ranks))),
        }
    }

    /// The ranks of the members whose scores lie within a range.
    pub fn score_ranks(self, range: &ScoreRange) -> Range<usize> {
        match self {
            Self::Packed(pairs) => pairs.score_ranks(range),
            Self::Large(large) => large.score_ranks(range),
        }
    }

    /// The pairs whose scores lie within a range, from either end.
    pub fn range_by_score(self, range: &ScoreRange) -> Pairs<'a> {
        self.range(self.score_ranks(range))
    }

    /// The ranks of the members that lie within a range of bytes, where all scores are equal.
    ///
    /// Where they are not, what Valkey replies depends on the end it begins at and, for a large set, on
    /// chance. A small one is walked as there: from its greatest member down if `backward`.
    pub fn lex_ranks(self, range: &LexRange<'_>, backward: bool) -> Range<usize> {
        match self {
            Self::Packed(pairs) => pairs.lex_ranks(range, backward),
            Self::Large(large) => large.lex_ranks(range),
        }
    }

    /// A pair, each equally likely; none of an empty set.
    pub fn random(self, random: &mut Random) -> Option<Pair<'a>> {
        let rank = random.below(self.len() as u64) as usize;
        self.range(rank..rank + 1).next()
    }

    /// Hands out some of the members and returns the cursor with which to go on, 0 after the last. What is
    /// there throughout is handed out at least once.
    pub fn scan(self, cursor: u64, mut emit: impl FnMut(Pair<'_>)) -> u64 {
        match self {
            Self::Packed(_) => {
                self.iter().for_each(emit);
                0
            }
            Self::Large(large) => {
                large.scan(cursor, |member, score| emit(Pair { member: Element::Text(member), score }))
            }
        }
    }

    /// The encoding that Valkey would report.
    pub fn encoding(self) -> Encoding {
        match self {
            Self::Packed(_) => Encoding::Listpack,
            Self::Large(_) => Encoding::Skiplist,
        }
    }

    /// The elements of a small one: member and score by turns.
    pub fn as_packed(self) -> Option<Packed<'a>> {
        match self {
            Self::Packed(pairs) => Some(pairs.elements()),
            Self::Large(_) => None,
        }
    }
}

/// Pairs in order, from either end.
#[derive(Debug, Clone)]
pub struct Pairs<'a>(Walk<'a>);

#[derive(Debug, Clone)]
enum Walk<'a> {
    Packed(packed::Walk<'a>),
    Large(large::Walk<'a>),
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        match &mut self.0 {
            Walk::Packed(walk) => walk.next(),
            Walk::Large(walk) => walk.next(),
        }
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        let len = match &self.0 {
            Walk::Packed(walk) => walk.len(),
            Walk::Large(walk) => walk.len(),
        };
        (len, Some(len))
    }
}

impl DoubleEndedIterator for Pairs<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            Walk::Packed(walk) => walk.next_back(),
            Walk::Large(walk) => walk.next_back(),
        }
    }
}

impl ExactSizeIterator for Pairs<'_> {}

/// A sorted set, to change.
#[derive(Debug)]
pub enum SortedSet {
    /// A small one.
    Packed(PackedPairsBuf),
    /// A large one.
    Large(Box<LargeSortedSet>),
}

impl SortedSet {
    /// The sorted set, to read.
    pub fn as_ref(&self) -> SortedSetRef<'_> {
        match self {
            Self::Packed(pairs) => SortedSetRef::Packed(pairs.as_pairs()),
            Self::Large(large) => SortedSetRef::Large(large),
        }
    }

    /// How many members it has.
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Whether it has no members.
    pub fn is_empty(&self) -> bool {
        self.as_ref().is_empty()
    }

    /// Goes over to the large form if so many members at once, the longest of so many bytes, call for it
    /// whatever is done with them; whether that has changed anything. Valkey's `ZADD` begins so.
    pub fn prepare_for(&mut self, members: usize, longest_bytes: usize, limits: &Limits, seed: u64) -> bool {
        let fits =
            members <= limits.zset_max_listpack_entries && longest_bytes <= limits.zset_max_listpack_value;
        let converts = !fits && matches!(self, Self::Packed(_));
        if converts {
            self.make_large(seed);
        }
        converts
    }

    /// Gives a member a score, as the options say. The seed is that of the dictionary, should the set become
    /// large.
    ///
    /// # Errors
    /// [`NotANumber`] when the sum of two scores is none; nothing is changed then.
    pub fn add(
        &mut self,
        member: &[u8],
        score: f64,
        options: AddOptions,
        limits: &Limits,
        seed: u64,
    ) -> Result<Added, NotANumber> {
        if let Self::Packed(pairs) = self {
            if let Some(found) = pairs.as_pairs().find(member) {
                let Some(new) = options.over(found.score, score)? else { return Ok(Added::Refused) };
                if new == found.score {
                    return Ok(Added::Same(new));
                }
                pairs.replace(found.at, member, new);
                return Ok(Added::Changed(new));
            }
            if options.only == Only::Existing {
                return Ok(Added::Refused);
            }
            if pairs.has_room_for(member, limits) {
                pairs.insert(member, score);
                return Ok(Added::New(score));
            }
        }
        self.make_large(seed).add(member, score, options)
    }

    /// Removes a member; whether it was there.
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Packed(pairs) => pairs.remove(member),
            Self::Large(large) => large.remove(member),
        }
    }

    /// Removes the members of a range of ranks and hands them out in order, from the lowest.
    pub fn remove_ranks(&mut self, ranks: Range<usize>, taken: impl FnMut(Pair<'_>)) {
        match self {
            Self::Packed(pairs) => pairs.remove_ranks(ranks, taken),
            Self::Large(large) => large.remove_ranks(ranks, taken),
        }
    }

    /// Removes up to `count` members from one end and hands them out, the outermost first; how many.
    pub fn pop(&mut self, end: End, count: usize, mut taken: impl FnMut(Pair<'_>)) -> usize {
        let len = self.len();
        let count = count.min(len);
        match end {
            End::Min => self.remove_ranks(0..count, taken),
            End::Max => {
                self.as_ref().range(len - count..len).rev().for_each(&mut taken);
                self.remove_ranks(len - count..len, |_| {});
            }
        }
        count
    }

    fn make_large(&mut self, seed: u64) -> &mut LargeSortedSet {
        if let Self::Packed(pairs) = self {
            let mut large = LargeSortedSet::new(seed);
            large.extend_in_order(SortedSetRef::Packed(pairs.as_pairs()).iter());
            *self = Self::Large(Box::new(large));
        }
        match self {
            Self::Large(large) => large,
            Self::Packed(_) => unreachable!("invariant: it has just been made large"),
        }
    }
}

impl Collection for SortedSet {
    const KIND: Kind = Kind::SortedSet;

    type Ref<'a> = SortedSetRef<'a>;

    fn lend(_encoding: Encoding, value: Value<'_>) -> SortedSetRef<'_> {
        match value {
            Value::Bytes(bytes) => SortedSetRef::Packed(PackedPairs::new(Packed::new(bytes))),
            Value::Large(Object::SortedSet(large)) => SortedSetRef::Large(large),
            Value::Large(_) => unreachable!("invariant: an object is of the kind that its entry says"),
        }
    }

    fn new() -> Self {
        Self::Packed(PackedPairsBuf::new())
    }

    fn from_parts(_encoding: Encoding, object: Object) -> Self {
        match object {
            Object::Bytes(bytes) => Self::Packed(PackedPairsBuf::from(PackedBuf::from_bytes(bytes))),
            Object::SortedSet(large) => Self::Large(large),
            _ => unreachable!("invariant: an object is of the kind that its entry says"),
        }
    }

    fn into_parts(self) -> (Encoding, Object) {
        match self {
            Self::Packed(pairs) => (Encoding::Listpack, Object::Bytes(pairs.into_elements().into_bytes())),
            Self::Large(large) => (Encoding::Skiplist, Object::SortedSet(large)),
        }
    }

    fn is_empty(&self) -> bool {
        self.as_ref().is_empty()
    }
}
