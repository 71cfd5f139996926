//! XGROUP: the groups of a stream, and their consumers.

use scrubjay::{GroupStart, Lookup, Missing, StreamError};

use super::ids::{self, End};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static XGROUP: Command = Command {
    name: "xgroup",
    summary: "A container for consumer groups commands.",
    since: "5.0.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &XGROUP_CREATE,
        &XGROUP_CREATECONSUMER,
        &XGROUP_DELCONSUMER,
        &XGROUP_DESTROY,
        &XGROUP_HELP,
        &XGROUP_SETID,
    ],
    ..Command::BASE
}
.checked();

pub(super) static XGROUP_CREATE: Command = Command {
    name: "create",
    summary: "Creates a consumer group.",
    since: "5.0.0",
    complexity: "O(1)",
    history: &[("7.0.0", "Added the `entries_read` named argument.")],
    arity: -5,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::STREAM,
    keys: &[Key::at(2).rw().insert()],
    args: &[
        Arg::key("key"),
        Arg::string("group"),
        Arg::one_of("id-selector", &[Arg::string("id"), Arg::pure_token("new-id", "$")]),
        Arg::pure_token("mkstream", "MKSTREAM").optional(),
        Arg::integer("entriesread").token("ENTRIESREAD").display("entries-read").optional(),
    ],
    handler: xgroup_create,
    ..Command::BASE
}
.checked();

pub(super) static XGROUP_CREATECONSUMER: Command = Command {
    name: "createconsumer",
    summary: "Creates a consumer in a consumer group.",
    since: "6.2.0",
    complexity: "O(1)",
    arity: 5,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::STREAM,
    keys: &[Key::at(2).rw().insert()],
    args: &[Arg::key("key"), Arg::string("group"), Arg::string("consumer")],
    handler: xgroup_createconsumer,
    ..Command::BASE
}
.checked();

pub(super) static XGROUP_DELCONSUMER: Command = Command {
    name: "delconsumer",
    summary: "Deletes a consumer from a consumer group.",
    since: "5.0.0",
    complexity: "O(1)",
    arity: 5,
    flags: Flags::WRITE,
    acl: Acl::STREAM,
    keys: &[Key::at(2).rw().delete()],
    args: &[Arg::key("key"), Arg::string("group"), Arg::string("consumer")],
    handler: xgroup_delconsumer,
    ..Command::BASE
}
.checked();

pub(super) static XGROUP_DESTROY: Command = Command {
    name: "destroy",
    summary: "Destroys a consumer group.",
    since: "5.0.0",
    complexity: "O(N) where N is the number of entries in the group's pending entries list (PEL).",
    arity: 4,
    flags: Flags::WRITE,
    acl: Acl::STREAM,
    keys: &[Key::at(2).rw().delete()],
    args: &[Arg::key("key"), Arg::string("group")],
    handler: xgroup_destroy,
    ..Command::BASE
}
.checked();

pub(super) static XGROUP_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::STREAM,
    handler: xgroup_help,
    ..Command::BASE
}
.checked();

pub(super) static XGROUP_SETID: Command = Command {
    name: "setid",
    summary: "Sets the last-delivered ID of a consumer group.",
    since: "5.0.0",
    complexity: "O(1)",
    history: &[("7.0.0", "Added the optional `entries_read` argument.")],
    arity: -5,
    flags: Flags::WRITE,
    acl: Acl::STREAM,
    keys: &[Key::at(2).rw().update()],
    args: &[
        Arg::key("key"),
        Arg::string("group"),
        Arg::one_of("id-selector", &[Arg::string("id"), Arg::pure_token("new-id", "$")]),
        Arg::integer("entriesread").token("ENTRIESREAD").display("entries-read").optional(),
    ],
    handler: xgroup_setid,
    ..Command::BASE
}
.checked();

/// What `XGROUP HELP` says.
const HELP: &[&str] = &[
    "XGROUP <subcommand> [<arg> [value] [opt] ...]. Subcommands are:",
    "CREATE <key> <groupname> <id|$> [option]",
    "    Create a new consumer group. Options are:",
    "    * MKSTREAM",
    "      Create the empty stream if it does not exist.",
    "    * ENTRIESREAD entries_read",
    "      Set the group's entries_read counter (internal use).",
    "CREATECONSUMER <key> <groupname> <consumer>",
    "    Create a new consumer in the specified group.",
    "DELCONSUMER <key> <groupname> <consumer>",
    "    Remove the specified consumer.",
    "DESTROY <key> <groupname>",
    "    Remove the specified group.",
    "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
    "    Set the current group ID and entries_read counter.",
    "HELP",
    "    Print this help.",
];

