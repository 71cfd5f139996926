//! How an item lies in its slot: a key, perhaps a value, perhaps a deadline.
//!
//! ```text
//! head | key length | key | deadline  | value length     | value
//! 1      0, 1 or 4          0 or 8      0, 1, 3 or 5
//! ```
//!
//! The head's upper six bits are the key's length up to 60, or say in how many bytes it follows; the lower
//! two say whether there is a deadline and whether there is a value. So a member of eight bytes takes nine,
//! and a key is compared without a look at what comes behind it. No item begins with [`FREE`], by which a
//! slot without one is told from the others.

use super::Item;

/// The first byte of a slot in which no item lies.
pub(super) const FREE: u8 = 0xff;

const HAS_VALUE: u8 = 1;
const HAS_DEADLINE: u8 = 2;
const LENGTH_SHIFT: u32 = 2;

/// Key lengths above this follow the head: in one byte, or in four.
const SHORT_KEY_MAX: usize = 60;
const KEY_IN_BYTE: u8 = 61;
const KEY_IN_WORD: u8 = 62;

/// Value lengths above this follow in two bytes, or in four.
const SHORT_VALUE_MAX: usize = 253;
const VALUE_IN_HALF: u8 = 254;
const VALUE_IN_WORD: u8 = 255;

const DEADLINE_BYTES: usize = 8;

/// What an item takes.
#[inline]
pub(super) fn item_bytes(key_len: usize, value_len: usize, has_deadline: bool) -> usize {
    let key_length = match key_len {
        length if length <= SHORT_KEY_MAX => 0,
        length if length <= 0xff => 1,
        _ => 4,
    };
    let value_length = match value_len {
        0 => 0,
        length if length <= SHORT_VALUE_MAX => 1,
        length if length <= 0xffff => 3,
        _ => 5,
    };
    let deadline = if has_deadline { DEADLINE_BYTES } else { 0 };
    1 + key_length + key_len + deadline + value_length + value_len
}

/// Writes an item to the beginning of `slot`, which has room for it.
#[inline]
pub(super) fn write(slot: &mut [u8], item: Item<'_>) {
    let has_deadline = if item.deadline.is_some() { HAS_DEADLINE } else { 0 };
    let mut at = 1;
    let mut put = |bytes: &[u8]| {
        slot[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    let length = match item.key.len() {
        length @ 0..=SHORT_KEY_MAX => length as u8,
        length @ 0..=255 => {
            put(&[length as u8]);
            KEY_IN_BYTE
        }
        length => {
            put(&word(length));
            KEY_IN_WORD
        }
    };
    put(item.key);
    if let Some(deadline) = item.deadline {
        put(&deadline.to_le_bytes());
    }
    slot[0] = length << LENGTH_SHIFT | has_deadline;
    set_value(slot, item.value);
}

/// Gives the item at the beginning of `slot` another value, for which there is room.
#[inline]
pub(super) fn set_value(slot: &mut [u8], value: &[u8]) {
    let mut at = value_at(slot);
    let mut put = |bytes: &[u8]| {
        slot[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    match value.len() {
        0 => {}
        length @ 0..=SHORT_VALUE_MAX => put(&[length as u8]),
        length @ 0..=0xffff => {
            put(&[VALUE_IN_HALF]);
            put(&(length as u16).to_le_bytes());
        }
        length => {
            put(&[VALUE_IN_WORD]);
            put(&word(length));
        }
    }
    put(value);
    slot[0] = slot[0] & !HAS_VALUE | if value.is_empty() { 0 } else { HAS_VALUE };
}

fn word(length: usize) -> [u8; 4] {
    u32::try_from(length).expect("invariant: keys and values are shorter than 4 GiB").to_le_bytes()
}

/// The key of the item at the beginning of `slot`.
#[inline]
pub(super) fn key(slot: &[u8]) -> &[u8] {
    let (start, end) = key_range(slot);
    &slot[start..end]
}

#[inline]
fn key_range(slot: &[u8]) -> (usize, usize) {
    let (start, length) = match slot[0] >> LENGTH_SHIFT {
        KEY_IN_BYTE => (2, usize::from(slot[1])),
        KEY_IN_WORD => (5, word_at(slot, 1)),
        length => (1, usize::from(length)),
    };
    (start, start + length)
}

#[inline]
fn word_at(slot: &[u8], at: usize) -> usize {
    u32::from_le_bytes(slot[at..at + 4].try_into().expect("invariant: four bytes")) as usize
}

/// Where the deadline of the item lies.
#[inline]
fn deadline_at(slot: &[u8]) -> Option<usize> {
    (slot[0] & HAS_DEADLINE != 0).then(|| key_range(slot).1)
}

/// The deadline of the item.
#[inline]
pub(super) fn deadline(slot: &[u8]) -> Option<u64> {
    let bytes = &slot[deadline_at(slot)?..];
    Some(u64::from_le_bytes(bytes[..DEADLINE_BYTES].try_into().expect("invariant: eight bytes")))
}

/// Overwrites the deadline of an item that has one.
#[inline]
pub(super) fn set_deadline(slot: &mut [u8], deadline: u64) {
    let at = deadline_at(slot).expect("invariant: asked only of an item with a deadline");
    slot[at..at + DEADLINE_BYTES].copy_from_slice(&deadline.to_le_bytes());
}

/// Where the value of the item begins, with its length.
#[inline]
fn value_at(slot: &[u8]) -> usize {
    let deadline = if slot[0] & HAS_DEADLINE != 0 { DEADLINE_BYTES } else { 0 };
    key_range(slot).1 + deadline
}

/// Where the value of the item lies.
#[inline]
pub(super) fn value_range(slot: &[u8]) -> (usize, usize) {
    let at = value_at(slot);
    if slot[0] & HAS_VALUE == 0 {
        return (at, at);
    }
    let (start, length) = match slot[at] {
        VALUE_IN_HALF => (at + 3, usize::from(u16::from_le_bytes([slot[at + 1], slot[at + 2]]))),
        VALUE_IN_WORD => (at + 5, word_at(slot, at + 1)),
        length => (at + 1, usize::from(length)),
    };
    (start, start + length)
}

/// The item at the beginning of `slot`.
#[inline]
pub(super) fn read(slot: &[u8]) -> Item<'_> {
    let (start, end) = value_range(slot);
    Item { key: key(slot), value: &slot[start..end], deadline: deadline(slot) }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn an_item_reads_as_it_was_written() {
        let key_bytes = vec![b'k'; 70_000];
        let value_bytes = vec![b'v'; 70_000];
        for key_len in [0, 1, 8, 60, 61, 62, 63, 64, 255, 256, 70_000] {
            for value_len in [0, 1, 8, 253, 254, 255, 256, 0xffff, 0x1_0000, 70_000] {
                for deadline in [None, Some(0), Some(u64::MAX)] {
                    let item =
                        Item { key: &key_bytes[..key_len], value: &value_bytes[..value_len], deadline };
                    let mut slot = vec![0; item_bytes(key_len, value_len, deadline.is_some())];
                    write(&mut slot, item);
                    assert_eq!(read(&slot), item);
                    assert_ne!(slot[0], FREE);
                }
            }
        }
        assert_eq!(item_bytes(8, 0, false), 9);
        assert_eq!(item_bytes(8, 8, false), 18);
    }
}
