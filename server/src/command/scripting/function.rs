//! FUNCTION: libraries of functions.

use std::sync::atomic::Ordering::Relaxed;

use scrubjay::dump::{NotLibraries, Payload, Trust, libraries_payload};

use crate::command::Ctx;
use crate::command::describe::help;
use crate::command::spec::{Acl, Arg, Command, Flags};
use crate::config::Compat;
use crate::config::VersionCheck;
use crate::error::Error;
use crate::glob::{self, Case};
use crate::resp::Reply;
use crate::script::engine::{Host, Interrupt};
use crate::script::functions::{self, Library, Namesake};
use crate::script::running::{Killer, Program};
use crate::script::thread;
use crate::shared::Shared;

pub(super) static FUNCTION: Command = Command {
    name: "function",
    summary: "A container for function commands.",
    since: "7.0.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &FUNCTION_DELETE,
        &FUNCTION_DUMP,
        &FUNCTION_FLUSH,
        &FUNCTION_HELP,
        &FUNCTION_KILL,
        &FUNCTION_LIST,
        &FUNCTION_LOAD,
        &FUNCTION_RESTORE,
        &FUNCTION_STATS,
    ],
    ..Command::BASE
}
.checked();

const ON_ALL: &[&str] = &["request_policy:all_shards", "response_policy:all_succeeded"];

pub(super) static FUNCTION_DELETE: Command = Command {
    name: "delete",
    summary: "Deletes a library and its functions.",
    since: "7.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::WRITE.or(Flags::NOSCRIPT),
    acl: Acl::SCRIPTING,
    tips: ON_ALL,
    args: &[Arg::string("library-name")],
    handler: delete,
    ..Command::BASE
}
.checked();

pub(super) static FUNCTION_DUMP: Command = Command {
    name: "dump",
    summary: "Dumps all libraries into a serialized binary payload.",
    since: "7.0.0",
    complexity: "O(N) where N is the number of functions",
    arity: 2,
    flags: Flags::NOSCRIPT,
    acl: Acl::SCRIPTING,
    handler: dump,
    ..Command::BASE
}
.checked();

pub(super) static FUNCTION_FLUSH: Command = Command {
    name: "flush",
    summary: "Deletes all libraries and functions.",
    since: "7.0.0",
    complexity: "O(N) where N is the number of functions deleted",
    arity: -2,
    flags: Flags::WRITE.or(Flags::NOSCRIPT),
    acl: Acl::SCRIPTING,
    tips: ON_ALL,
    args: &[Arg::one_of("flush-type", &[Arg::pure_token("async", "ASYNC"), Arg::pure_token("sync", "SYNC")])
        .optional()],
    handler: flush,
    ..Command::BASE
}
.checked();

pub(super) static FUNCTION_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "7.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::SCRIPTING,
    handler: function_help,
    ..Command::BASE
}
.checked();

pub(super) static FUNCTION_KILL: Command = Command {
    name: "kill",
    summary: "Terminates a function during execution.",
    since: "7.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::NOSCRIPT.or(Flags::ALLOW_BUSY),
    acl: Acl::SCRIPTING,
    tips: &["request_policy:all_shards", "response_policy:one_succeeded"],
    handler: kill,
    ..Command::BASE
}
.checked();

pub(super) static FUNCTION_LIST: Command = Command {
    name: "list",
    summary: "Returns information about all libraries.",
    since: "7.0.0",
    complexity: "O(N) where N is the number of functions",
    arity: -2,
    flags: Flags::NOSCRIPT,
    acl: Acl::SCRIPTING,
    tips: &["nondeterministic_output_order"],
    args: &[
        Arg::string("library-name-pattern").token("LIBRARYNAME").optional(),
        Arg::pure_token("withcode", "WITHCODE").optional(),
    ],
    handler: list,
    ..Command::BASE
}
.checked();

