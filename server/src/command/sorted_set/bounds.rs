//! How the ends of ranges are read.

use std::ops::Bound;

use scrubjay::types::sorted_set::{LexBound, LexRange, ScoreRange};

use crate::error::Error;

/// A range of scores: `1.5`, `(1.5` without that score, `-inf`.
pub(super) fn scores(min: &[u8], max: &[u8]) -> Result<ScoreRange, Error> {
    match (score(min), score(max)) {
        (Some(min), Some(max)) => Ok(ScoreRange { min, max }),
        _ => Err(Error::Text("ERR min or max is not a float")),
    }
}

/// Unlike a score to be set, a bound may be too large for a double, or nothing at all, which is nought; and
/// it ends at a NUL, as C's texts do.
fn score(text: &[u8]) -> Option<Bound<f64>> {
    let number = |text: &[u8]| match text {
        [] => Some(0.0),
        text => std::str::from_utf8(text).ok()?.parse().ok().filter(|number: &f64| !number.is_nan()),
    };
    match text.split(|byte| *byte == 0).next()? {
        [b'(', rest @ ..] => number(rest).map(Bound::Excluded),
        text => number(text).map(Bound::Included),
    }
}

/// A range of members: `[member`, `(member` without that member, `-` and `+`.
pub(super) fn members<'a>(min: &'a [u8], max: &'a [u8]) -> Result<LexRange<'a>, Error> {
    match (member(min), member(max)) {
        (Some(min), Some(max)) => Ok(LexRange { min, max }),
        _ => Err(Error::Text("ERR min or max not valid string range item")),
    }
}

fn member(text: &[u8]) -> Option<LexBound<'_>> {
    match text {
        b"-" => Some(LexBound::Least),
        b"+" => Some(LexBound::Greatest),
        [b'[', member @ ..] => Some(LexBound::Included(member)),
        [b'(', member @ ..] => Some(LexBound::Excluded(member)),
        _ => None,
    }
}
