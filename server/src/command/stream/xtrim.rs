//! XTRIM: the oldest entries removed.

use super::trimming::Trimming;
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static XTRIM: Command = Command {
    name: "xtrim",
    summary: "Deletes messages from the beginning of a stream.",
    since: "5.0.0",
    complexity: "O(N), with N being the number of evicted entries. Constant times are very small however, \
        since entries are organized in macro nodes containing multiple entries that can be released with a \
        single deallocation.",
    history: &[("6.2.0", "Added the `MINID` trimming strategy and the `LIMIT` option.")],
    arity: -4,
    flags: Flags::WRITE,
    acl: Acl::STREAM,
    tips: &["nondeterministic_output"],
    keys: &[Key::at(1).rw().delete()],
    args: &[
        Arg::key("key"),
        Arg::block(
            "trim",
            &[
                Arg::one_of(
                    "strategy",
                    &[Arg::pure_token("maxlen", "MAXLEN"), Arg::pure_token("minid", "MINID").since("6.2.0")],
                ),
                Arg::one_of(
                    "operator",
                    &[Arg::pure_token("equal", "="), Arg::pure_token("approximately", "~")],
                )
                .optional(),
                Arg::string("threshold"),
                Arg::integer("count").token("LIMIT").since("6.2.0").optional(),
            ],
        ),
    ],
    handler: xtrim,
    ..Command::BASE
}
.checked();

fn xtrim(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let (key, args) = (ctx.key(1), ctx.args);
    let (mut trimming, mut index) = (Trimming::default(), 2);
    while index < args.len() {
        index = trimming.option(args, index)?.ok_or(Error::Syntax)?;
    }
    let trim = trimming.some_trim()?;
    let trimmed = ctx.view.stream_trim(key, trim)?;
    ctx.reply.integer(trimmed.cast_signed());
    Ok(())
}
