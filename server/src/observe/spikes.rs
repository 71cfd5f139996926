//! Spikes of latency: what held the server up for longer than `latency-monitor-threshold`, by the kind of
//! event. The samples are one for each second in which there were any, the worst of that second.

use std::collections::VecDeque;

use parking_lot::Mutex;

/// Samples kept of each event.
const SAMPLES_MAX: usize = 160;

/// What may hold the server up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// A command that is not known to be fast.
    Command,
    /// A command that is declared to be fast.
    FastCommand,
    /// A step of giving back what has expired.
    ExpireCycle,
    /// Making room for a command.
    EvictionCycle,
}

impl Event {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Command, Self::FastCommand, Self::ExpireCycle, Self::EvictionCycle];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::FastCommand => "fast-command",
            Self::ExpireCycle => "expire-cycle",
            Self::EvictionCycle => "eviction-cycle",
        }
    }

    /// The event of this name, in these letters.
    pub fn from_name(name: &[u8]) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.name().as_bytes() == name)
    }
}

/// The worst of one second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Seconds since the epoch.
    pub at_seconds: u64,
    /// How long it took.
    pub millis: u64,
}

/// What is known of one event.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// The latest samples, the oldest first.
    pub samples: VecDeque<Sample>,
    /// The longest ever.
    pub max_millis: u64,
    /// How long all took together, and how many there were.
    pub sum_millis: u64,
    /// See `sum_millis`.
    pub count: u64,
}

/// All events.
#[derive(Debug, Default)]
pub struct Spikes(Mutex<[Series; 4]>);

impl Spikes {
    /// Records an event.
    pub fn add(&self, event: Event, sample: Sample) {
        let mut all = self.0.lock();
        let series = &mut all[event as usize];
        series.max_millis = series.max_millis.max(sample.millis);
        series.sum_millis += sample.millis;
        series.count += 1;
        match series.samples.back_mut() {
            Some(last) if last.at_seconds == sample.at_seconds => {
                last.millis = last.millis.max(sample.millis)
            }
            _ => {
                if series.samples.len() == SAMPLES_MAX {
                    series.samples.pop_front();
                }
                series.samples.push_back(sample);
            }
        }
    }

    /// What is known of an event; nothing where it has not come about.
    pub fn series(&self, event: Event) -> Option<Series> {
        let all = self.0.lock();
        let series = &all[event as usize];
        (!series.samples.is_empty()).then(|| series.clone())
    }

    /// Forgets an event; whether there was something to forget.
    pub fn reset(&self, event: Event) -> bool {
        let series = std::mem::take(&mut self.0.lock()[event as usize]);
        !series.samples.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_keeps_its_worst_and_the_oldest_go() {
        let spikes = Spikes::default();
        let add = |at_seconds, millis| spikes.add(Event::Command, Sample { at_seconds, millis });
        add(1, 5);
        add(1, 9);
        add(1, 7);
        let series = spikes.series(Event::Command).unwrap();
        assert_eq!(series.samples, [Sample { at_seconds: 1, millis: 9 }]);
        assert_eq!((series.max_millis, series.sum_millis, series.count), (9, 21, 3));
        (2..200).for_each(|second| add(second, 1));
        let series = spikes.series(Event::Command).unwrap();
        assert_eq!((series.samples.len(), series.samples[159].at_seconds), (SAMPLES_MAX, 199));
        assert!(spikes.reset(Event::Command) && !spikes.reset(Event::Command));
        assert!(spikes.series(Event::Command).is_none());
    }
}
