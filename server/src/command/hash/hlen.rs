//! HLEN.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HLEN: Command = Command {
    name: "hlen",
    summary: "Returns the number of fields in a hash.",
    since: "2.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).ro()],
    args: &[Arg::key("key")],
    handler: hlen,
    ..Command::BASE
}
.checked();

fn hlen(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    let len = ctx.view.hash(key)?.map_or(0, |hash| hash.len(now));
    ctx.reply.count(len);
    Ok(())
}
