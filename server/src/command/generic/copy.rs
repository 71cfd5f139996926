//! COPY.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static COPY: Command = Command {
    name: "copy",
    summary: "Copies the value of a key to a new key.",
    since: "6.2.0",
    complexity: "O(N) worst case for collections, where N is the number of nested items. O(1) for string \
        values.",
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::KEYSPACE,
    keys: &[Key::at(1).ro().access(), Key::at(2).ow().update()],
    args: &[
        Arg::key("source"),
        Arg::key("destination").key_spec(1),
        Arg::integer("destination-db").token("DB").optional(),
        Arg::pure_token("replace", "REPLACE").optional(),
    ],
    handler: copy,
    ..Command::BASE
}
.checked();

fn copy(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let mut db = ctx.session.db;
    let mut replace = false;
    let mut at = 3;
    while at < ctx.args.len() {
        if ctx.args.is(at, "REPLACE") {
            replace = true;
            at += 1;
        } else if ctx.args.is(at, "DB") && at + 1 < ctx.args.len() {
            db = ctx.database(at + 1)?;
            at += 2;
        } else {
            return Err(Error::Syntax);
        }
    }
    let from = ctx.key(1);
    let to = ctx.key(2).in_db(db);
    if from == to {
        return Err(Error::SameObject);
    }
    let copied = ctx.view.exists(from, Lookup::Read)
        && (!ctx.view.exists(to, Lookup::Write) || replace)
        && ctx.view.copy(from, to);
    ctx.reply.integer(copied.into());
    Ok(())
}
