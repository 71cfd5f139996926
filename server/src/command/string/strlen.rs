//! STRLEN.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static STRLEN: Command = Command {
    name: "strlen",
    summary: "Returns the length of a string value.",
    since: "2.2.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::STRING,
    keys: &[Key::at(1).ro()],
    args: &[Arg::key("key")],
    handler: strlen,
    ..Command::BASE
}
.checked();

fn strlen(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let len = ctx.view.string(key, Lookup::Read)?.map_or(0, |value| value.len());
    ctx.reply.count(len);
    Ok(())
}
