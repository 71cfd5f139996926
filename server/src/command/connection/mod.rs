//! Connection.

mod ping;

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] = &[&ping::PING];
