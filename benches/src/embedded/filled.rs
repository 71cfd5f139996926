//! Caches that hold all they are asked for, and what they are asked.

use super::contender::Contender;
use super::keys::{self, Spread, key, value};

/// How many threads use a cache at once.
pub(super) const THREADS: [usize; 2] = [1, 2];
/// The skew of YCSB.
pub(super) const ZIPF: Spread = Spread::Zipf(0.99);

/// A cache that holds the first so many keys. It may hold twice as many, so that nobody has to evict because
/// of how it divides its room.
pub(super) fn cache<C: Contender>(entries: usize) -> C {
    let cache = C::new(2 * entries, None);
    for number in 0..entries as u64 {
        cache.insert(key(number), value(number));
    }
    cache
}

/// What each thread asks for: in each round something else, and every contender the same.
pub(super) fn draws(
    spread: Spread,
    keys: usize,
    count: usize,
    round: usize,
    threads: usize,
) -> Vec<Vec<u32>> {
    // All threads have the same popular keys, or they would not meet on them.
    let all = keys::draws(spread, keys, threads * count, &mut fastrand::Rng::with_seed(round as u64));
    all.chunks(count).map(<[u32]>::to_vec).collect()
}

/// The rows of a scenario with every distribution and number of threads.
pub(super) fn rows(what: &str) -> Vec<String> {
    let rows = ["uniform", "Zipf(0.99)"];
    rows.iter()
        .flat_map(|spread| THREADS.map(|threads| format!("{what}, {spread}, {}", named(threads))))
        .collect()
}

pub(super) fn named(threads: usize) -> String {
    format!("{threads} thread{}", if threads == 1 { "" } else { "s" })
}
