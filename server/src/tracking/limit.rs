//! How many keys are remembered at most: `tracking-table-max-keys`.
//!
//! Whoever is one too many is taken at random, and its clients are told to forget it.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering::Relaxed};

use parking_lot::Mutex;
use scrubjay::random::Random;

use super::Tracking;
use crate::shared::Shared;

/// Keys that are taken at a time, and so many more each time that this was not enough.
const EFFORT: u32 = 100;

/// See the module's page.
#[derive(Debug)]
pub(super) struct Limit {
    /// 0 for none.
    keys_max: AtomicUsize,
    /// Whether there may be more.
    passed: AtomicBool,
    /// How often in a row there were still more afterwards.
    rounds: AtomicU32,
    random: Mutex<Random>,
}

impl Limit {
    pub(super) fn new(keys_max: u64, random: Random) -> Self {
        let limit = Self {
            keys_max: AtomicUsize::new(0),
            passed: AtomicBool::new(false),
            rounds: AtomicU32::new(0),
            random: Mutex::new(random),
        };
        limit.set(keys_max);
        limit
    }

    fn set(&self, keys_max: u64) {
        self.keys_max.store(usize::try_from(keys_max).unwrap_or(usize::MAX), Relaxed);
    }

    /// There are so many keys now.
    #[inline]
    pub(super) fn note(&self, keys: usize) {
        if self.is_passed_by(keys) {
            self.passed.store(true, Relaxed);
        }
    }

    fn is_passed_by(&self, keys: usize) -> bool {
        let most = self.keys_max.load(Relaxed);
        most != 0 && keys > most
    }
}

impl Tracking {
    /// Changes how many keys are remembered at most; 0 for as many as there are.
    pub fn set_keys_max(&self, keys_max: u64) {
        self.limit.set(keys_max);
        self.limit.note(self.keys());
    }

    /// Whether there may be more keys than there should be.
    #[inline]
    pub fn has_too_many(&self) -> bool {
        self.limit.passed.load(Relaxed)
    }

    /// Forgets any key, if there is one, and has `tell` tell those who have read it before the table is
    /// unlocked, and so before anything else about the key can be told.
    fn forget_any(&self, tell: impl FnOnce(&[u8], &super::Ids)) -> bool {
        let mut random = self.limit.random.lock();
        let first = random.below(self.tables.len() as u64) as usize;
        for table in self.tables[first..].iter().chain(&self.tables[..first]) {
            let mut table = table.lock();
            if let Some((key, ids)) = table.take_any(&mut random) {
                self.note_forgotten(&mut table, 1, ids.len());
                tell(&key, &ids);
                return true;
            }
        }
        false
    }
}

impl Shared {
    /// Forgets some of the keys that are too many. Under no lock.
    #[cold]
    pub fn forget_some(&self) {
        let tracking = &self.tracking;
        let limit = &tracking.limit;
        if tracking.clients() == 0 {
            return;
        }
        for _ in 0..EFFORT.saturating_mul(limit.rounds.load(Relaxed).saturating_add(1)) {
            if !limit.is_passed_by(tracking.keys()) {
                limit.passed.store(false, Relaxed);
                limit.rounds.store(0, Relaxed);
                // Whoever has come meanwhile says so again.
                limit.note(tracking.keys());
                return;
            }
            tracking.forget_any(|key, readers| self.tell_of_key(readers, key, 0));
        }
        limit.rounds.fetch_add(1, Relaxed);
    }
}
