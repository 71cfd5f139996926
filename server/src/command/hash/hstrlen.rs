//! HSTRLEN.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HSTRLEN: Command = Command {
    name: "hstrlen",
    summary: "Returns the length of the value of a field.",
    since: "3.2.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).ro()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("field")],
    handler: hstrlen,
    ..Command::BASE
}
.checked();

fn hstrlen(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    let value = ctx.view.hash(key)?.and_then(|hash| hash.get(ctx.args.at(2), now));
    ctx.reply.count(value.map_or(0, |value| value.text_bytes()));
    Ok(())
}
