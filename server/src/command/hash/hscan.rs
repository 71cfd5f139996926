//! HSCAN.

use scrubjay::collections::packed::Digits;

use crate::command::Ctx;
use crate::command::scan::{self, Options, Walked};
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HSCAN: Command = Command {
    name: "hscan",
    summary: "Iterates over fields and values of a hash.",
    since: "2.8.0",
    complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the \
        cursor to return back to 0. N is the number of elements inside the collection.",
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::HASH,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
        Arg::pure_token("novalues", "NOVALUES").valkey("8.0.0").redis("7.4.0").optional(),
    ],
    handler: hscan,
    ..Command::BASE
}
.checked();

fn hscan(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    let cursor = scan::cursor(ctx.args, 2)?;
    // Nobody is told of them where the key is not there.
    let options = Options::parse(ctx, 3, Walked::Hash);
    let Some(hash) = ctx.view.hash(key)? else {
        scan::nothing(ctx.reply);
        return Ok(());
    };
    let options = options?;
    options.walk(ctx.reply, cursor, |cursor, found| {
        hash.scan(cursor, now, |field, value| {
            let mut digits = Digits::default();
            let field = field.text(&mut digits);
            if !options.matches(field) {
            } else if options.names_only {
                found.one(field);
            } else {
                found.pair(field, |reply| super::bulk(reply, value));
            }
        })
    });
    Ok(())
}
