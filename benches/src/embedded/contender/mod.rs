//! Who is measured: one adapter per crate, each used as its documentation recommends.
//!
//! Where that leaves the hasher at SipHash and names another for speed, the other is taken: nobody is to lose
//! by what takes a line to change.

mod dashmap;
mod foyer;
mod moka;
mod quick_cache;
mod scrubjay;

use std::time::Duration;

/// Keys of 16 bytes.
pub(crate) type Key = [u8; 16];
/// Values of 64 bytes.
pub(crate) type Value = [u8; 64];

/// A cache under measurement.
pub(crate) trait Contender: Send + Sync {
    /// One that holds so many entries at most, each for so `long`; without a deadline where it has none.
    fn new(entries: usize, long: Option<Duration>) -> Self;

    /// Looks a key up, in the way the crate offers, and copies the value, as whoever uses it reads all of it.
    /// Whether there is one.
    fn get(&self, key: &Key) -> bool;

    /// Puts a value in.
    fn insert(&self, key: Key, value: Value);

    /// How many entries there are, by its own count.
    fn len(&self) -> usize;
}

/// Work for a contender, whichever it is.
pub(crate) trait Turn {
    /// What the work yields.
    type Yield;

    /// Does the work of one round.
    fn take<C: Contender>(&self, round: usize) -> Self::Yield;
}

/// The contenders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Name {
    Scrubjay,
    Moka,
    MiniMoka,
    QuickCache,
    FoyerLru,
    FoyerS3fifo,
    Dashmap,
}

impl Name {
    /// In the order of the columns.
    pub(crate) const ALL: [Self; 7] = [
        Self::Scrubjay,
        Self::QuickCache,
        Self::Moka,
        Self::MiniMoka,
        Self::FoyerLru,
        Self::FoyerS3fifo,
        Self::Dashmap,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Scrubjay => "Scrubjay",
            Self::Moka => "moka",
            Self::MiniMoka => "mini-moka",
            Self::QuickCache => "quick_cache",
            Self::FoyerLru => "foyer",
            Self::FoyerS3fifo => "foyer S3-FIFO",
            Self::Dashmap => "dashmap",
        }
    }

    /// Whether it makes room for what comes; a map does not.
    pub(crate) fn evicts(self) -> bool {
        self != Self::Dashmap
    }

    /// Does the work with this contender.
    pub(crate) fn take<T: Turn>(self, turn: &T, round: usize) -> T::Yield {
        match self {
            Self::Scrubjay => turn.take::<scrubjay::Scrubjay>(round),
            Self::Moka => turn.take::<moka::Moka>(round),
            Self::MiniMoka => turn.take::<moka::MiniMoka>(round),
            Self::QuickCache => turn.take::<quick_cache::QuickCache>(round),
            Self::FoyerLru => turn.take::<foyer::Lru>(round),
            Self::FoyerS3fifo => turn.take::<foyer::S3Fifo>(round),
            Self::Dashmap => turn.take::<dashmap::Dashmap>(round),
        }
    }
}
