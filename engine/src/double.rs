//! How doubles are written, digit for digit as Valkey writes them.
//!
//! An integer within 2^62 of nought is written as an integer. All else goes through Grisu2 (Florian Loitsch,
//! "Printing Floating-Point Numbers Quickly and Accurately with Integers", 2010): scale the number and the
//! ends of its rounding interval by a power of ten kept in 64 bits, then take digits until the rest is
//! smaller than the interval.
//!
//! Grisu2 always writes digits that read back as the same double, and in about one of a thousand cases not
//! the shortest ones (1e23 comes out as 99999999999999990000000). Those are what Valkey's clients see, which
//! is why no better algorithm stands here.

/// Beyond this an integer may be told from its neighbours by fewer digits than it has, and is.
const INTEGER_MAX: f64 = 4_611_686_018_427_387_904.0; // 2^62
/// The bit before a double's fraction, and what makes its stored exponent that of the fraction's last bit.
const HIDDEN_BIT: u64 = 1 << 52;
const EXPONENT_BIAS: i32 = 1075;
/// After scaling, the binary exponent lies in this range, so that the integral part of the number fits 32
/// bits.
const SCALED_EXPONENT_MIN: i32 = -60;
const SCALED_EXPONENT_MAX: i32 = -32;
/// Significant digits a double can need.
const DIGITS_MAX: usize = 17;

/// A double's text, without an allocation.
#[derive(Clone, Copy, Debug)]
pub struct DoubleText {
    bytes: [u8; Self::BYTES_MAX],
    length: usize,
}

impl DoubleText {
    /// `-`, 17 digits and 7 noughts is the longest plain form; `-1.2345678901234567e-308` the longest with
    /// exponent.
    const BYTES_MAX: usize = 32;

    /// Lays `value` out.
    pub fn new(value: f64) -> Self {
        let mut text = Self { bytes: [0; Self::BYTES_MAX], length: 0 };
        text.lay_out(value);
        text
    }

