//! Values as bytes, and back: what `DUMP` and `RESTORE` do.

use super::{Deadline, Lookup, View, what};
use crate::dump::{self, Building, Corrupt, Payload, Restored};
use crate::raw::slab::{NewValue, ValueRef};
use crate::shard::change::Event;
use crate::store::Key;
use crate::types::{Kind, Object, string};

/// What an entry is said to have been through that is put in place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Seconds since it was last used; counts unless an LFU policy is at work.
    pub idle_s: Option<u64>,
    /// How often it was used, on a logarithmic scale; counts while an LFU policy is at work.
    pub frequency: Option<u8>,
}

impl View<'_> {
    /// The value of `key` as a payload: see [`dump`](mod@crate::dump).
    pub fn dump(&mut self, key: Key<'_>, lookup: Lookup, compress: bool) -> Option<Vec<u8>> {
        let found = self.look_up(key, lookup)?;
        let now = self.now;
        let entry = self.shard(key).entry(found);
        Some(dump::payload(what(entry.meta()), entry.value().into(), now, compress))
    }

    /// Where the value of `key` lies in memory, for whoever is curious.
    pub fn address(&mut self, key: Key<'_>) -> Option<usize> {
        let found = self.find(key)?;
        Some(match self.shard(key).entry(found).value() {
            ValueRef::Inline(bytes) => bytes.as_ptr().addr(),
            ValueRef::Heap(object) => std::ptr::from_ref(object).addr(),
        })
    }

    /// Builds the value of a payload, as it is held where `key` lives.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub fn read_payload(&self, key: Key<'_>, payload: Payload<'_>) -> Result<Restored, Corrupt> {
        payload.read(Building { limits: self.limits(key), seed: self.seed(key) })
    }

    /// Puts a value at `key`, whatever was there.
    pub fn restore(&mut self, key: Key<'_>, value: Restored, deadline: Deadline, usage: Usage) {
        let found = self.find(key);
        self.tell_anew(key, found);
        match value {
            Restored::String(text) => {
                let old = found.and_then(|found| self.shard(key).entry(found).deadline());
                let deadline = deadline.over(old);
                let encoding = string::encoding_of(key.bytes.len(), &text, deadline.is_some());
                let value = match string::lies_inline(key.bytes.len(), text.len(), deadline.is_some()) {
                    true => NewValue::Inline(&text),
                    false => NewValue::Heap(Object::Bytes(text.clone())),
                };
                self.write(key, found, (Kind::String, encoding), deadline, value);
                self.log.changed(key.db, key.bytes, Event::Restore);
            }
            Restored::List(list) => drop(self.put(key, list, deadline, Event::Restore)),
            Restored::SortedSet(set) => drop(self.put(key, set, deadline, Event::Restore)),
            Restored::Stream(stream) => drop(self.put(key, stream, deadline, Event::Restore)),
            Restored::Hash(hash) => drop(self.put(key, hash, deadline, Event::Restore)),
            Restored::Set(set) => drop(self.put(key, set, deadline, Event::Restore)),
        }
        if let Some(found) = self.find(key) {
            let now = self.now;
            self.shard(key).set_usage(found, usage.idle_s, usage.frequency, now);
        }
    }
}
