//! Streams.

mod xack;
mod xadd;
mod xautoclaim;
mod xclaim;
mod xdel;
mod xgroup;
mod xinfo;
mod xlen;
mod xpending;
mod xrange;
mod xread;
mod xsetid;
mod xtrim;

mod entries;
mod ids;
mod trimming;

use scrubjay::StreamError;

use super::spec::Command;
use crate::error::Error;

pub(super) const COMMANDS: &[&Command] = &[
    &xack::XACK,
    &xadd::XADD,
    &xautoclaim::XAUTOCLAIM,
    &xclaim::XCLAIM,
    &xdel::XDEL,
    &xgroup::XGROUP,
    &xinfo::XINFO,
    &xlen::XLEN,
    &xpending::XPENDING,
    &xrange::XRANGE,
    &xread::XREAD,
    &xread::XREADGROUP,
    &xrange::XREVRANGE,
    &xsetid::XSETID,
    &xtrim::XTRIM,
];

/// The error of commands that need a group, where the key or the group is not there. `after` says more.
fn no_such_group(error: StreamError, key: &[u8], group: &[u8], after: &str) -> Error {
    match error {
        StreamError::NoSuchKey | StreamError::NoSuchGroup => {
            Error::quoting_two("NOGROUP No such key '", key, "' or consumer group '", group, after)
        }
        other => other.into(),
    }
}

impl From<StreamError> for Error {
    fn from(error: StreamError) -> Self {
        Self::Text(match error {
            StreamError::NoSuchKey => return Self::NoSuchKey,
            StreamError::OutOfMemory => return Self::OutOfMemory,
            StreamError::GroupExists => "BUSYGROUP Consumer Group name already exists",
            StreamError::Exhausted => {
                "ERR The stream has exhausted the last possible ID, unable to add more items"
            }
            StreamError::NotGreater => {
                "ERR The ID specified in XADD is equal or smaller than the target stream top item"
            }
            StreamError::TooLarge => "ERR Elements are too large to be stored",
            StreamError::BelowDeleted => {
                "ERR The ID specified in XSETID is smaller than current max_deleted_entry_id"
            }
            StreamError::BelowTop => {
                "ERR The ID specified in XSETID is smaller than the target stream top item"
            }
            StreamError::FewerThanThere => {
                "ERR The entries_added specified in XSETID is smaller than the target stream length"
            }
            _ => return Self::WrongType,
        })
    }
}
