//! MSET and MSETNX.

use scrubjay::shard::change::Event;
use scrubjay::{Deadline, Lookup};

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static MSET: Command = Command {
    name: "mset",
    summary: "Atomically creates or modifies the string values of one or more keys.",
    since: "1.0.1",
    complexity: "O(N) where N is the number of keys to set.",
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::STRING,
    tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
    keys: &[Key::at(1).range(-1, 2, 0).ow().update()],
    args: &[Arg::block("data", &[Arg::key("key"), Arg::string("value")]).multiple()],
    handler: mset,
    ..Command::BASE
}
.checked();

fn mset(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    in_pairs(ctx, "mset")?;
    set_all(ctx);
    ctx.reply.ok();
    Ok(())
}

pub(super) static MSETNX: Command = Command {
    name: "msetnx",
    summary: "Atomically modifies the string values of one or more keys only when all keys don't exist.",
    since: "1.0.1",
    complexity: "O(N) where N is the number of keys to set.",
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::STRING,
    keys: &[Key::at(1).range(-1, 2, 0).ow().insert()],
    args: &[Arg::block("data", &[Arg::key("key"), Arg::string("value")]).multiple()],
    handler: msetnx,
    ..Command::BASE
}
.checked();

fn msetnx(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    in_pairs(ctx, "msetnx")?;
    let free = ctx.keys.iter().all(|&key| ctx.view.meta(key, Lookup::Write).is_none());
    if free {
        set_all(ctx);
    }
    ctx.reply.integer(i64::from(free));
    Ok(())
}

fn in_pairs(ctx: &Ctx<'_, '_>, command: &'static str) -> Result<(), Error> {
    if ctx.args.len() % 2 == 1 { Ok(()) } else { Err(Error::Arity(command.into())) }
}

fn set_all(ctx: &mut Ctx<'_, '_>) {
    for (pair, &key) in ctx.keys.iter().enumerate() {
        ctx.view.set(key, ctx.args.at(2 * pair + 2), Deadline::Clear, Event::Set);
    }
}
