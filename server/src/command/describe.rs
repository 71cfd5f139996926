//! COMMAND: what the server says of its own commands. Nothing here knows a command; it is all read from the
//! table.

use super::Ctx;
use super::args::Args;
use super::keys::{self, KeyRef};
use super::spec::{Acl, Arg, Begin, Command, Find, Flags, Key};
use super::table::{self, Entry};
use crate::error::Error;
use crate::glob;
use crate::resp::Reply;

pub(super) const COMMANDS: &[&Command] = &[&COMMAND];

static COMMAND: Command = Command {
    name: "command",
    summary: "Returns detailed information about all commands.",
    since: "2.8.13",
    complexity: "O(N) where N is the total number of commands",
    arity: -1,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::CONNECTION,
    tips: &["nondeterministic_output_order"],
    subcommands: &[
        &COMMAND_COUNT,
        &COMMAND_DOCS,
        &COMMAND_GETKEYS,
        &COMMAND_GETKEYSANDFLAGS,
        &COMMAND_HELP,
        &COMMAND_INFO,
        &COMMAND_LIST,
    ],
    handler: command,
    ..Command::BASE
}
.checked();

static COMMAND_COUNT: Command = Command {
    name: "count",
    summary: "Returns a count of commands.",
    since: "2.8.13",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::CONNECTION,
    handler: command_count,
    ..Command::BASE
}
.checked();

static COMMAND_DOCS: Command = Command {
    name: "docs",
    summary: "Returns documentary information about one, multiple or all commands.",
    since: "7.0.0",
    complexity: "O(N) where N is the number of commands to look up",
    arity: -2,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::CONNECTION,
    tips: &["nondeterministic_output_order"],
    args: &[Arg::string("command-name").optional().multiple()],
    handler: command_docs,
    ..Command::BASE
}
.checked();

static COMMAND_GETKEYS: Command = Command {
    name: "getkeys",
    summary: "Extracts the key names from an arbitrary command.",
    since: "2.8.13",
    complexity: "O(N) where N is the number of arguments to the command",
    arity: -3,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::CONNECTION,
    args: &[Arg::string("command"), Arg::string("arg").optional().multiple()],
    handler: command_getkeys,
    ..Command::BASE
}
.checked();

static COMMAND_GETKEYSANDFLAGS: Command = Command {
    name: "getkeysandflags",
    summary: "Extracts the key names and access flags for an arbitrary command.",
    since: "7.0.0",
    complexity: "O(N) where N is the number of arguments to the command",
    arity: -3,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::CONNECTION,
    args: &[Arg::string("command"), Arg::string("arg").optional().multiple()],
    handler: command_getkeysandflags,
    ..Command::BASE
}
.checked();

static COMMAND_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::CONNECTION,
    handler: command_help,
    ..Command::BASE
}
.checked();

static COMMAND_INFO: Command = Command {
    name: "info",
    summary: "Returns information about one, multiple or all commands.",
    since: "2.8.13",
    complexity: "O(N) where N is the number of commands to look up",
    history: &[("7.0.0", "Allowed to be called with no argument to get info on all commands.")],
    arity: -2,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::CONNECTION,
    tips: &["nondeterministic_output_order"],
    args: &[Arg::string("command-name").optional().multiple()],
    handler: command_info,
    ..Command::BASE
}
.checked();

static COMMAND_LIST: Command = Command {
    name: "list",
    summary: "Returns a list of command names.",
    since: "7.0.0",
    complexity: "O(N) where N is the total number of commands",
    arity: -2,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::CONNECTION,
    tips: &["nondeterministic_output_order"],
    args: &[Arg::one_of(
        "filterby",
        &[
            Arg::string("module-name").token("MODULE"),
            Arg::string("category").token("ACLCAT"),
            Arg::pattern("pattern").token("PATTERN"),
        ],
    )
    .token("FILTERBY")
    .optional()],
    handler: command_list,
    ..Command::BASE
}
.checked();

