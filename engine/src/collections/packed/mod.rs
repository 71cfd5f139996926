//! A sequence of small byte strings in one piece of memory: what short lists, hashes, sets and sorted sets
//! are kept as, and the blocks of long lists.
//!
//! It is Valkey's *listpack* but for the frame around the elements:
//!
//! ```text
//! ours      count:u16  element element ...
//! listpack  total bytes:u32  count:u16  element element ...  0xff
//! ```
//!
//! The bytes know how long they are, so the first word and the last byte say nothing new, and a short
//! collection is five bytes shorter. Elements lie as they do there ([`element`]), so a dump is a copy.
//!
//! An element is named by the offset of its first byte. A change makes the offsets behind it void.
//!
//! Invariants: the elements fill the bytes exactly; the count is theirs, or 0xffff when there are that many
//! or more, and then they have to be walked. What comes from elsewhere is held to that once, as it comes in
//! ([`PackedBuf::from_listpack`]); readers rely on it, and would panic.

pub mod element;
mod listpack;
#[cfg(test)]
mod tests;

pub use element::{Digits, Element, element_bytes};
pub use listpack::{CorruptListpack, LISTPACK_FRAME_BYTES};

use std::ops::Deref;

use self::element::{back_bytes, content_bytes, last_bytes, read};
use crate::raw::shared::SharedBytes;

/// Where the first element lies.
pub const START: usize = 2;
/// The count of a sequence that has so many elements, or more.
const UNKNOWN: u16 = u16::MAX;

/// Valkey lets no listpack grow beyond this.
const BYTES_MAX: usize = 1 << 30;

/// A sequence, to read.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'a>(&'a [u8]);

impl<'a> Packed<'a> {
    /// The empty sequence.
    pub const EMPTY: Self = Self(&[0; START]);

    /// The sequence that a [`PackedBuf`] has left in these bytes.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        debug_assert!(bytes.len() >= START);
        Self(bytes)
    }

    /// All of its bytes.
    #[inline]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// How many bytes Valkey's listpack of these elements has, which its limits are about.
    #[inline]
    pub fn listpack_bytes(self) -> usize {
        self.0.len() - START + LISTPACK_FRAME_BYTES
    }

    /// Whether Valkey would let elements of so many bytes join these in one listpack.
    #[inline]
    pub fn has_room_for(self, packed_bytes: usize) -> bool {
        Self::may_grow(self.listpack_bytes(), packed_bytes)
    }

    /// Whether Valkey would let so many bytes join a listpack that has so many.
    pub fn may_grow(listpack_bytes: usize, packed_bytes: usize) -> bool {
        listpack_bytes.saturating_add(packed_bytes) <= BYTES_MAX
    }

    /// How many elements it has.
    #[inline]
    pub fn len(self) -> usize {
        match u16::from_le_bytes([self.0[0], self.0[1]]) {
            UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Whether it has no elements.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.0.len() == START
    }

    /// Where the first element lies.
    #[inline]
    pub fn first(self) -> Option<usize> {
        (!self.is_empty()).then_some(START)
    }

    /// Where the last element lies.
    #[inline]
    pub fn last(self) -> Option<usize> {
        self.before(self.0.len())
    }

    /// Where the elements end.
    #[inline]
    pub fn end(self) -> usize {
        self.0.len()
    }

    /// The offset behind the element at `at`: of the next element, or the end.
    #[inline]
    pub fn after(self, at: usize) -> usize {
        let content = content_bytes(&self.0[at..]).expect("invariant: an element begins here");
        at + content + back_bytes(content)
    }

    /// Where the next element lies.
    #[inline]
    pub fn next(self, at: usize) -> Option<usize> {
        let next = self.after(at);
        (next < self.0.len()).then_some(next)
    }

    /// Where the element lies that ends at `at`: the one before another, or before the end.
    #[inline]
    pub fn before(self, at: usize) -> Option<usize> {
        (at > START).then(|| at - last_bytes(&self.0[START..at]))
    }

    /// The element at an offset.
    #[inline]
    pub fn at(self, at: usize) -> Element<'a> {
        read(&self.0[at..]).0
    }

    /// Where the element of this index lies; walked to from the nearer end.
    pub fn seek(self, index: usize) -> Option<usize> {
        let len = self.len();
        if index >= len {
            return None;
        }
        if index <= len / 2 {
            Some((0..index).fold(START, |at, _| self.after(at)))
        } else {
            let step = |at, _| self.before(at).expect("invariant: the count is the elements'");
            Some((index..len).fold(self.0.len(), step))
        }
    }

    /// The element of this index.
    pub fn get(self, index: usize) -> Option<Element<'a>> {
        self.seek(index).map(|at| self.at(at))
    }

    /// Where, from the element at `from` on, the first one lies that stands for `bytes`; `skip` elements are
    /// passed over after each that is looked at (one, to find a field among fields and values).
    pub fn find(self, bytes: &[u8], skip: usize, from: usize) -> Option<usize> {
        let wanted = Element::of(bytes);
        let mut at = from;
        while at < self.0.len() {
            let (element, content) = read(&self.0[at..]);
            if element.same(wanted, bytes) {
                return Some(at);
            }
            at += content + back_bytes(content);
            for _ in 0..skip {
                at = self.after(at);
            }
        }
        None
    }

    /// The elements, from either end.
    #[inline]
    pub fn iter(self) -> Iter<'a> {
        Iter { bytes: self.0, front: START, back: self.0.len() }
    }

    /// The elements from the one at `from` on.
    #[inline]
    pub fn iter_from(self, from: usize) -> Iter<'a> {
        Iter { bytes: self.0, front: from, back: self.0.len() }
    }

    /// The elements in front of the one at `to`, or of the end.
    #[inline]
    pub fn iter_to(self, to: usize) -> Iter<'a> {
        Iter { bytes: self.0, front: START, back: to }
    }
}

