//! The best candidates met so far, for the policies that rank entries by their clocks (LRU, LFU).
//!
//! A hand walks the table's buckets, and what it meets is ranked; those that deserve most to go wait here. So each
//! eviction looks at a few neighbouring entries, which share cache lines, instead of random ones, every entry gets its
//! turn, and the one that goes is the worst of the last few hundred rather than of five. Where only entries with a deadline
//! may go, candidates are drawn from the wheel, which holds no others.

use super::super::{Found, Positions, Shard, named};
use super::lfu::LfuTuning;
use crate::raw::heap::HeapBytes;
use crate::time::Millis;

/// Candidates that wait.
const CAPACITY: usize = 16;

/// How much an entry with this clock deserves to go.
pub(super) type Rank = fn(clock: u32, now: Millis, tuning: LfuTuning) -> u32;

#[derive(Default)]
pub(super) struct Pool {
    /// Ascending by rank: the last goes first.
    candidates: Vec<Candidate>,
    /// Where the hand goes on.
    hand: u64,
}

#[derive(Clone, Copy)]
struct Candidate {
    rank: u32,
    db: u16,
    tag: u8,
    position: u64,
    handle: u32,
    clock: u32,
}

impl Pool {
    fn offer(&mut self, candidate: Candidate) {
        let known = |other: &Candidate| other.handle == candidate.handle && other.db == candidate.db;
        if self.candidates.iter().any(known) {
            return;
        }
        let at = self.candidates.partition_point(|other| other.rank <= candidate.rank);
        if self.candidates.len() == CAPACITY {
            if at == 0 {
                return;
            }
            self.candidates.remove(0);
            self.candidates.insert(at - 1, candidate);
        } else {
            self.candidates.insert(at, candidate);
        }
    }
}

impl<X: HeapBytes, P: Positions> Shard<X, P> {
    /// The entry that deserves most to go, of those met lately.
    pub(super) fn pooled_victim(&mut self, now: Millis, rank: Rank) -> Option<(u16, Found)> {
        // A candidate may have been used, moved or removed since it was met; then the next one is tried, and when none is
        // left the hand goes on.
        for _ in 0..CAPACITY {
            self.meet_candidates(now, rank)?;
            while let Some(candidate) = self.evictor.pool.candidates.pop() {
                let Candidate { db, tag, position, handle, clock, .. } = candidate;
                let table = &self.spaces[usize::from(db)].table;
                let Some(slot) = table.find_handle(position, tag, handle) else { continue };
                let found = Found { slot, handle: named(handle) };
                let entry = self.entry(found);
                let may_go = !self.policy().is_volatile() || entry.deadline().is_some();
                if may_go && entry.clock() == clock {
                    return Some((db, found));
                }
            }
        }
        None
    }

    /// Looks at `maxmemory-samples` entries or a few more. `None` when there is nothing that may go.
    fn meet_candidates(&mut self, now: Millis, rank: Rank) -> Option<()> {
        let db = self.crowded_db()?;
        let samples = self.evictor.tuning.samples;
        let tuning = self.evictor.tuning.lfu;
        let mut met = Vec::with_capacity(samples + 16);
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
            // At most one lap: a table has as many entries as `crowded_db` has seen.
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
            let (clock, key) = (entry.clock(), entry.key());
            let candidate = Candidate {
                rank: rank(clock, now, tuning),
                db,
                tag: self.positions.tag(key),
                position: self.positions.position(key),
                handle: found.handle.to_bits(),
                clock,
            };
            self.evictor.pool.offer(candidate);
        }
        Some(())
    }
}
