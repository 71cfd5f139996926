//! CLIENT REPLY: whether a client wants replies at all.

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;
use crate::session::Replies;

pub(super) static CLIENT_REPLY: Command = Command {
    name: "reply",
    summary: "Instructs the server whether to reply to commands.",
    since: "3.2.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::NO_MULTI).or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    args: &[Arg::one_of(
        "action",
        &[Arg::pure_token("on", "ON"), Arg::pure_token("off", "OFF"), Arg::pure_token("skip", "SKIP")],
    )],
    handler: client_reply,
    ..Command::BASE
}
.checked();

/// OFF and SKIP are not answered themselves; ON is, whatever held before it.
fn client_reply(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (args, session) = (ctx.args, &mut *ctx.session);
    if args.is(2, "on") {
        session.want_replies(ctx.shared, true);
        ctx.reply.ok();
    } else if args.is(2, "off") {
        session.want_replies(ctx.shared, false);
    } else if args.is(2, "skip") {
        if session.replies != Replies::Off {
            session.replies = Replies::SkipNext;
        }
    } else {
        return Err(Error::Syntax);
    }
    Ok(())
}
