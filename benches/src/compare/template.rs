//! Requests written down as a person types them, rendered once and renewed in place.
//!
//! A template is one command line. Words in braces are filled in: `{key}` a key of 16 bytes, `{number}`
//! twelve digits, `{value}` the scenario's value, `{deadline}` a moment in milliseconds since 1970.
//! `[...]*10` repeats what stands in the brackets. A batch holds some requests ready to send; before each use
//! only the digits in it are overwritten, so that the load costs far less than the server it measures.

use anyhow::{Context, Result, ensure};

/// What a number in a batch stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The twelve digits of a key.
    Key,
    /// Twelve digits of their own.
    Number,
    /// Thirteen digits: milliseconds since 1970.
    Deadline,
}

impl Slot {
    fn digits(self) -> usize {
        match self {
            Self::Key | Self::Number => 12,
            Self::Deadline => 13,
        }
    }
}

/// Requests in wire form with places for numbers.
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Where each number starts, in the order of the bytes.
    slots: Vec<(usize, Slot)>,
    /// How many replies the batch asks for.
    requests: u64,
    /// How many keys one request names.
    keys_per_request: u64,
}

/// A key's text before its digits.
const KEY_PREFIX: &str = "key:";

impl Batch {
    /// Renders `requests` requests of `template`, every number still zero.
    pub(crate) fn new(template: &str, requests: u64, value_bytes: usize) -> Result<Self> {
        let words = words(template)?;
        let value = "x".repeat(value_bytes);
        let mut batch = Self {
            bytes: Vec::new(),
            slots: Vec::new(),
            requests,
            keys_per_request: words.iter().filter(|word| *word == "{key}").count() as u64,
        };
        for _ in 0..requests {
            batch.bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
            for word in &words {
                match word.as_str() {
                    "{key}" => batch.push_slot(KEY_PREFIX, Slot::Key),
                    "{number}" => batch.push_slot("", Slot::Number),
                    "{deadline}" => batch.push_slot("", Slot::Deadline),
                    "{value}" => batch.push_word(&value),
                    literal => batch.push_word(literal),
                }
            }
        }
        Ok(batch)
    }

    /// Overwrites each number with what `number` says.
    pub(crate) fn renew(&mut self, mut number: impl FnMut(Slot) -> u64) {
        for &(start, slot) in &self.slots {
            write_digits(&mut self.bytes[start..start + slot.digits()], number(slot));
        }
    }

    /// The requests in wire form.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many replies the batch asks for.
    pub(crate) fn requests(&self) -> u64 {
        self.requests
    }

    /// How many keys one request names.
    pub(crate) fn keys_per_request(&self) -> u64 {
        self.keys_per_request
    }

    fn push_word(&mut self, word: &str) {
        self.bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
    }

    fn push_slot(&mut self, prefix: &str, slot: Slot) {
        self.push_word(&format!("{prefix}{}", "0".repeat(slot.digits())));
        self.slots.push((self.bytes.len() - "\r\n".len() - slot.digits(), slot));
    }
}

/// The words of a template, with repetitions written out.
fn words(template: &str) -> Result<Vec<String>> {
    let mut words = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('[') {
        words.extend(before.split_whitespace().map(str::to_owned));
        let (repeated, after) = after.split_once("]*").context("a `[` without its `]*`")?;
        let (times, after) = after.split_once(' ').unwrap_or((after, ""));
        let times: usize = times.parse().context("`]*` wants a number")?;
        for _ in 0..times {
            words.extend(repeated.split_whitespace().map(str::to_owned));
        }
        rest = after;
    }
    words.extend(rest.split_whitespace().map(str::to_owned));
    ensure!(!words.is_empty(), "a template of no words");
    Ok(words)
}

/// Writes `number` in decimal, zeros in front, over all of `digits`.
fn write_digits(digits: &mut [u8], mut number: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renders_and_renews() {
        let mut batch = Batch::new("SET {key} {value} PXAT {deadline}", 1, 3).unwrap();
        batch.renew(|slot| if slot == Slot::Deadline { 1_800_000_000_123 } else { 42 });
        let expected = "*5\r\n$3\r\nSET\r\n$16\r\nkey:000000000042\r\n$3\r\nxxx\r\n$4\r\nPXAT\r\n$13\r\n1800000000123\r\n";
        assert_eq!(std::str::from_utf8(batch.bytes()).unwrap(), expected);
        assert_eq!((batch.requests(), batch.keys_per_request()), (1, 1));
    }

    #[test]
    fn repeats_what_stands_in_brackets() {
        assert_eq!(
            words("MSET [{key} {value}]*2 END").unwrap(),
            ["MSET", "{key}", "{value}", "{key}", "{value}", "END"]
        );
        assert_eq!(Batch::new("MSET [{key} {value}]*10", 16, 64).unwrap().keys_per_request(), 10);
        assert!(words("MSET [{key}").is_err());
        assert!(words("").is_err());
    }
}
