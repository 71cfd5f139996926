//! Strings.

mod append;
mod delifeq;
mod get;
mod getdel;
mod getex;
mod getrange;
mod getset;
mod incr;
mod incrbyfloat;
mod lcs;
mod mget;
mod mset;
mod msetex;
mod set;
mod setex;
mod setnx;
mod setrange;
mod strlen;

mod options;

use std::ops::RangeBounds;

use bytes::Bytes;
use scrubjay::{StringError, Text};

use super::Ctx;
use super::spec::Command;
use crate::error::Error;
use crate::resp::Reply;
use crate::resp::reply::SPLICE_BYTES_MIN;

pub(super) const COMMANDS: &[&Command] = &[
    &append::APPEND,
    &incr::DECR,
    &incr::DECRBY,
    &delifeq::DELIFEQ,
    &get::GET,
    &getdel::GETDEL,
    &getex::GETEX,
    &getrange::GETRANGE,
    &getset::GETSET,
    &incr::INCR,
    &incr::INCRBY,
    &incrbyfloat::INCRBYFLOAT,
    &lcs::LCS,
    &mget::MGET,
    &mset::MSET,
    &msetex::MSETEX,
    &mset::MSETNX,
    &setex::PSETEX,
    &set::SET,
    &setex::SETEX,
    &setnx::SETNX,
    &setrange::SETRANGE,
    &strlen::STRLEN,
    &getrange::SUBSTR,
];

/// Writes a part of a value that lies within it: large ones are sent from where they lie, not copied.
#[inline]
fn bulk(reply: &mut Reply, value: &Text<'_>, part: impl RangeBounds<usize> + Clone) {
    let bytes = &value.bytes()[(part.start_bound().cloned(), part.end_bound().cloned())];
    if bytes.len() >= SPLICE_BYTES_MIN
        && let Some(shared) = value.shared()
    {
        reply.bulk_shared(Bytes::from_owner(shared).slice(part));
    } else {
        reply.bulk(bytes);
    }
}

/// How long a string may grow.
fn len_max(ctx: &Ctx<'_, '_>) -> usize {
    usize::try_from(ctx.shared.config.proto_max_bulk_len()).unwrap_or(usize::MAX)
}

impl From<StringError> for Error {
    fn from(error: StringError) -> Self {
        match error {
            StringError::TooLong => {
                Self::Text("ERR string exceeds maximum allowed size (proto-max-bulk-len)")
            }
            StringError::NotInteger => Self::NotInteger,
            StringError::NotFloat => Self::NotFloat,
            StringError::Overflow => Self::Text("ERR increment or decrement would overflow"),
            StringError::NotFinite => Self::Text("ERR increment would produce NaN or Infinity"),
            StringError::OutOfMemory => Self::OutOfMemory,
            _ => Self::WrongType,
        }
    }
}
