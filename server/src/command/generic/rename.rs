//! RENAME and RENAMENX.

use scrubjay::Lookup;
use scrubjay::shard::change::Event;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static RENAME: Command = Command {
    name: "rename",
    summary: "Renames a key and overwrites the destination.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE,
    acl: Acl::KEYSPACE,
    keys: &[Key::at(1).rw().access().delete(), Key::at(2).ow().update()],
    args: &[Arg::key("key"), Arg::key("newkey").key_spec(1)],
    handler: rename,
    ..Command::BASE
}
.checked();

pub(super) static RENAMENX: Command = Command {
    name: "renamenx",
    summary: "Renames a key only when the target key name doesn't exist.",
    since: "1.0.0",
    complexity: "O(1)",
    history: &[(
        "3.2.0",
        "The command no longer returns an error when source and destination names are the same.",
    )],
    arity: 3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    keys: &[Key::at(1).rw().access().delete(), Key::at(2).ow().insert()],
    args: &[Arg::key("key"), Arg::key("newkey").key_spec(1)],
    handler: renamenx,
    ..Command::BASE
}
.checked();

fn rename(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (from, to) = (ctx.key(1), ctx.key(2));
    if !ctx.view.exists(from, Lookup::Write) {
        return Err(Error::NoSuchKey);
    }
    // A key that is given its own name has not changed.
    if from != to {
        ctx.view.transfer(from, to, (Event::RenameFrom, Event::RenameTo));
    }
    ctx.reply.ok();
    Ok(())
}

fn renamenx(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (from, to) = (ctx.key(1), ctx.key(2));
    if !ctx.view.exists(from, Lookup::Write) {
        return Err(Error::NoSuchKey);
    }
    let renamed = !ctx.view.exists(to, Lookup::Write)
        && ctx.view.transfer(from, to, (Event::RenameFrom, Event::RenameTo));
    ctx.reply.integer(renamed.into());
    Ok(())
}
