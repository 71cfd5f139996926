//! ZCARD.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZCARD: Command = Command {
    name: "zcard",
    summary: "Returns the number of members in a sorted set.",
    since: "1.2.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro()],
    args: &[Arg::key("key")],
    handler: zcard,
    ..Command::BASE
}
.checked();

fn zcard(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let set = ctx.view.sorted_set(key, Lookup::Read)?;
    ctx.reply.count(set.map_or(0, |set| set.len()));
    Ok(())
}
