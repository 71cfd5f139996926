//! A hierarchical timing wheel (Varghese and Lauck, 1987) for the deadlines of one shard's entries.
//!
//! ```text
//! level   slots   a slot spans      the level spans
//!   0      256       1 ms              256 ms
//!   1       64     256 ms               16 s
//!   2       64      16 s                17 min
//!   3       64      17 min              18 h
//!   4       64      18 h                50 days = 2^32 ms, and starts over
//! ```
//!
//! A record lies in the level of the highest digit in which its deadline differs from the wheel's time, so
//! all records of a level come due before any of the next, and the next slot is the first set bit of the
//! first level in use. When time reaches a slot, its records are *drained*: those that are due fire, the
//! others are filed again, lower down.
//!
//! **A record is not a handle.** It holds 24 bits of the entry's position in the table, its tag and the low
//! 32 bits of its deadline. So deleting an entry, moving it or reusing its memory needs no access to the
//! wheel; the record is dead and the owner counts it (`note_dead`), sweeping when a quarter is dead. Firing
//! means: look the entry up, act only if a live entry's deadline has come, and if one that agrees is not due
//! yet, say [`Answer::Again`].
//!
//! **Beyond 50 days** the low 32 bits do not tell which round of 2^32 ms is meant. A record then fires at the
//! first moment that ends in its bits: early, once in 50 days, and never late. The owner's `Again` files it
//! for the next round.
//!
//! **The clock may jump.** Forwards, by years even, the bitmaps lead from one slot in use to the next.
//! Backwards, all that is filed stays right, as it lies further ahead only; new deadlines before the wheel's
//! time go to a list beside the slots (`PAST`), in which threads that read the clock in a different order
//! than they took the lock also land. When that list holds records and the clock is well behind, the wheel
//! *rewinds*: its slots are spliced together, 512 list operations, its time is set back, and the spliced list
//! (`REWOUND`) is filed again, in bounded steps, when the clock comes back to where it was.

mod lists;

use self::lists::{List, Lists, MAP_WORDS, Place};
use crate::random::Random;
use crate::time::Millis;

/// The last level. Levels above 0 have 64 slots and one word of the map.
const TOP: u32 = 4;
const SLOTS: List = 256 + 64 * TOP as usize;
/// Records being drained: of the slot that time has come to, or of one of the lists below.
const DRAIN: List = SLOTS;
/// Records filed with a deadline that was not after the wheel's time.
const PAST: List = SLOTS + 1;
/// Records from the slots at the last rewind.
const REWOUND: List = SLOTS + 2;

/// How far the clock may be behind the wheel's time before that is taken for a jump and not for threads
/// overtaking one another. Until then each of at most this many milliseconds may look through `PAST` once.
const SKEW_MS_MAX: Millis = 256;
/// The span of a deadline's low 32 bits.
const ROUND: Millis = 1 << 32;
/// Times are clamped to this, so that adding a round cannot overflow.
const END: Millis = 1 << 63;
/// A sweep is wanted from this many dead records on, if they are also a quarter of all.
const DEAD_MIN: usize = 64;
/// Chunks of a slot that `take_soonest` compares: a hundred records, some two microseconds.
const SOONEST_CHUNKS: usize = 16;

/// What the wheel keeps of an entry: 24 bits of position, 8 of tag, the deadline's low 32.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    position_and_tag: u32,
    deadline_low: u32,
}

impl Record {
    const NULL: Self = Self { position_and_tag: 0, deadline_low: 0 };

    /// The record of an entry. Of `position` the top 24 bits are kept.
    pub fn new(position: u64, tag: u8, deadline: Millis) -> Self {
        let position_and_tag = (position >> 32) as u32 & 0xffff_ff00 | u32::from(tag);
        Self { position_and_tag, deadline_low: deadline as u32 }
    }

    /// The entry's position, all but its top 24 bits zero.
    pub fn position(self) -> u64 {
        u64::from(self.position_and_tag & 0xffff_ff00) << 32
    }

