//! XLEN: how many entries a stream has.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static XLEN: Command = Command {
    name: "xlen",
    summary: "Returns the number of messages in a stream.",
    since: "5.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::STREAM,
    keys: &[Key::at(1).ro()],
    args: &[Arg::key("key")],
    handler: xlen,
    ..Command::BASE
}
.checked();

fn xlen(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let len = ctx.view.stream(ctx.key(1), Lookup::Read)?.map_or(0, |stream| stream.len());
    ctx.reply.integer(len.cast_signed());
    Ok(())
}
