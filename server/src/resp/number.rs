//! How numbers are read from arguments and from the configuration. Strict where Valkey is strict, which is
//! nearly everywhere: `+1`, ` 1` and `01` are not integers.
//!
//! INCRBYFLOAT's numbers are wider than a double and live in the engine, with the type they belong to.

/// Reads an integer: an optional minus and digits without a leading nought, within 64 bits.
pub fn parse_i64(text: &[u8]) -> Option<i64> {
    match text {
        [b'-', digits @ ..] if digits.first() != Some(&b'0') => 0i64.checked_sub_unsigned(parse_u64(digits)?),
        _ => i64::try_from(parse_u64(text)?).ok(),
    }
}

/// Reads an integer without a sign, and without a leading nought, within 64 bits.
pub fn parse_u64(text: &[u8]) -> Option<u64> {
    match text {
        [b'0'] => Some(0),
        [b'1'..=b'9', ..] => digits(text),
        _ => None,
    }
}

/// Reads a double: decimal with or without an exponent, or `inf`, `+inf`, `-inf`, `infinity` in any case.
/// What is too large or too small for a double is refused, not rounded to infinity or nought; so is `nan`.
pub fn parse_f64(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    let value: f64 = text.parse().ok()?;
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    let fits = if value == 0.0 {
        !mantissa.contains(|digit| matches!(digit, '1'..='9'))
    } else if value.is_infinite() {
        !mantissa.contains(|digit: char| digit.is_ascii_digit())
    } else {
        !value.is_nan()
    };
    fits.then_some(value)
}

/// Reads an amount of memory: digits and a unit. `k`, `m`, `g` are powers of a thousand, `kb`, `mb`, `gb` of
/// 1024, in any case; `b` or none are bytes.
///
/// As in Valkey, a unit alone is nought and a product beyond 64 bits wraps; the limits of each parameter
/// catch that.
pub fn parse_memory_bytes(text: &[u8]) -> Option<u64> {
    let unit = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    Some(digits(number)?.wrapping_mul(factor))
}

/// The number that decimal digits make, nought for none of them.
fn digits(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers() {
        for (text, number) in [
            ("0", 0),
            ("1", 1),
            ("-1", -1),
            ("10", 10),
            ("9223372036854775807", i64::MAX),
            ("-9223372036854775808", i64::MIN),
        ] {
            assert_eq!(parse_i64(text.as_bytes()), Some(number), "{text}");
        }
        for text in [
            "",
            "-",
            "+1",
            "-0",
            "00",
            "01",
            "-01",
            " 1",
            "1 ",
            "1a",
            "a",
            "--1",
            "1.0",
            "9223372036854775808",
            "-9223372036854775809",
            "18446744073709551616",
            "99999999999999999999999",
            "0x1",
        ] {
            assert_eq!(parse_i64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_u64(b"18446744073709551615"), Some(u64::MAX));
        assert_eq!(parse_u64(b"18446744073709551616"), None);
        assert_eq!(parse_u64(b"-1"), None);
    }

    /// Recorded from Valkey 9.1.2: ZADD with each text as the score.
    #[test]
    fn doubles() {
        for (text, number) in [
            ("1.", 1.0),
            (".5", 0.5),
            ("-.5", -0.5),
            ("+5", 5.0),
            ("+.5", 0.5),
            ("1e+5", 1e5),
            ("1E5", 1e5),
            ("00012", 12.0),
            ("inf", f64::INFINITY),
            ("+inf", f64::INFINITY),
            ("iNf", f64::INFINITY),
            ("Infinity", f64::INFINITY),
            ("-Infinity", f64::NEG_INFINITY),
            ("4.9e-324", 5e-324),
            ("3e-324", 5e-324),
            ("1e-310", 1e-310),
            ("0e-400", 0.0),
        ] {
            assert_eq!(parse_f64(text.as_bytes()), Some(number), "{text}");
        }
        for text in [
            "", " 1", "1 ", "\t1", "1\0", "0x10", "0x1p4", "0x", "nan", "-nan", "1e400", "1e309", "-1e309",
            "1e-400", "2e-324", "1e", "1e+", "1_0", "1,0", "1f", "1d", "infinit", "-", "+", ".", "e5",
        ] {
            assert_eq!(parse_f64(text.as_bytes()), None, "{text:?}");
        }
        assert_eq!(parse_f64(b"\xff"), None);
    }

    /// Recorded from Valkey 9.1.2: CONFIG SET maxmemory with each text.
    #[test]
    fn memory() {
        for (text, bytes) in [
            ("100mb", 104_857_600),
            ("1gb", 1 << 30),
            ("1k", 1000),
            ("1Kb", 1024),
            ("1B", 1),
            ("01mb", 1 << 20),
            ("mb", 0),
            ("", 0),
            ("18446744073709551615", u64::MAX),
            ("20000000000gb", 3_028_092_406_290_448_384),
            ("123456789123456789m", 11_177_782_192_469_585_728),
        ] {
            assert_eq!(parse_memory_bytes(text.as_bytes()), Some(bytes), "{text}");
        }
        for text in [
            "1t",
            "1.5mb",
            "-1",
            "-1mb",
            "+1",
            " 1",
            "1 ",
            "1 mb",
            "0x10",
            "1e3",
            "18446744073709551616",
            "1kk",
            "1mbb",
            "10%",
        ] {
            assert_eq!(parse_memory_bytes(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn an_integer_is_what_prints_as_itself(text in "[-+ 0-9]{0,21}", number: i64) {
            prop_assert_eq!(parse_i64(number.to_string().as_bytes()), Some(number));
            let wanted = text.parse::<i64>().ok().filter(|number| number.to_string() == text);
            prop_assert_eq!(parse_i64(text.as_bytes()), wanted);
        }

        #[test]
        fn nothing_panics(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            parse_i64(&text);
            parse_f64(&text);
            parse_memory_bytes(&text);
        }
    }
}
