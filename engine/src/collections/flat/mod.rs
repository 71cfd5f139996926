//! A hash table that holds its entries in place, in the order of their hashes, and grows a little at a time.
//!
//! ```text
//! hash (64 bits) -> group: the hash's share of all groups -> twelve tags, 16 bytes -> entry
//! ```
//!
//! A look-up touches the tags of one group, which for a million entries lie in 1.5 MB that the processor's
//! caches hold, and then the entry: one wait for memory, where a table of handles has two. What that costs is
//! that entries move when the table grows; until then each keeps its place, and an [`At`] is good.
//!
//! **Growth.** The memory is [`Groups`] of twelve places, of which at most 14 in 16 are taken. Then there are
//! two: a larger one beside it, into which each insert moves the entries of a few homes, in the order of
//! hashes; so does a look at what has not moved, if the caller wants it to. At any moment all hashes up to a
//! *frontier* lie in the new one and all others in the old, so a look-up asks only one of them. Tables grow
//! by a quarter, so that on average little lies idle, and who knows how many entries will come says so and
//! gets a table that fits.
//!
//! **Order.** A cursor is a hash, as in the table of handles (`collections::table`): see [`Flat::scan`].
//!
//! **Skew.** With a hash that does not spread, groups overflow into their neighbours, and a look-up becomes
//! slow; memory stays in proportion to the number of entries.

mod cursor;
mod growth;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

use crate::raw::groups::{Groups, Hit, Spot, Tag};
use crate::raw::head::LANES;

/// What the table asks of an entry.
pub trait Hashed {
    /// The hash it is found by; always the same.
    fn hash(&self) -> u64;
}

/// Who keeps something about entries by their place, and hears when they move.
pub trait Follow<T> {
    /// An entry has moved.
    fn moved(&mut self, entry: &T, from: At, to: At);

    /// No entry lies on this side any more.
    fn left(&mut self, side: usize);
}

impl<T> Follow<T> for () {
    fn moved(&mut self, _: &T, _: At, _: At) {}

    fn left(&mut self, _: usize) {}
}

/// Where an entry lies: good until an [`insert`](Flat::insert) or [`condense`](Flat::condense).
///
/// An outdated one is harmless to memory: it names another entry, or panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At(NonZeroU32);

/// A group's number takes this many bits of an [`At`].
const GROUP_BITS: u32 = 27;
const LANE_BITS: u32 = LANES.next_power_of_two().trailing_zeros();
const _: () = assert!(1 + GROUP_BITS + LANE_BITS <= u32::BITS);

impl At {
    #[inline]
    fn new(side: usize, spot: Spot) -> Self {
        let bits = (spot.group << LANE_BITS | spot.lane) << 1 | side;
        // It ends with a thirteenth lane, so this does not wrap.
        Self(NonZeroU32::MIN.saturating_add(bits as u32))
    }

    #[inline]
    fn bits(self) -> usize {
        (self.0.get() - 1) as usize
    }

    /// Which of the two memories.
    #[inline]
    pub fn side(self) -> usize {
        self.bits() & 1
    }

    /// Which of its places, counted with gaps: 12 of 16 numbers are in use.
    #[inline]
    pub fn number(self) -> usize {
        self.bits() >> 1
    }

    #[inline]
    fn spot(self) -> Spot {
        Spot { group: self.number() >> LANE_BITS, lane: self.number() & ((1 << LANE_BITS) - 1) }
    }
}

/// Eight bits of a hash that do not tell where an entry lies.
#[inline]
pub fn tag(hash: u64) -> Tag {
    Tag::new(hash as u8).unwrap_or(Tag::MIN)
}

/// A hash table of entries in place; see the [module](self).
///
/// In this order, so that what a look-up needs lies together.
#[repr(C)]
pub struct Flat<T> {
    /// The last hash that lies in `now`: the last of all, unless the table is moving.
    frontier: u64,
    now: Groups<T>,
    /// What `now` takes the place of, while the table is moving.
    before: Groups<T>,
    /// What was moved away from, without entries: see [`take_spent`](Flat::take_spent).
    spent: Groups<T>,
    /// What an [`At`] calls `now`'s side: the sides take turns.
    side: usize,
    /// The first home of `before` whose entries have not moved.
    next_home: usize,
    /// The group of `now` that an entry was last taken out of; [`FILLED`] if its place was filled since.
    hole: usize,
    /// Where the clock stands: a group of `now`; those of `before` are counted behind them.
    hand: usize,
}

/// No group.
const FILLED: usize = usize::MAX;

