//! The small form: member and score by turns, in order.

use std::cmp::Ordering;
use std::ops::Range;

use super::{LexRange, Limits, Pair, ScoreRange};
use crate::collections::packed::{Element, Packed, PackedBuf};
use crate::double::DoubleText;

/// Pairs, to read.
#[derive(Debug, Clone, Copy)]
pub struct PackedPairs<'a>(Packed<'a>);

/// Where a member lies, and its score.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) at: usize,
    pub(super) score: f64,
}

impl<'a> PackedPairs<'a> {
    pub(super) fn new(elements: Packed<'a>) -> Self {
        Self(elements)
    }

    pub(super) fn elements(self) -> Packed<'a> {
        self.0
    }

    pub(super) fn len(self) -> usize {
        self.0.len() / 2
    }

    pub(super) fn find(self, member: &[u8]) -> Option<Found> {
        let at = self.0.find(member, 1, self.0.first()?)?;
        Some(Found { at, score: score_of(self.0.at(self.0.after(at))) })
    }

    pub(super) fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        let wanted = Element::of(member);
        let (rank, pair) = self.all().enumerate().find(|(_, pair)| pair.member.same(wanted, member))?;
        Some((rank, pair.score))
    }

    pub(super) fn range(self, ranks: Range<usize>) -> Walk<'a> {
        let len = self.len();
        let (start, end) = (ranks.start.min(len), ranks.end.min(len));
        let offset = |rank: usize| self.0.seek(2 * rank).unwrap_or(self.0.end());
        if start >= end {
            return Walk { elements: self.0, front: 0, back: 0, len: 0 };
        }
        Walk { elements: self.0, front: offset(start), back: offset(end), len: end - start }
    }

    fn all(self) -> Walk<'a> {
        self.range(0..usize::MAX)
    }

    pub(super) fn score_ranks(self, range: &ScoreRange) -> Range<usize> {
        let mut pairs = self.all();
        let start = pairs.by_ref().take_while(|pair| range.is_above(pair.score)).count();
        let end = self.range(start..usize::MAX).take_while(|pair| !range.is_below(pair.score)).count();
        start..start + end
    }

    /// Where scores differ, members are in no order. Valkey then finds nothing if the last member comes
    /// before the range or the first one behind it, and otherwise walks to the first member that is within
    /// the end it comes from, and from there to the first one that is not within the other.
    pub(super) fn lex_ranks(self, range: &LexRange<'_>, backward: bool) -> Range<usize> {
        let mut ends = self.all();
        let first = ends.next();
        let last = ends.next_back().or(first);
        let nothing = first.is_none_or(|pair| range.is_below(pair.member))
            || last.is_none_or(|pair| range.is_above(pair.member));
        if nothing {
            return 0..0;
        }
        if backward {
            let skipped = self.all().rev().take_while(|pair| range.is_below(pair.member)).count();
            let end = self.len() - skipped;
            let count = self.range(0..end).rev().take_while(|pair| !range.is_above(pair.member)).count();
            end - count..end
        } else {
            let start = self.all().take_while(|pair| range.is_above(pair.member)).count();
            let rest = self.range(start..usize::MAX);
            let count = rest.take_while(|pair| !range.is_below(pair.member)).count();
            start..start + count
        }
    }
}

/// Pairs in order, from either end.
#[derive(Debug, Clone)]
pub(super) struct Walk<'a> {
    elements: Packed<'a>,
    /// Where the next pair lies from the front, and where the next one ends from the back.
    front: usize,
    back: usize,
    /// How many are between.
    len: usize,
}

impl Walk<'_> {
    pub(super) fn len(&self) -> usize {
        self.len
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = Pair<'a>;

    #[inline]
    fn next(&mut self) -> Option<Pair<'a>> {
        self.len = self.len.checked_sub(1)?;
        let mut elements = self.elements.iter_from(self.front);
        let pair = elements.next().zip(elements.next());
        let (member, score) = pair.expect("invariant: a score follows each member");
        self.front = elements.offset();
        Some(Pair { member, score: score_of(score) })
    }
}

