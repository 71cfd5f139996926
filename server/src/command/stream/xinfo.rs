//! XINFO: what a stream knows of itself, its groups and their consumers.

use scrubjay::types::stream::{Group, Stream};
use scrubjay::{Lookup, StreamId};

use super::entries;
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Reply;

pub(super) static XINFO: Command = Command {
    name: "xinfo",
    summary: "A container for stream introspection commands.",
    since: "5.0.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[&XINFO_CONSUMERS, &XINFO_GROUPS, &XINFO_HELP, &XINFO_STREAM],
    ..Command::BASE
}
.checked();

pub(super) static XINFO_CONSUMERS: Command = Command {
    name: "consumers",
    summary: "Returns a list of the consumers in a consumer group.",
    since: "5.0.0",
    complexity: "O(1)",
    history: &[("7.2.0", "Added the `inactive` field, and changed the meaning of `idle`.")],
    arity: 4,
    flags: Flags::READONLY,
    acl: Acl::STREAM,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(2).ro().access()],
    args: &[Arg::key("key"), Arg::string("group")],
    handler: xinfo_consumers,
    ..Command::BASE
}
.checked();

pub(super) static XINFO_GROUPS: Command = Command {
    name: "groups",
    summary: "Returns a list of the consumer groups of a stream.",
    since: "5.0.0",
    complexity: "O(1)",
    history: &[("7.0.0", "Added the `entries-read` and `lag` fields")],
    arity: 3,
    flags: Flags::READONLY,
    acl: Acl::STREAM,
    keys: &[Key::at(2).ro().access()],
    args: &[Arg::key("key")],
    handler: xinfo_groups,
    ..Command::BASE
}
.checked();

pub(super) static XINFO_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::STREAM,
    handler: xinfo_help,
    ..Command::BASE
}
.checked();

pub(super) static XINFO_STREAM: Command = Command {
    name: "stream",
    summary: "Returns information about a stream.",
    since: "5.0.0",
    complexity: "O(1)",
    history: &[
        ("6.0.0", "Added the `FULL` modifier."),
        (
            "7.0.0",
            "Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, `entries-read` \
             and `lag` fields",
        ),
        ("7.2.0", "Added the `active-time` field, and changed the meaning of `seen-time`."),
    ],
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::STREAM,
    keys: &[Key::at(2).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::block(
            "full-block",
            &[Arg::pure_token("full", "FULL"), Arg::integer("count").token("COUNT").optional()],
        )
        .optional(),
    ],
    handler: xinfo_stream,
    ..Command::BASE
}
.checked();

/// What `XINFO HELP` says.
const HELP: &[&str] = &[
    "XINFO <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CONSUMERS <key> <groupname>",
    "    Show consumers of <groupname>.",
    "GROUPS <key>",
    "    Show the stream consumer groups.",
    "STREAM <key> [FULL [COUNT <count>]",
    "    Show information about the stream.",
    "HELP",
    "    Print this help.",
];

/// How much of everything `FULL` shows unless told otherwise.
const FULL_COUNT: u64 = 10;

fn xinfo_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.array(HELP.len());
    HELP.iter().for_each(|line| ctx.reply.simple(line));
    Ok(())
}

fn xinfo_consumers(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, name, now) = (ctx.key(2), ctx.args.at(3), ctx.now());
    let stream = ctx.view.stream(key, Lookup::Read)?.ok_or(Error::NoSuchKey)?;
    let group = stream.group(name).ok_or_else(|| {
        let (before, between) = ("NOGROUP No such consumer group '", "' for key name '");
        Error::quoting_two(before, name, between, key.bytes(), "'")
    })?;
    let consumers = group.consumers();
    ctx.reply.array(consumers.len());
    for consumer in consumers {
        ctx.reply.map(4);
        ctx.reply.bulk("name");
        ctx.reply.bulk(consumer.name());
        ctx.reply.bulk("pending");
        ctx.reply.count(consumer.pending().len());
        ctx.reply.bulk("idle");
        ctx.reply.integer(now.saturating_sub(consumer.seen()).cast_signed());
        ctx.reply.bulk("inactive");
        ctx.reply.integer(consumer.active().map_or(-1, |active| now.saturating_sub(active).cast_signed()));
    }
    Ok(())
}

fn xinfo_groups(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let stream = ctx.view.stream(ctx.key(2), Lookup::Read)?.ok_or(Error::NoSuchKey)?;
    let groups = stream.groups();
    ctx.reply.array(groups.len());
    for group in groups {
        ctx.reply.map(6);
        ctx.reply.bulk("name");
        ctx.reply.bulk(group.name());
        ctx.reply.bulk("consumers");
        ctx.reply.count(group.consumers().len());
        ctx.reply.bulk("pending");
        ctx.reply.count(group.pending().len());
        progress(ctx.reply, stream, group);
    }
    Ok(())
}

