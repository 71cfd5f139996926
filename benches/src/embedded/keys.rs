//! Keys and the order in which they are asked for.

use super::contender::{Key, Value};

/// The key with this number. All 16 bytes differ, so that no hasher or comparison has it easy.
pub(crate) fn key(number: u64) -> Key {
    let mut key = [0; 16];
    key[..8].copy_from_slice(&number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes());
    key[8..].copy_from_slice(&(number ^ 0x5851_f42d_4c95_7f2d).rotate_left(17).to_le_bytes());
    key
}

/// A value that tells its key's number.
pub(crate) fn value(number: u64) -> Value {
    [number as u8; 64]
}

/// How often which key is asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Spread {
    Uniform,
    /// The key of rank `n` in proportion to `n` to the power of minus this.
    Zipf(f64),
}

/// `count` numbers below `keys`. Which are asked for often is left to chance, so that the popular ones do not
/// lie beside each other because they were put in one after the other.
pub(crate) fn draws(spread: Spread, keys: usize, count: usize, random: &mut fastrand::Rng) -> Vec<u32> {
    match spread {
        Spread::Uniform => (0..count).map(|_| random.u32(..keys as u32)).collect(),
        Spread::Zipf(exponent) => {
            let mut by_rank: Vec<u32> = (0..keys as u32).collect();
            random.shuffle(&mut by_rank);
            let ranks = Ranks::new(exponent, keys);
            (0..count).map(|_| by_rank[ranks.draw(random)]).collect()
        }
    }
}

/// Ranks by Zipf's law.
pub(crate) struct Ranks {
    /// The weight of all ranks up to each.
    cumulative: Vec<f64>,
}

impl Ranks {
    pub(crate) fn new(exponent: f64, ranks: usize) -> Self {
        let mut sum = 0.0;
        let weights = (1..=ranks).map(|rank| (rank as f64).powf(-exponent));
        let cumulative = weights.map(|weight| {
            sum += weight;
            sum
        });
        Self { cumulative: cumulative.collect() }
    }

    /// A rank, 0 for the first.
    pub(crate) fn draw(&self, random: &mut fastrand::Rng) -> usize {
        let all = self.cumulative.last().copied().unwrap_or(0.0);
        let at = random.f64() * all;
        self.cumulative.partition_point(|&sum| sum <= at).min(self.cumulative.len() - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_distinct() {
        let keys: std::collections::HashSet<Key> = (0..100_000).map(key).collect();
        assert_eq!(keys.len(), 100_000);
    }

    #[test]
    fn ranks_follow_the_law() {
        let mut random = fastrand::Rng::with_seed(3);
        let ranks = Ranks::new(1.0, 1000);
        let mut counts = vec![0_u32; 1000];
        (0..200_000).for_each(|_| counts[ranks.draw(&mut random)] += 1);
        let harmonic: f64 = (1..=1000).map(|rank| 1.0 / f64::from(rank)).sum();
        for rank in [1, 2, 10] {
            let expected = 200_000.0 / harmonic / f64::from(rank);
            let drawn = f64::from(counts[rank as usize - 1]);
            assert!((drawn / expected - 1.0).abs() < 0.1, "rank {rank}: {drawn}, not {expected}");
        }
    }
}
