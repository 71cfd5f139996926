//! SETEX and PSETEX: SET with a time to live, in older words.

use scrubjay::Deadline;
use scrubjay::shard::change::Event;

use super::options::Expiry;
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SETEX: Command = Command {
    name: "setex",
    summary: "Sets the string value and expiration time of a key. Creates the key if it doesn't exist.",
    since: "2.0.0",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::STRING,
    keys: &[Key::at(1).ow().update()],
    args: &[Arg::key("key"), Arg::integer("seconds"), Arg::string("value")],
    handler: setex,
    ..Command::BASE
}
.checked();

fn setex(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    set_for(ctx, Expiry::Ex(2), "setex")
}

pub(super) static PSETEX: Command = Command {
    name: "psetex",
    summary: "Sets both string value and expiration time in milliseconds of a key. The key is created if it \
        doesn't exist.",
    since: "2.6.0",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::STRING,
    keys: &[Key::at(1).ow().update()],
    args: &[Arg::key("key"), Arg::integer("milliseconds"), Arg::string("value")],
    handler: psetex,
    ..Command::BASE
}
.checked();

fn psetex(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    set_for(ctx, Expiry::Px(2), "psetex")
}

fn set_for(ctx: &mut Ctx<'_, '_>, expiry: Expiry, command: &'static str) -> Result<(), Error> {
    let key = ctx.key(1);
    let deadline = expiry.deadline(ctx, command)?.map_or(Deadline::Clear, Deadline::At);
    ctx.view.set(key, ctx.args.at(3), deadline, Event::Set);
    ctx.reply.ok();
    Ok(())
}
