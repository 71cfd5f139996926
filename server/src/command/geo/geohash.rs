//! GEOHASH.

use scrubjay::Lookup;
use scrubjay::types::geo::Point;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static GEOHASH: Command = Command {
    name: "geohash",
    summary: "Returns members from a geospatial index as geohash strings.",
    since: "3.2.0",
    complexity: "O(1) for each member requested.",
    arity: -2,
    flags: Flags::READONLY,
    acl: Acl::GEO,
    keys: &[Key::at(1).ro().access()],
    args: &[Arg::key("key"), Arg::string("member").optional().multiple()],
    handler: geohash,
    ..Command::BASE
}
.checked();

fn geohash(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    let set = ctx.view.sorted_set(key, Lookup::Read)?;
    ctx.reply.array(ctx.args.len() - 2);
    for member in ctx.args.iter().skip(2) {
        let score = set.and_then(|set| set.score(member));
        ctx.reply.bulk_or_null(score.map(|score| Point::from_score(score).geohash()));
    }
    Ok(())
}
