//! INCR, DECR, INCRBY and DECRBY: integers that count.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static INCR: Command = Command {
    name: "incr",
    summary: "Increments the integer value of a key by one. Uses 0 as initial value if the key doesn't \
        exist.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).rw().access().update()],
    args: &[Arg::key("key")],
    handler: incr,
    ..Command::BASE
}
.checked();

fn incr(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    add(ctx, 1)
}

pub(super) static DECR: Command = Command {
    name: "decr",
    summary: "Decrements the integer value of a key by one. Uses 0 as initial value if the key doesn't \
        exist.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).rw().access().update()],
    args: &[Arg::key("key")],
    handler: decr,
    ..Command::BASE
}
.checked();

fn decr(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    add(ctx, -1)
}

pub(super) static INCRBY: Command = Command {
    name: "incrby",
    summary: "Increments the integer value of a key by a number. Uses 0 as initial value if the key doesn't \
        exist.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).rw().access().update()],
    args: &[Arg::key("key"), Arg::integer("increment")],
    handler: incrby,
    ..Command::BASE
}
.checked();

fn incrby(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let by = ctx.args.integer(2)?;
    add(ctx, by)
}

pub(super) static DECRBY: Command = Command {
    name: "decrby",
    summary: "Decrements the integer value of a key by a number. Uses 0 as initial value if the key doesn't \
        exist.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).rw().access().update()],
    args: &[Arg::key("key"), Arg::integer("decrement")],
    handler: decrby,
    ..Command::BASE
}
.checked();

fn decrby(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let by = ctx.args.integer(2)?.checked_neg().ok_or(Error::Text("ERR decrement would overflow"))?;
    add(ctx, by)
}

fn add(ctx: &mut Ctx<'_, '_>, by: i64) -> Result<(), Error> {
    let key = ctx.key(1);
    let value = ctx.view.increment(key, by)?;
    ctx.reply.integer(value);
    Ok(())
}
