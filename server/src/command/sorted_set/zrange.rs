//! ZRANGE and its relatives: all of them read a range by rank, score or bytes, from either end.

use std::ops::Range;

use scrubjay::types::sorted_set::SortedSetRef;
use scrubjay::{Lookup, Span, ranks_between};

use super::bounds;
use crate::command::Ctx;
use crate::command::args::Args;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static ZRANGE: Command = Command {
    name: "zrange",
    summary: "Returns members in a sorted set within a range of indexes.",
    since: "1.2.0",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
        elements returned.",
    history: &[("6.2.0", "Added the `REV`, `BYSCORE`, `BYLEX` and `LIMIT` options.")],
    arity: -4,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::string("start"),
        Arg::string("stop"),
        Arg::one_of("sortby", &[Arg::pure_token("byscore", "BYSCORE"), Arg::pure_token("bylex", "BYLEX")])
            .since("6.2.0")
            .optional(),
        Arg::pure_token("rev", "REV").since("6.2.0").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")])
            .token("LIMIT")
            .since("6.2.0")
            .optional(),
        Arg::pure_token("withscores", "WITHSCORES").optional(),
    ],
    handler: zrange,
    ..Command::BASE
}
.checked();

fn zrange(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    range(ctx, None, None)
}

pub(super) static ZRANGEBYSCORE: Command = Command {
    name: "zrangebyscore",
    summary: "Returns members in a sorted set within a range of scores.",
    since: "1.0.5",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
        elements being returned. If M is constant (e.g. always asking for the first 10 elements with \
        LIMIT), you can consider it O(log(N)).",
    history: &[("2.0.0", "Added the `WITHSCORES` modifier.")],
    arity: -4,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::double("min"),
        Arg::double("max"),
        Arg::pure_token("withscores", "WITHSCORES").since("2.0.0").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional(),
    ],
    handler: zrangebyscore,
    ..Command::BASE
}
.checked();

fn zrangebyscore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    range(ctx, Some(By::Score), Some(Direction::Up))
}

pub(super) static ZRANGEBYLEX: Command = Command {
    name: "zrangebylex",
    summary: "Returns members in a sorted set within a lexicographical range.",
    since: "2.8.9",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
        elements being returned. If M is constant (e.g. always asking for the first 10 elements with \
        LIMIT), you can consider it O(log(N)).",
    arity: -4,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::string("min"),
        Arg::string("max"),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional(),
    ],
    handler: zrangebylex,
    ..Command::BASE
}
.checked();

fn zrangebylex(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    range(ctx, Some(By::Member), Some(Direction::Up))
}

pub(super) static ZREVRANGE: Command = Command {
    name: "zrevrange",
    summary: "Returns members in a sorted set within a range of indexes in reverse order.",
    since: "1.2.0",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
        elements returned.",
    arity: -4,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::integer("start"),
        Arg::integer("stop"),
        Arg::pure_token("withscores", "WITHSCORES").optional(),
    ],
    handler: zrevrange,
    ..Command::BASE
}
.checked();

fn zrevrange(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    range(ctx, Some(By::Rank), Some(Direction::Down))
}

pub(super) static ZREVRANGEBYSCORE: Command = Command {
    name: "zrevrangebyscore",
    summary: "Returns members in a sorted set within a range of scores in reverse order.",
    since: "2.2.0",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
        elements being returned. If M is constant (e.g. always asking for the first 10 elements with \
        LIMIT), you can consider it O(log(N)).",
    history: &[("2.1.6", "`min` and `max` can be exclusive.")],
    arity: -4,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::double("max"),
        Arg::double("min"),
        Arg::pure_token("withscores", "WITHSCORES").optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional(),
    ],
    handler: zrevrangebyscore,
    ..Command::BASE
}
.checked();

fn zrevrangebyscore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    range(ctx, Some(By::Score), Some(Direction::Down))
}

pub(super) static ZREVRANGEBYLEX: Command = Command {
    name: "zrevrangebylex",
    summary: "Returns members in a sorted set within a lexicographical range in reverse order.",
    since: "2.8.9",
    complexity: "O(log(N)+M) with N being the number of elements in the sorted set and M the number of \
        elements being returned. If M is constant (e.g. always asking for the first 10 elements with \
        LIMIT), you can consider it O(log(N)).",
    arity: -4,
    flags: Flags::READONLY,
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::string("max"),
        Arg::string("min"),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional(),
    ],
    handler: zrevrangebylex,
    ..Command::BASE
}
.checked();

fn zrevrangebylex(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    range(ctx, Some(By::Member), Some(Direction::Down))
}

