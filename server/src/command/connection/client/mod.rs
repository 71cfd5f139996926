//! CLIENT: what a client says of itself and chooses, and what it sees of others.

mod choices;
mod filter;
mod help;
mod identity;
mod kill;
mod line;
mod list;
mod names;
mod pause;
mod reply;
mod tracking;
mod unblock;

pub(super) use self::names::check_name;

use crate::command::spec::Command;

pub(super) static CLIENT: Command = Command {
    name: "client",
    summary: "A container for client connection commands.",
    since: "2.4.0",
    complexity: "Depends on subcommand.",
    arity: -2,
    subcommands: &[
        &help::CLIENT_HELP,
        &tracking::CLIENT_CACHING,
        &tracking::CLIENT_TRACKING,
        &tracking::CLIENT_TRACKINGINFO,
        &names::CLIENT_GETNAME,
        &identity::CLIENT_GETREDIR,
        &choices::CLIENT_IMPORT_SOURCE,
        &list::CLIENT_INFO,
        &reply::CLIENT_REPLY,
        &choices::CLIENT_NO_TOUCH,
        &names::CLIENT_SETINFO,
        &names::CLIENT_SETNAME,
        &choices::CLIENT_CAPA,
        &identity::CLIENT_ID,
        &kill::CLIENT_KILL,
        &list::CLIENT_LIST,
        &choices::CLIENT_NO_EVICT,
        &unblock::CLIENT_UNBLOCK,
        &pause::CLIENT_PAUSE,
        &pause::CLIENT_UNPAUSE,
    ],
    ..Command::BASE
}
.checked();
