//! A key as the store routes it: which database, which bytes, which place.

use super::route::Routed;
use crate::shard::Place;

/// A key of one database, hashed once. Made by [`Store::key`](super::Store::key), and good for that store
/// alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key<'a> {
    pub(super) db: u16,
    pub(super) routed: Routed,
    pub(super) bytes: &'a [u8],
}

impl<'a> Key<'a> {
    /// The database the key belongs to.
    pub fn db(&self) -> u16 {
        self.db
    }

    /// The key's own bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The same key in another database: it lies in the same shard, since a database is no part of the hash.
    #[must_use]
    pub fn in_db(&self, db: u16) -> Self {
        Self { db, ..*self }
    }

    /// The same key, to keep.
    pub fn to_owned_key(&self) -> OwnedKey {
        OwnedKey { db: self.db, routed: self.routed, bytes: self.bytes.into() }
    }

    pub(super) fn place(&self) -> Place {
        Place { db: self.db, position: self.routed.position, tag: self.routed.tag }
    }

    /// The number of its shard: keys of one number are locked together. The same in every database.
    #[inline]
    pub fn shard(&self) -> usize {
        usize::from(self.routed.shard)
    }
}

/// A [`Key`] that owns its bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedKey {
    db: u16,
    routed: Routed,
    bytes: Box<[u8]>,
}

impl OwnedKey {
    /// The key, borrowed.
    pub fn as_key(&self) -> Key<'_> {
        Key { db: self.db, routed: self.routed, bytes: &self.bytes }
    }
}
