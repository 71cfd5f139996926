//! Ids of entries: a moment in milliseconds and a number among the entries of that moment.

use std::fmt;

use crate::integer;

/// The longest text that is read as an id.
const TEXT_BYTES_MAX: usize = 127;

/// What an entry is named by, and where it stands: the entries of a stream are in the order of their ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct StreamId {
    /// Milliseconds since the epoch, if the stream made the id.
    pub ms: u64,
    /// Tells ids of the same millisecond apart.
    pub seq: u64,
}

impl StreamId {
    /// Before every entry: no entry has it.
    pub const ZERO: Self = Self { ms: 0, seq: 0 };
    /// The last one there can be.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// An id of these numbers.
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The id right behind this one.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The id right before this one.
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// Reads `ms-seq`, or `ms` alone, which is then completed with `seq_missing`.
    ///
    /// ```
    /// use scrubjay::StreamId;
    ///
    /// assert_eq!(StreamId::parse(b"15-3", 0), Some(StreamId::new(15, 3)));
    /// assert_eq!(StreamId::parse(b"15", 7), Some(StreamId::new(15, 7)));
    /// assert_eq!(StreamId::parse(b"-", 0), None);
    /// ```
    pub fn parse(text: &[u8], seq_missing: u64) -> Option<Self> {
        let (ms, seq) = split(text)?;
        let ms = number(ms)?;
        Some(Self { ms, seq: seq.map_or(Some(seq_missing), number)? })
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// Which id a new entry is to get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NewId {
    /// The moment's, or the next one if that is taken.
    Auto,
    /// The next one of this millisecond.
    At(u64),
    /// This one.
    Given(StreamId),
}

impl NewId {
    /// Reads `*`, `ms-*` or an id.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = as_c_string(text);
        match split(text) {
            _ if text == b"*" => Some(Self::Auto),
            Some((ms, Some(b"*"))) => number(ms).map(Self::At),
            _ => StreamId::parse(text, 0).map(Self::Given),
        }
    }
}

/// What stands before the first dash and what behind it.
fn split(text: &[u8]) -> Option<(&[u8], Option<&[u8]>)> {
    if text.len() > TEXT_BYTES_MAX {
        return None;
    }
    let text = as_c_string(text);
    Some(match text.iter().position(|&byte| byte == b'-') {
        Some(dash) => (&text[..dash], Some(&text[dash + 1..])),
        None => (text, None),
    })
}

/// Valkey reads ids as C strings, which end at a zero byte.
fn as_c_string(text: &[u8]) -> &[u8] {
    text.iter().position(|&byte| byte == 0).map_or(text, |end| &text[..end])
}

/// Reads a number as Valkey does: what is no canonical number gets the leniency of C's `strtoull`, with
/// blanks, a sign and noughts in front, and a minus counts down from 2^64. Held by `tests/commands/stream`.
fn number(text: &[u8]) -> Option<u64> {
    if let Some(number) = integer::parse(text) {
        return u64::try_from(number).ok();
    }
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r');
    let start = text.iter().position(|byte| !is_blank(byte))?;
    let (negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let magnitude = digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })?;
    Some(if negative { magnitude.wrapping_neg() } else { magnitude })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_one_another() {
        let (a, b) = (StreamId::new(3, u64::MAX), StreamId::new(4, 0));
        assert_eq!((a.next(), b.previous()), (Some(b), Some(a)));
        assert_eq!((StreamId::MAX.next(), StreamId::ZERO.previous()), (None, None));
        assert!(a < b && StreamId::ZERO < a && b < StreamId::MAX);
        assert_eq!(a.to_string(), "3-18446744073709551615");
    }

    #[test]
    fn numbers_are_read_leniently() {
        let cases = [
            ("0", Some(0)),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551616", None),
            ("007", Some(7)),
            ("+7", Some(7)),
            (" \t\n7", Some(7)),
            ("-7", None),
            ("-07", Some(7u64.wrapping_neg())),
            (" -7", Some(7u64.wrapping_neg())),
            ("7 ", None),
            ("", None),
            ("+", None),
            (" ", None),
            ("+-7", None),
            ("0x7", None),
        ];
        for (text, wanted) in cases {
            assert_eq!(number(text.as_bytes()), wanted, "{text:?}");
        }
    }

    #[test]
    fn ids_are_read() {
        assert_eq!(StreamId::parse(b"5-", 1), None);
        assert_eq!(StreamId::parse(b"5-6\x007", 1), Some(StreamId::new(5, 6)));
        assert_eq!(StreamId::parse(b"5--06", 1), Some(StreamId::new(5, 6u64.wrapping_neg())));
        assert_eq!(StreamId::parse(&[b'0'; 127], 1), Some(StreamId::new(0, 1)));
        assert_eq!(StreamId::parse(&[b'0'; 128], 1), None);
        assert_eq!(NewId::parse(b"*"), Some(NewId::Auto));
        assert_eq!(NewId::parse(b"5-*"), Some(NewId::At(5)));
        assert_eq!(NewId::parse(b"5-**"), None);
        assert_eq!(NewId::parse(b"5"), Some(NewId::Given(StreamId::new(5, 0))));
    }
}
