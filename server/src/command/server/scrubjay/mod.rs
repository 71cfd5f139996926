//! SCRUBJAY: what no other server has.

mod portability;

use crate::command::Ctx;
use crate::command::describe::help;
use crate::command::spec::{Acl, Command, Flags};
use crate::error::Error;

pub(super) static SCRUBJAY: Command = Command {
    name: "scrubjay",
    summary: "A container for commands that only Scrubjay has.",
    since: "0.1.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[&SCRUBJAY_HELP, &portability::SCRUBJAY_PORTABILITY],
    ..Command::BASE
}
.checked();

static SCRUBJAY_HELP: Command = Command {
    name: "help",
    summary: "Returns helpful text about the different subcommands.",
    since: "0.1.0",
    complexity: "O(1)",
    arity: 2,
    flags: Flags::LOADING.or(Flags::STALE),
    acl: Acl::CONNECTION,
    handler: scrubjay_help,
    ..Command::BASE
}
.checked();

const HELP: &[&str] = &[
    "PORTABILITY",
    "    Report which commands and options that clients have used another server",
    "    would refuse, which server, and which clients.",
];

fn scrubjay_help(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    help(ctx, HELP);
    Ok(())
}
