//! Which texts are integers: those that an `i64` prints as, and no others.
//!
//! Valkey holds such a text as a number and prints it again when it is asked for, so it has to be the one
//! text of its number: no sign but a minus, no leading nought, no blanks.

/// The longest of them: `-9223372036854775808`.
const BYTES_MAX: usize = 20;

/// The `i64` that prints as these bytes.
#[inline]
pub fn parse(bytes: &[u8]) -> Option<i64> {
    if bytes.len() > BYTES_MAX {
        return None;
    }
    match bytes {
        [b'0'] => Some(0),
        [b'-', digits @ ..] => 0i64.checked_sub_unsigned(magnitude(digits)?),
        digits => i64::try_from(magnitude(digits)?).ok(),
    }
}

/// The number of digits that do not begin with a nought.
#[inline]
fn magnitude(digits: &[u8]) -> Option<u64> {
    if !matches!(digits, [b'1'..=b'9', ..]) {
        return None;
    }
    digits.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_what_an_i64_prints_as() {
        for number in [0, 1, -1, 10, -10, 42, i64::MAX, i64::MIN, i64::MAX - 1] {
            assert_eq!(parse(number.to_string().as_bytes()), Some(number));
        }
        let others =
            "|-|-0|00|01|-01|+1| 1|1 |1.0|1a|9223372036854775808|-9223372036854775809|123456789012345678901";
        for text in others.split('|') {
            assert_eq!(parse(text.as_bytes()), None, "{text:?}");
        }
    }
}
