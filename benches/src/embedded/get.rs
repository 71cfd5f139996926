//! Reads of what is there.

use super::contender::{Contender, Turn};
use super::filled::{self, THREADS};
use super::keys::{Spread, key};
use super::threads::nanos_each;
use super::{Bench, Section};

/// A row of every distribution and number of threads.
pub(super) fn measure(bench: &Bench<'_>) -> Section {
    let turn = Reads { entries: bench.scaled(1_000_000), operations: bench.scaled(1_000_000) };
    let title = "CPU time of a get, 1,000,000 entries of 16 + 64 bytes (ns)";
    bench.in_turns(title, &filled::rows("get"), |_| true, &turn)
}

struct Reads {
    entries: usize,
    operations: usize,
}

impl Turn for Reads {
    type Yield = Vec<f64>;

    fn take<C: Contender>(&self, round: usize) -> Vec<f64> {
        let cache: C = filled::cache(self.entries);
        let mut figures = Vec::new();
        for spread in [Spread::Uniform, filled::ZIPF] {
            for threads in THREADS {
                let draws = filled::draws(spread, self.entries, self.operations, round, threads);
                figures.push(nanos_each(threads, self.operations, |thread, operation| {
                    let number = draws[thread][operation % draws[thread].len()];
                    cache.get(&key(number.into()));
                }));
            }
        }
        figures
    }
}
