//! How the table grows and shrinks: entries move from one memory to another, a home at a time.

use std::ops::RangeInclusive;

use smallvec::SmallVec;

use super::{At, BEFORE, FILLED, Flat, Follow, GROUP_BITS, Hashed, NO_NOTE, NOW, tag};
use crate::raw::groups::{Groups, Spot};
use crate::raw::head::LANES;

/// How full the part may become that entries move away from.
const FULL_BEFORE: [usize; 2] = [24, 25];
/// How full the table may become, whatever the growth.
const FULL: [usize; 2] = [15, 16];
/// How full a table is with as many entries as were expected. At 15 in 16 inserts and removals would take a
/// quarter longer, as half of all homes are full.
const FULL_AS_EXPECTED: [usize; 2] = [7, 8];
/// A table grows by one part in so many: each entry is moved as many times as it grows, and so much more of
/// it is filled.
const GROWTH_PART: usize = 12;
/// And by this, when it holds more than was expected.
const EXCESS_PART: usize = 32;
/// Homes whose entries an insert moves at most: one is enough, but when a table grows by more than usual.
const HOMES_AT_ONCE: usize = 8;
/// A table shrinks when less than a part of its places is taken.
const SPARSE_PART: usize = 4;
/// Fewer homes are not worth the effort.
const SPARSE_HOMES_MIN: usize = 4;

impl<T: Hashed> Flat<T> {
    /// Whether there is a part that entries move away from.
    #[inline]
    fn is_moving(&self) -> bool {
        self.parts[BEFORE].homes() > 0
    }

    /// Whether it moves into something that will not soon be too small: then it should come to an end.
    fn is_settling(&self, expected: usize) -> bool {
        let [now, before] = &self.parts;
        let is_enough = now.homes() < before.homes() || expected > 0 && now.homes() >= homes_for(expected);
        self.is_moving() && is_enough
    }

    /// Sees to it that there is room for one more: goes on with a move, as far as that takes, and begins one.
    #[cold]
    #[inline(never)]
    pub(super) fn make_room(&mut self, expected: usize, follow: &mut impl Follow<T>) {
        if self.is_settling(expected) {
            self.move_home(follow);
        }
        let mut room = self.entries_max(expected);
        for _ in 0..HOMES_AT_ONCE {
            if self.len() < room {
                break;
            }
            if self.is_moving() {
                self.move_home(follow);
            } else {
                self.begin(larger(self.parts[NOW].homes(), expected), follow);
            }
            room = self.entries_max(expected);
        }
        self.room = if self.is_settling(expected) { 0 } else { room };
    }

    /// How many entries there may be as things stand.
    ///
    /// As the frontier goes on, entries come, and the part behind it becomes fuller until the last of it has
    /// moved: what counts is how full it will be then.
    fn entries_max(&self, expected: usize) -> usize {
        let [now, before] = &self.parts;
        let (moved, from, to) = if self.is_moving() {
            (self.next_home, before.homes(), now.homes())
        } else {
            (0, now.homes(), larger(now.homes(), expected))
        };
        // In places: those of whole homes alone would be a dozen at a time.
        let places = LANES * (from - moved) + share(LANES * moved, to, from.max(1));
        let at_the_end = share(part_of(places, FULL_BEFORE), from, to);
        let fitting = homes_for(expected);
        let in_time = if !self.is_moving() && from < fitting && to >= fitting {
            // One home for each that comes: so the last move ends when all are there.
            expected - from.min(expected)
        } else {
            usize::MAX
        };
        part_of(places, FULL).min(at_the_end).min(in_time)
    }

    /// Has who lies outside of his home take the place of who went last.
    #[inline]
    pub(super) fn fill_hole(&mut self, follow: &mut impl Follow<T>) {
        let hole = std::mem::replace(&mut self.hole, FILLED);
        let now = &mut self.parts[NOW];
        if hole < now.groups()
            && let Some((from, to)) = now.pull(hole, T::hash)
        {
            follow.moved(now.get(to), At::new(self.side, from), At::new(self.side, to));
        }
    }