pub(super) static FUNCTION_LOAD: Command = Command {
    name: "load",
    summary: "Creates a library.",
    since: "7.0.0",
    complexity: "O(1) (considering compilation time is redundant)",
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::NOSCRIPT),
    acl: Acl::SCRIPTING,
    tips: ON_ALL,
    args: &[Arg::pure_token("replace", "REPLACE").optional(), Arg::string("function-code")],
    handler: load,
    ..Command::BASE
}
.checked();

pub(super) static FUNCTION_RESTORE: Command = Command {
    name: "restore",
    summary: "Restores all libraries from a payload.",
    since: "7.0.0",
    complexity: "O(N) where N is the number of functions on the payload",
    arity: -3,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::NOSCRIPT),
    acl: Acl::SCRIPTING,
    tips: ON_ALL,
    args: &[
        Arg::string("serialized-value"),
        Arg::one_of(
            "policy",
            &[
                Arg::pure_token("flush", "FLUSH"),
                Arg::pure_token("append", "APPEND"),
                Arg::pure_token("replace", "REPLACE"),
            ],
        )
        .optional(),
    ],
    handler: restore,
    ..Command::BASE
}
.checked();

pub(super) static FUNCTION_STATS: Command = Command {
    name: "stats",
    summary: "Returns information about a function during execution.",
    since: "7.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::NOSCRIPT.or(Flags::ALLOW_BUSY),
    acl: Acl::SCRIPTING,
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    handler: stats,
    ..Command::BASE
}
.checked();

/// What `FUNCTION HELP` says between its first line and its last two.
const HELP: &[&str] = &[
    "LOAD [REPLACE] <FUNCTION CODE>",
    "    Create a new library with the given library name and code.",
    "DELETE <LIBRARY NAME>",
    "    Delete the given library.",
    "LIST [LIBRARYNAME PATTERN] [WITHCODE]",
    "    Return general information on all the libraries:",
    "    * Library name",
    "    * The engine used to run the Library",
    "    * Functions list",
    "    * Library code (if WITHCODE is given)",
    "    It also possible to get only function that matches a pattern using LIBRARYNAME argument.",
    "STATS",
    "    Return information about the current function running:",
    "    * Function name",
    "    * Command used to run the function",
    "    * Duration in MS that the function is running",
    "    If no function is running, return nil",
    "    In addition, returns a list of available engines.",
    "KILL",
    "    Kill the current running function.",
    "FLUSH [ASYNC|SYNC]",
    "    Delete all the libraries.",
    "    When called without the optional mode argument, the behavior is determined by the",
    "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
    "    * ASYNC: Asynchronously flush the libraries.",
    "    * SYNC: Synchronously flush the libraries.",
    "DUMP",
    "    Return a serialized payload representing the current libraries, can be restored using FUNCTION RESTORE \
     command",
    "RESTORE <PAYLOAD> [FLUSH|APPEND|REPLACE]",
    "    Restore the libraries represented by the given payload, it is possible to give a restore policy to",
    "    control how to handle existing libraries (default APPEND):",
    "    * FLUSH: delete all existing libraries.",
    "    * APPEND: appends the restored libraries to the existing libraries. On collision, abort.",
    "    * REPLACE: appends the restored libraries to the existing libraries, On collision, replace the old",
    "      libraries with the new libraries (notice that even on this option there is a chance of failure",
    "      in case of functions name collision with another library).",
];

fn function_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, HELP);
    Ok(())
}

fn load(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let args = ctx.args;
    let code_at = args.len() - 1;
    let mut namesake = Namesake::Keep;
    for at in 2..code_at {
        if !args.is(at, "REPLACE") {
            return Err(Error::quoting("ERR Unknown option given: ", args.at(at), ""));
        }
        namesake = Namesake::Replace;
    }
    let code = args.at(code_at);
    let (name, source) = functions::metadata(code).map_err(Error::Bytes)?;
    let taken = || Error::quoting("ERR Library '", &name, "' already exists");
    let registry = &ctx.shared.scripts.functions;
    if namesake == Namesake::Keep && registry.now().has(&name) {
        return Err(taken());
    }
    let library = make(ctx.shared, &name, code, source)?;
    registry.change(|libraries| {
        if namesake == Namesake::Keep && libraries.has(&name) {
            return Err(taken());
        }
        libraries.add(library, namesake).map_err(Error::Bytes)
    })?;
    ctx.reply.bulk(&name);
    Ok(())
}

