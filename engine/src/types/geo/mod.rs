//! Places on the earth as the scores of a sorted set.
//!
//! Longitude and latitude are cut in half 26 times each, and a bit for every half is written down, by turns:
//! the 52 bits are a number that a double holds, and places that share their first bits share a cell of the
//! map. All members of a cell stand next to each other in the sorted set, so a search (`area`) looks up the
//! few cells that cover what is searched, and measures the distance to each member in them.
//!
//! The map ends at 85.05 degrees of latitude, where Mercator's does. The earth is taken for a sphere. Every
//! formula is worked out in the order in which Valkey works it out, since clients are shown the last digit.
//!
//! A sorted set can hold any score. One that is no place decodes to one all the same, at an edge of the map,
//! as in Valkey; `geo/geopos.txt` holds it there.

mod area;
mod search;

pub use self::area::{Area, Shape};
pub use self::search::{Count, Hit, Order, search};

/// The limits of longitude.
pub const LONGITUDE_MAX: f64 = 180.0;
/// The limits of latitude.
pub const LATITUDE_MAX: f64 = 85.051_128_78;
/// Half of the bits of a score.
const STEPS: u32 = 26;
/// The radius of the earth in meters.
const EARTH_RADIUS: f64 = 6_372_797.560_856;

/// A place: degrees of longitude and latitude.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// East of Greenwich.
    pub longitude: f64,
    /// North of the equator.
    pub latitude: f64,
}

impl Point {
    /// A place on the map.
    pub fn new(longitude: f64, latitude: f64) -> Option<Self> {
        let fits = longitude.abs() <= LONGITUDE_MAX && latitude.abs() <= LATITUDE_MAX;
        fits.then_some(Self { longitude, latitude })
    }

    /// The score that stands for it.
    pub fn score(self) -> f64 {
        Cell::of(self, STEPS).bits as f64
    }

    /// The middle of the smallest cell that a score stands for.
    pub fn from_score(score: f64) -> Self {
        let cell = Cell { bits: score_bits(score), steps: STEPS };
        let bounds = cell.bounds();
        let middle = |min: f64, max: f64, limit: f64| ((min + max) / 2.0).clamp(-limit, limit);
        Self {
            longitude: middle(bounds.longitude.0, bounds.longitude.1, LONGITUDE_MAX),
            latitude: middle(bounds.latitude.0, bounds.latitude.1, LATITUDE_MAX),
        }
    }

    /// Its distance from another in meters, on a great circle: the haversine formula.
    pub fn distance(self, other: Self) -> f64 {
        let (from, to) = (self.longitude.to_radians_c(), other.longitude.to_radians_c());
        let v = ((to - from) / 2.0).sin();
        if v == 0.0 {
            return self.latitude_distance(other.latitude);
        }
        let (from, to) = (self.latitude.to_radians_c(), other.latitude.to_radians_c());
        let u = ((to - from) / 2.0).sin();
        let a = u * u + from.cos() * to.cos() * v * v;
        2.0 * EARTH_RADIUS * a.sqrt().asin()
    }

    /// Its distance from a latitude, on its meridian.
    fn latitude_distance(self, latitude: f64) -> f64 {
        EARTH_RADIUS * (latitude.to_radians_c() - self.latitude.to_radians_c()).abs()
    }

    /// The geohash that is known elsewhere: eleven letters of five bits, of a map that reaches to the poles.
    /// The last letter is always the same, since there are no bits left for it.
    pub fn geohash(self) -> [u8; 11] {
        const LETTERS: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";
        let bits = Cell::within(self, STEPS, 90.0).bits;
        let mut text = [b'0'; 11];
        for (index, letter) in text[..10].iter_mut().enumerate() {
            let five = bits >> (2 * STEPS as usize - 5 * (index + 1)) & 31;
            *letter = LETTERS[five as usize];
        }
        text
    }
}

