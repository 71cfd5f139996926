//! How long commands took, as a histogram: exact up to 127 ns, then 64 steps for each doubling, so that every
//! figure is within 1.6 % of the truth, up to about a second, which longer ones count as.

use super::stats::Counter;

/// Below twice this every value has a step of its own.
const STEPS_PER_DOUBLING: usize = 64;
const STEP_BITS: u32 = STEPS_PER_DOUBLING.trailing_zeros();
/// The first value that is too long to be told apart, a little over a second.
const NANOS_MAX: u64 = 1 << 30;
const STEPS: usize = step_of(NANOS_MAX) + 1;

/// The step of a value: the number of doublings above the last exact one, and then its leading bits.
const fn step_of(nanos: u64) -> usize {
    let nanos = if nanos > NANOS_MAX { NANOS_MAX } else { nanos };
    let doublings = (63 - (nanos | 1).leading_zeros()).saturating_sub(STEP_BITS);
    doublings as usize * STEPS_PER_DOUBLING + (nanos >> doublings) as usize
}

/// The longest time that counts in a step.
const fn longest_of(step: usize) -> u64 {
    let doublings = (step / STEPS_PER_DOUBLING).saturating_sub(1);
    let leading = (step - doublings * STEPS_PER_DOUBLING) as u64;
    ((leading + 1) << doublings) - 1
}

/// A histogram that one thread writes.
#[derive(Debug)]
pub(super) struct Latencies([Counter; STEPS]);

impl Default for Latencies {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

impl Latencies {
    pub(super) fn note(&self, nanos: u64, calls: u64) {
        self.0[step_of(nanos)].add(calls);
    }
}

/// A histogram of all threads at one moment.
#[derive(Debug, Clone)]
pub struct Histogram(Vec<u64>);

impl Default for Histogram {
    fn default() -> Self {
        Self(vec![0; STEPS])
    }
}

impl Histogram {
    pub(super) fn add(&mut self, latencies: &Latencies) {
        for (count, counter) in self.0.iter_mut().zip(&latencies.0) {
            *count += counter.get();
        }
    }

    pub(super) fn subtract(&mut self, base: &Self) {
        for (count, base) in self.0.iter_mut().zip(&base.0) {
            *count = count.saturating_sub(*base);
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }

    /// How many times lie within each doubling from about a microsecond on, and all below it: the
    /// microseconds that it reaches to, and the count so far. Doublings without any are left out.
    pub fn doublings(&self) -> Vec<(u64, u64)> {
        let mut doublings = Vec::new();
        let (mut counted, mut seen, mut first) = (0, 0, 0);
        for bit in 10..=NANOS_MAX.trailing_zeros() {
            let last = step_of(1 << bit);
            seen += self.0[first..=last].iter().sum::<u64>();
            first = last + 1;
            if seen > counted {
                // Where Valkey's own histogram, of twice as many steps, ends its step.
                let level = 1 << bit;
                doublings.push(((level + level / 128 - 1) / 1000, seen));
                counted = seen;
            }
        }
        doublings
    }

    /// The time in nanoseconds that so many hundredths of all do not exceed.
    pub fn percentile(&self, percent: f64) -> u64 {
        let all: u64 = self.0.iter().sum();
        let wanted = ((percent / 100.0 * all as f64).ceil() as u64).clamp(1, all.max(1));
        let mut seen = 0;
        for (step, count) in self.0.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return longest_of(step);
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_has_one_step_and_steps_ascend() {
        let mut last = 0;
        for nanos in (0..100_000).chain((17..30).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1])) {
            let step = step_of(nanos);
            assert!(step == last || step == last + 1 || nanos > 100_000, "{nanos}");
            last = step;
            assert!(longest_of(step) >= nanos, "{nanos}");
            assert!(step == 0 || longest_of(step - 1) < nanos, "{nanos}");
            assert!((longest_of(step) - nanos) * 64 <= nanos.max(64), "{nanos}");
        }
        assert_eq!(step_of(u64::MAX), STEPS - 1);
    }

    #[test]
    fn percentiles_are_of_what_was_counted() {
        let latencies = Latencies::default();
        (1..=100).for_each(|nanos| latencies.note(nanos, 1));
        let mut histogram = Histogram::default();
        assert_eq!(histogram.percentile(50.0), 0);
        histogram.add(&latencies);
        assert_eq!([0.0, 50.0, 99.0, 100.0].map(|percent| histogram.percentile(percent)), [1, 50, 99, 100]);
    }
}