    /// The entry's tag.
    pub fn tag(self) -> u8 {
        self.position_and_tag as u8
    }

    /// Whether this may be the record of an entry with this deadline: its low 32 bits agree.
    pub fn agrees(self, deadline: Millis) -> bool {
        self.deadline_low == deadline as u32
    }

    /// The first moment from `floor` on that ends in this record's bits: its deadline, if that lies in the
    /// 2^32 ms from `floor`, and never after its deadline if that is not before `floor`.
    fn deadline_from(self, floor: Millis) -> Millis {
        floor + Millis::from(self.deadline_low.wrapping_sub(floor as u32))
    }
}

/// What the owner found when it looked a fired record up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A live entry whose deadline had come: it is gone now, and the record with it.
    Expired,
    /// No live entry: this was one of the records that `note_dead` counted.
    Dead,
    /// A live entry with a later deadline, under which the record is filed again.
    Again(Millis),
}

/// The deadlines of one shard. Holds no heap memory until the first record.
pub struct Wheel {
    /// All records in slots have deadlines in the 2^32 ms after this moment (as far as their bits tell), and
    /// no slot in use contains it.
    time: Millis,
    lists: Lists,
    /// For `DRAIN`, `PAST`, `REWOUND`: no record in it has an earlier deadline. Meaningless while that list
    /// is empty.
    floors: [Millis; 3],
    len: usize,
    /// Records known to be dead; an estimate, as an entry may be given the deadline that a dead record of it
    /// has.
    dead: usize,
    /// Chunks below this are still to be swept; zero between passes.
    sweep_next: u32,
    /// How many were noted dead since the pass began. It may or may not have met them.
    sweep_noted: usize,
}

impl Wheel {
    /// An empty wheel. `now` need not be right, only of the same clock.
    pub fn new(now: Millis) -> Self {
        Self {
            time: now.min(END),
            lists: Lists::default(),
            floors: [0; 3],
            len: 0,
            dead: 0,
            sweep_next: 0,
            sweep_noted: 0,
        }
    }

    /// Files an entry under its deadline. One in the past fires at the next step.
    pub fn insert(&mut self, position: u64, tag: u8, deadline: Millis) {
        self.len += 1;
        self.file(Record::new(position, tag, deadline), deadline);
    }

    /// Fires the records whose deadlines have come, doing at most `budget` records' work: firing one or
    /// filing one again is the same. Returns whether there is more to do at this moment.
    ///
    /// The records of one millisecond, and after a late step of several, fire in no particular order.
    pub fn advance(&mut self, now: Millis, budget: usize, mut fire: impl FnMut(Record) -> Answer) -> bool {
        let now = now.min(END);
        let mut left = budget;
        loop {
            while let Some(floor) = self.floor(DRAIN) {
                if left == 0 {
                    return true;
                }
                left -= 1;
                let record = self.lists.pop(DRAIN).expect("invariant: a list with a floor is not empty");
                let deadline = record.deadline_from(floor);
                if deadline > now {
                    self.file(record, deadline);
                    continue;
                }
                // Counted out first: whatever `fire` does, even panic, the record has left the lists.
                self.len -= 1;
                match fire(record) {
                    Answer::Expired => {}
                    Answer::Dead => self.note_buried(),
                    Answer::Again(deadline) => self.file_again(record, deadline, now),
                }
            }
            if !self.fetch(now) {
                return false;
            }
        }
    }

    /// A moment before which `advance` has nothing to fire: exact for the next 256 ms, and beyond that the
    /// start of the slot in question.
    pub fn next_due(&self) -> Option<Millis> {
        self.soonest().map(|(_, floor)| floor)
    }

    /// Records held, dead ones included.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no record is held.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Heap bytes held.
    pub fn memory_bytes(&self) -> usize {
        self.lists.memory_bytes()
    }

    /// Counts a record dead: its entry was removed, or got an earlier deadline and so a second record.
    pub fn note_dead(&mut self) {
        self.dead += 1;
        self.sweep_noted += 1;
    }

