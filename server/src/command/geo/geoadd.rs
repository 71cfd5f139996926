//! GEOADD: ZADD with places for scores.

use scrubjay::types::sorted_set::{AddOptions, Only};
use smallvec::SmallVec;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static GEOADD: Command = Command {
    name: "geoadd",
    summary: "Adds one or more members to a geospatial index. The key is created if it doesn't exist.",
    since: "3.2.0",
    complexity: "O(log(N)) for each item added, where N is the number of elements in the sorted set.",
    history: &[("6.2.0", "Added the `CH`, `NX` and `XX` options.")],
    arity: -5,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::GEO,
    keys: &[Key::at(1).rw().update()],
    args: &[
        Arg::key("key"),
        Arg::one_of("condition", &[Arg::pure_token("nx", "NX"), Arg::pure_token("xx", "XX")])
            .since("6.2.0")
            .optional(),
        Arg::pure_token("change", "CH").since("6.2.0").optional(),
        Arg::block("data", &[Arg::double("longitude"), Arg::double("latitude"), Arg::string("member")])
            .multiple(),
    ],
    handler: geoadd,
    ..Command::BASE
}
.checked();

fn geoadd(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let args = ctx.args;
    let (mut nx, mut xx, mut counts_changed) = (false, false, false);
    let mut first = 2;
    loop {
        match () {
            () if args.is(first, "NX") => nx = true,
            () if args.is(first, "XX") => xx = true,
            () if args.is(first, "CH") => counts_changed = true,
            () => break,
        }
        first += 1;
    }
    if !(args.len() - first).is_multiple_of(3) || (nx && xx) {
        return Err(Error::Syntax);
    }
    let only = match (nx, xx) {
        (true, _) => Only::New,
        (_, true) => Only::Existing,
        _ => Only::Any,
    };
    let each = || (first..args.len()).step_by(3);
    let scores: SmallVec<[f64; 8]> =
        each().map(|at| Ok(super::point(args, at)?.score())).collect::<Result<_, Error>>()?;
    let members = each().map(|at| args.at(at + 2));
    let options = AddOptions { only, ..AddOptions::default() };
    let counts = ctx.view.sorted_set_add(key, options, scores.iter().copied().zip(members))?;
    ctx.reply.count(counts.added + if counts_changed { counts.changed } else { 0 });
    Ok(())
}
