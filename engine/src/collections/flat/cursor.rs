//! Walking the table: in the order of hashes, in steps, while it changes; and as a clock's hand does.

use std::ops::RangeInclusive;

use super::{At, BEFORE, Flat, Hashed, Home, NOW};
use crate::raw::groups::Spot;
use crate::raw::head::USE_MAX;

impl<T: Hashed> Flat<T> {
    /// Hands out every entry of the one home that holds the hash `from`, and returns the first hash of the
    /// next home, or `None` after the last.
    ///
    /// Walk the table by beginning at 0 and passing back what was returned. **Guarantee:** whatever is
    /// inserted and removed between the steps, and whatever moves by it, an entry that is in the table
    /// throughout the walk is handed out at least once: a home is at any moment a range of hashes, and each
    /// step hands out at least all entries with hashes from `from` up to the one that it returns. An entry
    /// may come twice when homes have become wider in between.
    pub fn scan(&self, from: u64, emit: impl FnMut(At, &T)) -> Option<u64> {
        let home = self.home(from);
        self.scan_home(home, emit);
        // In the part that entries move to, homes end at the frontier.
        let frontier = if home.which == NOW { self.frontier } else { u64::MAX };
        self.end(home).min(frontier).checked_add(1)
    }

    /// Hands out every entry of a home.
    pub fn scan_home(&self, home: Home, mut emit: impl FnMut(At, &T)) {
        let (groups, side) = (&self.parts[home.which], self.side ^ home.which);
        for group in groups.chain(home.group) {
            for lane in groups.taken(group) {
                let spot = Spot { group, lane };
                let entry = groups.get(spot);
                if groups.home(entry.hash()) == home.group {
                    emit(At::new(side, spot), entry);
                }
            }
        }
    }

    /// The last hash that belongs to a home, or will when it is no longer moved to.
    pub fn end(&self, home: Home) -> u64 {
        let groups = &self.parts[home.which];
        if groups.homes() > 0 { groups.last_position(home.group) } else { u64::MAX }
    }

    /// The homes with their [end](Self::end) in this range, which must be shorter than a home: two at most.
    pub fn homes_with_end(&self, hashes: RangeInclusive<u64>) -> impl Iterator<Item = Home> {
        [NOW, BEFORE].into_iter().filter_map(move |which| {
            let home = Home { which, group: self.parts[which].home(*hashes.start()) };
            (self.parts[which].homes() > 0 && hashes.contains(&self.end(home))).then_some(home)
        })
    }

    /// The first entry that the clock's hand meets with a use count of zero.
    ///
    /// The hand stays at a group as long as there is such an entry, and counts down only what it leaves
    /// behind. If it moved on with each victim it would count a whole group down for it: entries that are in
    /// use would run out of count between two uses.
    pub fn clock_victim(&mut self) -> Option<At> {
        let all = self.parts[NOW].groups() + self.parts[BEFORE].groups();
        // So many rounds bring any count to zero; one more finds it, and the first may begin in the middle.
        for _ in 0..all * (usize::from(USE_MAX) + 2) {
            let (side, group) = self.hand;
            let part = self.part_mut(side);
            if let Some(lane) = part.unused(group) {
                return Some(At::new(side, Spot { group, lane }));
            }
            part.count_down(group);
            self.hand = self.hand_behind(side, group);
        }
        None
    }

    /// The group that the hand comes to after this one, in the order of hashes.
    fn hand_behind(&self, side: usize, group: usize) -> (usize, usize) {
        let is_moving = self.parts[BEFORE].homes() > 0;
        match group + 1 {
            next if next < self.part(side).groups() => (side, next),
            _ if side == self.side && is_moving => (side ^ 1, self.next_home),
            _ => (self.side, 0),
        }
    }
}
