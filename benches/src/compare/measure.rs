//! What is measured, and how figures of several rounds become one.

use std::time::Duration;

use hdrhistogram::Histogram;

use crate::figures::Spread;

/// A quantity a scenario yields. Each has a table of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Metric {
    CpuPerRequest,
    RequestsPerSecond,
    LatencyP50,
    LatencyP99,
    LatencyP999,
    LatencyMax,
    ResidentPerKey,
    UsedPerKey,
    SecondsUntilGone,
    KeysAtDeadline,
    SecondsToGrow,
    ServerBusy,
    LoadBusy,
}

impl Metric {
    /// In the order of the tables.
    pub(crate) const ALL: [Self; 13] = [
        Self::CpuPerRequest,
        Self::RequestsPerSecond,
        Self::LatencyP50,
        Self::LatencyP99,
        Self::LatencyP999,
        Self::LatencyMax,
        Self::ResidentPerKey,
        Self::UsedPerKey,
        Self::SecondsUntilGone,
        Self::KeysAtDeadline,
        Self::SecondsToGrow,
        Self::ServerBusy,
        Self::LoadBusy,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::CpuPerRequest => "CPU time of the server per request",
            Self::RequestsPerSecond => "Requests per second",
            Self::LatencyP50 => "Latency p50",
            Self::LatencyP99 => "Latency p99",
            Self::LatencyP999 => "Latency p99.9",
            Self::LatencyMax => "Latency max",
            Self::ResidentPerKey => "Resident memory per key",
            Self::UsedPerKey => "`used_memory` per key",
            Self::SecondsUntilGone => "From the last deadline until DBSIZE is 0",
            Self::KeysAtDeadline => "Keys still counted at the last deadline",
            Self::SecondsToGrow => "Time to write all keys",
            Self::ServerBusy => "Server busy",
            Self::LoadBusy => "Load generator busy",
        }
    }

    pub(crate) fn unit(self) -> &'static str {
        match self {
            Self::CpuPerRequest => "µs, user and kernel, all threads",
            Self::RequestsPerSecond => "more is better",
            Self::LatencyP50 | Self::LatencyP99 | Self::LatencyP999 | Self::LatencyMax => "ms",
            Self::ResidentPerKey | Self::UsedPerKey => "bytes",
            Self::SecondsUntilGone | Self::SecondsToGrow => "seconds",
            Self::KeysAtDeadline => "keys",
            Self::ServerBusy | Self::LoadBusy => "% of one core",
        }
    }

    /// Whether a ratio of two servers says anything.
    pub(crate) fn is_compared(self) -> bool {
        !matches!(self, Self::KeysAtDeadline | Self::ServerBusy | Self::LoadBusy)
    }
}

/// What one round of one scenario yields on one server.
#[derive(Default)]
pub(crate) struct Sample {
    pub(crate) values: Vec<(Metric, f64)>,
    /// Every latency of the round, where the scenario watches any.
    pub(crate) latency: Option<Latency>,
}

impl Sample {
    /// The figures a watcher saw.
    pub(crate) fn of_latency(latency: Latency) -> Self {
        let at = |quantile| latency.quantile_ms(quantile);
        let values = vec![
            (Metric::LatencyP50, at(0.5)),
            (Metric::LatencyP99, at(0.99)),
            (Metric::LatencyP999, at(0.999)),
            (Metric::LatencyMax, at(1.0)),
        ];
        Self { values, latency: Some(latency) }
    }

    /// Adds a figure.
    pub(crate) fn with(mut self, metric: Metric, value: f64) -> Self {
        self.values.push((metric, value));
        self
    }

    /// The figure for `metric`, if the scenario yields it.
    pub(crate) fn value(&self, metric: Metric) -> Option<f64> {
        self.values.iter().find(|(have, _)| *have == metric).map(|&(_, value)| value)
    }
}

/// Latencies, to three digits, in nanoseconds.
#[derive(Clone)]
pub(crate) struct Latency(Histogram<u64>);

impl Latency {
    /// Longer than any reply is waited for.
    const NANOS_MAX: u64 = 120_000_000_000;

    pub(crate) fn new() -> Self {
        Self(Histogram::new_with_bounds(1, Self::NANOS_MAX, 3).expect("invariant: the bounds are valid"))
    }

    /// Counts `requests` that took `duration` each.
    pub(crate) fn record(&mut self, duration: Duration, requests: u64) {
        self.0.saturating_record_n(nanos(duration), requests);
    }

