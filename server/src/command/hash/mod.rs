//! Hashes.

mod hdel;
mod hexists;
mod hexpire;
mod hget;
mod hgetall;
mod hgetdel;
mod hgetex;
mod hincrby;
mod hlen;
mod hmget;
mod hpersist;
mod hrandfield;
mod hscan;
mod hset;
mod hsetex;
mod hsetnx;
mod hstrlen;
mod httl;

mod expiry;

use scrubjay::HashError;
use scrubjay::collections::packed::Element;

use super::args::Args;
use super::element::bulk;
use super::spec::Command;
use crate::error::Error;
use crate::resp::Reply;

pub(super) const COMMANDS: &[&Command] = &[
    &hdel::HDEL,
    &hexists::HEXISTS,
    &hexpire::HEXPIRE,
    &hexpire::HEXPIREAT,
    &httl::HEXPIRETIME,
    &hget::HGET,
    &hgetall::HGETALL,
    &hgetdel::HGETDEL,
    &hgetex::HGETEX,
    &hincrby::HINCRBY,
    &hincrby::HINCRBYFLOAT,
    &hgetall::HKEYS,
    &hlen::HLEN,
    &hmget::HMGET,
    &hset::HMSET,
    &hpersist::HPERSIST,
    &hexpire::HPEXPIRE,
    &hexpire::HPEXPIREAT,
    &httl::HPEXPIRETIME,
    &httl::HPTTL,
    &hrandfield::HRANDFIELD,
    &hscan::HSCAN,
    &hset::HSET,
    &hsetex::HSETEX,
    &hsetnx::HSETNX,
    &hstrlen::HSTRLEN,
    &httl::HTTL,
    &hgetall::HVALS,
];

/// What is replied when FIELDS is not where it should be, or does not say how many there are.
const MISNUMBERED: Error =
    Error::Text("ERR numfields should be greater than 0 and match the provided number of fields");

/// The arguments from `first` on, as fields.
fn fields(args: Args<'_>, first: usize) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
    (first..args.len()).map(move |at| args.at(at))
}

/// The arguments from `first` on, as fields and their values; the caller has made sure that they are even.
fn pairs(args: Args<'_>, first: usize) -> impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone {
    (0..(args.len() - first) / 2).map(move |pair| (args.at(first + 2 * pair), args.at(first + 2 * pair + 1)))
}

/// What `FIELDS number field [field ...]` names, that begins at `at` and ends the request.
fn numbered(
    args: Args<'_>,
    at: usize,
    misnumbered: Error,
) -> Result<impl ExactSizeIterator<Item = &[u8]> + Clone, Error> {
    if !args.is(at, "FIELDS") {
        return Err(Error::Syntax);
    }
    let number = args.integer(at + 1)?;
    let fields = fields(args, at + 2);
    if number < 1 || usize::try_from(number) != Ok(fields.len()) {
        return Err(misnumbered);
    }
    Ok(fields)
}

/// The same of `FIELDS number field value [field value ...]`.
fn numbered_pairs(
    args: Args<'_>,
    at: usize,
) -> Result<impl ExactSizeIterator<Item = (&[u8], &[u8])> + Clone, Error> {
    let number = args.integer(at + 1)?;
    let rest = args.len() - (at + 2);
    if number < 1 || usize::try_from(number).ok().and_then(|number| number.checked_mul(2)) != Some(rest) {
        return Err(MISNUMBERED);
    }
    Ok(pairs(args, at + 2))
}

#[inline]
fn value_or_null(reply: &mut Reply, element: Option<Element<'_>>) {
    match element {
        Some(element) => bulk(reply, element),
        None => reply.null(),
    }
}

impl From<HashError> for Error {
    fn from(error: HashError) -> Self {
        match error {
            HashError::NotInteger => Self::Text("ERR hash value is not an integer"),
            HashError::NotFloat => Self::Text("ERR hash value is not a float"),
            HashError::Overflow => Self::Text("ERR increment or decrement would overflow"),
            HashError::NotFinite => Self::Text("ERR increment would produce NaN or Infinity"),
            HashError::OutOfMemory => Self::OutOfMemory,
            _ => Self::WrongType,
        }
    }
}
