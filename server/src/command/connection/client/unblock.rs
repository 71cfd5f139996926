//! CLIENT UNBLOCK: ends another client's waiting for keys.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;
use crate::session::blocked::Ending;

pub(super) static CLIENT_UNBLOCK: Command = Command {
    name: "unblock",
    summary: "Unblocks a client blocked by a blocking command from a different connection.",
    since: "5.0.0",
    complexity: "O(log N) where N is the number of client connections",
    arity: -3,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    acl: Acl::CONNECTION,
    args: &[
        Arg::integer("client-id"),
        Arg::one_of(
            "unblock-type",
            &[Arg::pure_token("timeout", "TIMEOUT"), Arg::pure_token("error", "ERROR")],
        )
        .optional(),
    ],
    handler: client_unblock,
    ..Command::BASE
}
.checked();

/// With more words than it takes, Valkey looks at none of them but the id.
fn client_unblock(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let ending = if ctx.args.len() != 4 || ctx.args.is(3, "timeout") {
        Ending::TimedOut
    } else if ctx.args.is(3, "error") {
        Ending::Interrupted
    } else {
        return Err(Error::Text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR"));
    };
    let id = ctx.args.integer(2)?;
    let client = u64::try_from(id).ok().and_then(|id| ctx.shared.clients.get(id));
    let ended = client.and_then(|client| client.blocked()).is_some_and(|blocked| blocked.end(ending));
    ctx.reply.integer(ended.into());
    Ok(())
}
