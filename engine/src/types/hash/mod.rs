//! Hashes: fields, each with a value, and perhaps with a deadline.
//!
//! A small hash is packed: fields and values by turns, searched from the first. One that has too many fields,
//! or one that is too long, or that is to perish, becomes a [`HashTable`], and stays one.
//!
//! Readers say what time it is, and never meet a field that has perished.

mod choose;
mod table;
#[cfg(all(test, not(shuttle)))]
mod tests;

pub use self::table::{FieldDeadline, HashTable, Was};

use super::{Collection, Encoding, Kind, Limits, Object, Value};
use crate::collections::dict::Item;
use crate::collections::packed::{Digits, Element, Packed, PackedBuf, element_bytes};
use crate::random::Random;
use crate::time::Millis;

/// A hash, to be read.
#[derive(Debug, Clone, Copy)]
pub enum HashRef<'a> {
    /// A small one.
    Packed(Packed<'a>),
    /// A large one.
    Table(&'a HashTable),
}

/// A hash, to be edited.
#[derive(Debug)]
pub enum Hash {
    /// A small one.
    Packed(PackedBuf),
    /// A large one.
    Table(Box<HashTable>),
}

/// What a hash is edited with.
#[derive(Debug)]
pub struct Means<'a> {
    /// Up to where a hash is small.
    pub limits: &'a Limits,
    /// Seeds tables.
    pub random: &'a mut Random,
    /// The moment of the operation.
    pub now: Millis,
}

impl<'a> HashRef<'a> {
    /// How many fields there are.
    #[inline]
    pub fn len(self, now: Millis) -> usize {
        match self {
            Self::Packed(packed) => packed.len() / 2,
            Self::Table(table) => table.len(now),
        }
    }

    /// The value of a field.
    #[inline]
    pub fn get(self, field: &[u8], now: Millis) -> Option<Element<'a>> {
        match self {
            Self::Packed(packed) => {
                let at = find(packed, field)?;
                Some(packed.at(packed.after(at)))
            }
            Self::Table(table) => table.get(field, now).map(Element::Text),
        }
    }

    /// The deadline of a field, if the field is there.
    pub fn deadline(self, field: &[u8], now: Millis) -> Option<Option<Millis>> {
        match self {
            Self::Packed(packed) => find(packed, field).map(|_| None),
            Self::Table(table) => table.deadline(field, now),
        }
    }

    /// Shows all fields and their values.
    #[inline]
    pub fn for_each(self, now: Millis, mut show: impl FnMut(Element<'a>, Element<'a>)) {
        match self {
            Self::Packed(packed) => pairs(packed).for_each(|(field, value)| show(field, value)),
            Self::Table(table) => {
                table.iter(now).for_each(|item| show(Element::Text(item.key), Element::Text(item.value)));
            }
        }
    }

    /// Shows the fields and values of one bucket, or all of a small hash, and returns the cursor of the next
    /// bucket, 0 after the last. A field that is there throughout a walk is shown at least once.
    pub fn scan(self, cursor: u64, now: Millis, mut show: impl FnMut(Element<'_>, Element<'_>)) -> u64 {
        match self {
            Self::Packed(packed) => {
                pairs(packed).for_each(|(field, value)| show(field, value));
                0
            }
            Self::Table(table) => {
                table.scan(cursor, now, |item| show(Element::Text(item.key), Element::Text(item.value)))
            }
        }
    }
}

