//! What ZUNION, ZINTER, ZDIFF and their relatives share.
//!
//! They read the number of keys, look at what lives there, and read the rest of their arguments last: a key
//! of another type is reported before a wrong option.

use scrubjay::types::sorted_set::Aggregate;
use scrubjay::{Combination, Key};
use smallvec::SmallVec;

use crate::command::Ctx;
use crate::error::Error;
use crate::resp::number::parse_f64;

/// What is made of the sources, before it is known how scores are aggregated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    Union,
    Intersection,
    Difference,
}

/// Where the result goes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    /// To the client.
    Reply,
    /// To the key that is the first argument.
    Store,
}

/// The keys to read, and where the arguments behind them begin. What lives at the keys can be combined.
pub(super) fn sources<'a>(
    ctx: &mut Ctx<'a, '_>,
    count_at: usize,
    command: &str,
) -> Result<(SmallVec<[Key<'a>; 4]>, usize), Error> {
    let count = ctx.args.integer(count_at)?;
    if count < 1 {
        return Err(Error::Owned(format!("ERR at least 1 input key is needed for '{command}' command")));
    }
    let first = count_at + 1;
    let count = usize::try_from(count).ok().filter(|count| *count <= ctx.args.len() - first);
    let end = first + count.ok_or(Error::Syntax)?;
    let keys: SmallVec<[Key<'a>; 4]> =
        (first..end).map(|at| ctx.shared.store.key(ctx.session.db, ctx.args.at(at))).collect();
    ctx.view.sorted_set_look_up(&keys)?;
    Ok((keys, end))
}

/// The whole of ZUNION, ZINTER, ZDIFF and those that store.
pub(super) fn combine(
    ctx: &mut Ctx<'_, '_>,
    operation: Operation,
    target: Target,
    command: &str,
) -> Result<(), Error> {
    let count_at = if target == Target::Store { 2 } else { 1 };
    let (keys, mut at) = sources(ctx, count_at, command)?;
    let mut weights = SmallVec::<[f64; 4]>::new();
    let (mut aggregate, mut with_scores) = (Aggregate::Sum, false);
    while at < ctx.args.len() {
        let left = ctx.args.len() - at;
        if operation != Operation::Difference && left > keys.len() && ctx.args.is(at, "WEIGHTS") {
            weights.clear();
            for at in at + 1..=at + keys.len() {
                let weight = parse_f64(ctx.args.at(at));
                weights.push(weight.ok_or(Error::Text("ERR weight value is not a float"))?);
            }
            at += keys.len() + 1;
        } else if operation != Operation::Difference && left >= 2 && ctx.args.is(at, "AGGREGATE") {
            aggregate = if ctx.args.is(at + 1, "SUM") {
                Aggregate::Sum
            } else if ctx.args.is(at + 1, "MIN") {
                Aggregate::Min
            } else if ctx.args.is(at + 1, "MAX") {
                Aggregate::Max
            } else {
                return Err(Error::Syntax);
            };
            at += 2;
        } else if target == Target::Reply && ctx.args.is(at, "WITHSCORES") {
            with_scores = true;
            at += 1;
        } else {
            return Err(Error::Syntax);
        }
    }
    let combination = match operation {
        Operation::Union => Combination::Union(aggregate),
        Operation::Intersection => Combination::Intersection(aggregate),
        Operation::Difference => Combination::Difference,
    };
    match target {
        Target::Store => {
            let to = ctx.key(1);
            let count = ctx.view.sorted_set_combine_into(to, &keys, &weights, combination)?;
            ctx.reply.count(count);
        }
        Target::Reply => {
            let set = ctx.view.sorted_set_combine(&keys, &weights, combination)?.finish_large();
            super::members(ctx.reply, set.as_ref().iter(), with_scores);
        }
    }
    Ok(())
}