impl<T: Hashed> Flat<T> {
    /// A table without entries, which has allocated nothing.
    pub fn new() -> Self {
        Self {
            frontier: u64::MAX,
            now: Groups::new(0),
            before: Groups::new(0),
            spent: Groups::new(0),
            side: 0,
            next_home: 0,
            hole: FILLED,
            hand: 0,
        }
    }

    /// The number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.now.len() + self.before.len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory held, in bytes; what entries own elsewhere is apart.
    pub fn memory_bytes(&self) -> usize {
        [&self.now, &self.before, &self.spent].into_iter().map(Groups::memory_bytes).sum()
    }

    /// The side in which entries of this hash lie.
    #[inline]
    fn side_of(&self, hash: u64) -> usize {
        self.side ^ usize::from(hash > self.frontier)
    }

    #[inline]
    fn part(&self, side: usize) -> &Groups<T> {
        if side == self.side { &self.now } else { &self.before }
    }

    #[inline]
    fn part_mut(&mut self, side: usize) -> &mut Groups<T> {
        if side == self.side { &mut self.now } else { &mut self.before }
    }

    /// Finds the entry of this hash that `is_it` recognises. It is asked about entries with a similar hash:
    /// nearly always just the right one, or none.
    #[inline]
    pub fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<At> {
        let side = self.side_of(hash);
        self.part(side).find(hash, tag(hash), is_it).map(|spot| At::new(side, spot))
    }

    /// The same, if it lies where nearly all do, with what counts its uses: for who goes on to
    /// [`find`](Self::find) if it does not.
    #[inline]
    pub fn find_at_home(&mut self, hash: u64, is_it: impl FnOnce(&T) -> bool) -> Option<Hit<'_, T>> {
        if hash > self.frontier {
            return None;
        }
        self.now.find_at_home(hash, tag(hash), is_it)
    }

    /// Where an entry lies that was found [at home](Self::find_at_home).
    #[inline]
    pub fn at(&self, spot: Spot) -> At {
        At::new(self.side, spot)
    }

    /// The entry there.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn get(&self, at: At) -> &T {
        self.part(at.side()).get(at.spot())
    }

    /// The entry there, to change; its hash must stay.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn get_mut(&mut self, at: At) -> &mut T {
        self.part_mut(at.side()).get_mut(at.spot())
    }

    /// How often the entry there was used, as far as that was counted; at most 3.
    #[inline]
    pub fn use_count(&self, at: At) -> u8 {
        self.part(at.side()).use_count(at.spot())
    }

    /// Raises the same by one.
    #[inline]
    pub fn count_use(&mut self, at: At) {
        self.part_mut(at.side()).count_use(at.spot());
    }

    /// Sets the same.
    #[inline]
    pub fn set_use_count(&mut self, at: At, use_count: u8) {
        self.part_mut(at.side()).set_use_count(at.spot(), use_count);
    }

    /// Puts an entry in, with a use count of zero. The caller has made sure that its key is not there, and
    /// says how many entries there will be in the end, if he knows.
    ///
    /// # Panics
    /// At a billion entries.
    #[inline]
    pub fn insert(&mut self, entry: T, expected: usize, follow: &mut impl Follow<T>) -> At {
        let hash = entry.hash();
        self.fill_hole(follow);
        self.make_room(hash, expected, follow);
        let side = self.side_of(hash);
        match self.part_mut(side).insert(hash, tag(hash), entry) {
            Ok(spot) => At::new(side, spot),
            Err(_) => unreachable!("invariant: there is room"),
        }
    }

    /// Takes the entry there out.
    ///
    /// # Panics
    /// If there is none.
    #[inline]
    pub fn remove(&mut self, at: At) -> T {
        let hash = self.get(at).hash();
        if at.side() == self.side {
            self.hole = at.spot().group;
        }
        self.part_mut(at.side()).remove(at.spot(), hash)
    }

    /// Hints that the entry of this hash will be taken out.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        self.part(self.side_of(hash)).prefetch_entry(hash, tag(hash));
    }

    /// Hints that an entry of this hash will be put in.
    #[inline]
    pub fn prefetch_free(&self, hash: u64) {
        self.part(self.side_of(hash)).prefetch_free(hash);
    }

    /// All entries, in no order that means anything.
    pub fn iter(&self) -> impl Iterator<Item = (At, &T)> {
        [0, 1].into_iter().flat_map(move |side| {
            let part = self.part(side);
            part.spots().map(move |spot| (At::new(side, spot), part.get(spot)))
        })
    }

    /// All entries, to keep.
    pub fn into_entries(self) -> impl Iterator<Item = T> {
        self.now.into_entries().chain(self.before.into_entries())
    }
}

impl<T: Hashed> Default for Flat<T> {
    fn default() -> Self {
        Self::new()
    }
}
