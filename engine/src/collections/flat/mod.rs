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
//! **Growth.** Places are [`Groups`]. To grow is to move into a second memory with a twelfth more homes,
//! home by home in the order of hashes: all hashes up to a *frontier* lie in the one, all others in the
//! other, so a look-up asks only one of them. Both have places only where they have entries, and the frontier
//! moves just as fast as entries come, so at any moment about 88 of a hundred places are taken. Who knows how
//! many entries will come says so, and gets a table in which these take seven places of eight.
//!
//! **Order.** A cursor is a hash, as in the table of handles (`collections::table`): see [`Flat::scan`].
//!
//! **Notes.** The owner may keep a number for each home, as long as entries are there: see
//! [`Flat::set_note`].
//!
//! **Skew.** With a hash that does not spread, groups overflow into their neighbours, and a look-up becomes
//! slow; memory stays in proportion to the number of entries.

mod cursor;
mod growth;
#[cfg(test)]
mod tests;

use std::num::NonZeroU32;

pub use crate::raw::groups::NO_NOTE;
use crate::raw::groups::{Groups, Hit, Spot, Tag};
use crate::raw::head::LANES;

/// What the table asks of an entry.
pub trait Hashed {
    /// The hash it is found by; always the same.
    fn hash(&self) -> u64;
}

/// Who keeps something about entries by their place, or about homes, and hears when they move.
pub trait Follow<T> {
    /// An entry has moved.
    fn moved(&mut self, entry: &T, from: At, to: At);

    /// It belongs to another home since, with this note: what is to be noted there now.
    fn rehomed(&mut self, entry: &T, at: At, note: u64) -> u64;

    /// In the home with this [end](Flat::end) something else is noted, since entries have come.
    fn noted(&mut self, end: u64, was: u64, is: u64);

    /// A home with a note has no entries any more, and is gone.
    fn deserted(&mut self);

    /// No entry lies on this side any more.
    fn left(&mut self, side: usize);

    /// There are no entries any more, and no homes.
    fn emptied(&mut self);
}

/// Where an entry lies: good until an [`insert`](Flat::insert) or [`condense`](Flat::condense).
///
/// An outdated one is harmless to memory: it names another entry, or panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct At(NonZeroU32);

/// Where entries with some hashes belong: good as long as an [`At`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Home {
    which: usize,
    group: usize,
}

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
    /// The last hash that lies in the first part: the last of all, unless the table is moving.
    frontier: u64,
    /// Where entries lie, and where they have not yet moved away from.
    parts: [Groups<T>; 2],
    /// What an [`At`] calls the first part's side: the sides take turns.
    side: usize,
    /// From so many entries on there is something to do before another is put in.
    room: usize,
    /// The first home of the second part whose entries have not moved.
    next_home: usize,
    /// The group of the first part that an entry was last taken out of; [`FILLED`] if its place was filled
    /// since.
    hole: usize,
    /// Where the clock stands: a side and a group.
    hand: (usize, usize),
}

/// The part that all entries lie in, or move to.
const NOW: usize = 0;
/// The part that they move away from.
const BEFORE: usize = 1;
/// No group.
const FILLED: usize = usize::MAX;

impl<T: Hashed> Flat<T> {
    /// A table without entries, which has allocated nothing.
    pub fn new() -> Self {
        Self {
            frontier: u64::MAX,
            parts: [Groups::new(0), Groups::new(0)],
            side: 0,
            room: 0,
            next_home: 0,
            hole: FILLED,
            hand: (0, 0),
        }
    }

    /// The number of entries.
    #[inline]
    pub fn len(&self) -> usize {
        self.parts[NOW].len() + self.parts[BEFORE].len()
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The memory held, in bytes; what entries own elsewhere is apart.
    pub fn memory_bytes(&self) -> usize {
        self.parts.iter().map(Groups::memory_bytes).sum()
    }

    /// The part in which entries of this hash lie.
    #[inline]
    fn which(&self, hash: u64) -> usize {
        usize::from(hash > self.frontier)
    }

    #[inline]
    fn part(&self, side: usize) -> &Groups<T> {
        &self.parts[(side ^ self.side) & 1]
    }

    #[inline]
    fn part_mut(&mut self, side: usize) -> &mut Groups<T> {
        &mut self.parts[(side ^ self.side) & 1]
    }

    /// Finds the entry of this hash that `is_it` recognises. It is asked about entries with a similar hash:
    /// nearly always just the right one, or none.
    #[inline]
    pub fn find(&self, hash: u64, is_it: impl FnMut(&T) -> bool) -> Option<At> {
        let which = self.which(hash);
        let spot = self.parts[which].find(hash, tag(hash), is_it)?;
        Some(At::new(self.side ^ which, spot))
    }

    /// The same, if it lies where nearly all do, with what counts its uses: for who goes on to
    /// [`find`](Self::find) if it does not.
    #[inline]
    pub fn find_at_home(&mut self, hash: u64, is_it: impl FnOnce(&T) -> bool) -> Option<Hit<'_, T>> {
        let which = self.which(hash);
        self.parts[which].find_at_home(hash, tag(hash), is_it)
    }

    /// Where an entry of this hash lies that was found [at home](Self::find_at_home).
    #[inline]
    pub fn at(&self, hash: u64, spot: Spot) -> At {
        At::new(self.side ^ self.which(hash), spot)
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

    /// The home of this hash.
    #[inline]
    pub fn home(&self, hash: u64) -> Home {
        let which = self.which(hash);
        Home { which, group: self.parts[which].home(hash) }
    }

    /// A number that is kept for a home: [`NO_NOTE`] until it is changed.
    #[inline]
    pub fn note(&self, home: Home) -> u64 {
        self.parts[home.which].note(home.group)
    }

    /// Changes the same, to a number of less than 48 bits.
    #[inline]
    pub fn set_note(&mut self, home: Home, note: u64) {
        self.parts[home.which].set_note(home.group, note);
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
        if self.len() >= self.room {
            self.make_room(expected, follow);
        }
        let which = self.which(hash);
        let spot = self.parts[which].insert(hash, tag(hash), 0, entry);
        At::new(self.side ^ which, spot)
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

    /// Hints that something of this hash will be looked for, or hinted at.
    #[inline]
    pub fn prefetch_home(&self, hash: u64) {
        self.parts[self.which(hash)].prefetch_home(hash);
    }

    /// Hints that the entry of this hash will be taken out.
    #[inline]
    pub fn prefetch_entry(&self, hash: u64) {
        self.parts[self.which(hash)].prefetch_entry(hash, tag(hash));
    }

    /// Hints that an entry of this hash will be put in.
    #[inline]
    pub fn prefetch_free(&self, hash: u64) {
        self.parts[self.which(hash)].prefetch_free(hash);
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
        self.parts.into_iter().flat_map(Groups::into_entries)
    }
}

impl<T: Hashed> Default for Flat<T> {
    fn default() -> Self {
        Self::new()
    }
}
