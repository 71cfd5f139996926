//! One element: how it is written, and how it is read again.
//!
//! As in Valkey's listpacks, an element is a first byte that says what follows, the rest of it, and behind it
//! the length of both once more, to be read from its end: so a sequence can be walked backward.
//!
//! ```text
//! 0xxxxxxx                     a number from 0 to 127
//! 10xxxxxx text                text of up to 63 bytes
//! 110xxxxx xxxxxxxx            a number of 13 bits
//! 1110xxxx xxxxxxxx text       text of up to 4095 bytes
//! 11110000 length:u32 text     longer text
//! 11110001 .. 11110100         numbers of 16, 24, 32 and 64 bits, little-endian
//! ```

use std::cmp::Ordering;

use crate::integer;

const TEXT_6: u8 = 0x80;
const NUMBER_13: u8 = 0xc0;
const TEXT_12: u8 = 0xe0;
const TEXT_32: u8 = 0xf0;
const NUMBER_16: u8 = 0xf1;
const NUMBER_24: u8 = 0xf2;
const NUMBER_32: u8 = 0xf3;
const NUMBER_64: u8 = 0xf4;

/// An element as it is kept: text that is the decimal form of an `i64` is kept as that number.
#[derive(Debug, Clone, Copy)]
pub enum Element<'a> {
    /// Any other text.
    Text(&'a [u8]),
    /// The decimal form of this number.
    Int(i64),
}

/// Room for the digits of a number, to lend an element as text: see [`Element::text`].
#[derive(Default)]
#[expect(missing_debug_implementations, reason = "itoa's buffer has none, and it says nothing")]
pub struct Digits(itoa::Buffer);

impl<'a> Element<'a> {
    /// The element that `bytes` are kept as.
    #[inline]
    pub fn of(bytes: &'a [u8]) -> Self {
        match integer::parse(bytes) {
            Some(number) => Self::Int(number),
            None => Self::Text(bytes),
        }
    }

    /// The bytes that the element stands for.
    #[inline]
    pub fn text<'b>(self, digits: &'b mut Digits) -> &'b [u8]
    where
        'a: 'b,
    {
        match self {
            Self::Text(bytes) => bytes,
            Self::Int(number) => digits.0.format(number).as_bytes(),
        }
    }

    /// A copy of the bytes that the element stands for.
    pub fn to_vec(self) -> Vec<u8> {
        self.text(&mut Digits::default()).to_vec()
    }

    /// How many bytes the element stands for.
    pub fn text_bytes(self) -> usize {
        self.text(&mut Digits::default()).len()
    }

    /// Whether the element stands for `bytes`. To ask that of many elements, make an [`Element::of`] the
    /// bytes once and compare it with [`same`](Self::same).
    pub fn is(self, bytes: &[u8]) -> bool {
        match self {
            Self::Text(text) => text == bytes,
            Self::Int(number) => integer::parse(bytes) == Some(number),
        }
    }

    /// Whether both stand for the same bytes, of which `wanted` is one that [`Element::of`] made.
    ///
    /// An element that somebody else wrote may be text that looks like a number: hence `bytes`, what `wanted`
    /// was made of.
    #[inline]
    pub fn same(self, wanted: Element<'_>, bytes: &[u8]) -> bool {
        match self {
            Self::Text(text) => text == bytes,
            Self::Int(number) => matches!(wanted, Element::Int(wanted) if wanted == number),
        }
    }

    /// The order of both as byte strings.
    pub fn compare(self, bytes: &[u8]) -> Ordering {
        self.text(&mut Digits::default()).cmp(bytes)
    }

    /// Whether it is kept as a number.
    pub fn is_integer(self) -> bool {
        matches!(self, Self::Int(_))
    }

    /// The number that the element's bytes are the decimal form of.
    #[inline]
    pub fn integer(self) -> Option<i64> {
        match self {
            Self::Int(number) => Some(number),
            Self::Text(bytes) => integer::parse(bytes),
        }
    }

    /// The bytes that it takes in a sequence.
    #[inline]
    pub fn packed_bytes(self) -> usize {
        let content = self.content_bytes();
        content.saturating_add(back_bytes(content))
    }

    /// Of those, all but the length behind it.
    #[inline]
    fn content_bytes(self) -> usize {
        match self {
            Self::Text(text) => text.len().saturating_add(match text.len() {
                ..64 => 1,
                64..4096 => 2,
                _ => 5,
            }),
            Self::Int(0..=127) => 1,
            Self::Int(-4096..=4095) => 2,
            Self::Int(-0x8000..=0x7fff) => 3,
            Self::Int(-0x80_0000..=0x7f_ffff) => 4,
            Self::Int(-0x8000_0000..=0x7fff_ffff) => 5,
            Self::Int(_) => 9,
        }
    }

    /// Appends the element to bytes that hold a sequence and are not a `PackedBuf`'s.
    #[inline]
    pub fn append_to(self, bytes: &mut Vec<u8>) {
        let at = bytes.len();
        bytes.resize(at + self.packed_bytes(), 0);
        self.write(&mut bytes[at..]);
    }

    /// Writes the element over `into`, which is [`packed_bytes`](Self::packed_bytes) long.
    #[inline]
    pub(super) fn write(self, into: &mut [u8]) {
        let content = self.content_bytes();
        let (front, back) = into.split_at_mut(content);
        match self {
            Self::Text(text) => {
                let head = content - text.len();
                let length = u32::try_from(text.len()).expect("invariant: elements are shorter than 4 GiB");
                match head {
                    1 => front[0] = TEXT_6 | length as u8,
                    2 => {
                        front[..2].copy_from_slice(&((u16::from(TEXT_12) << 8) | length as u16).to_be_bytes())
                    }
                    _ => {
                        front[0] = TEXT_32;
                        front[1..5].copy_from_slice(&length.to_le_bytes());
                    }
                }
                front[head..].copy_from_slice(text);
            }
            Self::Int(number) => {
                let low = number.to_le_bytes();
                match content {
                    1 => front[0] = low[0],
                    2 => front.copy_from_slice(&[NUMBER_13 | (low[1] & 0x1f), low[0]]),
                    _ => {
                        front[0] = match content {
                            3 => NUMBER_16,
                            4 => NUMBER_24,
                            5 => NUMBER_32,
                            _ => NUMBER_64,
                        };
                        front[1..].copy_from_slice(&low[..content - 1]);
                    }
                }
            }
        }
        write_back(content, back);
    }
}

