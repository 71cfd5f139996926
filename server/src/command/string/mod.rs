//! Strings.

mod get;
mod set;

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] = &[&get::GET, &set::SET];
