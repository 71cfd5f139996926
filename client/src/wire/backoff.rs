//! How long to wait before the next try: twice as long each time up to a limit, and never in step with
//! others.

use std::time::Duration;

use scrubjay::random::Random;

/// The pauses between tries.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Backoff {
    pub(crate) first: Duration,
    pub(crate) max: Duration,
}

impl Backoff {
    /// The pause after so many failures in a row, the first counting as 0: half of it is certain, the other
    /// half is by chance, so that clients that lost the same server do not come back all at once.
    pub(crate) fn pause(&self, failures: u32, random: &mut Random) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.min(20)).min(self.max);
        doubled.mul_f64(0.5 + random.f64() / 2.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_vary() {
        let backoff = Backoff { first: Duration::from_millis(10), max: Duration::from_secs(1) };
        let mut random = Random::seeded(5);
        for (failures, whole) in [(0, 10), (1, 20), (4, 160), (7, 1000), (u32::MAX, 1000)] {
            let mut seen = std::collections::BTreeSet::new();
            for _ in 0..100 {
                let pause = backoff.pause(failures, &mut random);
                let whole = Duration::from_millis(whole);
                assert!(pause >= whole / 2 && pause <= whole, "{pause:?}");
                seen.insert(pause);
            }
            assert!(seen.len() > 90);
        }
    }
}
