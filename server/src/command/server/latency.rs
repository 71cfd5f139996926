//! LATENCY: what held the server up, and how long commands take.

use super::latency_report::{doctor, graph};
use crate::command::Ctx;
use crate::command::describe::help;
use crate::command::spec::{Arg, Command, Flags};
use crate::command::table::{self, Entry};
use crate::error::Error;
use crate::observe::spikes::Event;

pub(super) static LATENCY: Command = Command {
    name: "latency",
    summary: "A container for latency diagnostics commands.",
    since: "2.8.13",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &LATENCY_DOCTOR,
        &LATENCY_GRAPH,
        &LATENCY_HELP,
        &LATENCY_HISTOGRAM,
        &LATENCY_HISTORY,
        &LATENCY_LATEST,
        &LATENCY_RESET,
    ],
    ..Command::BASE
}
.checked();

const FLAGS: Flags = Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::LOADING).or(Flags::STALE);

/// Of those that ask.
const TIPS: &[&str] = &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"];

pub(super) static LATENCY_DOCTOR: Command = Command {
    name: "doctor",
    summary: "Returns a human-readable latency analysis report.",
    since: "2.8.13",
    complexity: "O(1)",
    arity: 2,
    flags: FLAGS,
    tips: TIPS,
    handler: latency_doctor,
    ..Command::BASE
}
.checked();

pub(super) static LATENCY_GRAPH: Command = Command {
    name: "graph",
    summary: "Returns a latency graph for an event.",
    since: "2.8.13",
    complexity: "O(1)",
    arity: 3,
    flags: FLAGS,
    tips: TIPS,
    args: &[Arg::string("event")],
    handler: latency_graph,
    ..Command::BASE
}
.checked();

pub(super) static LATENCY_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "2.8.13",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    handler: latency_help,
    ..Command::BASE
}
.checked();

pub(super) static LATENCY_HISTOGRAM: Command = Command {
    name: "histogram",
    summary: "Returns the cumulative distribution of latencies of a subset or all commands.",
    since: "7.0.0",
    complexity: "O(N) where N is the number of commands with latency information being retrieved.",
    arity: -2,
    flags: FLAGS,
    tips: TIPS,
    args: &[Arg::string("command").optional().multiple()],
    handler: latency_histogram,
    ..Command::BASE
}
.checked();

pub(super) static LATENCY_HISTORY: Command = Command {
    name: "history",
    summary: "Returns timestamp-latency samples for an event.",
    since: "2.8.13",
    complexity: "O(1)",
    arity: 3,
    flags: FLAGS,
    tips: TIPS,
    args: &[Arg::string("event")],
    handler: latency_history,
    ..Command::BASE
}
.checked();

pub(super) static LATENCY_LATEST: Command = Command {
    name: "latest",
    summary: "Returns the latest latency samples for all events.",
    since: "2.8.13",
    complexity: "O(1)",
    arity: 2,
    flags: FLAGS,
    tips: TIPS,
    handler: latency_latest,
    ..Command::BASE
}
.checked();

pub(super) static LATENCY_RESET: Command = Command {
    name: "reset",
    summary: "Resets the latency data for one or more events.",
    since: "2.8.13",
    complexity: "O(1)",
    arity: -2,
    flags: FLAGS,
    tips: &["request_policy:all_nodes", "response_policy:agg_sum"],
    args: &[Arg::string("event").optional().multiple()],
    handler: latency_reset,
    ..Command::BASE
}
.checked();

const HELP: &[&str] = &[
    "DOCTOR",
    "    Return a human readable latency analysis report.",
    "GRAPH <event>",
    "    Return an ASCII latency graph for the <event> class.",
    "HISTORY <event>",
    "    Return time-latency samples for the <event> class.",
    "LATEST",
    "    Return the latest latency samples for all events.",
    "RESET [<event> ...]",
    "    Reset latency data of one or more <event> classes.",
    "    (default: reset all data for all event classes)",
    "HISTOGRAM [COMMAND ...]",
    "    Return a cumulative distribution of latencies in the format of a histogram for the specified command \
        names.",
    "    If no commands are specified then all histograms are replied.",
];

