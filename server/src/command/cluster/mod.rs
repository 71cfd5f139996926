//! What is left of a cluster where there is none.

mod readonly;

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] = &[&readonly::READONLY, &readonly::READWRITE];
