//! SRANDMEMBER.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::draw::{Draws, TOO_LONG};
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
            let count = ctx.args.either_way(2)?;
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
    let draws = Draws::begin(ctx.reply, times)?;
    ctx.reply.array(times);
    let drawn = ctx.view.set_draw(ctx.key(1), times, |member| {
        super::bulk(ctx.reply, member);
        draws.go_on(ctx.reply)
    })?;
    if drawn.is_break() { Err(TOO_LONG) } else { Ok(()) }
}
