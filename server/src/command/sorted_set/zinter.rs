//! ZINTER, ZINTERSTORE and ZINTERCARD.

use super::combine::{Operation, Target, combine, sources};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZINTER: Command = Command {
    name: "zinter",
    summary: "Returns the intersect of multiple sorted sets.",
    since: "6.2.0",
    complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the \
        number of input sorted sets and M being the number of elements in the resulting sorted set.",
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).counted().ro().access()],
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::integer("weight").token("WEIGHTS").optional().multiple(),
        Arg::one_of(
            "aggregate",
            &[Arg::pure_token("sum", "SUM"), Arg::pure_token("min", "MIN"), Arg::pure_token("max", "MAX")],
        )
        .token("AGGREGATE")
        .optional(),
        Arg::pure_token("withscores", "WITHSCORES").optional(),
    ],
    handler: zinter,
    ..Command::BASE
}
.checked();

fn zinter(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    combine(ctx, Operation::Intersection, Target::Reply, "zinter")
}

pub(super) static ZINTERSTORE: Command = Command {
    name: "zinterstore",
    summary: "Stores the intersect of multiple sorted sets in a key.",
    since: "2.0.0",
    complexity: "O(N*K)+O(M*log(M)) worst case with N being the smallest input sorted set, K being the \
        number of input sorted sets and M being the number of elements in the resulting sorted set.",
    arity: -4,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ow().update(), Key::at(2).counted().ro().access()],
    args: &[
        Arg::key("destination"),
        Arg::integer("numkeys"),
        Arg::key("key").key_spec(1).multiple(),
        Arg::integer("weight").token("WEIGHTS").optional().multiple(),
        Arg::one_of(
            "aggregate",
            &[Arg::pure_token("sum", "SUM"), Arg::pure_token("min", "MIN"), Arg::pure_token("max", "MAX")],
        )
        .token("AGGREGATE")
        .optional(),
    ],
    handler: zinterstore,
    ..Command::BASE
}
.checked();

fn zinterstore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    combine(ctx, Operation::Intersection, Target::Store, "zinterstore")
}

pub(super) static ZINTERCARD: Command = Command {
    name: "zintercard",
    summary: "Returns the number of members of the intersect of multiple sorted sets.",
    since: "7.0.0",
    complexity: "O(N*K) worst case with N being the smallest input sorted set, K being the number of input \
        sorted sets.",
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).counted().ro().access()],
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::integer("limit").token("LIMIT").optional(),
    ],
    handler: zintercard,
    ..Command::BASE
}
.checked();

fn zintercard(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (keys, mut at) = sources(ctx, 1, "zintercard")?;
    // Nought is no limit.
    let mut limit = 0;
    while at < ctx.args.len() {
        if !ctx.args.is(at, "LIMIT") || at + 1 == ctx.args.len() {
            return Err(Error::Syntax);
        }
        let given = ctx.args.integer(at + 1).ok().and_then(|limit| usize::try_from(limit).ok());
        limit = given.ok_or(Error::Text("ERR LIMIT can't be negative"))?;
        at += 2;
    }
    let count = ctx.view.sorted_set_common(&keys, if limit == 0 { usize::MAX } else { limit })?;
    ctx.reply.count(count);
    Ok(())
}
