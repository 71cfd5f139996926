//! COMMAND: what the server says of its own commands. Nothing here knows a command; it is all read from the
//! table.
//!
//! A server that passes for Redis tells of what Redis has, and since when Redis has it. The sentences stay
//! Valkey's.

use super::Ctx;
use super::apart::Refusers;
use super::args::Args;
use super::keys::{self, KeyRef};
use super::spec::{Acl, Arg, Begin, Command, Find, Flags, Key};
use super::table::{self, Entry};
use crate::config::{Compat, Config};
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
    all_infos(ctx.reply, ctx.shared.config.compat());
    Ok(())
}

fn command_count(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.count(commands(ctx.shared.config.compat()).count());
    Ok(())
}

fn command_info(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let compat = ctx.shared.config.compat();
    if ctx.args.len() == 2 {
        all_infos(ctx.reply, compat);
        return Ok(());
    }
    let names = ctx.args.skip(2);
    ctx.reply.array(names.len());
    for name in names.iter() {
        match lookup(name, compat) {
            Some(entry) => info(ctx.reply, entry, compat),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

fn command_docs(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let compat = ctx.shared.config.compat();
    if ctx.args.len() == 2 {
        ctx.reply.map(commands(compat).count());
        for entry in commands(compat) {
            ctx.reply.bulk(entry.full_name());
            docs(ctx.reply, entry, compat);
        }
        return Ok(());
    }
    let names = ctx.args.skip(2);
    // A name that is asked for twice is answered twice, an unknown one not at all.
    let found = || names.iter().filter_map(|name| lookup(name, compat));
    ctx.reply.map(found().count());
    for entry in found() {
        ctx.reply.bulk(entry.full_name());
        docs(ctx.reply, entry, compat);
    }
    Ok(())
}

fn command_getkeys(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (call, keys) = keys_of_call(ctx.args, &ctx.shared.config)?;
    ctx.reply.array(keys.len());
    for key in keys {
        ctx.reply.bulk(call.at(key.index));
    }
    Ok(())
}

fn command_getkeysandflags(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (call, keys) = keys_of_call(ctx.args, &ctx.shared.config)?;
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
    let compat = ctx.shared.config.compat();
    let known = || table::entries().iter().filter(|entry| entry.is_known_to(compat));
    let chosen = || known().filter(|entry| filter.chooses(entry));
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
fn keys_of_call<'a>(args: Args<'a>, config: &Config) -> Result<(Args<'a>, Vec<KeyRef>), Error> {
    let call = Args::from(args.skip(2));
    let Ok(entry) = table::resolve(&call, config) else {
        return Err(Error::Text("ERR Invalid command specified"));
    };
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

/// All commands that the server has, without subcommands.
fn commands(compat: Compat) -> impl Iterator<Item = &'static Entry> {
    table::commands().filter(move |entry| entry.is_known_to(compat))
}

/// The command of this full name, if the server has it.
fn lookup(name: &[u8], compat: Compat) -> Option<&'static Entry> {
    table::lookup_full(name).filter(|entry| entry.is_known_to(compat))
}

/// The subcommands that the server has.
fn subcommands(entry: &Entry, compat: Compat) -> impl Iterator<Item = &'static Entry> {
    entry.subcommands().iter().filter(move |sub| sub.is_known_to(compat))
}

fn all_infos(reply: &mut Reply, compat: Compat) {
    reply.array(commands(compat).count());
    for entry in commands(compat) {
        info(reply, entry, compat);
    }
}

/// One element of COMMAND INFO.
fn info(reply: &mut Reply, entry: &Entry, compat: Compat) {
    let (first, last, step) = keys::legacy_range(entry);
    reply.array(10);
    reply.bulk(entry.full_name());
    reply.integer(entry.arity.into());
    simple_set(reply, flag_names(entry, compat));
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
    match subcommands(entry, compat).count() {
        0 if !compat.is_valkey() => reply.set(0),
        count => reply.array(count),
    }
    for sub in subcommands(entry, compat) {
        info(reply, sub, compat);
    }
}

/// Its flags, and between those of Valkey the one that follows from its keys.
fn flag_names(command: &Command, compat: Compat) -> impl Iterator<Item = &'static str> {
    let movable = keys::is_movable(command).then_some("movablekeys");
    let names = command.flags.names().map(|name| match name {
        "skip_commandlog" if !compat.is_valkey() => "skip_slowlog",
        name => name,
    });
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
fn docs(reply: &mut Reply, entry: &Entry, compat: Compat) {
    let map = reply.defer_map();
    let mut pairs = 3;
    text(reply, "summary", entry.summary);
    text(reply, "since", since(compat, entry.since, entry.redis));
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
    // What changed after the two had parted is Valkey's own business.
    let history =
        || entry.history.iter().filter(|(version, _)| compat.is_valkey() || !is_valkeys_own(version));
    if history().count() > 0 {
        pairs += 1;
        reply.bulk("history");
        reply.set(history().count());
        for (version, change) in history() {
            reply.array(2);
            reply.bulk(version);
            reply.bulk(change);
        }
    }
    if !entry.args.is_empty() {
        pairs += 1;
        reply.bulk("arguments");
        args_docs(reply, entry.args, compat);
    }
    if !entry.subcommands().is_empty() {
        pairs += 1;
        reply.bulk("subcommands");
        reply.map(subcommands(entry, compat).count());
        for sub in subcommands(entry, compat) {
            reply.bulk(sub.full_name());
            docs(reply, sub, compat);
        }
    }
    reply.fill(map, pairs);
}

/// Since when the server has it that this one passes for.
fn since<'a>(compat: Compat, valkey: &'a str, redis: &'a str) -> &'a str {
    if compat.is_valkey() || redis.is_empty() || valkey.is_empty() { valkey } else { redis }
}

fn is_valkeys_own(version: &str) -> bool {
    !Refusers::of(version, "").is_empty()
}

/// Whether the server has it, or something of it.
fn is_known(arg: &Arg, compat: Compat) -> bool {
    table::knows(compat, arg.refusers())
        && (arg.args().is_empty() || arg.args().iter().any(|part| is_known(part, compat)))
}

fn args_docs(reply: &mut Reply, args: &[Arg], compat: Compat) {
    let args = || args.iter().filter(|arg| is_known(arg, compat));
    reply.array(args().count());
    for arg in args() {
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
        pairs += text(reply, "since", since(compat, arg.since, arg.redis));
        pairs += text(reply, "deprecated_since", arg.deprecated_since);
        if !arg.flags.is_none() {
            pairs += 1;
            reply.bulk("flags");
            simple_set(reply, arg.flags.names());
        }
        if !arg.args().is_empty() {
            pairs += 1;
            reply.bulk("arguments");
            args_docs(reply, arg.args(), compat);
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
