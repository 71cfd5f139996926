//! What a view does to strings.
//!
//! Every operation here keeps the encoding that Valkey would report, which depends on how a value came to be:
//! one that was set whole is an integer or embedded where it fits, one that was written into is raw for ever
//! after.

use smallvec::SmallVec;

use super::{Deadline, Lookup, Text, View, held_shard, string_meta};
use crate::StringError;
use crate::raw::shared::SharedBytes;
use crate::raw::slab::{NewValue, ValueMut, ValueRef};
use crate::shard::change::Event;
use crate::shard::{self, Found};
use crate::store::Key;
use crate::time::Millis;
use crate::types::long_double::LongDouble;
use crate::types::{Encoding, Kind, Object, string};

impl View<'_> {
    /// Sets `key` to a string, whatever was there.
    pub fn set(&mut self, key: Key<'_>, value: &[u8], deadline: Deadline, event: Event) {
        let now = self.now;
        // Looked up once: this is the way of every SET.
        let shard = &mut held_shard(&mut self.held, key).shard;
        let found = shard.find(key.place(), key.bytes, now, &mut self.log);
        let old = found.and_then(|found| shard.entry(found).deadline());
        let new = deadline.over(old);
        // Valkey first writes the value beside the old deadline, and takes that away afterwards.
        let has_deadline = old.is_some() || new.is_some();
        let encoding = if self.integers {
            string::encoding_of(key.bytes.len(), value, has_deadline)
        } else {
            string::encoding_of_text(key.bytes.len(), value.len(), has_deadline)
        };
        let meta = string_meta(encoding, new);
        let value = string::new_value(key.bytes.len(), value, new.is_some());
        match found {
            Some(found) => {
                shard.replace(key.place(), found, meta, value, now);
            }
            None => {
                shard.insert(key.place(), key.bytes, meta, value, now);
                self.log.aside(key.db, key.bytes, Event::New);
            }
        }
        self.log.changed(key.db, key.bytes, event);
        if let Deadline::At(_) = deadline {
            self.log.happened(key.db, key.bytes, Event::Expire);
        }
    }

    /// Appends to the string at `key`, which is made when it is not there; the new length in bytes.
    ///
    /// # Errors
    /// [`StringError::WrongType`]; [`StringError::TooLong`] when it would grow beyond `len_max`.
    pub fn append(&mut self, key: Key<'_>, tail: &[u8], len_max: usize) -> Result<usize, StringError> {
        let Some(found) = self.look_up(key, Lookup::Write) else {
            self.set(key, tail, Deadline::Clear, Event::Append);
            return Ok(tail.len());
        };
        let len = Text::of(self.shard(key).entry(found))?.len();
        let end = end_within(len, tail, len_max)?;
        self.write_at(key, found, len, tail);
        self.log.changed(key.db, key.bytes, Event::Append);
        Ok(end)
    }

    /// Overwrites part of the string at `key` from `offset` on, filling a gap with zero bytes; the new length
    /// in bytes. Nothing happens when there is nothing to write.
    ///
    /// # Errors
    /// [`StringError::WrongType`]; [`StringError::TooLong`] when the part ends beyond `len_max`.
    pub fn set_range(
        &mut self,
        key: Key<'_>,
        offset: usize,
        bytes: &[u8],
        len_max: usize,
    ) -> Result<usize, StringError> {
        let found = self.look_up(key, Lookup::Write);
        let len = match found {
            Some(found) => Text::of(self.shard(key).entry(found))?.len(),
            None => 0,
        };
        if bytes.is_empty() {
            return Ok(len);
        }
        let end = end_within(offset, bytes, len_max)?;
        let found = found.unwrap_or_else(|| self.write_string(key, None, Encoding::Raw, None, b""));
        self.write_at(key, found, offset, bytes);
        self.log.changed(key.db, key.bytes, Event::SetRange);
        Ok(len.max(end))
    }

    /// Adds to the integer at `key`, which is taken for nought when it is not there; the new value.
    ///
    /// # Errors
    /// [`StringError::WrongType`]; [`StringError::NotInteger`]; [`StringError::Overflow`].
    pub fn increment(&mut self, key: Key<'_>, by: i64) -> Result<i64, StringError> {
        let found = self.find(key);
        let old = match found {
            Some(found) => {
                let text = Text::of(self.shard(key).entry(found))?;
                string::parse_integer(&text).ok_or(StringError::NotInteger)?
            }
            None => 0,
        };
        let new = old.checked_add(by).ok_or(StringError::Overflow)?;
        self.write_number(key, found, Encoding::Int, itoa::Buffer::new().format(new).as_bytes());
        self.log.changed(key.db, key.bytes, Event::IncrBy);
        Ok(new)
    }

    /// Adds to the number at `key`, which is taken for nought when it is not there; the new value as text.
    /// What is to be added is read once the value has turned out to be a number.
    ///
    /// # Errors
    /// [`StringError::WrongType`]; [`StringError::NotFloat`], of the value or of `by`;
    /// [`StringError::NotFinite`].
    pub fn increment_float(&mut self, key: Key<'_>, by: &[u8]) -> Result<SmallVec<[u8; 64]>, StringError> {
        let found = self.find(key);
        let (old, old_deadline) = match found {
            Some(found) => {
                let text = Text::of(self.shard(key).entry(found))?;
                (LongDouble::parse(&text).ok_or(StringError::NotFloat)?, text.deadline)
            }
            None => (LongDouble::from(0), None),
        };
        let new = old + LongDouble::parse(by).ok_or(StringError::NotFloat)?;
        if !new.is_finite() {
            return Err(StringError::NotFinite);
        }
        let text = new.text();
        // Never an integer to Valkey, even if it looks like one.
        let encoding = string::encoding_of_text(key.bytes.len(), text.len(), old_deadline.is_some());
        self.write_number(key, found, encoding, &text);
        self.log.changed(key.db, key.bytes, Event::IncrByFloat);
        Ok(text)
    }

    /// Writes a number in place of what was found, with its deadline, or anew.
    fn write_number(&mut self, key: Key<'_>, found: Option<Found>, encoding: Encoding, text: &[u8]) {
        let Some(there) = found else {
            self.write_string(key, None, encoding, None, text);
            return;
        };
        let shard = self.shard(key);
        let (old, deadline) = (shard.entry(there).encoding(), shard.entry(there).deadline());
        // A counter mostly keeps its number of digits: then its bytes change and nothing else.
        let in_place = match shard.value_mut(there) {
            ValueMut::Inline(value) if value.len() == text.len() => {
                value.copy_from_slice(text);
                true
            }
            _ => false,
        };
        if !in_place {
            self.write_string(key, found, encoding, deadline, text);
            return;
        }
        if old != encoding.bits() {
            shard.set_encoding(there, encoding.bits());
        }
        self.note(key, found, Lookup::Write);
    }

    /// Writes a short string in place of what was found, or anew.
    fn write_string(
        &mut self,
        key: Key<'_>,
        found: Option<Found>,
        encoding: Encoding,
        deadline: Option<Millis>,
        text: &[u8],
    ) -> Found {
        self.write(key, found, (Kind::String, encoding), deadline, NewValue::Inline(text))
    }

    /// Writes into a string, which grows as far as needed, and from then on is raw to Valkey.
    fn write_at(&mut self, key: Key<'_>, found: Found, offset: usize, bytes: &[u8]) {
        let now = self.now;
        let shard = self.shard(key);
        let entry = shard.entry(found);
        let meta = shard::Meta { encoding: Encoding::Raw.bits(), ..entry.meta() };
        let end = offset + bytes.len();
        let found = match entry.value() {
            ValueRef::Inline(old) if end > old.len() => {
                if string::lies_inline(key.bytes.len(), end, meta.deadline.is_some()) {
                    shard.resize_value(key.db, found, end)
                } else {
                    let mut grown = SharedBytes::zeroed(end);
                    grown.make_mut()[..old.len()].copy_from_slice(old);
                    shard.replace(key.place(), found, meta, NewValue::Heap(Object::Bytes(grown)), now)
                }
            }
            _ => found,
        };
        match shard.value_mut(found) {
            ValueMut::Inline(value) => value[offset..end].copy_from_slice(bytes),
            ValueMut::Heap(mut object) => {
                let Object::Bytes(value) = &mut *object else { unreachable!("invariant: a string is bytes") };
                if offset == value.len() {
                    value.extend_from_slice(bytes);
                } else {
                    if end > value.len() {
                        value.resize(end);
                    }
                    value.make_mut()[offset..end].copy_from_slice(bytes);
                }
            }
        }
        shard.set_encoding(found, Encoding::Raw.bits());
    }

    /// An embedded string is one only where it fits beside its key and its deadline: called when either has
    /// changed.
    pub(super) fn keep_embedded(&mut self, key: Key<'_>, found: Found) {
        let shard = self.shard(key);
        let entry = shard.entry(found);
        if entry.encoding() == Encoding::Embstr.bits()
            && let Ok(text) = Text::of(entry)
            && string::encoding_of_text(key.bytes.len(), text.len(), text.deadline.is_some()) == Encoding::Raw
        {
            shard.set_encoding(found, Encoding::Raw.bits());
        }
    }
}

