//! Values as bytes, in Valkey's form: what `DUMP` writes and `RESTORE` reads, and a file of either could
//! hold.
//!
//! ```text
//! type:u8  the value in the form of that type  version:u16  checksum:u64
//! ```
//!
//! What is written is what Valkey 9.1.2 writes, byte for byte wherever the value determines it; only the
//! order of a large hash or set is each server's own. What is read is all that it reads, which is the forms
//! of every version since the first.
//!
//! A payload comes from anywhere. So reading believes nothing: each value is built through the methods of its
//! type, element by element, and what does not fit together is [`Corrupt`]. Nothing is set aside for a count
//! that is only claimed; what a payload can make of itself is bounded by what LZF can, 88 times its length.
//!
//! Where this is stricter than Valkey, which takes over packed forms as they are: numbers written as text
//! come to be numbers, scores out of order are put in order, and scores that are none are refused.

pub(crate) mod crc64;
mod form;
mod functions;
mod hashes;
mod lists;
mod old;
mod packed;
mod read;
mod sets;
mod sorted_sets;
mod streams;
mod write;

#[cfg(all(test, not(shuttle)))]
mod tests;

use std::fmt;

pub use self::functions::{NotLibraries, libraries_payload};

use self::crc64::crc64;
use self::form::kind;
use self::read::Reader;
use self::write::Writer;
use crate::OutOfMemory;
use crate::raw::shared::SharedBytes;
use crate::time::Millis;
use crate::types::hash::Hash;
use crate::types::list::List;
use crate::types::set::Set;
use crate::types::sorted_set::SortedSet;
use crate::types::stream::Stream;
use crate::types::{Collection, Encoding, Kind, Limits, Value};

/// The version that Valkey 9.1.2 gives what it writes.
const VERSION: u16 = 80;
/// Versions that Redis gave what Valkey does not know.
const FOREIGN: std::ops::Range<u16> = 12..VERSION;

/// The version and the checksum.
const FOOTER_BYTES: usize = 10;

/// A payload's version is not known, or its checksum is wrong, or it is too short to have either.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unknown;

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the version of the payload is unknown, or its checksum is wrong")
    }
}

impl std::error::Error for Unknown {}

/// A payload holds no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

impl fmt::Display for Corrupt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the payload holds no value")
    }
}

impl std::error::Error for Corrupt {}

/// Why a value was not put where it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The version of the payload is unknown, or its checksum is wrong.
    Unknown,
    /// The payload holds no value.
    Corrupt,
    /// The memory limit is reached and nothing can be evicted.
    OutOfMemory,
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => Unknown.fmt(f),
            Self::Corrupt => Corrupt.fmt(f),
            Self::OutOfMemory => OutOfMemory.fmt(f),
        }
    }
}

impl std::error::Error for RestoreError {}

impl From<Unknown> for RestoreError {
    fn from(_: Unknown) -> Self {
        Self::Unknown
    }
}

impl From<Corrupt> for RestoreError {
    fn from(_: Corrupt) -> Self {
        Self::Corrupt
    }
}

impl From<OutOfMemory> for RestoreError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// What is believed of a payload without being looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trust {
    /// Any version will do: the value is read as far as its form is known.
    pub version: bool,
    /// The checksum is right.
    pub checksum: bool,
}

/// A payload of a known version, with the right checksum.
#[derive(Debug, Clone, Copy)]
pub struct Payload<'a> {
    /// Footer included: as in Valkey, a value that is cut off runs into it.
    bytes: &'a [u8],
}

impl<'a> Payload<'a> {
    /// Looks at the end of a payload.
    ///
    /// # Errors
    /// [`Unknown`].
    pub fn open(bytes: &'a [u8], trust: Trust) -> Result<Self, Unknown> {
        let (rest, checksum) = bytes.split_last_chunk::<8>().ok_or(Unknown)?;
        let (_, version) = rest.split_last_chunk::<2>().ok_or(Unknown)?;
        let version = u16::from_le_bytes(*version);
        let known = (1..=VERSION).contains(&version) && !FOREIGN.contains(&version);
        if !(known || trust.version && version > 0) {
            return Err(Unknown);
        }
        if !trust.checksum && u64::from_le_bytes(*checksum) != crc64(rest) {
            return Err(Unknown);
        }
        Ok(Self { bytes })
    }

