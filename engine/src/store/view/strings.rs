//! What a view does to strings.
//!
//! Every operation here keeps the encoding that Valkey would report, which depends on how a value came to be:
//! one that was set whole is an integer or embedded where it fits, one that was written into is raw for ever
//! after.

use std::ops::Deref;

use smallvec::SmallVec;

use super::{Deadline, Lookup, View, held_shard};
use crate::raw::shared::SharedBytes;
use crate::raw::slab::{EntryRef, NewValue, ValueMut, ValueRef};
use crate::shard::change::Event;
use crate::shard::{self, Found};
use crate::store::Key;
use crate::time::Millis;
use crate::types::long_double::LongDouble;
use crate::types::{Encoding, Kind, Object, string};
use crate::{StringError, WrongType};

/// A string value, lent while the view is not used otherwise.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    bytes: &'a [u8],
    shared: Option<&'a SharedBytes>,
    /// The encoding Valkey would report.
    pub encoding: Encoding,
    /// When the entry expires, in milliseconds since the epoch.
    pub deadline: Option<Millis>,
}

impl<'a> Text<'a> {
    pub(super) fn of(entry: EntryRef<'a, Object>) -> Result<Self, WrongType> {
        if Kind::from_bits(entry.kind()) != Kind::String {
            return Err(WrongType);
        }
        let (bytes, shared) = match entry.value() {
            ValueRef::Inline(bytes) => (bytes, None),
            ValueRef::Heap(Object::Bytes(shared)) => (&**shared, Some(shared)),
            ValueRef::Heap(_) => return Err(WrongType),
        };
        let encoding = Encoding::from_bits(entry.encoding());
        Ok(Self { bytes, shared, encoding, deadline: entry.deadline() })
    }

    /// The bytes, for as long as the view lends them.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The value as a counted buffer, if it is held as one: it can be kept after the locks are gone without a
    /// copy.
    pub fn shared(&self) -> Option<SharedBytes> {
        self.shared.cloned()
    }
}

impl Deref for Text<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.bytes
    }
}

/// How a string is marked that was written into.
pub(super) const RAW: (Kind, Encoding) = (Kind::String, Encoding::Raw);

impl View<'_> {
    /// The string at `key`.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    #[inline]
    pub fn string(&mut self, key: Key<'_>, lookup: Lookup) -> Result<Option<Text<'_>>, WrongType> {
        match self.look_up_in(key, lookup) {
            (shard, Some(found)) => Text::of(shard.entry(found)).map(Some),
            _ => Ok(None),
        }
    }

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
        let end = offset + bytes.len();
        let found = match self.shard(key).entry(found).value() {
            ValueRef::Inline(old) if end > old.len() => self.resize_string(key, found, end),
            _ => found,
        };
        let shard = self.shard(key);
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

    /// Makes the string that was found `len` bytes long: cut, or filled up with zero bytes.
    pub(super) fn resize_string(&mut self, key: Key<'_>, found: Found, len: usize) -> Found {
        let now = self.now;
        let shard = self.shard(key);
        let entry = shard.entry(found);
        let meta: shard::Meta = entry.meta();
        match entry.value() {
            ValueRef::Inline(old) => {
                if string::lies_inline(key.bytes.len(), len, meta.deadline.is_some()) {
                    return shard.resize_value(key.db, found, len);
                }
                let mut grown = SharedBytes::zeroed(len);
                let kept = old.len().min(len);
                grown.make_mut()[..kept].copy_from_slice(&old[..kept]);
                shard.replace(key.place(), found, meta, NewValue::Heap(Object::Bytes(grown)), now)
            }
            ValueRef::Heap(_) => {
                if let ValueMut::Heap(mut object) = shard.value_mut(found) {
                    let Object::Bytes(bytes) = &mut *object else {
                        unreachable!("invariant: a string is bytes")
                    };
                    bytes.resize(len);
                }
                found
            }
        }
    }

    /// Lends the bytes of the string that was found, to be changed in place.
    pub(super) fn with_bytes<R>(
        &mut self,
        key: Key<'_>,
        found: Found,
        change: impl FnOnce(&mut [u8]) -> R,
    ) -> R {
        match self.shard(key).value_mut(found) {
            ValueMut::Inline(bytes) => change(bytes),
            ValueMut::Heap(mut object) => {
                let Object::Bytes(bytes) = &mut *object else { unreachable!("invariant: a string is bytes") };
                change(bytes.make_mut())
            }
        }
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

/// What an entry says of itself that holds a string.
fn string_meta(encoding: Encoding, deadline: Option<Millis>) -> shard::Meta {
    shard::Meta { kind: Kind::String.bits(), encoding: encoding.bits(), clock: 0, deadline }
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
    use crate::shard::change::Event;
    use crate::store::heard::Heard;
    use crate::{Deadline, Scope, Store, StringError};

    /// As Valkey 9.1.2 notifies with `notify-keyspace-events KEA`.
    #[test]
    fn tells_what_happened() {
        let store = Store::builder().build();
        let heard = Heard::of(&store);
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

        assert_eq!(
            heard.take(),
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
