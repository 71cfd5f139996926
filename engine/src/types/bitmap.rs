//! Strings as arrays of bits, and as arrays of integers of any width.
//!
//! Bit 0 is the highest bit of the first byte, and an integer lies with its highest bit first, wherever it
//! begins. What lies beyond the string's end reads as zero bits. Everything here is a function over bytes:
//! how a string grows is the business of whoever holds it.
//!
//! Counting and searching go by words. The counting adds bits up in vertical counters, a bit of each word at
//! a time (Harley and Seal's way, see W. Muła, N. Kurz and D. Lemire, "Faster population counts using AVX2
//! instructions", 2018), which needs a population count for one word in sixteen only and no instruction that
//! not every processor has.

use std::ops::Range;

use crate::raw::shared::SharedBytes;

/// The bit at `offset`.
#[inline]
pub fn bit(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / 8).ok().and_then(|index| bytes.get(index));
    byte.is_some_and(|byte| byte & mask(offset) != 0)
}

/// Sets the bit at `offset`, which lies within the bytes; what it was.
#[inline]
pub fn set_bit(bytes: &mut [u8], offset: u64, on: bool) -> bool {
    let byte = &mut bytes[byte_of(offset)];
    let old = *byte & mask(offset) != 0;
    if on {
        *byte |= mask(offset);
    } else {
        *byte &= !mask(offset);
    }
    old
}

fn mask(offset: u64) -> u8 {
    0x80 >> (offset % 8)
}

fn byte_of(offset: u64) -> usize {
    usize::try_from(offset / 8).expect("invariant: the offset lies within a string in memory")
}

/// How many bits a string has.
pub fn bits_of(bytes: &[u8]) -> u64 {
    bytes.len() as u64 * 8
}

/// How many of these bits are set. The range lies within the string.
pub fn count(bytes: &[u8], bits: Range<u64>) -> u64 {
    let (head, whole, tail) = parts(bytes, &bits);
    u64::from(head.map_or(0, |(_, byte)| byte.count_ones()))
        + count_bytes(&bytes[whole])
        + u64::from(tail.map_or(0, |(_, byte)| byte.count_ones()))
}

/// The first of these bits that is `wanted`. The range lies within the string.
pub fn position(bytes: &[u8], wanted: bool, bits: Range<u64>) -> Option<u64> {
    if bits.is_empty() {
        return None;
    }
    let (head, whole, tail) = parts(bytes, &bits);
    // Bits outside of the range are made those that nobody looks for: noughts, after the byte was turned
    // round if noughts are looked for.
    let within = |part: Option<(usize, u8)>, range: u8| {
        let (index, _) = part?;
        let byte = (if wanted { bytes[index] } else { !bytes[index] }) & range;
        (byte != 0).then(|| index as u64 * 8 + u64::from(byte.leading_zeros()))
    };
    within(head, head_mask(&bits))
        .or_else(|| {
            let skipped = if wanted { 0x00 } else { 0xff };
            let index = whole.start + first_other(&bytes[whole], skipped)?;
            let byte = if wanted { bytes[index] } else { !bytes[index] };
            Some(index as u64 * 8 + u64::from(byte.leading_zeros()))
        })
        .or_else(|| within(tail, tail_mask(&bits)))
}

/// A byte of which only some bits count: where it is, and those bits of it.
type Partial = Option<(usize, u8)>;

/// Splits a range of bits into a byte that it begins in the middle of, whole bytes, and a byte that it ends
/// in the middle of. A range within one byte is a beginning alone.
fn parts(bytes: &[u8], bits: &Range<u64>) -> (Partial, Range<usize>, Partial) {
    if bits.is_empty() {
        return (None, 0..0, None);
    }
    let (first, last) = (byte_of(bits.start), byte_of(bits.end - 1));
    let starts_within = !bits.start.is_multiple_of(8) || (first == last && !bits.end.is_multiple_of(8));
    let is_one = starts_within && first == last;
    let ends_within = !is_one && !bits.end.is_multiple_of(8);
    let head = starts_within.then(|| (first, bytes[first] & head_mask(bits)));
    let tail = ends_within.then(|| (last, bytes[last] & tail_mask(bits)));
    let whole = first + usize::from(starts_within)..last + usize::from(!ends_within);
    (head, whole.start..whole.end.max(whole.start), tail)
}