    /// Takes back a `note_dead`: a record returned by [`take_soonest`](Self::take_soonest) or
    /// [`take_random`](Self::take_random) turned out to be dead.
    pub fn note_buried(&mut self) {
        self.dead = self.dead.saturating_sub(1);
    }

    /// Whether a sweep is under way, or more than a quarter of the records are dead.
    pub fn wants_sweep(&self) -> bool {
        self.sweep_next > 0 || self.dead >= DEAD_MIN && self.dead > self.len / 4
    }

    /// Removes records that are not to be kept, looking at `budget` of them (rounded up to a chunk of seven).
    /// Returns whether the pass is unfinished and the next call goes on with it.
    ///
    /// Records that are filed while a pass is under way may be missed by it.
    pub fn sweep(&mut self, budget: usize, mut keep: impl FnMut(Record) -> bool) -> bool {
        if self.sweep_next == 0 {
            self.sweep_next = self.lists.chunks();
            self.sweep_noted = 0;
        }
        let mut left = budget;
        loop {
            self.sweep_next = self.sweep_next.min(self.lists.chunks());
            if self.sweep_next == 0 {
                self.dead = self.dead.min(self.sweep_noted);
                return false;
            }
            if left == 0 {
                return true;
            }
            self.sweep_next -= 1;
            let (seen, kept) = self.lists.retain(self.sweep_next, &mut keep);
            self.len -= seen - kept;
            self.dead = self.dead.saturating_sub(seen - kept);
            left = left.saturating_sub(seen);
        }
    }

    /// One of the records, each equally likely. It may be dead.
    pub fn sample(&self, random: &mut Random) -> Option<Record> {
        self.pick(random).map(|(_, record)| record)
    }

    /// Like [`sample`](Self::sample), and takes the record out of the wheel.
    pub fn take_random(&mut self, random: &mut Random) -> Option<Record> {
        let (place, _) = self.pick(random)?;
        self.len -= 1;
        Some(self.lists.remove(place))
    }

    /// Takes out the record that is nearest to firing. It may be dead.
    ///
    /// Exact for the next 256 ms. Further ahead it is of the first slot in use, and the soonest of a hundred
    /// there: a slot may hold all of a shard's records, and sorting them is not worth it for an eviction.
    /// Taken out, because an evicted entry's record would otherwise stay at the front, dead, and be found
    /// again each time.
    pub fn take_soonest(&mut self) -> Option<Record> {
        let (list, floor) = self.soonest()?;
        // A slot of level 0 holds one deadline.
        let chunks_max = if list < 256 { 1 } else { SOONEST_CHUNKS };
        let (place, _) =
            self.lists.look(list, chunks_max).min_by_key(|(_, record)| record.deadline_from(floor))?;
        self.len -= 1;
        Some(self.lists.remove(place))
    }

    /// Puts a record where `deadline` belongs, seen from the wheel's time.
    fn file(&mut self, record: Record, deadline: Millis) {
        if deadline <= self.time {
            self.lower_floor(PAST, deadline);
            self.lists.push(PAST, record);
        } else {
            let slot = slot_of(self.time, record.deadline_from(self.time + 1));
            self.lists.push(slot, record);
        }
    }

    /// Files a record that fired, so that it does not fire again at this moment.
    fn file_again(&mut self, record: Record, deadline: Millis, now: Millis) {
        self.len += 1;
        let record = Record { deadline_low: deadline as u32, ..record };
        if deadline > now && record.deadline_from(now + 1).saturating_sub(self.time) > ROUND {
            // After a jump of weeks the wheel's time is still on its way to `now`, and would meet those bits
            // before.
            self.lower_floor(PAST, now + 1);
            self.lists.push(PAST, record);
        } else if deadline > now && now > self.time {
            self.lists.push(slot_of(self.time, record.deadline_from(now + 1)), record);
        } else {
            self.file(record, deadline);
        }
    }