impl DoubleEndedIterator for Walk<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        self.len = self.len.checked_sub(1)?;
        let before = |at| self.elements.before(at).expect("invariant: a score follows each member");
        let score = before(self.back);
        self.back = before(score);
        Some(Pair { member: self.elements.at(self.back), score: score_of(self.elements.at(score)) })
    }
}

/// Pairs, to change.
#[derive(Debug)]
pub struct PackedPairsBuf(PackedBuf);

impl From<PackedBuf> for PackedPairsBuf {
    fn from(elements: PackedBuf) -> Self {
        Self(elements)
    }
}

impl PackedPairsBuf {
    pub(super) fn new() -> Self {
        Self(PackedBuf::new())
    }

    pub(super) fn into_elements(self) -> PackedBuf {
        self.0
    }

    pub(super) fn as_pairs(&self) -> PackedPairs<'_> {
        PackedPairs(self.0.as_packed())
    }

    /// Whether another member may come without the set becoming large.
    pub(super) fn has_room_for(&self, member: &[u8], limits: &Limits) -> bool {
        self.as_pairs().len() < limits.zset_max_listpack_entries
            && member.len() <= limits.zset_max_listpack_value
            && self.0.as_packed().has_room_for(member.len())
    }

    /// Adds a member that is not there.
    pub(super) fn insert(&mut self, member: &[u8], score: f64) {
        let at = self.place(member, score);
        self.insert_at(at, member, score);
    }

    /// Adds a member that comes after all others.
    pub(super) fn push(&mut self, member: &[u8], score: f64) {
        self.insert_at(self.0.as_packed().end(), member, score);
    }

    /// Gives the member at an offset another score.
    pub(super) fn replace(&mut self, at: usize, member: &[u8], score: f64) {
        self.0.remove(at, 2);
        self.insert(member, score);
    }

    pub(super) fn remove(&mut self, member: &[u8]) -> bool {
        let found = self.as_pairs().find(member);
        if let Some(found) = found {
            self.0.remove(found.at, 2);
        }
        found.is_some()
    }

    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>, taken: impl FnMut(Pair<'_>)) {
        let walk = self.as_pairs().range(ranks);
        let Walk { front, back, len, .. } = walk;
        walk.for_each(taken);
        if len > 0 {
            self.0.cut(front, back, 2 * len);
        }
    }

    fn insert_at(&mut self, at: usize, member: &[u8], score: f64) {
        self.0.insert_before(at, member);
        let behind = self.0.as_packed().after(at);
        // Minus nought would be text; Valkey writes it as the integer.
        let text = DoubleText::new(if score == 0.0 { 0.0 } else { score });
        self.0.insert_before(behind, text.as_bytes());
    }

    /// Where a member with this score belongs: in front of the first that comes after it.
    fn place(&self, member: &[u8], score: f64) -> usize {
        let comes_after = |pair: &Pair<'_>| match pair.score.partial_cmp(&score) {
            Some(Ordering::Equal) => pair.member.compare(member) == Ordering::Greater,
            order => order == Some(Ordering::Greater),
        };
        let mut walk = self.as_pairs().all();
        // What grows, mostly grows at the end.
        if !walk.clone().next_back().is_some_and(|last| comes_after(&last)) {
            return self.0.as_packed().end();
        }
        loop {
            let at = walk.front;
            if walk.next().is_none_or(|pair| comes_after(&pair)) {
                return at;
            }
        }
    }
}

/// The score that an element stands for.
#[inline]
fn score_of(element: Element<'_>) -> f64 {
    match element {
        Element::Int(score) => score as f64,
        Element::Text(text) => {
            let text = std::str::from_utf8(text).ok();
            text.and_then(|text| text.parse().ok()).expect("invariant: a score is the text of a number")
        }
    }
}
