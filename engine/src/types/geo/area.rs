//! What is searched: a shape around a center, the cells that cover it, and whether a place lies within.

use super::{Bounds, Cell, EARTH_RADIUS, Point, Radians, STEPS};

/// Half of the length of the equator on Mercator's map, in meters.
const MERCATOR_MAX: f64 = 20_037_726.37;

/// The shape of what is searched. Lengths are in meters.
#[derive(Debug, Clone, PartialEq)]
pub enum Shape {
    /// What is nearer than this.
    Circle {
        /// The distance.
        radius: f64,
    },
    /// What lies within so much to the sides, and up and down.
    Box {
        /// From the west to the east.
        width: f64,
        /// From the south to the north.
        height: f64,
    },
    /// What a line from corner to corner and back to the first goes round; straight on the map. At least
    /// three corners.
    Polygon {
        /// The corners.
        corners: Vec<Point>,
    },
}

/// What is searched.
#[derive(Debug, Clone, PartialEq)]
pub struct Area {
    center: Point,
    shape: Shape,
}

impl Area {
    /// A circle around a place, or what lies between two meridians and two parallels as far from it on either
    /// side.
    pub fn around(center: Point, shape: Shape) -> Self {
        Self { center, shape }
    }

    /// What has these corners. Its center is the middle of them in space.
    pub fn polygon(corners: Vec<Point>) -> Self {
        let (mut x, mut y, mut z) = (0.0f64, 0.0f64, 0.0f64);
        for corner in &corners {
            let (longitude, latitude) = (corner.longitude.to_radians_c(), corner.latitude.to_radians_c());
            x += latitude.cos() * longitude.cos();
            y += latitude.cos() * longitude.sin();
            z += latitude.sin();
        }
        let longitude = y.atan2(x).to_degrees_c();
        let latitude = z.atan2((x * x + y * y).sqrt()).to_degrees_c();
        Self { center: Point { longitude, latitude }, shape: Shape::Polygon { corners } }
    }

    /// How far a place is from the center, in meters, if it lies within.
    pub fn distance_within(&self, place: Point) -> Option<f64> {
        match &self.shape {
            Shape::Circle { radius } => {
                let distance = self.center.distance(place);
                (distance <= *radius).then_some(distance)
            }
            Shape::Box { width, height } => {
                if place.latitude_distance(self.center.latitude) > height / 2.0 {
                    return None;
                }
                let beside = Point { longitude: self.center.longitude, ..place };
                if place.distance(beside) > width / 2.0 {
                    return None;
                }
                Some(self.center.distance(place))
            }
            Shape::Polygon { corners } => goes_round(corners, place).then(|| self.center.distance(place)),
        }
    }

    /// The scores of all places that may lie within: from the first up to the second of each pair. They are
    /// in the order in which Valkey looks at them, and so in that of a reply that is not sorted.
    pub fn scores(&self) -> impl Iterator<Item = (f64, f64)> {
        self.cells().into_iter().flatten().map(Cell::scores)
    }

    /// The cell of the center and those around it, without those that are not needed.
    fn cells(&self) -> [Option<Cell>; 9] {
        let bounds = self.bounds();
        let mut steps = self.steps();
        let mut cell = Cell::of(self.center, steps);
        // Where the cells around do not reach as far as the shape does, they have to be larger.
        let (north, south) = (cell.neighbor(0, 1).bounds(), cell.neighbor(0, -1).bounds());
        let (east, west) = (cell.neighbor(1, 0).bounds(), cell.neighbor(-1, 0).bounds());
        let too_small = north.latitude.1 < bounds.latitude.1
            || south.latitude.0 > bounds.latitude.0
            || east.longitude.1 < bounds.longitude.1
            || west.longitude.0 > bounds.longitude.0;
        if too_small && steps > 1 {
            steps -= 1;
            cell = Cell::of(self.center, steps);
        }
        let inner = cell.bounds();
        // Where the middle cell reaches further than the shape, what is beyond is not needed.
        let needed = |east: i32, north: i32| {
            steps < 2
                || !((north < 0 && inner.latitude.0 < bounds.latitude.0)
                    || (north > 0 && inner.latitude.1 > bounds.latitude.1)
                    || (east < 0 && inner.longitude.0 < bounds.longitude.0)
                    || (east > 0 && inner.longitude.1 > bounds.longitude.1))
        };
        let around = [(0, 0), (0, 1), (0, -1), (1, 0), (-1, 0), (1, 1), (-1, 1), (1, -1), (-1, -1)];
        let mut cells = [None; 9];
        let mut last = None;
        for ((east, north), slot) in around.into_iter().zip(&mut cells) {
            let cell = cell.neighbor(east, north);
            // On a map of few cells the ones to the left and to the right may be the same.
            if needed(east, north) && last != Some(cell) {
                *slot = Some(cell);
                last = Some(cell);
            }
        }
        cells
    }

