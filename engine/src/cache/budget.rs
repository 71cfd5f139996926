//! The bound of a cache, shared out to its shards.
//!
//! What is held never weighs more than what the shards were granted, and they are never granted more than the
//! bound: so it holds at every moment. A shard takes more than it needs at once, a *lot*, so that not every
//! insert meets all others on one cache line; what lies unused by that is about a hundredth of the bound at
//! most, and nothing when the bound is small.

use crate::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Lots are at most one part in so many of a shard's share.
const LOT_SHARE: u64 = 256;
/// While less of the bound is granted than this, in thousandths, there is room.
const ROOMY_THOUSANDTHS: u128 = 900;
/// An unbounded cache's lots, so that counting costs it nothing.
const LOT_UNBOUNDED: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct Budget {
    max: AtomicU64,
    granted: AtomicU64,
    lot: AtomicU64,
    /// While less than this is granted there is room.
    roomy: AtomicU64,
    /// A shard's part of the bound; zero if there is none.
    share: AtomicU64,
    shards: u64,
}

impl Budget {
    pub(super) fn new(max: Option<u64>, shards: usize) -> Self {
        let zero = || AtomicU64::new(0);
        let budget = Self {
            max: zero(),
            granted: zero(),
            lot: zero(),
            roomy: zero(),
            share: zero(),
            shards: shards as u64,
        };
        budget.set_max(max);
        budget
    }

    pub(super) fn set_max(&self, max: Option<u64>) {
        let lot = max.map_or(LOT_UNBOUNDED, |max| (max / self.shards / LOT_SHARE).max(1));
        self.lot.store(lot, Relaxed);
        self.share.store(max.map_or(0, |max| max / self.shards), Relaxed);
        let max = max.unwrap_or(u64::MAX);
        self.roomy.store((u128::from(max) * ROOMY_THOUSANDTHS / 1000) as u64, Relaxed);
        self.max.store(max, Relaxed);
    }

    pub(super) fn max(&self) -> Option<u64> {
        Some(self.max.load(Relaxed)).filter(|&max| max != u64::MAX)
    }

    /// A shard's part of the bound; zero if there is none.
    #[inline]
    pub(super) fn share(&self) -> u64 {
        self.share.load(Relaxed)
    }

    /// Whether the cache is far from full.
    #[inline]
    pub(super) fn is_roomy(&self) -> bool {
        self.granted.load(Relaxed) < self.roomy.load(Relaxed)
    }

    /// How much is granted over the bound, after it was lowered.
    pub(super) fn excess(&self) -> u64 {
        self.granted.load(Relaxed).saturating_sub(self.max.load(Relaxed))
    }

    /// Grants a shard what it needs, and more if it can be had; nothing if that would pass the bound.
    pub(super) fn grant(&self, need: u64) -> Option<u64> {
        self.grant_between(need, need.max(self.lot.load(Relaxed)))
    }

    /// Grants just this, or nothing.
    pub(super) fn grant_exactly(&self, weight: u64) -> Option<u64> {
        self.grant_between(weight, weight)
    }

    fn grant_between(&self, need: u64, wanted: u64) -> Option<u64> {
        let max = self.max.load(Relaxed);
        let mut granted = self.granted.load(Relaxed);
        loop {
            let free = max.saturating_sub(granted);
            if free < need {
                return None;
            }
            let gets = wanted.min(free);
            match self.granted.compare_exchange_weak(granted, granted + gets, Relaxed, Relaxed) {
                Ok(_) => return Some(gets),
                Err(now) => granted = now,
            }
        }
    }

    /// A shard does not need so much any more.
    pub(super) fn give_back(&self, weight: u64) {
        self.granted.fetch_sub(weight, Relaxed);
    }

    /// What a shard may hold in advance without giving it back.
    pub(super) fn lot(&self) -> u64 {
        self.lot.load(Relaxed)
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn never_grants_more_than_the_bound() {
        let budget = Budget::new(Some(10_000), 4);
        assert_eq!((budget.max(), budget.share(), budget.lot()), (Some(10_000), 2_500, 9));
        assert_eq!(
            (budget.grant(1), budget.grant(20), budget.grant(9_970)),
            (Some(9), Some(20), Some(9_970))
        );
        assert_eq!((budget.grant_exactly(2), budget.grant(1), budget.is_roomy()), (None, Some(1), false));
        budget.give_back(5);
        assert_eq!((budget.grant(6), budget.grant(5), budget.excess()), (None, Some(5), 0));
        budget.set_max(Some(9_000));
        assert_eq!((budget.excess(), budget.grant(1)), (1_000, None));
        budget.give_back(2_000);
        assert!(budget.is_roomy());
        budget.set_max(None);
        assert_eq!((budget.max(), budget.grant(3)), (None, Some(LOT_UNBOUNDED)));
    }
}
