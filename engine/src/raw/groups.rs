//! The memory of a hash table that holds its entries in place: groups of twelve places, each with a [`Head`]
//! whose tags say which of them are taken.
//!
//! ```text
//! heads   | tag x 12 | use x 12 | passed | ...  16 bytes for each group: a million entries' fit a cache
//! margins | stranger x 12 | note | ...          8 bytes for each group, which look-ups do not need
//! chunks  | entry x 12 | x 4                    where there are entries
//! ```
//!
//! An entry belongs to the group that its position, a 64-bit number, falls to when the whole range is divided
//! evenly: its *home*. When that is full it lies in the next group with a free place, and each group on the
//! way counts it as *passed*, so that a search goes on just as far as there is something to be found (F14's
//! idea, Bronson and Shi 2019). A count that reaches 255 stays there: searches are longer then, and still
//! right. Behind the last home there are as many groups more as that takes. Where entries come and go, those
//! that found their home full stay away from it, and there are more and more of them; so whoever takes an
//! entry out should [`pull`](Groups::pull) one back into its place.
//!
//! Places are allocated, four groups together, with the first entry that needs them, and go when their owner
//! [hands them over](Groups::hand_over): so a table that moves from one memory to another holds little more
//! than one. Heads lie together: spread over the chunks, each would cost a page walk besides.
//!
//! Invariant: a place holds an entry if and only if its tag is not zero, and then its chunk is there. (Only
//! what is found depends on the counts and on who is taken for a stranger.)

use std::mem::MaybeUninit;
use std::num::NonZeroU8;
use std::ops::Range;

use super::head::{Head, LANES, Lanes};
use super::prefetch::prefetch;

/// Eight bits of a hash, zero excepted.
pub type Tag = NonZeroU8;

/// What is noted of a home before anybody [notes](Groups::set_note) something.
pub const NO_NOTE: u64 = Margin::EMPTY.note();

/// Groups whose places are allocated together.
const CHUNK_GROUPS: usize = 4;
/// Groups that are looked at in advance: what is looked for is nearly always in one of so many.
const PREFETCH_GROUPS: usize = 8;
/// A count of passed entries that has stopped.
const PASSED_MAX: u8 = u8::MAX;

/// Places for entries; see the [module](self).
pub struct Groups<T> {
    heads: Box<[Head]>,
    chunks: Box<[Option<Box<Chunk<T>>>]>,
    margins: Box<[Margin]>,
    homes: usize,
    /// How many of the chunks are there.
    held: usize,
    len: usize,
}

type Chunk<T> = [Places<T>; CHUNK_GROUPS];

/// The places of one group, which begin with a cache line: so none touches more lines than it must.
#[repr(C, align(64))]
struct Places<T>([MaybeUninit<T>; LANES]);

/// What is seldom asked for: one bit for each entry of a group that lies outside of its home, and a number of
/// 48 bits that the owner of the table keeps for the home.
#[derive(Clone, Copy)]
struct Margin(u64);

impl Margin {
    const NOTE: u32 = 16;
    const EMPTY: Self = Self(!0 << Self::NOTE);

    const fn note(self) -> u64 {
        self.0 >> Self::NOTE
    }

    fn set_note(&mut self, note: u64) {
        self.0 = note << Self::NOTE | self.0 & !(!0 << Self::NOTE);
    }

    /// The first stranger's lane.
    #[inline]
    fn stranger(self) -> Option<usize> {
        let lane = self.0.trailing_zeros() as usize;
        (lane < LANES).then_some(lane)
    }

    #[inline]
    fn set_stranger(&mut self, lane: usize, is_stranger: bool) {
        self.0 = self.0 & !(1 << lane) | u64::from(is_stranger) << lane;
    }
}

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

const NOT_THERE: &str = "invariant: the spot holds an entry";
const LEFT_BEHIND: &str = "invariant: nothing is left there";

impl<T> Groups<T> {
    /// Groups for so many homes, without places yet; with none, nothing is allocated.
    pub fn new(homes: usize) -> Self {
        let chunks = if homes > 0 { homes.div_ceil(CHUNK_GROUPS) + 1 } else { 0 };
        let mut groups =
            Self { heads: [].into(), chunks: [].into(), margins: [].into(), homes, held: 0, len: 0 };
        groups.resize(chunks);
        groups
    }

