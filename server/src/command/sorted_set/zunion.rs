//! ZUNION and ZUNIONSTORE.

use super::combine::{Operation, Target, combine};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZUNION: Command = Command {
    name: "zunion",
    summary: "Returns the union of multiple sorted sets.",
    since: "6.2.0",
    complexity: "O(N)+O(M*log(M)) with N being the sum of the sizes of the input sorted sets, and M being \
        the number of elements in the resulting sorted set.",
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
    handler: zunion,
    ..Command::BASE
}
.checked();

fn zunion(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    combine(ctx, Operation::Union, Target::Reply, "zunion")
}

pub(super) static ZUNIONSTORE: Command = Command {
    name: "zunionstore",
    summary: "Stores the union of multiple sorted sets in a key.",
    since: "2.0.0",
    complexity: "O(N)+O(M log(M)) with N being the sum of the sizes of the input sorted sets, and M being \
        the number of elements in the resulting sorted set.",
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
    handler: zunionstore,
    ..Command::BASE
}
.checked();

fn zunionstore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    combine(ctx, Operation::Union, Target::Store, "zunionstore")
}
