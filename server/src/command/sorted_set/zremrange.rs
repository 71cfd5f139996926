//! ZREMRANGEBYRANK, ZREMRANGEBYSCORE and ZREMRANGEBYLEX.

use scrubjay::Span;

use super::bounds;
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZREMRANGEBYRANK: Command = Command {
    name: "zremrangebyrank",
    summary: "Removes members in a sorted set within a range of indexes. Deletes the sorted set if all \
        members were removed.",
    since: "2.0.0",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
        elements removed by the operation.",
    arity: 4,
    flags: Flags::WRITE,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).rw().delete()],
    args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")],
    handler: zremrangebyrank,
    ..Command::BASE
}
.checked();

fn zremrangebyrank(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let span = Span::Ranks(ctx.args.integer(2)?, ctx.args.integer(3)?);
    remove(ctx, span)
}

pub(super) static ZREMRANGEBYSCORE: Command = Command {
    name: "zremrangebyscore",
    summary: "Removes members in a sorted set within a range of scores. Deletes the sorted set if all \
        members were removed.",
    since: "1.2.0",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
        elements removed by the operation.",
    arity: 4,
    flags: Flags::WRITE,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).rw().delete()],
    args: &[Arg::key("key"), Arg::double("min"), Arg::double("max")],
    handler: zremrangebyscore,
    ..Command::BASE
}
.checked();

fn zremrangebyscore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let span = Span::Scores(bounds::scores(ctx.args.at(2), ctx.args.at(3))?);
    remove(ctx, span)
}

pub(super) static ZREMRANGEBYLEX: Command = Command {
    name: "zremrangebylex",
    summary: "Removes members in a sorted set within a lexicographical range. Deletes the sorted set if all \
        members were removed.",
    since: "2.8.9",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
        elements removed by the operation.",
    arity: 4,
    flags: Flags::WRITE,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).rw().delete()],
    args: &[Arg::key("key"), Arg::string("min"), Arg::string("max")],
    handler: zremrangebylex,
    ..Command::BASE
}
.checked();

fn zremrangebylex(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let span = Span::Members(bounds::members(ctx.args.at(2), ctx.args.at(3))?);
    remove(ctx, span)
}

fn remove(ctx: &mut Ctx<'_, '_>, span: Span<'_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let removed = ctx.view.sorted_set_remove_span(key, span)?;
    ctx.reply.count(removed);
    Ok(())
}
