//! Scripts.

mod eval;

mod script;

mod fcall;

mod function;

mod caller;

use super::spec::Command;

pub(super) use function::reload;

pub(super) const COMMANDS: &[&Command] = &[
    &eval::EVAL,
    &eval::EVAL_RO,
    &eval::EVALSHA,
    &eval::EVALSHA_RO,
    &script::SCRIPT,
    &fcall::FCALL,
    &fcall::FCALL_RO,
    &function::FUNCTION,
];
