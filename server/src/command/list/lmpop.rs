//! LMPOP: elements are taken off an end of the first list that has any.

use scrubjay::End;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::number;

pub(super) static LMPOP: Command = Command {
    name: "lmpop",
    summary: "Returns multiple elements from a list after removing them. Deletes the list if the last \
        element was popped.",
    since: "7.0.0",
    complexity: "O(N+M) where N is the number of provided keys and M is the number of elements returned.",
    arity: -4,
    flags: Flags::WRITE,
    acl: Acl::LIST,
    keys: &[Key::at(1).counted().rw().access().delete()],
    args: &[
        Arg::integer("numkeys"),
        Arg::key("key").multiple(),
        Arg::one_of("where", &[Arg::pure_token("left", "LEFT"), Arg::pure_token("right", "RIGHT")]),
        Arg::integer("count").token("COUNT").optional(),
    ],
    handler: lmpop,
    ..Command::BASE
}
.checked();

fn lmpop(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (end, count) = parse(ctx, 1)?;
    for key in ctx.keys {
        if super::pop_from(ctx.view, ctx.reply, *key, end, count)? {
            return Ok(());
        }
    }
    ctx.reply.null_array();
    Ok(())
}

/// Reads the number of keys, which stands at an index, and what follows the keys: which end, and how many
/// elements.
pub(in crate::command) fn parse(ctx: &Ctx<'_, '_>, index: usize) -> Result<(End, usize), Error> {
    let positive = |index, error| {
        let number = ctx.args.get(index).and_then(number::parse_i64).filter(|number| *number > 0);
        number.and_then(|number| usize::try_from(number).ok()).ok_or(Error::Text(error))
    };
    let keys = positive(index, "ERR numkeys should be greater than 0")?;
    let at = index.checked_add(keys).and_then(|last| last.checked_add(1)).ok_or(Error::Syntax)?;
    let end = super::end(ctx, at)?;
    let mut count = None;
    for option in (at + 1..ctx.args.len()).step_by(2) {
        // Given twice, the second is no option; but what is wrong with the first comes first.
        if count.is_some() || !ctx.args.is(option, "count") || option + 1 == ctx.args.len() {
            return Err(Error::Syntax);
        }
        count = Some(positive(option + 1, "ERR count should be greater than 0")?);
    }
    Ok((end, count.unwrap_or(1)))
}
