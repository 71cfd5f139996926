//! What a view does to collections, whatever their type: lends them to read, and takes them out of their
//! entries to edit.
//!
//! A type edits a value that is its own ([`Collection`]) and says what has happened; here the value is put
//! back, the key made, moved or removed with it, and everything recorded. So no operation of a type can leave
//! an empty collection behind, or forget a side effect.

use smallvec::SmallVec;

use super::{Deadline, Lookup, View, held_shard};
use crate::WrongType;
use crate::random::Random;
use crate::raw::shared::SharedBytes;
use crate::raw::slab::{EntryRef, NewValue, ValueMut};
use crate::shard::Found;
use crate::shard::change::Event;
use crate::store::{Key, StoreShard};
use crate::time::Millis;
use crate::types::{Collection, Encoding, Kind, Limits, Object, Value, string};

/// What an edit does with a key that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// It edits an empty collection, and the key is made if something is in it afterwards.
    Create,
    /// Nothing.
    Skip,
}

/// What an edit may use, and where it records what it has done.
#[derive(Debug)]
pub struct Tools<'a> {
    /// The bounds of small forms.
    pub limits: &'a Limits,
    /// The only source of chance.
    pub random: &'a mut Random,
    /// What the order in a collection's tables follows from.
    pub seed: u64,
    /// The moment of the operation, in milliseconds since the epoch.
    pub now: Millis,
    dirty: u64,
    /// What happened, and whether the value has changed by it for whoever watches the key.
    events: SmallVec<[(Event, bool); 2]>,
    perished: usize,
    edited: bool,
}

impl Tools<'_> {
    /// Records a change of the value.
    pub fn changed(&mut self, event: Event) {
        self.changed_times(event, 1);
    }

    /// Records a change that counts as several.
    pub fn changed_times(&mut self, event: Event, times: u64) {
        self.dirty += times;
        self.happened(event);
    }

    /// Records what is to be told and is no change of its own.
    pub fn happened(&mut self, event: Event) {
        self.events.push((event, event.touches()));
        self.edited = true;
    }

    /// Records what is to be told although the value is the same as before.
    pub fn told(&mut self, event: Event) {
        self.events.push((event, false));
        self.edited = true;
    }

    /// Counts changes of which nothing is told.
    pub fn count(&mut self, times: u64) {
        self.dirty += times;
        self.edited = true;
    }

    /// Records that parts of the value, one of them at least, were found to have perished and were removed.
    pub fn perished(&mut self, parts: usize) {
        self.perished += parts;
        self.happened(Event::HExpired);
    }

    /// Counts parts that perished before they were there, of which the caller tells.
    pub fn count_perished(&mut self, parts: usize) {
        self.perished += parts;
    }

    /// Says that the value has to be put back although nothing is told: it is the same to whoever reads it.
    pub fn rearranged(&mut self) {
        self.edited = true;
    }
}

