//! SCAN.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Locks};
use crate::error::Error;
use crate::glob::{self, Case};
use crate::resp::Reply;
use crate::resp::number;

pub(super) static SCAN: Command = Command {
    name: "scan",
    summary: "Iterates over the key names in the database.",
    since: "2.8.0",
    complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the \
        cursor to return back to 0. N is the number of elements inside the collection.",
    history: &[("6.0.0", "Added the `TYPE` subcommand.")],
    arity: -2,
    flags: Flags::READONLY,
    acl: Acl::KEYSPACE,
    tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
    args: &[
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
        Arg::string("type").token("TYPE").since("6.0.0").optional(),
    ],
    locks: Locks::Walk,
    handler: scan,
    ..Command::BASE
}
.checked();

/// Keys a call aims at when it does not say.
const COUNT: u64 = 10;
/// Buckets a call visits for each key it aims at, before it gives up looking for keys that match: Valkey's
/// factor.
const STEPS_PER_KEY: u64 = 10;
/// Buckets a call visits at most, a hundred thousand keys or so, whatever its COUNT: other clients of the
/// thread wait for it. COUNT is a hint, and clients go by the cursor.
const STEPS_MAX: u64 = 1 << 14;
/// A reply that has got this long ends at the next bucket, whatever the COUNT.
const REPLY_BYTES: usize = 1 << 20;

/// What `TYPE` takes: every type that Valkey has, those included that no key here is of.
const TYPES: &[&str] = &["string", "list", "set", "zset", "hash", "stream"];

fn scan(ctx: &mut Ctx<'_>) -> Result<(), Error> {
    let mut cursor = ctx.args.get(1).and_then(parse_cursor).ok_or(Error::Text("ERR invalid cursor"))?;
    let filter = Filter::read(ctx)?;

    // The cursor stands before the keys that it is known after.
    let mut keys = Reply::new(ctx.reply.protocol());
    let header = keys.defer_array();
    let mut count = 0;
    let mut steps = filter.count.saturating_mul(STEPS_PER_KEY).min(STEPS_MAX);
    loop {
        cursor = ctx.view.scan(ctx.session.db, cursor, |key, meta| {
            if filter.passes(key, meta.kind.name()) {
                keys.bulk(key);
                count += 1;
            }
        });
        steps -= 1;
        let full = count as u64 >= filter.count || keys.output().len() >= REPLY_BYTES;
        if cursor == 0 || full || steps == 0 {
            break;
        }
    }
    keys.fill(header, count);
    ctx.reply.array(2);
    ctx.reply.bulk(cursor.to_string());
    ctx.reply.append(&mut keys);
    Ok(())
}

struct Filter<'a> {
    pattern: Option<&'a [u8]>,
    type_name: Option<&'static str>,
    /// At least 1.
    count: u64,
}

impl<'a> Filter<'a> {
    fn read(ctx: &Ctx<'a>) -> Result<Self, Error> {
        let mut filter = Self { pattern: None, type_name: None, count: COUNT };
        let mut at = 2;
        while at < ctx.args.len() {
            let option = |word| ctx.args.is(at, word);
            let value = ctx.args.get(at + 1);
            if option("COUNT") && value.is_some() {
                let count = ctx.args.integer(at + 1)?;
                filter.count = u64::try_from(count).ok().filter(|count| *count > 0).ok_or(Error::Syntax)?;
            } else if option("MATCH") && value.is_some() {
                filter.pattern = value;
            } else if option("TYPE")
                && let Some(value) = value
            {
                let named = TYPES.iter().find(|name| value.eq_ignore_ascii_case(name.as_bytes()));
                filter.type_name =
                    Some(*named.ok_or_else(|| Error::quoting("ERR unknown type name '", value, "'"))?);
            } else if option("NOVALUES") {
                return Err(Error::Text("ERR NOVALUES option can only be used in HSCAN"));
            } else if option("NOSCORES") {
                return Err(Error::Text("ERR NOSCORES option can only be used in ZSCAN"));
            } else {
                return Err(Error::Syntax);
            }
            at += 2;
        }
        Ok(filter)
    }

    fn passes(&self, key: &[u8], type_name: &str) -> bool {
        self.type_name.is_none_or(|wanted| wanted == type_name)
            && self.pattern.is_none_or(|pattern| glob::matches(pattern, key, Case::Sensitive))
    }
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
