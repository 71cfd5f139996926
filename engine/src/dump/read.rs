//! How payloads' numbers and strings are read. Nothing that a payload says of itself is believed: what it
//! claims to hold has to be there before memory is set aside for it.

use smallvec::SmallVec;

use super::Corrupt;
use super::form::{INT_8, INT_16, INT_32, LEN_32, LEN_64, LZF};
use crate::collections::lzf;
use crate::integer;

/// What is yet to be read.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

/// A string of a payload.
#[derive(Debug)]
pub(super) enum Text<'a> {
    /// It stands there as it is.
    Lent(&'a [u8]),
    /// It was a number, or compressed.
    Own(SmallVec<[u8; 24]>),
}

impl std::ops::Deref for Text<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Self::Lent(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }
}

impl Text<'_> {
    fn number(number: impl Into<i64>) -> Self {
        Self::Own(SmallVec::from_slice(itoa::Buffer::new().format(number.into()).as_bytes()))
    }
}

/// What a length turned out to be.
enum Length {
    Plain(u64),
    /// The first byte of a string that is no length and bytes.
    Special(u8),
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all has been read.
    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next bytes, as they are.
    pub(super) fn raw(&mut self, count: usize) -> Result<&'a [u8], Corrupt> {
        let (bytes, rest) = self.rest.split_at_checked(count).ok_or(Corrupt)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Corrupt> {
        let (bytes, rest) = self.rest.split_first_chunk::<N>().ok_or(Corrupt)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// The next byte.
    pub(super) fn byte(&mut self) -> Result<u8, Corrupt> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn any_length(&mut self) -> Result<Length, Corrupt> {
        let first = self.byte()?;
        let plain = match first {
            0..0x40 => u64::from(first),
            0x40..0x80 => u64::from(u16::from_be_bytes([first & 0x3f, self.byte()?])),
            LEN_32 => u64::from(u32::from_be_bytes(self.array()?)),
            LEN_64 => u64::from_be_bytes(self.array()?),
            _ => return Ok(Length::Special(first)),
        };
        Ok(Length::Plain(plain))
    }

    /// A length, or another number that is mostly small.
    pub(super) fn length(&mut self) -> Result<u64, Corrupt> {
        match self.any_length()? {
            Length::Plain(length) => Ok(length),
            Length::Special(_) => Err(Corrupt),
        }
    }

    /// How many of something follow, each in `bytes_min` bytes or more: no more than there can be.
    pub(super) fn count(&mut self, bytes_min: usize) -> Result<usize, Corrupt> {
        let count = usize::try_from(self.length()?).map_err(|_| Corrupt)?;
        let bytes = count.checked_mul(bytes_min).ok_or(Corrupt)?;
        if bytes <= self.rest.len() { Ok(count) } else { Err(Corrupt) }
    }

    /// A string.
    pub(super) fn string(&mut self) -> Result<Text<'a>, Corrupt> {
        match self.any_length()? {
            Length::Plain(length) => {
                let length = usize::try_from(length).map_err(|_| Corrupt)?;
                self.raw(length).map(Text::Lent)
            }
            Length::Special(INT_8) => Ok(Text::number(i8::from_le_bytes(self.array()?))),
            Length::Special(INT_16) => Ok(Text::number(i16::from_le_bytes(self.array()?))),
            Length::Special(INT_32) => Ok(Text::number(i32::from_le_bytes(self.array()?))),
            Length::Special(LZF) => {
                let compressed_bytes = usize::try_from(self.length()?).map_err(|_| Corrupt)?;
                let length = usize::try_from(self.length()?).map_err(|_| Corrupt)?;
                let text = lzf::decompress(self.raw(compressed_bytes)?, length).ok_or(Corrupt)?;
                Ok(Text::Own(SmallVec::from_vec(text)))
            }
            Length::Special(_) => Err(Corrupt),
        }
    }

    /// A double, in eight bytes.
    pub(super) fn double(&mut self) -> Result<f64, Corrupt> {
        self.array().map(f64::from_le_bytes)
    }

    /// A double, as text behind its length: the oldest form of a score.
    pub(super) fn double_as_text(&mut self) -> Result<f64, Corrupt> {
        let text = match self.byte()? {
            253 => return Ok(f64::NAN),
            254 => return Ok(f64::INFINITY),
            255 => return Ok(f64::NEG_INFINITY),
            length => self.raw(usize::from(length))?,
        };
        score(text)
    }

    /// Milliseconds since the epoch, in eight bytes.
    pub(super) fn millis(&mut self) -> Result<i64, Corrupt> {
        self.array().map(i64::from_le_bytes)
    }

    /// Sixteen bytes: the id of an entry of a stream.
    pub(super) fn id(&mut self) -> Result<u128, Corrupt> {
        self.array().map(u128::from_be_bytes)
    }
}

/// A score that was written as text.
pub(super) fn score(text: &[u8]) -> Result<f64, Corrupt> {
    if let Some(number) = integer::parse(text) {
        return Ok(number as f64);
    }
    let text = std::str::from_utf8(text).map_err(|_| Corrupt)?;
    text.parse().map_err(|_| Corrupt)
}

#[cfg(test)]
mod tests {
    use super::super::write::Writer;
    use super::*;

    #[test]
    fn lengths_come_back() {
        for length in [0, 1, 63, 64, 0x3fff, 0x4000, 0xffff_ffff, 0x1_0000_0000, u64::MAX] {
            let mut out = Writer::new(true);
            out.length(length);
            let bytes = out.into_bytes();
            assert_eq!(Reader::new(&bytes).length(), Ok(length));
            assert_eq!(Reader::new(&bytes[..bytes.len() - 1]).length(), Err(Corrupt));
        }
    }

    #[test]
    fn strings_come_back() {
        let long = vec![b'x'; 70_000];
        let numbers = ["0", "-1", "127", "-128", "128", "-32769", "2147483647", "-2147483648", "2147483648"];
        let texts =
            ["", "007", "a", "12345678901234567890"].iter().chain(&numbers).map(|text| text.as_bytes());
        for text in texts.chain([&long[..]]) {
            for compress in [false, true] {
                let mut out = Writer::new(compress);
                out.string(text);
                let bytes = out.into_bytes();
                let mut reader = Reader::new(&bytes);
                assert_eq!(&*reader.string().expect("just written"), text);
                assert!(reader.rest.is_empty());
                for end in 0..bytes.len().min(20) {
                    assert!(Reader::new(&bytes[..end]).string().is_err());
                }
            }
        }
    }

    #[test]
    fn no_more_is_promised_than_there_is() {
        assert_eq!(Reader::new(b"\x03abc").count(1), Ok(3));
        assert_eq!(Reader::new(b"\x03abc").count(2), Err(Corrupt));
        assert_eq!(Reader::new(b"\x81\xff\xff\xff\xff\xff\xff\xff\xff").count(2), Err(Corrupt));
        assert!(Reader::new(b"\x81\xff\xff\xff\xff\xff\xff\xff\xff").string().is_err());
        assert!(Reader::new(b"\xc3\x02\x81\xff\xff\xff\xff\xff\xff\xff\xff\x00a").string().is_err());
        assert!(Reader::new(b"\xc4").string().is_err());
    }
}
