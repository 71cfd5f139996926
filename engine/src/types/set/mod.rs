//! Sets: different byte strings in no order.
//!
//! A set is held in one of Valkey's three forms, and changes from one to the next just when Valkey's does
//! (`tests/commands/set/encoding.txt` and those of the STORE commands hold it there), as `OBJECT ENCODING`
//! shows it and the order of a small set's members does too:
//!
//! - *integers*, sorted, in one run of bytes;
//! - *packed*, in the order in which they came, in one run of bytes;
//! - a *table* of members.
//!
//! A set that has become a table stays one. What Valkey does with a form at each turn is not always what one
//! would choose: whether an argument list is long decides, not how many new members are in it; a set that is
//! stored by SDIFFSTORE and one by SINTERSTORE may differ in form though they do not in members.
//!
//! Members are lent as [`Element`]s: a number where one is kept, else text.

pub mod algebra;
mod pick;
#[cfg(all(test, not(shuttle)))]
mod tests;

use std::ops::ControlFlow;

use super::{Collection, Encoding, Kind, Limits, Object, Value};
use crate::collections::dict::{Dict, Item};
use crate::collections::intset::{IntSet, IntSetBuf};
use crate::collections::packed::{Digits, Element, Packed, PackedBuf};
use crate::integer;

/// Valkey lets no set of integers grow beyond this, whatever the parameter says.
const INTSET_ENTRIES_MAX: usize = 1 << 30;
/// Slots that a removal looks at to give memory back: see [`Dict::compact`].
const COMPACT_BUDGET: usize = 8;

/// What decides about a set's form.
#[derive(Debug, Clone, Copy)]
pub struct Bounds<'a> {
    /// Up to where the small forms go.
    pub limits: &'a Limits,
    /// What the order of a table's members follows from. Where it is always the same, a walk keeps its
    /// guarantee even if the set is replaced by another meanwhile.
    pub seed: u64,
}

impl Bounds<'_> {
    fn integers_max(self) -> usize {
        self.limits.set_max_intset_entries.min(INTSET_ENTRIES_MAX)
    }
}

