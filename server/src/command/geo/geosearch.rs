//! GEOSEARCH, and GEOSEARCHSTORE, which stores what it finds.

use scrubjay::Lookup;
use scrubjay::shard::change::Event;
use scrubjay::types::geo::{Area, Point, Shape};

use super::query::{self, Options, Place, Store};
use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;

pub(super) static GEOSEARCH: Command = Command {
    name: "geosearch",
    summary: "Queries a geospatial index for members inside an area of a box, circle, or a polygon.",
    since: "6.2.0",
    complexity: "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around \
        the shape provided as the filter and M is the number of items inside the shape",
    history: &[
        ("7.0.0", "Added support for uppercase unit names."),
        ("9.0.0", "Added support for the BYPOLYGON option."),
    ],
    arity: -7,
    flags: Flags::READONLY,
    acl: Acl::GEO,
    keys: &[Key::at(1).ro().access()],
    args: &[
        Arg::key("key"),
        Arg::one_of(
            "from",
            &[
                Arg::string("member").token("FROMMEMBER"),
                Arg::block("fromlonlat", &[Arg::double("longitude"), Arg::double("latitude")])
                    .token("FROMLONLAT"),
            ],
        )
        .optional(),
        Arg::one_of(
            "by",
            &[
                Arg::block(
                    "circle",
                    &[
                        Arg::double("radius").token("BYRADIUS"),
                        Arg::one_of(
                            "unit",
                            &[
                                Arg::pure_token("m", "M"),
                                Arg::pure_token("km", "KM"),
                                Arg::pure_token("ft", "FT"),
                                Arg::pure_token("mi", "MI"),
                            ],
                        ),
                    ],
                ),
                Arg::block(
                    "box",
                    &[
                        Arg::double("width").token("BYBOX"),
                        Arg::double("height"),
                        Arg::one_of(
                            "unit",
                            &[
                                Arg::pure_token("m", "M"),
                                Arg::pure_token("km", "KM"),
                                Arg::pure_token("ft", "FT"),
                                Arg::pure_token("mi", "MI"),
                            ],
                        ),
                    ],
                ),
                Arg::block(
                    "polygon",
                    &[
                        Arg::integer("num-vertices").token("BYPOLYGON"),
                        Arg::block("vertices", &[Arg::double("longitude"), Arg::double("latitude")])
                            .multiple(),
                    ],
                )
                .since("9.0.0"),
            ],
        ),
        Arg::one_of("order", &[Arg::pure_token("asc", "ASC"), Arg::pure_token("desc", "DESC")]).optional(),
        Arg::block(
            "count-block",
            &[Arg::integer("count").token("COUNT"), Arg::pure_token("any", "ANY").optional()],
        )
        .optional(),
        Arg::pure_token("withcoord", "WITHCOORD").optional(),
        Arg::pure_token("withdist", "WITHDIST").optional(),
        Arg::pure_token("withhash", "WITHHASH").optional(),
    ],
    handler: geosearch,
    ..Command::BASE
}
.checked();

pub(super) static GEOSEARCHSTORE: Command = Command {
    name: "geosearchstore",
    summary: "Queries a geospatial index for members inside an area of a box, a circle, or a polygon, \
        optionally stores the result.",
    since: "6.2.0",
    complexity: "O(N+log(M)) where N is the number of elements in the grid-aligned bounding box area around \
        the shape provided as the filter and M is the number of items inside the shape",
    history: &[
        ("7.0.0", "Added support for uppercase unit names."),
        ("9.0.0", "Added support for the BYPOLYGON option."),
    ],
    arity: -8,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::GEO,
    keys: &[Key::at(1).ow().update(), Key::at(2).ro().access()],
    args: &[
        Arg::key("destination"),
        Arg::key("source").key_spec(1),
        Arg::one_of(
            "from",
            &[
                Arg::string("member").token("FROMMEMBER"),
                Arg::block("fromlonlat", &[Arg::double("longitude"), Arg::double("latitude")])
                    .token("FROMLONLAT"),
            ],
        )
        .optional(),
        Arg::one_of(
            "by",
            &[
                Arg::block(
                    "circle",
                    &[
                        Arg::double("radius").token("BYRADIUS"),
                        Arg::one_of(
                            "unit",
                            &[
                                Arg::pure_token("m", "M"),
                                Arg::pure_token("km", "KM"),
                                Arg::pure_token("ft", "FT"),
                                Arg::pure_token("mi", "MI"),
                            ],
                        ),
                    ],
                ),
                Arg::block(
                    "box",
                    &[
                        Arg::double("width").token("BYBOX"),
                        Arg::double("height"),
                        Arg::one_of(
                            "unit",
                            &[
                                Arg::pure_token("m", "M"),
                                Arg::pure_token("km", "KM"),
                                Arg::pure_token("ft", "FT"),
                                Arg::pure_token("mi", "MI"),
                            ],
                        ),
                    ],
                ),
                Arg::block(
                    "polygon",
                    &[
                        Arg::integer("num-vertices").token("BYPOLYGON"),
                        Arg::block("vertices", &[Arg::double("longitude"), Arg::double("latitude")])
                            .multiple(),
                    ],
                )
                .since("9.0.0"),
            ],
        ),
        Arg::one_of("order", &[Arg::pure_token("asc", "ASC"), Arg::pure_token("desc", "DESC")]).optional(),
        Arg::block(
            "count-block",
            &[Arg::integer("count").token("COUNT"), Arg::pure_token("any", "ANY").optional()],
        )
        .optional(),
        Arg::pure_token("storedist", "STOREDIST").optional(),
    ],
    handler: geosearchstore,
    ..Command::BASE
}
.checked();

