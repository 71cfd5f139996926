//! HSET, and HMSET, which replies otherwise.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HSET: Command = Command {
    name: "hset",
    summary: "Creates or modifies the value of a field in a hash.",
    since: "2.0.0",
    complexity: "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the command \
        is called with multiple field/value pairs.",
    history: &[("4.0.0", "Accepts multiple `field` and `value` arguments.")],
    arity: -4,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().update()],
    member: 2,
    args: &[Arg::key("key"), Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple()],
    handler: hset,
    ..Command::BASE
}
.checked();

fn hset(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let created = set(ctx, "hset")?;
    ctx.reply.count(created);
    Ok(())
}

pub(super) static HMSET: Command = Command {
    name: "hmset",
    summary: "Sets the values of multiple fields.",
    since: "2.0.0",
    complexity: "O(N) where N is the number of fields being set.",
    arity: -4,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().update()],
    args: &[Arg::key("key"), Arg::block("data", &[Arg::string("field"), Arg::string("value")]).multiple()],
    handler: hmset,
    ..Command::BASE
}
.checked();

fn hmset(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    set(ctx, "hmset")?;
    ctx.reply.ok();
    Ok(())
}

/// Sets all fields; how many are new.
fn set(ctx: &mut Ctx<'_, '_>, command: &'static str) -> Result<usize, Error> {
    if ctx.args.len() % 2 == 1 {
        return Err(Error::Arity(command.into()));
    }
    Ok(ctx.view.hash_set(ctx.key(1), super::pairs(ctx.args, 2))?)
}
