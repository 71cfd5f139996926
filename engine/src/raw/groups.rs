//! The memory of a hash table that holds its entries in place: groups of twelve places, each with a [`Head`]
//! whose tags say which of them are taken.
//!
//! ```text
//! heads      | tag x 12 | use x 12 | passed | ...  16 bytes for each group: a million entries' fit a cache
//! strangers  | bit x 12 | ...                      which entries lie outside of their home
//! places     | entry x 12 | ...                    written to only where there is an entry
//! ```
//!
//! An entry belongs to the group that its position, a 64-bit number, falls to when the whole range is divided
//! evenly: its *home*. When that is full it lies in the next one with a free place, and each group on the way
//! counts it as *passed*, so that a search goes on just as far as there is something to be found (F14's idea,
//! Bronson and Shi 2019). A count that reaches 255 stays there: searches are longer then, and still right.
//! Where entries come and go, those that found their home full stay away from it, and there are more and more
//! of them; so whoever takes an entry out should [`pull`](Groups::pull) one back into its place.
//!
//! Invariant: a place holds an entry if and only if its tag is not zero. Heads and places are of one number.
//! (Only what is found depends on the counts and on who is taken for a stranger.)

use std::mem::MaybeUninit;
use std::num::NonZeroU8;

use super::head::{Head, LANES, Lanes};
use super::prefetch::prefetch;

/// Eight bits of a hash, zero excepted.
pub type Tag = NonZeroU8;

/// Places for entries; see the [module](self).
pub struct Groups<T> {
    heads: Box<[Head]>,
    places: Box<[Places<T>]>,
    strangers: Box<[u16]>,
    len: usize,
}

/// The places of one group, which begin with a cache line: so none touches more lines than it must.
#[repr(C, align(64))]
struct Places<T>([MaybeUninit<T>; LANES]);

/// Where an entry lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spot {
    /// Which group.
    pub group: usize,
    /// Which of its places.
    pub lane: usize,
}

/// An entry that was found, and what counts its uses.
pub struct Hit<'a, T> {
    /// The entry.
    pub entry: &'a T,
    /// Where it lies.
    pub spot: Spot,
    head: &'a mut Head,
}

impl<T> Hit<'_, T> {
    /// Counts a use, up to 3.
    #[inline]
    pub fn count_use(&mut self) {
        self.head.count_use(self.spot.lane);
    }
}

/// Groups that are looked at in advance: what is looked for is nearly always in one of so many.
const PREFETCH_GROUPS: usize = 8;
/// A count of passed entries that has stopped.
const PASSED_MAX: u8 = u8::MAX;

impl<T> Groups<T> {
    /// So many empty groups; with none, nothing is allocated.
    pub fn new(groups: usize) -> Self {
        let places = Box::<[Places<T>]>::new_uninit_slice(groups);
        // SAFETY: places consist of what may be uninitialised, so they are themselves initialised.
        let places = unsafe { places.assume_init() };
        let heads = vec![Head::EMPTY; groups].into_boxed_slice();
        Self { heads, places, strangers: vec![0; groups].into_boxed_slice(), len: 0 }
    }

    /// The number of groups.
    #[inline]
    pub fn groups(&self) -> usize {
        self.heads.len()
    }

