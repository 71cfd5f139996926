//! The number that INCRBYFLOAT counts in: the 80-bit `long double` of x86, in software.
//!
//! Valkey reads both operands with `strtold`, adds them in an x87 register and prints `%.17Lf` without its
//! trailing noughts. Clients see the result to the last digit (0.1 + 0.2 is 0.3, where doubles say
//! 0.30000000000000004), so arithmetic with any other precision would show. This file does the same three
//! steps, each rounded once, to nearest and ties to even; `tests` holds them against results recorded from
//! Valkey 9.1.2.
//!
//! A value is `mantissa * 2^exponent` with a 64-bit mantissa. Its top bit is set, except where the exponent
//! is already the smallest: there the numbers get sparse and run out at 2^-16445.

use std::cmp::Ordering;
use std::ops::Add;

use smallvec::SmallVec;

/// The longest text that is looked at, as in Valkey.
const TEXT_BYTES_MAX: usize = 5 * 1024 - 1;
/// The range of [`LongDouble::exponent`]. Beyond it lie nought and infinity.
const EXPONENT_MIN: i32 = -16_445;
const EXPONENT_MAX: i32 = 16_320;
/// Stands for infinity.
const EXPONENT_INFINITE: i32 = i32::MAX;
/// Digits behind the decimal point of a printed number.
const FRACTION_DIGITS: usize = 17;
const FRACTION_UNIT: u128 = 10u128.pow(FRACTION_DIGITS as u32);
/// Numbers from 10^4933 on are infinite, and those below 10^-4951 nought, whatever their digits.
const DECIMAL_EXPONENT_MAX: i64 = 4_933;
const DECIMAL_EXPONENT_MIN: i64 = -4_952;

/// A number with a 64-bit mantissa and a 15-bit exponent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongDouble {
    negative: bool,
    /// The weight of the mantissa's last bit, or [`EXPONENT_INFINITE`].
    exponent: i32,
    mantissa: u64,
}

impl From<i64> for LongDouble {
    /// Exact: 64 bits fit.
    fn from(value: i64) -> Self {
        Self::round(value < 0, u128::from(value.unsigned_abs()), 0, false)
    }
}

impl LongDouble {
    /// Reads what `strtold` reads, from the first byte to the last: decimal or hexadecimal, with or without
    /// an exponent, or `inf` or `infinity` in any case. Not read are space, `nan`, and numbers too large or
    /// too small to be told from infinity or nought.
    pub fn parse(text: &[u8]) -> Option<Self> {
        if text.len() > TEXT_BYTES_MAX {
            return None;
        }
        let (negative, number) = match text {
            [b'-', number @ ..] => (true, number),
            [b'+', number @ ..] => (false, number),
            number => (false, number),
        };
        if number.eq_ignore_ascii_case(b"inf") || number.eq_ignore_ascii_case(b"infinity") {
            return Some(Self::infinity(negative));
        }
        let (value, is_zero) = match number {
            [b'0', b'x' | b'X', digits @ ..] => {
                let digits = Digits::<16>::read(digits, b'p')?;
                (digits.hexadecimal(negative), digits.is_zero())
            }
            _ => {
                let digits = Digits::<10>::read(number, b'e')?;
                (digits.decimal(negative), digits.is_zero())
            }
        };
        (value.is_finite() && (is_zero || value.mantissa != 0)).then_some(value)
    }

    /// Whether this is a number. Infinity less infinity is none either, and not told apart.
    pub fn is_finite(self) -> bool {
        self.exponent != EXPONENT_INFINITE
    }

