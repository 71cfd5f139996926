//! DEL and UNLINK, which here are one: values are dropped after the locks are gone in any case.

use scrubjay::shard::change::Event;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static DEL: Command = Command {
    name: "del",
    summary: "Deletes one or more keys.",
    since: "1.0.0",
    complexity: "O(N) where N is the number of keys that will be removed. When a key to remove holds a \
        value other than a string, the individual complexity for this key is O(M) where M is the number of \
        elements in the list, set, sorted set or hash. Removing a single key that holds a string value is \
        O(1).",
    arity: -2,
    flags: Flags::WRITE,
    acl: Acl::KEYSPACE,
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    keys: &[Key::at(1).to(-1).rm().delete()],
    args: &[Arg::key("key").multiple()],
    handler: del,
    ..Command::BASE
}
.checked();

pub(super) static UNLINK: Command = Command {
    name: "unlink",
    summary: "Asynchronously deletes one or more keys.",
    since: "4.0.0",
    complexity: "O(1) for each key removed regardless of its size. Then the command does O(N) work in a \
        different thread in order to reclaim memory, where N is the number of allocations the deleted \
        objects where composed of.",
    arity: -2,
    flags: Flags::WRITE.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    keys: &[Key::at(1).to(-1).rm().delete()],
    args: &[Arg::key("key").multiple()],
    handler: del,
    ..Command::BASE
}
.checked();

fn del(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let removed = ctx.keys.iter().filter(|key| ctx.view.remove(**key, Event::Del)).count();
    ctx.reply.count(removed);
    Ok(())
}
