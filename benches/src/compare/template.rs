//! Requests written down as a person types them, rendered once and renewed in place.
//!
//! A template is one command line, or several with ` ; ` between them, which take turns; in front of ` | `
//! stands one that each connection sends before all others. `[...]*10` repeats what stands in the brackets.
//! Words in braces are filled in:
//!
//! - `{key}` a key of 16 bytes, `{member}` the same in 8 bytes, of which there are ten million;
//! - `{number}` twelve digits, `{sequence}` a member's number with no nought in front;
//! - `{index}` a position among all keys, but for the first tenth, whose numbers have fewer digits;
//!   `{index+9}` is nine further on;
//! - `{value}` the scenario's value, `{deadline}` a moment in milliseconds since 1970.
//!
//! A batch holds some requests ready to send; before each use only the digits in it are overwritten, so that
//! the load costs far less than the server it measures.

use std::ops::Range;

use anyhow::{Context, Result, ensure};

/// What a number in a batch stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Slot {
    /// The twelve digits of a key.
    Key,
    /// The seven digits of a member.
    Member,
    /// Twelve digits of their own.
    Number,
    /// Thirteen digits: milliseconds since 1970.
    Deadline,
    /// A position, without noughts in front: those are no integers to a server.
    Index,
    /// The position before, and so many more.
    Further(u64),
}

/// Requests in wire form with places for numbers.
pub(crate) struct Batch {
    bytes: Vec<u8>,
    /// Where each number lies, in the order of the bytes.
    slots: Vec<(Range<usize>, Slot)>,
    /// How many replies the batch asks for.
    requests: u64,
    /// How many keys one request names.
    keys_per_request: u64,
    /// The positions that `{index}` is drawn from.
    positions: Range<u64>,
}

/// A key's text before its digits.
const KEY_PREFIX: &str = "key:";
/// A member's.
const MEMBER_PREFIX: &str = "m";
/// That of a number in a row, so that no nought stands in front.
const SEQUENCE_PREFIX: &str = "1";
/// So far behind a position at most is what `{index+...}` names.
const FURTHER_MAX: u64 = 99;

/// What a connection sends first, if there is something, and the requests behind it.
pub(crate) fn parts(template: &str) -> (Option<&str>, &str) {
    template.split_once(" | ").map_or((None, template), |(first, requests)| (Some(first), requests))
}

impl Batch {
    /// Renders `requests` requests of `template` for a keyspace of `keys`, every number still zero.
    pub(crate) fn new(template: &str, requests: u64, value_bytes: usize, keys: u64) -> Result<Self> {
        let commands = parts(template).1.split(" ; ").map(words).collect::<Result<Vec<_>>>()?;
        let value = "x".repeat(value_bytes);
        // Of a million positions the last is 999,999: six digits.
        let digits = keys.saturating_sub(1).max(1).ilog10();
        let first = 10u64.pow(digits);
        let named = |words: &Vec<String>| {
            words.iter().filter(|word| matches!(word.as_str(), "{key}" | "{member}" | "{sequence}")).count()
                as u64
        };
        let mut batch = Self {
            bytes: Vec::new(),
            slots: Vec::new(),
            requests,
            keys_per_request: named(&commands[0]),
            positions: first..keys.saturating_sub(FURTHER_MAX).max(first + 1),
        };
        for words in commands.iter().cycle().take(usize::try_from(requests)?) {
            batch.bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
            for word in words {
                match word.as_str() {
                    "{key}" => batch.push_slot(KEY_PREFIX, 12, Slot::Key),
                    "{member}" => batch.push_slot(MEMBER_PREFIX, 7, Slot::Member),
                    "{sequence}" => batch.push_slot(SEQUENCE_PREFIX, 7, Slot::Member),
                    "{number}" => batch.push_slot("", 12, Slot::Number),
                    "{deadline}" => batch.push_slot("", 13, Slot::Deadline),
                    "{index}" => batch.push_slot("", digits as usize + 1, Slot::Index),
                    "{value}" => batch.push_word(&value),
                    word => match word.strip_prefix("{index+").and_then(|word| word.strip_suffix('}')) {
                        Some(further) => {
                            let further = further.parse().context("`{index+` wants a number")?;
                            ensure!(further <= FURTHER_MAX, "`{{index+{further}}}` is too far");
                            batch.push_slot("", digits as usize + 1, Slot::Further(further));
                        }
                        None => batch.push_word(word),
                    },
                }
            }
        }
        Ok(batch)
    }

    /// Overwrites each number with what `number` says.
    pub(crate) fn renew(&mut self, mut number: impl FnMut(Slot) -> u64) {
        let span = self.positions.end - self.positions.start;
        let mut position = self.positions.start;
        for (place, slot) in &self.slots {
            let number = match slot {
                Slot::Index => {
                    position = self.positions.start + number(Slot::Index) % span;
                    position
                }
                Slot::Further(further) => position + further,
                slot => number(*slot),
            };
            write_digits(&mut self.bytes[place.clone()], number);
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

    fn push_slot(&mut self, prefix: &str, digits: usize, slot: Slot) {
        self.push_word(&format!("{prefix}{}", "0".repeat(digits)));
        let end = self.bytes.len() - "\r\n".len();
        self.slots.push((end - digits..end, slot));
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
        let mut batch = Batch::new("SET {key} {value} PXAT {deadline}", 1, 3, 100).unwrap();
        batch.renew(|slot| if slot == Slot::Deadline { 1_800_000_000_123 } else { 42 });
        let expected = "*5\r\n$3\r\nSET\r\n$16\r\nkey:000000000042\r\n$3\r\nxxx\r\n$4\r\nPXAT\r\n$13\r\n1800000000123\r\n";
        assert_eq!(std::str::from_utf8(batch.bytes()).unwrap(), expected);
        assert_eq!((batch.requests(), batch.keys_per_request()), (1, 1));
    }

    #[test]
    fn positions_have_no_noughts_in_front() {
        let mut batch = Batch::new("ZRANGE z {index} {index+9}", 1, 0, 1_000_000).unwrap();
        batch.renew(|_| 900_000 - 99 - 1);
        assert!(std::str::from_utf8(batch.bytes()).unwrap().ends_with("$6\r\n999900\r\n$6\r\n999909\r\n"));
        batch.renew(|_| 0);
        assert!(std::str::from_utf8(batch.bytes()).unwrap().ends_with("$6\r\n100000\r\n$6\r\n100009\r\n"));
    }

    #[test]
    fn commands_take_turns() {
        let mut batch = Batch::new("RPUSH l {member} ; LPOP l", 3, 0, 10).unwrap();
        batch.renew(|_| 7);
        let text = std::str::from_utf8(batch.bytes()).unwrap();
        assert_eq!(text.matches("RPUSH").count(), 2);
        assert_eq!(text.matches("$8\r\nm0000007\r\n").count(), 2);
        assert_eq!((batch.requests(), batch.keys_per_request()), (3, 1));
    }

    #[test]
    fn repeats_what_stands_in_brackets() {
        assert_eq!(
            words("MSET [{key} {value}]*2 END").unwrap(),
            ["MSET", "{key}", "{value}", "{key}", "{value}", "END"]
        );
        assert_eq!(Batch::new("MSET [{key} {value}]*10", 16, 64, 100).unwrap().keys_per_request(), 10);
        assert!(words("MSET [{key}").is_err());
        assert!(words("").is_err());
    }
}
