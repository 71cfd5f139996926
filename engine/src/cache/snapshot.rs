//! A warm restart: a cache's values written down, and read back by the next process.
//!
//! ```text
//! file    "SCRUBJAY" | version: 1 | wall clock: u64 ms | block ... | block of length 0
//! block   length: u32 | CRC-64 of what follows: u64 | record ...
//! record  hard, soft, idle: u64 ms left, u64::MAX for never | tags: u16 | (length: u16 | name) ...
//!         | length: u32 | what the caller makes of key and value
//! ```
//!
//! Numbers are little-endian; the CRC is Jones's, as in Redis's dumps. A block is checked before anything of
//! it is put in. What was written last is missing from a file that was cut off, which is an error, but only
//! after all that could be read was.

use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::io::{self, Read, Write};
use std::time::Duration;

use super::Cache;
use super::entry::{Content, NEVER};
use super::terms::Terms;
use crate::dump::crc64::crc64;

const MAGIC: &[u8; 9] = b"SCRUBJAY\x01";
/// A block is written when it has reached this.
const BLOCK: usize = 64 * 1024;

/// Why a snapshot could not be read to its end.
#[derive(Debug)]
#[non_exhaustive]
pub enum SnapshotError {
    /// The reader failed.
    Io(io::Error),
    /// It does not begin as a snapshot of this version does.
    NotASnapshot,
    /// It ends early.
    Truncated,
    /// A checksum, or what it stands for, is wrong.
    Corrupt,
}

impl fmt::Display for SnapshotError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot read the snapshot: {error}"),
            Self::NotASnapshot => f.write_str("this is no snapshot of a cache"),
            Self::Truncated => f.write_str("the snapshot ends early"),
            Self::Corrupt => f.write_str("the snapshot is corrupt"),
        }
    }
}

