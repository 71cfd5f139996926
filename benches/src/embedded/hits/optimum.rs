//! What could be hit at most, by who knows the future (Belady).

use std::collections::{BinaryHeap, HashMap, HashSet};

/// The part of the requests that a cache of so many entries answers if it keeps what is asked for soonest.
/// It need not keep what it was just asked for.
pub(super) fn ratio(requests: &[u32], capacity: usize) -> f64 {
    let next = next_uses(requests);
    let mut held = HashSet::new();
    // What is held, by its next use, the last on top; and some that have gone, or are used sooner.
    let mut by_use = BinaryHeap::new();
    let mut current: HashMap<u32, usize> = HashMap::new();
    let mut hits = 0;
    for (at, &key) in requests.iter().enumerate() {
        hits += u32::from(!held.insert(key));
        current.insert(key, next[at]);
        by_use.push((next[at], key));
        while held.len() > capacity {
            let (used, latest) = by_use.pop().expect("invariant: what is held is in it");
            if current.get(&latest) == Some(&used) && held.remove(&latest) {
                current.remove(&latest);
            }
        }
    }
    f64::from(hits) / requests.len() as f64
}

/// When the key of each request is asked for again.
fn next_uses(requests: &[u32]) -> Vec<usize> {
    let mut later = HashMap::new();
    let mut next = vec![usize::MAX; requests.len()];
    for (at, key) in requests.iter().enumerate().rev() {
        if let Some(use_again) = later.insert(key, at) {
            next[at] = use_again;
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_what_comes() {
        // A loop of three through two places: one stays for good, the other is hit in one round of two.
        assert_eq!(ratio(&[0, 1, 2, 0, 1, 2], 2), 2.0 / 6.0);
        assert_eq!(ratio(&[0, 1, 0, 2, 0, 3, 0], 1), 3.0 / 7.0);
        assert_eq!(ratio(&[5, 5, 5], 1), 2.0 / 3.0);
        assert_eq!(ratio(&[1, 2, 3], 3), 0.0);
    }
}