    /// The number as INCRBYFLOAT stores and answers it: plain digits, at most 17 of them behind the point,
    /// none of them a trailing nought, and no sign before a nought.
    pub fn text(self) -> SmallVec<[u8; 64]> {
        let mut text = SmallVec::new();
        if !self.is_finite() {
            text.extend_from_slice(if self.negative { b"-inf" } else { b"inf" });
            return text;
        }
        if self.exponent > 0 {
            if self.negative {
                text.push(b'-');
            }
            let mut whole = Natural::from(u128::from(self.mantissa));
            whole.shift_left(self.exponent.unsigned_abs());
            whole.append_digits(&mut text);
            return text;
        }
        // Less than 2^64, so whole and fraction fit 128 bits.
        let places = self.exponent.unsigned_abs();
        let mantissa = u128::from(self.mantissa);
        let (whole, fraction) =
            if places < 64 { (mantissa >> places, mantissa & ((1 << places) - 1)) } else { (0, mantissa) };
        let mut fraction = shift_right_to_even(fraction * FRACTION_UNIT, places, false);
        let mut whole = whole;
        if fraction == FRACTION_UNIT {
            (whole, fraction) = (whole + 1, 0);
        }
        if self.negative && (whole, fraction) != (0, 0) {
            text.push(b'-');
        }
        append_number(&mut text, whole, 1);
        if fraction != 0 {
            text.push(b'.');
            append_number(&mut text, fraction, FRACTION_DIGITS);
            while text.last() == Some(&b'0') {
                text.pop();
            }
        }
        text
    }

    /// A thousand times this, rounded up to a whole number; beyond the range of `i64`, its end. So Valkey
    /// makes milliseconds of the seconds that a client waits.
    pub fn thousandfold(self) -> i64 {
        let end = if self.negative { i64::MIN } else { i64::MAX };
        if !self.is_finite() {
            return end;
        }
        let product = Self::round(self.negative, u128::from(self.mantissa) * 1000, self.exponent, false);
        if !product.is_finite() || product.exponent >= 0 {
            // 2^63 at least, as the top bit of the mantissa is set.
            return end;
        }
        let places = product.exponent.unsigned_abs();
        let whole = product.mantissa.checked_shr(places).unwrap_or(0);
        let exact = product.mantissa == 0 || product.mantissa.trailing_zeros() >= places;
        let up = u64::from(!exact && !self.negative);
        let whole = i64::try_from(whole.saturating_add(up));
        whole.map_or(end, |whole| if self.negative { -whole } else { whole })
    }

    fn infinity(negative: bool) -> Self {
        Self { negative, exponent: EXPONENT_INFINITE, mantissa: 0 }
    }

    /// The number nearest to `mantissa * 2^exponent`, plus a little more than nothing if `more`: what was
    /// lost below a mantissa that has bits to spare.
    fn round(negative: bool, mantissa: u128, exponent: i32, more: bool) -> Self {
        if mantissa == 0 {
            return Self { negative, exponent: EXPONENT_MIN, mantissa: 0 };
        }
        let bits = 128 - mantissa.leading_zeros() as i32;
        let exponent_wanted = exponent.saturating_add(bits - 64).max(EXPONENT_MIN);
        let (mut mantissa, mut exponent) = if exponent_wanted <= exponent {
            (mantissa << (exponent - exponent_wanted), exponent_wanted)
        } else {
            let dropped = exponent_wanted.saturating_sub(exponent).unsigned_abs();
            (shift_right_to_even(mantissa, dropped, more), exponent_wanted)
        };
        if mantissa >> 64 != 0 {
            // Rounded up to 2^64.
            mantissa >>= 1;
            exponent += 1;
        }
        if exponent > EXPONENT_MAX {
            return Self::infinity(negative);
        }
        Self { negative, exponent, mantissa: mantissa as u64 }
    }
}

impl Add for LongDouble {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        /// Room below the larger mantissa for the bits of the smaller one; one bit above is left for a carry.
        const ROOM: u32 = 63;

        if !self.is_finite() || !other.is_finite() {
            return Self::infinity(if self.is_finite() { other.negative } else { self.negative });
        }
        let (large, small) = if (self.exponent, self.mantissa) >= (other.exponent, other.mantissa) {
            (self, other)
        } else {
            (other, self)
        };
        let distance = large.exponent.abs_diff(small.exponent);
        let exponent = large.exponent - ROOM as i32;
        let aligned = u128::from(small.mantissa) << ROOM;
        let (large_bits, small_bits) =
            (u128::from(large.mantissa) << ROOM, aligned.checked_shr(distance).unwrap_or(0));
        let lost = if distance < 128 { small_bits << distance != aligned } else { aligned != 0 };
        if large.negative == small.negative {
            Self::round(large.negative, large_bits + small_bits, exponent, lost)
        } else {
            // What was lost is a part of one unit: take the whole unit away, and something is left over
            // again.
            let difference = large_bits - small_bits - u128::from(lost);
            Self::round(large.negative && difference != 0, difference, exponent, lost)
        }
    }
}

