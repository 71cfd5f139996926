//! What SCAN, HSCAN, SSCAN and ZSCAN share: their cursors, their options, and how far a call goes.

use crate::command::Ctx;
use crate::command::args::Args;
use crate::error::Error;
use crate::glob::{self, Case};
use crate::resp::Reply;
use crate::resp::number;

/// Elements a call aims at when it does not say.
const COUNT: u64 = 10;
/// Buckets a call visits for each element it aims at, before it gives up looking for some that match:
/// Valkey's factor.
const STEPS_PER_ELEMENT: u64 = 10;
/// Buckets a call visits at most, a hundred thousand elements or so, whatever its COUNT: other clients of the
/// thread wait for it. COUNT is a hint, and clients go by the cursor.
const STEPS_MAX: u64 = 1 << 14;
/// A reply that has got this long ends at the next bucket, whatever the COUNT.
const REPLY_BYTES: usize = 1 << 20;

/// What `TYPE` takes: every type that Valkey has, those included that no key here is of.
const TYPES: &[&str] = &["string", "list", "set", "zset", "hash", "stream"];

/// What is walked: not all have the same options.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Walked {
    /// The keys of a database.
    Keys,
    /// The fields of a hash.
    Hash,
    /// The members of a set.
    Set,
    /// The members of a sorted set.
    SortedSet,
}

/// The options of one call.
#[derive(Debug)]
pub(super) struct Options<'a> {
    pattern: Option<&'a [u8]>,
    type_name: Option<&'static str>,
    /// NOVALUES or NOSCORES.
    pub(super) names_only: bool,
    /// At least 1.
    count: u64,
}

/// What a call has found so far.
pub(super) struct Found {
    /// The elements of the reply, which stand behind the cursor that is known after them.
    reply: Reply,
    /// How many.
    elements: usize,
    /// How many of them were aimed at: a pair counts as one.
    count: u64,
}

/// The cursor in the argument at `index`.
///
/// # Errors
/// When it is none.
pub(super) fn cursor(args: Args<'_>, index: usize) -> Result<u64, Error> {
    args.get(index).and_then(parse_cursor).ok_or(Error::Text("ERR invalid cursor"))
}

impl<'a> Options<'a> {
    /// Reads the arguments of `ctx` from `first` on. The last of an option's values counts.
    ///
    /// # Errors
    /// As Valkey's, for the first argument that is wrong.
    pub(super) fn parse(ctx: &Ctx<'a, '_>, first: usize, walked: Walked) -> Result<Self, Error> {
        let args = ctx.args;
        let mut options = Self { pattern: None, type_name: None, names_only: false, count: COUNT };
        let mut at = first;
        while at < args.len() {
            let option = |word| args.is(at, word);
            let value = args.get(at + 1);
            let mut read = 2;
            if option("COUNT") && value.is_some() {
                let count = args.integer(at + 1)?;
                options.count = u64::try_from(count).ok().filter(|count| *count > 0).ok_or(Error::Syntax)?;
            } else if option("MATCH") && value.is_some() {
                options.pattern = value;
            } else if option("TYPE")
                && walked == Walked::Keys
                && let Some(value) = value
            {
                let named = TYPES.iter().find(|name| value.eq_ignore_ascii_case(name.as_bytes()));
                options.type_name =
                    Some(*named.ok_or_else(|| Error::quoting("ERR unknown type name '", value, "'"))?);
            } else if option("NOVALUES") {
                if walked != Walked::Hash {
                    return Err(Error::Text("ERR NOVALUES option can only be used in HSCAN"));
                }
                if !ctx.has("NOVALUES") {
                    return Err(Error::Syntax);
                }
                options.names_only = true;
                read = 1;
            } else if option("NOSCORES") && walked == Walked::SortedSet && ctx.has("NOSCORES") {
                options.names_only = true;
                read = 1;
            } else if option("NOSCORES") && walked != Walked::SortedSet && ctx.is_valkey() {
                return Err(Error::Text("ERR NOSCORES option can only be used in ZSCAN"));
            } else {
                return Err(Error::Syntax);
            }
            at += read;
        }
        Ok(options)
    }

