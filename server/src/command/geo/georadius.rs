//! GEORADIUS and GEORADIUSBYMEMBER, each also in a form that only reads: the searches that GEOSEARCH
//! replaced.

use scrubjay::Lookup;
use scrubjay::shard::change::Event;
use scrubjay::types::geo::Area;

use super::query::{self, Options, Place, Store};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static GEORADIUS: Command = Command {
    name: "georadius",
    summary: "Queries a geospatial index for members within a distance from a coordinate, optionally stores \
        the result.",
    since: "3.2.0",
    complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area \
        delimited by center and radius and M is the number of items inside the index.",
    history: &[
        ("6.2.0", "Added the `ANY` option for `COUNT`."),
        ("7.0.0", "Added support for uppercase unit names."),
    ],
    arity: -6,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::GEO,
    keys: &[
        Key::at(1).ro().access(),
        Key::after("STORE", 6).ow().update().variable_flags(),
        Key::after("STOREDIST", 6).ow().update().variable_flags(),
    ],
    args: &[
        Arg::key("key"),
        Arg::double("longitude"),
        Arg::double("latitude"),
        Arg::double("radius"),
        Arg::one_of(
            "unit",
            &[
                Arg::pure_token("m", "M"),
                Arg::pure_token("km", "KM"),
                Arg::pure_token("ft", "FT"),
                Arg::pure_token("mi", "MI"),
            ],
        ),
        Arg::pure_token("withcoord", "WITHCOORD").optional(),
        Arg::pure_token("withdist", "WITHDIST").optional(),
        Arg::pure_token("withhash", "WITHHASH").optional(),
        Arg::block(
            "count-block",
            &[Arg::integer("count").token("COUNT"), Arg::pure_token("any", "ANY").since("6.2.0").optional()],
        )
        .optional(),
        Arg::one_of("order", &[Arg::pure_token("asc", "ASC"), Arg::pure_token("desc", "DESC")]).optional(),
        Arg::one_of(
            "store",
            &[
                Arg::key("storekey").token("STORE").display("key").key_spec(1),
                Arg::key("storedistkey").token("STOREDIST").display("key").key_spec(2),
            ],
        )
        .optional(),
    ],
    handler: georadius,
    ..Command::BASE
}
.checked();

pub(super) static GEORADIUS_RO: Command = Command {
    name: "georadius_ro",
    summary: "Returns members from a geospatial index that are within a distance from a coordinate.",
    since: "3.2.10",
    complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area \
        delimited by center and radius and M is the number of items inside the index.",
    history: &[
        ("6.2.0", "Added the `ANY` option for `COUNT`."),
        ("7.0.0", "Added support for uppercase unit names."),
    ],
    arity: -6,
    flags: Flags::READONLY,
    acl: Acl::GEO,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::double("longitude"),
        Arg::double("latitude"),
        Arg::double("radius"),
        Arg::one_of(
            "unit",
            &[
                Arg::pure_token("m", "M"),
                Arg::pure_token("km", "KM"),
                Arg::pure_token("ft", "FT"),
                Arg::pure_token("mi", "MI"),
            ],
        ),
        Arg::pure_token("withcoord", "WITHCOORD").optional(),
        Arg::pure_token("withdist", "WITHDIST").optional(),
        Arg::pure_token("withhash", "WITHHASH").optional(),
        Arg::block(
            "count-block",
            &[Arg::integer("count").token("COUNT"), Arg::pure_token("any", "ANY").since("6.2.0").optional()],
        )
        .optional(),
        Arg::one_of("order", &[Arg::pure_token("asc", "ASC"), Arg::pure_token("desc", "DESC")]).optional(),
    ],
    handler: georadius_ro,
    ..Command::BASE
}
.checked();

pub(super) static GEORADIUSBYMEMBER: Command = Command {
    name: "georadiusbymember",
    summary: "Queries a geospatial index for members within a distance from a member, optionally stores the \
        result.",
    since: "3.2.0",
    complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area \
        delimited by center and radius and M is the number of items inside the index.",
    history: &[
        ("6.2.0", "Added the `ANY` option for `COUNT`."),
        ("7.0.0", "Added support for uppercase unit names."),
    ],
    arity: -5,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::GEO,
    keys: &[
        Key::at(1).ro().access(),
        Key::after("STORE", 5).ow().update().variable_flags(),
        Key::after("STOREDIST", 5).ow().update().variable_flags(),
    ],
    args: &[
        Arg::key("key"),
        Arg::string("member"),
        Arg::double("radius"),
        Arg::one_of(
            "unit",
            &[
                Arg::pure_token("m", "M"),
                Arg::pure_token("km", "KM"),
                Arg::pure_token("ft", "FT"),
                Arg::pure_token("mi", "MI"),
            ],
        ),
        Arg::pure_token("withcoord", "WITHCOORD").optional(),
        Arg::pure_token("withdist", "WITHDIST").optional(),
        Arg::pure_token("withhash", "WITHHASH").optional(),
        Arg::block(
            "count-block",
            &[Arg::integer("count").token("COUNT"), Arg::pure_token("any", "ANY").optional()],
        )
        .optional(),
        Arg::one_of("order", &[Arg::pure_token("asc", "ASC"), Arg::pure_token("desc", "DESC")]).optional(),
        Arg::one_of(
            "store",
            &[
                Arg::key("storekey").token("STORE").display("key").key_spec(1),
                Arg::key("storedistkey").token("STOREDIST").display("key").key_spec(2),
            ],
        )
        .optional(),
    ],
    handler: georadiusbymember,
    ..Command::BASE
}
.checked();

