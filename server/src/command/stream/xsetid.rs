//! XSETID: the counters of a stream.

use super::ids;
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static XSETID: Command = Command {
    name: "xsetid",
    summary: "An internal command for replicating stream values.",
    since: "5.0.0",
    complexity: "O(1)",
    history: &[("7.0.0", "Added the `entries_added` and `max_deleted_entry_id` arguments.")],
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::STREAM,
    keys: &[Key::at(1).rw().update()],
    args: &[
        Arg::key("key"),
        Arg::string("last-id"),
        Arg::integer("entries-added").token("ENTRIESADDED").since("7.0.0").optional(),
        Arg::string("max-deleted-id").token("MAXDELETEDID").since("7.0.0").optional(),
    ],
    handler: xsetid,
    ..Command::BASE
}
.checked();

fn xsetid(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, args) = (ctx.key(1), ctx.args);
    let last = ids::id(args.at(2))?;
    let (mut entries_added, mut max_deleted, mut index) = (None, None, 3);
    while index < args.len() {
        let behind = args.len() - index - 1;
        if behind > 0 && args.is(index, "ENTRIESADDED") {
            let added = u64::try_from(args.integer(index + 1)?);
            entries_added = Some(added.map_err(|_| Error::Text("ERR entries_added must be positive"))?);
        } else if behind > 0 && args.is(index, "MAXDELETEDID") {
            let id = ids::id(args.at(index + 1))?;
            if last < id {
                return Err(Error::Text(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
            max_deleted = Some(id);
        } else {
            return Err(Error::Syntax);
        }
        index += 2;
    }
    ctx.view.stream_set_id(key, last, entries_added, max_deleted)?;
    ctx.reply.ok();
    Ok(())
}
