//! Bitmaps: strings as arrays of bits and of integers.

mod bitcount;
mod bitfield;
mod bitop;
mod bitpos;
mod getbit;
mod setbit;

use std::ops::Range;

use super::Ctx;
use super::args::Args;
use super::spec::Command;
use crate::error::Error;
use crate::resp::number;

pub(super) const COMMANDS: &[&Command] = &[
    &bitcount::BITCOUNT,
    &bitfield::BITFIELD,
    &bitfield::BITFIELD_RO,
    &bitop::BITOP,
    &bitpos::BITPOS,
    &getbit::GETBIT,
    &setbit::SETBIT,
];

/// The offset of a bit, within the longest string that is allowed. With a `#` in front, where the command
/// takes it, it counts fields of so many bits: the product wraps before it is compared, as in Valkey.
fn offset(ctx: &Ctx<'_, '_>, arg: &[u8], field_bits: Option<u32>) -> Result<u64, Error> {
    let offset = match (arg, field_bits) {
        ([b'#', field @ ..], Some(bits)) => {
            number::parse_i64(field).map(|field| field.wrapping_mul(i64::from(bits)))
        }
        _ => number::parse_i64(arg),
    };
    let offset = offset.and_then(|offset| u64::try_from(offset).ok());
    offset
        .filter(|offset| offset / 8 < ctx.shared.config.proto_max_bulk_len())
        .ok_or(Error::Text("ERR bit offset is not an integer or out of range"))
}

/// The range that BITCOUNT and BITPOS take, in whole bytes or in bits, both ends counted from the string's
/// end when they are negative.
#[derive(Debug, Clone, Copy)]
struct Span {
    start: i64,
    end: i64,
    /// Whether the end was said, not meant.
    has_end: bool,
    /// Bits in what is counted: 8, or 1.
    unit_bits: u64,
}

impl Span {
    const ALL: Self = Self { start: 0, end: -1, has_end: false, unit_bits: 8 };

    /// Reads the arguments from `first` on, of which there is at least one.
    fn parse(args: Args<'_>, first: usize) -> Result<Self, Error> {
        let (end, unit) = (first + 1, first + 2);
        if args.len() > unit + 1 {
            return Err(Error::Syntax);
        }
        let mut span = Self { start: args.integer(first)?, ..Self::ALL };
        if args.is(unit, "BIT") {
            span.unit_bits = 1;
        } else if args.len() > unit && !args.is(unit, "BYTE") {
            return Err(Error::Syntax);
        }
        if args.len() > end {
            span.end = args.integer(end)?;
            span.has_end = true;
        }
        Ok(span)
    }

    /// The bits of a string so long that it stands for.
    fn bits(&self, len: usize) -> Range<u64> {
        let total = len as u64 * 8 / self.unit_bits;
        let place = |index: i64| match u64::try_from(index) {
            Ok(index) => index,
            Err(_) => total.saturating_sub(index.unsigned_abs()),
        };
        let (start, end) = (place(self.start), place(self.end).saturating_add(1).min(total));
        if start < end { start * self.unit_bits..end * self.unit_bits } else { 0..0 }
    }
}
