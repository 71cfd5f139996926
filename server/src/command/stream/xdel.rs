//! XDEL: entries deleted by their ids.

use super::ids;
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static XDEL: Command = Command {
    name: "xdel",
    summary: "Returns the number of messages after removing them from a stream.",
    since: "5.0.0",
    complexity: "O(1) for each single item to delete in the stream, regardless of the stream size.",
    arity: -3,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::STREAM,
    keys: &[Key::at(1).rw().delete()],
    args: &[Arg::key("key"), Arg::string("id").multiple()],
    handler: xdel,
    ..Command::BASE
}
.checked();

fn xdel(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    if ctx.view.stream(key, scrubjay::Lookup::Write)?.is_none() {
        ctx.reply.integer(0);
        return Ok(());
    }
    let ids = ids::ids(ctx.args, 2)?;
    let deleted = ctx.view.stream_delete(key, ids)?;
    ctx.reply.integer(deleted.cast_signed());
    Ok(())
}
