//! What one command sees: the keys whose shards it has locked, at one moment. It records each mutation itself.

use std::ops::Deref;

use parking_lot::MutexGuard;

use super::{Key, SHARDS, Shard, Store};
use crate::WrongType;
use crate::shard::change::Event;
use crate::types::{Encoding, Kind};

/// Which shards a view locks.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'k> {
    /// None: the command has no keys.
    None,
    /// The shard of one key.
    Key(&'k Key<'k>),
    /// The shards of these keys.
    Keys(&'k [Key<'k>]),
    /// Every shard.
    All,
    /// None to begin with; whole-keyspace operations lock one shard after another as they come to it.
    Walk,
}

/// What a look-up does besides looking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lookup {
    /// A command reads the value: counts a hit or a miss, and the entry counts as used.
    Read,
    /// A command is about to write: the entry counts as used, nothing is counted.
    Write,
    /// Nothing: `OBJECT`, `TTL` and other questions about the entry.
    Peek,
}

/// What becomes of a deadline when a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deadline {
    /// The entry keeps the deadline it has.
    Keep,
    /// The entry has none.
    Clear,
    /// The entry expires at this moment, in milliseconds since the epoch.
    At(u64),
}

/// How `flush` gives memory back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Before it returns.
    Sync,
    /// Soon, in the background.
    Async,
}

/// Facts about an entry, without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meta {
    /// The value's type.
    pub kind: Kind,
    /// The encoding Valkey would report.
    pub encoding: Encoding,
    /// When it expires, in milliseconds since the epoch.
    pub deadline: Option<u64>,
    /// Seconds since the entry was last used (LRU policies).
    pub idle_s: u64,
    /// The logarithmic access counter (LFU policies).
    pub frequency: u8,
}

/// A string value, lent.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    bytes: &'a [u8],
    /// The encoding Valkey would report.
    pub encoding: Encoding,
    /// When the entry expires, in milliseconds since the epoch.
    pub deadline: Option<u64>,
}

impl Deref for Text<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

pub(super) struct Record {
    value: Vec<u8>,
    encoding: Encoding,
    deadline: Option<u64>,
}

/// The keyspace as one command sees it.
pub struct View<'s> {
    store: &'s Store,
    guards: Vec<Option<MutexGuard<'s, Shard>>>,
    now: u64,
    dirty: u64,
}

impl<'s> View<'s> {
    pub(super) fn open(store: &'s Store, scope: Scope<'_>, now: u64) -> Self {
        let mut wanted = [matches!(scope, Scope::All | Scope::Walk); SHARDS];
        match scope {
            Scope::Key(key) => wanted[store.shard_of(key.hash)] = true,
            Scope::Keys(keys) => keys.iter().for_each(|key| wanted[store.shard_of(key.hash)] = true),
            _ => {}
        }
        let guards = (0..SHARDS).map(|i| wanted[i].then(|| store.shards[i].lock())).collect();
        Self { store, guards, now, dirty: 0 }
    }

    /// Hands the recorded changes to the observers, still under the locks. The dispatcher calls it after the handler.
    pub fn settle(&mut self) {}

    fn shard(&mut self, hash: u64) -> &mut Shard {
        let index = self.store.shard_of(hash);
        self.guards[index].as_mut().expect("invariant: a command touches only keys it declared")
    }

    fn record(&mut self, key: Key<'_>) -> Option<&mut Record> {
        let now = self.now;
        let map = self.shard(key.hash).dbs.entry(key.db).or_default();
        if map.get(key.bytes).is_some_and(|r| r.deadline.is_some_and(|d| d <= now)) {
            map.remove(key.bytes);
        }
        map.get_mut(key.bytes)
    }

    /// The moment this view stands for, in milliseconds since the epoch.
    pub fn now(&self) -> u64 {
        self.now
    }

    /// How many changes were recorded.
    pub fn dirty(&self) -> u64 {
        self.dirty
    }

