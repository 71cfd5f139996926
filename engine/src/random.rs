//! The only source of chance: eviction samples, RANDOMKEY, hash seeds, ids.
//!
//! xoshiro256++ by David Blackman and Sebastiano Vigna (<https://prng.di.unimi.it>, public domain): 256 bits
//! of state, under a nanosecond a number, no weakness known to statistical tests. It is *not* for secrets.
//! Its state is filled by Vigna's SplitMix64, as its authors advise, so that no seed is a bad one.

use std::hash::{BuildHasher, RandomState};

/// A small, fast, seedable generator.
#[derive(Clone, Debug)]
pub struct Random {
    /// Never all zero.
    state: [u64; 4],
}

impl Random {
    /// A generator whose every number follows from `seed`.
    pub fn seeded(seed: u64) -> Self {
        let mut at = seed;
        Self { state: std::array::from_fn(|_| split_mix(&mut at)) }
    }

    /// A generator seeded by the operating system.
    ///
    /// The standard library's hasher keys are drawn from the system's generator (once a thread, then counted
    /// up), so that no dependency is needed for a seed.
    pub fn from_os() -> Self {
        let keys = RandomState::new();
        let mut state: [u64; 4] = std::array::from_fn(|word| keys.hash_one(word));
        state[0] |= u64::from(state == [0; 4]);
        Self { state }
    }

    /// The next 64 bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let (c2, d2) = (c ^ a, d ^ b);
        self.state = [a ^ d2, b ^ c2, c2 ^ (b << 17), d2.rotate_left(45)];
        a.wrapping_add(d).rotate_left(23).wrapping_add(a)
    }

    /// A number below `bound`, each equally likely (Lemire's multiplication, with his rejection of the biased
    /// few). Zero when `bound` is zero.
    #[inline]
    pub fn below(&mut self, bound: u64) -> u64 {
        loop {
            let wide = u128::from(self.next_u64()) * u128::from(bound);
            let (high, low) = ((wide >> 64) as u64, wide as u64);
            // The division, and with it a bound of zero, is hardly ever reached: `low` is seldom that small.
            if low >= bound || low >= bound.wrapping_neg() % bound {
                return high;
            }
        }
    }

    /// A number in `[0, 1)`, one of 2^53 equally spaced ones.
    #[inline]
    pub fn f64(&mut self) -> f64 {
        (self.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with this probability: never at 0 or less, always at 1 or more.
    #[inline]
    pub fn chance(&mut self, probability: f64) -> bool {
        self.f64() < probability
    }
}

fn split_mix(at: &mut u64) -> u64 {
    *at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*at ^ (*at >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    /// The published generators, written out as their pages give the formulas, step by step.
    #[test]
    fn follows_the_published_recurrence() {
        // SplitMix64's first outputs for the seed 1234567, as in the test vectors that circulate for it.
        let mut at = 1_234_567;
        let first: Vec<u64> = (0..3).map(|_| split_mix(&mut at)).collect();
        assert_eq!(first, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
        // xoshiro256++ from the state 1, 2, 3, 4.
        let mut random = Random { state: [1, 2, 3, 4] };
        let first: Vec<u64> = (0..4).map(|_| random.next_u64()).collect();
        assert_eq!(first, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn a_seed_repeats_and_the_system_does_not() {
        let draw = |mut random: Random| [random.next_u64(), random.next_u64()];
        assert_eq!(draw(Random::seeded(7)), draw(Random::seeded(7)));
        assert_ne!(draw(Random::seeded(7)), draw(Random::seeded(8)));
        assert_ne!(draw(Random::from_os()), draw(Random::from_os()));
    }

    #[test]
    fn below_is_even_and_in_bounds() {
        let mut random = Random::seeded(1);
        let mut seen = [0_u32; 7];
        for _ in 0..70_000 {
            seen[random.below(7) as usize] += 1;
        }
        assert!(seen.iter().all(|&n| (9_600..10_400).contains(&n)), "{seen:?}");
        assert_eq!((random.below(0), random.below(1)), (0, 0));
        assert!((0..100).all(|_| random.below(u64::MAX) < u64::MAX));
    }

    #[test]
    fn chance_keeps_its_word() {
        let mut random = Random::seeded(2);
        assert!((0..1000).all(|_| !random.chance(0.0) && random.chance(1.0)));
        let hits = (0..100_000).filter(|_| random.chance(0.1)).count();
        assert!((9_500..10_500).contains(&hits), "{hits}");
    }
}
