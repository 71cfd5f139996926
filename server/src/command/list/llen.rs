//! LLEN: how many elements a list has.

use scrubjay::Lookup;
use scrubjay::types::list::List;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static LLEN: Command = Command {
    name: "llen",
    summary: "Returns the length of a list.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::LIST,
    keys: &[Key::at(1).ro()],
    args: &[Arg::key("key")],
    handler: llen,
    ..Command::BASE
}
.checked();

fn llen(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let len = ctx.view.read::<List>(key, Lookup::Read)?.map_or(0, |list| list.len());
    ctx.reply.count(len);
    Ok(())
}
