//! Sorted sets of places as an embedding program uses them.

use super::DB;
use crate::store::{Key, Lookup, Scope, Store, View};
use crate::types::geo::{self, Area, Count, Order, Point};
use crate::types::sorted_set::AddOptions;
use crate::{SortedSetError, WrongType};

/// The places at one key of a store: see [`Store::places`].
#[derive(Debug, Clone, Copy)]
pub struct PlacesHandle<'s, 'k> {
    store: &'s Store,
    key: Key<'k>,
}

impl Store {
    /// The places at `key`, whether it is there or not: a sorted set whose scores stand for longitude and
    /// latitude, to within half a meter.
    ///
    /// ```
    /// use scrubjay::geo::{Area, Count, Order, Point, Shape};
    ///
    /// # let store = scrubjay::Store::default();
    /// let at = |longitude, latitude| Point::new(longitude, latitude).expect("a place on the map");
    /// let cities = store.places("cities");
    /// cities.add([("Palermo", at(13.361389, 38.115556)), ("Catania", at(15.087269, 37.502669))])?;
    ///
    /// assert_eq!(cities.distance("Palermo", "Catania")?.map(f64::round), Some(166_274.0));
    /// let near = Area::around(at(15.0, 37.0), Shape::Circle { radius: 100_000.0 });
    /// let found = cities.search(&near, Order::Nearest, Count::All)?;
    /// assert_eq!(found[0].0, b"Catania");
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn places<'s, 'k, K: AsRef<[u8]> + ?Sized>(&'s self, key: &'k K) -> PlacesHandle<'s, 'k> {
        PlacesHandle { store: self, key: self.key(DB, key.as_ref()) }
    }
}

/// Each method works at the moment of its call, is atomic, and has every side effect that a client's command
/// has.
impl PlacesHandle<'_, '_> {
    /// Puts members at places, whether they are there or not; how many of them are new.
    ///
    /// # Errors
    /// [`SortedSetError`]; nothing is changed then.
    pub fn add<T: AsRef<[u8]>>(
        &self,
        members: impl IntoIterator<Item = (T, Point)>,
    ) -> Result<usize, SortedSetError> {
        let members: Vec<(T, Point)> = members.into_iter().collect();
        if members.is_empty() {
            return Ok(0);
        }
        let now = self.store.clock().now();
        let bytes: usize = members.iter().map(|(member, _)| member.as_ref().len()).sum();
        self.store.make_room(self.key.bytes().len() + bytes, now)?;
        let pairs = members.iter().map(|(member, place)| (place.score(), member.as_ref()));
        let mut view = self.store.view(Scope::Key(&self.key), now);
        Ok(view.sorted_set_add(self.key, AddOptions::default(), pairs)?.added)
    }

    /// Where a member is, to within half a meter.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn position(&self, member: impl AsRef<[u8]>) -> Result<Option<Point>, WrongType> {
        let mut view = self.view();
        let set = view.sorted_set(self.key, Lookup::Read)?;
        Ok(set.and_then(|set| set.score(member.as_ref())).map(Point::from_score))
    }

    /// How far two members are from each other, in meters.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn distance(&self, a: impl AsRef<[u8]>, b: impl AsRef<[u8]>) -> Result<Option<f64>, WrongType> {
        let mut view = self.view();
        let Some(set) = view.sorted_set(self.key, Lookup::Read)? else { return Ok(None) };
        let place = |member: &[u8]| set.score(member).map(Point::from_score);
        Ok(place(a.as_ref()).zip(place(b.as_ref())).map(|(a, b)| a.distance(b)))
    }

    /// The members within an area, and how far each is from its center, in meters.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a sorted set.
    pub fn search(&self, area: &Area, order: Order, count: Count) -> Result<Vec<(Vec<u8>, f64)>, WrongType> {
        let mut view = self.view();
        let Some(set) = view.sorted_set(self.key, Lookup::Read)? else { return Ok(Vec::new()) };
        let hits = geo::search(set, area, order, count);
        Ok(hits.iter().map(|hit| (hit.member.to_vec(), hit.distance)).collect())
    }

    fn view(&self) -> View<'_> {
        self.store.view(Scope::Key(&self.key), self.store.clock().now())
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_nowhere() {
        let store = Store::default();
        let places = store.places("places");
        let here = Point::new(13.4, 52.5).expect("a place");
        let all = Area::around(here, geo::Shape::Circle { radius: 1.0 });
        assert_eq!(places.add::<&str>([]), Ok(0));
        assert_eq!(places.position("here"), Ok(None));
        assert_eq!(places.search(&all, Order::Any, Count::All), Ok(Vec::new()));
        assert_eq!(places.add([("here", here), ("here", here)]), Ok(1));
        assert!(
            places.position("here").is_ok_and(|place| place.is_some_and(|place| place.distance(here) < 1.0))
        );
        assert_eq!(places.distance("here", "there"), Ok(None));
        assert_eq!(places.search(&all, Order::Any, Count::All).map(|found| found.len()), Ok(1));
        store.set("text", "x").expect("no limit");
        assert_eq!(store.places("text").position("x"), Err(WrongType));
        assert_eq!(store.places("text").add([("x", here)]), Err(SortedSetError::WrongType));
    }
}
