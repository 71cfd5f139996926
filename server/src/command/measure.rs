//! What a command has cost, and whether that is worth a record: in the command log, for `LATENCY`.

use scrubjay::time::Clock;

use super::args::Args;
use super::spec::Flags;
use super::table::Entry;
use crate::observe::commandlog::{self, Kind, Words};
use crate::observe::monitor::Event;
use crate::observe::stats::CommandCounters;
use crate::session::clients::Client;
use crate::shared::Shared;

/// What a command has cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// How long it ran, if that was measured.
    pub(super) nanos: Option<u64>,
    /// How long its request was, as it came.
    pub(super) request_bytes: usize,
    /// How long its reply is; of commands in a transaction, the transaction's reply so far.
    pub(super) reply_bytes: usize,
}

/// No step of [`Clock::steps`] is longer.
const STEP_MICROS: u64 = 10_000;

/// Whether the next call of a command is measured however short it is: some of each command are, for what is
/// counted of it, and all while a threshold is so low that less than a step of the clock matters.
#[inline]
pub(super) fn is_timed(shared: &Shared, counters: &CommandCounters) -> bool {
    let config = &shared.config;
    let latency_millis = config.latency_monitor_threshold();
    counters.times_next()
        || (config.commandlog_execution_slower_than() as u64) < STEP_MICROS
        || latency_millis > 0 && latency_millis < STEP_MICROS / 1000
}

/// The time that one command takes after another. Reading the exact clock costs as much as a tenth of a small
/// command, so it is read for those that are to be timed, and after those that have seen its steps move.
#[derive(Debug)]
pub struct Lap {
    /// When the exact clock was last read.
    began_nanos: u64,
    /// What the clock of steps showed when it was last read.
    steps: u64,
    /// Whether nothing has been done since the exact clock was read.
    is_fresh: bool,
}

impl Lap {
    /// Begins now.
    pub fn begin(clock: &Clock) -> Self {
        Self { began_nanos: clock.monotonic_nanos(), steps: clock.steps(), is_fresh: true }
    }

    /// Leaves out what was done since it began; to a step, unless a timed command comes next.
    #[inline]
    pub fn leave_out(&mut self, clock: &Clock) {
        match clock.steps() == self.steps {
            true => self.is_fresh = false,
            false => *self = Self::begin(clock),
        }
    }

    /// Begins exactly now.
    #[inline]
    pub fn start_timed(&mut self, clock: &Clock) {
        if !self.is_fresh {
            *self = Self::begin(clock);
        }
    }

    /// Ends it, and begins the next; how many nanoseconds it took, if it was timed or took a step of the
    /// clock. In the second case what came before it and was not timed counts with it: less than a step.
    #[inline]
    pub fn next(&mut self, clock: &Clock, timed: bool) -> Option<u64> {
        let steps = clock.steps();
        if !timed && steps == self.steps {
            self.is_fresh = false;
            return None;
        }
        let now = clock.monotonic_nanos();
        let began = self.began_nanos;
        *self = Self { began_nanos: now, steps, is_fresh: true };
        Some(now.saturating_sub(began))
    }
}

/// The words of a call as others may see them.
pub(super) fn words(command: &Entry, args: Args<'_>) -> Words {
    commandlog::words(args.iter(), |index| (command.hides)(&args, index))
}

/// Records a command that went over a threshold.
pub(super) fn note(
    shared: &Shared,
    client: &Client,
    command: &Entry,
    cost: Cost,
    words: impl FnOnce() -> Words,
) {
    let config = &shared.config;
    let mut slow = false;
    if let Some(nanos) = cost.nanos {
        let event = if command.flags.has(Flags::FAST) { Event::FastCommand } else { Event::Command };
        shared.note_latency(event, nanos);
        // -1 is never: more than anything can be.
        slow = nanos / 1000 >= config.commandlog_execution_slower_than() as u64;
    }
    let large_request = cost.request_bytes as u64 >= config.commandlog_request_larger_than() as u64;
    let large_reply = cost.reply_bytes as u64 >= config.commandlog_reply_larger_than() as u64;
    if (slow || large_request || large_reply) && !command.flags.has(Flags::SKIP_COMMANDLOG) {
        log(shared, client, cost, [slow, large_request, large_reply], words());
    }
}

#[cold]
fn log(shared: &Shared, client: &Client, cost: Cost, [slow, request, reply]: [bool; 3], words: Words) {
    let config = &shared.config;
    let of_kinds = [
        (slow, Kind::Slow, cost.nanos.unwrap_or_default() / 1000, config.commandlog_slow_execution_max_len()),
        (request, Kind::LargeRequest, cost.request_bytes as u64, config.commandlog_large_request_max_len()),
        (reply, Kind::LargeReply, cost.reply_bytes as u64, config.commandlog_large_reply_max_len()),
    ];
    for (_, kind, value, max_len) in of_kinds.into_iter().filter(|(over, ..)| *over) {
        let entry = commandlog::Entry {
            id: 0,
            at_seconds: shared.store.clock().now() / 1000,
            value,
            words: Words::clone(&words),
            address: client.peer.address(),
            name: client.names.lock().name.clone(),
        };
        shared.command_log.add(kind, entry, usize::try_from(max_len).unwrap_or(usize::MAX));
    }
}
