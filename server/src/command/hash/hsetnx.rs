//! HSETNX.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HSETNX: Command = Command {
    name: "hsetnx",
    summary: "Sets the value of a field in a hash only when the field doesn't exist.",
    since: "2.0.0",
    complexity: "O(1)",
    arity: 4,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().insert()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("field"), Arg::string("value")],
    handler: hsetnx,
    ..Command::BASE
}
.checked();

fn hsetnx(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let set = ctx.view.hash_set_if_absent(ctx.key(1), ctx.args.at(2), ctx.args.at(3))?;
    ctx.reply.integer(set.into());
    Ok(())
}