    /// The number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Whether there is no free place.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.len == self.groups() * LANES
    }

    /// The memory held, in bytes; what entries own elsewhere is apart.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.heads) + size_of_val(&*self.places) + size_of_val(&*self.strangers)
    }

    /// The group that a position falls to, as long as there are groups.
    #[inline]
    pub fn home(&self, position: u64) -> usize {
        ((u128::from(position) * self.groups() as u128) >> 64) as usize
    }

    /// The last position that falls to a group.
    pub fn last_position(&self, group: usize) -> u64 {
        let behind = ((group as u128) + 1) << 64;
        u64::try_from((behind - 1) / self.groups() as u128).unwrap_or(u64::MAX)
    }

    /// The group behind this one; the first comes after the last.
    #[inline]
    fn next(&self, group: usize) -> usize {
        if group + 1 < self.groups() { group + 1 } else { 0 }
    }

    /// The groups in which entries of `home` may lie, home first.
    pub fn chain(&self, home: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(home), move |&group| self.behind(group, home))
    }

    /// The one that comes after `group` among them.
    #[inline]
    pub fn behind(&self, group: usize, home: usize) -> Option<usize> {
        let next = self.next(group);
        (self.heads[group].rest() > 0 && next != home).then_some(next)
    }

    /// Finds the entry of this position and tag that `is_it` recognises. It is asked about entries with the
    /// same tag from the same group, or one close by: nearly always just the right one, or none.
    #[inline]
    pub fn find(&self, position: u64, tag: Tag, mut is_it: impl FnMut(&T) -> bool) -> Option<Spot> {
        let group = self.home(position);
        let head = self.heads.get(group)?;
        // SAFETY: there is a head of this group, and in it the lane has the tag, which is not zero.
        match head.matches(tag.get()).find(|&lane| is_it(unsafe { self.entry(group, lane) })) {
            Some(lane) => Some(Spot { group, lane }),
            None if head.rest() == 0 => None,
            None => self.find_behind(group, tag, is_it),
        }
    }

    /// The rest of [`find`](Self::find), for the few entries that do not lie in their home.
    #[inline(never)]
    fn find_behind(&self, home: usize, tag: Tag, mut is_it: impl FnMut(&T) -> bool) -> Option<Spot> {
        let mut group = home;
        while let Some(next) = self.behind(group, home) {
            group = next;
            for lane in self.tagged(group, tag) {
                // SAFETY: there is a head of this group, and in it the lane has the tag, which is not zero.
                if is_it(unsafe { self.entry(group, lane) }) {
                    return Some(Spot { group, lane });
                }
            }
        }
        None
    }

    /// The same, if it lies in its home and is the first there with its tag, as nearly all do and are; with
    /// what counts its uses.
    #[inline]
    pub fn find_at_home(
        &mut self,
        position: u64,
        tag: Tag,
        is_it: impl FnOnce(&T) -> bool,
    ) -> Option<Hit<'_, T>> {
        let group = self.home(position);
        let Self { heads, places, .. } = self;
        let head = heads.get_mut(group)?;
        let lane = head.matches(tag.get()).first()?;
        // SAFETY: there are as many groups of places as heads, and a place whose tag is not zero holds an
        // entry.
        let entry = unsafe { places.get_unchecked(group).0[lane].assume_init_ref() };
        is_it(entry).then_some(Hit { entry, spot: Spot { group, lane }, head })
    }

    /// The entry in this place, which nothing is checked of.
    ///
    /// # Safety
    /// There is such a group, and the lane's tag in it is not zero.
    #[inline]
    unsafe fn entry(&self, group: usize, lane: usize) -> &T {
        // SAFETY: there are as many groups of places as heads, and a place whose tag is not zero holds an
        // entry.
        unsafe { self.places.get_unchecked(group).0[lane].assume_init_ref() }
    }

    /// Hints that the entry of this position and tag will be taken out.
    #[inline]
    pub fn prefetch_entry(&self, position: u64, tag: Tag) {
        let home = self.home(position);
        if home >= self.groups() {
            return;
        }
        let mut group = home;
        for _ in 0..PREFETCH_GROUPS {
            if let Some(lane) = self.tagged(group, tag).first() {
                prefetch(std::slice::from_ref(&self.places[group].0[lane]));
                return self.prefetch_stranger(group);
            }
            let Some(next) = self.behind(group, home) else { return };
            group = next;
        }
    }

    /// Hints that a place in this group will be free, for another to be pulled into it.
    #[inline]
    fn prefetch_stranger(&self, group: usize) {
        if self.heads[group].rest() == 0 {
            return;
        }
        let next = self.next(group);
        let stranger = self.strangers[next].trailing_zeros() as usize;
        if let Some(place) = self.places[next].0.get(stranger) {
            prefetch(std::slice::from_ref(place));
        }
    }

    /// Hints that an entry of this position will be put in.
    #[inline]
    pub fn prefetch_free(&self, position: u64) {
        let mut group = self.home(position);
        for _ in 0..PREFETCH_GROUPS {
            let Some(head) = self.heads.get(group) else { return };
            if let Some(lane) = head.matches(0).first() {
                return prefetch(std::slice::from_ref(&self.places[group].0[lane]));
            }
            group = self.next(group);
        }
    }

    /// The places of a group that hold entries.
    #[inline]
    pub fn taken(&self, group: usize) -> Lanes {
        self.heads[group].matches(0).others()
    }

    /// The places of a group that hold entries with this tag.
    #[inline]
    pub fn tagged(&self, group: usize, tag: Tag) -> Lanes {
        self.heads[group].matches(tag.get())
    }

    /// A place of a group that holds an entry with a use count of zero.
    #[inline]
    pub fn unused(&self, group: usize) -> Option<usize> {
        self.taken(group).and(self.heads[group].unused()).first()
    }

    /// Lowers every use count of a group by one, down to zero.
    #[inline]
    pub fn count_down(&mut self, group: usize) {
        self.heads[group].count_down();
    }

    /// How often an entry was used, up to 3.
    #[inline]
    pub fn use_count(&self, spot: Spot) -> u8 {
        self.heads[spot.group].use_count(spot.lane)
    }

    /// Raises the same by one.
    #[inline]
    pub fn count_use(&mut self, spot: Spot) {
        self.heads[spot.group].count_use(spot.lane);
    }

    /// Sets the same.
    #[inline]
    pub fn set_use_count(&mut self, spot: Spot, use_count: u8) {
        self.heads[spot.group].set_use_count(spot.lane, use_count);
    }

    /// The entry at a spot.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn get(&self, spot: Spot) -> &T {
        self.check(spot);
        // SAFETY: both were just checked.
        unsafe { self.entry(spot.group, spot.lane) }
    }

    /// The entry at a spot, to change.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn get_mut(&mut self, spot: Spot) -> &mut T {
        self.check(spot);
        // SAFETY: as in `get`.
        unsafe { self.places[spot.group].0[spot.lane].assume_init_mut() }
    }

    #[inline]
    fn check(&self, spot: Spot) {
        assert!(self.heads[spot.group].tag(spot.lane) != 0, "invariant: the spot holds an entry");
    }

    /// Puts an entry in, with a use count of zero; gives it back if there is no place.
    #[inline]
    pub fn insert(&mut self, position: u64, tag: Tag, entry: T) -> Result<Spot, T> {
        if self.is_full() {
            return Err(entry);
        }
        let home = self.home(position);
        let mut group = home;
        let lane = loop {
            let head = &mut self.heads[group];
            if let Some(lane) = head.matches(0).first() {
                break lane;
            }
            head.set_rest(head.rest().saturating_add(1));
            group = self.next(group);
        };
        let spot = Spot { group, lane };
        self.put(spot, tag, 0, entry);
        if group != home {
            self.strangers[group] |= 1 << lane;
        }
        Ok(spot)
    }

    /// Writes an entry into a free place.
    #[inline]
    fn put(&mut self, Spot { group, lane }: Spot, tag: Tag, use_count: u8, entry: T) {
        debug_assert_eq!(self.heads[group].tag(lane), 0);
        // The tag last: if something before it panicked there would be no entry.
        self.places[group].0[lane].write(entry);
        let head = &mut self.heads[group];
        head.set_use_count(lane, use_count);
        head.set_tag(lane, tag.get());
        self.len += 1;
    }

    /// If this group has a free place, and was passed by an entry that lies in the next one, that moves here.
    /// From where and to where; `position` is what an entry was put in under.
    #[inline]
    pub fn pull(&mut self, group: usize, position: impl FnOnce(&T) -> u64) -> Option<(Spot, Spot)> {
        let passed = self.heads[group].rest();
        let lane = self.heads[group].matches(0).first()?;
        let next = self.next(group);
        // Whoever is a stranger in the next group has passed this one.
        let strangers = self.strangers[next];
        if passed == 0 || strangers == 0 {
            return None;
        }
        let from = Spot { group: next, lane: strangers.trailing_zeros() as usize };
        let (tag, use_count) = (Tag::new(self.heads[next].tag(from.lane))?, self.use_count(from));
        let entry = self.lift(from);
        let is_home = self.home(position(&entry)) == group;
        let to = Spot { group, lane };
        self.put(to, tag, use_count, entry);
        self.strangers[group] |= u16::from(!is_home) << lane;
        if passed != PASSED_MAX {
            self.heads[group].set_rest(passed - 1);
        }
        Some((from, to))
    }

    /// Takes an entry out, which was put in under this position.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn remove(&mut self, spot: Spot, position: u64) -> T {
        let is_stranger = self.strangers[spot.group] & 1 << spot.lane != 0;
        let entry = self.lift(spot);
        if is_stranger {
            self.unpass(spot.group, position);
        }
        entry
    }

    /// Takes the one who went to `group` off the counts of the groups that he has passed.
    fn unpass(&mut self, target: usize, position: u64) {
        let mut group = self.home(position);
        // Under another position than it came with the counts would go wrong, and searches with them; nothing
        // worse.
        for _ in 0..self.groups() {
            if group == target {
                break;
            }
            let head = &mut self.heads[group];
            if head.rest() != PASSED_MAX {
                head.set_rest(head.rest().saturating_sub(1));
            }
            group = self.next(group);
        }
    }

    /// All spots that hold entries.
    pub fn spots(&self) -> impl Iterator<Item = Spot> {
        (0..self.groups()).flat_map(|group| self.taken(group).map(move |lane| Spot { group, lane }))
    }

    /// Takes all entries out, in no order that means anything.
    pub fn into_entries(mut self) -> impl Iterator<Item = T> {
        let mut group = 0;
        std::iter::from_fn(move || {
            while group < self.groups() {
                if let Some(lane) = self.taken(group).first() {
                    return Some(self.lift(Spot { group, lane }));
                }
                group += 1;
            }
            None
        })
    }

    /// Takes an entry out and leaves the counts of what was passed as they are.
    #[inline]
    fn lift(&mut self, spot: Spot) -> T {
        self.check(spot);
        self.heads[spot.group].set_tag(spot.lane, 0);
        self.strangers[spot.group] &= !(1 << spot.lane);
        self.len -= 1;
        // SAFETY: the tag was not zero, so there was an entry; now it is, so nobody will read it again.
        unsafe { self.places[spot.group].0[spot.lane].assume_init_read() }
    }
}

