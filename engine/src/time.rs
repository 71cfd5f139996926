//! The only clock: everything else in the workspace is handed a [`Clock`] or a moment read from one.
//!
//! Two times are kept apart. The *wall clock* is what deadlines are written in and what TIME answers; an
//! operator or NTP may move it either way at any moment. The *monotonic clock* never goes back and means
//! nothing outside the process; durations, timeouts and latencies are measured with it.

#![expect(clippy::disallowed_methods, reason = "this is the file that time comes from")]

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::sync::Arc;
use crate::sync::atomic::{AtomicU64, Ordering};

/// Milliseconds of the wall clock since the Unix epoch: the unit of every deadline.
///
/// A plain number, not a newtype: it is stored in entries, packed into wheel records and printed to clients,
/// and would be unwrapped at each of these places.
pub type Millis = u64;

/// Where a store reads the time: the system's clocks, or a [`ManualClock`]. Cheap to clone.
///
/// Below the edge of the engine `now` is an argument; only the edge asks a clock, once per command.
#[derive(Clone)]
pub struct Clock(Source);

#[derive(Clone)]
enum Source {
    System { origin: Instant, origin_nanos: u64 },
    Manual(ManualClock),
}

impl Clock {
    /// The clocks of the operating system.
    pub fn system() -> Self {
        let origin = Instant::now();
        Self(Source::System { origin, origin_nanos: system_nanos(SystemClock::Monotonic, origin) })
    }

    /// The wall clock, in milliseconds since the epoch.
    pub fn now(&self) -> Millis {
        self.wall_micros() / 1000
    }

    /// The wall clock, in microseconds since the epoch. Zero if the system's clock stands before 1970.
    pub fn wall_micros(&self) -> u64 {
        match &self.0 {
            Source::System { .. } => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, whole_micros),
            Source::Manual(manual) => manual.0.wall_micros.load(Ordering::Relaxed),
        }
    }

    /// A clock that never goes back, in microseconds since a moment of its own; comparable only with readings
    /// of the same clock and its clones.
    pub fn monotonic_micros(&self) -> u64 {
        match &self.0 {
            Source::System { origin, .. } => whole_micros(origin.elapsed()),
            Source::Manual(manual) => manual.0.monotonic_micros.load(Ordering::Relaxed),
        }
    }

    /// The same in nanoseconds, for what takes less than a microsecond.
    pub fn monotonic_nanos(&self) -> u64 {
        match &self.0 {
            Source::System { origin, .. } => u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX),
            Source::Manual(_) => self.monotonic_micros().saturating_mul(1000),
        }
    }

    /// A clock that moves in steps, of 10 ms at most, but is read in a seventh of the time (3 ns in place of
    /// 20): what has not seen it move took less than a step. Comparable only with itself.
    pub fn steps(&self) -> u64 {
        match &self.0 {
            Source::System { origin, .. } => system_nanos(SystemClock::Coarse, *origin),
            Source::Manual(_) => self.monotonic_nanos(),
        }
    }

    /// [`monotonic_micros`](Self::monotonic_micros) in milliseconds as it was a moment ago, at most
    /// [`COARSE_LAG_MS`], and never ahead of it: read in a seventh of the time, and good enough for whatever
    /// is not due for longer than that.
    pub fn coarse_millis(&self) -> Millis {
        match &self.0 {
            Source::System { origin, origin_nanos } => {
                system_nanos(SystemClock::Coarse, *origin).saturating_sub(*origin_nanos) / 1_000_000
            }
            Source::Manual(_) => self.monotonic_micros() / 1000,
        }
    }

    /// Returns when so much time has passed. A manual clock is moved on instead, so a test that sleeps takes
    /// no time.
    ///
    /// Blocks the thread: for `DEBUG SLEEP`, which asks for just that, and for threads that have nothing else
    /// to do.
    pub fn sleep(&self, duration: Duration) {
        match &self.0 {
            Source::System { .. } => std::thread::sleep(duration),
            Source::Manual(manual) => manual.advance(duration),
        }
    }
}

/// How far [`Clock::coarse_millis`] may be behind: a tick of the slowest usual kernel.
pub const COARSE_LAG_MS: Millis = 16;

