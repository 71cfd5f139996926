//! How payloads write numbers and strings.

use crate::collections::lzf;

use super::form::{INT_8, INT_16, INT_32, LEN_14, LEN_32, LEN_64, LZF};

/// What is written so far.
#[derive(Debug)]
pub(super) struct Writer {
    bytes: Vec<u8>,
    compress: bool,
}

/// The longest text of a number of 32 bits: `-2147483648`.
const INT_BYTES_MAX: usize = 11;
/// Up to so many bytes nothing is compressed.
const PLAIN_BYTES_MAX: usize = 20;
/// What compression has to save.
const SAVED_BYTES_MIN: usize = 4;

impl Writer {
    pub(super) fn new(compress: bool) -> Self {
        Self { bytes: Vec::new(), compress }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// A byte as it is.
    pub(super) fn byte(&mut self, byte: u8) {
        self.bytes.push(byte);
    }

    /// Bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// A length or another number that is mostly small: in 1, 2, 5 or 9 bytes.
    pub(super) fn length(&mut self, length: u64) {
        match length {
            0..0x40 => self.byte(length as u8),
            0x40..0x4000 => self.raw(&(u16::from(LEN_14) << 8 | length as u16).to_be_bytes()),
            _ => match u32::try_from(length) {
                Ok(short) => {
                    self.byte(LEN_32);
                    self.raw(&short.to_be_bytes());
                }
                Err(_) => {
                    self.byte(LEN_64);
                    self.raw(&length.to_be_bytes());
                }
            },
        }
    }

    /// How many of something follow.
    pub(super) fn count(&mut self, count: usize) {
        self.length(count as u64);
    }

    /// A string: as a number if it is the text of one of 32 bits, compressed if that is worth it.
    pub(super) fn string(&mut self, text: &[u8]) {
        if text.len() <= INT_BYTES_MAX
            && let Some(number) = crate::integer::parse(text)
            && let Ok(number) = i32::try_from(number)
        {
            self.integer(number);
        } else if let Some(compressed) = self.compressed(text) {
            self.compressed_string(&compressed, text.len());
        } else {
            self.count(text.len());
            self.raw(text);
        }
    }

    /// A string of so many bytes that is compressed already.
    pub(super) fn compressed_string(&mut self, compressed: &[u8], len: usize) {
        self.byte(LZF);
        self.count(compressed.len());
        self.count(len);
        self.raw(compressed);
    }

    fn integer(&mut self, number: i32) {
        if let Ok(number) = i8::try_from(number) {
            self.raw(&[INT_8, number.cast_unsigned()]);
        } else if let Ok(number) = i16::try_from(number) {
            self.byte(INT_16);
            self.raw(&number.to_le_bytes());
        } else {
            self.byte(INT_32);
            self.raw(&number.to_le_bytes());
        }
    }

    fn compressed(&self, text: &[u8]) -> Option<Vec<u8>> {
        if !self.compress || text.len() <= PLAIN_BYTES_MAX {
            return None;
        }
        lzf::compress(text, text.len() - SAVED_BYTES_MIN)
    }

    /// A double, as its eight bytes.
    pub(super) fn double(&mut self, number: f64) {
        self.raw(&number.to_le_bytes());
    }

    /// Milliseconds since the epoch, in eight bytes.
    pub(super) fn millis(&mut self, millis: i64) {
        self.raw(&millis.to_le_bytes());
    }
}