impl Hash {
    /// The hash, to be read.
    pub fn as_ref(&self) -> HashRef<'_> {
        match self {
            Self::Packed(packed) => HashRef::Packed(packed.as_packed()),
            Self::Table(table) => HashRef::Table(table),
        }
    }

    /// Makes a small hash large that is about to be given `count` fields, or a field or value of so many
    /// bytes, beyond what a small one holds. Whether the fields are there already is not asked, as in
    /// Valkey.
    pub fn prepare(&mut self, count: usize, bytes_max: usize, means: &mut Means<'_>) {
        if count > means.limits.hash_max_listpack_entries || bytes_max > means.limits.hash_max_listpack_value
        {
            self.make_table(means.random);
        }
    }

    /// Sets a field; what was there.
    pub fn set(&mut self, field: &[u8], value: &[u8], deadline: FieldDeadline, means: &mut Means<'_>) -> Was {
        if let Self::Packed(packed) = self {
            let long = field.len().max(value.len()) > means.limits.hash_max_listpack_value;
            let room = || packed.as_packed().has_room_for(element_bytes(field) + element_bytes(value));
            if long || matches!(deadline, FieldDeadline::At(_)) || !room() {
                self.make_table(means.random);
            }
        }
        match self {
            Self::Packed(packed) => {
                let was = if let Some(at) = find(packed.as_packed(), field) {
                    let at = packed.as_packed().after(at);
                    packed.replace(at, value);
                    Was::There
                } else {
                    packed.push_back(field);
                    packed.push_back(value);
                    Was::Missing
                };
                // Also where no field came: the limit may have been lowered.
                if packed.len() / 2 > means.limits.hash_max_listpack_entries {
                    self.make_table(means.random);
                }
                was
            }
            Self::Table(table) => table.set(field, value, deadline, means.now),
        }
    }

    /// Removes a field; what was there.
    pub fn remove(&mut self, field: &[u8], now: Millis) -> Was {
        match self {
            Self::Packed(packed) => match find(packed.as_packed(), field) {
                Some(at) => {
                    packed.remove(at, 2);
                    Was::There
                }
                None => Was::Missing,
            },
            Self::Table(table) => table.remove(field, now),
        }
    }

    /// Gives a field a deadline, or takes it away; whether the field is there. A small hash is made large for
    /// a field to perish.
    pub fn set_deadline(&mut self, field: &[u8], deadline: Option<Millis>, means: &mut Means<'_>) -> bool {
        if let Self::Packed(packed) = self {
            if find(packed.as_packed(), field).is_none() {
                return false;
            }
            if deadline.is_none() {
                return true;
            }
        }
        let table = self.make_table(means.random);
        let found = table.find(field, means.now);
        if let Some(handle) = found {
            table.set_deadline(handle, deadline);
        }
        found.is_some()
    }

    /// Makes the hash large, if it is not.
    fn make_table(&mut self, random: &mut Random) -> &mut HashTable {
        if let Self::Packed(packed) = self {
            let mut table = HashTable::new(random.next_u64());
            let (mut field_digits, mut value_digits) = (Digits::default(), Digits::default());
            for (field, value) in pairs(packed.as_packed()) {
                let (field, value) = (field.text(&mut field_digits), value.text(&mut value_digits));
                table.set(field, value, FieldDeadline::Clear, 0);
            }
            *self = Self::Table(Box::new(table));
        }
        match self {
            Self::Table(table) => table,
            Self::Packed(_) => unreachable!("invariant: it was made a table just now"),
        }
    }
}

impl Collection for Hash {
    const KIND: Kind = Kind::Hash;

    type Ref<'a> = HashRef<'a>;

    #[inline]
    fn lend(_: Encoding, value: Value<'_>) -> HashRef<'_> {
        match value {
            Value::Bytes(bytes) => HashRef::Packed(Packed::new(bytes)),
            Value::Large(Object::Hash(table)) => HashRef::Table(table),
            Value::Large(_) => unreachable!("invariant: the entry of a hash holds one"),
        }
    }

    fn new() -> Self {
        Self::Packed(PackedBuf::new())
    }

    fn from_parts(_: Encoding, object: Object) -> Self {
        match object {
            Object::Bytes(bytes) => Self::Packed(PackedBuf::from_bytes(bytes)),
            Object::Hash(table) => Self::Table(table),
            _ => unreachable!("invariant: the entry of a hash holds one"),
        }
    }

    fn into_parts(self) -> (Encoding, Object) {
        match self {
            Self::Packed(packed) => (Encoding::Listpack, Object::Bytes(packed.into_bytes())),
            Self::Table(table) => (Encoding::Hashtable, Object::Hash(table)),
        }
    }

    fn is_empty(&self) -> bool {
        match self {
            Self::Packed(packed) => packed.is_empty(),
            Self::Table(table) => table.is_empty(),
        }
    }
}

/// Where a field of a small hash lies.
#[inline]
fn find(packed: Packed<'_>, field: &[u8]) -> Option<usize> {
    packed.find(field, 1, packed.first()?)
}

/// The fields and values of a small hash.
#[inline]
fn pairs(packed: Packed<'_>) -> impl Iterator<Item = (Element<'_>, Element<'_>)> {
    let mut elements = packed.iter();
    std::iter::from_fn(move || Some((elements.next()?, elements.next()?)))
}

/// A field and its value as a table keeps them.
fn pair_of(item: Item<'_>) -> (Element<'_>, Element<'_>) {
    (Element::Text(item.key), Element::Text(item.value))
}