/// Runs the code of a library to see what it registers.
fn make(shared: &Shared, name: &[u8], code: &[u8], source: &[u8]) -> Result<Library, Error> {
    let mut loader =
        Loader { shared, began_nanos: shared.store.clock().monotonic_nanos(), reply: Reply::default() };
    let registered = thread::inspect(&shared.scripts, source, &mut loader).map_err(Error::Bytes)?;
    Library::new(name, code, registered).map_err(Error::Bytes)
}

/// Loads every library anew, as a server does that has been restarted: what they remember is gone.
pub(in crate::command) fn reload(shared: &Shared) -> Result<(), Error> {
    let mut anew = functions::Libraries::default();
    for library in shared.scripts.functions.now().iter() {
        let (name, source) = functions::metadata(&library.code).map_err(Error::Bytes)?;
        let library = make(shared, &name, &library.code, source)?;
        anew.add(library, Namesake::Keep).map_err(Error::Bytes)?;
    }
    shared.scripts.functions.change(|libraries| {
        *libraries = anew;
        Ok(())
    })
}

/// The server, as the code of a library sees it: it has no commands, and little patience.
struct Loader<'a> {
    shared: &'a Shared,
    began_nanos: u64,
    reply: Reply,
}

/// For how long the code of a library may run.
const LOAD_NANOS_MAX: u64 = 500_000_000;

impl Host for Loader<'_> {
    fn compat(&self) -> Compat {
        self.shared.config.compat()
    }

    fn interrupt(&mut self) -> Interrupt {
        let took_nanos = self.shared.store.clock().monotonic_nanos().saturating_sub(self.began_nanos);
        if took_nanos > LOAD_NANOS_MAX {
            Interrupt::Kill("ERR FUNCTION LOAD timeout")
        } else {
            Interrupt::GoOn
        }
    }

    fn reply(&mut self) -> &mut Reply {
        &mut self.reply
    }

    fn fail(&mut self, _: &[u8], _: bool) {}
}

fn delete(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let name = ctx.args.at(2);
    ctx.shared.scripts.functions.change(|libraries| {
        if libraries.remove(name) { Ok(()) } else { Err(Error::Text("ERR Library not found")) }
    })?;
    ctx.reply.ok();
    Ok(())
}

fn flush(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let args = ctx.args;
    match args.len() {
        2 => {}
        3 if args.is(2, "sync") || args.is(2, "async") => {}
        3 => return Err(Error::Text("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")),
        _ => return Err(wrong_count(args.at(1))),
    }
    ctx.shared.scripts.functions.change(|libraries| {
        *libraries = functions::Libraries::default();
        Ok::<(), Error>(())
    })?;
    ctx.reply.ok();
    Ok(())
}

fn wrong_count(name: &[u8]) -> Error {
    Error::quoting("ERR unknown subcommand or wrong number of arguments for '", name, "'. Try FUNCTION HELP.")
}

