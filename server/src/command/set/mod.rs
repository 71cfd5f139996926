//! Sets.

mod sadd;
mod scard;
mod sdiff;
mod sinter;
mod sismember;
mod smembers;
mod smove;
mod spop;
mod srandmember;
mod srem;
mod sscan;
mod sunion;

use scrubjay::SetOperation;

use super::Ctx;
use super::element::bulk;
use super::spec::Command;
use crate::error::Error;

pub(super) const COMMANDS: &[&Command] = &[
    &sadd::SADD,
    &scard::SCARD,
    &sdiff::SDIFF,
    &sdiff::SDIFFSTORE,
    &sinter::SINTER,
    &sinter::SINTERCARD,
    &sinter::SINTERSTORE,
    &sismember::SISMEMBER,
    &smembers::SMEMBERS,
    &sismember::SMISMEMBER,
    &smove::SMOVE,
    &spop::SPOP,
    &srandmember::SRANDMEMBER,
    &srem::SREM,
    &sscan::SSCAN,
    &sunion::SUNION,
    &sunion::SUNIONSTORE,
];

/// Replies with what is made of the sets at the command's keys.
fn combine(ctx: &mut Ctx<'_, '_>, operation: SetOperation) -> Result<(), Error> {
    let header = ctx.reply.defer_set();
    let mut count = 0;
    ctx.view.set_combine(operation, ctx.keys, |member| {
        bulk(ctx.reply, member);
        count += 1;
    })?;
    ctx.reply.fill(header, count);
    Ok(())
}

/// Stores at the command's first key what is made of the sets at the others.
fn store(ctx: &mut Ctx<'_, '_>, operation: SetOperation) -> Result<(), Error> {
    let (&to, from) = ctx.keys.split_first().expect("invariant: the arity promised a destination");
    let count = ctx.view.set_store(operation, to, from)?;
    ctx.reply.count(count);
    Ok(())
}