    /// Provides for so many chunks, which are more than there are.
    fn resize(&mut self, chunks: usize) {
        fn resized<E>(all: &mut Box<[E]>, len: usize, empty: impl Fn() -> E) {
            let mut longer = std::mem::take(all).into_vec();
            longer.reserve_exact(len - longer.len());
            longer.resize_with(len, empty);
            *all = longer.into_boxed_slice();
        }
        resized(&mut self.heads, chunks * CHUNK_GROUPS, || Head::EMPTY);
        resized(&mut self.margins, chunks * CHUNK_GROUPS, || Margin::EMPTY);
        resized(&mut self.chunks, chunks, || None);
    }

    /// The number of homes.
    #[inline]
    pub fn homes(&self) -> usize {
        self.homes
    }

    /// The number of groups: the homes, and those that entries may lie in besides.
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

    /// The memory held, in bytes; what entries own elsewhere is apart.
    pub fn memory_bytes(&self) -> usize {
        size_of_val(&*self.heads)
            + size_of_val(&*self.margins)
            + size_of_val(&*self.chunks)
            + self.held * size_of::<Chunk<T>>()
    }

    /// The group that a position falls to, as long as there are homes.
    #[inline]
    pub fn home(&self, position: u64) -> usize {
        ((u128::from(position) * self.homes as u128) >> 64) as usize
    }

    /// The last position that falls to a group.
    pub fn last_position(&self, group: usize) -> u64 {
        let behind = ((group as u128) + 1) << 64;
        u64::try_from((behind - 1) / self.homes as u128).unwrap_or(u64::MAX)
    }

    /// The groups in which entries of `home` may lie, home first.
    pub fn chain(&self, home: usize) -> impl Iterator<Item = usize> {
        std::iter::successors(Some(home), move |&group| self.behind(group))
    }

    /// The one that comes after `group` among them.
    #[inline]
    pub fn behind(&self, group: usize) -> Option<usize> {
        (self.head(group).rest() > 0).then_some(group + 1)
    }

    /// The head of a group, and behind the last what it would have.
    #[inline]
    fn head(&self, group: usize) -> &Head {
        self.heads.get(group).unwrap_or(&Head::EMPTY)
    }

    /// The entry in this place, which nothing is checked of.
    ///
    /// # Safety
    /// There is such a group, and the lane's tag in it is not zero.
    #[inline]
    unsafe fn entry(&self, group: usize, lane: usize) -> &T {
        // SAFETY: where a tag is not zero there are a chunk and an entry.
        unsafe {
            let chunk = self.chunks.get_unchecked(group / CHUNK_GROUPS).as_deref().unwrap_unchecked();
            chunk[group % CHUNK_GROUPS].0[lane].assume_init_ref()
        }
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
        self.chain(home).skip(1).find_map(|group| {
            let head = self.heads.get(group)?;
            // SAFETY: there is a head of this group, and in it the lane has the tag, which is not zero.
            let lane = head.matches(tag.get()).find(|&lane| is_it(unsafe { self.entry(group, lane) }))?;
            Some(Spot { group, lane })
        })
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
        let Self { heads, chunks, .. } = self;
        let head = heads.get_mut(group)?;
        let lane = head.matches(tag.get()).first()?;
        // SAFETY: where a tag is not zero there are a chunk and an entry.
        let entry = unsafe {
            let chunk = chunks.get_unchecked(group / CHUNK_GROUPS).as_deref().unwrap_unchecked();
            chunk[group % CHUNK_GROUPS].0[lane].assume_init_ref()
        };
        is_it(entry).then_some(Hit { entry, spot: Spot { group, lane }, head })
    }

    /// Hints that something of this position will be looked for, or hinted at.
    #[inline]
    pub fn prefetch_home(&self, position: u64) {
        let home = self.home(position);
        if let Some(head) = self.heads.get(home) {
            prefetch(std::slice::from_ref(head));
            prefetch(&self.chunks[home / CHUNK_GROUPS..][..1]);
        }
    }