    /// Moves the next records that may be due, if there are any, to `DRAIN`, which is empty.
    fn fetch(&mut self, now: Millis) -> bool {
        if let Some((slot, start)) = next_slot(self.lists.map(), self.time)
            && start <= now
        {
            self.time = start;
            self.drain(slot, start);
            return true;
        }
        if now >= self.time {
            self.time = now;
        } else if self.time - now > SKEW_MS_MAX && self.floor(PAST).is_some() {
            self.rewind(now);
        }
        for list in [PAST, REWOUND] {
            if let Some(floor) = self.floor(list).filter(|&floor| floor <= now) {
                self.drain(list, floor);
                return true;
            }
        }
        false
    }

    fn drain(&mut self, list: List, floor: Millis) {
        self.lists.splice(list, DRAIN);
        self.floors[DRAIN - SLOTS] = floor;
    }

    /// Sets the wheel's time back.
    #[cold]
    fn rewind(&mut self, now: Millis) {
        if next_slot(self.lists.map(), self.time).is_some() {
            self.lower_floor(REWOUND, self.time + 1);
            for slot in 0..SLOTS {
                self.lists.splice(slot, REWOUND);
            }
        }
        self.time = now;
    }

    /// The list that holds the next record to fire, and a moment before which it holds none.
    fn soonest(&self) -> Option<(List, Millis)> {
        let aside = [DRAIN, PAST, REWOUND].into_iter().filter_map(|list| Some((list, self.floor(list)?)));
        let slot = next_slot(self.lists.map(), self.time);
        aside.chain(slot).min_by_key(|&(_, floor)| floor)
    }

    fn floor(&self, list: List) -> Option<Millis> {
        (!self.lists.is_empty(list)).then_some(self.floors[list - SLOTS])
    }

    fn lower_floor(&mut self, list: List, floor: Millis) {
        self.floors[list - SLOTS] = self.floor(list).map_or(floor, |other| other.min(floor));
    }

    fn pick(&self, random: &mut Random) -> Option<(Place, Record)> {
        let numbers = self.lists.numbers();
        if numbers == 0 {
            return None;
        }
        // Nearly all numbers have a record, and never less than one in seven.
        (0..64).find_map(|_| self.lists.numbered(random.below(numbers))).or_else(|| self.lists.numbered(0))
    }
}

/// The place of a level's digit in a time.
fn shift(level: u32) -> u32 {
    if level == 0 { 0 } else { 2 + 6 * level }
}

/// Where a deadline is filed. It lies in the 2^32 ms after `time`, and may share the top level's present
/// slot, of which it then means the next round.
fn slot_of(time: Millis, deadline: Millis) -> List {
    let differing = time ^ deadline;
    if differing < 256 {
        return (deadline & 255) as List;
    }
    let level = ((differing.ilog2() - 8) / 6 + 1).min(TOP);
    256 + 64 * (level - 1) as List + (deadline >> shift(level) & 63) as List
}

/// The first slot in use and the moment it begins.
fn next_slot(map: &[u64; MAP_WORDS], time: Millis) -> Option<(List, Millis)> {
    // Below the top, a level's slots in use all come after the present one and belong to the present round.
    for (word, &bits) in map.iter().enumerate().take(4 + TOP as usize - 1) {
        if bits != 0 {
            let slot = word * 64 + bits.trailing_zeros() as List;
            let (level, index) = if word < 4 { (0, slot) } else { (word as u32 - 3, slot % 64) };
            let round = if level == 0 { 8 } else { shift(level) + 6 };
            return Some((slot, time >> round << round | (index as Millis) << shift(level)));
        }
    }
    let bits = map[3 + TOP as usize];
    if bits == 0 {
        return None;
    }
    let next = (time >> shift(TOP)) + 1;
    let wait = Millis::from(bits.rotate_right((next % 64) as u32).trailing_zeros());
    let at = next + wait;
    Some((256 + 64 * (TOP - 1) as List + (at % 64) as List, at << shift(TOP)))
}

#[cfg(all(test, not(shuttle)))]
mod tests;