pub(super) static GEORADIUSBYMEMBER_RO: Command = Command {
    name: "georadiusbymember_ro",
    summary: "Returns members from a geospatial index that are within a distance from a member.",
    since: "3.2.10",
    complexity: "O(N+log(M)) where N is the number of elements inside the bounding box of the circular area \
        delimited by center and radius and M is the number of items inside the index.",
    history: &[
        ("6.2.0", "Added the `ANY` option for `COUNT`."),
        ("7.0.0", "Added support for uppercase unit names."),
    ],
    arity: -5,
    flags: Flags::READONLY,
    acl: Acl::GEO,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::string("member"),
        Arg::double("radius"),
        Arg::one_of(
            "unit",
            &[
                Arg::pure_token("m", "M"),
                Arg::pure_token("km", "KM"),
                Arg::pure_token("ft", "FT"),
                Arg::pure_token("mi", "MI"),
            ],
        ),
        Arg::pure_token("withcoord", "WITHCOORD").optional(),
        Arg::pure_token("withdist", "WITHDIST").optional(),
        Arg::pure_token("withhash", "WITHHASH").optional(),
        Arg::block(
            "count-block",
            &[Arg::integer("count").token("COUNT"), Arg::pure_token("any", "ANY").optional()],
        )
        .optional(),
        Arg::one_of("order", &[Arg::pure_token("asc", "ASC"), Arg::pure_token("desc", "DESC")]).optional(),
    ],
    handler: georadiusbymember_ro,
    ..Command::BASE
}
.checked();

fn georadius(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    by_coordinates(ctx, Stores::Yes)
}

fn georadius_ro(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    by_coordinates(ctx, Stores::No)
}

fn georadiusbymember(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    by_member(ctx, Stores::Yes)
}

fn georadiusbymember_ro(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    by_member(ctx, Stores::No)
}

/// Whether a command takes STORE and STOREDIST.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stores {
    Yes,
    No,
}

fn by_coordinates(ctx: &mut Ctx<'_, '_>, stores: Stores) -> Result<(), Error> {
    let key = ctx.key(1);
    ctx.view.sorted_set(key, Lookup::Read)?;
    let center = super::point(ctx.args, 2)?;
    let (shape, unit) = query::circle(ctx, 4)?;
    let (options, store) = options(ctx, 6, stores)?;
    let place = Place { area: Area::around(center, shape), unit };
    query::run(ctx, key, Some(&place), &options, store)
}

fn by_member(ctx: &mut Ctx<'_, '_>, stores: Stores) -> Result<(), Error> {
    let key = ctx.key(1);
    ctx.view.sorted_set(key, Lookup::Read)?;
    // Without the key nobody asks what is searched.
    let place = match query::member(ctx, key, 2)? {
        Some(center) => {
            let (shape, unit) = query::circle(ctx, 3)?;
            Some(Place { area: Area::around(center, shape), unit })
        }
        None => None,
    };
    let (options, store) = options(ctx, 5, stores)?;
    query::run(ctx, key, place.as_ref(), &options, store)
}

fn options(ctx: &Ctx<'_, '_>, first: usize, stores: Stores) -> Result<(Options, Option<Store>), Error> {
    let mut options = Options::default();
    let mut store = None;
    let mut index = first;
    while index < ctx.args.len() {
        if let Some(words) = options.parse(ctx, index)? {
            index += words;
            continue;
        }
        let distances = ctx.args.is(index, "STOREDIST");
        if stores == Stores::No || !(distances || ctx.args.is(index, "STORE")) || index + 1 == ctx.args.len()
        {
            return Err(Error::Syntax);
        }
        store = Some(Store { key: index + 1, distances, event: Event::GeoRadiusStore });
        index += 2;
    }
    if store.is_some() && options.shows_more_than_names() {
        return Err(Error::Text(
            "ERR STORE option in GEORADIUS is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        ));
    }
    options.check()?;
    Ok((options, store))
}
