//! SHUTDOWN: ends the server.

use crate::command::Ctx;
use crate::command::spec::{Arg, Command, Flags};
use crate::error::Error;

pub(super) static SHUTDOWN: Command = Command {
    name: "shutdown",
    summary: "Synchronously saves the database(s) to disk and shuts down the server.",
    since: "1.0.0",
    complexity: "O(N) when saving, where N is the total number of keys in all databases when saving data, \
        otherwise O(1)",
    history: &[
        ("7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers."),
        ("9.0.0", "Added the `SAFE` and `FAILOVER` modifiers."),
    ],
    arity: -1,
    flags: Flags::ADMIN
        .or(Flags::NOSCRIPT)
        .or(Flags::LOADING)
        .or(Flags::STALE)
        .or(Flags::NO_MULTI)
        .or(Flags::ALLOW_BUSY),
    args: &[Arg::one_of(
        "abort-selector",
        &[
            Arg::block(
                "save-selector-block",
                &[
                    Arg::one_of(
                        "save-selector",
                        &[Arg::pure_token("nosave", "NOSAVE"), Arg::pure_token("save", "SAVE")],
                    )
                    .optional(),
                    Arg::pure_token("now", "NOW").since("7.0.0").optional(),
                    Arg::pure_token("force", "FORCE").since("7.0.0").optional(),
                    Arg::pure_token("safe", "SAFE").since("9.0.0").optional(),
                    Arg::pure_token("failover", "FAILOVER").since("9.0.0").optional(),
                ],
            ),
            Arg::pure_token("abort", "ABORT").since("7.0.0"),
        ],
    )
    .optional()],
    handler: shutdown,
    ..Command::BASE
}
.checked();

fn shutdown(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let options = Options::parse(ctx)?;
    if options.abort {
        // It ends at once, so there is never one in progress.
        return Err(Error::Text("ERR No shutdown in progress."));
    }
    tracing::info!("User requested shutdown... (user request from client {})", ctx.session.client.id);
    if options.save && !options.force {
        // Nothing is silently lost: who asks for a save that cannot be had has to say that it does not
        // matter.
        tracing::warn!("Data cannot be saved, can't exit.");
        return Err(Error::Text("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    ctx.session.closing = true;
    ctx.shared.shutdown.ask();
    Ok(())
}

#[derive(Default)]
struct Options {
    save: bool,
    force: bool,
    abort: bool,
}

impl Options {
    fn parse(ctx: &Ctx<'_, '_>) -> Result<Self, Error> {
        let mut options = Self::default();
        let (mut nosave, mut others) = (false, false);
        let newer = ["safe", "failover"];
        for at in 1..ctx.args.len() {
            let is = |word| ctx.args.is(at, word);
            if is("nosave") {
                nosave = true;
            } else if is("save") {
                options.save = true;
            } else if is("abort") {
                options.abort = true;
            } else if is("force") {
                options.force = true;
            } else if is("now") || newer.into_iter().any(|word| is(word) && ctx.has(word)) {
                // There are no replicas to wait for, no slots to keep, and nobody to take over.
                others = true;
            } else {
                return Err(Error::Syntax);
            }
        }
        let excluded = options.abort && (options.save || nosave || options.force || others);
        if excluded || (options.save && nosave) { Err(Error::Syntax) } else { Ok(options) }
    }
}
