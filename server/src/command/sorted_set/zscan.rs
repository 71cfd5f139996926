//! ZSCAN.

use scrubjay::Lookup;
use scrubjay::collections::packed::Digits;
use scrubjay::double::DoubleText;
use scrubjay::types::sorted_set::SortedSetRef;

use crate::command::Ctx;
use crate::command::scan::{self, Options, Walked};
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZSCAN: Command = Command {
    name: "zscan",
    summary: "Iterates over members and scores of a sorted set.",
    since: "2.8.0",
    complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the \
        cursor to return back to 0. N is the number of elements inside the collection.",
    history: &[("8.0.0", "Added noscores option.")],
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
        Arg::pure_token("noscores", "NOSCORES").valkey("8.0.0").optional(),
    ],
    handler: zscan,
    ..Command::BASE
}
.checked();

fn zscan(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let cursor = scan::cursor(ctx.args, 2)?;
    // Nobody is told of them where the key is not there.
    let options = Options::parse(ctx, 3, Walked::SortedSet);
    let key = ctx.key(1);
    let Some(set) = ctx.view.sorted_set(key, Lookup::Read)? else {
        scan::nothing(ctx.reply);
        return Ok(());
    };
    let options = options?;
    let mut digits = Digits::default();
    options.walk(ctx.reply, cursor, |cursor, found| {
        set.scan(cursor, |pair| {
            let member = pair.member.text(&mut digits);
            if !options.matches(member) {
                return;
            }
            if options.names_only {
                found.one(member);
            } else {
                found.pair(member, |reply| match set {
                    SortedSetRef::Packed(_) => reply.bulk(DoubleText::new(pair.score).as_bytes()),
                    SortedSetRef::Large(_) => reply.bulk(in_17_digits(pair.score)),
                });
            }
        })
    });
    Ok(())
}

/// A score as Valkey writes those of large sorted sets here, and nowhere else: as C's `%.17g` does.
fn in_17_digits(score: f64) -> String {
    if score.is_infinite() {
        return if score > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    let exact = format!("{score:.16e}");
    let (digits, exponent) = exact.split_once('e').expect("invariant: it was asked for");
    let exponent: i32 = exponent.parse().expect("invariant: an integer stands there");
    let without_noughts = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    if (-4..17).contains(&exponent) {
        let places = (16 - exponent).max(0) as usize;
        return without_noughts(&format!("{score:.places$}"));
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{}e{sign}{:02}", without_noughts(digits), exponent.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Recorded from Valkey 9.1.2: ZSCAN of a large sorted set with these scores.
    #[test]
    fn writes_scores_as_c_does() {
        for (score, text) in [
            (0.0, "0"),
            (-0.0, "-0"),
            (3.0, "3"),
            (2.5, "2.5"),
            (0.1, "0.10000000000000001"),
            (0.0001, "0.0001"),
            (-1e-5, "-1.0000000000000001e-05"),
            (1e-7, "9.9999999999999995e-08"),
            (100_000.0, "100000"),
            (1e15, "1000000000000000"),
            (1e17, "1e+17"),
            (1e20, "1e+20"),
            (1e300, "1.0000000000000001e+300"),
            (123_456_789_012_345_680.0, "1.2345678901234568e+17"),
            (4_611_686_018_427_387_904.0, "4.6116860184273879e+18"),
            (9_007_199_254_740_992.0, "9007199254740992"),
            (12_345_678.9, "12345678.9"),
            (1_234_567_890.125, "1234567890.125"),
            (5e-324, "4.9406564584124654e-324"),
            (f64::MAX, "1.7976931348623157e+308"),
            (f64::INFINITY, "inf"),
            (f64::NEG_INFINITY, "-inf"),
        ] {
            assert_eq!(in_17_digits(score), text);
        }
    }
}
