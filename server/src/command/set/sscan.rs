//! SSCAN.

use scrubjay::Lookup;
use scrubjay::collections::packed::Digits;

use crate::command::Ctx;
use crate::command::scan;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SSCAN: Command = Command {
    name: "sscan",
    summary: "Iterates over members of a set.",
    since: "2.8.0",
    complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls for the \
        cursor to return back to 0. N is the number of elements inside the collection.",
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::SET,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::integer("cursor"),
        Arg::pattern("pattern").token("MATCH").optional(),
        Arg::integer("count").token("COUNT").optional(),
    ],
    handler: sscan,
    ..Command::BASE
}
.checked();

fn sscan(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let cursor = scan::cursor(ctx.args, 2)?;
    // Nobody is told of them where the key is not there.
    let options = scan::Options::parse(ctx, 3, scan::Walked::Set);
    // The options of a walk over nothing are not looked at.
    let Some(set) = ctx.view.set_at(ctx.key(1), Lookup::Read)? else {
        scan::nothing(ctx.reply);
        return Ok(());
    };
    let options = options?;
    let mut digits = Digits::default();
    options.walk(ctx.reply, cursor, |cursor, found| {
        set.scan(cursor, |member| {
            let member = member.text(&mut digits);
            if options.matches(member) {
                found.one(member);
            }
        })
    });
    Ok(())
}
