//! ZCOUNT and ZLEXCOUNT.

use scrubjay::Lookup;

use super::bounds;
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZCOUNT: Command = Command {
    name: "zcount",
    summary: "Returns the count of members in a sorted set that have scores within a range.",
    since: "2.0.0",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    arity: 4,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key"), Arg::double("min"), Arg::double("max")],
    handler: zcount,
    ..Command::BASE
}
.checked();

fn zcount(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let range = bounds::scores(ctx.args.at(2), ctx.args.at(3))?;
    let set = ctx.view.sorted_set(key, Lookup::Read)?;
    ctx.reply.count(set.map_or(0, |set| set.score_ranks(&range).len()));
    Ok(())
}

pub(super) static ZLEXCOUNT: Command = Command {
    name: "zlexcount",
    summary: "Returns the number of members in a sorted set within a lexicographical range.",
    since: "2.8.9",
    complexity: "O(log(N)) with N being the number of elements in the sorted set.",
    arity: 4,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key"), Arg::string("min"), Arg::string("max")],
    handler: zlexcount,
    ..Command::BASE
}
.checked();

fn zlexcount(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let range = bounds::members(ctx.args.at(2), ctx.args.at(3))?;
    let set = ctx.view.sorted_set(key, Lookup::Read)?;
    ctx.reply.count(set.map_or(0, |set| set.lex_ranks(&range, false).len()));
    Ok(())
}