fn list(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let args = ctx.args;
    let (mut pattern, mut with_code) = (None, false);
    let mut at = 2;
    while at < args.len() {
        if !with_code && args.is(at, "WITHCODE") {
            with_code = true;
        } else if pattern.is_none() && args.is(at, "LIBRARYNAME") {
            at += 1;
            let Some(given) = args.get(at) else {
                return Err(Error::Text("ERR library name argument was not given"));
            };
            pattern = Some(given);
        } else {
            return Err(Error::quoting("ERR Unknown argument ", args.at(at), ""));
        }
        at += 1;
    }
    let libraries = ctx.shared.scripts.functions.now();
    let is_wanted =
        |name: &[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, name, Case::Insensitive));
    let wanted: Vec<_> = libraries.iter().filter(|library| is_wanted(&library.name)).collect();
    let reply = &mut *ctx.reply;
    reply.array(wanted.len());
    for library in wanted {
        reply.map(if with_code { 4 } else { 3 });
        reply.bulk("library_name");
        reply.bulk(&library.name);
        reply.bulk("engine");
        reply.bulk("LUA");
        reply.bulk("functions");
        reply.array(library.functions.len());
        for function in &library.functions {
            reply.map(3);
            reply.bulk("name");
            reply.bulk(&function.name);
            reply.bulk("description");
            reply.bulk_or_null(function.description.as_ref());
            reply.bulk("flags");
            reply.set(function.flags.names().count());
            function.flags.names().for_each(|flag| reply.simple(flag));
        }
        if with_code {
            reply.bulk("library_code");
            reply.bulk(&library.code);
        }
    }
    Ok(())
}

fn stats(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let scripts = &ctx.shared.scripts;
    let now_nanos = ctx.shared.store.clock().monotonic_nanos();
    let reply = &mut *ctx.reply;
    reply.map(2);
    reply.bulk("running_script");
    match scripts.running.program() {
        Some((Program::Function { name, command }, began_nanos)) => {
            reply.map(3);
            reply.bulk("name");
            reply.bulk(name);
            reply.bulk("command");
            reply.array(command.len());
            command.iter().for_each(|argument| reply.bulk(argument));
            reply.bulk("duration_ms");
            reply.integer((now_nanos.saturating_sub(began_nanos) / 1_000_000) as i64);
        }
        _ => reply.null(),
    }
    let libraries = scripts.functions.now();
    reply.bulk("engines");
    reply.map(1);
    reply.bulk("LUA");
    reply.map(2);
    reply.bulk("libraries_count");
    reply.count(libraries.iter().len());
    reply.bulk("functions_count");
    reply.count(libraries.function_count());
    Ok(())
}

fn kill(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.shared.scripts.running.kill(Killer::Function, ctx.shared.config.identity())?;
    ctx.reply.ok();
    Ok(())
}

fn dump(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let libraries = ctx.shared.scripts.functions.now();
    let compress = ctx.shared.config.rdbcompression();
    ctx.reply.bulk(libraries_payload(libraries.iter().map(|library| &*library.code), compress));
    Ok(())
}

fn restore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let args = ctx.args;
    if args.len() > 4 {
        return Err(wrong_count(args.at(1)));
    }
    let (mut namesake, mut flushes) = (Namesake::Keep, false);
    if args.len() == 4 {
        if args.is(3, "replace") {
            namesake = Namesake::Replace;
        } else if args.is(3, "flush") {
            flushes = true;
        } else if !args.is(3, "append") {
            return Err(Error::Text(
                "ERR Wrong restore policy given, value should be either FLUSH, APPEND or REPLACE.",
            ));
        }
    }
    let shared = ctx.shared;
    let trust = Trust {
        version: shared.config.rdb_version_check() == VersionCheck::Relaxed,
        checksum: shared.trust_checksums.load(Relaxed),
    };
    let payload = Payload::open(args.at(2), trust)
        .map_err(|_| Error::Text("ERR DUMP payload version or checksum are wrong"))?;
    let codes = payload.libraries().map_err(|why| match why {
        NotLibraries::Other => Error::Text("ERR given type is not a function"),
        _ => Error::Text("ERR Failed loading library data"),
    })?;
    let mut restored = Vec::with_capacity(codes.len().min(1024));
    for code in &codes {
        let (name, source) = functions::metadata(code).map_err(Error::Bytes)?;
        restored.push(make(shared, &name, code, source)?);
    }
    shared.scripts.functions.change(|libraries| {
        if flushes {
            *libraries = functions::Libraries::default();
        }
        restored.into_iter().try_for_each(|library| libraries.add(library, namesake)).map_err(Error::Bytes)
    })?;
    ctx.reply.ok();
    Ok(())
}
