//! Least recently used: the entry's 24-bit clock is the second of its last use.
//!
//! The resolution and the width are Valkey's (`OBJECT IDLETIME`, and the idle time in its dumps, are read
//! from it): it wraps around after 194 days.

use super::lfu::LfuTuning;
use crate::time::Millis;

const MASK: u32 = (1 << 24) - 1;

/// The clock of an entry used now.
#[inline]
pub(super) fn clock(now: Millis) -> u32 {
    (now / 1000) as u32 & MASK
}

/// The clock of an entry last used so long ago. Like the clock, the time wraps around.
pub(super) fn clock_before(idle_s: u64, now: Millis) -> u32 {
    clock(now).wrapping_sub(idle_s as u32) & MASK
}

/// Seconds since the entry's last use.
pub(super) fn idle_s(clock_then: u32, now: Millis) -> u64 {
    u64::from(clock(now).wrapping_sub(clock_then) & MASK)
}

/// How much an entry deserves to go.
pub(super) fn rank(clock_then: u32, now: Millis, _: LfuTuning) -> u32 {
    clock(now).wrapping_sub(clock_then) & MASK
}
