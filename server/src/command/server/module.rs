//! MODULE: there are none, and none can be loaded.

use crate::command::Ctx;
use crate::command::describe::help;
use crate::command::spec::{Arg, Command, Flags};
use crate::error::Error;

pub(super) static MODULE: Command = Command {
    name: "module",
    summary: "A container for module commands.",
    since: "4.0.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[&MODULE_HELP, &MODULE_LIST, &MODULE_LOAD, &MODULE_LOADEX, &MODULE_UNLOAD],
    ..Command::BASE
}
.checked();

pub(super) static MODULE_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "5.0.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    handler: module_help,
    ..Command::BASE
}
.checked();

pub(super) static MODULE_LIST: Command = Command {
    name: "list",
    summary: "Returns all loaded modules.",
    since: "4.0.0",
    complexity: "O(N) where N is the number of loaded modules.",
    arity: 2,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT),
    tips: &["nondeterministic_output_order"],
    handler: module_list,
    ..Command::BASE
}
.checked();

pub(super) static MODULE_LOAD: Command = Command {
    name: "load",
    summary: "Loads a module.",
    since: "4.0.0",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::NO_ASYNC_LOADING),
    args: &[Arg::string("path"), Arg::string("arg").optional().multiple()],
    handler: refuse,
    ..Command::BASE
}
.checked();

pub(super) static MODULE_LOADEX: Command = Command {
    name: "loadex",
    summary: "Loads a module using extended parameters.",
    since: "7.0.0",
    complexity: "O(1)",
    arity: -3,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::NO_ASYNC_LOADING),
    args: &[
        Arg::string("path"),
        Arg::block("configs", &[Arg::string("name"), Arg::string("value")])
            .token("CONFIG")
            .optional()
            .multiple()
            .multiple_token(),
        Arg::string("args").token("ARGS").optional().multiple(),
    ],
    handler: refuse,
    ..Command::BASE
}
.checked();

pub(super) static MODULE_UNLOAD: Command = Command {
    name: "unload",
    summary: "Unloads a module.",
    since: "4.0.0",
    complexity: "O(1)",
    arity: 3,
    flags: Flags::ADMIN.or(Flags::NOSCRIPT).or(Flags::NO_ASYNC_LOADING),
    args: &[Arg::string("name")],
    handler: refuse,
    ..Command::BASE
}
.checked();

/// What `MODULE HELP` says between its first line and its last two.
const HELP: &[&str] = &[
    "LIST",
    "    Return a list of loaded modules.",
    "LOAD <path> [<arg> ...]",
    "    Load a module library from <path>, passing to it any optional arguments.",
    "LOADEX <path> [[CONFIG NAME VALUE] [CONFIG NAME VALUE]] [ARGS ...]",
    "    Load a module library from <path>, while passing it module configurations and optional arguments.",
    "UNLOAD <name>",
    "    Unload a module.",
];

fn module_list(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    ctx.reply.array(0);
    Ok(())
}

fn module_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, HELP);
    Ok(())
}

/// What Valkey answers while `enable-module-command` is `no`, the only value it has here.
fn refuse(_: &mut Ctx<'_, '_>) -> Result<(), Error> {
    Err(Error::Text(
        "ERR MODULE command not allowed. If the enable-module-command option is set to \"local\", you can run it from a \
            local connection, otherwise you need to set this option in the configuration file, and then restart the \
            server.",
    ))
}
