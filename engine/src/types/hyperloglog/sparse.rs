//! Runs of equal registers.
//!
//! ```text
//! 00xxxxxx            x + 1 registers of nought
//! 01xxxxxx yyyyyyyy   xy + 1 registers of nought
//! 1vvvvvxx            x + 1 registers of v + 1
//! ```
//!
//! Half a run at the end is read as if a byte of nought came behind it: that is what ends a string in Valkey.
//! It is not written into, which there would go past that end.
//!
//! The same registers can be written in several ways. To get the bytes that Valkey would have, an addition
//! goes its way: the run that holds the register is split in up to three, and then neighbours of one value
//! are joined, but only among the five runs from the one before.

use super::{Corrupt, Place, REGISTERS};

const ZERO_MAX: usize = 64;
const VALUE_LEN_MAX: usize = 4;
/// The greatest value that a run can have.
const VALUE_MAX: u8 = 32;
/// How many runs are looked at for neighbours to join.
const JOIN_RUNS: usize = 5;

/// A run of equal registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Run {
    /// So many registers of nought, in one byte.
    Zero(usize),
    /// So many registers of nought, in two bytes.
    LongZero(usize),
    /// Registers that have a value.
    Value {
        /// 1 to 32.
        value: u8,
        /// How many there are.
        len: usize,
    },
}

impl Run {
    /// The first run of these bytes, if there are any.
    #[inline]
    fn read(bytes: &[u8]) -> Option<Self> {
        Some(match *bytes {
            [byte @ 0x80..=0xff, ..] => {
                Self::Value { value: (byte >> 2 & 31) + 1, len: usize::from(byte & 3) + 1 }
            }
            [byte @ 0..0x40, ..] => Self::Zero(usize::from(byte) + 1),
            [high, ref rest @ ..] => {
                let low = rest.first().copied().unwrap_or(0);
                Self::LongZero((usize::from(high & 63) << 8 | usize::from(low)) + 1)
            }
            [] => return None,
        })
    }

    /// How many registers it has.
    #[expect(clippy::len_without_is_empty, reason = "no run is empty")]
    pub fn len(self) -> usize {
        match self {
            Self::Zero(len) | Self::LongZero(len) | Self::Value { len, .. } => len,
        }
    }

    /// Their value.
    pub fn value(self) -> u8 {
        match self {
            Self::Zero(_) | Self::LongZero(_) => 0,
            Self::Value { value, .. } => value,
        }
    }

    /// How many bytes it takes.
    pub fn bytes(self) -> usize {
        if matches!(self, Self::LongZero(_)) { 2 } else { 1 }
    }
}

/// The runs.
pub(super) fn runs(mut body: &[u8]) -> impl Iterator<Item = Run> {
    std::iter::from_fn(move || {
        let run = Run::read(body)?;
        body = &body[run.bytes().min(body.len())..];
        Some(run)
    })
}

/// What an addition comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addition {
    /// The register has that value already, or a greater one.
    Nothing,
    /// A run is replaced.
    Splice(Splice),
    /// The runs cannot hold it: the whole has to become dense first.
    TooLarge,
}

/// A run that is replaced by up to three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Splice {
    at: usize,
    old_len: usize,
    new: [u8; 5],
    new_len: usize,
    /// Where the run before it begins.
    before: usize,
}

impl Splice {
    /// How many bytes more there will be, before neighbours are joined.
    pub fn growth(&self) -> isize {
        self.new_len as isize - self.old_len as isize
    }

    /// How many bytes there will be where there are `len` now, before neighbours are joined.
    pub fn len_after(&self, len: usize) -> usize {
        len + self.new_len - self.old_len
    }

    fn push(&mut self, run: Run) {
        match run {
            Run::Zero(len) | Run::LongZero(len) if len > ZERO_MAX => {
                self.new[self.new_len] = 0x40 | ((len - 1) >> 8) as u8;
                self.new[self.new_len + 1] = (len - 1) as u8;
                self.new_len += 1;
            }
            Run::Zero(len) | Run::LongZero(len) => self.new[self.new_len] = (len - 1) as u8,
            Run::Value { value, len } => self.new[self.new_len] = value_byte(value, len),
        }
        self.new_len += 1;
    }
}

