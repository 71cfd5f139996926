//! Scripts.

mod eval;

mod script;

mod caller;

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] =
    &[&eval::EVAL, &eval::EVAL_RO, &eval::EVALSHA, &eval::EVALSHA_RO, &script::SCRIPT];
