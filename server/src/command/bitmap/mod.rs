//! Bitmaps: strings as arrays of bits.

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] = &[];
