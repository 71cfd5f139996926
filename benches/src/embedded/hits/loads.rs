//! What caches are asked for: numbers of keys, in order.

use std::collections::HashSet;

use super::super::keys::Ranks;

/// A load, and how many different keys are in it.
pub(super) struct Load {
    pub(super) name: String,
    pub(super) requests: Vec<u32>,
    pub(super) keys: usize,
}

impl Load {
    pub(super) fn new(name: String, requests: Vec<u32>) -> Self {
        let keys = requests.iter().collect::<HashSet<_>>().len();
        Self { name, requests, keys }
    }
}

/// Keys that the skewed loads choose from, per request.
const KEYS_SHARE: usize = 5;
/// So often somebody walks through keys that nobody asks for again, and through so many: a fifth of all
/// requests.
const SCAN_EVERY: usize = 10_000;
const SCAN: usize = 2_500;
/// The loop's keys: more than what fits at any capacity.
const LOOP: u32 = 20_000;

/// Skewed requests without and with scans, and a loop; each of so many requests.
pub(super) fn synthetic(requests: usize) -> Vec<Load> {
    let zipf = |exponent| {
        let ranks = Ranks::new(exponent, requests / KEYS_SHARE);
        let mut random = fastrand::Rng::with_seed(42);
        move || ranks.draw(&mut random) as u32
    };
    let zipf = |exponent| -> Vec<u32> { std::iter::repeat_with(zipf(exponent)).take(requests).collect() };
    let mut scanned = Vec::new();
    let mut fresh = requests as u32;
    for part in zipf(1.0).chunks(SCAN_EVERY) {
        scanned.extend_from_slice(part);
        scanned.extend(fresh..fresh + SCAN as u32);
        fresh += SCAN as u32;
    }
    vec![
        Load::new("Zipf 0.9".to_owned(), zipf(0.9)),
        Load::new("Zipf 1.0".to_owned(), zipf(1.0)),
        Load::new("Zipf 1.0 with scans".to_owned(), scanned),
        Load::new("loop".to_owned(), (0..LOOP).cycle().take(requests / 2).collect()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loads_are_what_they_are_called() {
        let loads = synthetic(50_000);
        let counts: Vec<_> = loads.iter().map(|load| load.requests.len()).collect();
        assert_eq!(counts, [50_000, 50_000, 62_500, 25_000]);
        assert!(loads[1].keys < loads[0].keys, "the steeper asks for fewer keys");
        assert_eq!(loads[2].keys, loads[1].keys + 12_500);
        assert_eq!(loads[3].keys, 20_000);
    }
}