fn range(ctx: &mut Ctx<'_, '_>, by: Option<By>, direction: Option<Direction>) -> Result<(), Error> {
    let request = Request::parse(ctx.args, 2, by, direction, WithScores::Allowed)?;
    let key = ctx.key(1);
    let Some(set) = ctx.view.sorted_set(key, Lookup::Read)? else {
        ctx.reply.array(0);
        return Ok(());
    };
    let pairs = set.range(request.ranks(set));
    match request.direction {
        Direction::Up => super::members(ctx.reply, pairs, request.with_scores),
        Direction::Down => super::members(ctx.reply, pairs.rev(), request.with_scores),
    }
    Ok(())
}

/// What a range is a range of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Member,
}

/// From which end a range is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the lowest score.
    Up,
    /// From the highest.
    Down,
}

/// Whether a command takes WITHSCORES.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WithScores {
    Allowed,
    Unknown,
}

/// A range that is asked for.
pub(super) struct Request<'a> {
    span: Span<'a>,
    pub(super) direction: Direction,
    /// Members to skip and to read. A negative number of them means all, but for what [`Self::ranks`] says.
    limit: Option<(i64, i64)>,
    with_scores: bool,
}

impl<'a> Request<'a> {
    /// Reads both ends at `first` and the options behind them. What a command says by its name it does not
    /// take as an option.
    pub(super) fn parse(
        args: Args<'a>,
        first: usize,
        mut by: Option<By>,
        mut direction: Option<Direction>,
        scores: WithScores,
    ) -> Result<Self, Error> {
        let (mut limit, mut with_scores) = (None, false);
        let mut at = first + 2;
        while at < args.len() {
            if scores == WithScores::Allowed && args.is(at, "WITHSCORES") {
                with_scores = true;
            } else if args.is(at, "LIMIT") && at + 2 < args.len() {
                limit = Some((args.integer(at + 1)?, args.integer(at + 2)?));
                at += 2;
            } else if direction.is_none() && args.is(at, "REV") {
                direction = Some(Direction::Down);
            } else if by.is_none() && args.is(at, "BYLEX") {
                by = Some(By::Member);
            } else if by.is_none() && args.is(at, "BYSCORE") {
                by = Some(By::Score);
            } else {
                return Err(Error::Syntax);
            }
            at += 1;
        }
        let (by, direction) = (by.unwrap_or(By::Rank), direction.unwrap_or(Direction::Up));
        if by == By::Rank && limit.is_some_and(|(_, count)| count != -1) {
            return Err(Error::Text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if by == By::Member && with_scores {
            return Err(Error::Text("ERR syntax error, WITHSCORES not supported in combination with BYLEX"));
        }
        let (from, to) = (args.at(first), args.at(first + 1));
        let (min, max) = if direction == Direction::Up { (from, to) } else { (to, from) };
        let span = match by {
            // Ranks count from the end that is read from.
            By::Rank => Span::Ranks(args.integer(first)?, args.integer(first + 1)?),
            By::Score => Span::Scores(bounds::scores(min, max)?),
            By::Member => Span::Members(bounds::members(min, max)?),
        };
        Ok(Self { span, direction, limit: limit.filter(|_| by != By::Rank), with_scores })
    }

    /// How many of them are known to be there before the walk begins: where scores or members bound it,
    /// Valkey finds the end on the way.
    pub(super) fn expected(&self, ranks: &Range<usize>) -> usize {
        if matches!(self.span, Span::Ranks(..)) { ranks.len() } else { 0 }
    }

    /// The ranks of what is to be read, from the lowest score up.
    pub(super) fn ranks(&self, set: SortedSetRef<'_>) -> Range<usize> {
        let down = self.direction == Direction::Down;
        let ranks = match self.span {
            Span::Ranks(start, stop) if down => {
                let ranks = ranks_between(start, stop, set.len());
                set.len() - ranks.end..set.len() - ranks.start
            }
            Span::Members(range) => set.lex_ranks(&range, down),
            span => span.ranks(set),
        };
        let Some((skip, count)) = self.limit else { return ranks };
        let len = ranks.len();
        let skip = match usize::try_from(skip) {
            Ok(skip) => skip.min(len),
            // Valkey finds the first of a large one as it finds a rank: from the end, if need be.
            Err(_) if matches!(set, SortedSetRef::Large(_)) => {
                len.checked_add_signed(isize::try_from(skip).unwrap_or(isize::MIN)).unwrap_or(len)
            }
            Err(_) => len,
        };
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(len - skip);
        if down {
            let end = ranks.end - skip;
            end - count..end
        } else {
            let start = ranks.start + skip;
            start..start + count
        }
    }
}
