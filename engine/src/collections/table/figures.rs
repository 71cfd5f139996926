//! How a table is filled, for the curious.

use super::Table;
use crate::raw::bucket::LANES;

/// How one table, or several together, are filled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Figures {
    /// Entries there are.
    pub entries: usize,
    /// Entries that home buckets have lanes for.
    pub lanes: usize,
    /// How many home buckets have a chain of so many overflow buckets behind them. None has a longer one.
    pub chains: Vec<usize>,
}

impl Figures {
    /// Counts a table in.
    pub fn add(&mut self, table: &Table) {
        self.entries += table.len;
        for segment in &table.segments {
            for home in 0..1 << table.bits {
                self.lanes += LANES;
                let overflow = segment.chain(home).count() - 1;
                if overflow >= self.chains.len() {
                    self.chains.resize(overflow + 1, 0);
                }
                self.chains[overflow] += 1;
            }
        }
    }

    /// Counts in what another has counted.
    pub fn merge(&mut self, other: &Self) {
        self.entries += other.entries;
        self.lanes += other.lanes;
        if self.chains.len() < other.chains.len() {
            self.chains.resize(other.chains.len(), 0);
        }
        self.chains.iter_mut().zip(&other.chains).for_each(|(sum, count)| *sum += count);
    }
}