    /// Hints that the entry of this position and tag will be taken out.
    #[inline]
    pub fn prefetch_entry(&self, position: u64, tag: Tag) {
        for group in self.chain(self.home(position)).take(PREFETCH_GROUPS) {
            if let Some(lane) = self.tagged(group, tag).first() {
                self.prefetch(Spot { group, lane });
                return self.prefetch_stranger(group);
            }
        }
    }

    /// Hints that a place in this group will be free, for another to be pulled into it.
    #[inline]
    fn prefetch_stranger(&self, group: usize) {
        if let Some(next) = self.behind(group)
            && let Some(stranger) = self.stranger(next)
        {
            self.prefetch(stranger);
        }
    }

    /// Hints that an entry of this position will be put in.
    #[inline]
    pub fn prefetch_free(&self, position: u64) {
        let home = self.home(position);
        let free = (home..home + PREFETCH_GROUPS)
            .find_map(|group| Some(Spot { group, lane: self.head(group).matches(0).first()? }));
        if let Some(free) = free {
            self.prefetch(free);
        }
    }

    #[inline]
    fn prefetch(&self, Spot { group, lane }: Spot) {
        if let Some(chunk) = self.chunks.get(group / CHUNK_GROUPS).and_then(Option::as_deref) {
            prefetch(std::slice::from_ref(&chunk[group % CHUNK_GROUPS].0[lane]));
        }
    }

    /// The places of a group that hold entries.
    #[inline]
    pub fn taken(&self, group: usize) -> Lanes {
        self.head(group).matches(0).others()
    }

    /// The places of a group that hold entries with this tag.
    #[inline]
    pub fn tagged(&self, group: usize, tag: Tag) -> Lanes {
        self.head(group).matches(tag.get())
    }

    /// A place of a group that holds an entry with a use count of zero.
    #[inline]
    pub fn unused(&self, group: usize) -> Option<usize> {
        self.taken(group).and(self.head(group).unused()).first()
    }

    /// An entry in a group that is not its home.
    #[inline]
    fn stranger(&self, group: usize) -> Option<Spot> {
        let lane = self.margins.get(group)?.stranger()?;
        Some(Spot { group, lane })
    }