    /// Counts a request that took `duration`, and those which that kept from being sent one `period` apart.
    pub(crate) fn record_periodic(&mut self, duration: Duration, period: Duration) {
        let longest = nanos(duration).min(Self::NANOS_MAX);
        self.0.record_correct(longest, nanos(period)).expect("invariant: it lies within the bounds");
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.0.add(&other.0).expect("invariant: both have the same bounds");
    }

    pub(crate) fn reset(&mut self) {
        self.0.reset();
    }

    /// How many nines the last quantile with a value of its own has: 3 of a thousand values.
    pub(crate) fn nines_max(&self) -> f64 {
        (self.0.len().max(10) as f64).log10()
    }

    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        // The histogram rounds up to the end of a bucket; the maximum is kept as well as any other value.
        self.0.value_at_quantile(quantile).min(self.0.max()) as f64 / 1e6
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX).max(1)
}

/// What is to be reached in a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Goal {
    /// At most this many times Valkey's figure.
    Ratio(f64),
    /// The same, and met too if the spread of the ratio reaches down to it.
    RatioOrSpread(f64),
    /// The first is to be reached, the second to be tried for.
    RatioAndStretch(f64, f64),
    /// At most this, in the metric's unit.
    Value(f64),
}

/// Whether a goal is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Met,
    /// The stretch too.
    MetWell,
    /// Only within the spread of the rounds.
    MetWithinSpread,
    Missed,
}

impl Verdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Met => "yes",
            Self::MetWell => "yes, stretch too",
            Self::MetWithinSpread => "within spread",
            Self::Missed => "NO",
        }
    }
}

impl Goal {
    /// Judges a figure and its ratio to Valkey's; `None` when the ratio is asked for and there is none.
    pub(crate) fn judge(self, value: Spread, ratio: Option<Spread>) -> Option<Verdict> {
        let met = |is_met| if is_met { Verdict::Met } else { Verdict::Missed };
        Some(match self {
            Self::Value(most) => met(value.median <= most),
            Self::Ratio(most) => met(ratio?.median <= most),
            Self::RatioOrSpread(most) if ratio?.median > most && ratio?.min <= most => {
                Verdict::MetWithinSpread
            }
            Self::RatioOrSpread(most) => met(ratio?.median <= most),
            Self::RatioAndStretch(_, stretch) if ratio?.median <= stretch => Verdict::MetWell,
            Self::RatioAndStretch(most, _) => met(ratio?.median <= most),
        })
    }
}

impl std::fmt::Display for Goal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Ratio(most) => write!(f, "≤ {most}x"),
            Self::RatioOrSpread(most) => write!(f, "≤ {most}x or in spread"),
            Self::RatioAndStretch(most, stretch) => write!(f, "≤ {most}x ({stretch}x)"),
            Self::Value(most) => write!(f, "≤ {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_judge() {
        let value = Spread { median: 5.0, min: 4.0, max: 6.0 };
        let ratio = Some(Spread { median: 1.1, min: 0.9, max: 1.2 });
        assert_eq!(Goal::Value(5.0).judge(value, None), Some(Verdict::Met));
        assert_eq!(Goal::Ratio(1.0).judge(value, ratio), Some(Verdict::Missed));
        assert_eq!(Goal::RatioOrSpread(1.0).judge(value, ratio), Some(Verdict::MetWithinSpread));
        assert_eq!(Goal::RatioAndStretch(1.2, 1.1).judge(value, ratio), Some(Verdict::MetWell));
        assert_eq!(Goal::RatioAndStretch(1.2, 1.0).judge(value, ratio), Some(Verdict::Met));
        assert_eq!(Goal::Ratio(1.0).judge(value, None), None);
    }

    #[test]
    fn latency_keeps_three_digits() {
        let mut latency = Latency::new();
        latency.record(Duration::from_micros(100), 99);
        latency.record(Duration::from_millis(30), 1);
        assert!((latency.quantile_ms(0.5) - 0.1).abs() < 0.001);
        assert!((latency.quantile_ms(1.0) - 30.0).abs() < 0.03);
    }

    #[test]
    fn a_stall_counts_for_all_it_delays() {
        let mut latency = Latency::new();
        latency.record_periodic(Duration::from_millis(10), Duration::from_millis(1));
        assert!((latency.quantile_ms(0.5) - 5.0).abs() < 0.01);
        assert!((latency.quantile_ms(0.0) - 1.0).abs() < 0.01);
    }
}
