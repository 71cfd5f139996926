//! LTRIM: all but a run of elements is removed.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static LTRIM: Command = Command {
    name: "ltrim",
    summary: "Removes elements from both ends of a list. Deletes the list if all elements were trimmed.",
    since: "1.0.0",
    complexity: "O(N) where N is the number of elements to be removed by the operation.",
    arity: 4,
    flags: Flags::WRITE,
    acl: Acl::LIST,
    keys: &[Key::at(1).rw().delete()],
    args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")],
    handler: ltrim,
    ..Command::BASE
}
.checked();

fn ltrim(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (start, stop) = (ctx.args.integer(2)?, ctx.args.integer(3)?);
    ctx.view.list_trim(ctx.key(1), start, stop)?;
    ctx.reply.ok();
    Ok(())
}
