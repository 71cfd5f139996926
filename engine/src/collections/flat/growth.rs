//! How the table grows and shrinks: entries move from one memory to another, a few homes at a time.

use super::{At, FILLED, Flat, Follow, GROUP_BITS, Hashed, tag};
use crate::raw::groups::{Groups, Spot};
use crate::raw::head::LANES;

/// Homes whose entries an insert moves along: so a move ends long before it is time for the next.
const HOMES_PER_STEP: usize = 2;
/// How much of the memory may be taken. At 15 in 16 inserts and removals would take a quarter longer, as half
/// of all homes are full.
const FILL: [usize; 2] = [14, 16];
/// A table shrinks when less than a part of its places is taken.
const SPARSE_PART: usize = 4;
/// Fewer groups are not worth the effort.
const SPARSE_GROUPS_MIN: usize = 4;

impl<T: Hashed> Flat<T> {
    /// Sees to it that an entry of this hash finds a place.
    #[inline]
    pub(super) fn make_room(&mut self, hash: u64, expected: usize, follow: &mut impl Follow<T>) {
        if self.len() >= entries_max(self.now.groups()) || self.is_moving() {
            self.grow(hash, expected, follow);
        }
    }

    /// Whether there is a part that entries move away from.
    #[inline]
    fn is_moving(&self) -> bool {
        self.before.groups() > 0
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, hash: u64, expected: usize, follow: &mut impl Follow<T>) {
        self.step(HOMES_PER_STEP, follow);
        if self.len() >= entries_max(self.now.groups()) {
            self.step(usize::MAX, follow);
            self.begin(larger(self.now.groups(), expected), follow);
        }
        if self.part(self.side_of(hash)).is_full() {
            self.step(usize::MAX, follow);
        }
    }

    /// The memory that the table has moved away from, for who holds a lock: to give it back to the system
    /// takes as long as hundreds of inserts.
    #[inline]
    pub fn take_spent(&mut self) -> Option<Groups<T>> {
        (self.spent.groups() > 0).then(|| std::mem::replace(&mut self.spent, Groups::new(0)))
    }

    /// Has who lies outside of his home take the place of who went last.
    #[inline]
    pub(super) fn fill_hole(&mut self, follow: &mut impl Follow<T>) {
        let hole = std::mem::replace(&mut self.hole, FILLED);
        if hole < self.now.groups()
            && let Some((from, to)) = self.now.pull(hole, T::hash)
        {
            follow.moved(self.now.get(to), At::new(self.side, from), At::new(self.side, to));
        }
    }

    /// Goes on with a move, if there is one.
    #[inline]
    pub fn move_on(&mut self, follow: &mut impl Follow<T>) {
        if self.is_moving() {
            self.step(HOMES_PER_STEP, follow);
        }
    }

    /// The same, and begins a move to something smaller if little is left.
    pub fn condense(&mut self, follow: &mut impl Follow<T>) {
        self.fill_hole(follow);
        let groups = self.now.groups();
        if self.is_moving() {
            self.step(HOMES_PER_STEP, follow);
        } else if self.is_empty() && groups > 0 {
            self.spent = std::mem::replace(&mut self.now, Groups::new(0));
            follow.left(self.side);
        } else if groups > SPARSE_GROUPS_MIN && self.len() < groups * LANES / SPARSE_PART {
            self.begin(groups_for(self.len() * 2), follow);
        }
    }

    /// Begins to move into so many groups.
    fn begin(&mut self, groups: usize, follow: &mut impl Follow<T>) {
        assert!(groups < 1 << GROUP_BITS, "a table of {} entries is full", self.len());
        let before = self.now.groups().max(1);
        self.hand = (self.hand as u128 * groups as u128 / before as u128) as usize;
        self.before = std::mem::replace(&mut self.now, Groups::new(groups));
        self.side ^= 1;
        self.hole = FILLED;
        self.next_home = 0;
        self.step(HOMES_PER_STEP, follow);
    }

    /// Moves the entries of so many homes, and gives up what they have left when there are no more.
    fn step(&mut self, homes: usize, follow: &mut impl Follow<T>) {
        let groups = self.before.groups();
        let end = self.next_home.saturating_add(homes).min(groups);
        for home in self.next_home..end {
            self.move_home(home, follow);
        }
        self.next_home = end;
        if end < groups {
            self.frontier = self.before.last_position(end - 1);
        } else {
            self.frontier = u64::MAX;
            self.spent = std::mem::replace(&mut self.before, Groups::new(0));
            follow.left(self.side ^ 1);
        }
    }

    fn move_home(&mut self, home: usize, follow: &mut impl Follow<T>) {
        let Self { now, before, side, .. } = self;
        let mut next = Some(home);
        while let Some(group) = next {
            for lane in before.taken(group) {
                let spot = Spot { group, lane };
                let hash = before.get(spot).hash();
                if before.home(hash) != home {
                    continue;
                }
                let use_count = before.use_count(spot);
                let Ok(moved) = now.insert(hash, tag(hash), before.remove(spot, hash)) else {
                    unreachable!("invariant: there is room for all")
                };
                now.set_use_count(moved, use_count);
                follow.moved(now.get(moved), At::new(*side ^ 1, spot), At::new(*side, moved));
            }
            next = before.behind(group, home);
        }
    }
}

/// How many entries there may be in so many groups.
fn entries_max(groups: usize) -> usize {
    groups * LANES * FILL[0] / FILL[1]
}

/// How many groups it takes for so many entries.
fn groups_for(entries: usize) -> usize {
    (entries * FILL[1]).div_ceil(LANES * FILL[0])
}

/// How many groups come after so many, if there will be `expected` entries or a little more.
fn larger(groups: usize, expected: usize) -> usize {
    // Entries fall to tables by chance: two standard deviations more are in one table of forty.
    let expected = expected.min(LANES << GROUP_BITS);
    let fitting = groups_for(expected + 2 * expected.isqrt());
    let larger = groups + groups / 4 + 1;
    match groups {
        // Not in two steps what can be had in one.
        _ if groups < fitting && fitting < larger + larger / 4 => fitting,
        _ if groups >= fitting && expected > 0 => groups + groups / 16 + 1,
        _ => larger,
    }
}
