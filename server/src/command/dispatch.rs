//! The one way a request takes: look up, gates, keys, room, locks, handler, settle.
//!
//! The order of the gates is behaviour: it decides which of two errors a client reads. It is Valkey's
//! (`tests/commands/gates.txt` holds it there).

use std::ops::Range;
use std::sync::atomic::Ordering::Relaxed;

use scrubjay::{Key, Scope};
use smallvec::SmallVec;

use super::args::Args;
use super::spec::{Command, Flags, Locks};
use super::table::{self, Entry};
use super::{Ctx, keys};
use crate::error::Error;
use crate::observe::stats::Block;
use crate::resp::{Mark, Reply};
use crate::session::{Replies, Session};
use crate::shared::Shared;

/// A request that has been looked up, so that its memory can be fetched while others run before it.
pub struct Prepared<'a> {
    args: Args<'a>,
    command: Result<&'static Entry, Error>,
    /// Which of the batch's keys are its own.
    keys: Range<usize>,
}

/// The keys of a batch of requests, in order.
pub type BatchKeys<'a> = SmallVec<[Key<'a>; 48]>;

impl<'a> Prepared<'a> {
    /// Looks a request up and adds its keys to those of the batch.
    pub fn new(shared: &Shared, session: &Session, args: Args<'a>, keys: &mut BatchKeys<'a>) -> Self {
        let command = find(args);
        let first = keys.len();
        if let Ok(command) = &command {
            // A call that contradicts its declaration is the handler's to refuse; it finds the keys there are locked.
            let _ = keys::for_each(command, &args, |key| {
                keys.push(shared.store.key(session.db, args.at(key.index)));
            });
        }
        Self { args, command, keys: first..keys.len() }
    }
}

/// Runs one request of `session` and writes its reply.
pub fn dispatch(
    shared: &Shared,
    stats: &Block,
    session: &mut Session,
    request: &Prepared<'_>,
    keys: &BatchKeys<'_>,
    reply: &mut Reply,
    now: u64,
) {
    let mark = reply.mark();
    if session.replies == Replies::SkipNext {
        session.replies = Replies::Skip;
    }
    match &request.command {
        Err(error) => refuse(stats, None, error, reply),
        Ok(command) => {
            session.client.last_command.store(command.id().get(), Relaxed);
            if let Err(error) = gates(shared, session, command, request.args, now) {
                refuse(stats, Some(command), &error, reply);
            } else {
                let keys = &keys[request.keys.clone()];
                let counters = stats.command(command.id());
                counters.calls.add(1);
                stats.processed.add(1);
                if let Err(error) = run(shared, session, command, request.args, keys, reply, now) {
                    reply.truncate_to(mark);
                    answer(stats, &error, reply);
                    counters.failed.add(1);
                }
                if command.flags.has(Flags::DENYOOM) {
                    // A small request may make a large value, and others may have used the room that was made for this
                    // one. Where nothing can be evicted, it is the next request that is refused.
                    let _ = shared.store.make_room(0, now);
                }
            }
        }
    }
    finish(session, reply, mark);
}

/// The command that the request names, with as many arguments as it takes.
fn find(args: Args<'_>) -> Result<&'static Entry, Error> {
    let command = table::resolve(&args).map_err(|unknown| Error::Echo(unknown.message(&args)))?;
    if command.accepts(args.len()) { Ok(command) } else { Err(Error::Arity(command.full_name().into())) }
}

fn gates(
    shared: &Shared,
    session: &Session,
    command: &Command,
    args: Args<'_>,
    now: u64,
) -> Result<(), Error> {
    if !session.authenticated && !command.flags.has(Flags::NO_AUTH) {
        return Err(Error::Text("NOAUTH Authentication required."));
    }
    if shared.store.max_memory() != 0 {
        let full = shared.store.make_room(args.bytes(), now).is_err();
        if full && command.flags.has(Flags::DENYOOM) {
            return Err(Error::OutOfMemory);
        }
    }
    Ok(())
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
    // A SELECT in the same batch has changed the database since the keys were hashed; their places are the same.
    let moved: SmallVec<[Key<'_>; 4]>;
    let keys = match keys.first() {
        Some(key) if key.db() != session.db => {
            moved = keys.iter().map(|key| key.in_db(session.db)).collect();
            &moved
        }
        _ => keys,
    };
    let scope = match command.locks {
        Locks::All => Scope::All,
        Locks::Walk => Scope::Walk,
        Locks::Keys => match keys {
            [] => Scope::None,
            [key] => Scope::Key(key),
            keys => Scope::Keys(keys),
        },
    };
    let view = shared.store.view(scope, now);
    (command.handler)(&mut Ctx { shared, session, view, keys, args, reply })
}

/// Answers a request that was never run.
#[cold]
fn refuse(stats: &Block, command: Option<&'static Entry>, error: &Error, reply: &mut Reply) {
    answer(stats, error, reply);
    if let Some(command) = command {
        stats.command(command.id()).rejected.add(1);
    }
}

/// Writes an error reply, and counts it.
fn answer(stats: &Block, error: &Error, reply: &mut Reply) {
    let line = error.line();
    let code = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    let text = line.get(code.len() + 1..).unwrap_or_default();
    let code = String::from_utf8_lossy(code);
    reply.error(&code, text);
    stats.error(&code);
}

/// Drops the reply when the client does not want it.
fn finish(session: &mut Session, reply: &mut Reply, mark: Mark) {
    match session.replies {
        Replies::On | Replies::SkipNext => {}
        Replies::Off => reply.truncate_to(mark),
        Replies::Skip => {
            reply.truncate_to(mark);
            session.replies = Replies::On;
        }
    }
}
