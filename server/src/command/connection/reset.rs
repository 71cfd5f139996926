//! RESET.

use std::sync::atomic::Ordering::Relaxed;

use crate::command::Ctx;
use crate::command::spec::{Acl, Command, Flags};
use crate::error::Error;
use crate::resp::Protocol;
use crate::session::Replies;

pub(super) static RESET: Command = Command {
    name: "reset",
    summary: "Resets the connection.",
    since: "6.2.0",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::NOSCRIPT
        .or(Flags::LOADING)
        .or(Flags::STALE)
        .or(Flags::FAST)
        .or(Flags::NO_AUTH)
        .or(Flags::ALLOW_BUSY),
    acl: Acl::CONNECTION,
    queued: false,
    handler: reset,
    ..Command::BASE
}
.checked();

/// What a client has told of its library and its capabilities stays: they are facts, not choices.
fn reset(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let session = &mut *ctx.session;
    session.discard(&ctx.shared.store);
    session.end_tracking(ctx.shared);
    let monitored = session.end_monitoring(ctx.shared);
    if monitored || session.subscriptions.any() {
        session.unsubscribe_all(ctx.shared);
        session.inbox.deliver(ctx.shared);
        session.inbox.take_into(ctx.reply.output_mut());
    }
    session.select(0);
    session.authenticated = ctx.shared.config.password().is_none();
    session.no_touch = false;
    // When the reply of this very command is to be skipped, that still holds.
    if session.replies == Replies::Off {
        session.replies = Replies::On;
    }
    let client = &session.client;
    client.names.lock().name.clear();
    client.reads_only.store(false, Relaxed);
    client.no_touch.store(false, Relaxed);
    client.no_evict.store(false, Relaxed);
    client.protocol.store(2, Relaxed);
    ctx.reply.set_protocol(Protocol::Resp2);
    ctx.reply.simple("RESET");
    Ok(())
}