impl<'a> IntoIterator for Packed<'a> {
    type Item = Element<'a>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// The elements of a sequence, from either end.
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    bytes: &'a [u8],
    front: usize,
    back: usize,
}

impl Iter<'_> {
    /// Where the element lies that comes next from the front; the end if none does.
    #[inline]
    pub fn offset(&self) -> usize {
        self.front
    }
}

impl<'a> Iterator for Iter<'a> {
    type Item = Element<'a>;

    #[inline]
    fn next(&mut self) -> Option<Element<'a>> {
        if self.front >= self.back {
            return None;
        }
        let (element, content) = read(&self.bytes[self.front..]);
        self.front += content + back_bytes(content);
        Some(element)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    #[inline]
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front >= self.back {
            return None;
        }
        self.back -= last_bytes(&self.bytes[START..self.back]);
        Some(read(&self.bytes[self.back..]).0)
    }
}

/// The memory that a sequence lies in while it is changed.
pub trait Room: Deref<Target = [u8]> {
    /// Replaces `removed` bytes at `at` with room for `inserted` bytes, and lends that to be written: it
    /// holds anything.
    fn splice(&mut self, at: usize, removed: usize, inserted: usize) -> &mut [u8];

    /// The bytes, to change.
    fn make_mut(&mut self) -> &mut [u8];
}

/// Grows by an eighth at a time: a compromise between moving often and holding much that is not used.
impl Room for SharedBytes {
    #[inline]
    fn splice(&mut self, at: usize, removed: usize, inserted: usize) -> &mut [u8] {
        let new = (self.len() - removed).checked_add(inserted).expect("capacity overflow");
        if new > self.capacity() {
            self.reserve(new.saturating_add(new / 8));
        }
        Self::splice(self, at, removed, inserted);
        if inserted == 0 && self.capacity() > 2 * new + 64 {
            self.shrink_to_fit();
        }
        &mut Self::make_mut(self)[at..at + inserted]
    }

    #[inline]
    fn make_mut(&mut self) -> &mut [u8] {
        Self::make_mut(self)
    }
}

/// A sequence, to change, in whatever room it lies.
#[derive(Debug, Clone)]
pub struct PackedIn<B>(B);

/// A sequence, to change, as entries keep it.
pub type PackedBuf = PackedIn<SharedBytes>;

impl PackedBuf {
    /// An empty sequence.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// An empty sequence with room for elements of so many bytes.
    pub fn with_capacity(packed_bytes: usize) -> Self {
        let mut bytes = SharedBytes::with_capacity(START.saturating_add(packed_bytes));
        bytes.extend_from_slice(&[0; START]);
        Self(bytes)
    }

    /// A copy of a sequence.
    pub fn copy_from(packed: Packed<'_>) -> Self {
        Self(SharedBytes::copy_from(packed.0))
    }

    /// The sequence that another `PackedBuf` has left in this buffer.
    pub fn from_bytes(bytes: SharedBytes) -> Self {
        debug_assert!(bytes.len() >= START);
        Self(bytes)
    }

    /// The buffer that it lies in.
    pub fn into_bytes(self) -> SharedBytes {
        self.0
    }

    /// The buffer that it lies in, to be counted or kept.
    pub fn shared(&self) -> &SharedBytes {
        &self.0
    }

    /// Makes room for elements of so many bytes beyond those that are there, and no more.
    pub fn reserve(&mut self, packed_bytes: usize) {
        self.0.reserve(self.0.len().saturating_add(packed_bytes));
    }

    /// Gives back the room that is not used.
    pub fn shrink_to_fit(&mut self) {
        self.0.shrink_to_fit();
    }
}

impl<B: Room> PackedIn<B> {
    /// The sequence that was left in this room.
    pub fn within(room: B) -> Self {
        debug_assert!(room.len() >= START);
        Self(room)
    }

    /// The room that it lies in.
    pub fn room(&self) -> &B {
        &self.0
    }

    /// The room that it lies in, to be made larger or smaller.
    pub fn room_mut(&mut self) -> &mut B {
        &mut self.0
    }

