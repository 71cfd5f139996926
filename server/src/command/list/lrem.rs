//! LREM: elements that are the same are removed.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static LREM: Command = Command {
    name: "lrem",
    summary: "Removes elements from a list. Deletes the list if the last element was removed.",
    since: "1.0.0",
    complexity: "O(N+M) where N is the length of the list and M is the number of elements removed.",
    arity: 4,
    flags: Flags::WRITE,
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().delete()],
    args: &[Arg::key("key"), Arg::integer("count"), Arg::string("element")],
    handler: lrem,
    ..Command::BASE
}
.checked();

fn lrem(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let count = ctx.args.either_way(2)?;
    let removed = ctx.view.list_remove(ctx.key(1), count, ctx.args.at(3))?;
    ctx.reply.count(removed);
    Ok(())
}