fn geosearch(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(1);
    ctx.view.sorted_set(key, Lookup::Read)?;
    let request = Request::parse(ctx, key, 2)?;
    request.finish(ctx)?;
    let place = request.place();
    query::run(ctx, key, place.as_ref(), &request.options, None)
}

fn geosearchstore(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let key = ctx.key(2);
    ctx.view.sorted_set(key, Lookup::Read)?;
    let request = Request::parse(ctx, key, 3)?;
    if request.options.shows_more_than_names() {
        return Err(Error::Text(
            "ERR GEOSEARCHSTORE is not compatible with WITHDIST, WITHHASH and WITHCOORD options",
        ));
    }
    request.finish(ctx)?;
    let store = Store { key: 1, distances: request.store_distances, event: Event::GeoSearchStore };
    let place = request.place();
    query::run(ctx, key, place.as_ref(), &request.options, Some(store))
}

/// Where a search begins.
#[derive(Debug, Clone, Copy, PartialEq)]
enum From {
    /// FROMLONLAT.
    Place(Point),
    /// FROMMEMBER; without a place if the key is not there.
    Member(Option<Point>),
}

/// How far it goes.
#[derive(Debug, Clone, PartialEq)]
enum By {
    /// BYRADIUS and BYBOX.
    Shape(Shape, f64),
    /// BYPOLYGON, which is its own beginning.
    Polygon(Area),
}

#[derive(Debug, Default)]
struct Request {
    from: Option<From>,
    by: Option<By>,
    options: Options,
    store_distances: bool,
}

impl Request {
    /// Reads the arguments from `first` on. Of the same thing said twice the last counts.
    fn parse(ctx: &mut Ctx<'_, '_>, key: scrubjay::Key<'_>, first: usize) -> Result<Self, Error> {
        let mut request = Self::default();
        let args = ctx.args;
        let may_store = first == 3;
        let mut index = first;
        while index < args.len() {
            if let Some(words) = request.options.parse(ctx, index)? {
                index += words;
                continue;
            }
            let Self { from, by, .. } = &request;
            let left = args.len() - index - 1;
            let in_polygon = matches!(by, Some(By::Polygon(_)));
            let is_box = matches!(by, Some(By::Shape(Shape::Box { .. }, _)));
            let is_circle = matches!(by, Some(By::Shape(Shape::Circle { .. }, _)));
            let words = match () {
                () if args.is(index, "FROMMEMBER")
                    && left >= 1
                    && !in_polygon
                    && !matches!(from, Some(From::Place(_))) =>
                {
                    request.from = Some(From::Member(query::member(ctx, key, index + 1)?));
                    2
                }
                () if args.is(index, "FROMLONLAT")
                    && left >= 2
                    && !in_polygon
                    && !matches!(from, Some(From::Member(_))) =>
                {
                    request.from = Some(From::Place(super::point(args, index + 1)?));
                    3
                }
                () if args.is(index, "BYRADIUS") && left >= 2 && !in_polygon && !is_box => {
                    let (shape, unit) = query::circle(ctx, index + 1)?;
                    request.by = Some(By::Shape(shape, unit));
                    3
                }
                () if args.is(index, "BYBOX") && left >= 3 && !in_polygon && !is_circle => {
                    let (shape, unit) = query::rectangle(ctx, index + 1)?;
                    request.by = Some(By::Shape(shape, unit));
                    4
                }
                () if args.is(index, "BYPOLYGON")
                    && left >= 1
                    && from.is_none()
                    && !is_box
                    && !is_circle
                    && ctx.has("BYPOLYGON") =>
                {
                    let (area, words) = query::polygon(ctx, index + 1)?;
                    request.by = Some(By::Polygon(area));
                    1 + words
                }
                () if args.is(index, "STOREDIST") && may_store => {
                    request.store_distances = true;
                    1
                }
                () => return Err(Error::Syntax),
            };
            index += words;
        }
        Ok(request)
    }

    /// Sees that nothing is missing.
    fn finish(&self, ctx: &Ctx<'_, '_>) -> Result<(), Error> {
        // As the client has written it.
        let command = ctx.args.at(0);
        if self.from.is_none() && !matches!(self.by, Some(By::Polygon(_))) {
            let before = "ERR exactly one of FROMMEMBER or FROMLONLAT can be specified for ";
            return Err(Error::quoting(before, command, ""));
        }
        if self.by.is_none() {
            let before = match ctx.is_valkey() {
                true => "ERR exactly one of BYRADIUS, BYBOX and BYPOLYGON can be specified for ",
                false => "ERR exactly one of BYRADIUS and BYBOX can be specified for ",
            };
            return Err(Error::quoting(before, command, ""));
        }
        self.options.check()
    }

    /// What is searched, if that is known.
    fn place(&self) -> Option<Place> {
        match (&self.by, self.from) {
            (Some(By::Polygon(area)), _) => Some(Place { area: area.clone(), unit: 1.0 }),
            (Some(By::Shape(shape, unit)), Some(From::Place(center) | From::Member(Some(center)))) => {
                Some(Place { area: Area::around(center, shape.clone()), unit: *unit })
            }
            _ => None,
        }
    }
}
