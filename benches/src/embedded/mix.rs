//! Reads of what is there, and writes of one in twenty.

use super::contender::{Contender, Turn};
use super::filled::{self, THREADS};
use super::keys::{key, value};
use super::threads::nanos_each;
use super::{Bench, Section};

/// A row for every number of threads.
pub(super) fn measure(bench: &Bench<'_>) -> Section {
    let turn = Mixed { entries: bench.scaled(1_000_000), operations: bench.scaled(1_000_000) };
    let rows = THREADS.map(|threads| format!("95 % get, 5 % insert, Zipf(0.99), {}", filled::named(threads)));
    let title = "CPU time of an operation, 1,000,000 entries of 16 + 64 bytes (ns)";
    bench.in_turns(title, &rows, |_| true, &turn)
}

struct Mixed {
    entries: usize,
    operations: usize,
}

impl Turn for Mixed {
    type Yield = Vec<f64>;

    fn take<C: Contender>(&self, round: usize) -> Vec<f64> {
        let cache: C = filled::cache(self.entries);
        let figures = THREADS.map(|threads| {
            let draws = filled::draws(filled::ZIPF, self.entries, self.operations, round, threads);
            nanos_each(threads, self.operations, |thread, operation| {
                let number = u64::from(draws[thread][operation % draws[thread].len()]);
                if operation % 20 == 0 {
                    cache.insert(key(number), value(number));
                } else {
                    cache.get(&key(number));
                }
            })
        });
        figures.to_vec()
    }
}
