//! Strings: which of Valkey's encodings a value has, and when it is too large to lie beside its key.

use super::{Encoding, Object};
pub use crate::integer::parse as parse_integer;
use crate::raw::shared::SharedBytes;
use crate::raw::slab::{NewValue, fits_inline};

/// What Valkey embeds is a block of at most 128 bytes; so much is left of it for key, value and deadline.
const EMBEDDED_BYTES_MAX: usize = 113;
/// Keys from this length on have a longer header there.
const LONG_KEY_BYTES: usize = 32;
const LONG_KEY_HEADER_BYTES: usize = 2;
const DEADLINE_BYTES: usize = 8;

/// The encoding of a string that is set whole.
#[inline]
pub fn encoding_of(key_len: usize, value: &[u8], has_deadline: bool) -> Encoding {
    if is_canonical_integer(value) {
        Encoding::Int
    } else {
        encoding_of_text(key_len, value.len(), has_deadline)
    }
}

/// The encoding of a string of this length that is set whole, and is not taken for an integer.
#[inline]
pub fn encoding_of_text(key_len: usize, value_len: usize, has_deadline: bool) -> Encoding {
    let key_bytes = key_len.saturating_add(if key_len < LONG_KEY_BYTES { 0 } else { LONG_KEY_HEADER_BYTES });
    let beside = key_bytes.saturating_add(if has_deadline { DEADLINE_BYTES } else { 0 });
    if value_len.saturating_add(beside) <= EMBEDDED_BYTES_MAX { Encoding::Embstr } else { Encoding::Raw }
}

/// Whether the bytes are what an `i64` prints as.
#[inline]
pub fn is_canonical_integer(bytes: &[u8]) -> bool {
    parse_integer(bytes).is_some()
}

/// Whether a string of this length lies beside its key. A long key does not push its value out.
pub fn lies_inline(key_len: usize, value_len: usize, has_deadline: bool) -> bool {
    fits_inline(key_len.min(64), value_len, has_deadline)
}

/// The string as it is handed to a shard: beside its key if it fits there, else in a buffer of its own.
pub fn new_value(key_len: usize, value: &[u8], has_deadline: bool) -> NewValue<'_, Object> {
    if lies_inline(key_len, value.len(), has_deadline) {
        NewValue::Inline(value)
    } else {
        NewValue::Heap(Object::Bytes(SharedBytes::copy_from(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The longest value that Valkey 9.1.2 embeds, without and with a deadline, by the length of its key.
    #[test]
    fn embeds_what_valkey_embeds() {
        let table = [
            (0, Some(113), Some(105)),
            (1, Some(112), Some(104)),
            (16, Some(97), Some(89)),
            (31, Some(82), Some(74)),
            (32, Some(79), Some(71)),
            (64, Some(47), Some(39)),
            (100, Some(11), Some(3)),
            (103, Some(8), Some(0)),
            (104, Some(7), None),
            (111, Some(0), None),
            (112, None, None),
            (256, None, None),
        ];
        for (key_len, plain, mortal) in table {
            for (longest, has_deadline) in [(plain, false), (mortal, true)] {
                for value_len in 0..200 {
                    let embedded = longest.is_some_and(|longest| value_len <= longest);
                    let expected = if embedded { Encoding::Embstr } else { Encoding::Raw };
                    let got = encoding_of(key_len, &vec![b'x'; value_len], has_deadline);
                    assert_eq!(got, expected, "{key_len} {value_len} {has_deadline}");
                }
            }
        }
        assert_eq!(encoding_of(1000, b"12", true), Encoding::Int);
    }
}
