//! CLIENT PAUSE and CLIENT UNPAUSE.

use std::sync::atomic::Ordering::Relaxed;

use crate::command::Ctx;
use crate::command::blocking::Timeout;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::error::Error;
use crate::session::pause::Paused;

pub(super) static CLIENT_PAUSE: Command = Command {
    name: "pause",
    summary: "Suspends commands processing.",
    since: "3.0.0",
    complexity: "O(1)",
    history: &[("6.2.0", "`CLIENT PAUSE WRITE` mode added along with the `mode` option.")],
    arity: -3,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    acl: Acl::CONNECTION,
    args: &[
        Arg::integer("timeout"),
        Arg::one_of("mode", &[Arg::pure_token("write", "WRITE"), Arg::pure_token("all", "ALL")])
            .since("6.2.0")
            .optional(),
    ],
    handler: client_pause,
    ..Command::BASE
}
.checked();

pub(super) static CLIENT_UNPAUSE: Command = Command {
    name: "unpause",
    summary: "Resumes processing commands from paused clients.",
    since: "6.2.0",
    complexity: "O(N) Where N is the number of paused clients",
    arity: 2,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE),
    acl: Acl::CONNECTION,
    handler: client_unpause,
    ..Command::BASE
}
.checked();

/// With more words than it takes, Valkey looks at none of them but the time.
fn client_pause(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let paused = if ctx.args.len() == 4 && !ctx.args.is(3, "all") {
        if !ctx.args.is(3, "write") {
            return Err(Error::Text("ERR CLIENT PAUSE mode must be WRITE or ALL"));
        }
        Paused::Writes
    } else {
        Paused::Everything
    };
    let now = ctx.now();
    let until = match Timeout::millis(ctx.args.at(2), now)? {
        Timeout::Never => now,
        Timeout::Millis(millis) => now + millis,
    };
    ctx.shared.pause(paused, now, until);
    ctx.reply.ok();
    Ok(())
}

fn client_unpause(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.shared.unpause();
    // Whoever waits looks again.
    ctx.shared.clients.for_each(|client| {
        if client.postponed.load(Relaxed) {
            client.wake.notify_one();
        }
    });
    ctx.reply.ok();
    Ok(())
}
