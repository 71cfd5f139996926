//! The one way a request takes: look up, gates, keys, room, locks, handler, settle.
//!
//! The order of the gates is behaviour: it decides which of two errors a client reads. It is Valkey's
//! (`tests/commands/gates.txt` holds it there).

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use scrubjay::{Key, OutOfMemory, Scope, View};
use smallvec::SmallVec;

use super::args::Args;
use super::keys::CallKeys;
use super::measure::{self, Cost, Lap};
use super::spec::{Flags, Locks};
use super::table::{self, Entry, Unknown};
use super::transactions::multi::{self, EXEC, aborted};
use super::{Ctx, Origin, keys, pubsub, shown, tracked};
use crate::error::Error;
use crate::observe::spikes::Event;
use crate::observe::stats::Block;
use crate::resp::{Mark, Protocol, Reply};
use crate::session::blocked::{Call, Ending};
use crate::session::pause::Paused;
use crate::session::{Replies, Session};
use crate::shared::Shared;

/// A request that has been looked up, so that its memory can be fetched while others run before it.
pub struct Prepared<'a> {
    args: Args<'a>,
    /// How long it was as it came.
    bytes: usize,
    found: Found,
    /// Which of the batch's keys are its own; none if it is to be queued.
    keys: Option<Range<usize>>,
    /// Whether its client is in a transaction after it, as far as one can tell beforehand.
    in_transaction: bool,
    /// The member or field of the first of them that it is about.
    member: Option<&'a [u8]>,
}

/// The keys of a batch of requests, in order.
pub type BatchKeys<'a> = SmallVec<[Key<'a>; 48]>;

