//! SREM.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static SREM: Command = Command {
    name: "srem",
    summary: "Removes one or more members from a set. Deletes the set if the last member was removed.",
    since: "1.0.0",
    complexity: "O(N) where N is the number of members to be removed.",
    history: &[("2.4.0", "Accepts multiple `member` arguments.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::SET,
    keys: &[Key::at(1).rw().delete()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("member").multiple()],
    handler: srem,
    ..Command::BASE
}
.checked();

fn srem(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let removed = ctx.view.set_remove(ctx.key(1), ctx.args.iter().skip(2))?;
    ctx.reply.count(removed);
    Ok(())
}
