//! What the objects of a store have that perishes before their entries: fields of hashes.

use crate::shard::Parts;
use crate::time::Millis;
use crate::types::Object;

impl Parts for Object {
    #[inline]
    fn next_due(&self) -> Option<Millis> {
        match self {
            Self::Hash(table) => table.next_due(),
            _ => None,
        }
    }

    fn all_perished(&self, now: Millis) -> bool {
        matches!(self, Self::Hash(table) if table.all_perished(now))
    }

    fn remove_perished(&mut self, now: Millis, budget: usize) -> usize {
        match self {
            Self::Hash(table) => table.remove_perished(now, budget),
            _ => 0,
        }
    }

    fn perishing(&self) -> usize {
        match self {
            Self::Hash(table) => table.perishing(),
            _ => 0,
        }
    }
}