fn command(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    all_infos(ctx.reply);
    Ok(())
}

fn command_count(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.count(table::commands().count());
    Ok(())
}

fn command_info(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if ctx.args.len() == 2 {
        all_infos(ctx.reply);
        return Ok(());
    }
    let names = ctx.args.skip(2);
    ctx.reply.array(names.len());
    for name in names.iter() {
        match table::lookup_full(name) {
            Some(entry) => info(ctx.reply, entry),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

fn command_docs(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    if ctx.args.len() == 2 {
        ctx.reply.map(table::commands().count());
        for entry in table::commands() {
            ctx.reply.bulk(entry.full_name());
            docs(ctx.reply, entry);
        }
        return Ok(());
    }
    let names = ctx.args.skip(2);
    // A name that is asked for twice is answered twice, an unknown one not at all.
    let found = || names.iter().filter_map(table::lookup_full);
    ctx.reply.map(found().count());
    for entry in found() {
        ctx.reply.bulk(entry.full_name());
        docs(ctx.reply, entry);
    }
    Ok(())
}

fn command_getkeys(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (call, keys) = keys_of_call(ctx.args)?;
    ctx.reply.array(keys.len());
    for key in keys {
        ctx.reply.bulk(call.at(key.index));
    }
    Ok(())
}

fn command_getkeysandflags(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (call, keys) = keys_of_call(ctx.args)?;
    ctx.reply.array(keys.len());
    for key in keys {
        ctx.reply.array(2);
        ctx.reply.bulk(call.at(key.index));
        simple_set(ctx.reply, key.flags.names());
    }
    Ok(())
}

fn command_list(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let args = ctx.args;
    let Some(filter) = Filter::parse(&args) else { return Err(Error::Syntax) };
    let chosen = || table::entries().iter().filter(|entry| filter.chooses(entry));
    ctx.reply.array(chosen().count());
    for entry in chosen() {
        ctx.reply.bulk(entry.full_name());
    }
    Ok(())
}

fn command_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "(no subcommand)",
    "    Return details about all commands.",
    "COUNT",
    "    Return the total number of commands in this server.",
    "LIST",
    "    Return a list of all commands in this server.",
    "INFO [<command-name> ...]",
    "    Return details about multiple commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "DOCS [<command-name> ...]",
    "    Return documentation details about multiple commands.",
    "    If no command names are given, documentation details for all",
    "    commands are returned.",
    "GETKEYS <full-command>",
    "    Return the keys from a full command.",
    "GETKEYSANDFLAGS <full-command>",
    "    Return the keys and the access flags from a full command.",
];

/// The answer to HELP of a container: `lines` is what Valkey says of its subcommands, without the first line
/// and without what it says of HELP itself.
pub(super) fn help(ctx: &mut Ctx<'_, '_>, lines: &[&str]) {
    let name = String::from_utf8_lossy(ctx.args.at(0)).to_ascii_uppercase();
    ctx.reply.array(lines.len() + 3);
    ctx.reply.simple(&format!("{name} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:"));
    for line in lines.iter().chain(&["HELP", "    Print this help."]) {
        ctx.reply.simple(line);
    }
}

/// Which commands COMMAND LIST names.
enum Filter<'a> {
    All,
    /// There are no modules, so none.
    Module,
    /// Nothing for a category that does not exist.
    Category(Option<Acl>),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(args: &Args<'a>) -> Option<Self> {
        if args.len() == 2 {
            return Some(Self::All);
        }
        if args.len() != 5 || !args.is(2, "filterby") {
            return None;
        }
        let value = args.at(4);
        match () {
            () if args.is(3, "module") => Some(Self::Module),
            () if args.is(3, "aclcat") => {
                let named = Acl::NAMES.iter().find(|(_, name)| name.as_bytes().eq_ignore_ascii_case(value));
                Some(Self::Category(named.map(|(category, _)| *category)))
            }
            () if args.is(3, "pattern") => Some(Self::Pattern(value)),
            () => None,
        }
    }

    fn chooses(&self, entry: &Entry) -> bool {
        match self {
            Self::All => true,
            Self::Module | Self::Category(None) => false,
            Self::Category(Some(category)) => entry.categories().has(*category),
            Self::Pattern(pattern) => {
                glob::matches(pattern, entry.full_name().as_bytes(), glob::Case::Insensitive)
            }
        }
    }
}

/// The call that follows COMMAND GETKEYS, and its keys.
fn keys_of_call<'a>(args: Args<'a>) -> Result<(Args<'a>, Vec<KeyRef>), Error> {
    let call = Args::from(args.skip(2));
    let Ok(entry) = table::resolve(&call) else { return Err(Error::Text("ERR Invalid command specified")) };
    if entry.keys().is_none() {
        return Err(Error::Text("ERR The command has no key arguments"));
    }
    if !entry.accepts(call.len()) {
        return Err(Error::Text("ERR Invalid number of arguments specified for command"));
    }
    let mut keys = Vec::new();
    let mut found = keys::for_each(entry, &call, |key| keys.push(key));
    if found.is_err() {
        keys.clear();
        found = keys::by_old_rules(entry, &call, &mut |key| keys.push(key));
    }
    if (found.is_err() || keys.is_empty()) && !entry.flags.has(Flags::NO_MANDATORY_KEYS) {
        return Err(Error::Text("ERR Invalid arguments specified for command"));
    }
    Ok((call, keys))
}

