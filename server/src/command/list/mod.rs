//! Lists.
//!
//! What takes elements off a list, and writes them, is here, for those that wait for elements as well as for
//! those that do not.

mod blmove;
mod blmpop;
mod blpop;
mod lindex;
mod linsert;
mod llen;
mod lmove;
mod lmpop;
mod lpop;
mod lpos;
mod lpush;
mod lrange;
mod lrem;
mod lset;
mod ltrim;

use scrubjay::{End, Key, View, WrongType};

use super::Ctx;
use super::element::bulk;
use super::spec::Command;
use crate::error::Error;
use crate::resp::Reply;

pub(super) const COMMANDS: &[&Command] = &[
    &blmove::BLMOVE,
    &blmpop::BLMPOP,
    &blpop::BLPOP,
    &blpop::BRPOP,
    &blmove::BRPOPLPUSH,
    &lindex::LINDEX,
    &linsert::LINSERT,
    &llen::LLEN,
    &lmove::LMOVE,
    &lmpop::LMPOP,
    &lpop::LPOP,
    &lpos::LPOS,
    &lpush::LPUSH,
    &lpush::LPUSHX,
    &lrange::LRANGE,
    &lrem::LREM,
    &lset::LSET,
    &ltrim::LTRIM,
    &lpop::RPOP,
    &lmove::RPOPLPUSH,
    &lpush::RPUSH,
    &lpush::RPUSHX,
];

/// Takes one element off and writes it; whether there was one.
pub(super) fn pop_one(
    view: &mut View<'_>,
    reply: &mut Reply,
    key: Key<'_>,
    end: End,
) -> Result<bool, WrongType> {
    let popped = view.list_pop(key, end, 1, |popped| popped.for_each(|element| bulk(reply, element)))?;
    Ok(popped.is_some())
}

/// Takes up to `count` elements off and writes them as an array; whether there was a list.
pub(super) fn pop_several(
    view: &mut View<'_>,
    reply: &mut Reply,
    key: Key<'_>,
    end: End,
    count: usize,
) -> Result<bool, WrongType> {
    let popped = view.list_pop(key, end, count, |popped| {
        reply.array(popped.len());
        popped.for_each(|element| bulk(reply, element));
    })?;
    Ok(popped.is_some())
}

/// Takes up to `count` elements off and writes the key and the array of them; whether there was a list.
pub(super) fn pop_from(
    view: &mut View<'_>,
    reply: &mut Reply,
    key: Key<'_>,
    end: End,
    count: usize,
) -> Result<bool, WrongType> {
    let popped = view.list_pop(key, end, count, |popped| {
        reply.array(2);
        reply.bulk(key.bytes());
        reply.array(popped.len());
        popped.for_each(|element| bulk(reply, element));
    })?;
    Ok(popped.is_some())
}

/// Moves one element and writes it; whether there was one.
pub(super) fn move_one(
    view: &mut View<'_>,
    reply: &mut Reply,
    from: (Key<'_>, End),
    to: (Key<'_>, End),
) -> Result<bool, WrongType> {
    let moved = view.list_move(from, to, |element| reply.bulk(element))?;
    Ok(moved.is_some())
}

/// The argument at `index` as the name of an end.
pub(super) fn end(ctx: &Ctx<'_, '_>, index: usize) -> Result<End, Error> {
    match () {
        () if ctx.args.is(index, "left") => Ok(End::Left),
        () if ctx.args.is(index, "right") => Ok(End::Right),
        () => Err(Error::Syntax),
    }
}
