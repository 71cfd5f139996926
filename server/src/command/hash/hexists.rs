//! HEXISTS.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HEXISTS: Command = Command {
    name: "hexists",
    summary: "Determines whether a field exists in a hash.",
    since: "2.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).ro()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("field")],
    handler: hexists,
    ..Command::BASE
}
.checked();

fn hexists(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    let value = ctx.view.hash(key)?.and_then(|hash| hash.get(ctx.args.at(2), now));
    ctx.reply.integer(value.is_some().into());
    Ok(())
}
