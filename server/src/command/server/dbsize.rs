//! DBSIZE: how many keys the client's database holds.

use crate::command::Ctx;
use crate::command::spec::{Acl, Command, Flags, Locks};
use crate::error::Error;

pub(super) static DBSIZE: Command = Command {
    name: "dbsize",
    summary: "Returns the number of keys in the database.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::READONLY.or(Flags::FAST),
    acl: Acl::KEYSPACE,
    tips: &["request_policy:all_shards", "response_policy:agg_sum"],
    locks: Locks::All,
    handler: dbsize,
    ..Command::BASE
}
.checked();

fn dbsize(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (keys, _) = ctx.view.len(ctx.session.db);
    ctx.reply.count(keys);
    Ok(())
}