/// `number / 2^places`, rounded to nearest, ties to even; `more` says that the number is a little larger than
/// it looks.
fn shift_right_to_even(number: u128, places: u32, more: bool) -> u128 {
    if places == 0 {
        return number;
    }
    if places > 128 {
        return 0;
    }
    let kept = number.checked_shr(places).unwrap_or(0);
    let half = 1u128 << (places - 1);
    let rest = if places == 128 { number } else { number & (half | (half - 1)) };
    let up = match rest.cmp(&half) {
        Ordering::Less => false,
        Ordering::Equal => more || kept & 1 == 1,
        Ordering::Greater => true,
    };
    kept + u128::from(up)
}

/// Appends `number` in decimal, with noughts before it up to `width` digits.
fn append_number(text: &mut SmallVec<[u8; 64]>, mut number: u128, width: usize) {
    let start = text.len();
    while number > 0 || text.len() - start < width {
        text.push(b'0' + (number % 10) as u8);
        number /= 10;
    }
    text[start..].reverse();
}

/// A number as it was written: the digits before and behind the point, in base `BASE`, and the exponent.
struct Digits<'a, const BASE: u8> {
    /// Without the noughts at its start.
    whole: &'a [u8],
    /// Without the noughts at its end.
    fraction: &'a [u8],
    exponent: i64,
}

impl<'a, const BASE: u8> Digits<'a, BASE> {
    /// Reads digits with an optional point and an optional exponent behind `mark`, up to the end of `text`.
    /// At least one digit has to be there.
    fn read(text: &'a [u8], mark: u8) -> Option<Self> {
        let (whole, rest) = Self::split_digits(text);
        let (fraction, rest) = match rest {
            [b'.', rest @ ..] => Self::split_digits(rest),
            rest => (&rest[..0], rest),
        };
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let exponent = match rest {
            [] => 0,
            [first, rest @ ..] if first.to_ascii_lowercase() == mark => read_exponent(rest)?,
            _ => return None,
        };
        let whole = &whole[whole.iter().take_while(|digit| **digit == b'0').count()..];
        let noughts = fraction.iter().rev().take_while(|digit| **digit == b'0').count();
        Some(Self { whole, fraction: &fraction[..fraction.len() - noughts], exponent })
    }

    fn split_digits(text: &'a [u8]) -> (&'a [u8], &'a [u8]) {
        let is_digit = |byte: &u8| if BASE == 16 { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
        text.split_at(text.iter().position(|byte| !is_digit(byte)).unwrap_or(text.len()))
    }

    fn is_zero(&self) -> bool {
        self.whole.is_empty() && self.fraction.is_empty()
    }

    /// The values of all digits, from the first that is not nought.
    fn values(&self) -> impl Iterator<Item = u8> {
        let digits = self.whole.iter().chain(self.fraction).skip_while(|digit| **digit == b'0');
        digits.map(|digit| match digit {
            b'0'..=b'9' => digit - b'0',
            _ => (digit | 0x20) - b'a' + 10,
        })
    }
}

/// `[+-]digits`. Enormous exponents stop short of overflow: they are beyond all range with any digits before
/// them.
fn read_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    if digits.is_empty() {
        return None;
    }
    let mut exponent = 0i64;
    for digit in digits {
        let value = digit.is_ascii_digit().then(|| i64::from(digit - b'0'))?;
        exponent = (exponent * 10 + value).min(1_000_000);
    }
    Some(if negative { -exponent } else { exponent })
}