/// The bytes that `text` takes as an element of a sequence.
#[inline]
pub fn element_bytes(text: &[u8]) -> usize {
    Element::of(text).packed_bytes()
}

/// How many bytes the element at the front of `bytes` takes without the length behind it, as far as the
/// first bytes say; none if they say nothing.
#[inline]
pub(super) fn content_bytes(bytes: &[u8]) -> Option<usize> {
    Some(match *bytes.first()? {
        0..TEXT_6 => 1,
        first @ TEXT_6..NUMBER_13 => 1 + usize::from(first & 0x3f),
        NUMBER_13..TEXT_12 => 2,
        first @ TEXT_12..TEXT_32 => 2 + (usize::from(first & 0x0f) << 8 | usize::from(*bytes.get(1)?)),
        TEXT_32 => {
            let length = bytes.get(1..5)?.try_into().expect("invariant: four bytes");
            usize::try_from(u32::from_le_bytes(length)).ok()?.checked_add(5)?
        }
        NUMBER_16 => 3,
        NUMBER_24 => 4,
        NUMBER_32 => 5,
        NUMBER_64 => 9,
        _ => return None,
    })
}

/// The element at the front of `bytes`, and how many bytes it takes without the length behind it.
#[inline]
pub(super) fn read(bytes: &[u8]) -> (Element<'_>, usize) {
    let content = content_bytes(bytes).expect("invariant: an element begins here");
    let element = match bytes[0] {
        small @ 0..TEXT_6 => Element::Int(i64::from(small)),
        TEXT_6..NUMBER_13 => Element::Text(&bytes[1..content]),
        high @ NUMBER_13..TEXT_12 => {
            let bits = u16::from_be_bytes([high, bytes[1]]);
            Element::Int(i64::from((bits << 3) as i16 >> 3))
        }
        TEXT_12..TEXT_32 => Element::Text(&bytes[2..content]),
        TEXT_32 => Element::Text(&bytes[5..content]),
        _ => {
            // The bytes are the low ones of the number; shifting them up and down again extends the sign.
            let mut low = [0; 8];
            low[..content - 1].copy_from_slice(&bytes[1..content]);
            let missing = 8 * (9 - content as u32);
            Element::Int(i64::from_le_bytes(low) << missing >> missing)
        }
    };
    (element, content)
}

/// How many bytes the length behind an element takes, at seven bits each.
#[inline]
pub(super) fn back_bytes(content: usize) -> usize {
    match content {
        ..128 => 1,
        128..0x4000 => 2,
        0x4000..0x20_0000 => 3,
        0x20_0000..0x1000_0000 => 4,
        _ => 5,
    }
}

/// Writes the length behind an element: seven bits a byte, the lowest last, and all but the first byte marked
/// as having one before it.
#[inline]
pub(super) fn write_back(content: usize, back: &mut [u8]) {
    let mut rest = content;
    for byte in back[1..].iter_mut().rev() {
        *byte = 0x80 | (rest & 0x7f) as u8;
        rest >>= 7;
    }
    back[0] = rest as u8;
}

/// How many bytes the last element of `bytes` takes, the length behind it included.
#[inline]
pub(super) fn last_bytes(bytes: &[u8]) -> usize {
    let mut content = 0;
    for (index, &byte) in bytes.iter().rev().take(5).enumerate() {
        content |= usize::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return content + index + 1;
        }
    }
    unreachable!("invariant: an element ends here")
}