fn value_byte(value: u8, len: usize) -> u8 {
    0x80 | (value - 1) << 2 | (len - 1) as u8
}

/// What raising a register comes to.
pub(super) fn plan(body: &[u8], place: Place) -> Result<Addition, Corrupt> {
    let Place { index, value } = place;
    debug_assert!(index < REGISTERS && value > 0);
    if value > VALUE_MAX {
        return Ok(Addition::TooLarge);
    }
    let (mut at, mut before, mut first) = (0, 0, 0);
    let run = loop {
        let run = body.get(at..).and_then(Run::read).ok_or(Corrupt)?;
        if index < first + run.len() {
            break run;
        }
        before = at;
        at += run.bytes();
        first += run.len();
    };
    if run.value() >= value {
        return Ok(Addition::Nothing);
    }
    if at + run.bytes() > body.len() {
        return Err(Corrupt);
    }
    let mut splice = Splice { at, old_len: run.bytes(), new: [0; 5], new_len: 0, before };
    let part = |len: usize| match run {
        Run::Value { value, .. } => Run::Value { value, len },
        _ => Run::Zero(len),
    };
    let last = first + run.len() - 1;
    if index > first {
        splice.push(part(index - first));
    }
    splice.push(Run::Value { value, len: 1 });
    if index < last {
        splice.push(part(last - index));
    }
    Ok(Addition::Splice(splice))
}

/// Replaces a run among the first `len` bytes, and joins its neighbours; how many bytes there are then.
pub(super) fn apply(body: &mut [u8], len: usize, splice: &Splice) -> usize {
    let Splice { at, old_len, new, new_len, before } = splice;
    body.copy_within(at + old_len..len, at + new_len);
    body[*at..at + new_len].copy_from_slice(&new[..*new_len]);
    join(body, splice.len_after(len), *before)
}

fn join(body: &mut [u8], mut len: usize, from: usize) -> usize {
    let mut at = from;
    for _ in 0..JOIN_RUNS {
        match Run::read(&body[at.min(len)..len]) {
            Some(Run::Value { value, len: ours }) => {
                if let Some(Run::Value { value: other, len: theirs }) = Run::read(&body[at + 1..len])
                    && other == value
                    && ours + theirs <= VALUE_LEN_MAX
                {
                    body[at + 1] = value_byte(value, ours + theirs);
                    body.copy_within(at + 1..len, at);
                    len -= 1;
                } else {
                    at += 1;
                }
            }
            Some(run) => at += run.bytes(),
            None => break,
        }
    }
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add(body: &mut Vec<u8>, index: usize, value: u8) {
        let Ok(Addition::Splice(splice)) = plan(body, Place { index, value }) else { panic!("no change") };
        let len = body.len();
        body.resize(len.max(splice.len_after(len)), 0);
        let len = apply(body, len, &splice);
        body.truncate(len);
    }

    #[test]
    fn runs_are_split_and_joined() {
        let mut body = vec![0x7f, 0xff];
        add(&mut body, 100, 3);
        assert_eq!(body, [0x40, 99, 0x88, 0x7f, 0x9a], "100 of nought, one of 3, the rest");
        add(&mut body, 101, 3);
        assert_eq!(body, [0x40, 99, 0x89, 0x7f, 0x99], "two of 3");
        add(&mut body, 99, 3);
        add(&mut body, 98, 3);
        assert_eq!(body, [0x40, 97, 0x8b, 0x7f, 0x99], "four of 3");
        add(&mut body, 102, 3);
        assert_eq!(body, [0x40, 97, 0x8b, 0x88, 0x7f, 0x98], "no run of values is longer");
        add(&mut body, 99, 4);
        assert_eq!(body, [0x40, 97, 0x88, 0x8c, 0x8a, 0x7f, 0x98], "split, and joined with what follows");
        add(&mut body, 0, 1);
        assert_eq!(body[..4], [0x80, 0x40, 96, 0x88]);
        let total: usize = runs(&body).map(Run::len).sum();
        assert_eq!(total, REGISTERS);
    }
}