    /// The string at `key`.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn string(&mut self, key: Key<'_>, _lookup: Lookup) -> Result<Option<Text<'_>>, WrongType> {
        Ok(self.record(key).map(|r| Text { bytes: &r.value, encoding: r.encoding, deadline: r.deadline }))
    }

    /// Facts about the entry at `key`.
    pub fn meta(&mut self, key: Key<'_>, _lookup: Lookup) -> Option<Meta> {
        self.record(key).map(|r| r.meta())
    }

    /// Sets `key` to a string, whatever was there.
    pub fn set(&mut self, key: Key<'_>, value: &[u8], deadline: Deadline, _event: Event) {
        let encoding = if value.len() <= 20
            && std::str::from_utf8(value).ok().and_then(|s| s.parse::<i64>().ok()).is_some_and(|n| n.to_string().as_bytes() == value)
        {
            Encoding::Int
        } else if value.len() <= 44 {
            Encoding::Embstr
        } else {
            Encoding::Raw
        };
        let old = self.record(key).and_then(|r| r.deadline);
        let deadline = match deadline {
            Deadline::Keep => old,
            Deadline::Clear => None,
            Deadline::At(at) => Some(at),
        };
        self.dirty += 1;
        let map = self.shard(key.hash).dbs.entry(key.db).or_default();
        map.insert(key.bytes.into(), Record { value: value.to_vec(), encoding, deadline });
    }

    /// Appends to the string at `key`, which is made when it is not there; the new length in bytes.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn append(&mut self, key: Key<'_>, tail: &[u8]) -> Result<usize, WrongType> {
        self.dirty += 1;
        if let Some(r) = self.record(key) {
            r.value.extend_from_slice(tail);
            r.encoding = Encoding::Raw;
            return Ok(r.value.len());
        }
        self.set(key, tail, Deadline::Clear, Event::Append);
        Ok(tail.len())
    }

    /// Overwrites part of the string at `key` from `offset` on, filling a gap with zero bytes; the new length in bytes.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn set_range(&mut self, key: Key<'_>, offset: usize, bytes: &[u8]) -> Result<usize, WrongType> {
        if self.record(key).is_none() {
            self.set(key, b"", Deadline::Clear, Event::SetRange);
        }
        self.dirty += 1;
        let r = self.record(key).expect("invariant: just made");
        if r.value.len() < offset + bytes.len() {
            r.value.resize(offset + bytes.len(), 0);
        }
        r.value[offset..offset + bytes.len()].copy_from_slice(bytes);
        r.encoding = Encoding::Raw;
        Ok(r.value.len())
    }

    /// Removes `key`; whether it was there.
    pub fn remove(&mut self, key: Key<'_>, _event: Event) -> bool {
        let there = self.record(key).is_some();
        if there {
            self.dirty += 1;
            self.shard(key.hash).dbs.entry(key.db).or_default().remove(key.bytes);
        }
        there
    }

    /// Gives the entry at `key` a deadline, or takes it away; whether the entry was there.
    pub fn set_deadline(&mut self, key: Key<'_>, deadline: Option<u64>, _event: Event) -> bool {
        let Some(r) = self.record(key) else { return false };
        r.deadline = deadline;
        self.dirty += 1;
        true
    }

    /// Moves the entry at `from`, with its deadline, to `to`, in place of what was there; whether it was there.
    /// Serves `RENAME` and `MOVE`, which differ in the events they tell of.
    pub fn transfer(&mut self, from: Key<'_>, to: Key<'_>, _events: (Event, Event)) -> bool {
        if self.record(from).is_none() {
            return false;
        }
        let r = self.shard(from.hash).dbs.entry(from.db).or_default().remove(from.bytes);
        let r = r.expect("invariant: just found");
        self.shard(to.hash).dbs.entry(to.db).or_default().insert(to.bytes.into(), r);
        self.dirty += 1;
        true
    }

    /// Copies the entry at `from`, with its deadline, to `to`, in place of what was there; whether it was there.
    pub fn copy(&mut self, from: Key<'_>, to: Key<'_>) -> bool {
        let Some(r) = self.record(from) else { return false };
        let copy = Record { value: r.value.clone(), encoding: r.encoding, deadline: r.deadline };
        self.shard(to.hash).dbs.entry(to.db).or_default().insert(to.bytes.into(), copy);
        self.dirty += 1;
        true
    }

    /// What the entry at `key` occupies, in bytes.
    pub fn memory_usage(&mut self, key: Key<'_>) -> Option<usize> {
        self.record(key).map(|r| r.value.len() + key.bytes.len() + 16)
    }

    /// How many keys `db` holds, and how many of them have a deadline.
    pub fn len(&mut self, db: u16) -> (usize, usize) {
        let mut sum = (0, 0);
        for guard in self.guards.iter().flatten() {
            if let Some(map) = guard.dbs.get(&db) {
                sum.0 += map.len();
                sum.1 += map.values().filter(|r| r.deadline.is_some()).count();
            }
        }
        sum
    }

    /// One step of a walk over the live keys of `db`: shows some of them and returns the cursor of the next step, 0 at the
    /// end. Every key that is there from the first step to the last is shown at least once, whatever happens in between.
    pub fn scan(&mut self, db: u16, cursor: u64, mut show: impl FnMut(&[u8], Meta)) -> u64 {
        let now = self.now;
        let index = cursor as usize;
        if index >= SHARDS {
            return 0;
        }
        if let Some(map) = self.guards[index].as_ref().and_then(|g| g.dbs.get(&db)) {
            for (key, r) in map.iter().filter(|(_, r)| r.deadline.is_none_or(|d| d > now)) {
                show(key, r.meta());
            }
        }
        if index + 1 == SHARDS { 0 } else { cursor + 1 }
    }

    /// A live key of `db`, chosen at random.
    pub fn random_key(&mut self, db: u16) -> Option<Vec<u8>> {
        let now = self.now;
        let maps = self.guards.iter().flatten().filter_map(|g| g.dbs.get(&db));
        let mut live = maps.flat_map(|m| m.iter().filter(|(_, r)| r.deadline.is_none_or(|d| d > now)));
        live.next().map(|(k, _)| k.to_vec())
    }

    /// Empties one database, or all of them; how many keys there were.
    pub fn flush(&mut self, db: Option<u16>, _how: Flush) -> usize {
        let mut count = 0;
        for guard in self.guards.iter_mut().flatten() {
            guard.dbs.retain(|d, map| {
                let out = db.is_none_or(|db| db == *d);
                count += if out { map.len() } else { 0 };
                !out
            });
        }
        count
    }

    /// Exchanges two databases.
    pub fn swap(&mut self, a: u16, b: u16) {
        for guard in self.guards.iter_mut().flatten() {
            let (left, right) = (guard.dbs.remove(&a), guard.dbs.remove(&b));
            guard.dbs.extend(left.map(|m| (b, m)));
            guard.dbs.extend(right.map(|m| (a, m)));
        }
    }
}

impl Record {
    fn meta(&self) -> Meta {
        Meta { kind: Kind::String, encoding: self.encoding, deadline: self.deadline, idle_s: 0, frequency: 0 }
    }
}
