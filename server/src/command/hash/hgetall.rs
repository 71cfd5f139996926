//! HGETALL, HKEYS, HVALS: a whole hash, or one side of it.

use scrubjay::collections::packed::Element;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HGETALL: Command = Command {
    name: "hgetall",
    summary: "Returns all fields and values in a hash.",
    since: "2.0.0",
    complexity: "O(N) where N is the size of the hash.",
    arity: 2,
    flags: Flags::READONLY,
    acl: Acl::HASH,
    tips: &["nondeterministic_output_order"],
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key")],
    handler: hgetall,
    ..Command::BASE
}
.checked();

fn hgetall(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    let Some(hash) = ctx.view.hash(key)? else {
        ctx.reply.map(0);
        return Ok(());
    };
    ctx.reply.map(hash.len(now));
    hash.for_each(now, |field, value| {
        super::bulk(ctx.reply, field);
        super::bulk(ctx.reply, value);
    });
    Ok(())
}

pub(super) static HKEYS: Command = Command {
    name: "hkeys",
    summary: "Returns all fields in a hash.",
    since: "2.0.0",
    complexity: "O(N) where N is the size of the hash.",
    arity: 2,
    flags: Flags::READONLY,
    acl: Acl::HASH,
    tips: &["nondeterministic_output_order"],
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key")],
    handler: hkeys,
    ..Command::BASE
}
.checked();

fn hkeys(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    one_side(ctx, |field, _| field)
}

pub(super) static HVALS: Command = Command {
    name: "hvals",
    summary: "Returns all values in a hash.",
    since: "2.0.0",
    complexity: "O(N) where N is the size of the hash.",
    arity: 2,
    flags: Flags::READONLY,
    acl: Acl::HASH,
    tips: &["nondeterministic_output_order"],
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key")],
    handler: hvals,
    ..Command::BASE
}
.checked();

fn hvals(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    one_side(ctx, |_, value| value)
}

fn one_side(
    ctx: &mut Ctx<'_, '_>,
    side: impl for<'e> Fn(Element<'e>, Element<'e>) -> Element<'e>,
) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    let Some(hash) = ctx.view.hash(key)? else {
        ctx.reply.array(0);
        return Ok(());
    };
    ctx.reply.array(hash.len(now));
    hash.for_each(now, |field, value| super::bulk(ctx.reply, side(field, value)));
    Ok(())
}
