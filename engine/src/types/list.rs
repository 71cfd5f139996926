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
        let packed = packed.as_packed();
        let fill = Fill::new(limits.list_max_listpack_size);
        if fill.is_exceeded(packed.listpack_bytes().saturating_add(bytes), packed.len() + count) {
            self.enlarge(limits);
        }
    }

    fn enlarge(&mut self, limits: &Limits) {
        let Self::Packed(packed) = self else { return };
        let mut deque = Self::new_deque(limits);
        if !packed.is_empty() {
            deque.push_block(packed.as_packed());
        }
        *self = Self::Deque(Box::new(deque));
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits(size: i32) -> Limits {
        Limits { list_max_listpack_size: size, ..Limits::default() }
    }

    fn texts(list: ListRef<'_>) -> Vec<Vec<u8>> {
        let mut texts = Vec::new();
        list.for_each(0, list.len(), |element| texts.push(element.to_vec()));
        texts
    }

    #[test]
    fn indices_and_ranges_are_the_clients() {
        assert_eq!((index_of(0, 3), index_of(2, 3), index_of(3, 3)), (Some(0), Some(2), None));
        assert_eq!((index_of(-1, 3), index_of(-3, 3), index_of(-4, 3)), (Some(2), Some(0), None));
        assert_eq!((index_of(i64::MIN, 3), index_of(i64::MAX, 3), index_of(-1, 0)), (None, None, None));
        for (start, stop, range) in [
            (0, -1, (0, 5)),
            (1, 2, (1, 2)),
            (-2, -1, (3, 2)),
            (i64::MIN, i64::MAX, (0, 5)),
            (i64::MAX, i64::MIN, (0, 0)),
            (4, 4, (4, 1)),
            (5, 9, (0, 0)),
            (i64::MIN, i64::MIN, (0, 0)),
            (-9, 0, (0, 1)),
        ] {
            assert_eq!(range_of(start, stop, 5), range, "{start} {stop}");
        }
        assert_eq!(range_of(0, -1, 0), (0, 0));
    }

    #[test]
    fn shrinks_at_half_of_the_bound() {
        let limits = limits(8);
        let mut list = List::new();
        list.push(End::Right, [&b"x"[..]; 9], &limits);
        while list.len() > 5 {
            list.remove_end(End::Right, 1, &limits);
            assert!(list.is_large());
        }
        list.remove_end(End::Left, 1, &limits);
        assert!(!list.is_large());
        let mut deque = List::new_deque(&limits);
        (0..8).for_each(|number| deque.push(End::Right, number.to_string().as_bytes(), 0));
        assert!(!List::from_deque(deque, &limits).is_large(), "one that is loaded has the whole bound");
    }

    #[derive(Debug, Clone)]
    enum Op {
        Push(End, Vec<Vec<u8>>),
        Pop(End, usize),
        Rotate(End, End),
        Insert(usize, Side, Vec<u8>),
        Set(i64, Vec<u8>),
        Remove(usize, usize, End),
        Trim(i64, i64),
    }

    fn text() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => (0u32..9).prop_map(|number| number.to_string().into_bytes()),
            2 => prop::collection::vec(any::<u8>(), 0..12),
            1 => (0usize..5000).prop_map(|len| vec![b'x'; len]),
        ]
    }

    fn op() -> impl Strategy<Value = Op> {
        let end = || prop_oneof![Just(End::Left), Just(End::Right)];
        let side = prop_oneof![Just(Side::Before), Just(Side::After)];
        prop_oneof![
            4 => (end(), prop::collection::vec(text(), 1..5)).prop_map(|(end, texts)| Op::Push(end, texts)),
            2 => (end(), 0usize..4).prop_map(|(end, count)| Op::Pop(end, count)),
            1 => (end(), end()).prop_map(|(take, put)| Op::Rotate(take, put)),
            3 => (any::<usize>(), side, text()).prop_map(|(at, side, text)| Op::Insert(at, side, text)),
            2 => (-12i64..12, text()).prop_map(|(index, text)| Op::Set(index, text)),
            1 => (any::<usize>(), 1usize..3, end()).prop_map(|(at, max, end)| Op::Remove(at, max, end)),
            1 => (-12i64..3, -3i64..12).prop_map(|(start, stop)| Op::Trim(start, stop)),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 64,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn behaves_like_a_vec(
            size in prop::sample::select(vec![-2, -1, 0, 1, 3, 6]),
            ops in prop::collection::vec(op(), 1..60),
        ) {
            let limits = limits(size);
            let (mut list, mut model) = (List::new(), Vec::<Vec<u8>>::new());
            for op in ops {
                match op {
                    Op::Push(end, texts) => {
                        list.push(end, texts.iter().map(Vec::as_slice), &limits);
                        for text in texts {
                            model.insert(if end == End::Left { 0 } else { model.len() }, text);
                        }
                    }
                    Op::Pop(end, count) => {
                        list.remove_end(end, count, &limits);
                        let count = count.min(model.len());
                        let start = if end == End::Left { 0 } else { model.len() - count };
                        model.drain(start..start + count);
                    }
                    Op::Rotate(take, put) if !model.is_empty() => {
                        let text = if take == End::Left { model.remove(0) } else { model.pop().unwrap() };
                        list.rotate(take, put, &text, &limits);
                        model.insert(if put == End::Left { 0 } else { model.len() }, text);
                    }
                    Op::Insert(at, side, text) => {
                        let pivot = model.get(at % (model.len() + 1)).cloned().unwrap_or(b"none".to_vec());
                        let first = model.iter().position(|text| *text == pivot);
                        prop_assert_eq!(list.insert(&pivot, side, &text, &limits), first.is_some());
                        if let Some(first) = first {
                            model.insert(first + usize::from(side == Side::After), text);
                        }
                    }
                    Op::Set(index, text) => {
                        let at = index_of(index, model.len());
                        prop_assert_eq!(list.set(index, &text, &limits), at.is_some());
                        if let Some(at) = at {
                            model[at] = text;
                        }
                    }
                    Op::Remove(at, max, from) => {
                        let text = model.get(at % (model.len() + 1)).cloned().unwrap_or(b"none".to_vec());
                        let backward = from == End::Right;
                        let found = list.borrow().positions(
                            &text,
                            Search { backward, skip: 0, matches_max: max as u64, elements_max: u64::MAX },
                        );
                        prop_assert_eq!(list.remove(&text, max, from, &limits), found.len());
                        let mut at: Vec<_> = (0..model.len()).filter(|&at| model[at] == text).collect();
                        if backward {
                            at.reverse();
                        }
                        at.truncate(max);
                        prop_assert_eq!(&found, &at);
                        at.sort_unstable();
                        at.into_iter().rev().for_each(|at| drop(model.remove(at)));
                    }
                    Op::Trim(start, stop) => {
                        let (start, count) = range_of(start, stop, model.len());
                        prop_assert_eq!(list.trim(start, count, &limits), model.len() - count);
                        model = model[start..start + count].to_vec();
                    }
                    Op::Rotate(..) => {}
                }
                prop_assert_eq!(texts(list.borrow()), &*model);
                prop_assert_eq!((list.len(), list.is_empty()), (model.len(), model.is_empty()));
                let last = list.borrow().with(-1, |element| element.to_vec());
                prop_assert_eq!(last.as_ref(), model.last());
                let mut backward = Vec::new();
                list.borrow().for_each_at(End::Right, 3, |element| backward.push(element.to_vec()));
                prop_assert_eq!(backward, model.iter().rev().take(3).cloned().collect::<Vec<_>>());
            }
        }
    }
}
