//! A sequence as Valkey dumps it, and back: the frame of a listpack put around the elements, or taken off.

use std::error::Error;
use std::fmt;

use super::element::{back_bytes, content_bytes, write_back};
use super::{Packed, PackedBuf, START, UNKNOWN};

/// The bytes of a listpack that are no elements: the total and the count before them, the end behind them.
pub const LISTPACK_FRAME_BYTES: usize = HEADER + 1;

const HEADER: usize = 6;
const END: u8 = 0xff;

/// Bytes that are not a listpack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CorruptListpack;

impl fmt::Display for CorruptListpack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes are not a listpack")
    }
}

impl Error for CorruptListpack {}

impl Packed<'_> {
    /// Appends the listpack that Valkey would hold these elements in.
    pub fn write_listpack(self, out: &mut Vec<u8>) {
        let total =
            u32::try_from(self.listpack_bytes()).expect("invariant: sequences are shorter than 4 GiB");
        out.reserve(self.listpack_bytes());
        out.extend_from_slice(&total.to_le_bytes());
        out.extend_from_slice(self.bytes());
        out.push(END);
    }

    /// The listpack that Valkey would hold these elements in.
    pub fn to_listpack(self) -> Vec<u8> {
        let mut listpack = Vec::new();
        self.write_listpack(&mut listpack);
        listpack
    }
}

impl PackedBuf {
    /// The elements of a listpack, whoever wrote it.
    ///
    /// # Errors
    /// [`CorruptListpack`] unless every length, forward and backward, the count and the end are right.
    pub fn from_listpack(listpack: &[u8]) -> Result<Self, CorruptListpack> {
        let (header, rest) = listpack.split_first_chunk::<HEADER>().ok_or(CorruptListpack)?;
        let [t0, t1, t2, t3, c0, c1] = *header;
        let (&end, elements) = rest.split_last().ok_or(CorruptListpack)?;
        if end != END || usize::try_from(u32::from_le_bytes([t0, t1, t2, t3])) != Ok(listpack.len()) {
            return Err(CorruptListpack);
        }
        let count = count_elements(elements)?;
        let said = u16::from_le_bytes([c0, c1]);
        if said != UNKNOWN && usize::from(said) != count {
            return Err(CorruptListpack);
        }
        let mut packed = Self::with_capacity(elements.len());
        packed.0.extend_from_slice(elements);
        debug_assert_eq!(packed.0.len(), START + elements.len());
        packed.set_count(count);
        Ok(packed)
    }
}

/// How many elements the bytes are.
fn count_elements(elements: &[u8]) -> Result<usize, CorruptListpack> {
    let (mut at, mut count) = (0, 0);
    while at < elements.len() {
        let content = content_bytes(&elements[at..]).ok_or(CorruptListpack)?;
        let back_at = at.checked_add(content).ok_or(CorruptListpack)?;
        let back_end = back_at.checked_add(back_bytes(content)).ok_or(CorruptListpack)?;
        let back = elements.get(back_at..back_end).ok_or(CorruptListpack)?;
        let mut expected = [0; 5];
        write_back(content, &mut expected[..back.len()]);
        if back != &expected[..back.len()] {
            return Err(CorruptListpack);
        }
        (at, count) = (back_end, count + 1);
    }
    Ok(count)
}
