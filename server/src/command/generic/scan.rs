//! SCAN.

use crate::command::Ctx;
use crate::command::scan::{self, Options, Walked};
use crate::command::spec::{Acl, Arg, Command, Flags, Locks};
use crate::error::Error;

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

fn scan(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let cursor = scan::cursor(ctx.args, 1)?;
    let options = Options::parse(ctx, 2, Walked::Keys)?;
    let db = ctx.session.db;
    options.walk(ctx.reply, cursor, |cursor, found| {
        ctx.view.scan(db, cursor, |key, meta| {
            if options.has_type(meta.kind.name()) && options.matches(key) {
                found.one(key);
            }
        })
    });
    Ok(())
}