    /// The sequence, to read.
    #[inline]
    pub fn as_packed(&self) -> Packed<'_> {
        Packed(&self.0)
    }

    /// How many elements it has.
    #[inline]
    pub fn len(&self) -> usize {
        self.as_packed().len()
    }

    /// Whether it has no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.as_packed().is_empty()
    }

    /// Appends an element.
    #[inline]
    pub fn push_back(&mut self, text: &[u8]) {
        self.insert_element(self.0.len(), Element::of(text));
    }

    /// Puts an element in front of all others.
    #[inline]
    pub fn push_front(&mut self, text: &[u8]) {
        self.insert_element(START, Element::of(text));
    }

    /// Puts an element in front of the one at `at`; or behind all, where `at` is the end. The new one then
    /// lies at `at`.
    #[inline]
    pub fn insert_before(&mut self, at: usize, text: &[u8]) {
        self.insert_element(at, Element::of(text));
    }

    /// Puts an element behind the one at `at`; where the new one lies.
    #[inline]
    pub fn insert_after(&mut self, at: usize, text: &[u8]) -> usize {
        let behind = self.as_packed().after(at);
        self.insert_element(behind, Element::of(text));
        behind
    }

    /// Puts an element in front of the one at `at`, or at the end, as it is written: one that
    /// [`Element::of`] has made, or that comes out of another sequence.
    pub fn insert_element(&mut self, at: usize, element: Element<'_>) {
        element.write(self.0.splice(at, 0, element.packed_bytes()));
        self.count_changed(1, 0);
    }

    /// Puts another element in place of the one at `at`.
    pub fn replace(&mut self, at: usize, text: &[u8]) {
        let element = Element::of(text);
        let old = self.as_packed().after(at) - at;
        element.write(self.0.splice(at, old, element.packed_bytes()));
    }

    /// Removes up to `count` elements from the one at `at` on; how many there were. What followed them lies
    /// at `at` then.
    pub fn remove(&mut self, at: usize, count: usize) -> usize {
        let packed = self.as_packed();
        let (mut behind, mut removed) = (at, 0);
        while removed < count && behind < packed.end() {
            behind = packed.after(behind);
            removed += 1;
        }
        self.cut(at, behind, removed);
        removed
    }

    /// Removes the elements from the one at `from` to the one at `to`, which stays, or to the end. Who knows
    /// where both lie says how many they are.
    pub fn cut(&mut self, from: usize, to: usize, count: usize) {
        self.0.splice(from, to - from, 0);
        self.count_changed(0, count);
    }

    /// Removes the first `max` elements that stand for `text`; how many there were.
    pub fn remove_same(&mut self, text: &[u8], max: usize) -> usize {
        let (mut at, mut removed) = (START, 0);
        while removed < max
            && let Some(from) = self.as_packed().find(text, 0, at)
        {
            // Neighbours that are the same go together: each cut moves all that is behind it.
            let packed = self.as_packed();
            let wanted = Element::of(text);
            let (mut to, mut run) = (packed.after(from), 1);
            while run < max - removed && to < packed.end() && packed.at(to).same(wanted, text) {
                to = packed.after(to);
                run += 1;
            }
            self.cut(from, to, run);
            removed += run;
            at = from;
        }
        removed
    }

    /// Removes the last `max` elements that stand for `text`; how many there were.
    pub fn remove_same_last(&mut self, text: &[u8], max: usize) -> usize {
        let wanted = Element::of(text);
        let (mut end, mut removed) = (self.0.len(), 0);
        while removed < max
            && let Some(mut from) = self.as_packed().before(end)
        {
            let packed = self.as_packed();
            let (to, mut run) = (end, 0);
            end = from;
            while packed.at(from).same(wanted, text) {
                (end, run) = (from, run + 1);
                match packed.before(from) {
                    Some(before) if run < max - removed => from = before,
                    _ => break,
                }
            }
            if run > 0 {
                self.cut(end, to, run);
                removed += run;
            }
        }
        removed
    }

    /// Removes all elements.
    pub fn clear(&mut self) {
        self.0.splice(START, self.0.len() - START, 0);
        self.set_count(0);
    }

    /// Puts the elements of another sequence behind these.
    pub fn append(&mut self, other: Packed<'_>) {
        self.append_tail(other, START, other.len());
    }

    /// Puts the last `count` elements of another sequence behind these: those from the one at `from` on.
    pub fn append_tail(&mut self, other: Packed<'_>, from: usize, count: usize) {
        let count = self.len() + count;
        self.0.splice(self.0.len(), 0, other.0.len() - from).copy_from_slice(&other.0[from..]);
        self.set_count(count);
    }

    #[inline]
    fn count_changed(&mut self, added: u16, removed: usize) {
        let count = u16::from_le_bytes([self.0[0], self.0[1]]);
        if count == UNKNOWN {
            // Fewer than before; maybe so few that they can be counted again.
            if removed > 0 {
                let count = self.as_packed().iter().count();
                self.set_count(count);
            }
            return;
        }
        self.set_count(usize::from(count) + usize::from(added) - removed);
    }

    #[inline]
    fn set_count(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(UNKNOWN);
        self.0.make_mut()[..START].copy_from_slice(&count.to_le_bytes());
    }
}

impl Default for PackedBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: AsRef<[u8]>> FromIterator<T> for PackedBuf {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut packed = Self::new();
        elements.into_iter().for_each(|element| packed.push_back(element.as_ref()));
        packed
    }
}