fn all_infos(reply: &mut Reply) {
    reply.array(table::commands().count());
    for entry in table::commands() {
        info(reply, entry);
    }
}

/// One element of COMMAND INFO.
fn info(reply: &mut Reply, entry: &Entry) {
    let (first, last, step) = keys::legacy_range(entry);
    reply.array(10);
    reply.bulk(entry.full_name());
    reply.integer(entry.arity.into());
    simple_set(reply, flag_names(entry));
    reply.integer(first);
    reply.integer(last);
    reply.integer(step);
    let categories: Vec<String> = entry.categories().names().map(|name| format!("@{name}")).collect();
    simple_set(reply, categories.iter().map(String::as_str));
    reply.set(entry.tips.len());
    for tip in entry.tips {
        reply.bulk(tip);
    }
    reply.set(entry.keys.len());
    for key in entry.keys {
        key_info(reply, key);
    }
    reply.array(entry.subcommands().len());
    for sub in entry.subcommands() {
        info(reply, sub);
    }
}

/// Its flags, and between those of Valkey the one that follows from its keys.
fn flag_names(command: &Command) -> impl Iterator<Item = &'static str> {
    let movable = keys::is_movable(command).then_some("movablekeys");
    let names = command.flags.names();
    let (before, after): (Vec<_>, Vec<_>) = names.partition(|name| *name != "allow_busy");
    before.into_iter().chain(movable).chain(after)
}

fn key_info(reply: &mut Reply, key: &Key) {
    reply.map(if key.note.is_empty() { 3 } else { 4 });
    if !key.note.is_empty() {
        reply.bulk("notes");
        reply.bulk(key.note);
    }
    reply.bulk("flags");
    simple_set(reply, key.flags.names());

    reply.bulk("begin_search");
    match key.begin {
        Begin::At(index) => {
            specification(reply, "index", 1);
            pair(reply, "index", index);
        }
        Begin::Keyword { word, from } => {
            specification(reply, "keyword", 2);
            reply.bulk("keyword");
            reply.bulk(word);
            pair(reply, "startfrom", from);
        }
        Begin::Unknown => specification(reply, "unknown", 0),
    }

    reply.bulk("find_keys");
    match key.find {
        Find::Range { last, step, limit } => {
            specification(reply, "range", 3);
            pair(reply, "lastkey", last);
            pair(reply, "keystep", step);
            pair(reply, "limit", limit);
        }
        Find::Counted { count, first, step } => {
            specification(reply, "keynum", 3);
            pair(reply, "keynumidx", count);
            pair(reply, "firstkey", first);
            pair(reply, "keystep", step);
        }
        Find::Unknown => specification(reply, "unknown", 0),
    }
}

