//! XACK: entries that are dealt with.

use scrubjay::Lookup;

use super::ids;
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static XACK: Command = Command {
    name: "xack",
    summary: "Returns the number of messages that were successfully acknowledged by the consumer group \
        member of a stream.",
    since: "5.0.0",
    complexity: "O(1) for each message ID processed.",
    arity: -4,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::STREAM,
    keys: &[Key::at(1).rw().update()],
    args: &[Arg::key("key"), Arg::string("group"), Arg::string("id").multiple()],
    handler: xack,
    ..Command::BASE
}
.checked();

fn xack(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, group) = (ctx.key(1), ctx.args.at(2));
    // Without the group nobody looks at the ids.
    let has_group = ctx.view.stream(key, Lookup::Read)?.is_some_and(|stream| stream.group(group).is_some());
    if !has_group {
        ctx.reply.integer(0);
        return Ok(());
    }
    let ids = ids::ids(ctx.args, 3)?;
    let acknowledged = ctx.view.stream_acknowledge(key, group, ids)?;
    ctx.reply.count(acknowledged);
    Ok(())
}
