//! The number that INCRBYFLOAT counts in: the 80-bit `long double` of x86, in software.
//!
//! Valkey reads both operands with `strtold`, adds them in an x87 register and prints `%.17Lf` without its trailing
//! noughts. Clients see the result to the last digit (0.1 + 0.2 is 0.3, where doubles say 0.30000000000000004), so
//! arithmetic with any other precision would show. This file does the same three steps, each rounded once, to nearest
//! and ties to even; `tests` holds them against results recorded from Valkey 9.1.2.
//!
//! A value is `mantissa * 2^exponent` with a 64-bit mantissa. Its top bit is set, except where the exponent is already
//! the smallest: there the numbers get sparse and run out at 2^-16445.

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
    /// Reads what `strtold` reads, from the first byte to the last: decimal or hexadecimal, with or without an exponent,
    /// or `inf` or `infinity` in any case. Not read are space, `nan`, and numbers too large or too small to be told from
    /// infinity or nought.
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
                (digits.from_hexadecimal(negative), digits.is_zero())
            }
            _ => {
                let digits = Digits::<10>::read(number, b'e')?;
                (digits.from_decimal(negative), digits.is_zero())
            }
        };
        (value.is_finite() && (is_zero || value.mantissa != 0)).then_some(value)
    }

    /// Whether this is a number. Infinity less infinity is none either, and not told apart.
    pub fn is_finite(self) -> bool {
        self.exponent != EXPONENT_INFINITE
    }

    /// The number as INCRBYFLOAT stores and answers it: plain digits, at most 17 of them behind the point, none of them
    /// a trailing nought, and no sign before a nought.
    pub fn text(self) -> SmallVec<[u8; 48]> {
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
        let (whole, fraction) = if places < 64 { (mantissa >> places, mantissa & ((1 << places) - 1)) } else { (0, mantissa) };
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

    fn infinity(negative: bool) -> Self {
        Self { negative, exponent: EXPONENT_INFINITE, mantissa: 0 }
    }

    /// The number nearest to `mantissa * 2^exponent`, plus a little more than nothing if `more`: what was lost below a
    /// mantissa that has bits to spare.
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
        let (large_bits, small_bits) = (u128::from(large.mantissa) << ROOM, aligned.checked_shr(distance).unwrap_or(0));
        let lost = if distance < 128 { small_bits << distance != aligned } else { aligned != 0 };
        if large.negative == small.negative {
            Self::round(large.negative, large_bits + small_bits, exponent, lost)
        } else {
            // What was lost is a part of one unit: take the whole unit away, and something is left over again.
            let difference = large_bits - small_bits - u128::from(lost);
            Self::round(large.negative && difference != 0, difference, exponent, lost)
        }
    }
}

/// `number / 2^places`, rounded to nearest, ties to even; `more` says that the number is a little larger than it looks.
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
fn append_number(text: &mut SmallVec<[u8; 48]>, mut number: u128, width: usize) {
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
    /// Reads digits with an optional point and an optional exponent behind `mark`, up to the end of `text`. At least one
    /// digit has to be there.
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

/// `[+-]digits`. Enormous exponents stop short of overflow: they are beyond all range with any digits before them.
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
    fn from_hexadecimal(&self, negative: bool) -> LongDouble {
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
    fn from_decimal(&self, negative: bool) -> LongDouble {
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
            return self.from_short_decimal(negative, exponent as i32);
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

    /// What people and programs write: all digits in 64 bits, and a power of ten that 128 bits can be multiplied or
    /// divided by exactly.
    fn from_short_decimal(&self, negative: bool, exponent: i32) -> LongDouble {
        let digits = self.values().fold(0u128, |number, value| number * 10 + u128::from(value));
        let power = 10u128.pow(exponent.unsigned_abs());
        if exponent >= 0 {
            return LongDouble::round(negative, digits * power, 0, false);
        }
        // The dividend has its top bit set and the divisor at most 60 bits: the quotient has more bits than needed.
        let shift = digits.leading_zeros();
        let dividend = digits << shift;
        LongDouble::round(negative, dividend / power, -(shift as i32), !dividend.is_multiple_of(power))
    }
}

fn clamped(exponent: i64) -> i32 {
    exponent.clamp(-1_000_000, 1_000_000) as i32
}

/// A natural number of any size, least limb first, without noughts at its end. For the numbers at the far ends of the
/// range, whose powers of ten do not fit a machine word; plain schoolbook methods, on at most some 16,000 digits.
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

    /// Whether `self * 2` is still less than `other`, and so on: the order of two numbers.
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
    fn append_digits(mut self, text: &mut SmallVec<[u8; 48]>) {
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
