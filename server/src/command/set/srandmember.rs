//! SRANDMEMBER.

use std::ops::ControlFlow;

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SRANDMEMBER: Command = Command {
    name: "srandmember",
    summary: "Gets one or multiple random members from a set.",
    since: "1.0.0",
    complexity: "Without the count argument O(1), otherwise O(N) where N is the absolute value of the \
        passed count.",
    history: &[("2.6.0", "Added the optional `count` argument.")],
    arity: -2,
    flags: Flags::READONLY,
    acl: Acl::SET,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key"), Arg::integer("count").since("2.6.0").optional()],
    handler: srandmember,
    ..Command::BASE
}
.checked();

/// A reply may not get longer than this by drawing the same members again and again: Valkey would go on until
/// it has no memory left.
const REPLY_BYTES_MAX: usize = 1 << 30;
/// The shortest element of a reply: an empty bulk string.
const ELEMENT_BYTES_MIN: u64 = 6;

fn srandmember(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    match ctx.args.len() {
        2 => {
            if !ctx.view.set_random(key, |member| super::bulk(ctx.reply, member))? {
                ctx.reply.null();
            }
            Ok(())
        }
        3 => {
            let count = ctx.args.integer(2)?;
            if count == i64::MIN {
                return Err(Error::Text(
                    "ERR value is out of range, value must between -9223372036854775807 and \
                     9223372036854775807",
                ));
            }
            let len = ctx.view.set_at(key, Lookup::Read)?.map_or(0, |set| set.len());
            let amount = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
            if count < 0 { draw(ctx, amount, len) } else { sample(ctx, amount, len) }
        }
        _ => Err(Error::Syntax),
    }
}

/// Different members.
fn sample(ctx: &mut Ctx<'_, '_>, count: usize, len: usize) -> Result<(), Error> {
    ctx.reply.array(count.min(len));
    ctx.view.set_sample(ctx.key(1), count, |member| super::bulk(ctx.reply, member))?;
    Ok(())
}

/// Any members, so many times.
fn draw(ctx: &mut Ctx<'_, '_>, times: usize, len: usize) -> Result<(), Error> {
    if len == 0 {
        ctx.reply.array(0);
        return Ok(());
    }
    const TOO_LONG: Error = Error::Text("ERR value is out of range, the reply would be longer than 1 GiB");
    if times as u64 > REPLY_BYTES_MAX as u64 / ELEMENT_BYTES_MIN {
        return Err(TOO_LONG);
    }
    let start = ctx.reply.mark();
    ctx.reply.array(times);
    let drawn = ctx.view.set_draw(ctx.key(1), times, |member| {
        super::bulk(ctx.reply, member);
        if ctx.reply.output().len_since(start) > REPLY_BYTES_MAX {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    })?;
    if drawn.is_break() { Err(TOO_LONG) } else { Ok(()) }
}