/// The bits of the first byte that belong to a range.
fn head_mask(bits: &Range<u64>) -> u8 {
    let from = 0xff >> (bits.start % 8);
    if bits.start / 8 == (bits.end - 1) / 8 { from & tail_mask(bits) } else { from }
}

/// The bits of the last byte that belong to a range.
fn tail_mask(bits: &Range<u64>) -> u8 {
    0xff << ((8 - bits.end % 8) % 8)
}

/// Several words at once, for the compiler to make vectors of.
type Lanes = [u64; 4];
const LANE_BYTES: usize = size_of::<Lanes>();

/// How many bits are set in all of these bytes.
fn count_bytes(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<{ 16 * LANE_BYTES }>();
    let mut counters = Counters::default();
    let sixteens: u64 = blocks.iter().map(|block| count_lanes(counters.sixteens(block))).sum();
    let (words, rest) = rest.as_chunks::<8>();
    let words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
    let rest: u64 = rest.iter().map(|byte| u64::from(byte.count_ones())).sum();
    sixteens * 16 + counters.count() + words + rest
}

/// How many bits were set in each place so far, as a number whose binary digits lie in one set of lanes each;
/// what they do not hold is handed on.
#[derive(Default)]
struct Counters {
    ones: Lanes,
    twos: Lanes,
    fours: Lanes,
    eights: Lanes,
}

impl Counters {
    #[inline]
    fn sixteens(&mut self, block: &[u8; 16 * LANE_BYTES]) -> Lanes {
        let (lanes, _) = block.as_chunks::<LANE_BYTES>();
        let (first, second) = (self.eights(&lanes[..8]), self.eights(&lanes[8..]));
        add(&mut self.eights, first, second)
    }

    #[inline]
    fn eights(&mut self, lanes: &[[u8; LANE_BYTES]]) -> Lanes {
        let (first, second) = (self.fours(&lanes[..4]), self.fours(&lanes[4..]));
        add(&mut self.fours, first, second)
    }

    #[inline]
    fn fours(&mut self, lanes: &[[u8; LANE_BYTES]]) -> Lanes {
        let first = add(&mut self.ones, load(&lanes[0]), load(&lanes[1]));
        let second = add(&mut self.ones, load(&lanes[2]), load(&lanes[3]));
        add(&mut self.twos, first, second)
    }

    fn count(&self) -> u64 {
        count_lanes(self.eights) * 8
            + count_lanes(self.fours) * 4
            + count_lanes(self.twos) * 2
            + count_lanes(self.ones)
    }
}

fn load(bytes: &[u8; LANE_BYTES]) -> Lanes {
    let (words, _) = bytes.as_chunks::<8>();
    std::array::from_fn(|lane| u64::from_ne_bytes(words[lane]))
}

/// Adds two bits to the digit in each place; what is carried.
#[inline]
fn add(digit: &mut Lanes, b: Lanes, c: Lanes) -> Lanes {
    let a = *digit;
    let either: Lanes = std::array::from_fn(|lane| a[lane] ^ b[lane]);
    *digit = std::array::from_fn(|lane| either[lane] ^ c[lane]);
    std::array::from_fn(|lane| (a[lane] & b[lane]) | (either[lane] & c[lane]))
}

fn count_lanes(lanes: Lanes) -> u64 {
    lanes.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// Where the first byte is that is not `skipped`.
fn first_other(bytes: &[u8], skipped: u8) -> Option<usize> {
    const BLOCK: usize = 64;
    let (blocks, _) = bytes.as_chunks::<BLOCK>();
    let differs = |block: &[u8; BLOCK]| block.iter().fold(0, |seen, byte| seen | (byte ^ skipped)) != 0;
    let start = blocks.iter().position(differs).unwrap_or(blocks.len()) * BLOCK;
    bytes[start..].iter().position(|byte| *byte != skipped).map(|index| start + index)
}

/// What `BITOP` makes of several strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "each is the operation of the same name")]
pub enum Operation {
    And,
    Or,
    Xor,
    Not,
}

impl Operation {
    /// Works one more operand into `result`, which is as long as the longest of them so far.
    pub fn combine(self, result: &mut SharedBytes, operand: &[u8]) {
        let common = result.len().min(operand.len());
        let (operand, beyond) = operand.split_at(common);
        let (both, alone) = result.make_mut().split_at_mut(common);
        match self {
            Self::And => {
                both.iter_mut().zip(operand).for_each(|(a, b)| *a &= b);
                alone.fill(0);
                result.resize(result.len() + beyond.len());
                return;
            }
            Self::Or => both.iter_mut().zip(operand).for_each(|(a, b)| *a |= b),
            Self::Xor => both.iter_mut().zip(operand).for_each(|(a, b)| *a ^= b),
            Self::Not => unreachable!("invariant: NOT has one operand"),
        }
        result.extend_from_slice(beyond);
    }

    /// What it makes of the first operand.
    pub fn first(self, operand: &[u8]) -> SharedBytes {
        let mut result = SharedBytes::copy_from(operand);
        if self == Self::Not {
            result.make_mut().iter_mut().for_each(|byte| *byte = !*byte);
        }
        result
    }
}

/// An integer's form: signed or not, and how many bits it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Width {
    signed: bool,
    bits: u32,
}

