//! Lists: a few elements packed into one block, many in a [`Deque`] of such blocks.
//!
//! When a list takes the one form or the other is Valkey's rule: it becomes large when what is about to be
//! put in would exceed what one block may be, and small again when it has shrunk to half of that. (The texts
//! that are put in are measured for it as they come, not as they will be packed.)

use std::ops::ControlFlow;

use super::{Collection, Encoding, Kind, Limits, Object, Value};
use crate::collections::deque::{Deque, End, Fill, Position, Side};
use crate::collections::packed::{Element, Packed, PackedBuf, START, element_bytes};
use crate::raw::shared::SharedBytes;

/// A list, to read.
#[derive(Debug, Clone, Copy)]
pub enum ListRef<'a> {
    /// A small one.
    Packed(Packed<'a>),
    /// A large one.
    Deque(&'a Deque),
}

/// A list, to change.
#[derive(Debug, Clone)]
pub enum List {
    /// A small one.
    Packed(PackedBuf),
    /// A large one.
    Deque(Box<Deque>),
}

/// What a search through a list looks for: `LPOS`.
#[derive(Debug, Clone, Copy)]
pub struct Search {
    /// Whether it goes from the last element to the first.
    pub backward: bool,
    /// How many matches are passed over first.
    pub skip: u64,
    /// After how many matches it ends.
    pub matches_max: u64,
    /// After how many elements it ends.
    pub elements_max: u64,
}

impl<'a> ListRef<'a> {
    /// How many elements it has.
    #[inline]
    pub fn len(self) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Deque(deque) => deque.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(self) -> bool {
        match self {
            Self::Packed(packed) => packed.is_empty(),
            Self::Deque(deque) => deque.is_empty(),
        }
    }

    /// Lends the element of an index, which counts from the last one if it is negative.
    pub fn with<R>(self, index: i64, act: impl FnOnce(Element<'_>) -> R) -> Option<R> {
        let index = index_of(index, self.len())?;
        let mut act = Some(act);
        let mut result = None;
        self.walk(index, false, |element| {
            result = act.take().map(|act| act(element));
            ControlFlow::Break(())
        });
        result
    }

    /// A large element that can be kept without a copy, if the one of this index is such.
    pub fn shared(self, index: i64) -> Option<&'a SharedBytes> {
        match self {
            Self::Packed(_) => None,
            Self::Deque(deque) => deque.shared(index_of(index, deque.len())?),
        }
    }

    /// Shows `count` elements from the one of index `start` on.
    #[inline]
    pub fn for_each(self, start: usize, count: usize, mut act: impl FnMut(Element<'_>)) {
        let mut left = count;
        if left == 0 {
            return;
        }
        self.walk(start, false, |element| {
            act(element);
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    /// Shows the first `count` elements from one end on.
    #[inline]
    pub fn for_each_at(self, end: End, count: usize, mut act: impl FnMut(Element<'_>)) {
        if end == End::Left {
            return self.for_each(0, count, act);
        }
        let mut left = count;
        if left == 0 {
            return;
        }
        self.walk(self.len().saturating_sub(1), true, |element| {
            act(element);
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
    }

    /// The indices of the elements that stand for `text`, as far as the search goes.
    pub fn positions(self, text: &[u8], search: Search) -> Vec<usize> {
        let wanted = Element::of(text);
        let len = self.len();
        let (mut found, mut skip, mut looked) = (Vec::new(), search.skip, 0);
        if len == 0 || search.elements_max == 0 || search.matches_max == 0 {
            return found;
        }
        self.walk(if search.backward { len - 1 } else { 0 }, search.backward, |element| {
            if element.same(wanted, text) {
                if skip > 0 {
                    skip -= 1;
                } else {
                    let looked = looked as usize;
                    found.push(if search.backward { len - 1 - looked } else { looked });
                }
            }
            looked += 1;
            if looked >= search.elements_max || found.len() as u64 >= search.matches_max {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        });
        found
    }

    /// Shows the elements from the one of index `from` on, in either direction, until told to stop.
    #[inline]
    pub fn walk(self, from: usize, backward: bool, mut act: impl FnMut(Element<'_>) -> ControlFlow<()>) {
        match self {
            Self::Deque(deque) => deque.walk(from, backward, act),
            Self::Packed(packed) => {
                let Some(at) = packed.seek(from) else { return };
                // Whoever breaks off knows it.
                let _ = if backward {
                    packed.iter_to(packed.after(at)).rev().try_for_each(&mut act)
                } else {
                    packed.iter_from(at).try_for_each(&mut act)
                };
            }
        }
    }
}

/// The index that a client means, if there is such an element: a negative one counts from the end.
#[inline]
pub fn index_of(index: i64, len: usize) -> Option<usize> {
    let index = match usize::try_from(index) {
        Ok(index) => index,
        Err(_) => len.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
    };
    (index < len).then_some(index)
}

/// The range from one index to another, both within it, that a client means: the first of it, and how many
/// there are. Negative ones count from the end; what lies outside of the list is left out.
#[inline]
pub fn range_of(start: i64, stop: i64, len: usize) -> (usize, usize) {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_start = |index: i64| if index < 0 { len.saturating_add(index) } else { index };
    let start = from_start(start).max(0);
    let stop = from_start(stop).min(len - 1);
    if start > stop {
        return (0, 0);
    }
    (start as usize, (stop - start + 1) as usize)
}

impl List {
    /// A list of these elements, in the form that Valkey gives to one that is made at once.
    pub fn from_elements<T: AsRef<[u8]>>(elements: impl IntoIterator<Item = T>, limits: &Limits) -> Self {
        let mut list = Self::Packed(elements.into_iter().collect());
        list.grow(0, 0, limits);
        list
    }

    /// A list of blocks as a dump has them, in the form that Valkey gives it when it is loaded.
    pub fn from_deque(deque: Deque, limits: &Limits) -> Self {
        let mut list = Self::Deque(Box::new(deque));
        list.condense(limits, false);
        list
    }

    /// An empty large list, whose blocks are filled as these limits say.
    pub fn new_deque(limits: &Limits) -> Deque {
        Deque::new(Fill::new(limits.list_max_listpack_size), limits.list_compress_depth)
    }

    /// The list, to read.
    #[inline]
    pub fn borrow(&self) -> ListRef<'_> {
        match self {
            Self::Packed(packed) => ListRef::Packed(packed.as_packed()),
            Self::Deque(deque) => ListRef::Deque(deque),
        }
    }

    /// How many elements it has.
    #[inline]
    pub fn len(&self) -> usize {
        self.borrow().len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.borrow().is_empty()
    }

    /// Whether it is in its large form.
    pub fn is_large(&self) -> bool {
        matches!(self, Self::Deque(_))
    }

    /// Puts texts at one end, one after the other.
    pub fn push<'t>(
        &mut self,
        end: End,
        texts: impl IntoIterator<Item = &'t [u8], IntoIter: Clone>,
        limits: &Limits,
    ) {
        let texts = texts.into_iter();
        let (count, bytes) =
            texts.clone().fold((0, 0), |(count, bytes), text| (count + 1, text.len().saturating_add(bytes)));
        self.grow(count, bytes, limits);
        if let Self::Packed(packed) = self
            && count > 1
        {
            packed.reserve(texts.clone().map(element_bytes).sum());
        }
        self.put(end, texts, limits);
    }

    /// Puts an element at one end that has just been taken out of a list. A number counts nothing for the
    /// form of the list then.
    pub fn push_moved(&mut self, end: End, element: &[u8], limits: &Limits) {
        let bytes = if Element::of(element).is_integer() { 0 } else { element.len() };
        self.grow(1, bytes, limits);
        self.put(end, std::iter::once(element), limits);
    }

    fn put<'t>(&mut self, end: End, texts: impl Iterator<Item = &'t [u8]>, limits: &Limits) {
        match self {
            Self::Packed(packed) => texts.for_each(|text| match end {
                End::Left => packed.push_front(text),
                End::Right => packed.push_back(text),
            }),
            Self::Deque(deque) => texts.for_each(|text| deque.push(end, text, limits.list_packed_threshold)),
        }
    }

    /// Removes up to `count` elements at one end.
    pub fn remove_end(&mut self, end: End, count: usize, limits: &Limits) {
        self.take_off(end, count);
        self.condense(limits, true);
    }

    fn take_off(&mut self, end: End, count: usize) {
        match self {
            Self::Packed(packed) if end == End::Left => drop(packed.remove(START, count)),
            Self::Packed(packed) => {
                let len = packed.len();
                if let Some(at) = packed.as_packed().seek(len.saturating_sub(count)) {
                    packed.cut(at, packed.as_packed().end(), count.min(len));
                }
            }
            Self::Deque(deque) => deque.remove_end(end, count),
        }
    }

    /// Puts the outermost element of one end, which is `element`, at an end.
    pub fn rotate(&mut self, take: End, put: End, element: &[u8], limits: &Limits) {
        self.take_off(take, 1);
        self.push_moved(put, element, limits);
        self.condense(limits, true);
    }

    /// Puts a text beside the first element that stands for `pivot`; whether there is one.
    pub fn insert(&mut self, pivot: &[u8], side: Side, text: &[u8], limits: &Limits) -> bool {
        self.grow(1, text.len(), limits);
        match self {
            Self::Packed(packed) => {
                let Some(at) = packed.as_packed().find(pivot, 0, START) else { return false };
                match side {
                    Side::Before => packed.insert_before(at, text),
                    Side::After => drop(packed.insert_after(at, text)),
                }
            }
            Self::Deque(deque) => {
                let Some(position) = deque.find(pivot) else { return false };
                deque.insert(position, side, text, limits.list_packed_threshold);
            }
        }
        true
    }

    /// Puts a text in place of the element of an index, which may count from the end; whether there is one.
    pub fn set(&mut self, index: i64, text: &[u8], limits: &Limits) -> bool {
        self.grow(1, text.len(), limits);
        let Some(index) = index_of(index, self.len()) else { return false };
        match self {
            Self::Packed(packed) => {
                let at = packed.as_packed().seek(index).expect("invariant: is within the list");
                packed.replace(at, text);
            }
            Self::Deque(deque) => {
                let position: Position = deque.locate(index).expect("invariant: is within the list");
                deque.replace(position, text, limits.list_packed_threshold);
            }
        }
        self.condense(limits, true);
        true
    }

    /// Removes up to `max` elements that stand for `text`, from one end on; how many there were.
    pub fn remove(&mut self, text: &[u8], max: usize, from: End, limits: &Limits) -> usize {
        let removed = match (&mut *self, from) {
            (Self::Packed(packed), End::Left) => packed.remove_same(text, max),
            (Self::Packed(packed), End::Right) => packed.remove_same_last(text, max),
            (Self::Deque(deque), from) => deque.remove_same(text, max, from),
        };
        if removed > 0 {
            self.condense(limits, true);
        }
        removed
    }

    /// Removes all elements but `count` from the one of index `start` on; how many.
    pub fn trim(&mut self, start: usize, count: usize, limits: &Limits) -> usize {
        let len = self.len();
        let behind = len - start - count;
        match self {
            Self::Packed(packed) => {
                if let Some(at) = packed.as_packed().seek(start + count) {
                    packed.cut(at, packed.as_packed().end(), behind);
                }
                packed.remove(START, start);
            }
            Self::Deque(deque) => {
                deque.remove_end(End::Left, start);
                deque.remove_end(End::Right, behind);
            }
        }
        self.condense(limits, true);
        start + behind
    }

    /// Makes the list large if so much more would be too much for one block.
    fn grow(&mut self, count: usize, bytes: usize, limits: &Limits) {
        let Self::Packed(packed) = self else { return };
        let view = packed.as_packed();
        let fill = Fill::new(limits.list_max_listpack_size);
        if fill.is_exceeded(view.listpack_bytes().saturating_add(bytes), view.len() + count) {
            let mut deque = Self::new_deque(limits);
            if !view.is_empty() {
                deque.push_block(view);
            }
            *self = Self::Deque(Box::new(deque));
        }
    }

    /// Makes the list small if it has become so.
    fn condense(&mut self, limits: &Limits, shrunk: bool) {
        let Self::Deque(deque) = self else { return };
        if let Some(packed) = deque.as_small(Fill::new(limits.list_max_listpack_size), shrunk) {
            *self = Self::Packed(PackedBuf::copy_from(packed));
        }
    }
}

impl Collection for List {
    const KIND: Kind = Kind::List;

    type Ref<'a> = ListRef<'a>;

    #[inline]
    fn lend(_: Encoding, value: Value<'_>) -> ListRef<'_> {
        match value {
            Value::Bytes(bytes) => ListRef::Packed(Packed::new(bytes)),
            Value::Large(Object::List(deque)) => ListRef::Deque(deque),
            Value::Large(_) => unreachable!("invariant: a list is bytes or a large list"),
        }
    }

    fn new() -> Self {
        Self::Packed(PackedBuf::new())
    }

    fn from_parts(_: Encoding, object: Object) -> Self {
        match object {
            Object::Bytes(bytes) => Self::Packed(PackedBuf::from_bytes(bytes)),
            Object::List(deque) => Self::Deque(deque),
            _ => unreachable!("invariant: a list is bytes or a large list"),
        }
    }

    fn into_parts(self) -> (Encoding, Object) {
        match self {
            Self::Packed(packed) => (Encoding::Listpack, Object::Bytes(packed.into_bytes())),
            Self::Deque(deque) => (Encoding::Quicklist, Object::List(deque)),
        }
    }

    fn is_empty(&self) -> bool {
        self.borrow().is_empty()
    }
}
