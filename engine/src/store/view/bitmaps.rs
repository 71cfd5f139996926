//! What a view does to strings as arrays of bits.
//!
//! To Valkey a string that was looked at in order to be written into is raw from then on, even if nothing
//! came of it; and it grows as far as was asked for, even if nothing but zero bits is written.

use super::{Lookup, Text, View};
use crate::raw::shared::SharedBytes;
use crate::raw::slab::{NewValue, ValueMut, ValueRef};
use crate::shard::change::Event;
use crate::shard::{self, Found};
use crate::store::Key;
use crate::types::bitmap::{self, FieldStep, Operation};
use crate::types::{Encoding, Kind, Object, string};
use crate::{StringError, WrongType};

/// How a string is marked that was written into.
pub(super) const RAW: (Kind, Encoding) = (Kind::String, Encoding::Raw);

impl View<'_> {
    /// Sets the bit at `offset` of the string at `key`, which grows as far as needed and is made when it is
    /// not there; what the bit was.
    ///
    /// # Errors
    /// [`StringError::WrongType`]; [`StringError::TooLong`] when it would grow beyond `len_max` bytes.
    pub fn set_bit(
        &mut self,
        key: Key<'_>,
        offset: u64,
        on: bool,
        len_max: usize,
    ) -> Result<bool, StringError> {
        let index = usize::try_from(offset / 8).ok().filter(|index| *index < len_max);
        let needed = index.ok_or(StringError::TooLong)? + 1;
        let (found, grew) = self.raw_string(key, needed)?;
        let old = self.with_bytes(key, found, |bytes| bitmap::set_bit(bytes, offset, on));
        if grew || old != on {
            self.log.changed(key.db, key.bytes, Event::SetBit);
        }
        Ok(old)
    }

    /// Reads and writes integers in the string at `key`, one after the other; the result of each is
    /// reported, or nothing where it would overflow and must not. The string grows as far as the steps that
    /// write ask for, those that fail in the end too. If all only read it is not made and not changed.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a string; nothing is reported then.
    pub fn bit_fields(
        &mut self,
        key: Key<'_>,
        steps: &[FieldStep],
        mut report: impl FnMut(Option<i64>),
    ) -> Result<(), WrongType> {
        let writes = |step: &&FieldStep| step.action != bitmap::FieldAction::Get;
        let Some(needed) = steps.iter().filter(writes).map(FieldStep::bytes_needed).max() else {
            let text = self.string(key, Lookup::Read)?;
            let bytes = text.as_ref().map_or(&b""[..], Text::bytes);
            steps.iter().for_each(|step| report(Some(step.width.read(bytes, step.offset))));
            return Ok(());
        };
        let (found, grew) = self.raw_string(key, needed)?;
        let changes = self.with_bytes(key, found, |bytes| {
            let mut changes = 0;
            for step in steps {
                let (result, changed) = step.run(bytes);
                // What was written beyond the old end counts as changed, whatever it was.
                let counts = changed || (grew && result.is_some() && writes(&step));
                changes += u64::from(counts);
                report(result);
            }
            changes
        });
        if changes > 0 {
            self.log.changed_times(key.db, key.bytes, Event::SetBit, changes);
        } else if grew {
            // Valkey tells nobody that it has grown.
            self.log.count(0);
        }
        Ok(())
    }

    /// Combines the strings at `sources` by bits, those that are not there being empty, and stores the
    /// result at `to`, without a deadline; its length. An empty result removes what is at `to`.
    ///
    /// # Errors
    /// [`WrongType`] when a source holds something other than a string; nothing is changed then.
    pub fn bit_operation(
        &mut self,
        to: Key<'_>,
        operation: Operation,
        sources: &[Key<'_>],
    ) -> Result<usize, WrongType> {
        let mut result: Option<SharedBytes> = None;
        for source in sources {
            let text = self.string(*source, Lookup::Read)?;
            let operand = text.as_ref().map_or(&b""[..], Text::bytes);
            match &mut result {
                Some(result) => operation.combine(result, operand),
                None => result = Some(operation.first(operand)),
            }
        }
        let result = result.unwrap_or_default();
        let len = result.len();
        if len == 0 {
            self.remove(to, Event::Del);
        } else {
            let found = self.find(to);
            let value = if string::lies_inline(to.bytes.len(), len, false) {
                NewValue::Inline(&result)
            } else {
                NewValue::Heap(Object::Bytes(result))
            };
            self.write(to, found, RAW, None, value);
            self.log.changed(to.db, to.bytes, Event::Set);
        }
        Ok(len)
    }

    /// The string at `key` to be written into, at least `len` bytes long, made if it was not there; and
    /// whether it grew.
    fn raw_string(&mut self, key: Key<'_>, len: usize) -> Result<(Found, bool), WrongType> {
        let Some(found) = self.look_up(key, Lookup::Write) else {
            let found = if string::lies_inline(key.bytes.len(), len, false) {
                let found = self.write(key, None, RAW, None, NewValue::Inline(b""));
                self.shard(key).resize_value(key.db, found, len)
            } else {
                let mut bytes = SharedBytes::default();
                bytes.resize(len);
                self.write(key, None, RAW, None, NewValue::Heap(Object::Bytes(bytes)))
            };
            return Ok((found, true));
        };
        let shard = self.shard(key);
        let old_len = Text::of(shard.entry(found))?.len();
        shard.set_encoding(found, Encoding::Raw.bits());
        let grows = len > old_len;
        Ok((if grows { self.resize_string(key, found, len) } else { found }, grows))
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
                let mut grown = SharedBytes::with_capacity(len);
                grown.extend_from_slice(&old[..old.len().min(len)]);
                grown.resize(len);
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
}
