//! ZDIFF and ZDIFFSTORE.

use super::combine::{Operation, Target, combine};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZDIFF: Command = Command {
    name: "zdiff",
    summary: "Returns the difference between multiple sorted sets.",
    since: "6.2.0",
    complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N \
        is the size of the first set, and K is the size of the result set.",
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).counted().ro().access()],
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::pure_token("withscores", "WITHSCORES").optional(),
    ],
    handler: zdiff,
    ..Command::BASE
}
.checked();

fn zdiff(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    combine(ctx, Operation::Difference, Target::Reply, "zdiff")
}

pub(super) static ZDIFFSTORE: Command = Command {
    name: "zdiffstore",
    summary: "Stores the difference of multiple sorted sets in a key.",
    since: "6.2.0",
    complexity: "O(L + (N-K)log(N)) worst case where L is the total number of elements in all the sets, N \
        is the size of the first set, and K is the size of the result set.",
    arity: -4,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ow().update(), Key::at(2).counted().ro().access()],
    args: &[Arg::key("destination"), Arg::integer("numkeys"), Arg::key("key").key_spec(1).multiple()],
    handler: zdiffstore,
    ..Command::BASE
}
.checked();

fn zdiffstore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    combine(ctx, Operation::Difference, Target::Store, "zdiffstore")
}
