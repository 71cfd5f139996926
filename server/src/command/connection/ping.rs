//! PING.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;

pub(super) static PING: Command = Command {
    name: "ping",
    summary: "Returns the server's liveliness response.",
    since: "1.0.0",
    complexity: "O(1)",
    arity: -1,
    flags: Flags::FAST,
    acl: Acl::CONNECTION,
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: &[Arg::string("message").optional()],
    handler: ping,
    ..Command::BASE
}
.checked();

fn ping(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    match ctx.args.len() {
        // What looks like a message, to a client that reads nothing else.
        1 | 2 if ctx.session.only_listens(ctx.reply.protocol()) => {
            ctx.reply.array(2);
            ctx.reply.bulk("pong");
            ctx.reply.bulk(ctx.args.get(1).unwrap_or_default());
        }
        1 => ctx.reply.simple("PONG"),
        2 => ctx.reply.bulk(ctx.args.at(1)),
        _ => return Err(Error::Arity("ping".into())),
    }
    Ok(())
}
