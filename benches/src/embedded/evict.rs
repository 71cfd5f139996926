//! Inserts into a full cache: each has to make room.

use super::contender::{Contender, Name, Turn};
use super::filled::{THREADS, named};
use super::keys::{key, value};
use super::threads::nanos_each;
use super::{Bench, Section};

/// A row for every number of threads.
pub(super) fn measure(bench: &Bench<'_>) -> Section {
    let turn = Inserts { entries: bench.scaled(500_000), operations: bench.scaled(500_000) };
    let rows = THREADS.map(|threads| format!("insert of a fresh key, {}", named(threads)));
    let title = "CPU time of an insert into a full cache of 500,000 entries of 16 + 64 bytes (ns)";
    bench.in_turns(title, &rows, Name::evicts, &turn)
}

struct Inserts {
    entries: usize,
    operations: usize,
}

impl Turn for Inserts {
    type Yield = Vec<f64>;

    fn take<C: Contender>(&self, _: usize) -> Vec<f64> {
        let figures = THREADS.map(|threads| {
            let cache = C::new(self.entries, None);
            // Twice what fits: whatever a cache does until it is full is then over.
            let before = 2 * self.entries as u64;
            for number in 0..before {
                cache.insert(key(number), value(number));
            }
            nanos_each(threads, self.operations, |thread, operation| {
                let number = before + (operation * threads + thread) as u64;
                cache.insert(key(number), value(number));
            })
        });
        figures.to_vec()
    }
}