/// What a score's bits are, as C's conversion to an unsigned integer has them on the machines that Valkey
/// runs on, also of what does not fit.
fn score_bits(score: f64) -> u64 {
    const HALF: f64 = 9_223_372_036_854_775_808.0;
    let signed = |value: f64| if (-HALF..HALF).contains(&value) { value as i64 } else { i64::MIN };
    if score < HALF { signed(score) as u64 } else { signed(score - HALF) as u64 ^ 1 << 63 }
}

/// Degrees and radians with the constant that C has: the last bit counts.
trait Radians {
    fn to_radians_c(self) -> f64;
    fn to_degrees_c(self) -> f64;
}

const DEGREE: f64 = std::f64::consts::PI / 180.0;

impl Radians for f64 {
    fn to_radians_c(self) -> f64 {
        self * DEGREE
    }

    fn to_degrees_c(self) -> f64 {
        self / DEGREE
    }
}

/// A cell of the map: the first bits of all places in it. Bits of latitude and of longitude by turns, those
/// of latitude in the even places.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cell {
    bits: u64,
    /// How often both were cut in half.
    steps: u32,
}

/// Where a cell lies: from and to.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    longitude: (f64, f64),
    latitude: (f64, f64),
}

const LATITUDE_BITS: u64 = 0x5555_5555_5555_5555;
const LONGITUDE_BITS: u64 = !LATITUDE_BITS;

impl Cell {
    fn of(point: Point, steps: u32) -> Self {
        Self::within(point, steps, LATITUDE_MAX)
    }

    /// The cell of a place on a map that reaches to this latitude. A place on the upper edge lies in a cell
    /// past the last: so it is in Valkey.
    fn within(point: Point, steps: u32, latitude_max: f64) -> Self {
        let cells = (1u64 << steps) as f64;
        let latitude = (point.latitude + latitude_max) / (latitude_max + latitude_max) * cells;
        let longitude = (point.longitude + LONGITUDE_MAX) / (LONGITUDE_MAX + LONGITUDE_MAX) * cells;
        Self { bits: spread(latitude as u32) | spread(longitude as u32) << 1, steps }
    }

    fn bounds(self) -> Bounds {
        let cells = (1u64 << self.steps) as f64;
        let side = |number: u32, limit: f64| {
            let span = limit + limit;
            let edge = |number: f64| -limit + number / cells * span;
            (edge(f64::from(number)), edge(f64::from(number) + 1.0))
        };
        Bounds {
            latitude: side(gather(self.bits), LATITUDE_MAX),
            longitude: side(gather(self.bits >> 1), LONGITUDE_MAX),
        }
    }

    /// The cell so many to the east and to the north, at most one each; the map goes round.
    fn neighbor(self, east: i32, north: i32) -> Self {
        let used = u64::MAX >> (64 - self.steps * 2);
        let step = |bits: u64, ours: u64, by: i32| {
            // The places between are filled with ones or noughts, so that what is carried passes them.
            let others = !ours & used;
            match by {
                1 => bits.wrapping_add(others + 1) & ours & used,
                -1 => (bits | others).wrapping_sub(others + 1) & ours & used,
                _ => bits,
            }
        };
        let longitude = step(self.bits & LONGITUDE_BITS, LONGITUDE_BITS, east);
        let latitude = step(self.bits & LATITUDE_BITS, LATITUDE_BITS, north);
        Self { bits: longitude | latitude, ..self }
    }

    /// The scores of the places in it: from the first up to the second.
    fn scores(self) -> (f64, f64) {
        let shift = (STEPS - self.steps) * 2;
        ((self.bits << shift) as f64, (self.bits.wrapping_add(1) << shift) as f64)
    }
}

/// The bits of a number, in the even places.
fn spread(number: u32) -> u64 {
    let mut bits = u64::from(number);
    bits = (bits | bits << 16) & 0x0000_ffff_0000_ffff;
    bits = (bits | bits << 8) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits << 4) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits << 2) & 0x3333_3333_3333_3333;
    (bits | bits << 1) & LATITUDE_BITS
}

