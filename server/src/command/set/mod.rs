//! Sets.

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] = &[];
