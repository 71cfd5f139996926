//! What a view does to strings that are HyperLogLogs.
//!
//! To Valkey such a string is raw as soon as it was looked at in order to be written into, and counting a
//! single one is that: the count is written into it.

use super::strings::RAW;
use super::{Lookup, Text, View};
use crate::HllError;
use crate::raw::slab::NewValue;
use crate::shard::Found;
use crate::shard::change::Event;
use crate::store::Key;
use crate::types::hyperloglog::{self, Addition, Form, Hll, Place, REGISTERS};
use crate::types::{Encoding, Object};

impl View<'_> {
    /// Adds elements to the HyperLogLog at `key`, which is made when it is not there; whether that has
    /// changed anything.
    ///
    /// # Errors
    /// [`HllError::WrongType`]; [`HllError::NotHll`]; [`HllError::Corrupt`], when what was added before the
    /// mistake was met stays added.
    pub fn hll_add<'e>(
        &mut self,
        key: Key<'_>,
        elements: impl IntoIterator<Item = &'e [u8]>,
    ) -> Result<bool, HllError> {
        let (mut found, mut form, mut changes) = match self.look_up(key, Lookup::Write) {
            Some(found) => (found, self.open_hll(key, found)?, 0),
            None => (self.new_hll(key), Form::Sparse, 1),
        };
        let mut places = elements.into_iter().map(Place::of);
        while form == Form::Sparse {
            let Some(place) = places.next() else { break };
            let changed;
            (found, form, changed) = self.raise_sparse(key, found, place)?;
            changes += u64::from(changed);
        }
        if form == Form::Dense {
            changes += self.with_bytes(key, found, |bytes| {
                places.filter(|place| hyperloglog::raise(bytes, *place)).count() as u64
            });
        }
        if changes > 0 {
            self.with_bytes(key, found, hyperloglog::set_stale);
            self.log.changed_times(key.db, key.bytes, Event::PfAdd, changes);
        }
        Ok(changes > 0)
    }

    /// How many different elements the HyperLogLogs at these keys have seen together, those that are not
    /// there being empty. The count of a single one is kept in it until it changes.
    ///
    /// # Errors
    /// [`HllError`].
    pub fn hll_count(&mut self, keys: &[Key<'_>]) -> Result<u64, HllError> {
        if let [key] = keys {
            return self.hll_count_one(*key);
        }
        let mut registers = [0; REGISTERS];
        for key in keys {
            if let Some(text) = self.string(*key, Lookup::Read)? {
                Hll::of(text.bytes()).ok_or(HllError::NotHll)?.merge_into(&mut registers)?;
            }
        }
        Ok(hyperloglog::count_registers(&registers))
    }

    fn hll_count_one(&mut self, key: Key<'_>) -> Result<u64, HllError> {
        let Some(found) = self.look_up(key, Lookup::Read) else { return Ok(0) };
        self.open_hll(key, found)?;
        let text = Text::of(self.shard(key).entry(found))?;
        let hll = Hll::of(text.bytes()).ok_or(HllError::NotHll)?;
        if let Some(count) = hll.cached_count() {
            return Ok(count);
        }
        let count = hll.count()?;
        self.with_bytes(key, found, |bytes| hyperloglog::set_count(bytes, count));
        self.log.count(1);
        self.log.touched(key.db, key.bytes);
        Ok(count)
    }

    /// Adds to the HyperLogLog at `to`, which is made when it is not there, what those at the other keys have
    /// seen. It becomes dense if one of them is.
    ///
    /// # Errors
    /// [`HllError`]; nothing is changed then.
    pub fn hll_merge(&mut self, to: Key<'_>, sources: &[Key<'_>]) -> Result<(), HllError> {
        let mut registers = [0; REGISTERS];
        let mut form = Form::Sparse;
        for key in std::iter::once(&to).chain(sources) {
            if let Some(text) = self.string(*key, Lookup::Read)? {
                let hll = Hll::of(text.bytes()).ok_or(HllError::NotHll)?;
                if hll.form() == Form::Dense {
                    form = Form::Dense;
                }
                hll.merge_into(&mut registers)?;
            }
        }
        let mut found = match self.look_up(to, Lookup::Write) {
            Some(found) => found,
            None => self.new_hll(to),
        };
        if form == Form::Dense {
            found = self.make_dense(to, found)?;
        } else {
            // Register by register, since the bytes depend on the way.
            let raised = |index: &usize| registers[*index] > 0;
            for index in (0..REGISTERS).filter(raised) {
                let place = Place { index, value: registers[index] };
                (found, form, _) = self.raise_sparse(to, found, place)?;
                if form == Form::Dense {
                    break;
                }
            }
        }
        self.with_bytes(to, found, |bytes| {
            if form == Form::Dense {
                hyperloglog::set_registers(bytes, &registers);
            }
            hyperloglog::set_stale(bytes);
        });
        self.shard(to).set_encoding(found, Encoding::Raw.bits());
        self.log.changed(to.db, to.bytes, Event::PfAdd);
        Ok(())
    }

    /// Lends the HyperLogLog at `key` to somebody who wants to see its inside, if it is there.
    ///
    /// # Errors
    /// [`HllError::WrongType`]; [`HllError::NotHll`].
    pub fn hll(&mut self, key: Key<'_>) -> Result<Option<Hll<'_>>, HllError> {
        let Some(found) = self.look_up(key, Lookup::Write) else { return Ok(None) };
        self.open_hll(key, found)?;
        let text = Text::of(self.shard(key).entry(found))?;
        Hll::of(text.bytes()).ok_or(HllError::NotHll).map(Some)
    }

    /// Makes the HyperLogLog at `key` dense; whether it was not yet, if it is there.
    ///
    /// # Errors
    /// [`HllError`]; nothing is changed then.
    pub fn hll_to_dense(&mut self, key: Key<'_>) -> Result<Option<bool>, HllError> {
        let Some(found) = self.look_up(key, Lookup::Write) else { return Ok(None) };
        if self.open_hll(key, found)? == Form::Dense {
            return Ok(Some(false));
        }
        self.make_dense(key, found)?;
        self.log.count(1);
        Ok(Some(true))
    }

    fn new_hll(&mut self, key: Key<'_>) -> Found {
        self.write(key, None, RAW, None, NewValue::Inline(&hyperloglog::EMPTY))
    }

    /// Checks that a HyperLogLog was found, and marks it as written into.
    fn open_hll(&mut self, key: Key<'_>, found: Found) -> Result<Form, HllError> {
        let shard = self.shard(key);
        let text = Text::of(shard.entry(found))?;
        let form = Hll::of(text.bytes()).ok_or(HllError::NotHll)?.form();
        if text.encoding != Encoding::Raw {
            shard.set_encoding(found, Encoding::Raw.bits());
        }
        Ok(form)
    }

    /// Raises a register of a sparse HyperLogLog: where it is then, its form, and whether it has changed.
    fn raise_sparse(
        &mut self,
        key: Key<'_>,
        found: Found,
        place: Place,
    ) -> Result<(Found, Form, bool), HllError> {
        let bytes_max = self.limits(key).hll_sparse_max_bytes;
        let text = Text::of(self.shard(key).entry(found))?;
        let len = text.len();
        let hll = Hll::of(text.bytes()).ok_or(HllError::NotHll)?;
        match hll.plan(place, bytes_max)? {
            Addition::Nothing => Ok((found, Form::Sparse, false)),
            Addition::Splice(splice) => {
                let room = splice.len_after(len).max(len);
                let found = if room > len { self.resize_string(key, found, room) } else { found };
                let after = self.with_bytes(key, found, |bytes| hyperloglog::splice(bytes, len, &splice));
                let found = if after < room { self.resize_string(key, found, after) } else { found };
                self.log.count(0);
                Ok((found, Form::Sparse, true))
            }
            Addition::TooLarge => {
                let found = self.make_dense(key, found)?;
                let changed = self.with_bytes(key, found, |bytes| hyperloglog::raise(bytes, place));
                Ok((found, Form::Dense, changed))
            }
        }
    }

    /// Makes the HyperLogLog that was found dense, if it is not.
    fn make_dense(&mut self, key: Key<'_>, found: Found) -> Result<Found, HllError> {
        let now = self.now;
        let shard = self.shard(key);
        let entry = shard.entry(found);
        let (meta, text) = (entry.meta(), Text::of(entry)?);
        let hll = Hll::of(text.bytes()).ok_or(HllError::NotHll)?;
        if hll.form() == Form::Dense {
            return Ok(found);
        }
        let dense = NewValue::Heap(Object::Bytes(hll.to_dense()?));
        let found = shard.replace(key.place(), found, meta, dense, now);
        self.log.count(0);
        Ok(found)
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use crate::HllError;
    use crate::shard::change::Event;
    use crate::store::heard::Heard;
    use crate::store::{Deadline, Lookup, Scope, Store};
    use crate::types::Encoding;

    /// As Valkey 9.1.2 counts changes and notifies with `notify-keyspace-events KEA`.
    #[test]
    fn tells_what_happened() {
        let store = Store::default();
        let heard = Heard::of(&store);
        let keys = ["a", "b", "c"].map(|key| store.key(0, key.as_bytes()));
        let [a, b, c] = keys;
        let mut view = store.view(Scope::Keys(&keys), 1000);
        let elements = |elements: &[&'static str]| -> Vec<&'static [u8]> {
            elements.iter().map(|element| element.as_bytes()).collect()
        };

        assert_eq!(view.hll_add(a, elements(&["1", "2", "3"])), Ok(true));
        assert_eq!(view.dirty(), 4, "made, and three elements");
        assert_eq!(view.hll_add(a, elements(&["3"])), Ok(false));
        assert_eq!(view.hll_count(&[a]), Ok(3));
        assert_eq!(view.dirty(), 5, "the count was written down");
        assert_eq!(view.hll_count(&[a]), Ok(3));
        assert_eq!(view.hll_count(&[a, b]), Ok(3));
        assert_eq!(view.hll_merge(b, &[a, c]), Ok(()));
        assert_eq!(view.hll_merge(b, &[]), Ok(()));
        assert_eq!(view.dirty(), 7);
        assert_eq!(view.hll_to_dense(b), Ok(Some(true)));
        assert_eq!(view.hll_to_dense(b), Ok(Some(false)));
        assert_eq!(view.hll_to_dense(c), Ok(None));
        assert_eq!(view.dirty(), 8);
        assert_eq!(view.hll_count(&[b]), Ok(3));
        assert_eq!(view.hll_add(b, elements(&["4", "4"])), Ok(true));
        assert_eq!(view.dirty(), 10, "the count, and one element");

        view.set(c, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80\x7f\xfe", Deadline::At(5000), Event::Set);
        assert_eq!(view.hll_merge(a, &[c]), Err(HllError::Corrupt));
        assert_eq!(view.hll_count(&[c]), Err(HllError::Corrupt));
        assert_eq!(view.hll_to_dense(c), Err(HllError::Corrupt));
        let text = view.string(c, Lookup::Peek).expect("a string").expect("it is there");
        assert_eq!((text.encoding, text.deadline), (Encoding::Raw, Some(5000)));
        view.set(c, b"HYLL", Deadline::Clear, Event::Set);
        assert_eq!(view.hll_add(c, []), Err(HllError::NotHll));
        assert_eq!(view.hll(c).map(|hll| hll.is_some()), Err(HllError::NotHll));
        drop(view);

        assert_eq!(
            heard.take(),
            [Event::PfAdd, Event::PfAdd, Event::PfAdd, Event::PfAdd, Event::Set, Event::Expire, Event::Set]
        );
    }
}