    /// Goes on with a move to something smaller, or begins one if little is left.
    pub fn condense(&mut self, follow: &mut impl Follow<T>) {
        self.fill_hole(follow);
        let homes = self.parts[NOW].homes();
        let is_sparse = homes > SPARSE_HOMES_MIN && self.len() < homes * LANES / SPARSE_PART;
        if self.is_settling(0) || is_sparse && self.is_moving() {
            self.move_home(follow);
        } else if self.is_empty() && homes > 0 {
            *self = Self { side: self.side, ..Self::new() };
            [0, 1].into_iter().for_each(|side| follow.left(side));
            follow.emptied();
        } else if is_sparse {
            self.begin(homes_for(self.len() * 2), follow);
        }
    }

    /// Begins to move into so many homes.
    fn begin(&mut self, homes: usize, follow: &mut impl Follow<T>) {
        assert!(homes < 1 << GROUP_BITS, "a table of {} entries is full", self.len());
        self.parts.swap(NOW, BEFORE);
        self.parts[NOW] = Groups::new(homes);
        self.side ^= 1;
        self.hole = FILLED;
        self.next_home = 0;
        self.room = 0;
        if self.is_moving() {
            self.move_home(follow);
        }
    }

    /// Moves the entries of one home, and gives up what they have left.
    fn move_home(&mut self, follow: &mut impl Follow<T>) {
        let home = self.next_home;
        let first = if home > 0 { self.frontier + 1 } else { 0 };
        let last = self.parts[BEFORE].last_position(home);
        self.move_entries(home, first..=last, follow);
        let Self { parts: [now, before], side, .. } = self;
        if before.note(home) != NO_NOTE {
            before.set_note(home, NO_NOTE);
            follow.deserted();
        }
        self.next_home = home + 1;
        if self.next_home < before.homes() {
            self.frontier = last;
            let frontier = now.home(self.frontier);
            before.hand_over(home..home + 1, now, frontier);
            if self.hand == (*side ^ 1, home) {
                self.hand = (*side, frontier);
            }
        } else {
            self.frontier = u64::MAX;
            *before = Groups::new(0);
            if self.hand.0 != *side {
                self.hand = (*side, now.homes());
            }
            follow.left(*side ^ 1);
        }
    }

    fn move_entries(&mut self, home: usize, hashes: RangeInclusive<u64>, follow: &mut impl Follow<T>) {
        let Self { parts: [now, before], side, .. } = self;
        let targets = now.home(*hashes.start())..=now.home(*hashes.end());
        let notes: SmallVec<[u64; 4]> = targets.clone().map(|target| now.note(target)).collect();
        let mut next = Some(home);
        while let Some(group) = next {
            for lane in before.taken(group) {
                let spot = Spot { group, lane };
                let hash = before.get(spot).hash();
                if before.home(hash) != home {
                    continue;
                }
                let use_count = before.use_count(spot);
                let moved = now.insert(hash, tag(hash), use_count, before.remove(spot, hash));
                let (entry, from, to) = (now.get(moved), At::new(*side ^ 1, spot), At::new(*side, moved));
                follow.moved(entry, from, to);
                let target = now.home(hash);
                let was = now.note(target);
                let is = follow.rehomed(entry, to, was);
                if is != was {
                    now.set_note(target, is);
                }
            }
            next = before.behind(group);
        }
        for (target, was) in targets.zip(notes) {
            let is = now.note(target);
            if is != was {
                follow.noted(now.last_position(target), was, is);
            }
        }
    }
}

/// How many homes it takes for so many entries.
fn homes_for(entries: usize) -> usize {
    let [taken, of] = FULL_AS_EXPECTED;
    (entries.min(LANES << GROUP_BITS) * of).div_ceil(LANES * taken)
}

/// How many homes come after so many, if there will be `expected` entries or a little more.
fn larger(homes: usize, expected: usize) -> usize {
    let fitting = homes_for(expected);
    let larger = homes + (homes / GROWTH_PART).max(1);
    if expected > 0 && homes >= fitting {
        return homes + homes / EXCESS_PART + 1;
    }
    // Not in two steps what can be had in one.
    if homes < fitting && fitting <= larger + larger / GROWTH_PART { fitting } else { larger }
}

fn part_of(places: usize, [taken, of]: [usize; 2]) -> usize {
    places * taken / of
}

/// So many, as `part` is to `whole`.
fn share(count: usize, part: usize, whole: usize) -> usize {
    (count as u64 * part as u64 / whole as u64) as usize
}
