//! Chance, as it is handed to the patterns: jitter, tokens, generations.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use scrubjay::random::Random;
use scrubjay::sync::Mutex;

use crate::backend::record::Token;

/// A source of random numbers, shared by its clones.
///
/// Two processes must not use the same seed with one backend: their tokens would be the same, and each would
/// take the other's lease for its own.
#[derive(Clone)]
pub struct Chance(Arc<Mutex<Random>>);

impl Chance {
    /// One that is seeded by the operating system.
    pub fn from_os() -> Self {
        Self(Arc::new(Mutex::new(Random::from_os())))
    }

    /// One whose every number follows from the seed.
    pub fn seeded(seed: u64) -> Self {
        Self(Arc::new(Mutex::new(Random::seeded(seed))))
    }

    pub(super) fn token(&self) -> Token {
        let mut random = self.0.lock();
        Token::new(u128::from(random.next_u64()) << 64 | u128::from(random.next_u64()))
    }

    pub(super) fn number(&self) -> u64 {
        self.0.lock().next_u64()
    }

    /// The duration, up to this share of it taken off.
    pub(super) fn shorten(&self, duration: Duration, share: f64) -> Duration {
        if share > 0.0 { duration.mul_f64(1.0 - share * self.0.lock().f64()) } else { duration }
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::from_os()
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Chance(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_repeats_and_its_clones_go_on() {
        let (one, other) = (Chance::seeded(7), Chance::seeded(7));
        assert_eq!(one.token(), other.token());
        assert_ne!(one.clone().token(), one.token());
        assert_ne!(Chance::from_os().number(), Chance::from_os().number());
    }

    #[test]
    fn what_is_taken_off_is_a_share_at_most() {
        let chance = Chance::seeded(1);
        let second = Duration::from_secs(1);
        let shortened: Vec<_> = (0..1000).map(|_| chance.shorten(second, 0.1)).collect();
        assert!(shortened.iter().all(|&short| short <= second && short > second.mul_f64(0.899)));
        assert!(shortened.iter().any(|&short| short < second.mul_f64(0.95)));
        assert_eq!(chance.shorten(second, 0.0), second);
    }
}