/// What a request asks for.
#[derive(Clone, Copy)]
enum Found {
    Command(&'static Entry),
    /// With too few arguments, or too many.
    WrongLength(&'static Entry),
    Nothing(Unknown),
}

impl<'a> Prepared<'a> {
    /// Looks a request up and adds its keys to those of the batch.
    pub fn new(
        shared: &Shared,
        session: &Session,
        args: Args<'a>,
        bytes: usize,
        previous: Option<&Self>,
        keys: &mut BatchKeys<'a>,
    ) -> Self {
        let again = previous.and_then(|previous| previous.again(&args));
        let found = match again.map_or_else(|| table::resolve(&args, &shared.config), Ok) {
            Ok(command) if command.accepts(args.len()) => Found::Command(command),
            Ok(command) => Found::WrongLength(command),
            Err(unknown) => Found::Nothing(unknown),
        };
        let in_transaction =
            previous.map_or(session.transaction.is_open(), |previous| previous.in_transaction);
        let (mut own, mut leaves_open) = (None, in_transaction);
        if let Found::Command(command) = found {
            leaves_open = multi::leaves_open(command, in_transaction);
            // What is queued has its keys fetched when it is run.
            if !(command.queued && in_transaction) {
                let first = keys.len();
                // A call that contradicts its declaration is the handler's to refuse; it finds the keys there
                // are locked.
                let _ = keys::for_each_touched(command, &args, |key| {
                    keys.push(shared.store.key(session.db, args.at(key.index)));
                });
                own = Some(first..keys.len());
            }
        }
        let member = match found {
            Found::Command(command) if command.member != 0 => args.get(command.member.into()),
            _ => None,
        };
        Self { args, bytes, found, keys: own, in_transaction: leaves_open, member }
    }

    /// The member or field of a collection that it is about, if it is about one.
    pub fn member(&self, keys: &BatchKeys<'a>) -> Option<(Key<'a>, &'a [u8])> {
        Some((*keys.get(self.keys.clone()?)?.first()?, self.member?))
    }

    /// The command of this request, if `args` name it in the same letters: pipelines repeat themselves.
    fn again(&self, args: &Args<'_>) -> Option<&'static Entry> {
        match self.found {
            Found::Command(command) if command.is_plain() && self.args.at(0) == args.at(0) => Some(command),
            _ => None,
        }
    }
}

/// Runs one request of `session` and writes its reply. `lap` began when the request before it ended.
#[expect(clippy::too_many_arguments, reason = "the one place where everything meets")]
pub fn dispatch(
    shared: &Shared,
    stats: &Block,
    session: &mut Session,
    request: &Prepared<'_>,
    keys: &BatchKeys<'_>,
    reply: &mut Reply,
    lap: &mut Lap,
    now: u64,
) {
    session.reply_begins = reply.mark();
    if session.replies == Replies::SkipNext {
        session.replies = Replies::Skip;
    }
    match request.found {
        Found::Command(command) => {
            session.client.last_command.store(command.id().get(), Relaxed);
            let gates = gates(shared, session, command, request.args, reply.protocol(), now);
            if shared.store.max_memory() != 0 {
                // What had to go for it.
                tracked::before(shared, session, reply);
            }
            if let Err(error) = gates {
                refuse(shared, stats, session, Some(command), error, reply);
            } else if is_paused(shared, session, command, &request.args, now) {
                session.postpone(true);
                return;
            } else if command.queued && session.transaction.is_open() {
                session.queue(command, *request.args, command.effects(shared, &request.args));
                reply.simple("QUEUED");
            } else {
                let late;
                let keys = match request.keys.clone() {
                    Some(own) => &keys[own],
                    // It seemed that it would be queued.
                    None => {
                        late = keys::touched(&shared.store, session.db, command, request.args);
                        &late
                    }
                };
                let counters = stats.command(command.id());
                let clock = shared.store.clock();
                if shared.store.max_memory() != 0 {
                    // Room made for a command is none of its own time.
                    lap.leave_out(clock);
                }
                let timed = measure::is_timed(shared, counters);
                if timed {
                    lap.start_timed(clock);
                }
                session.request_bytes = request.bytes;
                let ran = run(shared, session, command, request.args, keys, reply, now);
                let nanos = lap.next(clock, timed);
                // Messages may have been put in front of it.
                let mark = session.reply_begins;
                if let Some(waiting) = &mut session.waiting {
                    // Its reply, and all that is counted of it, come when the waiting is over.
                    let words = measure::words(command, request.args);
                    waiting.call = Call { nanos, request_bytes: request.bytes, words };
                    return;
                }
                counters.call(nanos, shared.config.latency_tracking());
                stats.processed.add(1);
                if let Err(error) = ran {
                    reply.truncate_to(mark);
                    answer(stats, &error, reply);
                    counters.failed.add(1);
                }
                session.commands += 1;
                finish(session, reply, mark);
                let reply_bytes = reply.output().len_since(mark);
                let cost = Cost { nanos, request_bytes: request.bytes, reply_bytes };
                let words = || measure::words(command, request.args);
                measure::note(shared, &session.client, command, cost, words);
                if shared.store.max_memory() != 0 && command.flags.has(Flags::DENYOOM) {
                    // A small request may make a large value, and others may have used the room that was made
                    // for this one. Where nothing can be evicted, it is the next request that is refused.
                    let _ = make_room(shared, 0, now);
                }
                return;
            }
        }
        unfit => refuse_unfit(shared, stats, session, unfit, request.args, reply, now),
    }
    let mark = session.reply_begins;
    finish(session, reply, mark);
}

/// Answers the request for which the client has waited, which is over now.
#[cold]
pub fn answer_waiting(shared: &Shared, stats: &Block, session: &mut Session, reply: &mut Reply) {
    let Some(mut waiting) = session.waiting.take() else { return };
    let call = std::mem::take(&mut waiting.call);
    let blocked = Arc::clone(&waiting.blocked);
    let Some(ending) = waiting.finish(&shared.store) else { return };
    let id = usize::from(session.client.last_command.load(Relaxed));
    let command = table::entries().get(id).expect("invariant: the command that waits is its last");
    let counters = stats.command(command.id());
    counters.call(call.nanos, shared.config.latency_tracking());
    stats.processed.add(1);
    session.commands += 1;
    let mark = reply.mark();
    match ending {
        Ending::Served(mut served) => reply.append(&mut served),
        Ending::Failed(error) => {
            answer(stats, &error, reply);
            counters.failed.add(1);
        }
        Ending::TimedOut => blocked.timed_out(reply),
        Ending::Interrupted => {
            answer(stats, &Error::Text("UNBLOCKED client unblocked via CLIENT UNBLOCK"), reply);
            counters.rejected.add(1);
        }
    }
    finish(session, reply, mark);
    let reply_bytes = reply.output().len_since(mark);
    let cost = Cost { nanos: call.nanos, request_bytes: call.request_bytes, reply_bytes };
    measure::note(shared, &session.client, command, cost, || call.words);
}

/// Answers a request that names no command, or calls one with the wrong number of arguments.
#[cold]
fn refuse_unfit(
    shared: &Shared,
    stats: &Block,
    session: &mut Session,
    found: Found,
    args: Args<'_>,
    reply: &mut Reply,
    now: u64,
) {
    let command = match found {
        Found::Command(command) | Found::WrongLength(command) => Some(command),
        Found::Nothing(_) => None,
    };
    if command.is_none() && is_http(args) {
        abandon(session, now);
        return;
    }
    session.client.last_command.store(command.map_or(u16::MAX, |command| command.id().get()), Relaxed);
    let error = match found {
        _ if !admits(shared, session, command) => NO_AUTH,
        Found::Nothing(unknown) => {
            if let Some(id) = table::use_of_unknown(&args) {
                shared.portability.note(&session.client, id);
            }
            unknown.error(&args)
        }
        Found::Command(command) | Found::WrongLength(command) => Error::Arity(command.full_name().into()),
    };
    refuse(shared, stats, session, command, error, reply);
}

const NO_AUTH: Error = Error::Text("NOAUTH Authentication required.");

/// Whether the client has shown its password, or need not for this.
fn admits(shared: &Shared, session: &Session, command: Option<&Entry>) -> bool {
    !session.needs_password(&shared.config)
        || command.is_some_and(|command| command.flags.has(Flags::NO_AUTH))
}

/// Whether this is the beginning of an HTTP request: a browser was led to send it, and what it carries may be
/// meant for us to run. `Host:` is there because a request's first line may pass for a command (`GET /
/// HTTP/1.1`).
fn is_http(args: Args<'_>) -> bool {
    args.is(0, "post") || args.is(0, "host:")
}

/// Closes the connection without an answer, and says so in the log, once a minute at most.
fn abandon(session: &mut Session, now: u64) {
    static LAST_SAID_MS: AtomicU64 = AtomicU64::new(0);
    session.closing = true;
    session.abandoned = true;
    if now.saturating_sub(LAST_SAID_MS.load(Relaxed)) >= 60_000 {
        LAST_SAID_MS.store(now, Relaxed);
        tracing::warn!(
            from = session.client.peer.address(),
            "possible attack: an HTTP request was sent to this port, and its connection closed"
        );
    }
}

fn gates(
    shared: &Shared,
    session: &mut Session,
    command: &'static Entry,
    args: Args<'_>,
    protocol: Protocol,
    now: u64,
) -> Result<(), Error> {
    if !admits(shared, session, Some(command)) {
        return Err(NO_AUTH);
    }
    if command.flags.has(Flags::NO_MULTI) && session.transaction.is_open() {
        let name = command.full_name();
        return Err(Error::Owned(format!("ERR Command '{name}' not allowed inside a transaction")));
    }
    if let Some(program) = shared.busy.with()
        && !command.flags.has(Flags::ALLOW_BUSY)
    {
        return Err(program.error(shared.config.identity()));
    }
    session.memory_is_short = false;
    // Data stands still during a pause.
    if shared.store.max_memory() != 0 && shared.pause.at(now).is_none() {
        session.memory_is_short = make_room(shared, args.bytes(), now).is_err();
        if session.memory_is_short && takes_memory(shared, session, command, &args) {
            return Err(Error::OutOfMemory);
        }
    }
    if session.only_listens(protocol) && !pubsub::is_for_subscribers(command) {
        let name = command.full_name();
        return Err(Error::Owned(format!(
            "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
             allowed in this context"
        )));
    }
    if session.monitors() && (command.effects(shared, &args).writes || command.flags.has(Flags::READONLY)) {
        // To Valkey it is a replica, which has data of its own.
        return Err(Error::Text("ERR Replica can't interact with the keyspace"));
    }
    Ok(())
}

/// Whether the client has to wait with a command.
#[inline]
fn is_paused(shared: &Shared, session: &Session, command: &Entry, args: &Args<'_>, now: u64) -> bool {
    shared.pause.is_begun() && waits_for_pause(shared, session, command, args, now)
}

#[cold]
fn waits_for_pause(shared: &Shared, session: &Session, command: &Entry, args: &Args<'_>, now: u64) -> bool {
    match shared.pause.at(now) {
        Some(_) if session.of_program || session.monitors() => false,
        None => {
            // Nobody has noticed yet that its time is over.
            shared.end_pause_if_over(now);
            false
        }
        Some((Paused::Everything, _)) => true,
        Some((Paused::Writes, _)) => {
            command.effects(shared, args).writes || session.is_to_run() && session.transaction.writes(command)
        }
    }
}

/// Makes room in the store, if it has a limit.
fn make_room(shared: &Shared, bytes: usize, now: u64) -> Result<(), OutOfMemory> {
    if shared.config.latency_monitor_threshold() == 0 {
        return shared.store.make_room(bytes, now);
    }
    let clock = shared.store.clock();
    let began_nanos = clock.monotonic_nanos();
    let made = shared.store.make_room(bytes, now);
    shared.note_latency(Event::EvictionCycle, clock.monotonic_nanos().saturating_sub(began_nanos));
    made
}

/// Whether a command is refused while there is no memory.
fn takes_memory(shared: &Shared, session: &Session, command: &Entry, args: &Args<'_>) -> bool {
    command.effects(shared, args).takes_memory
        || session.is_to_run() && session.transaction.takes_memory(command)
}

/// Locks what the command's declaration says it touches, and runs it.
fn run(
    shared: &Shared,
    session: &mut Session,
    command: &'static Entry,
    args: Args<'_>,
    keys: &[Key<'_>],
    reply: &mut Reply,
    now: u64,
) -> Result<(), Error> {
    // A SELECT in the same batch may have changed the database since the keys were hashed.
    let mut moved = CallKeys::new();
    let keys = keys::in_db(keys, session.db, &mut moved);
    let scope = match command.locks {
        Locks::All => Scope::All,
        Locks::AllIf(needs_all) if needs_all(&args) => Scope::All,
        Locks::Growing => Scope::Growing(keys),
        Locks::Walk => Scope::Walk,
        Locks::Keys | Locks::AllIf(_) => match keys {
            [] => Scope::None,
            [key] => match shared.store.view_at_once(key, now) {
                // A way of its own, on which the view is never moved.
                Some(mut view) => return run_in(&mut view, shared, session, command, args, keys, reply),
                None => Scope::Key(key),
            },
            keys => Scope::Keys(keys),
        },
    };
    run_in(&mut shared.view(scope, now)?, shared, session, command, args, keys, reply)
}

#[inline]
fn run_in(
    view: &mut View<'_>,
    shared: &Shared,
    session: &mut Session,
    command: &'static Entry,
    args: Args<'_>,
    keys: &[Key<'_>],
    reply: &mut Reply,
) -> Result<(), Error> {
    if session.no_touch {
        view.set_touches(false);
    }
    let origin = Origin::Client;
    view.set_author(session.client.id);
    tracked::before(shared, session, reply);
    shown::before(shared, session, command, args, origin);
    if let Some(id) = command.apart() {
        shared.portability.note(&session.client, id);
    }
    let mut ctx = Ctx { shared, command, session, view, origin, keys, args, reply };
    let result = (command.handler)(&mut ctx);
    tracked::after(shared, ctx.session, ctx.view, command, keys);
    // Whoever waits for what has changed is served here, and what that changes is counted with it.
    ctx.view.settle();
    shown::after(shared, ctx.session, command, args, origin);
    let changes = ctx.view.dirty();
    if changes > 0 {
        shared.stats.block(ctx.session.client.thread).changes.add(changes);
    }
    result
}

/// Answers a request that was never run. A transaction that it was to be part of, or to end, will not be run
/// either.
#[cold]
fn refuse(
    shared: &Shared,
    stats: &Block,
    session: &mut Session,
    command: Option<&'static Entry>,
    error: Error,
    reply: &mut Reply,
) {
    let error = if command.is_some_and(|command| command.is(&EXEC)) {
        session.discard(&shared.store);
        aborted(&error)
    } else {
        session.fail_transaction();
        error
    };
    answer(stats, &error, reply);
    if let Some(command) = command {
        stats.command(command.id()).rejected.add(1);
    }
}

/// Writes an error reply, and counts it.
pub(super) fn answer(stats: &Block, error: &Error, reply: &mut Reply) {
    let line = error.line();
    let code_end = memchr::memchr(b' ', &line).unwrap_or(line.len());
    let (code, text) = line.split_at(code_end);
    // Codes are the server's own words; what a client sent stands behind them.
    let code = std::str::from_utf8(code).unwrap_or("ERR");
    reply.error(code, text.strip_prefix(b" ").unwrap_or_default());
    stats.error(code);
}

/// Drops the reply when the client does not want it, and adds what it is told besides.
#[inline]
fn finish(session: &mut Session, reply: &mut Reply, mark: Mark) {
    if session.tracking.caching() {
        tracked::finish(session);
    }
    if session.replies != Replies::On || !session.unasked.is_empty() {
        finish_otherwise(session, reply, mark);
    }
}

#[cold]
fn finish_otherwise(session: &mut Session, reply: &mut Reply, mark: Mark) {
    match session.replies {
        Replies::On | Replies::SkipNext => {}
        Replies::Off => reply.truncate_to(mark),
        Replies::Skip => {
            reply.truncate_to(mark);
            session.replies = Replies::On;
        }
    }
    reply.output_mut().append(&mut session.unasked);
}
