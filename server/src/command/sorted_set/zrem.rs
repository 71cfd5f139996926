//! ZREM.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZREM: Command = Command {
    name: "zrem",
    summary: "Removes one or more members from a sorted set. Deletes the sorted set if all members were \
        removed.",
    since: "1.2.0",
    complexity: "O(M*log(N)) with N being the number of elements in the sorted set and M the number of \
        elements to be removed.",
    history: &[("2.4.0", "Accepts multiple elements.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).rw().delete()],
    member: 2,
    args: &[Arg::key("key"), Arg::string("member").multiple()],
    handler: zrem,
    ..Command::BASE
}
.checked();

fn zrem(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let removed = ctx.view.sorted_set_remove(key, ctx.args.skip(2).iter())?;
    ctx.reply.count(removed);
    Ok(())
}