impl Digits<'_, 16> {
    fn hexadecimal(&self, negative: bool) -> LongDouble {
        let mut mantissa = 0u128;
        let mut exponent = self.exponent - 4 * self.fraction.len() as i64;
        let mut more = false;
        for value in self.values() {
            if mantissa >> 124 == 0 {
                mantissa = mantissa << 4 | u128::from(value);
            } else {
                exponent += 4;
                more |= value != 0;
            }
        }
        LongDouble::round(negative, mantissa, clamped(exponent), more)
    }
}

impl Digits<'_, 10> {
    fn decimal(&self, negative: bool) -> LongDouble {
        let count = self.values().count();
        if count == 0 {
            return LongDouble::round(negative, 0, 0, false);
        }
        // The number is digits * 10^exponent, and at least 10^(count + exponent - 1).
        let exponent = self.exponent - self.fraction.len() as i64;
        let magnitude = exponent + count as i64 - 1;
        if magnitude >= DECIMAL_EXPONENT_MAX {
            return LongDouble::infinity(negative);
        }
        if magnitude < DECIMAL_EXPONENT_MIN {
            return LongDouble::round(negative, 0, 0, false);
        }
        if count <= 19 && (-18..=19).contains(&exponent) {
            return self.short_decimal(negative, exponent as i32);
        }
        let mut digits = Natural::from(0);
        let mut values = self.values();
        loop {
            // Nineteen digits at a time, as many as fit a limb.
            let (mut chunk, mut scale) = (0u64, 1u64);
            for value in values.by_ref().take(19) {
                chunk = chunk * 10 + u64::from(value);
                scale *= 10;
            }
            if scale == 1 {
                break;
            }
            digits.multiply_add(scale, chunk);
        }
        let power = Natural::power_of_ten(exponent.unsigned_abs() as u32);
        if exponent >= 0 { digits.times(&power).rounded(negative) } else { digits.ratio(power, negative) }
    }

    /// What people and programs write: all digits in 64 bits, and a power of ten that 128 bits can be
    /// multiplied or divided by exactly.
    fn short_decimal(&self, negative: bool, exponent: i32) -> LongDouble {
        let digits = self.values().fold(0u128, |number, value| number * 10 + u128::from(value));
        let power = 10u128.pow(exponent.unsigned_abs());
        if exponent >= 0 {
            return LongDouble::round(negative, digits * power, 0, false);
        }
        // The dividend has its top bit set and the divisor at most 60 bits: the quotient has more bits than
        // needed.
        let shift = digits.leading_zeros();
        let dividend = digits << shift;
        LongDouble::round(negative, dividend / power, -(shift as i32), !dividend.is_multiple_of(power))
    }
}

fn clamped(exponent: i64) -> i32 {
    exponent.clamp(-1_000_000, 1_000_000) as i32
}

/// A natural number of any size, least limb first, without noughts at its end. For the numbers at the far
/// ends of the range, whose powers of ten do not fit a machine word; plain schoolbook methods, on at most
/// some 16,000 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Natural {
    limbs: Vec<u64>,
}

impl From<u128> for Natural {
    fn from(value: u128) -> Self {
        let mut number = Self { limbs: vec![value as u64, (value >> 64) as u64] };
        number.trim();
        number
    }
}

impl Natural {
    fn trim(&mut self) {
        while self.limbs.last() == Some(&0) {
            self.limbs.pop();
        }
    }

    fn bits(&self) -> u32 {
        match self.limbs.last() {
            Some(top) => self.limbs.len() as u32 * 64 - top.leading_zeros(),
            None => 0,
        }
    }

    /// `self = self * factor + addend`.
    fn multiply_add(&mut self, factor: u64, addend: u64) {
        let mut carry = addend;
        for limb in &mut self.limbs {
            let product = u128::from(*limb) * u128::from(factor) + u128::from(carry);
            *limb = product as u64;
            carry = (product >> 64) as u64;
        }
        if carry != 0 {
            self.limbs.push(carry);
        }
    }

    fn power_of_ten(exponent: u32) -> Self {
        let mut power = Self::from(1);
        for _ in 0..exponent / 19 {
            power.multiply_add(10u64.pow(19), 0);
        }
        power.multiply_add(10u64.pow(exponent % 19), 0);
        power
    }

