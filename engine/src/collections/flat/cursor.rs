//! Walking the table: in the order of hashes, in steps, while it changes; and as a clock's hand does.

use super::{At, Flat, Hashed, tag};
use crate::raw::groups::Spot;
use crate::raw::head::USE_MAX;

/// How many top bits of a hash [`Flat::candidates`] is given.
const CANDIDATE_BITS: u32 = 24;

impl<T: Hashed> Flat<T> {
    /// Hands out every entry of the one home that holds the hash `from`, and returns the first hash of the
    /// next home, or `None` after the last.
    ///
    /// Walk the table by beginning at 0 and passing back what was returned. **Guarantee:** whatever is
    /// inserted and removed between the steps, and whatever moves by it, an entry that is in the table
    /// throughout the walk is handed out at least once: a home is at any moment a range of hashes, and each
    /// step hands out at least all entries with hashes from `from` up to the one that it returns. An entry
    /// may come twice when homes have become wider in between.
    pub fn scan(&self, from: u64, mut emit: impl FnMut(At, &T)) -> Option<u64> {
        let side = self.side_of(from);
        let groups = self.part(side);
        if groups.groups() == 0 {
            return None;
        }
        let home = groups.home(from);
        for group in groups.chain(home) {
            for lane in groups.taken(group) {
                let spot = Spot { group, lane };
                let entry = groups.get(spot);
                if groups.home(entry.hash()) == home {
                    emit(At::new(side, spot), entry);
                }
            }
        }
        self.behind_home(side, home)
    }

    /// Hands out every entry with the tag of this hash and the same top 24 bits, and perhaps others: for a
    /// caller who knows no more than these bits of an entry that may have gone, and who can tell by other
    /// means whether he has found it.
    pub fn candidates(&self, hash: u64, mut emit: impl FnMut(At, &T)) {
        let last = hash | (u64::MAX >> CANDIDATE_BITS);
        // One home, unless the table is so large that homes are finer than 24 bits.
        let mut next = Some(hash & !(u64::MAX >> CANDIDATE_BITS));
        while let Some(from) = next.filter(|&from| from <= last) {
            let side = self.side_of(from);
            let groups = self.part(side);
            if groups.groups() == 0 {
                return;
            }
            let home = groups.home(from);
            for group in groups.chain(home) {
                for lane in groups.tagged(group, tag(hash)) {
                    let spot = Spot { group, lane };
                    emit(At::new(side, spot), groups.get(spot));
                }
            }
            next = self.behind_home(side, home);
        }
    }

    /// The first hash behind a home. In the part that entries move to, homes end at the frontier.
    fn behind_home(&self, side: usize, home: usize) -> Option<u64> {
        let last = self.part(side).last_position(home);
        let last = if side == self.side { last.min(self.frontier) } else { last };
        last.checked_add(1)
    }

    /// The first entry that the clock's hand meets with a use count of zero.
    ///
    /// The hand stays at a group as long as there is such an entry, and counts down only what it leaves
    /// behind. If it moved on with each victim it would count a whole group down for it: entries that are in
    /// use would run out of count between two uses.
    pub fn clock_victim(&mut self) -> Option<At> {
        let groups = self.now.groups();
        let all = groups + self.before.groups();
        // So many rounds bring any count to zero; one more finds it, and the first may begin in the middle.
        for _ in 0..all * (usize::from(USE_MAX) + 2) {
            if self.hand >= all {
                self.hand = 0;
            }
            let (side, group) =
                if self.hand < groups { (self.side, self.hand) } else { (self.side ^ 1, self.hand - groups) };
            let part = self.part_mut(side);
            if let Some(lane) = part.unused(group) {
                return Some(At::new(side, Spot { group, lane }));
            }
            part.count_down(group);
            self.hand += 1;
        }
        None
    }
}