impl std::error::Error for SnapshotError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for SnapshotError {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::UnexpectedEof { Self::Truncated } else { Self::Io(error) }
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Cache<K, V, S> {
    /// Writes down every value, as `encode` puts it into bytes, with its TTLs and tags. What is known to be
    /// absent or to fail is left out. Others go on using the cache meanwhile, as with
    /// [`for_each`](Self::for_each). How many were written.
    ///
    /// # Errors
    /// What `writer` fails with.
    pub fn save(
        &self,
        mut writer: impl Write,
        mut encode: impl FnMut(&K, &V, &mut Vec<u8>),
    ) -> io::Result<u64> {
        writer.write_all(MAGIC)?;
        writer.write_all(&self.clock().now().to_le_bytes())?;
        let mut saved = 0;
        let mut block = Vec::new();
        for shard in &self.0.shards {
            let mut at = Some(0);
            while let Some(from) = at {
                let now = self.now();
                at = shard.lock().visit(from, now, |shard, found| {
                    let entry = shard.entry(found);
                    let Content::Found(value) = &entry.content else { return };
                    let extra = shard.extra(found);
                    let hard = extra.map_or(NEVER, |extra| extra.hard).min(entry.deadline());
                    let soft = extra.map_or(NEVER, |extra| extra.soft);
                    let idle = extra.map_or(NEVER, |extra| extra.idle);
                    for left in [left(hard, now), left(soft, now), left(idle, 0)] {
                        block.extend_from_slice(&left.to_le_bytes());
                    }
                    let stamp = extra.and_then(|extra| extra.stamp.as_deref());
                    let names: Vec<&str> = stamp.map_or(vec![], |stamp| stamp.names().collect());
                    block.extend_from_slice(&(names.len() as u16).to_le_bytes());
                    for name in names {
                        block.extend_from_slice(&(name.len() as u16).to_le_bytes());
                        block.extend_from_slice(name.as_bytes());
                    }
                    let length_at = block.len();
                    block.extend_from_slice(&[0; 4]);
                    encode(&entry.key, value, &mut block);
                    let length = (block.len() - length_at - 4) as u32;
                    block[length_at..length_at + 4].copy_from_slice(&length.to_le_bytes());
                    saved += 1;
                });
                if block.len() >= BLOCK {
                    write_block(&mut writer, &mut block)?;
                }
            }
        }
        if !block.is_empty() {
            write_block(&mut writer, &mut block)?;
        }
        write_block(&mut writer, &mut block)?;
        writer.flush()?;
        Ok(saved)
    }

    /// Puts in what [`save`](Self::save) wrote, as `decode` makes keys and values of the bytes; what it makes
    /// nothing of is left out, and so is what has expired since by the wall clock. How many were put in.
    ///
    /// # Errors
    /// [`SnapshotError`]: then all blocks before the bad one are in.
    pub fn load(
        &self,
        mut reader: impl Read,
        mut decode: impl FnMut(&[u8]) -> Option<(K, V)>,
    ) -> Result<u64, SnapshotError> {
        let mut head = [0; MAGIC.len()];
        reader.read_exact(&mut head).map_err(|error| match SnapshotError::from(error) {
            SnapshotError::Truncated => SnapshotError::NotASnapshot,
            other => other,
        })?;
        if head != *MAGIC {
            return Err(SnapshotError::NotASnapshot);
        }
        let mut saved_at = [0; 8];
        reader.read_exact(&mut saved_at)?;
        let passed = self.clock().now().saturating_sub(u64::from_le_bytes(saved_at));
        let mut loaded = 0;
        let mut block = Vec::new();
        while read_block(&mut reader, &mut block)? {
            let mut rest = &block[..];
            while !rest.is_empty() {
                let (terms, bytes) = record(&mut rest, passed).ok_or(SnapshotError::Corrupt)?;
                if let Some(terms) = terms
                    && let Some((key, value)) = decode(bytes)
                {
                    loaded += u64::from(self.insert_as(key, value, &terms));
                }
            }
        }
        Ok(loaded)
    }
}

fn left(end: u64, now: u64) -> u64 {
    if end == NEVER { u64::MAX } else { end.saturating_sub(now) }
}

fn write_block(writer: &mut impl Write, block: &mut Vec<u8>) -> io::Result<()> {
    let length = u32::try_from(block.len()).map_err(|_| io::Error::other("a value of more than 4 GiB"))?;
    writer.write_all(&length.to_le_bytes())?;
    writer.write_all(&crc64(block).to_le_bytes())?;
    writer.write_all(block)?;
    block.clear();
    Ok(())
}

/// Reads a block; whether it was not the last.
fn read_block(reader: &mut impl Read, block: &mut Vec<u8>) -> Result<bool, SnapshotError> {
    let mut head = [0; 12];
    reader.read_exact(&mut head)?;
    let length = u64::from(u32::from_le_bytes(head[..4].try_into().expect("four bytes")));
    let sum = u64::from_le_bytes(head[4..].try_into().expect("eight bytes"));
    block.clear();
    // Takes no more memory than there are bytes, whatever the length says.
    if reader.take(length).read_to_end(block)? as u64 != length {
        return Err(SnapshotError::Truncated);
    }
    if crc64(block) != sum {
        return Err(SnapshotError::Corrupt);
    }
    Ok(length != 0)
}

/// The terms of the next record, unless it has expired, and what its caller made of key and value.
fn record<'a>(rest: &mut &'a [u8], passed: u64) -> Option<(Option<Terms>, &'a [u8])> {
    let hard = u64::from_le_bytes(take(rest, 8)?.try_into().ok()?);
    let soft = u64::from_le_bytes(take(rest, 8)?.try_into().ok()?);
    let idle = u64::from_le_bytes(take(rest, 8)?.try_into().ok()?);
    let mut terms = Terms::new();
    terms = if hard == u64::MAX { terms.no_ttl() } else { terms.ttl(since(hard, passed)) };
    if soft != u64::MAX {
        terms = terms.soft_ttl(since(soft, passed));
    }
    if idle != u64::MAX {
        terms = terms.time_to_idle(Duration::from_millis(idle));
    }
    for _ in 0..u16::from_le_bytes(take(rest, 2)?.try_into().ok()?) {
        let length = u16::from_le_bytes(take(rest, 2)?.try_into().ok()?);
        terms = terms.tag(str::from_utf8(take(rest, usize::from(length))?).ok()?);
    }
    let length = u32::from_le_bytes(take(rest, 4)?.try_into().ok()?);
    let bytes = take(rest, usize::try_from(length).ok()?)?;
    let over = hard != u64::MAX && hard <= passed || idle != u64::MAX && idle <= passed;
    Some(((!over).then_some(terms), bytes))
}

fn since(left: u64, passed: u64) -> Duration {
    Duration::from_millis(left.saturating_sub(passed))
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (taken, behind) = rest.split_at_checked(length)?;
    *rest = behind;
    Some(taken)
}