impl<T> Drop for Groups<T> {
    fn drop(&mut self) {
        if !std::mem::needs_drop::<T>() {
            return;
        }
        for group in 0..self.groups() {
            while let Some(lane) = self.taken(group).first() {
                drop(self.lift(Spot { group, lane }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::rc::Rc;

    use proptest::prelude::*;

    use super::*;

    fn tag(bits: u8) -> Tag {
        Tag::new(bits.max(1)).expect("not zero")
    }

    #[test]
    fn positions_fall_evenly_and_in_order() {
        for groups in [1, 2, 3, 7, 64] {
            let table = Groups::<()>::new(groups);
            assert_eq!((table.home(0), table.home(u64::MAX)), (0, groups - 1));
            let mut first = 0;
            for group in 0..groups {
                let last = table.last_position(group);
                assert_eq!((table.home(first), table.home(last)), (group, group));
                first = last.wrapping_add(1);
            }
            assert_eq!(first, 0);
        }
        assert_eq!(Groups::<u8>::new(0).find(7, tag(7), |_| true), None);
        assert_eq!(Groups::<u8>::new(0).insert(7, tag(7), 1), Err(1));
        assert_eq!(Groups::<u8>::new(0).memory_bytes(), 0);
    }

    #[test]
    fn each_entry_is_dropped_once() {
        let owner = Rc::new(());
        let mut table = Groups::new(3);
        let spots: Vec<_> =
            (0..30).map(|n| table.insert(n << 59, tag(n as u8), Rc::clone(&owner)).expect("room")).collect();
        assert_eq!(Rc::strong_count(&owner), 31);
        drop(table.remove(spots[4], 4 << 59));
        assert_eq!((Rc::strong_count(&owner), table.len()), (30, 29));
        let mut entries = table.into_entries();
        assert!(entries.by_ref().take(9).count() == 9 && Rc::strong_count(&owner) == 21);
        drop(entries);
        assert_eq!(Rc::strong_count(&owner), 1);
    }

    #[test]
    #[should_panic(expected = "holds an entry")]
    fn an_outdated_spot_is_refused() {
        let mut table = Groups::new(1);
        let spot = table.insert(0, tag(1), 1).expect("room");
        table.remove(spot, 0);
        table.get_mut(spot);
    }

    #[test]
    fn a_full_count_stays_and_nothing_is_lost() {
        let mut table = Groups::new(40);
        let spots: Vec<_> = (0..480).map(|n| table.insert(0, tag(9), n).expect("room")).collect();
        assert!(table.is_full() && table.insert(0, tag(9), 480) == Err(480));
        assert_eq!(spots[12..].iter().map(|&spot| table.remove(spot, 0)).count(), 468);
        assert!((0..480).all(|n| table.find(0, tag(9), |&entry| entry == n).is_some() == (n < 12)));
        // 480 - 12 * n entries have passed the first n groups, and of a count that was full nothing is taken.
        assert_eq!(table.chain(0).count(), 1 + (1..40).filter(|n| 480 - 12 * n >= 255).count());
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: if cfg!(miri) { 2 } else { 128 },
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Each number adds an entry, or takes away the one at this place. Few positions, so that groups
        /// overflow into each other.
        #[test]
        fn behaves_like_a_map(
            groups in 1usize..6,
            ops in prop::collection::vec(
                prop::option::weighted(0.6, 0u64..40),
                0..if cfg!(miri) { 60 } else { 400 },
            ),
        ) {
            let position = |n: u64| (n % 8).wrapping_mul(0x2fff_ffff_ffff_ffff);
            let (mut table, mut model) = (Groups::new(groups), BTreeMap::new());
            for (nth, op) in ops.into_iter().enumerate() {
                if let Some(n) = op {
                    let entry = (n, nth);
                    match table.insert(position(n), tag(n as u8 % 5), entry) {
                        Ok(spot) => prop_assert!(model.insert(entry, spot).is_none()),
                        Err(back) => prop_assert!(back == entry && model.len() == groups * LANES),
                    }
                } else if let Some(&entry) = model.keys().nth(nth * 7 % model.len().max(1)) {
                    let spot = model.remove(&entry).expect("it is there");
                    prop_assert_eq!(table.remove(spot, position(entry.0)), entry);
                    prop_assert_eq!(
                        table.find(position(entry.0), tag(entry.0 as u8 % 5), |&other| other == entry),
                        None
                    );
                }
                prop_assert_eq!(table.len(), model.len());
                for (entry, &spot) in &model {
                    let found = table.find(position(entry.0), tag(entry.0 as u8 % 5), |other| other == entry);
                    prop_assert_eq!((found, table.get(spot)), (Some(spot), entry));
                    prop_assert!(table.chain(table.home(position(entry.0))).any(|group| group == spot.group));
                }
            }
            for group in 0..groups {
                while let Some((from, to)) = table.pull(group, |entry| position(entry.0)) {
                    let moved = model.iter_mut().find(|(_, spot)| **spot == from).expect("it is there").1;
                    *moved = to;
                }
            }
            for (entry, &spot) in &model {
                let found = table.find(position(entry.0), tag(entry.0 as u8 % 5), |other| other == entry);
                prop_assert_eq!((found, table.get(spot)), (Some(spot), entry));
            }
            prop_assert_eq!(table.spots().count(), model.len());
            prop_assert!(table.into_entries().all(|entry| model.remove(&entry).is_some()));
        }
    }
}