    /// Meridians and parallels between which the shape lies.
    fn bounds(&self) -> Bounds {
        let (half_width, half_height) = match &self.shape {
            Shape::Circle { radius } => (*radius, *radius),
            Shape::Box { width, height } => (width / 2.0, height / 2.0),
            Shape::Polygon { corners } => {
                let span = |of: fn(&Point) -> f64| {
                    corners.iter().map(of).fold((f64::INFINITY, f64::NEG_INFINITY), |(min, max), value| {
                        (min.min(value), max.max(value))
                    })
                };
                return Bounds { longitude: span(|at| at.longitude), latitude: span(|at| at.latitude) };
            }
        };
        let Point { longitude, latitude } = self.center;
        let up = (half_height / EARTH_RADIUS).to_degrees_c();
        // Meridians are nearest to each other at the side that is nearer to a pole.
        let widest = if latitude < 0.0 { latitude - up } else { latitude + up };
        let aside = (half_width / EARTH_RADIUS / widest.to_radians_c().cos()).to_degrees_c();
        Bounds { longitude: (longitude - aside, longitude + aside), latitude: (latitude - up, latitude + up) }
    }

    /// How small the cells may be: as large as the shape, or a little larger.
    fn steps(&self) -> u32 {
        let mut radius = match &self.shape {
            Shape::Circle { radius } => *radius,
            Shape::Box { width, height } => {
                ((width / 2.0) * (width / 2.0) + (height / 2.0) * (height / 2.0)).sqrt()
            }
            // As far as the farthest corner of the box around it.
            Shape::Polygon { .. } => {
                let Bounds { longitude: (west, east), latitude: (south, north) } = self.bounds();
                let corners = [(west, south), (west, north), (east, south), (east, north)];
                let distance = |(longitude, latitude)| self.center.distance(Point { longitude, latitude });
                corners.into_iter().map(distance).fold(0.0, f64::max)
            }
        };
        if radius == 0.0 {
            return STEPS;
        }
        let mut steps = 1i32;
        while radius < MERCATOR_MAX {
            radius *= 2.0;
            steps += 1;
        }
        steps -= 2;
        // Near the poles cells are narrower than they are at the equator.
        let latitude = self.center.latitude.abs();
        if latitude > 66.0 {
            steps -= 1;
            if latitude > 80.0 {
                steps -= 1;
            }
        }
        steps.clamp(1, STEPS as i32).unsigned_abs()
    }
}

/// Whether a line from corner to corner goes round a place: whether a ray to the east meets it an odd number
/// of times.
fn goes_round(corners: &[Point], place: Point) -> bool {
    let mut inside = false;
    let mut before = corners.last();
    for corner in corners {
        if let Some(before) = before
            && (corner.latitude > place.latitude) != (before.latitude > place.latitude)
            && place.longitude
                < (before.longitude - corner.longitude) * (place.latitude - corner.latitude)
                    / (before.latitude - corner.latitude)
                    + corner.longitude
        {
            inside = !inside;
        }
        before = Some(corner);
    }
    inside
}
