//! SCARD.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SCARD: Command = Command {
    name: "scard",
    summary: "Returns the number of members in a set.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::SET,
    keys: &[Key::at(1).ro()],
    args: &[Arg::key("key")],
    handler: scard,
    ..Command::BASE
}
.checked();

fn scard(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let set = ctx.view.set_at(ctx.key(1), Lookup::Read)?;
    ctx.reply.count(set.map_or(0, |set| set.len()));
    Ok(())
}
