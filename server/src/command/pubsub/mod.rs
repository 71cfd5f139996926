//! Messages: who listens, who speaks, and who looks on.

mod introspection;
mod publish;
mod subscribe;

use super::spec::Command;
use super::table::Entry;

pub(super) const COMMANDS: &[&Command] = &[
    &subscribe::PSUBSCRIBE,
    &publish::PUBLISH,
    &introspection::PUBSUB,
    &subscribe::PUNSUBSCRIBE,
    &publish::SPUBLISH,
    &subscribe::SSUBSCRIBE,
    &subscribe::SUBSCRIBE,
    &subscribe::SUNSUBSCRIBE,
    &subscribe::UNSUBSCRIBE,
];

/// What a subscriber may still do in RESP2, where it could not tell a reply from a message.
pub(super) fn is_for_subscribers(command: &Entry) -> bool {
    const COMMANDS: [&str; 9] = [
        "subscribe",
        "ssubscribe",
        "unsubscribe",
        "sunsubscribe",
        "psubscribe",
        "punsubscribe",
        "ping",
        "quit",
        "reset",
    ];
    COMMANDS.contains(&command.full_name())
}
