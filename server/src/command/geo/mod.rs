//! Places: sorted sets whose scores stand for longitude and latitude.

mod geoadd;
mod geodist;
mod geohash;
mod geopos;
mod georadius;
mod geosearch;

mod query;

use scrubjay::types::geo::Point;

use super::args::Args;
use super::spec::Command;
use crate::error::Error;
use crate::resp::Reply;
use crate::resp::number::parse_f64;

pub(super) const COMMANDS: &[&Command] = &[
    &geoadd::GEOADD,
    &geodist::GEODIST,
    &geohash::GEOHASH,
    &geopos::GEOPOS,
    &georadius::GEORADIUS,
    &georadius::GEORADIUSBYMEMBER,
    &georadius::GEORADIUSBYMEMBER_RO,
    &georadius::GEORADIUS_RO,
    &geosearch::GEOSEARCH,
    &geosearch::GEOSEARCHSTORE,
];

/// The arguments at `index` and behind it, which are there, as a place.
fn point(args: Args<'_>, index: usize) -> Result<Point, Error> {
    let longitude = parse_f64(args.at(index)).ok_or(Error::NotFloat)?;
    let latitude = parse_f64(args.at(index + 1)).ok_or(Error::NotFloat)?;
    Point::new(longitude, latitude).ok_or_else(|| {
        Error::Owned(format!("ERR invalid longitude,latitude pair {longitude:.6},{latitude:.6}"))
    })
}

/// The argument at `index`, which is there, as a unit: how many meters it is.
fn unit(args: Args<'_>, index: usize) -> Result<f64, Error> {
    match () {
        () if args.is(index, "M") => Ok(1.0),
        () if args.is(index, "KM") => Ok(1000.0),
        () if args.is(index, "FT") => Ok(0.3048),
        () if args.is(index, "MI") => Ok(1609.34),
        () => Err(Error::Text("ERR unsupported unit provided. please use M, KM, FT, MI")),
    }
}

/// Writes a distance with four digits behind the point: those of a whole number of ten-thousandths.
fn write_distance(reply: &mut Reply, distance: f64) {
    let scaled = (distance * 10_000.0).round_ties_even() as i64;
    reply.bulk(format!("{}.{:04}", scaled / 10_000, scaled % 10_000));
}

/// Writes longitude and latitude with up to seventeen digits behind the point.
fn write_point(reply: &mut Reply, point: Point) {
    reply.array(2);
    for degrees in [point.longitude, point.latitude] {
        let text = format!("{degrees:.17}");
        reply.number_text(text.trim_end_matches('0').trim_end_matches('.').as_bytes());
    }
}