/// Where `bytes` end that begin at `offset`.
fn end_within(offset: usize, bytes: &[u8], len_max: usize) -> Result<usize, StringError> {
    match offset.checked_add(bytes.len()) {
        Some(end) if end <= len_max => Ok(end),
        _ => Err(StringError::TooLong),
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use std::sync::{Arc, Mutex};

    use crate::shard::change::{Change, Event, Log};
    use crate::store::Observer;
    use crate::{Deadline, Scope, Store, StringError};

    #[derive(Default)]
    struct Heard(Mutex<Vec<Event>>);

    impl Observer for Heard {
        fn changed(&self, changes: &Log) {
            let events = changes.iter().filter_map(|change| match change {
                Change::Key { event, .. } => Some(event),
                _ => None,
            });
            self.0.lock().unwrap().extend(events);
        }
    }

    /// As Valkey 9.1.2 notifies with `notify-keyspace-events KEA`.
    #[test]
    fn tells_what_happened() {
        let store = Store::builder().build();
        let heard = Arc::new(Heard::default());
        store.observe(heard.clone());
        let key = store.key(0, b"k");
        let mut view = store.view(Scope::Key(&key), 1000);

        assert_eq!(view.set_range(key, 3, b"", 10), Ok(0));
        assert_eq!(view.increment(key, i64::MAX), Ok(i64::MAX));
        assert_eq!(view.increment(key, 1), Err(StringError::Overflow));
        view.set(key, b"9", Deadline::At(5000), Event::Set);
        assert_eq!(view.increment(key, 1), Ok(10));
        assert_eq!(&view.increment_float(key, b"0.5").unwrap()[..], b"10.5");
        assert_eq!(view.increment_float(key, b"inf"), Err(StringError::NotFinite));
        assert_eq!(view.append(key, b"0", 4), Err(StringError::TooLong));
        assert_eq!(view.append(key, b"0", 5), Ok(5));
        assert_eq!(view.set_range(key, usize::MAX, b"x", usize::MAX), Err(StringError::TooLong));
        assert_eq!(view.set_range(key, 1, b"x", 5), Ok(5));
        assert_eq!(view.set_range(key, 1, b"", 5), Ok(5));
        view.set(key, b"v", Deadline::Keep, Event::Set);
        assert!(view.remove(key, Event::Expired));
        assert_eq!(view.dirty(), 8);
        drop(view);

        let events = std::mem::take(&mut *heard.0.lock().unwrap());
        assert_eq!(
            events,
            [
                Event::IncrBy,
                Event::Set,
                Event::Expire,
                Event::IncrBy,
                Event::IncrByFloat,
                Event::Append,
                Event::SetRange,
                Event::Set,
                Event::Expired,
            ]
        );
        assert_eq!(store.counters().expired, 1);
    }
}
