//! The best candidates met so far, for the policies that rank entries by their clocks (LRU, LFU).
//!
//! A hand walks the table's buckets, and what it meets is ranked; those that deserve most to go wait here. So
//! each eviction looks at a few neighbouring entries, which share cache lines, instead of random ones, every
//! entry gets its turn, and the one that goes is the worst of the last few hundred rather than of five. Where
//! only entries with a deadline may go, candidates are drawn from the wheel, which holds no others.

use smallvec::SmallVec;

use super::super::{Found, Positions, Shard, named};
use super::lfu::LfuTuning;
use crate::shard::parts::Parts;
use crate::time::Millis;

/// Candidates that wait.
const CAPACITY: usize = 16;

/// How much an entry with this clock deserves to go.
pub(super) type Rank = fn(clock: u32, now: Millis, tuning: LfuTuning) -> u32;

#[derive(Default)]
pub(super) struct Pool {
    /// At most [`CAPACITY`] between two evictions.
    candidates: SmallVec<[Candidate; 2 * CAPACITY]>,
    /// Where the hand goes on.
    hand: u64,
}

/// Where an entry lay when it was met, and its clock: if that is another now, it was used since.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Candidate {
    db: u16,
    tag: u8,
    position: u64,
    clock: u32,
}

impl Pool {
    /// Sorts the candidates, those that deserve most to go last, and keeps the best. All are ranked anew, as
    /// they were met at different times.
    fn rank(&mut self, rank: impl Fn(u32) -> u32) {
        self.candidates.sort_unstable_by_key(|candidate| rank(candidate.clock));
        let excess = self.candidates.len().saturating_sub(CAPACITY);
        self.candidates.drain(..excess);
    }
}

impl<X: Parts, P: Positions> Shard<X, P> {
    /// The entry that deserves most to go, of those met lately.
    pub(super) fn pooled_victim(&mut self, now: Millis, rank: Rank) -> Option<(u16, Found)> {
        // A candidate may have been used, moved or removed since it was met; then the next one is tried, and
        // when none is left the hand goes on.
        for _ in 0..CAPACITY {
            self.meet_candidates(now, rank)?;
            while let Some(candidate) = self.evictor.pool.candidates.pop() {
                if let Some(found) = self.candidate(candidate) {
                    return Some((candidate.db, found));
                }
            }
        }
        None
    }

    /// The entry of a candidate, if it is still there, was not used since, and may go.
    fn candidate(&self, candidate: Candidate) -> Option<Found> {
        let table = &self.spaces[usize::from(candidate.db)].table;
        let slot = table.find(candidate.position, candidate.tag, |handle| {
            let entry = self.slab.get(named(handle));
            entry.clock() == candidate.clock && self.positions.position(entry.key()) == candidate.position
        })?;
        let found = Found { slot, handle: named(table.handle(slot)) };
        let may_go = !self.policy().is_volatile() || self.entry(found).deadline().is_some();
        may_go.then_some(found)
    }

    /// Looks at `maxmemory-samples` entries or a few more. `None` when there is nothing that may go.
    fn meet_candidates(&mut self, now: Millis, rank: Rank) -> Option<()> {
        let db = self.crowded_db()?;
        let samples = self.evictor.tuning.samples.max(1);
        let tuning = self.evictor.tuning.lfu;
        let mut met: SmallVec<[Found; 32]> = SmallVec::new();
        let volatile = self.policy().is_volatile();
        if volatile {
            let wheel = self.spaces[usize::from(db)].wheel.as_ref()?;
            for _ in 0..samples * 2 {
                let record = wheel.sample(&mut self.random)?;
                let agreeing =
                    self.agreeing(db, |deadline| record.agrees(deadline), record.position(), record.tag());
                met.extend(agreeing.map(|(found, _)| found));
            }
        } else {
            let mut hand = self.evictor.pool.hand;
            // At most one lap, from wherever the hand is.
            let mut laps = 0;
            while met.len() < samples && laps < 2 {
                let table = &self.spaces[usize::from(db)].table;
                let next =
                    table.scan_bucket(hand, |slot, handle| met.push(Found { slot, handle: named(handle) }));
                laps += usize::from(next.is_none());
                hand = next.unwrap_or(0);
            }
            self.evictor.pool.hand = hand;
        }
        for found in met {
            let entry = self.slab.get(found.handle);
            let (tag, position) = (self.positions.tag(entry.key()), self.positions.position(entry.key()));
            let candidate = Candidate { db, tag, position, clock: entry.clock() };
            let pool = &mut self.evictor.pool;
            if !pool.candidates.contains(&candidate) {
                pool.candidates.push(candidate);
                if pool.candidates.len() == 2 * CAPACITY {
                    pool.rank(|clock| rank(clock, now, tuning));
                }
            }
        }
        self.evictor.pool.rank(|clock| rank(clock, now, tuning));
        Some(())
    }
}
