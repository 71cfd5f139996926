//! Sorted sets.

mod bzmpop;
mod bzpopmin;
mod zadd;
mod zcard;
mod zcount;
mod zdiff;
mod zinter;
mod zmpop;
mod zpop;
mod zrandmember;
mod zrange;
mod zrangestore;
mod zrank;
mod zrem;
mod zremrange;
mod zscan;
mod zscore;
mod zunion;

mod bounds;
mod combine;

use scrubjay::SortedSetError;
use scrubjay::types::sorted_set::Pair;

use super::element::bulk;
use super::spec::Command;
use crate::error::Error;
use crate::resp::{Protocol, Reply};

pub(super) const COMMANDS: &[&Command] = &[
    &bzmpop::BZMPOP,
    &bzpopmin::BZPOPMAX,
    &bzpopmin::BZPOPMIN,
    &zadd::ZADD,
    &zcard::ZCARD,
    &zcount::ZCOUNT,
    &zdiff::ZDIFF,
    &zdiff::ZDIFFSTORE,
    &zadd::ZINCRBY,
    &zinter::ZINTER,
    &zinter::ZINTERCARD,
    &zinter::ZINTERSTORE,
    &zcount::ZLEXCOUNT,
    &zmpop::ZMPOP,
    &zscore::ZMSCORE,
    &zpop::ZPOPMAX,
    &zpop::ZPOPMIN,
    &zrandmember::ZRANDMEMBER,
    &zrange::ZRANGE,
    &zrange::ZRANGEBYLEX,
    &zrange::ZRANGEBYSCORE,
    &zrangestore::ZRANGESTORE,
    &zrank::ZRANK,
    &zrem::ZREM,
    &zremrange::ZREMRANGEBYLEX,
    &zremrange::ZREMRANGEBYRANK,
    &zremrange::ZREMRANGEBYSCORE,
    &zrange::ZREVRANGE,
    &zrange::ZREVRANGEBYLEX,
    &zrange::ZREVRANGEBYSCORE,
    &zrank::ZREVRANK,
    &zscan::ZSCAN,
    &zscore::ZSCORE,
    &zunion::ZUNION,
    &zunion::ZUNIONSTORE,
];

/// Writes members, and if wanted their scores: behind each in RESP2, in an array with it in RESP3.
fn members<'a>(reply: &mut Reply, pairs: impl ExactSizeIterator<Item = Pair<'a>>, with_scores: bool) {
    let nested = with_scores && reply.protocol() == Protocol::Resp3;
    reply.array(if with_scores && !nested { 2 * pairs.len() } else { pairs.len() });
    for pair in pairs {
        if nested {
            reply.array(2);
        }
        bulk(reply, pair.member);
        if with_scores {
            reply.double(pair.score);
        }
    }
}

impl From<SortedSetError> for Error {
    fn from(error: SortedSetError) -> Self {
        match error {
            SortedSetError::NotANumber => Self::Text("ERR resulting score is not a number (NaN)"),
            SortedSetError::OutOfMemory => Self::OutOfMemory,
            _ => Self::WrongType,
        }
    }
}
