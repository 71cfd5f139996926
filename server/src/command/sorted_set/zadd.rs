//! ZADD and ZINCRBY.

use scrubjay::types::sorted_set::{AddOptions, Only, Toward};
use smallvec::SmallVec;

use crate::command::Ctx;
use crate::command::args::Args;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::number::parse_f64;

pub(super) static ZADD: Command = Command {
    name: "zadd",
    summary: "Adds one or more members to a sorted set, or updates their scores. Creates the key if it \
        doesn't exist.",
    since: "1.2.0",
    complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
    history: &[
        ("2.4.0", "Accepts multiple elements."),
        ("3.0.2", "Added the `XX`, `NX`, `CH` and `INCR` options."),
        ("6.2.0", "Added the `GT` and `LT` options."),
    ],
    arity: -4,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).rw().update()],
    member: 3,
    args: &[
        Arg::key("key"),
        Arg::one_of("condition", &[Arg::pure_token("nx", "NX"), Arg::pure_token("xx", "XX")])
            .since("3.0.2")
            .optional(),
        Arg::one_of("comparison", &[Arg::pure_token("gt", "GT"), Arg::pure_token("lt", "LT")])
            .since("6.2.0")
            .optional(),
        Arg::pure_token("change", "CH").since("3.0.2").optional(),
        Arg::pure_token("increment", "INCR").since("3.0.2").optional(),
        Arg::block("data", &[Arg::double("score"), Arg::string("member")]).multiple(),
    ],
    handler: zadd,
    ..Command::BASE
}
.checked();

fn zadd(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let Request { options, counts_changed, first } = Request::parse(ctx.args)?;
    let args = ctx.args;
    let members = (first + 1..args.len()).step_by(2).map(|at| args.at(at));
    let scores: SmallVec<[f64; 8]> =
        (first..args.len()).step_by(2).map(|at| score(args.at(at))).collect::<Result<_, _>>()?;
    if options.increment {
        let new = ctx.view.sorted_set_increment(key, options, scores[0], args.at(first + 1))?;
        match new {
            Some(score) => ctx.reply.double(score),
            None => ctx.reply.null(),
        }
        return Ok(());
    }
    let counts = ctx.view.sorted_set_add(key, options, scores.iter().copied().zip(members))?;
    ctx.reply.count(counts.added + if counts_changed { counts.changed } else { 0 });
    Ok(())
}

struct Request {
    options: AddOptions,
    counts_changed: bool,
    /// Where scores and members begin.
    first: usize,
}

impl Request {
    /// Reads the options, and sees that pairs follow.
    fn parse(args: Args<'_>) -> Result<Self, Error> {
        let (mut nx, mut xx, mut gt, mut lt, mut ch, mut incr) = (false, false, false, false, false, false);
        let mut first = 2;
        loop {
            let option = match args.get(first) {
                Some(word) if word.eq_ignore_ascii_case(b"NX") => &mut nx,
                Some(word) if word.eq_ignore_ascii_case(b"XX") => &mut xx,
                Some(word) if word.eq_ignore_ascii_case(b"GT") => &mut gt,
                Some(word) if word.eq_ignore_ascii_case(b"LT") => &mut lt,
                Some(word) if word.eq_ignore_ascii_case(b"CH") => &mut ch,
                Some(word) if word.eq_ignore_ascii_case(b"INCR") => &mut incr,
                _ => break,
            };
            *option = true;
            first += 1;
        }
        let words = args.len() - first;
        if words == 0 || words % 2 == 1 {
            return Err(Error::Syntax);
        }
        if nx && xx {
            return Err(Error::Text("ERR XX and NX options at the same time are not compatible"));
        }
        if gt && lt || nx && (gt || lt) {
            return Err(Error::Text("ERR GT, LT, and/or NX options at the same time are not compatible"));
        }
        if incr && words > 2 {
            return Err(Error::Text("ERR INCR option supports a single increment-element pair"));
        }
        let only = match (nx, xx) {
            (true, _) => Only::New,
            (_, true) => Only::Existing,
            _ => Only::Any,
        };
        let toward = match (gt, lt) {
            (true, _) => Toward::Greater,
            (_, true) => Toward::Less,
            _ => Toward::Any,
        };
        Ok(Self { options: AddOptions { only, toward, increment: incr }, counts_changed: ch, first })
    }
}

fn score(text: &[u8]) -> Result<f64, Error> {
    parse_f64(text).ok_or(Error::NotFloat)
}

pub(super) static ZINCRBY: Command = Command {
    name: "zincrby",
    summary: "Increments the score of a member in a sorted set.",
    since: "1.2.0",
    complexity: "O(log(N)) where N is the number of elements in the sorted set.",
    arity: 4,
    flags: Flags::WRITE.or(Flags::DENYOOM).or(Flags::FAST),
    acl: Acl::SORTEDSET,
    keys: &[Key::at(1).rw().access().update()],
    member: 3,
    args: &[Arg::key("key"), Arg::integer("increment"), Arg::string("member")],
    handler: zincrby,
    ..Command::BASE
}
.checked();

fn zincrby(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    // As in Valkey, a word that is an option of ZADD is one here, and then too little is left.
    Request::parse(ctx.args)?;
    let by = score(ctx.args.at(2))?;
    let new = ctx.view.sorted_set_increment(key, AddOptions::default(), by, ctx.args.at(3))?;
    ctx.reply.double(new.expect("invariant: nothing forbids it"));
    Ok(())
}
