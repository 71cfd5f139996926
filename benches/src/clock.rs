//! The clocks of the measurements: the only place of this crate that asks the system for the time.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use nix::time::{ClockId, clock_gettime};

/// The monotonic clock, for every duration measured.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the real clock")]
pub(crate) fn now() -> Instant {
    Instant::now()
}

/// Milliseconds since 1970: what a server compares deadlines with.
#[expect(clippy::disallowed_methods, reason = "a measurement needs the real clock")]
pub(crate) fn wall_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("invariant: it is past 1970");
    u64::try_from(since.as_millis()).expect("invariant: it is not yet the year 584,556,049")
}

/// Leaves the core to others for `duration`.
#[expect(clippy::disallowed_methods, reason = "a prober that waits must not use the CPU it measures")]
pub(crate) fn pause(duration: Duration) {
    std::thread::sleep(duration);
}

/// Pauses until `moment`; returns at once when it has passed.
pub(crate) fn pause_until(moment: Instant) {
    pause(moment.saturating_duration_since(now()));
}

/// The CPU time of the calling thread: what a measurement on a machine with other work to do can trust.
pub(crate) fn thread_cpu() -> Duration {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("invariant: Linux has this clock");
    Duration::from(time)
}
