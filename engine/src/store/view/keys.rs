//! What a view does to keys, whatever lives there.

use super::{Lookup, View, what};
use crate::collections::dict::Dict;
use crate::collections::table::Figures;
use crate::raw::slab::{NewValue, ValueRef};
use crate::shard::Found;
use crate::shard::change::Event;
use crate::store::{Key, StoreShard};
use crate::time::Millis;
use crate::types::{Encoding, Kind};

/// Facts about an entry, without its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Meta {
    /// The value's type.
    pub kind: Kind,
    /// The encoding Valkey would report.
    pub encoding: Encoding,
    /// When it expires, in milliseconds since the epoch.
    pub deadline: Option<Millis>,
    /// Seconds since the entry was last used; means something unless an LFU policy is at work.
    pub idle_s: u64,
    /// How often the entry was used, on a logarithmic scale; means something while an LFU policy is at work.
    pub frequency: u8,
}

pub(in crate::store) fn meta_of(shard: &StoreShard, found: Found, now: Millis) -> Meta {
    let entry = shard.entry(found);
    Meta {
        kind: Kind::from_bits(entry.kind()),
        encoding: Encoding::from_bits(entry.encoding()),
        deadline: entry.deadline(),
        idle_s: shard.idle_s(found, now),
        frequency: shard.frequency(found, now),
    }
}

impl View<'_> {
    /// Whether there is an entry at `key`.
    pub fn exists(&mut self, key: Key<'_>, lookup: Lookup) -> bool {
        self.look_up(key, lookup).is_some()
    }

    /// Facts about the entry at `key`, as they are before this look.
    pub fn meta(&mut self, key: Key<'_>, lookup: Lookup) -> Option<Meta> {
        let found = self.look_up(key, Lookup::Peek);
        let now = self.now;
        let meta = found.map(|found| meta_of(self.shard(key), found, now));
        self.note(key, found, lookup);
        meta
    }

    /// What the entry at `key` occupies, in bytes: its slot, what it owns, and its place in the table.
    pub fn memory_usage(&mut self, key: Key<'_>) -> Option<usize> {
        /// A handle and a tag, at the mean fill of a bucket.
        const TABLE_BYTES: usize = 9;
        let found = self.look_up(key, Lookup::Peek)?;
        let entry = self.shard(key).entry(found);
        Some(entry.bytes() + TABLE_BYTES)
    }

    /// How the table is filled in which the value at `key` keeps its fields or members; none if it has no
    /// table.
    pub fn value_table_figures(&mut self, key: Key<'_>) -> Option<Figures> {
        let found = self.look_up(key, Lookup::Peek)?;
        match self.shard(key).entry(found).value() {
            ValueRef::Heap(object) => object.dict().map(Dict::figures),
            ValueRef::Inline(_) => None,
        }
    }

    /// Removes `key`; whether it was there. With [`Event::Expired`] it counts as expired: somebody gave it a
    /// deadline that had passed.
    pub fn remove(&mut self, key: Key<'_>, event: Event) -> bool {
        let Some(found) = self.find(key) else { return false };
        let shard = self.shard(key);
        shard.remove(key.db, found);
        if event == Event::Expired {
            shard.counters.expired += 1;
        }
        self.log.changed(key.db, key.bytes, event);
        true
    }

    /// Gives the entry at `key` a deadline, or takes it away; whether the entry was there. That is no use of
    /// it: who counts it as one has looked it up.
    pub fn set_deadline(&mut self, key: Key<'_>, deadline: Option<Millis>, event: Event) -> bool {
        let Some(found) = self.find(key) else { return false };
        let now = self.now;
        let found = self.shard(key).set_deadline(key.place(), found, deadline, now);
        self.keep_embedded(key, found);
        self.log.changed(key.db, key.bytes, event);
        true
    }

    /// Moves the entry at `from`, with its deadline, to `to`, in place of what was there; whether it was
    /// there. A large value is not copied. Serves `RENAME` and `MOVE`, which differ in the events they tell
    /// of.
    pub fn transfer(&mut self, from: Key<'_>, to: Key<'_>, (left, came): (Event, Event)) -> bool {
        let Some(found) = self.find(from) else { return false };
        let entry = self.shard(from).entry(found);
        let meta = entry.meta();
        let inline = match entry.value() {
            ValueRef::Inline(bytes) => Some(bytes.to_vec()),
            ValueRef::Heap(_) => None,
        };
        let object = self.shard(from).take(from.db, found);
        let value = match (&inline, object) {
            (_, Some(object)) => NewValue::Heap(object),
            (inline, None) => NewValue::Inline(inline.as_deref().unwrap_or_default()),
        };
        let there = self.find(to);
        self.tell_anew(to, there);
        let written = self.write(to, there, what(meta), meta.deadline, value);
        self.keep_embedded(to, written);
        // One change that two keys tell of.
        self.log.happened(from.db, from.bytes, left);
        self.log.changed(to.db, to.bytes, came);
        true
    }

    /// Copies the entry at `from`, with its deadline, to `to`, in place of what was there; whether it was
    /// there. That is no use of either: who counts it as one has looked it up.
    pub fn copy(&mut self, from: Key<'_>, to: Key<'_>) -> bool {
        let Some(found) = self.find(from) else { return false };
        let entry = self.shard(from).entry(found);
        let meta = entry.meta();
        let (inline, object) = match entry.value() {
            ValueRef::Inline(bytes) => (bytes.to_vec(), None),
            ValueRef::Heap(object) => (Vec::new(), Some(object.duplicate())),
        };
        let value = object.map_or(NewValue::Inline(&inline), NewValue::Heap);
        let there = self.find(to);
        self.tell_anew(to, there);
        let written = self.write(to, there, what(meta), meta.deadline, value);
        self.keep_embedded(to, written);
        self.log.changed(to.db, to.bytes, Event::CopyTo);
        true
    }

    /// Tells that `key` is new although something was found there, as Valkey does where it first removes
    /// that. If nothing was, writing tells it.
    pub(super) fn tell_anew(&mut self, key: Key<'_>, found: Option<Found>) {
        if found.is_some() {
            self.log.aside(key.db, key.bytes, Event::New);
        }
    }
}
