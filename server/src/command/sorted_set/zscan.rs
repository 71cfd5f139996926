//! ZSCAN.

use scrubjay::Lookup;
use scrubjay::collections::packed::Digits;
use scrubjay::double::DoubleText;

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
        Arg::pure_token("noscores", "NOSCORES").optional(),
    ],
    handler: zscan,
    ..Command::BASE
}
.checked();

fn zscan(ctx: &mut Ctx<'_>) -> Result<(), Error> {
    let cursor = scan::cursor(ctx.args, 2)?;
    let key = ctx.key(1);
    let Some(set) = ctx.view.sorted_set(key, Lookup::Read)? else {
        scan::nothing(ctx.reply);
        return Ok(());
    };
    let options = Options::parse(ctx.args, 3, Walked::SortedSet)?;
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
                found.pair(member, |reply| reply.bulk(DoubleText::new(pair.score).as_bytes()));
            }
        })
    });
    Ok(())
}
