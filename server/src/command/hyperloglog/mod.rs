//! HyperLogLogs: how many different elements were seen, in little memory.

mod pfadd;
mod pfcount;
mod pfdebug;
mod pfmerge;
mod pfselftest;

use scrubjay::HllError;

use super::spec::Command;
use crate::error::Error;

pub(super) const COMMANDS: &[&Command] =
    &[&pfadd::PFADD, &pfcount::PFCOUNT, &pfdebug::PFDEBUG, &pfmerge::PFMERGE, &pfselftest::PFSELFTEST];

impl From<HllError> for Error {
    fn from(error: HllError) -> Self {
        match error {
            HllError::NotHll => Self::Text("WRONGTYPE Key is not a valid HyperLogLog string value."),
            HllError::Corrupt => Self::Text("INVALIDOBJ Corrupted HLL object detected"),
            HllError::OutOfMemory => Self::OutOfMemory,
            _ => Self::WrongType,
        }
    }
}