    /// Whether this name is to be in the reply.
    pub(super) fn matches(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| pattern == b"*" || glob::matches(pattern, name, Case::Sensitive))
    }

    /// Whether keys of this type are to be in the reply.
    pub(super) fn has_type(&self, type_name: &str) -> bool {
        self.type_name.is_none_or(|wanted| wanted == type_name)
    }

    /// Goes on from `cursor`, a bucket at a time, until enough is found or enough was looked for, and writes
    /// the reply. `step` adds what it finds in one bucket and returns the cursor of the next, 0 at the end;
    /// what is not in buckets it adds all at once.
    pub(super) fn walk(
        &self,
        reply: &mut Reply,
        mut cursor: u64,
        mut step: impl FnMut(u64, &mut Found) -> u64,
    ) {
        let mut found = Found { reply: Reply::new(reply.protocol()), elements: 0, count: 0 };
        let header = found.reply.defer_array();
        let mut steps = self.count.saturating_mul(STEPS_PER_ELEMENT).min(STEPS_MAX);
        loop {
            cursor = step(cursor, &mut found);
            steps -= 1;
            let full = found.count >= self.count || found.reply.output().len() >= REPLY_BYTES;
            if cursor == 0 || full || steps == 0 {
                break;
            }
        }
        found.reply.fill(header, found.elements);
        reply.array(2);
        reply.bulk(cursor.to_string());
        reply.append(&mut found.reply);
    }
}

impl Found {
    /// Adds a name.
    pub(super) fn one(&mut self, name: &[u8]) {
        self.reply.bulk(name);
        self.elements += 1;
        self.count += 1;
    }

    /// Adds a name and what `write` writes, one element.
    pub(super) fn pair(&mut self, name: &[u8], write: impl FnOnce(&mut Reply)) {
        self.one(name);
        write(&mut self.reply);
        self.elements += 1;
    }
}

/// Writes the reply to a walk over what is not there.
pub(super) fn nothing(reply: &mut Reply) {
    reply.array(2);
    reply.bulk("0");
    reply.array(0);
}

/// Reads a cursor: an integer that is not negative, and besides, since Valkey asks C's `strtoull` when that
/// fails, whatever C takes for a number: blanks and a sign in front, noughts, anything behind a NUL.
fn parse_cursor(text: &[u8]) -> Option<u64> {
    if let Some(number) = number::parse_i64(text) {
        return u64::try_from(number).ok();
    }
    let text = text.split(|byte| *byte == 0).next()?;
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t'..=b'\r')).count();
    let (negative, digits) = match &text[blanks..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    // An explicit look at the first byte, since `parse` would take another sign.
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.starts_with(|c: char| c.is_ascii_digit()))?;
    let number: u64 = digits.parse().ok()?;
    Some(if negative { number.wrapping_neg() } else { number })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a transcript cannot show: which cursor Valkey has read. The texts it refuses are in the
    /// transcript.
    #[test]
    fn reads_cursors_as_c_does() {
        for (text, cursor) in [
            ("0", 0),
            ("17", 17),
            ("18446744073709551615", u64::MAX),
            (" \t\n\x0b\x0c\r7", 7),
            ("+7", 7),
            ("007", 7),
            ("7\0x", 7),
            ("-0", 0),
            (" -1", u64::MAX),
            ("-18446744073709551615", 1),
        ] {
            assert_eq!(parse_cursor(text.as_bytes()), Some(cursor), "{text:?}");
        }
        for text in
            ["", " ", "-", "+", "+-1", "--1", "-1", "1 ", "1x", "0x10", "\x001", "18446744073709551616"]
        {
            assert_eq!(parse_cursor(text.as_bytes()), None, "{text:?}");
        }
    }
}