/// The number whose bits stand in the even places.
fn gather(bits: u64) -> u32 {
    let mut bits = bits & LATITUDE_BITS;
    bits = (bits | bits >> 1) & 0x3333_3333_3333_3333;
    bits = (bits | bits >> 2) & 0x0f0f_0f0f_0f0f_0f0f;
    bits = (bits | bits >> 4) & 0x00ff_00ff_00ff_00ff;
    bits = (bits | bits >> 8) & 0x0000_ffff_0000_ffff;
    (bits | bits >> 16) as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn point(longitude: f64, latitude: f64) -> Point {
        Point::new(longitude, latitude).expect("a place")
    }

    /// Recorded from Valkey 9.1.2.
    #[test]
    fn as_the_reference_has_it() {
        for (longitude, latitude, score, geohash) in [
            (13.361389, 38.115556, 3_479_099_956_230_698u64, "sqc8b49rny0"),
            (15.087269, 37.502669, 3_479_447_370_796_909, "sqdtr74hyu0"),
            (180.0, 85.051_128_78, 13_510_798_882_111_488, "bp05b5048p0"),
            (-180.0, -85.051_128_78, 0, "00bh0hbj200"),
            (-180.0, 85.051_128_78, 4_503_599_627_370_496, "bp05b5048p0"),
        ] {
            let score_of = point(longitude, latitude).score();
            assert_eq!(score_of, score as f64);
            assert_eq!(Point::from_score(score_of).geohash(), geohash.as_bytes(), "{longitude} {latitude}");
        }
        let palermo = Point::from_score(3_479_099_956_230_698.0);
        assert_eq!(
            format!("{:.17} {:.17}", palermo.longitude, palermo.latitude),
            "13.36138933897018433 38.11555639549629859"
        );
        let distance = palermo.distance(Point::from_score(3_479_447_370_796_909.0));
        assert_eq!(distance, 166_274.151_569_600_33);
        assert_eq!(palermo.distance(palermo), 0.0);
    }

    #[test]
    fn any_score_is_some_place() {
        for (score, bits) in [
            (-5.0, u64::MAX - 4),
            (0.5, 0),
            (-0.5, 0),
            (f64::INFINITY, 0),
            (f64::NEG_INFINITY, 1 << 63),
            (1e300, 0),
            (9_223_372_036_854_775_808.0, 1 << 63),
            (18_446_744_073_709_549_568.0, u64::MAX - 2047),
            (18_446_744_073_709_551_616.0, 0),
        ] {
            assert_eq!(score_bits(score), bits, "{score}");
            let place = Point::from_score(score);
            assert!(Point::new(place.longitude, place.latitude).is_some());
        }
        assert_eq!(Point::new(f64::NAN, 0.0), None);
        assert_eq!(Point::new(0.0, f64::INFINITY), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn bits_go_there_and_back(number: u32, bits: u64) {
            prop_assert_eq!(gather(spread(number)), number);
            prop_assert_eq!(spread(gather(bits)), bits & LATITUDE_BITS);
        }

        #[test]
        fn a_place_lies_in_its_cell(
            longitude in -180.0..180.0,
            latitude in -LATITUDE_MAX..LATITUDE_MAX,
            steps in 1u32..=26,
        ) {
            let place = point(longitude, latitude);
            let cell = Cell::of(place, steps);
            let bounds = cell.bounds();
            prop_assert!(bounds.longitude.0 <= longitude && longitude <= bounds.longitude.1);
            prop_assert!(bounds.latitude.0 <= latitude && latitude <= bounds.latitude.1);
            let (min, max) = cell.scores();
            prop_assert!(min <= place.score() && place.score() < max);
            for (east, north) in [(0, 1), (1, 0), (1, 1), (-1, 1), (-1, 0), (0, -1)] {
                prop_assert_eq!(cell.neighbor(east, north).neighbor(-east, -north), cell);
            }
            let decoded = Point::from_score(place.score());
            prop_assert!(place.distance(decoded) < 0.6);
            prop_assert_eq!(decoded.score(), place.score());
        }
    }
}