const NO_KEY: Error = Error::Text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the \
     MKSTREAM option to create an empty stream automatically.",
);

/// The options of CREATE and SETID.
#[derive(Debug)]
struct Options {
    missing: Missing,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(ctx: &Ctx<'_, '_>, may_make: bool) -> Result<Self, Error> {
        let (args, mut index) = (ctx.args, 5);
        let mut options = Self { missing: Missing::Skip, entries_read: None };
        while index < args.len() {
            if may_make && args.is(index, "MKSTREAM") {
                options.missing = Missing::Create;
                index += 1;
            } else if args.is(index, "ENTRIESREAD") && index + 1 < args.len() {
                let read = args.integer(index + 1)?;
                if read < -1 {
                    return Err(Error::Text("ERR value for ENTRIESREAD must be positive or -1"));
                }
                options.entries_read = u64::try_from(read).ok();
                index += 2;
            } else {
                return Err(wrong_arguments(ctx));
            }
        }
        Ok(options)
    }
}

fn wrong_arguments(ctx: &Ctx<'_, '_>) -> Error {
    let name = ctx.args.at(1);
    Error::quoting(
        "ERR unknown subcommand or wrong number of arguments for '",
        &name[..name.len().min(128)],
        "'. Try XGROUP HELP.",
    )
}

fn worded(error: StreamError, ctx: &Ctx<'_, '_>) -> Error {
    match error {
        StreamError::NoSuchKey => NO_KEY,
        StreamError::NoSuchGroup => Error::quoting_two(
            "NOGROUP No such consumer group '",
            ctx.args.at(3),
            "' for key name '",
            ctx.args.at(2),
            "'",
        ),
        other => other.into(),
    }
}

fn xgroup_create(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    /// With every option once.
    const WORDS_MAX: usize = 8;
    let (key, args) = (ctx.key(2), ctx.args);
    let options = Options::parse(ctx, true)?;
    if ctx.view.stream(key, Lookup::Write)?.is_none() && options.missing == Missing::Skip {
        return Err(NO_KEY);
    }
    if args.len() > WORDS_MAX {
        return Err(wrong_arguments(ctx));
    }
    let start = match ids::c_string(args.at(4)) {
        b"$" => GroupStart::New,
        _ => GroupStart::After(ids::id(args.at(4))?),
    };
    let made = ctx.view.stream_create_group(key, options.missing, args.at(3), start, options.entries_read);
    made.map_err(|error| worded(error, ctx))?;
    ctx.reply.ok();
    Ok(())
}

fn xgroup_setid(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    /// With its option once.
    const WORDS_MAX: usize = 7;
    let (key, args) = (ctx.key(2), ctx.args);
    let options = Options::parse(ctx, false)?;
    let stream = ctx.view.stream(key, Lookup::Write)?.ok_or(NO_KEY)?;
    if stream.group(args.at(3)).is_none() {
        return Err(worded(StreamError::NoSuchGroup, ctx));
    }
    if args.len() > WORDS_MAX {
        return Err(wrong_arguments(ctx));
    }
    let start = match ids::c_string(args.at(4)) {
        b"$" => GroupStart::New,
        _ => GroupStart::After(ids::id_or_end(args.at(4), End::First)?),
    };
    let set = ctx.view.stream_set_group(key, args.at(3), start, options.entries_read);
    set.map_err(|error| worded(error, ctx))?;
    ctx.reply.ok();
    Ok(())
}

fn xgroup_createconsumer(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let joined = ctx.view.stream_create_consumer(ctx.key(2), ctx.args.at(3), ctx.args.at(4));
    let joined = joined.map_err(|error| worded(error, ctx))?;
    ctx.reply.integer(joined.into());
    Ok(())
}

fn xgroup_delconsumer(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let pending = ctx.view.stream_remove_consumer(ctx.key(2), ctx.args.at(3), ctx.args.at(4));
    let pending = pending.map_err(|error| worded(error, ctx))?;
    ctx.reply.count(pending.unwrap_or(0));
    Ok(())
}

fn xgroup_destroy(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let destroyed = ctx.view.stream_destroy_group(ctx.key(2), ctx.args.at(3));
    let destroyed = destroyed.map_err(|error| worded(error, ctx))?;
    ctx.reply.integer(destroyed.into());
    Ok(())
}

fn xgroup_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.array(HELP.len());
    HELP.iter().for_each(|line| ctx.reply.simple(line));
    Ok(())
}
