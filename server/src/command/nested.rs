//! A command run inside another one, by EXEC or by a script: in the view that the outer one has locked, and
//! counted as any other.

use scrubjay::{Key, View};

use super::args::Args;
use super::dispatch::answer;
use super::measure::{self, Cost, Lap};
use super::spec::Locks;
use super::table::Entry;
use super::{Ctx, Origin, shown, tracked};
use crate::error::Error;
use crate::resp::{Mark, Reply};
use crate::session::Session;
use crate::shared::Shared;

/// A command inside another one, whose arguments its arity allows.
pub(crate) struct Inner<'a> {
    pub(crate) command: &'static Entry,
    pub(crate) args: Args<'a>,
    /// The keys that it touches.
    pub(crate) keys: &'a [Key<'a>],
}

/// What it shares with the other one.
pub(crate) struct Outer<'a> {
    /// What it is.
    pub(crate) origin: Origin,
    /// Where the reply of the outer one begins.
    pub(crate) mark: Mark,
    /// What it began with, or with the end of the one before.
    pub(crate) lap: &'a mut Lap,
}

/// Runs it, and writes its reply. The error that it failed with has been written, too.
pub(crate) fn run(
    shared: &Shared,
    session: &mut Session,
    view: &mut View<'_>,
    inner: &Inner<'_>,
    reply: &mut Reply,
    outer: Outer<'_>,
) -> Result<(), Error> {
    let Inner { command, args, keys } = *inner;
    if outer.origin.is_script() {
        match command.locks {
            Locks::Keys => view.reach(keys),
            Locks::AllIf(needs_all) if !needs_all(&args) => view.reach(keys),
            _ => view.reach_all(),
        }
    }
    let stats = shared.stats.block(session.client.thread);
    let counters = stats.command(command.id());
    let mark = reply.mark();
    view.set_touches(!session.no_touch);
    view.set_integers(outer.origin.looks_for_integers());
    shown::before(shared, session, command, args, outer.origin);
    if let Some(id) = command.apart() {
        shared.portability.note(&session.client, id);
    }
    let (session, reply) = (&mut *session, &mut *reply);
    let mut ctx = Ctx { shared, command, session, view, origin: outer.origin, keys, args, reply };
    let (clock, timed) = (shared.store.clock(), measure::is_timed(shared, counters));
    if timed {
        outer.lap.start_timed(clock);
    }
    let ran = (command.handler)(&mut ctx);
    tracked::after(shared, ctx.session, ctx.view, command, keys);
    shown::after(shared, ctx.session, command, args, outer.origin);
    let nanos = outer.lap.next(clock, timed);
    counters.call(nanos, shared.config.latency_tracking());
    stats.processed.add(1);
    session.commands += 1;
    if let Err(error) = &ran {
        reply.truncate_to(mark);
        answer(stats, error, reply);
        counters.failed.add(1);
    }
    let cost = Cost {
        nanos,
        // What a script calls, nobody has sent.
        request_bytes: if outer.origin == Origin::Transaction { session.request_bytes } else { 0 },
        reply_bytes: reply.output().len_since(outer.mark),
    };
    measure::note(shared, &session.client, command, cost, || measure::words(command, args));
    ran
}
