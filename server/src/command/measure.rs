//! What a command has cost, and whether that is worth a record: in the command log, for `LATENCY`.

use scrubjay::time::Clock;

use super::args::Args;
use super::spec::Flags;
use super::table::Entry;
use crate::observe::commandlog::{self, Kind, Words};
use crate::observe::spikes::Event;
use crate::session::clients::Client;
use crate::shared::Shared;

/// What a command has cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cost {
    /// How long it ran.
    pub(super) nanos: u64,
    /// How long its request was, as it came.
    pub(super) request_bytes: usize,
    /// How long its reply is; of commands in a transaction, the transaction's reply so far.
    pub(super) reply_bytes: usize,
}

/// The time between the end of one command and that of the next. One reading of the clock serves both; the
/// little that is done between them counts with the second.
#[derive(Debug)]
pub struct Lap(u64);

impl Lap {
    /// Begins now.
    pub fn begin(clock: &Clock) -> Self {
        Self(clock.monotonic_nanos())
    }

    /// Ends it and begins the next; how many nanoseconds it took.
    pub fn next(&mut self, clock: &Clock) -> u64 {
        let now = clock.monotonic_nanos();
        now.saturating_sub(std::mem::replace(&mut self.0, now))
    }
}

/// The words of a call as others may see them.
pub(super) fn words(command: &Entry, args: Args<'_>) -> Words {
    commandlog::words(args.iter(), |index| (command.hides)(&args, index))
}

/// Records a command that went over a threshold. Each threshold is asked for, since each command is measured.
pub(super) fn note(
    shared: &Shared,
    client: &Client,
    command: &Entry,
    cost: Cost,
    words: impl FnOnce() -> Words,
) {
    let event = if command.flags.has(Flags::FAST) { Event::FastCommand } else { Event::Command };
    shared.note_latency(event, cost.nanos);
    let config = &shared.config;
    // -1 is never: more than anything can be.
    let slow = cost.nanos / 1000 >= config.commandlog_execution_slower_than() as u64;
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
        (slow, Kind::Slow, cost.nanos / 1000, config.commandlog_slow_execution_max_len()),
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
