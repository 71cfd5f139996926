//! OBJECT: facts about a value. Asking does not count as using it.

use scrubjay::{Lookup, Meta};

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static OBJECT: Command = Command {
    name: "object",
    summary: "A container for object introspection commands.",
    since: "2.2.3",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[&OBJECT_ENCODING, &OBJECT_FREQ, &OBJECT_HELP, &OBJECT_IDLETIME, &OBJECT_REFCOUNT],
    ..Command::BASE
}
.checked();

pub(super) static OBJECT_ENCODING: Command = Command {
    name: "encoding",
    summary: "Returns the internal encoding of an object.",
    since: "2.2.3",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::READONLY,
    acl: Acl::KEYSPACE,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(2).ro()],
    args: &[Arg::key("key")],
    handler: object_encoding,
    ..Command::BASE
}
.checked();

pub(super) static OBJECT_FREQ: Command = Command {
    name: "freq",
    summary: "Returns the logarithmic access frequency counter of an object.",
    since: "4.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::READONLY,
    acl: Acl::KEYSPACE,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(2).ro()],
    args: &[Arg::key("key")],
    handler: object_freq,
    ..Command::BASE
}
.checked();

pub(super) static OBJECT_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "6.2.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::KEYSPACE,
    handler: object_help,
    ..Command::BASE
}
.checked();

pub(super) static OBJECT_IDLETIME: Command = Command {
    name: "idletime",
    summary: "Returns the time since the last access to an object.",
    since: "2.2.3",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::READONLY,
    acl: Acl::KEYSPACE,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(2).ro()],
    args: &[Arg::key("key")],
    handler: object_idletime,
    ..Command::BASE
}
.checked();

pub(super) static OBJECT_REFCOUNT: Command = Command {
    name: "refcount",
    summary: "Returns the reference count of a value of a key.",
    since: "2.2.3",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::READONLY,
    acl: Acl::KEYSPACE,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(2).ro()],
    args: &[Arg::key("key")],
    handler: object_refcount,
    ..Command::BASE
}
.checked();

/// What `OBJECT HELP` says between its first line and its last two.
const HELP: &[&str] = &[
    "ENCODING <key>",
    "    Return the kind of internal representation used in order to store the value",
    "    associated with a <key>.",
    "FREQ <key>",
    "    Return the access frequency index of the <key>. The returned integer is",
    "    proportional to the logarithm of the recent access frequency of the key.",
    "IDLETIME <key>",
    "    Return the idle time of the <key>, that is the approximated number of",
    "    seconds elapsed since the last access to the key.",
    "REFCOUNT <key>",
    "    Return the number of references of the value associated with the specified",
    "    <key>.",
];

const ENDING: &[&str] = &["HELP", "    Print this help."];

fn object_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.array(1 + HELP.len() + ENDING.len());
    ctx.reply.simple("OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
    for line in HELP.iter().chain(ENDING) {
        ctx.reply.simple(line);
    }
    Ok(())
}

fn object_encoding(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let encoding = look_up(ctx).map(|meta| meta.encoding.name());
    ctx.reply.bulk_or_null(encoding);
    Ok(())
}

fn object_refcount(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    match look_up(ctx) {
        Some(_) => ctx.reply.integer(1),
        None => ctx.reply.null(),
    }
    Ok(())
}

fn object_freq(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    match look_up(ctx) {
        Some(_) if !counts_uses(ctx) => {
            return Err(Error::Text(
                "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that \
                 when switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Some(meta) => ctx.reply.integer(meta.frequency.into()),
        None => ctx.reply.null(),
    }
    Ok(())
}

fn object_idletime(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    match look_up(ctx) {
        Some(_) if counts_uses(ctx) => {
            return Err(Error::Text(
                "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when \
                 switching between policies at runtime LRU and LFU data will take some time to adjust.",
            ));
        }
        Some(meta) => ctx.reply.integer(meta.idle_s.cast_signed()),
        None => ctx.reply.null(),
    }
    Ok(())
}

fn look_up(ctx: &mut Ctx<'_, '_>) -> Option<Meta> {
    ctx.view.meta(ctx.key(2), Lookup::Inspect)
}

/// Whether the policy has entries count their uses instead of noting when the last was.
fn counts_uses(ctx: &Ctx<'_, '_>) -> bool {
    ctx.shared.store.policy().0.is_lfu()
}
