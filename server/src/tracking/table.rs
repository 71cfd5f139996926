//! Who has read which keys: the names of one shard's keys, each with the clients that may keep its value.
//!
//! A key and its clients are one item of a [`Dict`], whatever database the key was read in: the key's bytes,
//! and behind them eight bytes for each client, in ascending order. So a key of sixteen bytes that one client
//! has read takes 38 bytes, where two radix trees take 91.

use scrubjay::collections::dict::{Dict, Item};
use scrubjay::random::Random;
use smallvec::SmallVec;

/// Clients by their ids.
pub type Ids = SmallVec<[u64; 4]>;

const ID_BYTES: usize = size_of::<u64>();

/// Each time that so many more clients have read a key it is looked who of them has gone: else a key that
/// never changes would remember everybody who ever came.
const LOOKED_THROUGH: usize = 128;

/// Slots that are looked at for each key that is removed, so that holes become pages to be given back.
const COMPACTED_PER_REMOVAL: usize = 8;

/// What was new about a key and a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// Nothing.
    Nothing,
    /// Others had read the key, of whom so many have gone.
    Client {
        /// They are remembered no more.
        gone: usize,
    },
    /// Nobody had.
    Key,
}

/// See the module's page.
#[derive(Debug)]
pub struct Table {
    keys: Dict,
    /// What of its memory was told of.
    noted_bytes: usize,
}

impl Table {
    /// An empty one.
    pub fn new(seed: u64) -> Self {
        Self { keys: Dict::new(seed), noted_bytes: 0 }
    }

    /// A client has read a key; `is_there` says whether another client has not gone.
    #[inline]
    pub fn add(&mut self, key: &[u8], client: u64, is_there: impl Fn(u64) -> bool) -> Added {
        let hash = self.keys.hash(key);
        let Some(handle) = self.keys.find_hashed(hash, key) else {
            self.keys.insert_hashed(hash, Item { key, value: &client.to_le_bytes(), deadline: None });
            return Added::Key;
        };
        let value = self.keys.value(handle);
        let Err(place) = chunks(value).binary_search_by_key(&client, |id| u64::from_le_bytes(*id)) else {
            return Added::Nothing;
        };
        let mut ids = ids(value);
        ids.insert(place, client);
        let before = ids.len();
        if before.is_multiple_of(LOOKED_THROUGH) {
            ids.retain(|id| *id == client || is_there(*id));
        }
        let gone = before - ids.len();
        let value: SmallVec<[u8; 64]> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        self.keys.set_value(handle, &value);
        Added::Client { gone }
    }

    /// Takes a key out; who has read it.
    pub fn take(&mut self, key: &[u8]) -> Ids {
        let Some(handle) = self.keys.find(key) else { return Ids::new() };
        let ids = ids(self.keys.value(handle));
        self.keys.remove(handle);
        self.keys.compact(COMPACTED_PER_REMOVAL, |_, _| {});
        ids
    }

    /// Takes any key out, if there is one; the key, and who has read it.
    pub fn take_any(&mut self, random: &mut Random) -> Option<(Vec<u8>, Ids)> {
        let key = self.keys.key(self.keys.random(random)?).to_vec();
        let ids = self.take(&key);
        Some((key, ids))
    }

    /// Takes all keys out; how many there were, and how many clients all together.
    pub fn clear(&mut self) -> (usize, usize) {
        let clients = self.keys.iter().map(|(_, item)| item.value.len() / ID_BYTES).sum();
        let keys = self.keys.len();
        self.keys.clear();
        (keys, clients)
    }

    /// How its memory has changed since this was last asked.
    #[inline]
    pub fn grown_bytes(&mut self) -> isize {
        let bytes = self.keys.memory_bytes();
        bytes.cast_signed() - std::mem::replace(&mut self.noted_bytes, bytes).cast_signed()
    }
}

fn chunks(value: &[u8]) -> &[[u8; ID_BYTES]] {
    value.as_chunks().0
}

fn ids(value: &[u8]) -> Ids {
    chunks(value).iter().map(|id| u64::from_le_bytes(*id)).collect()
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    #[test]
    fn a_key_is_held_once_with_each_of_its_clients() {
        let mut table = Table::new(1);
        let mut add = |key: &[u8], client| table.add(key, client, |_| true);
        assert_eq!(add(b"k", 7), Added::Key);
        assert_eq!(add(b"k", 7), Added::Nothing);
        assert_eq!(add(b"k", 300), Added::Client { gone: 0 });
        assert_eq!(add(b"k", 2), Added::Client { gone: 0 });
        assert_eq!(add(b"other", 2), Added::Key);
        assert_eq!(table.take(b"k").as_slice(), [2, 7, 300]);
        assert!(table.take(b"k").is_empty());
        assert_eq!(table.take_any(&mut Random::seeded(1)).map(|(key, _)| key), Some(b"other".to_vec()));
        assert_eq!(table.take_any(&mut Random::seeded(1)), None);
        assert_eq!(table.add(b"k", 7, |_| true), Added::Key);
        assert_eq!(table.clear(), (1, 1));
        assert!(table.take(b"k").is_empty());
    }

    #[test]
    fn a_key_that_never_changes_does_not_remember_everybody_who_has_gone() {
        let mut table = Table::new(1);
        let (mut items, stays) = (0, |id: u64| id.is_multiple_of(100));
        for client in 0..2_000 {
            items += match table.add(b"k", client, stays) {
                Added::Client { gone } => 1 - gone as isize,
                _ => 1,
            };
        }
        let ids = table.take(b"k");
        assert_eq!(ids.len() as isize, items);
        assert!(ids.len() < 2 * LOOKED_THROUGH && ids.is_sorted(), "{}", ids.len());
        assert!((0..2_000).filter(|id| stays(*id)).all(|id| ids.contains(&id)));
    }

    #[test]
    fn it_is_a_map_of_sets() {
        let (mut random, mut table) = (Random::seeded(3), Table::new(3));
        let mut model: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
        for _ in 0..20_000 {
            let (name, bits) = (random.below(300), random.below(40));
            let client = random.below(1 << bits);
            let key = format!("key:{name}");
            if random.below(10) == 0 {
                let expected: Vec<_> = model.remove(&name).unwrap_or_default().into_iter().collect();
                assert_eq!(table.take(key.as_bytes()).as_slice(), expected);
            } else {
                let added = match (model.contains_key(&name), model.entry(name).or_default().insert(client)) {
                    (false, _) => Added::Key,
                    (true, true) => Added::Client { gone: 0 },
                    (true, false) => Added::Nothing,
                };
                assert_eq!(table.add(key.as_bytes(), client, |_| true), added);
            }
        }
        let clients = model.values().map(BTreeSet::len).sum();
        assert_eq!(table.clear(), (model.len(), clients));
    }

    #[test]
    fn a_million_keys_take_less_than_forty_bytes_each() {
        let mut table = Table::new(5);
        for number in 0..1_000_000 {
            table.add(format!("key:{number:012}").as_bytes(), 7, |_| true);
        }
        let bytes = table.grown_bytes();
        assert!(bytes < 40_000_000, "{bytes}");
        assert_eq!(table.grown_bytes(), 0);
        table.clear();
        assert!(table.grown_bytes() < -39_000_000 + 5_000_000);
    }
}