fn xinfo_stream(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, args) = (ctx.key(2), ctx.args);
    let stream = ctx.view.stream(key, Lookup::Read)?.ok_or(Error::NoSuchKey)?;
    let full = match args.len() {
        3 => None,
        4 if args.is(3, "FULL") => Some(FULL_COUNT),
        6 if args.is(3, "FULL") && args.is(4, "COUNT") => match u64::try_from(args.integer(5)?) {
            Ok(0) => Some(u64::MAX),
            Ok(count) => Some(count),
            Err(_) => Some(FULL_COUNT),
        },
        _ => {
            let name = args.at(1);
            return Err(Error::quoting(
                "ERR unknown subcommand or wrong number of arguments for '",
                &name[..name.len().min(128)],
                "'. Try XINFO HELP.",
            ));
        }
    };
    match full {
        None => summary(ctx.reply, stream),
        Some(count) => everything(ctx.reply, stream, count),
    }
    Ok(())
}

/// `XINFO STREAM`.
fn summary(reply: &mut Reply, stream: &Stream) {
    reply.map(10);
    counters(reply, stream);
    reply.bulk("groups");
    reply.count(stream.groups().len());
    let ends = [
        ("first-entry", stream.range(StreamId::ZERO, StreamId::MAX).next()),
        ("last-entry", stream.last_entry()),
    ];
    for (name, entry) in ends {
        reply.bulk(name);
        match entry {
            Some(entry) => entries::entry(reply, entry),
            None => reply.null(),
        }
    }
}

/// `XINFO STREAM key FULL`: up to `count` entries of each kind.
fn everything(reply: &mut Reply, stream: &Stream, count: u64) {
    reply.map(9);
    counters(reply, stream);
    reply.bulk("entries");
    entries::entries(reply, stream.range(StreamId::ZERO, StreamId::MAX), count);
    reply.bulk("groups");
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let groups = stream.groups();
    reply.array(groups.len());
    for group in groups {
        reply.map(7);
        reply.bulk("name");
        reply.bulk(group.name());
        progress(reply, stream, group);
        let pending = group.pending();
        reply.bulk("pel-count");
        reply.count(pending.len());
        reply.bulk("pending");
        reply.array(pending.len().min(count));
        for pending in pending.iter().take(count) {
            reply.array(4);
            entries::id(reply, pending.id);
            reply.bulk(group.consumer(pending.consumer).name());
            reply.integer(pending.delivered.cast_signed());
            reply.integer(pending.deliveries.cast_signed());
        }
        reply.bulk("consumers");
        consumers(reply, group, count);
    }
}

fn consumers(reply: &mut Reply, group: &Group, count: usize) {
    let consumers = group.consumers();
    reply.array(consumers.len());
    for consumer in consumers {
        let pending = consumer.pending();
        reply.map(5);
        reply.bulk("name");
        reply.bulk(consumer.name());
        reply.bulk("seen-time");
        reply.integer(consumer.seen().cast_signed());
        reply.bulk("active-time");
        reply.integer(consumer.active().map_or(-1, u64::cast_signed));
        reply.bulk("pel-count");
        reply.count(pending.len());
        reply.bulk("pending");
        reply.array(pending.len().min(count));
        let number = group.consumer_named(consumer.name());
        for pending in group.pending_between(StreamId::ZERO, StreamId::MAX, number).take(count) {
            reply.array(3);
            entries::id(reply, pending.id);
            reply.integer(pending.delivered.cast_signed());
            reply.integer(pending.deliveries.cast_signed());
        }
    }
}

/// The seven pairs with which both forms of `XINFO STREAM` begin.
fn counters(reply: &mut Reply, stream: &Stream) {
    let tally = stream.tally();
    reply.bulk("length");
    reply.integer(tally.len.cast_signed());
    reply.bulk("radix-tree-keys");
    reply.count(stream.block_count());
    reply.bulk("radix-tree-nodes");
    reply.count(stream.radix_nodes());
    reply.bulk("last-generated-id");
    entries::id(reply, tally.last);
    reply.bulk("max-deleted-entry-id");
    entries::id(reply, tally.max_deleted);
    reply.bulk("entries-added");
    reply.integer(tally.entries_added.cast_signed());
    reply.bulk("recorded-first-entry-id");
    entries::id(reply, tally.first);
}

/// How far a group is.
fn progress(reply: &mut Reply, stream: &Stream, group: &Group) {
    reply.bulk("last-delivered-id");
    entries::id(reply, group.last());
    for (name, number) in [("entries-read", group.entries_read()), ("lag", stream.lag(group))] {
        reply.bulk(name);
        match number {
            Some(number) => reply.integer(number.cast_signed()),
            None => reply.null(),
        }
    }
}