/// The beginning of a map with a type and, nested, so many pairs.
fn specification(reply: &mut Reply, kind: &str, pairs: usize) {
    reply.map(2);
    text(reply, "type", kind);
    reply.bulk("spec");
    reply.map(pairs);
}

/// The value of a command in COMMAND DOCS.
fn docs(reply: &mut Reply, entry: &Entry) {
    let map = reply.defer_map();
    let mut pairs = 3;
    text(reply, "summary", entry.summary);
    text(reply, "since", entry.since);
    text(reply, "group", entry.group().name());
    pairs += text(reply, "complexity", entry.complexity);
    if entry.syscmd || entry.deprecated.is_some() {
        pairs += 1;
        reply.bulk("doc_flags");
        let flags = [(entry.deprecated.is_some(), "deprecated"), (entry.syscmd, "syscmd")];
        simple_set(reply, flags.iter().filter(|(set, _)| *set).map(|(_, name)| *name));
    }
    if let Some(deprecated) = &entry.deprecated {
        pairs += text(reply, "deprecated_since", deprecated.since);
        pairs += text(reply, "replaced_by", deprecated.replaced_by);
    }
    if !entry.history.is_empty() {
        pairs += 1;
        reply.bulk("history");
        reply.set(entry.history.len());
        for (version, change) in entry.history {
            reply.array(2);
            reply.bulk(version);
            reply.bulk(change);
        }
    }
    if !entry.args.is_empty() {
        pairs += 1;
        reply.bulk("arguments");
        args_docs(reply, entry.args);
    }
    if !entry.subcommands().is_empty() {
        pairs += 1;
        reply.bulk("subcommands");
        reply.map(entry.subcommands().len());
        for sub in entry.subcommands() {
            reply.bulk(sub.full_name());
            docs(reply, sub);
        }
    }
    reply.fill(map, pairs);
}

fn args_docs(reply: &mut Reply, args: &[Arg]) {
    reply.array(args.len());
    for arg in args {
        let map = reply.defer_map();
        let mut pairs = 2;
        text(reply, "name", arg.name);
        text(reply, "type", arg.kind.name());
        pairs += text(reply, "display_text", arg.display_text().unwrap_or_default());
        if let Some(index) = arg.key_spec {
            pairs += 1;
            pair(reply, "key_spec_index", index);
        }
        if let Some(token) = arg.token {
            // MIGRATE has an empty one.
            pairs += 1;
            reply.bulk("token");
            reply.bulk(token);
        }
        pairs += text(reply, "summary", arg.summary);
        pairs += text(reply, "since", arg.since);
        pairs += text(reply, "deprecated_since", arg.deprecated_since);
        if !arg.flags.is_none() {
            pairs += 1;
            reply.bulk("flags");
            simple_set(reply, arg.flags.names());
        }
        if !arg.args().is_empty() {
            pairs += 1;
            reply.bulk("arguments");
            args_docs(reply, arg.args());
        }
        reply.fill(map, pairs);
    }
}

/// A pair of a map, left out if there is no text. Returns how many pairs it wrote.
fn text(reply: &mut Reply, name: &str, text: &str) -> usize {
    if text.is_empty() {
        return 0;
    }
    reply.bulk(name);
    reply.bulk(text);
    1
}

fn pair(reply: &mut Reply, name: &str, value: impl Into<i64>) {
    reply.bulk(name);
    reply.integer(value.into());
}

fn simple_set<'a>(reply: &mut Reply, names: impl Iterator<Item = &'a str>) {
    let set = reply.defer_set();
    let mut count = 0;
    for name in names {
        reply.simple(name);
        count += 1;
    }
    reply.fill(set, count);
}
