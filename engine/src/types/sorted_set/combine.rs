//! Union, intersection and difference.

use std::ops::ControlFlow;

use super::{Builder, SortedSetRef};
use crate::collections::packed::Digits;
use crate::types::set::SetRef;

/// What can be combined.
#[derive(Debug, Clone, Copy)]
pub enum Source<'a> {
    /// A key that is not there: nothing.
    Nothing,
    /// A sorted set.
    SortedSet(SortedSetRef<'a>),
    /// A set: each member has the score 1.
    Set(SetRef<'a>),
}

impl Source<'_> {
    /// How many members it has.
    pub fn len(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::SortedSet(set) => set.len(),
            Self::Set(set) => set.len(),
        }
    }

    /// Whether it has no members.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Nothing => None,
            Self::SortedSet(set) => set.score(member),
            Self::Set(set) => set.contains(member).then_some(1.0),
        }
    }

    /// Hands out members with their scores until it is told to stop.
    fn walk(self, mut each: impl FnMut(&[u8], f64) -> bool) {
        let mut digits = Digits::default();
        match self {
            Self::Nothing => {}
            Self::SortedSet(set) => {
                set.iter().all(|pair| each(pair.member.text(&mut digits), pair.score));
            }
            Self::Set(set) => {
                let _ = set.try_for_each(|member| match each(member.text(&mut digits), 1.0) {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                });
            }
        }
    }
}

/// A source, and what its scores are multiplied by.
#[derive(Debug, Clone, Copy)]
pub struct Weighted<'a> {
    /// The source.
    pub source: Source<'a>,
    /// The factor.
    pub weight: f64,
}

impl Weighted<'_> {
    /// A score in its weight. Nought times infinity is nought.
    pub(super) fn weigh(&self, score: f64) -> f64 {
        number_or_nought(self.weight * score)
    }
}

/// What becomes of the scores of a member that is in several sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Aggregate {
    /// Their sum.
    #[default]
    Sum,
    /// The lowest.
    Min,
    /// The highest.
    Max,
}

impl Aggregate {
    /// Infinity and minus infinity add up to nought. Of two that are equal, as nought and minus nought are,
    /// the first stays.
    pub(super) fn of(self, first: f64, second: f64) -> f64 {
        match self {
            Self::Sum => number_or_nought(first + second),
            Self::Min => {
                if second < first {
                    second
                } else {
                    first
                }
            }
            Self::Max => {
                if second > first {
                    second
                } else {
                    first
                }
            }
        }
    }
}

fn number_or_nought(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// The sources from the smallest to the largest, in which order Valkey adds up scores.
fn by_size<'a>(sources: &[Weighted<'a>]) -> Vec<Weighted<'a>> {
    let mut sources = sources.to_vec();
    sources.sort_by_key(|weighted| weighted.source.len());
    sources
}

/// The members of any source.
pub fn union(sources: &[Weighted<'_>], aggregate: Aggregate, seed: u64) -> Builder {
    let mut builder = Builder::new(seed);
    for weighted in by_size(sources) {
        weighted.source.walk(|member, score| {
            builder.merge(member, weighted.weigh(score), |first, second| aggregate.of(first, second));
            true
        });
    }
    builder
}

/// The members of all sources.
pub fn intersection(sources: &[Weighted<'_>], aggregate: Aggregate, seed: u64) -> Builder {
    let mut builder = Builder::new(seed);
    let sources = by_size(sources);
    let Some((smallest, others)) = sources.split_first() else { return builder };
    smallest.source.walk(|member, score| {
        let mut score = smallest.weigh(score);
        for other in others {
            let Some(second) = other.source.score(member) else { return true };
            // Here nought times infinity stays what it is, which is neither lower nor higher than any.
            score = aggregate.of(score, other.weight * second);
        }
        builder.add(member, score);
        true
    });
    builder
}

/// How many members all sources have, counted no further than `limit`.
pub fn intersection_count(sources: &[Source<'_>], limit: usize) -> usize {
    let mut sources = sources.to_vec();
    sources.sort_by_key(|source| source.len());
    let Some((smallest, others)) = sources.split_first() else { return 0 };
    let mut count = 0;
    smallest.walk(|member, _| {
        count += usize::from(others.iter().all(|other| other.score(member).is_some()));
        count < limit
    });
    count
}

/// The members of the first source that no other has.
pub fn difference(sources: &[Source<'_>], seed: u64) -> Builder {
    let mut builder = Builder::new(seed);
    let Some((first, others)) = sources.split_first() else { return builder };
    first.walk(|member, score| {
        if others.iter().all(|other| other.score(member).is_none()) {
            builder.add(member, score);
        }
        true
    });
    builder
}
