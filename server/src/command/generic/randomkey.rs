//! RANDOMKEY.

use crate::command::Ctx;
use crate::command::spec::{Acl, Command, Flags, Locks};
use crate::error::Error;

pub(super) static RANDOMKEY: Command = Command {
    name: "randomkey",
    summary: "Returns a random key name from the database.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::READONLY,
    acl: Acl::KEYSPACE,
    tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
    locks: Locks::Walk,
    handler: randomkey,
    ..Command::BASE
}
.checked();

fn randomkey(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.view.random_key(ctx.session.db);
    ctx.reply.bulk_or_null(key);
    Ok(())
}
