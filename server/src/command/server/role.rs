//! ROLE: a server without replicas.

use crate::command::Ctx;
use crate::command::spec::{Acl, Command, Flags};
use crate::error::Error;

pub(super) static ROLE: Command = Command {
    name: "role",
    summary: "Returns the replication role.",
    since: "2.8.12",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::FAST),
    acl: Acl::ADMIN.or(Acl::DANGEROUS),
    handler: role,
    ..Command::BASE
}
.checked();

fn role(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.array(3);
    ctx.reply.bulk("master");
    ctx.reply.integer(0);
    ctx.reply.array(0);
    Ok(())
}
