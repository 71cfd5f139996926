//! `CLIENT PAUSE`: for some time nobody's commands run, or none that change anything.
//!
//! Whoever comes in the meantime waits in front of its command, with all that it has sent behind it. Nothing
//! expires by itself or is evicted meanwhile, so that data stands still.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

/// Which commands wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Paused {
    /// Those that may change data, or are heard by others.
    Writes,
    /// All.
    Everything,
}

/// Whether commands have to wait.
#[derive(Debug, Default)]
pub struct Pause {
    /// 0 for no pause; looked at for each command.
    mode: AtomicU8,
    /// In milliseconds since the epoch.
    until_ms: AtomicU64,
    changing: Mutex<()>,
    /// Somebody who waits for a key could not take what came.
    held_back: AtomicBool,
}

impl Pause {
    /// Whether there is one, or one whose time is over and whose end nobody has noticed.
    #[inline]
    pub fn is_begun(&self) -> bool {
        self.mode.load(Relaxed) != 0
    }

    /// What waits at the moment `now`, and until when, in milliseconds since the epoch.
    #[inline]
    pub fn at(&self, now: u64) -> Option<(Paused, u64)> {
        let mode = match self.mode.load(Relaxed) {
            0 => return None,
            1 => Paused::Writes,
            _ => Paused::Everything,
        };
        let until = self.until_ms.load(Relaxed);
        (now < until).then_some((mode, until))
    }

    /// Whether somebody who waits for a key may not take what has come, since its command would have to wait.
    /// That is [remembered](Self::has_held_back).
    pub fn holds_back(&self, writes: bool, now: u64) -> bool {
        let holds = match self.at(now) {
            None => false,
            Some((Paused::Writes, _)) => writes,
            Some((Paused::Everything, _)) => true,
        };
        if holds {
            self.held_back.store(true, Relaxed);
        }
        holds
    }

    /// Whether somebody was held back who may go on now.
    pub fn has_held_back(&self, now: u64) -> bool {
        self.held_back.load(Relaxed) && self.at(now).is_none()
    }

    /// All who were held back are served now, and nobody can be held back meanwhile.
    pub fn forget_held_back(&self) {
        self.held_back.store(false, Relaxed);
    }

    /// Begins one, or makes one that there is longer or stricter. `begun` is called before anybody else can
    /// end it.
    pub fn begin(&self, paused: Paused, now: u64, until_ms: u64, begun: impl FnOnce()) {
        let _changing = self.changing.lock();
        let (paused, until_ms) =
            self.at(now).map_or((paused, until_ms), |(old, until)| (paused.max(old), until_ms.max(until)));
        self.until_ms.store(until_ms, Relaxed);
        self.mode.store(if paused == Paused::Writes { 1 } else { 2 }, Relaxed);
        begun();
    }

    /// Its time is over now. `over` is called if there was one.
    pub fn cut_short(&self, over: impl FnOnce()) {
        let _changing = self.changing.lock();
        if self.is_begun() {
            self.until_ms.store(0, Relaxed);
            over();
        }
    }

    /// Ends it if its time is over; `ended` is called then.
    pub fn end_if_over(&self, now: u64, ended: impl FnOnce()) {
        let _changing = self.changing.lock();
        if self.is_begun() && self.at(now).is_none() {
            self.mode.store(0, Relaxed);
            ended();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pause_only_becomes_longer_and_stricter() {
        let pause = Pause::default();
        pause.begin(Paused::Everything, 100, 200, || ());
        pause.begin(Paused::Writes, 150, 300, || ());
        assert_eq!(pause.at(299), Some((Paused::Everything, 300)));
        pause.begin(Paused::Writes, 150, 160, || ());
        assert_eq!((pause.at(299).is_some(), pause.at(300), pause.is_begun()), (true, None, true));
        // What is over does not count.
        pause.begin(Paused::Writes, 300, 400, || ());
        assert_eq!(pause.at(300), Some((Paused::Writes, 400)));
        let mut ended = Vec::new();
        pause.end_if_over(399, || ended.push(1));
        pause.end_if_over(400, || ended.push(2));
        pause.end_if_over(500, || ended.push(3));
        pause.cut_short(|| ended.push(4));
        pause.begin(Paused::Writes, 500, 600, || ());
        pause.cut_short(|| ended.push(5));
        assert_eq!((pause.at(500), pause.is_begun()), (None, true));
        pause.end_if_over(500, || ended.push(6));
        assert_eq!((ended, pause.is_begun()), (vec![2, 5, 6], false));
    }

    #[test]
    fn who_waits_for_a_key_may_be_held_back() {
        let pause = Pause::default();
        assert!(!pause.holds_back(true, 100));
        pause.begin(Paused::Writes, 100, 200, || ());
        assert!(!pause.holds_back(false, 150) && !pause.has_held_back(250));
        assert!(pause.holds_back(true, 150) && !pause.has_held_back(150));
        assert!(pause.has_held_back(200));
        pause.forget_held_back();
        assert!(!pause.has_held_back(200));
        pause.begin(Paused::Everything, 200, 300, || ());
        assert!(pause.holds_back(false, 250));
    }
}
