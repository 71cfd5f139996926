//! Which members of a sorted set lie within an area.

use std::cmp::Ordering;

use super::{Area, Point};
use crate::collections::packed::Element;
use crate::types::sorted_set::{ScoreRange, SortedSetRef};

/// A member that was found.
#[derive(Debug, Clone, Copy)]
pub struct Hit<'a> {
    /// The member.
    pub member: Element<'a>,
    /// Its score.
    pub score: f64,
    /// The place that its score stands for.
    pub place: Point,
    /// How far it is from the center of the area, in meters.
    pub distance: f64,
}

/// The order of what is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// As it is met, cell by cell.
    #[default]
    Any,
    /// The nearest first.
    Nearest,
    /// The farthest first.
    Farthest,
}

/// How many members are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Count {
    /// All.
    #[default]
    All,
    /// So many, the first in their order; the nearest, if they have none.
    First(usize),
    /// So many, whichever are met first; they are put in order afterwards.
    Whichever(usize),
}

/// The members that lie within an area.
pub fn search<'a>(set: SortedSetRef<'a>, area: &Area, order: Order, count: Count) -> Vec<Hit<'a>> {
    let met = area.scores().flat_map(|(min, max)| set.range_by_score(&ScoreRange::of(min..max)));
    let within = met.filter_map(|pair| {
        let place = Point::from_score(pair.score);
        let distance = area.distance_within(place)?;
        Some(Hit { member: pair.member, score: pair.score, place, distance })
    });
    let mut hits: Vec<_> = match count {
        Count::Whichever(count) => within.take(count).collect(),
        _ => within.collect(),
    };
    let nearer = |a: &Hit<'_>, b: &Hit<'_>| a.distance.total_cmp(&b.distance);
    let farther = |a: &Hit<'_>, b: &Hit<'_>| nearer(a, b).reverse();
    match (order, count) {
        (Order::Any, Count::All | Count::Whichever(_)) => {}
        (Order::Any | Order::Nearest, _) => put_in_order(&mut hits, count, nearer),
        (Order::Farthest, _) => put_in_order(&mut hits, count, farther),
    }
    hits
}

/// Sorts, and keeps as many as are wanted: those that are not are only put aside, not sorted.
fn put_in_order<'a>(hits: &mut Vec<Hit<'a>>, count: Count, compare: impl Fn(&Hit<'a>, &Hit<'a>) -> Ordering) {
    if let Count::First(count) = count
        && count < hits.len()
    {
        if count > 0 {
            hits.select_nth_unstable_by(count - 1, &compare);
        }
        hits.truncate(count);
    }
    hits.sort_by(compare);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::geo::Shape;
    use crate::types::sorted_set::Builder;

    /// A grid of places, a degree apart.
    fn grid() -> Builder {
        let mut builder = Builder::new(1);
        for longitude in -180i32..180 {
            for latitude in -85i32..=85 {
                let place = Point::new(f64::from(longitude), f64::from(latitude)).expect("a place");
                builder.add(format!("{longitude}:{latitude}").as_bytes(), place.score());
            }
        }
        builder
    }

    /// Everything that a look at each single member finds, and nothing twice.
    #[test]
    fn finds_what_lies_within() {
        let set = grid().finish_large();
        let set = set.as_ref();
        let center = |longitude, latitude| Point::new(longitude, latitude).expect("a place");
        let circle = |radius| Shape::Circle { radius };
        let areas = [
            Area::around(center(0.5, 0.5), circle(1000.0)),
            Area::around(center(0.0, 0.0), circle(500_000.0)),
            Area::around(center(13.0, 60.0), circle(2_000_000.0)),
            Area::around(center(-90.0, -70.0), circle(500_000.0)),
            Area::around(center(33.3, 12.0), Shape::Box { width: 3_000_000.0, height: 100_000.0 }),
            Area::around(center(-33.3, -42.0), Shape::Box { width: 100_000.0, height: 3_000_000.0 }),
            Area::polygon(vec![center(1.5, 1.5), center(20.5, 3.5), center(10.5, 30.5)]),
            Area::polygon(vec![
                center(-1.5, -1.5),
                center(9.5, -2.5),
                center(4.0, 0.5),
                center(9.5, 9.5),
                center(-1.5, 9.5),
            ]),
        ];
        for area in areas {
            let mut wanted: Vec<_> = set
                .iter()
                .filter(|pair| area.distance_within(Point::from_score(pair.score)).is_some())
                .map(|pair| pair.member.to_vec())
                .collect();
            let hits = search(set, &area, Order::Any, Count::All);
            let mut found: Vec<_> = hits.iter().map(|hit| hit.member.to_vec()).collect();
            wanted.sort();
            found.sort();
            assert!(found == wanted, "{area:?}");

            let nearest = search(set, &area, Order::Nearest, Count::All);
            assert!(nearest.is_sorted_by(|a, b| a.distance <= b.distance));
            let farthest = search(set, &area, Order::Farthest, Count::First(3));
            assert_eq!(farthest.len(), found.len().min(3));
            assert!(farthest.is_sorted_by(|a, b| a.distance >= b.distance));
            for (count, hits) in [
                (Count::First(2), search(set, &area, Order::Any, Count::First(2))),
                (Count::First(0), search(set, &area, Order::Nearest, Count::First(0))),
                (Count::Whichever(2), search(set, &area, Order::Any, Count::Whichever(2))),
            ] {
                let max = if count == Count::First(0) { 0 } else { 2 };
                assert_eq!(hits.len(), found.len().min(max));
            }
            if let (Some(hit), Some(first)) =
                (search(set, &area, Order::Any, Count::First(1)).first(), nearest.first())
            {
                assert_eq!(hit.distance, first.distance);
            }
        }
    }
}
