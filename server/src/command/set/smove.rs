//! SMOVE.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SMOVE: Command = Command {
    name: "smove",
    summary: "Moves a member from one set to another.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::SET,
    keys: &[Key::at(1).rw().access().delete(), Key::at(2).rw().insert()],
    args: &[Arg::key("source"), Arg::key("destination").key_spec(1), Arg::string("member")],
    handler: smove,
    ..Command::BASE
}
.checked();

fn smove(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let moved = ctx.view.set_move(ctx.key(1), ctx.key(2), ctx.args.at(3))?;
    ctx.reply.integer(moved.into());
    Ok(())
}
