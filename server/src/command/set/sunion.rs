//! SUNION and SUNIONSTORE.

use scrubjay::SetOperation;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SUNION: Command = Command {
    name: "sunion",
    summary: "Returns the union of multiple sets.",
    since: "1.0.0",
    complexity: "O(N) where N is the total number of elements in all given sets.",
    arity: -2,
    flags: Flags::READONLY,
    acl: Acl::SET,
    tips: &["nondeterministic_output_order"],
    keys: &[Key::at(1).to(-1).ro().access()],
    args: &[Arg::key("key").multiple()],
    handler: sunion,
    ..Command::BASE
}
.checked();

pub(super) static SUNIONSTORE: Command = Command {
    name: "sunionstore",
    summary: "Stores the union of multiple sets in a key.",
    since: "1.0.0",
    complexity: "O(N) where N is the total number of elements in all given sets.",
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::SET,
    keys: &[Key::at(1).ow().update(), Key::at(2).to(-1).ro().access()],
    args: &[Arg::key("destination"), Arg::key("key").key_spec(1).multiple()],
    handler: sunionstore,
    ..Command::BASE
}
.checked();

fn sunion(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    super::combine(ctx, SetOperation::Union)
}

fn sunionstore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    super::store(ctx, SetOperation::Union)
}
