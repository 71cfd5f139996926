//! FLUSHALL and FLUSHDB: empties all databases, or the client's.

use scrubjay::Flush;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Locks};
use crate::error::Error;

pub(super) static FLUSHALL: Command = Command {
    name: "flushall",
    summary: "Removes all keys from all databases.",
    since: "1.0.0",
    complexity: "O(N) where N is the total number of keys in all databases",
    history: &[
        ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
        ("6.2.0", "Added the `SYNC` flushing mode modifier."),
    ],
    arity: -1,
    flags: Flags::WRITE,
    acl: Acl::KEYSPACE.or(Acl::DANGEROUS),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: &[Arg::one_of(
        "flush-type",
        &[Arg::pure_token("async", "ASYNC").since("4.0.0"), Arg::pure_token("sync", "SYNC").since("6.2.0")],
    )
    .optional()],
    locks: Locks::All,
    handler: flushall,
    ..Command::BASE
}
.checked();

pub(super) static FLUSHDB: Command = Command {
    name: "flushdb",
    summary: "Removes all keys from the current database.",
    since: "1.0.0",
    complexity: "O(N) where N is the number of keys in the selected database",
    history: &[
        ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
        ("6.2.0", "Added the `SYNC` flushing mode modifier."),
    ],
    arity: -1,
    flags: Flags::WRITE,
    acl: Acl::KEYSPACE.or(Acl::DANGEROUS),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    args: &[Arg::one_of(
        "flush-type",
        &[Arg::pure_token("async", "ASYNC").since("4.0.0"), Arg::pure_token("sync", "SYNC").since("6.2.0")],
    )
    .optional()],
    locks: Locks::All,
    handler: flushdb,
    ..Command::BASE
}
.checked();

fn flushall(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    flush(ctx, None)
}

fn flushdb(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    flush(ctx, Some(ctx.session.db))
}

fn flush(ctx: &mut Ctx<'_, '_>, db: Option<u16>) -> Result<(), Error> {
    let how = match ctx.args.len() {
        1 if ctx.shared.config.lazyfree_lazy_user_flush() => Flush::Async,
        1 => Flush::Sync,
        2 if ctx.args.is(1, "async") => Flush::Async,
        2 if ctx.args.is(1, "sync") => Flush::Sync,
        _ => return Err(Error::Syntax),
    };
    ctx.view.flush(db, how);
    ctx.reply.ok();
    Ok(())
}