    /// Lays `value` out by its digits even if it is an integer: from 10^8 on their noughts may make an
    /// exponent.
    pub fn by_digits(value: f64) -> Self {
        let mut text = Self { bytes: [0; Self::BYTES_MAX], length: 0 };
        text.lay_out_digits(value);
        text
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn lay_out(&mut self, value: f64) {
        if value != 0.0 && value.abs() <= INTEGER_MAX && value.trunc() == value {
            return self.push(itoa::Buffer::new().format(value as i64).as_bytes());
        }
        self.lay_out_digits(value);
    }

    fn lay_out_digits(&mut self, value: f64) {
        if value.is_nan() {
            return self.push(b"nan");
        }
        if value.is_infinite() {
            return self.push(if value > 0.0 { b"inf" } else { b"-inf" });
        }
        if value == 0.0 {
            return self.push(if value.is_sign_positive() { b"0" } else { b"-0" });
        }
        if value < 0.0 {
            self.push(b"-");
        }
        let digits = Digits::of(value.abs());
        let (digits, exponent) = (digits.as_bytes(), digits.exponent);
        let count = digits.len() as i32;
        // The exponent of the first digit: d.ddd * 10^scientific.
        let scientific = exponent + count - 1;
        if exponent >= 0 && scientific < count + 7 {
            self.push(digits);
            self.push_zeros(exponent);
        } else if exponent < 0 && (exponent > -7 || (-3..=3).contains(&scientific)) {
            let point = count + exponent;
            if point > 0 {
                let (whole, fraction) = digits.split_at(point as usize);
                self.push(whole);
                self.push(b".");
                self.push(fraction);
            } else {
                self.push(b"0.");
                self.push_zeros(-point);
                self.push(digits);
            }
        } else {
            self.push(&digits[..1]);
            if count > 1 {
                self.push(b".");
                self.push(&digits[1..]);
            }
            self.push(if scientific < 0 { b"e" } else { b"e+" });
            self.push(itoa::Buffer::new().format(scientific).as_bytes());
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes[self.length..self.length + bytes.len()].copy_from_slice(bytes);
        self.length += bytes.len();
    }

    fn push_zeros(&mut self, count: i32) {
        for _ in 0..count {
            self.push(b"0");
        }
    }
}

/// A number as its significant digits: `digits * 10^exponent`.
struct Digits {
    bytes: [u8; DIGITS_MAX + 1],
    count: usize,
    exponent: i32,
}

/// `fraction * 2^exponent`.
#[derive(Clone, Copy)]
struct Scaled {
    fraction: u64,
    exponent: i32,
}

impl Scaled {
    /// The product, rounded to 64 bits.
    fn times(self, other: Self) -> Self {
        let product = u128::from(self.fraction) * u128::from(other.fraction);
        Self { fraction: ((product + (1 << 63)) >> 64) as u64, exponent: self.exponent + other.exponent + 64 }
    }
}

impl Digits {
    /// The digits of a positive finite number.
    fn of(value: f64) -> Self {
        let bits = value.to_bits();
        let (mut fraction, mut exponent) = (bits & (HIDDEN_BIT - 1), (bits >> 52) as i32 - EXPONENT_BIAS);
        if exponent == -EXPONENT_BIAS {
            exponent += 1;
        } else {
            fraction |= HIDDEN_BIT;
        }

        // The ends of the interval that reads back as `value` lie half way to its neighbours; the one below
        // is nearer when `value` is a power of two. All three are brought to the exponent that the upper end
        // has in 64 bits.
        let upper = fraction * 2 + 1;
        let shift = upper.leading_zeros();
        let upper_exponent = exponent - 1 - shift as i32;
        let upper = upper << shift;
        let lower_bits = if fraction == HIDDEN_BIT { 2 } else { 1 };
        let lower = ((fraction << lower_bits) - 1) << (exponent - lower_bits - upper_exponent);
        let normal_shift = fraction.leading_zeros();
        let number = Scaled { fraction: fraction << normal_shift, exponent: exponent - normal_shift as i32 };

        let (power, decimal) = power_of_ten(upper_exponent);
        let at = |fraction| Scaled { fraction, exponent: upper_exponent }.times(power);
        let number = number.times(power);
        // One unit inwards on both sides, since the scaled ends may be off by one: what makes Grisu2
        // sometimes long.
        let (mut lower, mut upper) = (at(lower), at(upper));
        lower.fraction += 1;
        upper.fraction -= 1;

        let mut digits = Self { bytes: [0; DIGITS_MAX + 1], count: 0, exponent: -decimal };
        digits.generate(number.fraction, upper, upper.fraction - lower.fraction);
        digits
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.count]
    }

    /// Takes digits from the upper end of the interval until the rest is less than `width`, the interval;
    /// then steps the last digit down as long as that comes nearer to `number`.
    fn generate(&mut self, number: u64, upper: Scaled, width: u64) {
        let point = -upper.exponent;
        let one = 1u64 << point;
        let distance = upper.fraction - number;
        let mut whole = upper.fraction >> point;
        let mut part = upper.fraction & (one - 1);

        let mut unit: u64 = 1_000_000_000;
        for left in (0..10).rev() {
            let digit = whole / unit;
            whole %= unit;
            self.push(digit);
            let rest = (whole << point) + part;
            if rest <= width {
                self.exponent += left;
                return self.round(width, rest, unit << point, distance);
            }
            unit /= 10;
        }

        let (mut width, mut distance) = (width, distance);
        loop {
            part *= 10;
            width *= 10;
            // Wraps only where the difference no longer matters: `round` compares it with a rest below
            // `width`.
            distance = distance.wrapping_mul(10);
            self.exponent -= 1;
            self.push(part >> point);
            part &= one - 1;
            if part < width {
                return self.round(width, part, one, distance);
            }
        }
    }

    fn round(&mut self, width: u64, mut rest: u64, unit: u64, distance: u64) {
        let last = self.count - 1;
        while rest < distance
            && width - rest >= unit
            && (rest + unit < distance || distance - rest > rest + unit - distance)
        {
            self.bytes[last] -= 1;
            rest += unit;
        }
    }

    /// Appends a digit; leading noughts are none.
    fn push(&mut self, digit: u64) {
        if digit != 0 || self.count > 0 {
            self.bytes[self.count] = b'0' + digit as u8;
            self.count += 1;
        }
    }
}

/// A power of ten that brings a number with this binary exponent into the scaled range, and its decimal
/// exponent.
fn power_of_ten(exponent: i32) -> (Scaled, i32) {
    // Two powers may do. Which one is taken decides about digits in rare cases, so the guess starts where
    // Valkey's does.
    let guess = (f64::from(-(exponent + POWERS.len() as i32)) * std::f64::consts::LOG10_2) as i32;
    let mut index = (guess - POWER_MIN) / POWER_STEP;
    loop {
        let decimal = POWER_MIN + index * POWER_STEP;
        // floor(log2(10^decimal)) - 63, exact for |decimal| < 1600.
        let binary = ((decimal * 1_741_647) >> 19) - 63;
        let scaled = exponent + binary + 64;
        if scaled < SCALED_EXPONENT_MIN {
            index += 1;
        } else if scaled > SCALED_EXPONENT_MAX {
            index -= 1;
        } else {
            return (Scaled { fraction: POWERS[index as usize], exponent: binary }, decimal);
        }
    }
}

const POWER_MIN: i32 = -348;
const POWER_STEP: i32 = 8;

/// The first 64 bits, rounded, of 10^-348, 10^-340, ..., 10^340.
#[rustfmt::skip]
const POWERS: [u64; 87] = [
    0xFA8F_D5A0_081C_0288, 0xBAAE_E17F_A23E_BF76, 0x8B16_FB20_3055_AC76, 0xCF42_894A_5DCE_35EA,
    0x9A6B_B0AA_5565_3B2D, 0xE61A_CF03_3D1A_45DF, 0xAB70_FE17_C79A_C6CA, 0xFF77_B1FC_BEBC_DC4F,
    0xBE56_91EF_416B_D60C, 0x8DD0_1FAD_907F_FC3C, 0xD351_5C28_3155_9A83, 0x9D71_AC8F_ADA6_C9B5,
    0xEA9C_2277_23EE_8BCB, 0xAECC_4991_4078_536D, 0x823C_1279_5DB6_CE57, 0xC210_9436_4DFB_5637,
    0x9096_EA6F_3848_984F, 0xD774_85CB_2582_3AC7, 0xA086_CFCD_97BF_97F4, 0xEF34_0A98_172A_ACE5,
    0xB238_67FB_2A35_B28E, 0x84C8_D4DF_D2C6_3F3B, 0xC5DD_4427_1AD3_CDBA, 0x936B_9FCE_BB25_C996,
    0xDBAC_6C24_7D62_A584, 0xA3AB_6658_0D5F_DAF6, 0xF3E2_F893_DEC3_F126, 0xB5B5_ADA8_AAFF_80B8,
    0x8762_5F05_6C7C_4A8B, 0xC9BC_FF60_34C1_3053, 0x964E_858C_91BA_2655, 0xDFF9_7724_7029_7EBD,
    0xA6DF_BD9F_B8E5_B88F, 0xF8A9_5FCF_8874_7D94, 0xB944_7093_8FA8_9BCF, 0x8A08_F0F8_BF0F_156B,
    0xCDB0_2555_6531_31B6, 0x993F_E2C6_D07B_7FAC, 0xE45C_10C4_2A2B_3B06, 0xAA24_2499_6973_92D3,
    0xFD87_B5F2_8300_CA0E, 0xBCE5_0864_9211_1AEB, 0x8CBC_CC09_6F50_88CC, 0xD1B7_1758_E219_652C,
    0x9C40_0000_0000_0000, 0xE8D4_A510_0000_0000, 0xAD78_EBC5_AC62_0000, 0x813F_3978_F894_0984,
    0xC097_CE7B_C907_15B3, 0x8F7E_32CE_7BEA_5C70, 0xD5D2_38A4_ABE9_8068, 0x9F4F_2726_179A_2245,
    0xED63_A231_D4C4_FB27, 0xB0DE_6538_8CC8_ADA8, 0x83C7_088E_1AAB_65DB, 0xC45D_1DF9_4271_1D9A,
    0x924D_692C_A61B_E758, 0xDA01_EE64_1A70_8DEA, 0xA26D_A399_9AEF_774A, 0xF209_787B_B47D_6B85,
    0xB454_E4A1_79DD_1877, 0x865B_8692_5B9B_C5C2, 0xC835_53C5_C896_5D3D, 0x952A_B45C_FA97_A0B3,
    0xDE46_9FBD_99A0_5FE3, 0xA59B_C234_DB39_8C25, 0xF6C6_9A72_A398_9F5C, 0xB7DC_BF53_54E9_BECE,
    0x88FC_F317_F222_41E2, 0xCC20_CE9B_D35C_78A5, 0x9816_5AF3_7B21_53DF, 0xE2A0_B5DC_971F_303A,
    0xA8D9_D153_5CE3_B396, 0xFB9B_7CD9_A4A7_443C, 0xBB76_4C4C_A7A4_4410, 0x8BAB_8EEF_B640_9C1A,
    0xD01F_EF10_A657_842C, 0x9B10_A4E5_E991_3129, 0xE710_9BFB_A19C_0C9D, 0xAC28_20D9_623B_F429,
    0x8044_4B5E_7AA7_CF85, 0xBF21_E440_03AC_DD2D, 0x8E67_9C2F_5E44_FF8F, 0xD433_179D_9C8C_B841,
    0x9E19_DB92_B4E3_1BA9, 0xEB96_BF6E_BADF_77D9, 0xAF87_023B_9BF0_EE6B,
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(value: f64) -> String {
        String::from_utf8(DoubleText::new(value).as_bytes().to_vec()).expect("ASCII")
    }

    /// Recorded from Valkey 9.1.2: ZSCORE of a member that was added with the score on the left.
    #[test]
    fn as_the_reference_writes() {
        for (value, wanted) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (-1.0, "-1"),
            (3.25, "3.25"),
            (1e16, "10000000000000000"),
            (12345678901234567.0, "12345678901234568"),
            (12345678901234567890.0, "12345678901234567000"),
            (9223372036854774784.0, "9223372036854775000"),
            (9223372036854775808.0, "9223372036854776000"),
            (1e19, "1e+19"),
            (1.5e21, "1.5e+21"),
            (123456789012345678901234.0, "123456789012345690000000"),
            (1e-1, "0.1"),
            (1e-6, "0.000001"),
            (1e-7, "1e-7"),
            (1.234e-5, "1.234e-5"),
            (1.234e-6, "1.234e-6"),
            (0.00012345, "1.2345e-4"),
            (0.0095, "0.0095"),
            (5e-324, "5e-324"),
            (1.7976931348623157e308, "1.7976931348623157e+308"),
            (2.2250738585072014e-308, "2.2250738585072014e-308"),
            (-1.5e-10, "-1.5e-10"),
            (123e30, "1.23e+32"),
            (123456.789, "123456.789"),
            (4611686018427387904.0, "4611686018427387904"),
            (4611686018427388928.0, "4611686018427389000"),
            (-4611686018427387904.0, "-4611686018427387904"),
            (-4611686018427388928.0, "-4611686018427389000"),
            (1234.5678901234567, "1234.5678901234567"),
            (12345.678901234567, "1.2345678901234567e+4"),
            (123456.7890123, "1.234567890123e+5"),
            (1234567.25, "1234567.25"),
            (1.5e-6, "1.5e-6"),
            (123456789e15, "1.23456789e+23"),
            // Not the shortest digits, or not the nearest of the shortest, but those of Grisu2.
            (33.66729958813821, "33.667299588138214"),
            (0.0003762178017196283, "3.7621780171962827e-4"),
            (-3.8357557619138178e-84, "-3.8357557619138177e-84"),
            (725055161319150.2, "725055161319150.3"),
            (11407506780487.188, "11407506780487.187"),
            (1e23, "99999999999999990000000"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
            (f64::NAN, "nan"),
        ] {
            assert_eq!(text(value), wanted);
        }
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(bits: u64, mantissa in 0u64..1_000_000, exponent in -30i32..30) {
            for value in [f64::from_bits(bits), mantissa as f64 * 10f64.powi(exponent)] {
                if value.is_nan() {
                    continue;
                }
                prop_assert_eq!(text(value).parse::<f64>().expect("a number"), value);
            }
        }
    }

    /// Recorded from Valkey 9.1.2, which digests scores so.
    #[test]
    fn integers_by_their_digits() {
        for (value, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (12.0, "12"),
            (1e7, "10000000"),
            (1e17, "1e+17"),
            (-1e300, "-1e+300"),
            (12_345_678_901_234_567.0, "12345678901234568"),
            (0.1, "0.1"),
        ] {
            assert_eq!(DoubleText::by_digits(value).as_bytes(), text.as_bytes());
        }
    }
}
