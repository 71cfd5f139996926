//! `CLIENT PAUSE`: for some time nobody's commands run, or none that change anything.
//!
//! Whoever comes in the meantime waits in front of its command, with all that it has sent behind it. Nothing
//! expires by itself or is evicted meanwhile, so that data stands still.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};

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
}

impl Pause {
    /// Whether there is one that nobody has ended, though its time may be over.
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

    /// Ends it. `ended` is called if there was one, even if its time was over.
    pub fn end(&self, ended: impl FnOnce()) {
        let _changing = self.changing.lock();
        if self.mode.swap(0, Relaxed) != 0 {
            ended();
        }
    }

    /// Ends it if its time is over.
    #[cold]
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
        pause.begin(Paused::Writes, 500, 600, || ());
        pause.end(|| ended.push(4));
        pause.end(|| ended.push(5));
        assert_eq!((ended, pause.is_begun()), (vec![2, 4], false));
    }
}