/// A set to read.
#[derive(Debug, Clone, Copy)]
pub enum SetRef<'a> {
    /// Integers.
    Integers(IntSet<'a>),
    /// A few short members.
    Packed(Packed<'a>),
    /// Any others.
    Table(&'a Dict),
}

impl<'a> SetRef<'a> {
    /// How many members there are.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Self::Integers(integers) => integers.len(),
            Self::Packed(packed) => packed.len(),
            Self::Table(dict) => dict.len(),
        }
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether these bytes are a member.
    #[inline]
    pub fn contains(self, member: &[u8]) -> bool {
        match self {
            Self::Integers(integers) => {
                integer::parse(member).is_some_and(|number| integers.contains(number))
            }
            Self::Packed(packed) => find(packed, member).is_some(),
            Self::Table(dict) => dict.find(member).is_some(),
        }
    }

    /// Whether this member of another set is one here.
    #[inline]
    pub fn contains_element(self, member: Element<'_>) -> bool {
        match (self, member) {
            (Self::Integers(integers), Element::Int(number)) => integers.contains(number),
            _ => self.contains(member.text(&mut Digits::default())),
        }
    }

    /// Shows the members until told to stop: integers ascending, packed ones as they came.
    #[inline]
    pub fn try_for_each<B>(self, mut show: impl FnMut(Element<'a>) -> ControlFlow<B>) -> ControlFlow<B> {
        match self {
            Self::Integers(integers) => integers.iter().map(Element::Int).try_for_each(show),
            Self::Packed(packed) => packed.iter().try_for_each(show),
            Self::Table(dict) => dict.handles().try_for_each(|handle| show(Element::Text(dict.key(handle)))),
        }
    }

    /// Shows all members.
    #[inline]
    pub fn for_each(self, mut show: impl FnMut(Element<'a>)) {
        let _ = self.try_for_each(|member| {
            show(member);
            ControlFlow::<()>::Continue(())
        });
    }

    /// One step of a walk: shows some members and returns the cursor of the next step, 0 at the end.
    ///
    /// A member that is there from the first step, with cursor 0, to the last is shown at least once,
    /// whatever becomes of the set meanwhile: small forms are shown whole at every step, and a table in the
    /// order of hashes. Cursors are below 2^42.
    pub fn scan(self, cursor: u64, mut show: impl FnMut(Element<'a>)) -> u64 {
        match self {
            Self::Table(dict) => dict.scan(cursor, |handle, _| show(Element::Text(dict.key(handle)))),
            small => {
                small.for_each(show);
                0
            }
        }
    }
}

#[inline]
fn find(packed: Packed<'_>, member: &[u8]) -> Option<usize> {
    packed.find(member, 0, packed.first()?)
}

/// A set to edit.
#[derive(Debug, Clone)]
pub enum Set {
    /// Integers.
    Integers(IntSetBuf),
    /// A few short members.
    Packed(PackedBuf),
    /// Any others.
    Table(Box<Dict>),
}

impl Collection for Set {
    const KIND: Kind = Kind::Set;

    type Ref<'a> = SetRef<'a>;

    #[inline]
    fn lend(encoding: Encoding, value: Value<'_>) -> SetRef<'_> {
        match (encoding, value) {
            (Encoding::Intset, Value::Bytes(bytes)) => SetRef::Integers(IntSet::new(bytes)),
            (_, Value::Bytes(bytes)) => SetRef::Packed(Packed::new(bytes)),
            (_, Value::Large(Object::Set(dict))) => SetRef::Table(dict),
            (_, Value::Large(_)) => unreachable!("invariant: a set that is an object is a table"),
        }
    }

    fn new() -> Self {
        Self::Integers(IntSetBuf::new())
    }

    fn from_parts(encoding: Encoding, object: Object) -> Self {
        match (encoding, object) {
            (Encoding::Intset, Object::Bytes(bytes)) => Self::Integers(IntSetBuf::from_bytes(bytes)),
            (_, Object::Bytes(bytes)) => Self::Packed(PackedBuf::from_bytes(bytes)),
            (_, Object::Set(dict)) => Self::Table(dict),
            _ => unreachable!("invariant: a set is bytes or a table"),
        }
    }

    fn into_parts(self) -> (Encoding, Object) {
        match self {
            Self::Integers(integers) => (Encoding::Intset, Object::Bytes(integers.into_bytes())),
            Self::Packed(packed) => (Encoding::Listpack, Object::Bytes(packed.into_bytes())),
            Self::Table(dict) => (Encoding::Hashtable, Object::Set(dict)),
        }
    }

    fn is_empty(&self) -> bool {
        self.as_ref().is_empty()
    }
}

impl Set {
    /// An empty set in the form for `count` members of which `first` is one.
    pub fn fit_for(first: &[u8], count: usize, bounds: Bounds<'_>) -> Self {
        if count <= bounds.integers_max() && integer::parse(first).is_some() {
            Self::Integers(IntSetBuf::new())
        } else if count <= bounds.limits.set_max_listpack_entries {
            Self::Packed(PackedBuf::new())
        } else {
            Self::Table(Box::new(Dict::new(bounds.seed)))
        }
    }

    /// Makes a small set a table before so many arguments are added that it might not hold, however many of
    /// them are new; whether its form has changed.
    pub fn expect(&mut self, count: usize, bounds: Bounds<'_>) -> bool {
        let overflows = match self {
            Self::Integers(_) => count > bounds.integers_max(),
            Self::Packed(_) => count > bounds.limits.set_max_listpack_entries,
            Self::Table(_) => false,
        };
        if overflows {
            self.make_table(bounds.seed);
        }
        overflows
    }

    /// The set to read.
    #[inline]
    pub fn as_ref(&self) -> SetRef<'_> {
        match self {
            Self::Integers(integers) => SetRef::Integers(integers.as_intset()),
            Self::Packed(packed) => SetRef::Packed(packed.as_packed()),
            Self::Table(dict) => SetRef::Table(dict),
        }
    }

    /// How many members there are.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.as_ref().len()
    }

    /// Adds a member; whether it is new.
    #[inline]
    pub fn insert(&mut self, member: &[u8], bounds: Bounds<'_>) -> bool {
        if let Self::Table(dict) = self {
            let hash = dict.hash(member);
            let new = dict.find_hashed(hash, member).is_none();
            if new {
                dict.insert_hashed(hash, Item { key: member, value: b"", deadline: None });
            }
            return new;
        }
        match (&mut *self, Element::of(member)) {
            (Self::Integers(integers), Element::Int(number)) => {
                let new = integers.insert(number);
                if new && integers.as_intset().len() > bounds.integers_max() {
                    self.make_table(bounds.seed);
                }
                new
            }
            (Self::Packed(packed), _) if find(packed.as_packed(), member).is_some() => false,
            _ => {
                self.insert_distinct(Element::of(member), bounds);
                true
            }
        }
    }

    /// Adds a member that is known to be none yet.
    pub fn insert_distinct(&mut self, member: Element<'_>, bounds: Bounds<'_>) {
        let limits = bounds.limits;
        match (&mut *self, member) {
            (Self::Table(dict), _) => {
                dict.insert(member.text(&mut Digits::default()), b"", None);
            }
            (Self::Integers(integers), Element::Int(number)) => {
                integers.insert(number);
                if integers.as_intset().len() > bounds.integers_max() {
                    self.make_table(bounds.seed);
                }
            }
            (Self::Integers(integers), Element::Text(text)) => {
                if let Some(number) = integer::parse(text) {
                    return self.insert_distinct(Element::Int(number), bounds);
                }
                // Text among numbers, of which the first and the last are the longest.
                let numbers = integers.as_intset();
                let ends = [numbers.first(), numbers.last()].into_iter().flatten();
                let longest = ends.map(|number| Element::Int(number).text_bytes()).max().unwrap_or(0);
                let fits = numbers.len() < limits.set_max_listpack_entries
                    && longest.max(text.len()) <= limits.set_max_listpack_value;
                if fits {
                    let bytes: usize = numbers.iter().map(|number| Element::Int(number).packed_bytes()).sum();
                    let mut packed = PackedBuf::with_capacity(bytes + member.packed_bytes());
                    numbers.iter().for_each(|number| push(&mut packed, Element::Int(number)));
                    push(&mut packed, member);
                    *self = Self::Packed(packed);
                } else {
                    self.make_table(bounds.seed).insert(text, b"", None);
                }
            }
            (Self::Packed(packed), _) => {
                let mut digits = Digits::default();
                let text = member.text(&mut digits);
                let fits = packed.len() < limits.set_max_listpack_entries
                    && text.len() <= limits.set_max_listpack_value
                    && packed.as_packed().has_room_for(text.len());
                if fits {
                    packed.push_back(text);
                } else {
                    self.make_table(bounds.seed).insert(text, b"", None);
                }
            }
        }
    }

    /// Takes a member out; whether it was one.
    #[inline]
    pub fn remove(&mut self, member: &[u8]) -> bool {
        match self {
            Self::Integers(integers) => integer::parse(member).is_some_and(|number| integers.remove(number)),
            Self::Packed(packed) => {
                let found = find(packed.as_packed(), member);
                found.is_some_and(|at| packed.remove(at, 1) == 1)
            }
            Self::Table(dict) => {
                let found = dict.find(member);
                if let Some(handle) = found {
                    dict.remove(handle);
                    dict.compact(COMPACT_BUDGET, |_, _| {});
                }
                found.is_some()
            }
        }
    }

    /// Takes out a member of another set; whether it was one here.
    pub fn remove_element(&mut self, member: Element<'_>) -> bool {
        self.remove(member.text(&mut Digits::default()))
    }

    /// Makes it a set of integers if it may be one, and all members are integers.
    fn make_integers(&mut self, bounds: Bounds<'_>) {
        if matches!(self, Self::Integers(_)) || self.len() > bounds.integers_max() {
            return;
        }
        let mut numbers = Vec::with_capacity(self.len());
        let all = self.as_ref().try_for_each(|member| match member.integer() {
            Some(number) => {
                numbers.push(number);
                ControlFlow::Continue(())
            }
            None => ControlFlow::Break(()),
        });
        if all.is_continue() {
            // Ascending, so that each is appended.
            numbers.sort_unstable();
            *self = Self::Integers(numbers.into_iter().collect());
        }
    }

    /// Makes it a table.
    fn make_table(&mut self, seed: u64) -> &mut Dict {
        if !matches!(self, Self::Table(_)) {
            let mut dict = Box::new(Dict::new(seed));
            let mut digits = Digits::default();
            self.as_ref().for_each(|member| {
                dict.insert(member.text(&mut digits), b"", None);
            });
            *self = Self::Table(dict);
        }
        match self {
            Self::Table(dict) => dict,
            _ => unreachable!("invariant: made just now"),
        }
    }
}

fn push(packed: &mut PackedBuf, element: Element<'_>) {
    packed.insert_element(packed.as_packed().end(), element);
}