/// What becomes of a result that an integer of its width does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Overflow {
    /// Its lower bits are kept.
    #[default]
    Wrap,
    /// The nearest that the width holds is kept.
    Saturate,
    /// Nothing is written.
    Fail,
}

impl Width {
    /// A form of 1 to 64 bits, or 63 without a sign: nothing else comes out of this as an `i64`.
    pub fn new(signed: bool, bits: u32) -> Option<Self> {
        let max = if signed { 64 } else { 63 };
        (1..=max).contains(&bits).then_some(Self { signed, bits })
    }

    /// How many bits it takes.
    pub fn bits(self) -> u32 {
        self.bits
    }

    /// The integer at this offset.
    pub fn read(self, bytes: &[u8], offset: u64) -> i64 {
        // Nine bytes hold 64 bits wherever they begin.
        let mut window = [0; 16];
        if let Some(rest) = usize::try_from(offset / 8).ok().and_then(|start| bytes.get(start..)) {
            let len = rest.len().min(9);
            window[..len].copy_from_slice(&rest[..len]);
        }
        let from_first_bit = u128::from_be_bytes(window) << (offset % 8);
        self.extend((from_first_bit >> (128 - self.bits)) as u64)
    }

    /// Writes the lower bits of an integer at this offset. They lie within the bytes.
    pub fn write(self, bytes: &mut [u8], offset: u64, value: i64) {
        let start = byte_of(offset);
        let len = (bytes.len() - start).min(9);
        let mut window = [0; 16];
        window[..len].copy_from_slice(&bytes[start..start + len]);
        let shift = 128 - self.bits - (offset % 8) as u32;
        let mask = u128::from(u64::MAX >> (64 - self.bits)) << shift;
        let bits = (u128::from(value as u64) << shift) & mask;
        window = (u128::from_be_bytes(window) & !mask | bits).to_be_bytes();
        bytes[start..start + len].copy_from_slice(&window[..len]);
    }

    /// The sum as this width holds it, or nothing if it does not and must not be written.
    ///
    /// What is set, not added to, is a sum with nought: then `value` need not be of this width. Valkey's test
    /// for what is too small looks at how far up there is room first, in 64 bits that wrap, so to saturate a
    /// number near the smallest of all makes it the largest; `bitmap/bitfield.txt` holds it there.
    pub fn sum(self, value: i64, add: i64, overflow: Overflow) -> Option<i64> {
        let (too_large, too_small) = if self.signed {
            let max = i64::MAX >> (64 - self.bits);
            let (room_up, room_down) = (max.wrapping_sub(value), (-max - 1).wrapping_sub(value));
            let is_wide = self.bits == 64;
            (
                value > max || (!is_wide && add > room_up) || (value >= 0 && add > 0 && add > room_up),
                value < -max - 1
                    || (!is_wide && add < room_down)
                    || (value < 0 && add < 0 && add < room_down),
            )
        } else {
            let (value, max) = (value as u64, u64::MAX >> (64 - self.bits));
            (
                value > max || (add > 0 && add.unsigned_abs() > max - value),
                add < 0 && add.unsigned_abs() > value,
            )
        };
        if !too_large && !too_small {
            return Some(value.wrapping_add(add));
        }
        match overflow {
            Overflow::Wrap => Some(self.extend(value.wrapping_add(add) as u64)),
            Overflow::Saturate => Some(match (self.signed, too_large) {
                (true, true) => i64::MAX >> (64 - self.bits),
                (true, false) => i64::MIN >> (64 - self.bits),
                (false, true) => (u64::MAX >> (64 - self.bits)) as i64,
                (false, false) => 0,
            }),
            Overflow::Fail => None,
        }
    }

