//! Least frequently used: the entry's 24-bit clock is 16 bits of minutes, when the counter last decayed, and
//! an 8-bit counter on a logarithmic scale.
//!
//! The scale is that of Valkey's `OBJECT FREQ`: a new entry starts at 5, so that it is not the first to go; a
//! use adds one with the probability `1 / ((counter - 5) * lfu-log-factor + 1)`; and every `lfu-decay-time`
//! minutes without a look take one off. With the default factor of 10 the counter is full after about a
//! million uses.

use crate::random::Random;
use crate::time::Millis;

/// What a new entry's counter starts at.
const START: u8 = 5;

/// `lfu-log-factor` and `lfu-decay-time`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LfuTuning {
    /// The greater, the slower the counter grows.
    pub log_factor: u32,
    /// Minutes for the counter to lose one; 0: it never does.
    pub decay_minutes: u32,
}

impl Default for LfuTuning {
    fn default() -> Self {
        Self { log_factor: 10, decay_minutes: 1 }
    }
}

impl LfuTuning {
    /// Both parameters.
    pub fn new(log_factor: u32, decay_minutes: u32) -> Self {
        Self { log_factor, decay_minutes }
    }
}

fn minutes(now: Millis) -> u16 {
    (now / 60_000) as u16
}

fn pack(minutes: u16, counter: u8) -> u32 {
    u32::from(minutes) << 8 | u32::from(counter)
}

/// The clock of a new entry.
pub(super) fn new_clock(now: Millis) -> u32 {
    clock(START, now)
}

/// The clock of an entry with this counter.
pub(super) fn clock(counter: u8, now: Millis) -> u32 {
    pack(minutes(now), counter)
}

/// The counter, less what it has lost by now.
pub(super) fn frequency(clock: u32, now: Millis, tuning: LfuTuning) -> u8 {
    let counter = clock as u8;
    let passed = minutes(now).wrapping_sub((clock >> 8) as u16);
    let lost = u32::from(passed).checked_div(tuning.decay_minutes).unwrap_or(0);
    counter.saturating_sub(u8::try_from(lost).unwrap_or(u8::MAX))
}

/// The clock of an entry used now.
pub(super) fn touched(clock: u32, now: Millis, tuning: LfuTuning, random: &mut Random) -> u32 {
    let counter = frequency(clock, now, tuning);
    let above = f64::from(counter.saturating_sub(START));
    let grows = counter < u8::MAX && random.chance(1.0 / (above * f64::from(tuning.log_factor) + 1.0));
    pack(minutes(now), counter + u8::from(grows))
}

/// How much an entry deserves to go.
pub(super) fn rank(clock: u32, now: Millis, tuning: LfuTuning) -> u32 {
    u32::from(u8::MAX - frequency(clock, now, tuning))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_counter_grows_more_and_more_slowly_and_decays_by_the_minute() {
        let mut random = Random::seeded(1);
        let tuning = LfuTuning::default();
        let mut clock = new_clock(0);
        assert_eq!(frequency(clock, 0, tuning), 5);
        let mut after = Vec::new();
        for uses in 1..=1_000_000 {
            clock = touched(clock, 0, tuning, &mut random);
            if [100, 1_000, 100_000, 1_000_000].contains(&uses) {
                after.push(frequency(clock, 0, tuning));
            }
        }
        // The table in Valkey's configuration file for factor 10 says 10, 18, 142, 255, each one draw of a
        // random walk.
        for (counter, about) in after.into_iter().zip([10, 18, 142, 255]) {
            assert!(counter.abs_diff(about) <= 4 + about / 10, "{counter} should be about {about}");
        }
        assert_eq!(frequency(pack(0, 100), 7 * 60_000 + 59_999, tuning), 93);
        assert_eq!(frequency(pack(0, 100), 600 * 60_000, tuning), 0);
        assert_eq!(frequency(pack(0, 100), 600 * 60_000, LfuTuning::new(10, 0)), 100);
    }
}
