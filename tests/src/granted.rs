//! What a test of Scrubjay alone takes for granted, so that it ends where that is not so.

use crate::patience::GENEROUS;
use crate::server::{Backend, Server};
use crate::wire::{Client, Reply};

/// A Scrubjay with these further arguments.
pub fn server(arguments: &[&str]) -> Server {
    Server::start_with(Backend::Scrubjay, arguments).unwrap_or_else(|why| panic!("{why}"))
}

/// The reply to a command, as a person types it.
pub fn typed(client: &mut Client, line: &str) -> Reply {
    client.typed(line).unwrap_or_else(|silence| panic!("{line}: {silence}"))
}

/// What comes next.
pub fn read(client: &mut Client) -> Reply {
    client.read(GENEROUS).unwrap_or_else(|silence| panic!("{silence}"))
}

/// A figure of `INFO`.
pub fn figure(client: &mut Client, name: &str) -> u64 {
    let text = typed(client, "INFO everything").text().expect("text");
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|figure| figure.parse().ok()).unwrap_or_else(|| panic!("no {name} in {text}"))
}