/// Clocks of the system that count from one and the same moment.
#[derive(Clone, Copy)]
enum SystemClock {
    Monotonic,
    Coarse,
}

#[cfg(target_os = "linux")]
fn system_nanos(clock: SystemClock, _: Instant) -> u64 {
    use nix::time::{ClockId, clock_gettime};
    let id = match clock {
        SystemClock::Monotonic => ClockId::CLOCK_MONOTONIC,
        SystemClock::Coarse => ClockId::CLOCK_MONOTONIC_COARSE,
    };
    // It fails for clocks that a kernel does not know; these are in every one.
    clock_gettime(id).map_or(0, |time| time.tv_sec() as u64 * 1_000_000_000 + time.tv_nsec() as u64)
}

/// Where there is no coarse clock the fine one serves, counted from the origin.
#[cfg(not(target_os = "linux"))]
fn system_nanos(_: SystemClock, origin: Instant) -> u64 {
    u64::try_from(origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

impl Default for Clock {
    fn default() -> Self {
        Self::system()
    }
}

impl From<ManualClock> for Clock {
    fn from(manual: ManualClock) -> Self {
        Self(Source::Manual(manual))
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Source::System { .. } => f.write_str("Clock::System"),
            Source::Manual(manual) => manual.fmt(f),
        }
    }
}

/// A clock that moves only when it is told to. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use scrubjay::time::{Clock, ManualClock};
///
/// let hands = ManualClock::new(1_000);
/// let clock = Clock::from(hands.clone());
/// hands.advance(Duration::from_millis(5));
/// assert_eq!((clock.now(), clock.monotonic_micros()), (1_005, 5_000));
/// hands.set(7); // The wall clock jumps; durations do not notice.
/// assert_eq!((clock.now(), clock.monotonic_micros()), (7, 5_000));
/// ```
#[derive(Clone)]
pub struct ManualClock(Arc<Hands>);

struct Hands {
    wall_micros: AtomicU64,
    monotonic_micros: AtomicU64,
}

impl ManualClock {
    /// A clock whose wall time stands at `now` and whose monotonic time at zero.
    pub fn new(now: Millis) -> Self {
        let wall_micros = AtomicU64::new(now.saturating_mul(1000));
        Self(Arc::new(Hands { wall_micros, monotonic_micros: AtomicU64::new(0) }))
    }

    /// Puts the wall clock to `now`, in either direction, as an operator would. The monotonic clock stands
    /// still.
    pub fn set(&self, now: Millis) {
        self.0.wall_micros.store(now.saturating_mul(1000), Ordering::Relaxed);
    }

    /// Lets time pass, on both clocks.
    pub fn advance(&self, passed: Duration) {
        let micros = whole_micros(passed);
        for hand in [&self.0.wall_micros, &self.0.monotonic_micros] {
            let _ =
                hand.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |at| Some(at.saturating_add(micros)));
        }
    }

    /// A [`Clock`] that shows this time.
    pub fn clock(&self) -> Clock {
        Clock::from(self.clone())
    }
}

impl fmt::Debug for ManualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ManualClock({} us)", self.0.wall_micros.load(Ordering::Relaxed))
    }
}

fn whole_micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn the_system_clock_runs_forward_from_this_century() {
        let clock = Clock::system();
        assert!(clock.now() > 1_700_000_000_000);
        let early = clock.monotonic_micros();
        assert!(clock.clone().monotonic_micros() >= early);
        for _ in 0..1000 {
            let (coarse, fine) = (clock.coarse_millis(), clock.monotonic_micros() / 1000);
            assert!(coarse <= fine);
        }
        assert!(clock.wall_micros() / 1000 >= 1_700_000_000_000);
    }

    #[test]
    fn a_manual_clock_jumps_both_ways_and_saturates() {
        let hands = ManualClock::new(u64::MAX);
        let clock = hands.clock();
        hands.advance(Duration::MAX);
        assert_eq!(clock.wall_micros(), u64::MAX);
        hands.set(3);
        assert_eq!(clock.now(), 3);
        clock.sleep(Duration::from_millis(4));
        assert_eq!(clock.now(), 7);
        hands.set(3);
        assert_eq!(format!("{clock:?}"), "ManualClock(3000 us)");
    }
}
