//! What a view does to strings as arrays of bits.
//!
//! To Valkey a string that was looked at in order to be written into is raw from then on, even if nothing
//! came of it; and it grows as far as was asked for, even if nothing but zero bits is written.

use super::strings::RAW;
use super::{Lookup, Text, View};
use crate::raw::shared::SharedBytes;
use crate::raw::slab::NewValue;
use crate::shard::Found;
use crate::shard::change::Event;
use crate::store::Key;
use crate::types::bitmap::{self, FieldStep, Operation};
use crate::types::{Encoding, Object, string};
use crate::{StringError, WrongType};

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
                let bytes = SharedBytes::zeroed(len);
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
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use crate::shard::change::Event;
    use crate::store::heard::Heard;
    use crate::store::{Deadline, Lookup, Scope, Store};
    use crate::types::Encoding;
    use crate::types::bitmap::{FieldAction, FieldStep, Operation, Overflow, Width};
    use crate::{StringError, WrongType};

    fn step(bits: u32, offset: u64, action: FieldAction) -> FieldStep {
        FieldStep { width: Width::new(false, bits).expect("a width"), offset, action }
    }

    /// As Valkey 9.1.2 counts changes and notifies with `notify-keyspace-events KEA`.
    #[test]
    fn tells_what_happened() {
        let store = Store::default();
        let heard = Heard::of(&store);
        let keys = ["a", "b", "c"].map(|key| store.key(0, key.as_bytes()));
        let [a, b, c] = keys;
        let mut view = store.view(Scope::Keys(&keys), 1000);
        let mut dirty = 0;
        let mut changes = |now: u64| {
            let more = now - dirty;
            dirty = now;
            more
        };

        assert_eq!(view.set_bit(a, 7, true, 10), Ok(false));
        assert_eq!(changes(view.dirty()), 1);
        assert_eq!(view.set_bit(a, 7, true, 10), Ok(true));
        assert_eq!(changes(view.dirty()), 0, "it was set before");
        assert_eq!(view.set_bit(a, 20, false, 10), Ok(false));
        assert_eq!(changes(view.dirty()), 1, "the string has grown");
        assert_eq!(view.set_bit(a, 80, true, 10), Err(StringError::TooLong));

        let mut results = Vec::new();
        let fields = [
            step(8, 0, FieldAction::Set(5, Overflow::Wrap)),
            step(8, 0, FieldAction::Set(5, Overflow::Wrap)),
            step(8, 0, FieldAction::Increment(255, Overflow::Fail)),
            step(8, 100, FieldAction::Get),
        ];
        view.bit_fields(a, &fields, |result| results.push(result)).expect("a string");
        assert_eq!(results, [Some(1), Some(5), None, Some(0)]);
        assert_eq!(changes(view.dirty()), 1, "the same again is no change");
        let fails = [step(8, 100, FieldAction::Set(300, Overflow::Fail))];
        view.bit_fields(b, &fails, |result| assert_eq!(result, None)).expect("a string");
        assert_eq!(changes(view.dirty()), 0, "made, and nobody is told");
        assert_eq!(view.string(b, Lookup::Peek).map(|text| text.map(|text| text.len())), Ok(Some(14)));
        view.bit_fields(c, &[step(8, 0, FieldAction::Get)], |_| {}).expect("no string is one");
        assert!(!view.exists(c, Lookup::Peek));

        view.set(c, b"12", Deadline::At(5000), Event::Set);
        assert_eq!(changes(view.dirty()), 1);
        assert_eq!(view.bit_operation(c, Operation::Or, &[a, c]), Ok(3));
        assert_eq!(changes(view.dirty()), 1);
        let text = view.string(c, Lookup::Peek).expect("a string").expect("it is there");
        assert_eq!((text.encoding, text.deadline, &*text), (Encoding::Raw, None, &b"52\0"[..]));
        assert!(view.remove(a, Event::Del));
        assert_eq!(view.bit_operation(c, Operation::And, &[a]), Ok(0));
        assert_eq!(view.bit_operation(c, Operation::And, &[a]), Ok(0), "nothing to take away");
        drop(view);

        let set_bits = [Event::SetBit; 3];
        let rest = [Event::Set, Event::Expire, Event::Set, Event::Del, Event::Del];
        assert_eq!(heard.take(), [&set_bits[..], &rest].concat());

        store.list("list").push_left(["x"]).expect("no limit");
        let list = store.key(0, b"list");
        let mut view = store.view(Scope::Key(&list), 1000);
        assert_eq!(view.set_bit(list, 0, true, 10), Err(StringError::WrongType));
        assert_eq!(view.bit_fields(list, &fails, |_| panic!("nothing to report")), Err(WrongType));
        assert_eq!(view.bit_operation(list, Operation::Or, &[list]), Err(WrongType));
    }

    /// Beside its key, then in a buffer of its own, which grows.
    #[test]
    fn grows_from_small_to_large() {
        let store = Store::default();
        let bits = store.bitmap("bits");
        for (count, offset) in [3, 900, 30_000, 33_000, 400_000, 5_000_000, 4].into_iter().enumerate() {
            assert_eq!(bits.set(offset, true), Ok(false));
            assert_eq!(bits.count(..), Ok(count as u64 + 1));
            assert_eq!(bits.bit(3), Ok(true));
        }
        assert!(store.get("bits").is_ok_and(|value| value.is_some_and(|value| value.len() == 625_001)));
        store.set_for("mortal", "x", std::time::Duration::from_secs(9)).expect("no limit");
        assert_eq!(store.bitmap("mortal").set(50_000, true), Ok(false));
        assert!(store.ttl("mortal").flatten().is_some(), "a deadline stays");
    }
}