    /// The lower bits of `bits` as an integer.
    fn extend(self, bits: u64) -> i64 {
        let unused = 64 - self.bits;
        if self.signed { (bits << unused) as i64 >> unused } else { (bits << unused >> unused) as i64 }
    }
}

/// What is done to one integer in a string, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldStep {
    /// The integer's form.
    pub width: Width,
    /// Its first bit.
    pub offset: u64,
    /// What is done to it.
    pub action: FieldAction,
}

/// What is done to an integer in a string.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldAction {
    /// It is read.
    Get,
    /// It becomes this; the result is what it was.
    Set(i64, Overflow),
    /// So much is added to it; the result is what it becomes.
    Increment(i64, Overflow),
}

impl FieldStep {
    /// How long a string must be for the integer to lie within it.
    pub fn bytes_needed(&self) -> usize {
        byte_of(self.offset + u64::from(self.width.bits()) - 1) + 1
    }

    /// Does it, to a string that is long enough unless it only reads. The result, unless it failed, and
    /// whether the integer has changed.
    pub fn run(&self, bytes: &mut [u8]) -> (Option<i64>, bool) {
        let old = self.width.read(bytes, self.offset);
        let (new, result) = match self.action {
            FieldAction::Get => return (Some(old), false),
            FieldAction::Set(value, overflow) => (self.width.sum(value, 0, overflow), Some(old)),
            FieldAction::Increment(by, overflow) => {
                let new = self.width.sum(old, by, overflow);
                (new, new)
            }
        };
        let Some(new) = new else { return (None, false) };
        self.width.write(bytes, self.offset, new);
        (result, new != old)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn bits_in(bytes: &[u8]) -> Vec<bool> {
        (0..bits_of(bytes)).map(|offset| bytes[(offset / 8) as usize] >> (7 - offset % 8) & 1 == 1).collect()
    }

    fn width(signed: bool, bits: u32) -> Width {
        Width::new(signed, bits).expect("a width")
    }

    #[test]
    fn widths_are_those_that_fit_an_i64() {
        for (signed, bits, fits) in [
            (true, 0, false),
            (true, 1, true),
            (true, 64, true),
            (true, 65, false),
            (false, 63, true),
            (false, 64, false),
        ] {
            assert_eq!(Width::new(signed, bits).is_some(), fits, "{signed} {bits}");
        }
    }

    /// Recorded from Valkey 9.1.2.
    #[test]
    fn overflows_as_valkey_does() {
        use Overflow::{Fail, Saturate, Wrap};
        for (width, value, add, overflow, wanted) in [
            (width(true, 64), i64::MAX, 1, Wrap, Some(i64::MIN)),
            (width(true, 64), i64::MAX, 1, Saturate, Some(i64::MAX)),
            (width(true, 64), i64::MIN, -1, Saturate, Some(i64::MIN)),
            (width(true, 64), i64::MIN, i64::MIN, Wrap, Some(0)),
            (width(true, 64), i64::MIN, -1, Fail, None),
            (width(true, 64), -1, i64::MIN, Fail, None),
            (width(true, 8), 129, 0, Wrap, Some(-127)),
            (width(true, 8), -129, 0, Wrap, Some(127)),
            (width(true, 8), -129, 0, Saturate, Some(-128)),
            (width(true, 8), i64::MIN, 0, Saturate, Some(127)),
            (width(true, 8), i64::MIN + 107, 0, Saturate, Some(127)),
            (width(true, 8), i64::MIN + 607, 0, Saturate, Some(-128)),
            (width(true, 5), i64::MIN, 0, Saturate, Some(15)),
            (width(true, 8), 127, i64::MIN, Saturate, Some(-128)),
            (width(true, 63), i64::MAX >> 1, i64::MIN, Saturate, Some(i64::MIN >> 1)),
            (width(true, 1), -1, -1, Fail, None),
            (width(false, 63), -1, 0, Wrap, Some(i64::MAX)),
            (width(false, 63), i64::MAX, 1, Wrap, Some(0)),
            (width(false, 63), i64::MAX, i64::MIN, Wrap, Some(i64::MAX)),
            (width(false, 63), 0, i64::MIN, Saturate, Some(0)),
            (width(false, 63), 5, i64::MAX, Saturate, Some(i64::MAX)),
            (width(false, 8), 300, 0, Saturate, Some(255)),
            (width(false, 8), -1, 0, Saturate, Some(255)),
            (width(false, 8), 300, 0, Fail, None),
            (width(false, 8), 255, 10, Wrap, Some(9)),
        ] {
            assert_eq!(width.sum(value, add, overflow), wanted, "{width:?} {value} {add} {overflow:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn counts_and_finds_as_bit_by_bit(
            runs in prop::collection::vec((select(vec![0u8, 0xff, 0x80, 0x01, 0x5a]), 1usize..400), 0..5),
            a: prop::sample::Index,
            b: prop::sample::Index,
        ) {
            let bytes: Vec<u8> = runs.iter().flat_map(|&(byte, len)| vec![byte; len]).collect();
            let bits = bits_in(&bytes);
            let (a, b) = (a.index(bits.len() + 1), b.index(bits.len() + 1));
            for range in [0..bits.len(), a.min(b)..a.max(b), a..(a + 3).min(bits.len()), a & !7..a] {
                let wanted = bits[range.clone()].iter().filter(|bit| **bit).count();
                let range_bits = range.start as u64..range.end as u64;
                prop_assert_eq!(count(&bytes, range_bits.clone()), wanted as u64);
                for bit in [false, true] {
                    let wanted = bits[range.clone()].iter().position(|other| *other == bit);
                    let wanted = wanted.map(|index| (index + range.start) as u64);
                    prop_assert_eq!(position(&bytes, bit, range_bits.clone()), wanted);
                }
            }
        }

        #[test]
        fn operations_pad_with_zero_bits(
            operands in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 1..5),
        ) {
            let len = operands.iter().map(Vec::len).max().unwrap_or_default();
            for (operation, apply) in [
                (Operation::And, (|a, b| a & b) as fn(u8, u8) -> u8),
                (Operation::Or, |a, b| a | b),
                (Operation::Xor, |a, b| a ^ b),
            ] {
                let mut result = operation.first(&operands[0]);
                operands[1..].iter().for_each(|operand| operation.combine(&mut result, operand));
                let at = |operand: &Vec<u8>, index| operand.get(index).copied().unwrap_or(0);
                let wanted: Vec<u8> = (0..len)
                    .map(|index| {
                        operands[1..].iter().fold(at(&operands[0], index), |a, b| apply(a, at(b, index)))
                    })
                    .collect();
                prop_assert_eq!(&*result, &*wanted);
            }
            let not: Vec<u8> = operands[0].iter().map(|byte| !byte).collect();
            prop_assert_eq!(&*Operation::Not.first(&operands[0]), &*not);
        }

        #[test]
        fn integers_lie_bit_by_bit(
            bytes in prop::collection::vec(any::<u8>(), 0..30),
            (signed, bits) in prop_oneof![(Just(true), 1u32..=64), (Just(false), 1u32..=63)],
            offset in 0u64..300,
            value: i64,
        ) {
            let width = width(signed, bits);
            let read = |bytes: &[u8]| {
                let at = |index| u64::from(bit(bytes, offset + index));
                (0..u64::from(bits)).fold(0u64, |number, index| number << 1 | at(index))
            };
            let step = FieldStep { width, offset, action: FieldAction::Set(value, Overflow::Wrap) };
            let mut written = bytes.clone();
            written.resize(bytes.len().max(step.bytes_needed()), 0);
            prop_assert_eq!(width.read(&bytes, offset), width.extend(read(&bytes)));
            let (old, changed) = step.run(&mut written);
            prop_assert_eq!(old, Some(width.read(&bytes, offset)));
            prop_assert_eq!(changed, width.read(&bytes, offset) != width.read(&written, offset));
            prop_assert_eq!(width.read(&written, offset), width.extend(value as u64));
            prop_assert_eq!(read(&written), value as u64 & (u64::MAX >> (64 - bits)));
            // Nothing else has changed.
            let written_bits = offset..offset + u64::from(bits);
            for other in (0..bits_of(&written)).filter(|other| !written_bits.contains(other)) {
                prop_assert_eq!(bit(&written, other), bit(&bytes, other));
            }
        }
    }
}
