//! A command run inside another one, by EXEC or by a script: in the view that the outer one has locked, and
//! counted as any other.

use scrubjay::{Key, View};
use smallvec::SmallVec;

use super::args::Args;
use super::dispatch::answer;
use super::table::Entry;
use super::{Ctx, Origin, keys};
use crate::error::Error;
use crate::resp::Reply;
use crate::session::Session;
use crate::shared::Shared;

/// Runs a command whose arguments its arity allows, and writes its reply. The error that it failed with has
/// been written, too.
pub(crate) fn run(
    shared: &Shared,
    session: &mut Session,
    view: &mut View<'_>,
    origin: Origin,
    command: &'static Entry,
    args: Args<'_>,
    reply: &mut Reply,
) -> Result<(), Error> {
    let mut keys: SmallVec<[Key<'_>; 8]> = SmallVec::new();
    // A call that contradicts its declaration is the handler's to refuse.
    let _ = keys::for_each_touched(command, &args, |key| {
        keys.push(shared.store.key(session.db, args.at(key.index)));
    });
    let stats = shared.stats.block(session.client.thread);
    let counters = stats.command(command.id());
    let clock = shared.store.clock();
    let began = counters.times_next().then(|| clock.monotonic_nanos());
    let mark = reply.mark();
    view.set_touches(!session.no_touch);
    let mut ctx = Ctx { shared, session, view, origin, keys: &keys, args, reply };
    let ran = (command.handler)(&mut ctx);
    counters.calls.add(1);
    stats.processed.add(1);
    ctx.session.commands += 1;
    if let Err(error) = &ran {
        reply.truncate_to(mark);
        answer(stats, error, reply);
        counters.failed.add(1);
    }
    if let Some(began) = began {
        let nanos = clock.monotonic_nanos().saturating_sub(began);
        counters.time(nanos, shared.config.latency_tracking());
    }
    ran
}