impl View<'_> {
    /// The collection at `key`, lent to be read.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    #[inline]
    pub fn read<C: Collection>(
        &mut self,
        key: Key<'_>,
        lookup: Lookup,
    ) -> Result<Option<C::Ref<'_>>, WrongType> {
        match self.look_up(key, lookup) {
            Some(found) => lend::<C>(self.shard(key).entry(found)).map(Some),
            None => Ok(None),
        }
    }

    /// The same without any side effect, for whoever reads several keys at once. What has expired is not
    /// there. Look each key up first, as [`read`](Self::read) or [`exists`](Self::exists) do, since that is
    /// what counts it as used.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn peek<C: Collection>(&self, key: Key<'_>) -> Result<Option<C::Ref<'_>>, WrongType> {
        let locked =
            self.held.peek(key.shard()).expect("invariant: an operation touches only keys it has named");
        match locked.shard.peek(key.place(), key.bytes, self.now) {
            Some(found) => lend::<C>(locked.shard.entry(found)).map(Some),
            None => Ok(None),
        }
    }

    /// The bounds of small forms that hold where `key` lives.
    pub fn limits(&self, key: Key<'_>) -> &Limits {
        let locked = self.held.peek(key.shard());
        &locked.expect("invariant: an operation touches only keys it has named").limits
    }

    /// See [`Store::set_limits`](crate::Store::set_limits).
    pub fn set_limits(&mut self, limits: Limits) {
        self.each_shard(|locked| locked.limits = limits);
    }

    /// The bounds of small forms.
    pub fn store_limits(&mut self) -> Limits {
        self.with_shard(0, |locked, _| locked.limits)
    }

    /// What the order in the tables of a collection at `key` follows from.
    pub fn seed(&self, key: Key<'_>) -> u64 {
        let locked = self.held.peek(key.shard());
        locked.expect("invariant: an operation touches only keys it has named").shard.seed()
    }

    /// Takes the collection at `key` out, has it edited, and puts it back; what the edit returned, or `None`
    /// when the key is not there and is not to be made.
    ///
    /// The key goes when nothing is left in the collection, and that is told too. Whether the edit has
    /// changed anything is what it told [`Tools`].
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn edit<C: Collection, R>(
        &mut self,
        key: Key<'_>,
        missing: Missing,
        act: impl FnOnce(&mut C, &mut Tools<'_>) -> R,
    ) -> Result<Option<R>, WrongType> {
        let now = self.now;
        let locked = held_shard(&mut self.held, key);
        let found = locked.shard.find(key.place(), key.bytes, now, &mut self.log);
        let (mut value, lay): (C, _) = match found {
            Some(found) => {
                if Kind::from_bits(locked.shard.entry(found).kind()) != C::KIND {
                    return Err(WrongType);
                }
                take_out(&mut locked.shard, found)
            }
            None if missing == Missing::Skip => return Ok(None),
            None => (C::new(), Lay::Nowhere),
        };
        let mut tools = Tools {
            limits: &locked.limits,
            seed: locked.shard.seed(),
            random: locked.shard.random_mut(),
            now,
            dirty: 0,
            events: SmallVec::new(),
            perished: 0,
            edited: false,
        };
        let result = act(&mut value, &mut tools);
        let Tools { dirty, events, perished, edited, .. } = tools;
        let gone = edited && value.is_empty();
        if gone || !edited {
            if let (Some(found), Lay::Apart { due }) = (found, lay) {
                // Of one that is gone too: what is left of it is dropped as any object is that was removed.
                self.set_object(key, found, value.into_parts().1, due);
            }
        } else {
            self.put_back::<C>(key, found, lay, value);
        }
        if edited {
            self.shard(key).count_perished(perished);
            self.log.count(dirty);
            if gone && found.is_none() {
                self.log.aside(key.db, key.bytes, Event::New);
            }
            let made = found.is_none() && !gone;
            for (event, touches) in events {
                if touches || made {
                    self.log.made(key.db, key.bytes, event);
                } else {
                    self.log.told(key.db, key.bytes, event);
                }
            }
        }
        match found {
            Some(found) if gone => {
                self.shard(key).remove(key.db, found);
                self.log.happened(key.db, key.bytes, Event::Del);
            }
            found if !edited => self.note(key, found, Lookup::Write),
            _ => {}
        }
        Ok(Some(result))
    }

    /// Puts a collection at `key`, whatever was there; whether the key is there now. An empty one takes the
    /// key away, and that is then what is told.
    pub fn put<C: Collection>(&mut self, key: Key<'_>, value: C, deadline: Deadline, event: Event) -> bool {
        if value.is_empty() {
            self.remove(key, Event::Del);
            return false;
        }
        let found = self.find(key);
        let old = found.and_then(|found| self.shard(key).entry(found).deadline());
        self.write_collection(key, found, deadline.over(old), value);
        self.log.changed(key.db, key.bytes, event);
        true
    }

    /// Puts an edited collection back where it lay, or where it fits now.
    fn put_back<C: Collection>(&mut self, key: Key<'_>, found: Option<Found>, lay: Lay, value: C) {
        let (Some(there), Lay::Apart { due }) = (found, lay) else {
            let deadline = found.and_then(|found| self.shard(key).entry(found).deadline());
            self.write_collection(key, found, deadline, value);
            return;
        };
        let entry = self.shard(key).entry(there);
        let (old, deadline) = (entry.encoding(), entry.deadline());
        let (encoding, object) = value.into_parts();
        if fits_beside(key, &object, deadline) {
            self.set_object(key, there, Object::Taken, due);
            self.write_collection(key, found, deadline, C::from_parts(encoding, object));
            return;
        }
        self.set_object(key, there, object, due);
        if old != encoding.bits() {
            self.shard(key).set_encoding(there, encoding.bits());
        }
        self.note(key, found, Lookup::Write);
    }

    /// Writes a collection in place of what was found, or anew.
    fn write_collection<C: Collection>(
        &mut self,
        key: Key<'_>,
        found: Option<Found>,
        deadline: Option<Millis>,
        value: C,
    ) {
        let (encoding, object) = value.into_parts();
        let beside = fits_beside(key, &object, deadline);
        let value = match &object {
            Object::Bytes(bytes) if beside => NewValue::Inline(bytes),
            _ => NewValue::Heap(object),
        };
        self.write(key, found, (C::KIND, encoding), deadline, value);
    }

    /// Puts an object into the entry that another was taken out of, of which a part was due at `due`.
    fn set_object(&mut self, key: Key<'_>, found: Found, object: Object, due: Option<Millis>) {
        let now = self.now;
        let shard = self.shard(key);
        match shard.value_mut(found) {
            ValueMut::Heap(mut there) => *there = object,
            ValueMut::Inline(_) => {
                unreachable!("invariant: what was taken out of an object goes back into it")
            }
        }
        shard.parts_changed(key.place(), found, due, now);
    }
}

/// Where a value lay that was taken out of its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lay {
    /// There was none.
    Nowhere,
    /// Beside its key, where it still is: what was taken out is a copy.
    Beside,
    /// In an object of the entry, which is empty now.
    Apart {
        /// When the next part of it was due.
        due: Option<Millis>,
    },
}

/// Room for what an edit is likely to add to a small collection, so that its copy need not grow.
const SPARE_BYTES: usize = 64;

fn take_out<C: Collection>(shard: &mut StoreShard, found: Found) -> (C, Lay) {
    let encoding = Encoding::from_bits(shard.entry(found).encoding());
    let due = shard.part_due(found);
    let (object, lay) = match shard.value_mut(found) {
        ValueMut::Inline(bytes) => {
            let mut copy = SharedBytes::with_capacity(bytes.len() + SPARE_BYTES);
            copy.extend_from_slice(bytes);
            (Object::Bytes(copy), Lay::Beside)
        }
        ValueMut::Heap(mut object) => (std::mem::replace(&mut *object, Object::Taken), Lay::Apart { due }),
    };
    (C::from_parts(encoding, object), lay)
}

/// Whether a value lies beside its key from now on.
fn fits_beside(key: Key<'_>, object: &Object, deadline: Option<Millis>) -> bool {
    let Object::Bytes(bytes) = object else { return false };
    string::lies_inline(key.bytes.len(), bytes.len(), deadline.is_some())
}

fn lend<C: Collection>(entry: EntryRef<'_, Object>) -> Result<C::Ref<'_>, WrongType> {
    if Kind::from_bits(entry.kind()) != C::KIND {
        return Err(WrongType);
    }
    Ok(C::lend(Encoding::from_bits(entry.encoding()), Value::from(entry.value())))
}
