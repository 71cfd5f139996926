//! LPOS: where elements are that are the same.

use scrubjay::Lookup;
use scrubjay::types::list::{List, Search};

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::number;

pub(super) static LPOS: Command = Command {
    name: "lpos",
    summary: "Returns the index of matching elements in a list.",
    since: "6.0.6",
    complexity: "O(N) where N is the number of elements in the list, for the average case. When searching \
        for elements near the head or the tail of the list, or when the MAXLEN option is provided, the \
        command may run in constant time.",
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::LIST,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::string("element"),
        Arg::integer("rank").token("RANK").optional(),
        Arg::integer("num-matches").token("COUNT").optional(),
        Arg::integer("len").token("MAXLEN").optional(),
    ],
    handler: lpos,
    ..Command::BASE
}
.checked();

fn lpos(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let (search, several) = parse(ctx)?;
    let list = ctx.view.read::<List>(key, Lookup::Read)?;
    let positions = list.map(|list| list.positions(ctx.args.at(2), search)).unwrap_or_default();
    if several {
        ctx.reply.array(positions.len());
        positions.into_iter().for_each(|position| ctx.reply.count(position));
    } else {
        match positions.first() {
            Some(position) => ctx.reply.count(*position),
            None => ctx.reply.null(),
        }
    }
    Ok(())
}

/// The options: what to search for, and whether several positions are asked for.
fn parse(ctx: &Ctx<'_, '_>) -> Result<(Search, bool), Error> {
    let no_less_than_none = |index, error| {
        let number = ctx.args.get(index).and_then(number::parse_i64);
        number.and_then(|number| u64::try_from(number).ok()).ok_or(Error::Text(error))
    };
    // For both limits nought means that there is none.
    let unless_none = |number| if number == 0 { u64::MAX } else { number };
    let mut search = Search { backward: false, skip: 0, matches_max: 1, elements_max: u64::MAX };
    let mut several = false;
    for index in (3..ctx.args.len()).step_by(2) {
        let value = index + 1;
        if value == ctx.args.len() {
            return Err(Error::Syntax);
        } else if ctx.args.is(index, "rank") {
            let rank = ctx.args.either_way(value)?;
            search.backward = rank < 0;
            search.skip = rank.unsigned_abs().checked_sub(1).ok_or(Error::Text(
                "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                 negative to start from the end of the list",
            ))?;
        } else if ctx.args.is(index, "count") {
            search.matches_max = unless_none(no_less_than_none(value, "ERR COUNT can't be negative")?);
            several = true;
        } else if ctx.args.is(index, "maxlen") {
            search.elements_max = unless_none(no_less_than_none(value, "ERR MAXLEN can't be negative")?);
        } else {
            return Err(Error::Syntax);
        }
    }
    Ok((search, several))
}
