//! What all searches share: the options, what is replied, and what is stored.

use scrubjay::Lookup;
use scrubjay::shard::change::Event;
use scrubjay::types::geo::{self, Area, Count, Order, Point, Shape};
use scrubjay::types::sorted_set::Builder;

use crate::command::Ctx;
use crate::command::element::bulk;
use crate::error::Error;
use crate::resp::number::{parse_f64, parse_i64};

/// The options of a search.
#[derive(Debug, Default)]
pub(super) struct Options {
    pub(super) with_coordinates: bool,
    pub(super) with_distance: bool,
    pub(super) with_hash: bool,
    pub(super) order: Order,
    count: Option<usize>,
    any: bool,
}

impl Options {
    /// Reads an option that all searches have, if it is one; how many words it took.
    pub(super) fn parse(&mut self, ctx: &Ctx<'_, '_>, index: usize) -> Result<Option<usize>, Error> {
        let args = ctx.args;
        match () {
            () if args.is(index, "WITHDIST") => self.with_distance = true,
            () if args.is(index, "WITHHASH") => self.with_hash = true,
            () if args.is(index, "WITHCOORD") => self.with_coordinates = true,
            () if args.is(index, "ANY") => self.any = true,
            () if args.is(index, "ASC") => self.order = Order::Nearest,
            () if args.is(index, "DESC") => self.order = Order::Farthest,
            () if args.is(index, "COUNT") && index + 1 < args.len() => {
                let count = usize::try_from(args.integer(index + 1)?).ok().filter(|count| *count > 0);
                self.count = Some(count.ok_or(Error::Text("ERR COUNT must be > 0"))?);
                return Ok(Some(2));
            }
            () => return Ok(None),
        }
        Ok(Some(1))
    }

    pub(super) fn shows_more_than_names(&self) -> bool {
        self.with_coordinates || self.with_distance || self.with_hash
    }

    pub(super) fn check(&self) -> Result<(), Error> {
        if self.any && self.count.is_none() {
            return Err(Error::Text("ERR the ANY argument requires COUNT argument"));
        }
        Ok(())
    }

    fn count(&self) -> Count {
        match self.count {
            None => Count::All,
            Some(count) if self.any => Count::Whichever(count),
            Some(count) => Count::First(count),
        }
    }
}

/// Where the result of a search goes, if it is not the reply.
#[derive(Debug, Clone, Copy)]
pub(super) struct Store {
    /// The argument that says the key.
    pub(super) key: usize,
    /// Whether the scores are distances from the center.
    pub(super) distances: bool,
    pub(super) event: Event,
}

/// What is searched, and the unit in which distances are shown.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) area: Area,
    pub(super) unit: f64,
}

/// A radius and its unit; both are there.
pub(super) fn circle(ctx: &Ctx<'_, '_>, index: usize) -> Result<(Shape, f64), Error> {
    let radius = parse_f64(ctx.args.at(index)).ok_or(Error::Text("ERR need numeric radius"))?;
    if radius < 0.0 {
        return Err(Error::Text("ERR radius cannot be negative"));
    }
    let unit = super::unit(ctx.args, index + 1)?;
    Ok((Shape::Circle { radius: radius * unit }, unit))
}

/// A width, a height and their unit; all are there.
pub(super) fn rectangle(ctx: &Ctx<'_, '_>, index: usize) -> Result<(Shape, f64), Error> {
    let width = parse_f64(ctx.args.at(index)).ok_or(Error::Text("ERR need numeric width"))?;
    let height = parse_f64(ctx.args.at(index + 1)).ok_or(Error::Text("ERR need numeric height"))?;
    if width < 0.0 || height < 0.0 {
        return Err(Error::Text("ERR height or width cannot be negative"));
    }
    let unit = super::unit(ctx.args, index + 2)?;
    Ok((Shape::Box { width: width * unit, height: height * unit }, unit))
}

/// A number of corners, and the corners; and how many words that is.
pub(super) fn polygon(ctx: &Ctx<'_, '_>, index: usize) -> Result<(Area, usize), Error> {
    let count = parse_i64(ctx.args.at(index)).and_then(|count| i32::try_from(count).ok());
    let count = count.ok_or(Error::Text("ERR invalid number of vertices"))?;
    let left = ctx.args.len() - index - 1;
    match usize::try_from(count) {
        Ok(count) if count >= 3 && count <= left / 2 => {
            let corners = (0..count).map(|corner| super::point(ctx.args, index + 1 + 2 * corner));
            Ok((Area::polygon(corners.collect::<Result<_, _>>()?), 1 + 2 * count))
        }
        _ => Err(Error::Text("ERR GEOSEARCH BYPOLYGON must have at least 3 vertices")),
    }
}

/// The place of the member that the argument at `index` says, if the key is there; it must have it then.
pub(super) fn member(
    ctx: &mut Ctx<'_, '_>,
    key: scrubjay::Key<'_>,
    index: usize,
) -> Result<Option<Point>, Error> {
    let member = ctx.args.at(index);
    let Some(set) = ctx.view.sorted_set(key, Lookup::Peek)? else { return Ok(None) };
    match set.score(member) {
        Some(score) => Ok(Some(Point::from_score(score))),
        None => Err(Error::quoting("ERR member ", member, " does not exist")),
    }
}

/// Searches, and replies or stores what is found. Without a place the key is not there.
pub(super) fn run(
    ctx: &mut Ctx<'_, '_>,
    key: scrubjay::Key<'_>,
    place: Option<&Place>,
    options: &Options,
    store: Option<Store>,
) -> Result<(), Error> {
    let store = store.map(|store| (store, ctx.key(store.key)));
    let seed = store.map_or(0, |(_, to)| ctx.view.seed(to));
    let set = ctx.view.sorted_set(key, Lookup::Peek)?;
    let (hits, unit) = match (set, place) {
        (Some(set), Some(place)) => {
            (geo::search(set, &place.area, options.order, options.count()), place.unit)
        }
        _ => (Vec::new(), 1.0),
    };
    let Some((store, to)) = store else {
        let details = [options.with_distance, options.with_hash, options.with_coordinates];
        let details = details.iter().filter(|with| **with).count();
        ctx.reply.array(hits.len());
        for hit in &hits {
            if details > 0 {
                ctx.reply.array(1 + details);
            }
            bulk(ctx.reply, hit.member);
            if options.with_distance {
                super::write_distance(ctx.reply, hit.distance / unit);
            }
            if options.with_hash {
                ctx.reply.integer(hit.score as i64);
            }
            if options.with_coordinates {
                super::write_point(ctx.reply, hit.place);
            }
        }
        return Ok(());
    };
    let mut found = Builder::new(seed);
    for hit in &hits {
        let score = if store.distances { hit.distance / unit } else { hit.score };
        found.add(hit.member.text(&mut Default::default()), score);
    }
    let count = ctx.view.geo_store(to, found, store.event);
    ctx.reply.count(count);
    Ok(())
}
