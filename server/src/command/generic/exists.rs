//! EXISTS.

use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static EXISTS: Command = Command {
    name: "exists",
    summary: "Determines whether one or more keys exist.",
    since: "1.0.0",
    complexity: "O(N) where N is the number of keys to check.",
    history: &[("3.0.3", "Accepts multiple `key` arguments.")],
    arity: -2,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
    keys: &[Key::at(1).to(-1).ro()],
    args: &[Arg::key("key").multiple()],
    handler: exists,
    ..Command::BASE
}
.checked();

fn exists(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let there = ctx.keys.iter().filter(|key| ctx.view.exists(**key, Lookup::Ask)).count();
    ctx.reply.count(there);
    Ok(())
}
