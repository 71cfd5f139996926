//! HDEL.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static HDEL: Command = Command {
    name: "hdel",
    summary: "Deletes one or more fields and their values from a hash. Deletes the hash if no fields remain.",
    since: "2.0.0",
    complexity: "O(N) where N is the number of fields to be removed.",
    history: &[("2.4.0", "Accepts multiple `field` arguments.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::HASH,
    keys: &[Key::at(1).rw().delete()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("field").multiple()],
    handler: hdel,
    ..Command::BASE
}
.checked();

fn hdel(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let removed = ctx.view.hash_remove(ctx.key(1), super::fields(ctx.args, 2))?;
    ctx.reply.count(removed);
    Ok(())
}
