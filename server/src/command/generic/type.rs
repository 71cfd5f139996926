//! TYPE.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static TYPE: Command = Command {
    name: "type",
    summary: "Determines the type of value stored at a key.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    keys: &[Key::at(1).ro()],
    args: &[Arg::key("key")],
    handler: type_of,
    ..Command::BASE
}
.checked();

fn type_of(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let meta = ctx.view.meta(ctx.key(1), Lookup::Ask);
    ctx.reply.simple(meta.map_or("none", |meta| meta.kind.name()));
    Ok(())
}