    /// Builds the value.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub fn read(self, building: Building<'_>) -> Result<Restored, Corrupt> {
        let reader = &mut Reader::new(self.bytes);
        let value = match reader.byte()? {
            kind::STRING => Restored::String(SharedBytes::copy_from(&reader.string()?)),
            kind::LIST => Restored::List(lists::read(reader, building)?),
            kind::LIST_ZIPLIST => Restored::List(lists::read_ziplist(reader, building)?),
            kind::LIST_QUICKLIST => Restored::List(lists::read_ziplists(reader, building)?),
            kind::LIST_QUICKLIST_2 => Restored::List(lists::read_nodes(reader, building)?),
            kind::SET => Restored::Set(sets::read(reader, building)?),
            kind::SET_INTSET => Restored::Set(sets::read_intset(reader, building)?),
            kind::SET_LISTPACK => Restored::Set(sets::read_listpack(reader, building)?),
            kind::ZSET => Restored::SortedSet(sorted_sets::read(reader, Reader::double_as_text, building)?),
            kind::ZSET_2 => Restored::SortedSet(sorted_sets::read(reader, Reader::double, building)?),
            kind::ZSET_ZIPLIST => Restored::SortedSet(sorted_sets::read_ziplist(reader, building)?),
            kind::ZSET_LISTPACK => Restored::SortedSet(sorted_sets::read_listpack(reader, building)?),
            kind::HASH => Restored::Hash(hashes::read(reader, building)?),
            kind::HASH_2 => Restored::Hash(hashes::read_perishing(reader, building)?),
            kind::HASH_ZIPMAP => Restored::Hash(hashes::read_zipmap(reader, building)?),
            kind::HASH_ZIPLIST => Restored::Hash(hashes::read_ziplist(reader, building)?),
            kind::HASH_LISTPACK => Restored::Hash(hashes::read_listpack(reader, building)?),
            kind::STREAM => Restored::Stream(streams::read(reader, streams::Form::First)?),
            kind::STREAM_2 => Restored::Stream(streams::read(reader, streams::Form::Counted)?),
            kind::STREAM_3 => Restored::Stream(streams::read(reader, streams::Form::Active)?),
            _ => return Err(Corrupt),
        };
        // There are no empty collections, and a payload of one is none.
        if value.is_empty() { Err(Corrupt) } else { Ok(value) }
    }
}

/// What building a value takes besides its payload.
#[derive(Debug, Clone, Copy)]
pub struct Building<'a> {
    /// Up to where the small forms go.
    pub limits: &'a Limits,
    /// What the order of a table follows from.
    pub seed: u64,
}

/// A value out of a payload.
#[derive(Debug)]
#[non_exhaustive]
pub enum Restored {
    /// A string.
    String(SharedBytes),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    SortedSet(SortedSet),
    /// A hash.
    Hash(Hash),
    /// A stream.
    Stream(Box<Stream>),
}

impl Restored {
    fn is_empty(&self) -> bool {
        match self {
            Self::String(_) | Self::Stream(_) => false,
            Self::List(list) => list.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::SortedSet(set) => set.is_empty(),
            Self::Hash(hash) => hash.is_empty(),
        }
    }
}

/// A value as a payload, as it is at this moment, compressed where that is worth it or not.
pub(crate) fn payload(
    (kind, encoding): (Kind, Encoding),
    value: Value<'_>,
    now: Millis,
    compress: bool,
) -> Vec<u8> {
    sealed(compress, |out| match kind {
        Kind::Hash => hashes::write(Hash::lend(encoding, value), now, out),
        Kind::List => lists::write(List::lend(encoding, value), out),
        Kind::Set => sets::write(Set::lend(encoding, value), out),
        Kind::SortedSet => sorted_sets::write(SortedSet::lend(encoding, value), out),
        Kind::Stream => streams::write(Box::<Stream>::lend(encoding, value), out),
        _ => {
            out.byte(kind::STRING);
            match value {
                Value::Bytes(text) => out.string(text),
                Value::Large(_) => unreachable!("invariant: a string is bytes"),
            }
        }
    })
}

/// What was written, with its footer.
fn sealed(compress: bool, write: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut out = Writer::new(compress);
    write(&mut out);
    out.raw(&VERSION.to_le_bytes());
    let mut bytes = out.into_bytes();
    let checksum = crc64(&bytes);
    bytes.extend_from_slice(&checksum.to_le_bytes());
    bytes
}
