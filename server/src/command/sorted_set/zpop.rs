//! ZPOPMIN and ZPOPMAX.

use scrubjay::types::sorted_set::End;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Protocol;

pub(super) static ZPOPMIN: Command = Command {
    name: "zpopmin",
    summary: "Returns the lowest-scoring members from a sorted set after removing them. Deletes the sorted \
        set if the last member was popped.",
    since: "5.0.0",
    complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number \
        of elements popped.",
    arity: -2,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).rw().access().delete()],
    args: &[Arg::key("key"), Arg::integer("count").optional()],
    handler: zpopmin,
    ..Command::BASE
}
.checked();

fn zpopmin(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    pop(ctx, End::Min)
}

pub(super) static ZPOPMAX: Command = Command {
    name: "zpopmax",
    summary: "Returns the highest-scoring members from a sorted set after removing them. Deletes the sorted \
        set if the last member was popped.",
    since: "5.0.0",
    complexity: "O(log(N)*M) with N being the number of elements in the sorted set, and M being the number \
        of elements popped.",
    arity: -2,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).rw().access().delete()],
    args: &[Arg::key("key"), Arg::integer("count").optional()],
    handler: zpopmax,
    ..Command::BASE
}
.checked();

fn zpopmax(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    pop(ctx, End::Max)
}

fn pop(ctx: &mut Ctx<'_, '_>, end: End) -> Result<(), Error> {
    if ctx.args.len() > 3 {
        return Err(Error::Syntax);
    }
    let key = ctx.key(1);
    let with_count = ctx.args.len() == 3;
    let count = if with_count {
        let count = ctx.args.integer(2).ok().and_then(|count| usize::try_from(count).ok());
        count.ok_or(Error::Text("ERR value is out of range, must be positive"))?
    } else {
        1
    };
    let nested = with_count && ctx.reply.protocol() == Protocol::Resp3;
    let header = ctx.reply.defer_array();
    let popped = ctx.view.sorted_set_pop(key, end, count, |pair| {
        if nested {
            ctx.reply.array(2);
        }
        super::bulk(ctx.reply, pair.member);
        ctx.reply.double(pair.score);
    })?;
    let popped = popped.unwrap_or(0);
    ctx.reply.fill(header, if nested { popped } else { 2 * popped });
    Ok(())
}
