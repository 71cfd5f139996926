//! GEODIST.

use scrubjay::Lookup;
use scrubjay::types::geo::Point;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static GEODIST: Command = Command {
    name: "geodist",
    summary: "Returns the distance between two members of a geospatial index.",
    since: "3.2.0",
    complexity: "O(1)",
    arity: -4,
    flags: Flags::READONLY,
    acl: Acl::GEO,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::string("member1"),
        Arg::string("member2"),
        Arg::one_of(
            "unit",
            &[
                Arg::pure_token("m", "M"),
                Arg::pure_token("km", "KM"),
                Arg::pure_token("ft", "FT"),
                Arg::pure_token("mi", "MI"),
            ],
        )
        .optional(),
    ],
    handler: geodist,
    ..Command::BASE
}
.checked();

fn geodist(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    if ctx.args.len() > 5 {
        return Err(Error::Syntax);
    }
    let unit = if ctx.args.len() == 5 { super::unit(ctx.args, 4)? } else { 1.0 };
    let set = ctx.view.sorted_set(key, Lookup::Read)?;
    let place = |index| set.and_then(|set| set.score(ctx.args.at(index))).map(Point::from_score);
    match (place(2), place(3)) {
        (Some(from), Some(to)) => super::write_distance(ctx.reply, from.distance(to) / unit),
        _ => ctx.reply.null(),
    }
    Ok(())
}