    fn times(&self, other: &Self) -> Self {
        let mut limbs = vec![0u64; self.limbs.len() + other.limbs.len()];
        for (start, factor) in self.limbs.iter().enumerate() {
            let mut carry = 0u64;
            for (limb, other) in limbs[start..].iter_mut().zip(other.limbs.iter().chain([&0])) {
                let sum = u128::from(*limb) + u128::from(*factor) * u128::from(*other) + u128::from(carry);
                *limb = sum as u64;
                carry = (sum >> 64) as u64;
            }
        }
        let mut product = Self { limbs };
        product.trim();
        product
    }

    fn shift_left(&mut self, places: u32) {
        let (limbs, bits) = (places as usize / 64, places % 64);
        if bits > 0 {
            self.multiply_add(1 << bits, 0);
        }
        if !self.limbs.is_empty() {
            self.limbs.splice(0..0, std::iter::repeat_n(0, limbs));
        }
    }

    /// By value: without noughts at its end, the longer number is the larger.
    fn order(&self, other: &Self) -> Ordering {
        let by_length = self.limbs.len().cmp(&other.limbs.len());
        by_length.then_with(|| self.limbs.iter().rev().cmp(other.limbs.iter().rev()))
    }

    /// `self -= other`, which is not larger.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = false;
        for (limb, other) in self.limbs.iter_mut().zip(other.limbs.iter().chain(std::iter::repeat(&0))) {
            let (difference, first) = limb.overflowing_sub(*other);
            let (difference, second) = difference.overflowing_sub(u64::from(borrow));
            *limb = difference;
            borrow = first || second;
        }
        self.trim();
    }

    /// The long double nearest to this integer.
    fn rounded(&self, negative: bool) -> LongDouble {
        let (low, high) = match self.limbs.as_slice() {
            [] => return LongDouble::round(negative, 0, 0, false),
            [limb] => return LongDouble::round(negative, u128::from(*limb), 0, false),
            [low @ .., second, top] => (low, u128::from(*top) << 64 | u128::from(*second)),
        };
        let more = low.iter().any(|limb| *limb != 0);
        LongDouble::round(negative, high, low.len() as i32 * 64, more)
    }

    /// The long double nearest to `self / divisor`, bit by bit: 66 of them, and whether anything is left.
    fn ratio(mut self, mut divisor: Self, negative: bool) -> LongDouble {
        const BITS: i32 = 66;
        let shift = divisor.bits() as i32 - self.bits() as i32;
        if shift > 0 {
            self.shift_left(shift.unsigned_abs());
        } else {
            divisor.shift_left(shift.unsigned_abs());
        }
        // Now the quotient is between a half and two, and its first bit is the one of unit weight.
        let mut quotient = 0u128;
        for _ in 0..BITS {
            quotient <<= 1;
            if self.order(&divisor) != Ordering::Less {
                self.subtract(&divisor);
                quotient |= 1;
            }
            self.shift_left(1);
        }
        LongDouble::round(negative, quotient, -shift - (BITS - 1), !self.limbs.is_empty())
    }

    /// Appends the decimal digits of a number that is not nought.
    fn append_digits(mut self, text: &mut SmallVec<[u8; 64]>) {
        let start = text.len();
        while !self.limbs.is_empty() {
            let mut rest = 0u64;
            for limb in self.limbs.iter_mut().rev() {
                let dividend = u128::from(rest) << 64 | u128::from(*limb);
                *limb = (dividend / u128::from(10u64.pow(19))) as u64;
                rest = (dividend % u128::from(10u64.pow(19))) as u64;
            }
            self.trim();
            for _ in 0..19 {
                text.push(b'0' + (rest % 10) as u8);
                rest /= 10;
            }
        }
        while text.len() > start && text.last() == Some(&b'0') {
            text.pop();
        }
        text[start..].reverse();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The sum as INCRBYFLOAT would answer it.
    fn sum(left: &str, right: &str) -> String {
        let read =
            |text: &str| LongDouble::parse(text.as_bytes()).unwrap_or_else(|| panic!("{text} is a number"));
        String::from_utf8(text(read(left) + read(right))).expect("ASCII")
    }

    fn text(number: LongDouble) -> Vec<u8> {
        number.text().to_vec()
    }

    /// Recorded from Valkey 9.1.2: SET to the first, INCRBYFLOAT by the second.
    #[rustfmt::skip]
    const SUMS: &[(&str, &str, &str)] = &[
        ("0.1", "0.2", "0.3"),
        ("3.0e3", "200", "3200"),
        ("5.0e3", "2.0e2", "5200"),
        ("10.50", "0.1", "10.6"),
        ("1", "-1", "0"),
        ("0.5", "-0.5", "0"),
        ("-0", "-0", "0"),
        ("1.1", "2.2", "3.3"),
        ("1e19", "0.1", "10000000000000000000"),
        ("18446744073709551615", "0.5", "18446744073709551616"),
        ("18446744073709551615", "1", "18446744073709551616"),
        ("18446744073709551615", "1.5", "18446744073709551616"),
        ("9223372036854775807", "0.5", "9223372036854775807.5"),
        ("9223372036854775807", "9223372036854775807", "18446744073709551614"),
        ("-9223372036854775808", "0.25", "-9223372036854775808"),
        ("1e-17", "1e-18", "0.00000000000000001"),
        ("0", "5e-18", "0"),
        ("0", "5.1e-18", "0.00000000000000001"),
        ("0", "1.5e-17", "0.00000000000000002"),
        ("0", "2.5e-17", "0.00000000000000002"),
        ("0", "-4e-18", "0"),
        ("0", "-6e-18", "-0.00000000000000001"),
        ("0.99999999999999999", "0", "0.99999999999999999"),
        ("0.999999999999999999", "0", "1"),
        ("1.000000000000000005", "0", "1"),
        ("123456789.123456789", "987654321.987654321", "1111111111.11111110995989293"),
        ("3.14159265358979323846264338327950288", "2.71828182845904523536028747135266249", "5.85987448204883847"),
        ("1e16", "0.3", "10000000000000000.2998046875"),
        ("1e15", "0.3", "1000000000000000.29998779296875"),
        ("1e17", "1", "100000000000000001"),
        ("1e20", "1", "100000000000000000000"),
        ("1e300", "1", "1000000000000000000008997324079559193870523944273290747938260082321265646596180935755849152083750497190350372508614274835903592556184672983913096260520748646287327135641843653294084255107606016789726652932370030551382947620994540294772781889620606179267611627097410650567187386105690089424915104006144"),
        ("1e-300", "1e-300", "0"),
        ("999999999999999999999999999999", "0", "1000000000000000000024696061952"),
        ("0.1", "-0.3", "-0.2"),
        ("100.1", "-100", "0.1"),
        ("4.35", "4.65", "9"),
        ("1.005", "1000", "1001.005"),
        ("17.3", "-0.00000000000000001", "17.29999999999999999"),
        ("0x10", "0X1.8p1", "19"),
        ("0x.8", "0xABCDEFabcdef.fP0", "188900977659376.4375"),
        ("0x1.fffffffffffffffep0", "0x1p-63", "2"),
        ("0x1.fffffffffffffffep0", "0x1p-64", "2"),
        ("0x1.fffffffffffffffcp0", "0x1p-64", "2"),
        ("0x1.fffffffffffffffffp0", "0", "2"),
        ("1.", ".5", "1.5"),
        ("+5", "+.5", "5.5"),
        ("00012", "1E5", "100012"),
        ("0e99999999999999999999", "1e00000000000000000005", "100000"),
        ("0x1p-16445", "0x1.8p-16446", "0"),
        ("4e-4951", "2e-4951", "0"),
        ("-1e18", "0.99", "-999999999999999999"),
        ("123456789012345678", "0.123456789", "123456789012345678.125"),
        ("36893488147419103233", "0", "36893488147419103232"),
        ("36893488147419103235", "0", "36893488147419103236"),
        ("18446744073709551617", "0", "18446744073709551616"),
        ("18446744073709551619", "0", "18446744073709551620"),
        ("1e-30", "1", "1"),
        ("0.00000000000000000000000000001", "1e29", "99999999999999999997315645440"),
        ("65536.0000152587890625", "-65536", "0.0000152587890625"),
        ("8.5e-17", "9.5e-17", "0.00000000000000018"),
        ("0.000000000000000005", "0", "0"),
        ("0.000000000000000015", "0", "0.00000000000000002"),
        ("2e19", "-1.9e19", "1000000000000000000"),
    ];

    #[test]
    fn a_thousand_times_is_rounded_up() {
        let of = |text: &str| LongDouble::parse(text.as_bytes()).expect("a number").thousandfold();
        for (text, expected) in [
            ("0", 0),
            ("-0", 0),
            ("1", 1_000),
            ("0.001", 1),
            ("0.0011", 2),
            ("0.0001", 1),
            ("1e-4000", 1),
            ("-0.0001", 0),
            ("-0.001", 0),
            ("-0.0011", -1),
            ("-0.5", -500),
            ("-1.5", -1_500),
            ("0x10", 16_000),
            ("1e15", 1_000_000_000_000_000_000),
            ("9223372036854775.807", i64::MAX),
            ("1e16", i64::MAX),
            ("-1e16", i64::MIN),
            ("1e4900", i64::MAX),
            ("inf", i64::MAX),
            ("-inf", i64::MIN),
        ] {
            assert_eq!(of(text), expected, "{text}");
        }
    }

    #[test]
    fn sums() {
        for (left, right, wanted) in SUMS {
            assert_eq!(sum(left, right), *wanted, "{left} + {right}");
            assert_eq!(sum(right, left), *wanted, "{right} + {left}");
        }
    }

    /// As above, too long to be written out: how many digits, the first and the last of them.
    #[test]
    fn long_sums() {
        let ones = "1".repeat(255);
        let fraction = format!("0.{}", "1".repeat(3000));
        let power = format!("1{}", "0".repeat(4000));
        for (left, right, length, first, last) in [
            ("1e4932", "0", 4933, "1000000000000000000006018949387963891323", "38418113791886622720"),
            ("0x1p16383", "0", 4932, "5948657476786158825428796633140035653817", "23513645334982033408"),
            (
                "1.18973149535723176502e4932",
                "0",
                4933,
                "1189731495357231765021263853030970205169",
                "19552086811989770240",
            ),
            ("1e308", "0", 308, "9999999999999999999668587965584564566056", "28255046343928578048"),
            ("1e4931", "-1e4930", 4931, "8999999999999999999731693176506490393942", "87083870048371081216"),
            (ones.as_str(), "0", 255, "1111111111111111111104846441274528537703", "11534078138513358848"),
            (fraction.as_str(), "0", 19, "0.11111111111111111", "0.11111111111111111"),
            (power.as_str(), "1", 4000, "9999999999999999999965463873099623784932", "06648276349901340672"),
        ] {
            let sum = sum(left, right);
            assert_eq!(sum.len(), length, "{left} + {right}");
            assert!(sum.starts_with(first) && sum.ends_with(last), "{left} + {right} is {sum}");
        }
    }

    /// Recorded from Valkey 9.1.2 ("increment would produce NaN or Infinity").
    #[test]
    fn sums_that_are_no_numbers() {
        for (left, right) in [
            ("inf", "1"),
            ("1", "-infinity"),
            ("inf", "-inf"),
            ("1e4932", "1e4932"),
            ("-INF", "0"),
            ("+iNfInItY", "0"),
        ] {
            let read = |text: &str| LongDouble::parse(text.as_bytes()).expect("a number or infinity");
            assert!(!(read(left) + read(right)).is_finite(), "{left} + {right}");
        }
        assert_eq!(sum("-1e4932", "1e4932"), "0");
    }

    /// Recorded from Valkey 9.1.2 ("value is not a valid float").
    #[test]
    fn texts_that_are_no_numbers() {
        for text in [
            "",
            " 1",
            "1 ",
            "\t1",
            "1\n",
            "1\0",
            "-",
            "+",
            "0xG",
            "-nan",
            "1.5.",
            "0x1p1.5",
            "0e",
            "1e 5",
            "1L",
            "1e0x5",
            "1e4933",
            "-1e4933",
            "1e99999999999999999999",
            "1e-99999999999999999999",
            "0x1p-99999999999",
            "nan",
            "1.19e4932",
            "1e-4952",
            "1.8e-4951",
            "0x1p16384",
            "0x1p-16446",
            "0x",
            "0x.p1",
            "0x1p",
            "1e",
            "1e+",
            ".",
            ".e1",
            "1_0",
            "1,5",
            "1f",
            "--1",
            "+-1",
            "infin",
            "1..5",
            "0b1",
            "1p5",
            "1e+-5",
        ] {
            assert_eq!(LongDouble::parse(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(LongDouble::parse(b"\xff"), None);
        // The longest text that is looked at has 5119 bytes.
        let one = |noughts: usize| format!("{}1", "0".repeat(noughts));
        assert_eq!(LongDouble::parse(one(5118).as_bytes()), Some(LongDouble::from(1)));
        assert_eq!(LongDouble::parse(one(5119).as_bytes()), None);
    }

    #[test]
    fn the_edges_of_the_range() {
        let read = |text: &str| LongDouble::parse(text.as_bytes()).expect("a number");
        let smallest = read("0x1p-16445");
        assert_eq!((smallest.exponent, smallest.mantissa), (EXPONENT_MIN, 1));
        assert_eq!(read("3.6e-4951"), smallest);
        assert_eq!((smallest + smallest).mantissa, 2);
        let normal = read("0x1p-16382");
        assert_eq!((normal.exponent, normal.mantissa), (EXPONENT_MIN, 1 << 63));
        assert_eq!((read("0x1p-16383") + read("0x1p-16383")), normal);
        let largest = read("0x1.fffffffffffffffep16383");
        assert_eq!((largest.exponent, largest.mantissa), (EXPONENT_MAX, u64::MAX));
        assert_eq!(largest + smallest, largest);
        assert!((largest + read("0x1p16318")).is_finite());
        assert!(!(largest + read("0x1p16319")).is_finite());
        assert_eq!(LongDouble::parse(b"0x1.ffffffffffffffffp16383"), None);
    }

    proptest! {
        #[test]
        fn integers_are_exact(left: i64, right: i64) {
            let sum = i128::from(left) + i128::from(right);
            let ours = text(LongDouble::from(left) + LongDouble::from(right));
            prop_assert_eq!(ours, sum.to_string().into_bytes());
            prop_assert_eq!(LongDouble::parse(left.to_string().as_bytes()), Some(LongDouble::from(left)));
        }

        /// The short way of reading agrees with the long one, which a number takes when noughts are put
        /// behind it.
        #[test]
        fn both_ways_of_reading_agree(digits in 1u64.., exponent in -18i32..=19) {
            let short = format!("{digits}e{exponent}");
            let long = format!("{digits}{}e{}", "0".repeat(40), exponent - 40);
            prop_assert_eq!(LongDouble::parse(short.as_bytes()), LongDouble::parse(long.as_bytes()));
        }

        #[test]
        fn doubles_are_read_exactly(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_normal());
            let number = LongDouble::parse(format!("{value:e}").as_bytes()).expect("a number");
            // Rounded to a double's 53 bits it is that double again.
            // In two factors, as the power alone may be out of a double's range.
            let half = number.exponent / 2;
            let rounded = number.mantissa as f64 * 2f64.powi(half) * 2f64.powi(number.exponent - half);
            prop_assert_eq!(if number.negative { -rounded } else { rounded }, value);
        }

        #[test]
        fn nothing_panics(left in "[-+]?(0x)?[0-9a-f]{0,30}\\.?[0-9]{0,30}([ep][-+]?[0-9]{1,5})?", right in "\\PC{0,20}") {
            let number = LongDouble::parse(left.as_bytes()).unwrap_or(LongDouble::from(1));
            let other = LongDouble::parse(right.as_bytes()).unwrap_or(LongDouble::from(-1));
            prop_assert_eq!(number + other, other + number);
            let text = (number + other).text();
            prop_assert!(text.len() < 5000);
        }
    }
}
