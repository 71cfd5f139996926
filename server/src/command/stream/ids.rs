//! Ids among the words of a command.

use scrubjay::StreamId;

use crate::command::args::Args;
use crate::error::Error;

pub(super) const INVALID: Error = Error::Text("ERR Invalid stream ID specified as stream command argument");

/// Which end of a range a word stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    First,
    Last,
}

impl End {
    /// What completes a millisecond alone: the whole millisecond is meant.
    fn seq_missing(self) -> u64 {
        match self {
            Self::First => 0,
            Self::Last => u64::MAX,
        }
    }
}

/// An id, complete or without its second number, which is then nought.
pub(super) fn id(word: &[u8]) -> Result<StreamId, Error> {
    StreamId::parse(word, 0).ok_or(INVALID)
}

/// The ids from this word on.
pub(super) fn ids(args: Args<'_>, first: usize) -> Result<Vec<StreamId>, Error> {
    (first..args.len()).map(|index| id(args.at(index))).collect()
}

/// An id, or `-` or `+` for the first and the last there can be.
pub(super) fn id_or_end(word: &[u8], end: End) -> Result<StreamId, Error> {
    match c_string(word) {
        b"-" => Ok(StreamId::ZERO),
        b"+" => Ok(StreamId::MAX),
        _ => StreamId::parse(word, end.seq_missing()).ok_or(INVALID),
    }
}

/// An end of a range: as above, or an id that is not in it, behind an opening parenthesis.
pub(super) fn bound(word: &[u8], end: End) -> Result<StreamId, Error> {
    let Some(excluded) = word.strip_prefix(b"(").filter(|rest| !rest.is_empty()) else {
        return id_or_end(word, end);
    };
    let id = StreamId::parse(excluded, end.seq_missing()).ok_or(INVALID)?;
    match end {
        End::First => id.next().ok_or(Error::Text("ERR invalid start ID for the interval")),
        End::Last => id.previous().ok_or(Error::Text("ERR invalid end ID for the interval")),
    }
}

/// Valkey compares words like these as C strings, which end at a zero byte.
pub(super) fn c_string(word: &[u8]) -> &[u8] {
    &word[..memchr::memchr(0, word).unwrap_or(word.len())]
}

/// A `COUNT` of what is replied, where nought and less stand for everything.
pub(super) fn count_or_all(args: Args<'_>, index: usize) -> Result<u64, Error> {
    Ok(match u64::try_from(args.integer(index)?) {
        Ok(0) | Err(_) => u64::MAX,
        Ok(count) => count,
    })
}
