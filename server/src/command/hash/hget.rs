//! HGET.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HGET: Command = Command {
    name: "hget",
    summary: "Returns the value of a field in a hash.",
    since: "2.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).ro().access()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("field")],
    handler: hget,
    ..Command::BASE
}
.checked();

fn hget(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, now) = (ctx.key(1), ctx.now());
    let hash = ctx.view.hash(key)?;
    super::value_or_null(ctx.reply, hash.and_then(|hash| hash.get(ctx.args.at(2), now)));
    Ok(())
}
