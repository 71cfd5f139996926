//! MULTI, EXEC and DISCARD: commands that run together, with nothing in between.

use scrubjay::{Key, Scope, Store};
use smallvec::SmallVec;

use crate::command::args::Args;
use crate::command::keys::CallKeys;
use crate::command::measure::Lap;
use crate::command::spec::{Acl, Command, Flags, Locks};
use crate::command::table::Entry;
use crate::command::{Ctx, Origin, keys, nested, tracked};
use crate::error::Error;
use crate::session::transaction::Queue;

pub(super) static MULTI: Command = Command {
    name: "multi",
    summary: "Starts a transaction.",
    since: "1.2.0",
    complexity: "O(1)",
    arity: 1,
    flags: Flags::NOSCRIPT
        .or(Flags::LOADING)
        .or(Flags::STALE)
        .or(Flags::FAST)
        .or(Flags::NO_MULTI)
        .or(Flags::ALLOW_BUSY),
    acl: Acl::TRANSACTION,
    handler: multi,
    ..Command::BASE
}
.checked();

pub(crate) static EXEC: Command = Command {
    name: "exec",
    summary: "Executes all commands in a transaction.",
    since: "1.2.0",
    complexity: "Depends on commands in the transaction",
    arity: 1,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::SKIP_COMMANDLOG),
    acl: Acl::TRANSACTION,
    queued: false,
    handler: exec,
    ..Command::BASE
}
.checked();

pub(super) static DISCARD: Command = Command {
    name: "discard",
    summary: "Discards a transaction.",
    since: "2.0.0",
    complexity: "O(N), when N is the number of queued commands",
    arity: 1,
    flags: Flags::NOSCRIPT.or(Flags::LOADING).or(Flags::STALE).or(Flags::FAST).or(Flags::ALLOW_BUSY),
    acl: Acl::TRANSACTION,
    queued: false,
    handler: discard,
    ..Command::BASE
}
.checked();

fn multi(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.session.begin_transaction();
    ctx.reply.ok();
    Ok(())
}

fn discard(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if !ctx.session.transaction.is_open() {
        return Err(Error::Text("ERR DISCARD without MULTI"));
    }
    ctx.session.discard(&ctx.shared.store);
    ctx.reply.ok();
    Ok(())
}

/// The transaction's own view is opened here, since what it locks stands in the queue.
fn exec(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (shared, now) = (ctx.shared, ctx.now());
    let store = &*shared.store;
    if !ctx.session.transaction.is_open() {
        return Err(Error::Text("ERR EXEC without MULTI"));
    }
    if ctx.session.transaction.has_failed() {
        ctx.session.discard(store);
        return Err(Error::Text("EXECABORT Transaction discarded because of previous errors."));
    }
    let queue = ctx.session.transaction.take();
    let watch = ctx.session.watch.take();
    let watched: Vec<_> = watch.iter().flat_map(|watch| watch.keys()).collect();
    let mut keys: SmallVec<[Key<'_>; 16]> = watched.iter().map(|key| key.as_key()).collect();
    let found = add_keys(&queue, store, ctx.session.db, &mut keys);
    let scope = match &found {
        None => Scope::All,
        Some(_) if keys.is_empty() => Scope::None,
        Some(_) => Scope::Keys(&keys),
    };
    // Parameters are changed under a lock that comes before those of the store.
    let walks = queue.iter().any(|(command, _)| matches!(command.locks, Locks::Walk));
    let _parameters = walks.then(|| shared.config.hold());
    let mut view = match shared.view(scope, now) {
        Ok(view) => view,
        Err(busy) => {
            ctx.session.watch = watch;
            ctx.session.discard(store);
            return Err(aborted(&busy));
        }
    };
    // Under its locks: what has not changed by now cannot change any more.
    let holds = watch.as_ref().is_none_or(|watch| view.holds_still(watch));
    if let Some(watch) = &watch {
        view.unwatch(watch);
        ctx.session.client.watch.lock().take();
    }
    view.set_author(ctx.session.client.id);
    tracked::before(shared, ctx.session, ctx.reply);
    if holds {
        // Each counts the reply from here on for its own, as in Valkey.
        let (mark, mut lap) = (ctx.reply.mark(), Lap::begin(store.clock()));
        ctx.reply.array(queue.len());
        let mut fetched = watched.len();
        for (index, (command, args)) in queue.iter().enumerate() {
            let (args, db) = (Args::from(args), ctx.session.db);
            let mut own = CallKeys::new();
            let own = match &found {
                Some(starts) => {
                    let (start, end) =
                        (starts[index], starts.get(index + 1).map_or(keys.len(), |next| *next));
                    if end > fetched {
                        let ahead = keys.len().min(end + KEYS_AHEAD);
                        view.prefetch(&keys[fetched..ahead]);
                        fetched = ahead;
                    }
                    keys::in_db(&keys[start..end], db, &mut own)
                }
                None => {
                    own = keys::touched(store, db, command, args);
                    &own
                }
            };
            // What fails is one reply among the others.
            let outer = nested::Outer { origin: Origin::Transaction, mark, lap: &mut lap };
            let inner = nested::Inner { command, args, keys: own };
            let _ = nested::run(shared, ctx.session, &mut view, &inner, ctx.reply, outer);
        }
    } else {
        ctx.reply.null_array();
    }
    view.settle();
    shared.stats.block(ctx.session.client.thread).changes.add(view.dirty());
    drop(view);
    drop(keys);
    ctx.session.transaction.reuse(queue);
    ctx.session.discard(store);
    Ok(())
}

/// Whether a client is in a transaction after a command, if it was before it; so far as nothing is refused.
#[inline]
pub(in crate::command) fn leaves_open(command: &Entry, open: bool) -> bool {
    command.is(&MULTI) || open && !command.is(&EXEC) && !command.is(&DISCARD)
}

/// What EXEC answers where it cannot run at all.
pub(in crate::command) fn aborted(why: &Error) -> Error {
    let line = why.line();
    let why = line.strip_prefix(b"ERR ").unwrap_or(&line);
    Error::Bytes([b"EXECABORT Transaction discarded because of: ", why].concat())
}

/// Keys whose memory is fetched at a time.
const KEYS_AHEAD: usize = 32;

/// Adds the keys of all queued commands; where those of each begin. None if one of them may touch any key.
fn add_keys<'q>(
    queue: &'q Queue,
    store: &Store,
    db: u16,
    keys: &mut SmallVec<[Key<'q>; 16]>,
) -> Option<SmallVec<[usize; 16]>> {
    let mut starts = SmallVec::with_capacity(queue.len());
    for (command, args) in queue.iter() {
        let args = Args::from(args);
        match command.locks {
            Locks::All | Locks::Growing | Locks::Walk => return None,
            Locks::AllIf(needs_all) if needs_all(&args) => return None,
            // In whichever database: the lock is the same. A call that contradicts its declaration is the
            // handler's to refuse.
            Locks::Keys | Locks::AllIf(_) => {
                starts.push(keys.len());
                let _ = keys::for_each_touched(command, &args, |key| {
                    keys.push(store.key(db, args.at(key.index)));
                });
            }
        }
    }
    Some(starts)
}
