//! Places on earth, as members of sorted sets.

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] = &[];
