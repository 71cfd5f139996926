//! How much happened lately: the mean of the last sixteen samples, as Valkey's `instantaneous_` figures are.

use parking_lot::Mutex;

const SAMPLES: usize = 16;

/// What is counted, ever, at one moment.
#[derive(Debug, Clone, Copy, Default)]
pub struct Moment {
    /// On a clock that does not go back, in microseconds.
    pub micros: u64,
    /// Commands run.
    pub commands: u64,
    /// Bytes read from clients.
    pub bytes_in: u64,
    /// Bytes written to clients.
    pub bytes_out: u64,
    /// Times the threads woke.
    pub cycles: u64,
    /// CPU time used, in microseconds.
    pub busy_micros: u64,
}

/// What happens in a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct PerSecond {
    /// Commands run.
    pub commands: f64,
    /// Bytes read from clients.
    pub bytes_in: f64,
    /// Bytes written to clients.
    pub bytes_out: f64,
    /// Times the threads woke.
    pub cycles: f64,
    /// CPU time used, in microseconds.
    pub busy_micros: f64,
}

/// The last samples.
#[derive(Debug, Default)]
pub struct Rates(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    samples: [PerSecond; SAMPLES],
    next: usize,
    last: Option<Moment>,
}

impl Rates {
    /// Takes a sample. To be called about ten times a second.
    pub fn sample(&self, now: Moment) {
        let mut state = self.0.lock();
        if let Some(last) = state.last.replace(now) {
            let seconds = now.micros.saturating_sub(last.micros).max(1) as f64 / 1e6;
            let rate = |now: u64, last: u64| now.saturating_sub(last) as f64 / seconds;
            let next = state.next;
            state.samples[next] = PerSecond {
                commands: rate(now.commands, last.commands),
                bytes_in: rate(now.bytes_in, last.bytes_in),
                bytes_out: rate(now.bytes_out, last.bytes_out),
                cycles: rate(now.cycles, last.cycles),
                busy_micros: rate(now.busy_micros, last.busy_micros),
            };
            state.next = (next + 1) % SAMPLES;
        }
    }

    /// The mean of the samples.
    pub fn mean(&self) -> PerSecond {
        let samples = self.0.lock().samples;
        let mean = |of: fn(&PerSecond) -> f64| samples.iter().map(of).sum::<f64>() / SAMPLES as f64;
        PerSecond {
            commands: mean(|sample| sample.commands),
            bytes_in: mean(|sample| sample.bytes_in),
            bytes_out: mean(|sample| sample.bytes_out),
            cycles: mean(|sample| sample.cycles),
            busy_micros: mean(|sample| sample.busy_micros),
        }
    }

    /// Forgets what happened.
    pub fn reset(&self) {
        self.0.lock().samples = Default::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_follows_what_happens() {
        let rates = Rates::default();
        for tick in 0..=16_u64 {
            let (micros, commands) = (tick * 100_000, tick * 7);
            rates.sample(Moment {
                micros,
                commands,
                bytes_in: tick * 100,
                cycles: tick * 2,
                ..Moment::default()
            });
        }
        let mean = rates.mean();
        assert!((mean.commands - 70.0).abs() < 1e-6 && (mean.bytes_in - 1000.0).abs() < 1e-6);
        assert!((mean.cycles - 20.0).abs() < 1e-6 && mean.busy_micros == 0.0);
        rates.reset();
        assert_eq!(rates.mean(), PerSecond::default());
    }
}
