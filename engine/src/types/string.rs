//! Strings: which of Valkey's encodings a value has, and when it is too large to lie beside its key.

use super::{Encoding, Object};
use crate::raw::shared::SharedBytes;
use crate::raw::slab::{NewValue, fits_inline};

/// The longest string that Valkey takes for an integer: `-9223372036854775808`.
const INT_BYTES_MAX: usize = 20;

/// The encoding of a string that is set whole.
pub fn encoding_of(key_len: usize, value: &[u8], has_deadline: bool) -> Encoding {
    if is_canonical_integer(value) {
        Encoding::Int
    } else if is_embstr(key_len, value.len(), has_deadline) {
        Encoding::Embstr
    } else {
        Encoding::Raw
    }
}

/// Whether the bytes are what an `i64` prints as.
pub fn is_canonical_integer(bytes: &[u8]) -> bool {
    if bytes.len() > INT_BYTES_MAX {
        return false;
    }
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    match digits {
        [] => false,
        [b'0'] => digits.len() == bytes.len(),
        [b'0', ..] => false,
        _ if !digits.iter().all(u8::is_ascii_digit) => false,
        _ if digits.len() < 19 => true,
        _ => std::str::from_utf8(bytes).is_ok_and(|text| text.parse::<i64>().is_ok()),
    }
}

fn is_embstr(_key_len: usize, value_len: usize, _has_deadline: bool) -> bool {
    value_len <= 44
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
