//! HRANDFIELD.

use std::ops::ControlFlow;

use scrubjay::collections::packed::Element;

use crate::command::Ctx;
use crate::command::draw::{Draws, TOO_LONG};
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Reply;
use crate::resp::reply::Protocol;

pub(super) static HRANDFIELD: Command = Command {
    name: "hrandfield",
    summary: "Returns one or more random fields from a hash.",
    since: "6.2.0",
    complexity: "O(N) where N is the number of fields returned",
    arity: -2,
    flags: Flags::READONLY,
    acl: Acl::HASH,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::block(
            "options",
            &[Arg::integer("count"), Arg::pure_token("withvalues", "WITHVALUES").optional()],
        )
        .optional(),
    ],
    handler: hrandfield,
    ..Command::BASE
}
.checked();

fn hrandfield(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    if ctx.args.len() == 2 {
        let mut found = false;
        if ctx.view.hash(key)?.is_some() {
            let _ = ctx.view.hash_draw(key, 1, |field, _| {
                super::bulk(ctx.reply, field);
                found = true;
                ControlFlow::Continue(())
            })?;
        }
        if !found {
            ctx.reply.null();
        }
        return Ok(());
    }
    let count = ctx.args.either_way(2)?;
    let with_values = ctx.args.is(3, "WITHVALUES");
    if ctx.args.len() > 4 || ctx.args.len() == 4 && !with_values {
        return Err(Error::Syntax);
    }
    if with_values && count.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err(Error::Text("ERR value is out of range"));
    }
    let len = ctx.view.hash(key)?.map_or(0, |hash| hash.len(now));
    let amount = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    if count < 0 && len > 0 {
        draw(ctx, amount, with_values)
    } else {
        sample(ctx, amount.min(len), with_values)
    }
}

/// Different fields.
fn sample(ctx: &mut Ctx<'_, '_>, count: usize, with_values: bool) -> Result<(), Error> {
    begin(ctx.reply, count, with_values);
    ctx.view.hash_sample(ctx.key(1), count, |field, value| write(ctx.reply, field, value, with_values))?;
    Ok(())
}

/// Any fields, so many times.
fn draw(ctx: &mut Ctx<'_, '_>, times: usize, with_values: bool) -> Result<(), Error> {
    let draws = Draws::begin(ctx.reply, times)?;
    begin(ctx.reply, times, with_values);
    let drawn = ctx.view.hash_draw(ctx.key(1), times, |field, value| {
        write(ctx.reply, field, value, with_values);
        draws.go_on(ctx.reply)
    })?;
    if drawn.is_break() { Err(TOO_LONG) } else { Ok(()) }
}

/// Pairs are arrays in RESP3, and in RESP2 one long one.
fn begin(reply: &mut Reply, count: usize, with_values: bool) {
    let flat = with_values && reply.protocol() == Protocol::Resp2;
    reply.array(if flat { 2 * count } else { count });
}

fn write(reply: &mut Reply, field: Element<'_>, value: Element<'_>, with_values: bool) {
    if with_values && reply.protocol() == Protocol::Resp3 {
        reply.array(2);
    }
    super::bulk(reply, field);
    if with_values {
        super::bulk(reply, value);
    }
}
