//! Sorted sets.

mod bzmpop;
mod bzpopmin;

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] = &[&bzmpop::BZMPOP, &bzpopmin::BZPOPMAX, &bzpopmin::BZPOPMIN];
