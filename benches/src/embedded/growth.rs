//! How long a get takes at worst while another thread makes the cache grow from nothing.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hdrhistogram::Histogram;

use super::contender::{Contender, Name, Turn};
use super::keys::{key, value};
use super::{Bench, Section};
use crate::figures::{Spread, Table, spread};
use crate::{clock, cores};

const QUANTILES: [(&str, f64); 4] = [("p50", 0.5), ("p99", 0.99), ("p99.9", 0.999), ("p99.99", 0.9999)];
/// Longer than anybody sleeps.
const NANOS_MAX: u64 = 60_000_000_000;
/// The quantile that is to be the lowest.
const JUDGED: usize = 2;

/// A row per contender, and one of the machine's own noise.
pub(super) fn measure(bench: &Bench<'_>) -> Section {
    let turn = Growth { entries: bench.scaled(4_000_000) as u64 };
    let rounds = bench.rounds(3);
    let names = bench.contenders(|_| true);
    let mut rows: Vec<(&str, Vec<Vec<f64>>)> = names.iter().map(|name| (name.as_str(), Vec::new())).collect();
    rows.push(("noise", Vec::new()));
    for round in 0..rounds {
        for (index, &name) in names.iter().enumerate() {
            bench.step(format_args!("growth, round {}, {}", round + 1, name.as_str()));
            rows[index].1.push(name.take(&turn, round));
        }
        rows[names.len()].1.push(turn.noise());
    }
    section(&rows, &names)
}

fn section(rows: &[(&str, Vec<Vec<f64>>)], names: &[Name]) -> Section {
    let figure = |row: usize, quantile: usize| {
        Spread::of(rows[row].1.iter().map(|round| round[quantile])).expect("invariant: there are rounds")
    };
    let ours = names.iter().position(|&name| name == Name::Scrubjay);
    let best = (0..names.len())
        .filter(|&row| Some(row) != ours)
        .min_by(|&a, &b| figure(a, JUDGED).median.total_cmp(&figure(b, JUDGED).median));
    let reached =
        ours.zip(best).map(|(ours, best)| figure(ours, JUDGED).median < figure(best, JUDGED).median);
    let mut header = vec![String::new()];
    header.extend(QUANTILES.map(|(name, _)| name.to_owned()));
    header.extend(["reach".to_owned(), "reached".to_owned()]);
    let cells = (0..rows.len()).map(|row| {
        let mut cells = vec![rows[row].0.to_owned()];
        cells.extend((0..QUANTILES.len()).map(|quantile| spread(figure(row, quantile), "")));
        let judged = reached.filter(|_| Some(row) == ours);
        cells.push(judged.map_or("", |_| "lowest p99.9").to_owned());
        cells.push(judged.map_or("", super::verdict).to_owned());
        cells
    });
    let title = "A get while another thread inserts 0 to 4,000,000 entries of 16 + 64 bytes (ns)".to_owned();
    let table = Table { title, header, rows: cells.collect() };
    Section {
        table,
        goals: reached.map(|reached| ("growth: p99.9 of a get".to_owned(), reached)).into_iter().collect(),
    }
}

struct Growth {
    entries: u64,
}

impl Turn for Growth {
    type Yield = Vec<f64>;

    fn take<C: Contender>(&self, round: usize) -> Vec<f64> {
        let cache = C::new(2 * self.entries as usize, None);
        let random = fastrand::Rng::with_seed(round as u64);
        self.watch(
            random,
            |number| cache.insert(key(number), value(number)),
            |number| cache.get(&key(number)),
        )
    }
}

impl Growth {
    /// The same two threads, but the reader has a small map of its own: what it sees is the machine's.
    fn noise(&self) -> Vec<f64> {
        let own: HashMap<_, _> = (0..1000).map(|number| (key(number), value(number))).collect();
        let written = std::sync::Mutex::new(HashMap::new());
        let write = |number| {
            let mut written = written.lock().expect("only one thread has it");
            written.insert(key(number), value(number));
        };
        self.watch(fastrand::Rng::with_seed(0), write, |number| own.contains_key(&key(number % 1000)))
    }

    /// The quantiles of `read`s of keys that were written, while another thread `write`s all of them.
    fn watch(
        &self,
        mut random: fastrand::Rng,
        write: impl FnMut(u64) + Send,
        read: impl Fn(u64) -> bool + Sync,
    ) -> Vec<f64> {
        let written = AtomicU64::new(0);
        let is_over = AtomicBool::new(false);
        let cores = cores::available().unwrap_or_default();
        let pin = |index: usize| cores.get(index % cores.len().max(1)).map(|&core| cores::pin(&[core]));
        let (written, is_over, pin) = (&written, &is_over, &pin);
        let times = Histogram::<u64>::new_with_bounds(1, NANOS_MAX, 3);
        let mut times = times.expect("invariant: the bounds are valid");
        std::thread::scope(|scope| {
            let mut write = write;
            scope.spawn(move || {
                pin(1);
                for number in 0..self.entries {
                    write(number);
                    written.store(number + 1, Ordering::Release);
                }
                is_over.store(true, Ordering::Release);
            });
            pin(0);
            while !is_over.load(Ordering::Acquire) {
                let below = written.load(Ordering::Acquire);
                if below == 0 {
                    continue;
                }
                let number = random.u64(..below);
                let begin = clock::now();
                let _ = std::hint::black_box(read(std::hint::black_box(number)));
                let nanos = u64::try_from((clock::now() - begin).as_nanos()).unwrap_or(u64::MAX);
                times.saturating_record(nanos.max(1));
            }
        });
        QUANTILES.iter().map(|(_, quantile)| times.value_at_quantile(*quantile) as f64).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_reads_are_told_as_slow_as_they_were() {
        let reads = AtomicU64::new(0);
        let read = |_| {
            reads.fetch_add(1, Ordering::Relaxed);
            clock::pause(std::time::Duration::from_millis(3));
            true
        };
        // The second write waits for a read of the first.
        let write = |number| {
            while number == 1 && reads.load(Ordering::Relaxed) == 0 {
                std::thread::yield_now();
            }
        };
        let quantiles = Growth { entries: 2 }.watch(fastrand::Rng::with_seed(1), write, read);
        assert!(quantiles.iter().all(|&nanos| nanos >= 2_990_000.0), "{quantiles:?}");
    }
}
