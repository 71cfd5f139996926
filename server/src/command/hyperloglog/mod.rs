//! HyperLogLogs: strings that estimate how many different things were added.

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] = &[];