    /// Lowers every use count of a group by one, down to zero.
    #[inline]
    pub fn count_down(&mut self, group: usize) {
        if let Some(head) = self.heads.get_mut(group) {
            head.count_down();
        }
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

    /// What is noted of a home.
    #[inline]
    pub fn note(&self, home: usize) -> u64 {
        self.margins.get(home).map_or(NO_NOTE, |margin| margin.note())
    }

    /// Notes something else of a home: a number of less than 48 bits.
    #[inline]
    pub fn set_note(&mut self, home: usize, note: u64) {
        self.margins[home].set_note(note);
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
        // SAFETY: there is a chunk, and an entry, where a tag is not zero, as was just checked.
        unsafe { self.place(spot).assume_init_mut() }
    }

    #[inline]
    fn check(&self, spot: Spot) {
        assert!(self.heads[spot.group].tag(spot.lane) != 0, "{NOT_THERE}");
    }

    /// A place whose memory is there.
    ///
    /// # Panics
    /// If it is not.
    #[inline]
    fn place(&mut self, Spot { group, lane }: Spot) -> &mut MaybeUninit<T> {
        let chunk = self.chunks[group / CHUNK_GROUPS].as_deref_mut().expect(NOT_THERE);
        &mut chunk[group % CHUNK_GROUPS].0[lane]
    }

    /// Puts an entry in.
    #[inline]
    pub fn insert(&mut self, position: u64, tag: Tag, use_count: u8, entry: T) -> Spot {
        let home = self.home(position);
        let mut group = home;
        let lane = loop {
            let Some(head) = self.heads.get_mut(group) else {
                self.resize(self.chunks.len() + 1 + self.chunks.len() / 8);
                continue;
            };
            if let Some(lane) = head.matches(0).first() {
                break lane;
            }
            head.set_rest(head.rest().saturating_add(1));
            group += 1;
        };
        let spot = Spot { group, lane };
        if self.chunks[group / CHUNK_GROUPS].is_none() {
            self.allocate(group / CHUNK_GROUPS);
        }
        self.put(spot, tag, use_count, entry);
        if group != home {
            self.margins[group].set_stranger(lane, true);
        }
        spot
    }

    #[cold]
    #[inline(never)]
    fn allocate(&mut self, number: usize) {
        let chunk = Box::<Chunk<T>>::new_uninit();
        // SAFETY: a chunk consists of what may be uninitialised, so it is itself initialised.
        self.chunks[number] = Some(unsafe { chunk.assume_init() });
        self.held += 1;
    }

    /// Writes an entry into a free place.
    #[inline]
    fn put(&mut self, spot: Spot, tag: Tag, use_count: u8, entry: T) {
        // The tag last: if something before it panicked there would be no entry.
        self.place(spot).write(entry);
        let head = &mut self.heads[spot.group];
        debug_assert_eq!(head.tag(spot.lane), 0);
        head.set_use_count(spot.lane, use_count);
        head.set_tag(spot.lane, tag.get());
        self.len += 1;
    }

    /// Takes an entry out, and leaves the counts of what was passed and who is a stranger as they are.
    #[inline]
    fn lift(&mut self, spot: Spot) -> T {
        self.check(spot);
        self.heads[spot.group].set_tag(spot.lane, 0);
        self.len -= 1;
        // SAFETY: the tag was not zero, so there was an entry; now it is, so nobody will read it again.
        unsafe { self.place(spot).assume_init_read() }
    }

    /// If this group has a free place, and was passed by an entry that lies in the next one, that moves here.
    /// From where and to where; `position` is what an entry was put in under.
    #[inline]
    pub fn pull(&mut self, group: usize, position: impl FnOnce(&T) -> u64) -> Option<(Spot, Spot)> {
        let head = self.head(group);
        let passed = head.rest();
        if passed == 0 {
            return None;
        }
        let to = Spot { group, lane: head.matches(0).first()? };
        // Whoever is a stranger in the next group has passed this one.
        let from = self.stranger(group + 1)?;
        let head = self.heads[from.group];
        let (tag, use_count) = (Tag::new(head.tag(from.lane))?, head.use_count(from.lane));
        self.margins[from.group].set_stranger(from.lane, false);
        let entry = self.lift(from);
        let is_stranger = self.home(position(&entry)) != group;
        self.put(to, tag, use_count, entry);
        self.margins[group].set_stranger(to.lane, is_stranger);
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
        let entry = self.lift(spot);
        let home = self.home(position);
        if spot.group != home {
            self.margins[spot.group].set_stranger(spot.lane, false);
            self.unpass(home..spot.group);
        }
        entry
    }

    /// Takes one who has passed these groups off their counts.
    fn unpass(&mut self, groups: Range<usize>) {
        // Under another position than it came with the counts would go wrong, and searches with them; nothing
        // worse.
        for head in self.heads.get_mut(groups).into_iter().flatten() {
            if head.rest() != PASSED_MAX {
                head.set_rest(head.rest().saturating_sub(1));
            }
        }
    }

    /// Gives up the memory that only these groups share, which hold nothing any more. The heir takes it for
    /// what comes behind its group `behind`, if that has none.
    ///
    /// # Panics
    /// If there are entries in it.
    pub fn hand_over(&mut self, groups: Range<usize>, heir: &mut Self, behind: usize) {
        for number in groups.start / CHUNK_GROUPS..groups.end / CHUNK_GROUPS {
            let mut heads = self.heads[number * CHUNK_GROUPS..][..CHUNK_GROUPS].iter();
            assert!(heads.all(|head| head.matches(0).others().first().is_none()), "{LEFT_BEHIND}");
            let Some(chunk) = self.chunks[number].take() else { continue };
            self.held -= 1;
            let next = behind / CHUNK_GROUPS + 1;
            if next * CHUNK_GROUPS < heir.homes() && heir.chunks[next].is_none() {
                heir.chunks[next] = Some(chunk);
                heir.held += 1;
            }
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
        assert_eq!(Groups::<u8>::new(0).memory_bytes(), 0);
    }

    #[test]
    fn each_entry_is_dropped_once() {
        let owner = Rc::new(());
        let mut table = Groups::new(3);
        let spots: Vec<_> =
            (0..30).map(|n| table.insert(n << 59, tag(n as u8), 0, Rc::clone(&owner))).collect();
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
        let spot = table.insert(0, tag(1), 0, 1);
        table.remove(spot, 0);
        table.get_mut(spot);
    }

    #[test]
    fn a_full_count_stays_and_nothing_is_lost() {
        let mut table = Groups::new(40);
        let spots: Vec<_> = (0..480).map(|n| table.insert(0, tag(9), 0, n)).collect();
        assert_eq!(spots[479], Spot { group: 39, lane: 11 });
        assert_eq!(spots[12..].iter().map(|&spot| table.remove(spot, 0)).count(), 468);
        assert!((0..480).all(|n| table.find(0, tag(9), |&entry| entry == n).is_some() == (n < 12)));
        // 480 - 12 * n entries have passed the first n groups, and of a count that was full nothing is taken.
        assert_eq!(table.chain(0).count(), 1 + (1..40).filter(|n| 480 - 12 * n >= 255).count());
    }

    #[test]
    fn who_finds_no_place_at_the_end_lies_behind_it() {
        let mut table = Groups::new(5);
        let spots: Vec<_> = (0..200).map(|n| table.insert(u64::MAX, tag(9), 0, n)).collect();
        assert_eq!((spots[0].group, spots[199].group), (4, 4 + 199 / 12));
        for (n, &spot) in spots.iter().enumerate() {
            assert_eq!(table.find(u64::MAX, tag(9), |&entry| entry == n), Some(spot));
        }
        assert_eq!((table.spots().count(), table.find(u64::MAX, tag(8), |_| true)), (200, None));
        // Somewhat more chunks are foreseen than are there.
        assert!(table.memory_bytes() < (200 / LANES + 5 + CHUNK_GROUPS) * size_of::<Places<usize>>() * 5 / 4);
    }

    #[test]
    fn chunks_come_when_they_are_needed_and_go_to_the_heir() {
        let (mut table, mut heir) = (Groups::new(16), Groups::new(18));
        let empty = table.memory_bytes();
        assert!(empty <= 5 * (CHUNK_GROUPS * 24 + 8));
        let spots = [0, u64::MAX / 2].map(|position| table.insert(position, tag(1), 0, position));
        assert_eq!((table.held, table.memory_bytes()), (2, empty + 2 * size_of::<Chunk<u64>>()));
        table.remove(spots[0], 0);
        table.hand_over(0..3, &mut heir, 0);
        assert_eq!((table.held, heir.held), (2, 0));
        table.hand_over(3..6, &mut heir, 0);
        assert_eq!((table.held, heir.held), (1, 1));
        assert_eq!(table.find(u64::MAX / 2, tag(1), |_| true), Some(spots[1]));
        assert_eq!(table.find(0, tag(1), |_| true), None);
    }

    #[test]
    fn notes_and_strangers_keep_apart() {
        let mut table = Groups::new(2);
        assert_eq!((table.note(0), table.note(1)), (NO_NOTE, NO_NOTE));
        for note in [0, 7, NO_NOTE - 1, NO_NOTE] {
            (0..13).for_each(|n| _ = table.insert(0, tag(9), 0, n));
            table.set_note(1, note);
            assert_eq!((table.note(0), table.note(1)), (NO_NOTE, note));
            while let Some(spot) = table.find(0, tag(9), |_| true) {
                assert_eq!(table.stranger(1).is_some(), table.len() > 12);
                table.remove(table.stranger(1).unwrap_or(spot), 0);
            }
        }
    }

    #[test]
    #[should_panic(expected = "nothing is left")]
    fn entries_are_not_handed_over() {
        let (mut table, mut heir) = (Groups::new(4), Groups::new(4));
        table.insert(0, tag(1), 0, 1);
        table.hand_over(0..4, &mut heir, 0);
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
                    let spot = table.insert(position(n), tag(n as u8 % 5), 0, entry);
                    prop_assert!(model.insert(entry, spot).is_none());
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
            for group in 0..table.groups() {
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