fn latency_doctor(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let report = doctor(ctx.shared, ctx.now() / 1000);
    ctx.reply.verbatim(*b"txt", report);
    Ok(())
}

fn latency_graph(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let name = ctx.args.at(2);
    let series = Event::from_name(name).and_then(|event| Some((event, ctx.shared.spikes.series(event)?)));
    let Some((event, series)) = series else {
        return Err(Error::quoting("ERR No samples available for event '", name, "'"));
    };
    ctx.reply.verbatim(*b"txt", graph(event, &series, ctx.now() / 1000));
    Ok(())
}

fn latency_history(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let series = Event::from_name(ctx.args.at(2)).and_then(|event| ctx.shared.spikes.series(event));
    let samples = series.unwrap_or_default().samples;
    ctx.reply.array(samples.len());
    for sample in samples {
        ctx.reply.array(2);
        ctx.reply.integer(sample.at_seconds as i64);
        ctx.reply.integer(sample.millis as i64);
    }
    Ok(())
}

fn latency_latest(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let spikes = &ctx.shared.spikes;
    let known: Vec<_> =
        Event::ALL.into_iter().filter_map(|event| Some((event, spikes.series(event)?))).collect();
    ctx.reply.array(known.len());
    for (event, series) in known {
        let last = series.samples.back().expect("invariant: a known event has samples");
        ctx.reply.array(6);
        ctx.reply.bulk(event.name());
        for figure in [last.at_seconds, last.millis, series.max_millis, series.sum_millis, series.count] {
            ctx.reply.integer(figure as i64);
        }
    }
    Ok(())
}

fn latency_reset(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let names = ctx.args.skip(2);
    // Here alone a name may be in any case.
    let is_named =
        |event: &Event| names.iter().any(|name| name.eq_ignore_ascii_case(event.name().as_bytes()));
    let named = Event::ALL.into_iter().filter(|event| names.is_empty() || is_named(event));
    let reset = named.filter(|event| ctx.shared.spikes.reset(*event)).count();
    ctx.reply.count(reset);
    Ok(())
}

/// Commands that were not called yet, or that there are not, are left out.
fn latency_histogram(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let totals = ctx.shared.stats.totals();
    let asked: Vec<&Entry> = match ctx.args.len() {
        2 => table::entries().iter().collect(),
        _ => ctx.args.skip(2).iter().flat_map(with_subcommands).collect(),
    };
    let latencies = |entry: &Entry| totals.commands[entry.id().index()].latencies.as_ref();
    let called = asked.into_iter().filter_map(|entry| Some((entry, latencies(entry)?)));
    let called: Vec<_> = called.filter(|(_, latencies)| !latencies.is_empty()).collect();
    ctx.reply.map(called.len());
    for (entry, latencies) in called {
        let doublings = latencies.doublings();
        ctx.reply.bulk(entry.full_name());
        ctx.reply.map(2);
        ctx.reply.bulk("calls");
        ctx.reply.integer(doublings.last().map_or(0, |(_, count)| *count as i64));
        ctx.reply.bulk("histogram_usec");
        ctx.reply.map(doublings.len());
        for (micros, count) in doublings {
            ctx.reply.integer(micros as i64);
            ctx.reply.integer(count as i64);
        }
    }
    Ok(())
}

/// The command of this name, `get` or `config|get`, and its subcommands.
fn with_subcommands(name: &[u8]) -> Vec<&'static Entry> {
    let entry = table::lookup_full(name);
    entry.into_iter().chain(entry.into_iter().flat_map(Entry::subcommands)).collect()
}

fn latency_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, HELP);
    Ok(())
}
