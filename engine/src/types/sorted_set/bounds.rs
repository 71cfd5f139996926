//! Ranges of scores and of members.

use std::cmp::Ordering;
use std::ops::{Bound, RangeBounds};

use crate::collections::packed::Element;

/// A range of scores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoreRange {
    /// The lowest.
    pub min: Bound<f64>,
    /// The highest.
    pub max: Bound<f64>,
}

impl ScoreRange {
    /// Every score.
    pub const ALL: Self = Self { min: Bound::Unbounded, max: Bound::Unbounded };

    /// The range that a Rust range stands for: `1.0..`, `0.0..=5.0`.
    pub fn of(range: impl RangeBounds<f64>) -> Self {
        Self { min: range.start_bound().cloned(), max: range.end_bound().cloned() }
    }

    /// Whether a score comes before the range.
    #[inline]
    pub(super) fn is_above(&self, score: f64) -> bool {
        match self.min {
            Bound::Included(min) => score < min,
            Bound::Excluded(min) => score <= min,
            Bound::Unbounded => false,
        }
    }

    /// Whether a score comes behind the range.
    #[inline]
    pub(super) fn is_below(&self, score: f64) -> bool {
        match self.max {
            Bound::Included(max) => score > max,
            Bound::Excluded(max) => score >= max,
            Bound::Unbounded => false,
        }
    }
}

/// One end of a range of members.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LexBound<'a> {
    /// Before all members: `-`.
    Least,
    /// Behind all members: `+`.
    Greatest,
    /// This member, and it belongs to the range: `[member`.
    Included(&'a [u8]),
    /// This member, and it does not belong to the range: `(member`.
    Excluded(&'a [u8]),
}

/// A range of members, in the order of their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LexRange<'a> {
    /// The end where it begins.
    pub min: LexBound<'a>,
    /// The end where it ends.
    pub max: LexBound<'a>,
}

impl LexRange<'_> {
    /// Whether a member comes before the range.
    #[inline]
    pub(super) fn is_above(&self, member: Element<'_>) -> bool {
        match self.min {
            LexBound::Least => false,
            LexBound::Greatest => true,
            LexBound::Included(min) => member.compare(min) == Ordering::Less,
            LexBound::Excluded(min) => member.compare(min) != Ordering::Greater,
        }
    }

    /// Whether a member comes behind the range.
    #[inline]
    pub(super) fn is_below(&self, member: Element<'_>) -> bool {
        match self.max {
            LexBound::Least => true,
            LexBound::Greatest => false,
            LexBound::Included(max) => member.compare(max) == Ordering::Greater,
            LexBound::Excluded(max) => member.compare(max) != Ordering::Less,
        }
    }
}
