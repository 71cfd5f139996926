//! Transactions.

pub(crate) mod multi;
mod watch;

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] =
    &[&multi::DISCARD, &multi::EXEC, &multi::MULTI, &watch::UNWATCH, &watch::WATCH];
