//! A block: the entries of a stretch of ids, packed.
//!
//! ```text
//! bytes:  --  head                          entry                                    entry
//!         ff  count field field .. field 0  flags ms seq value value .. value size   flags ms seq ...
//! ```
//!
//! Everything behind the first two bytes is a packed element, in the order of Valkey's stream listpacks, so
//! that blocks begin where Valkey's begin and a dump is a copy. The head has the fields of the first entry.
//! An entry's id is told by its distance from the first one's, which stays what it was when that entry goes.
//! One that has just the head's fields (`SAME_FIELDS`) has its values alone; any other has
//! `count field value field value ...`. `size` is the number of elements before it, for the way back.
//!
//! A deleted entry is marked and stays where it is, until all of its block are. How many are live and how
//! many deleted stands in front in Valkey's listpack; here it is beside the bytes. Live entries are in the
//! order of their ids, but behind a deleted one may come a lesser id: XSETID can set the last id back.
//!
//! A sequence of packed elements begins with their count, which nobody asks a block for: it is left at *not
//! known*.

use super::{CorruptStream, StreamId};
use crate::collections::packed::{self, Element, LISTPACK_FRAME_BYTES, Packed, PackedBuf};
use crate::raw::heap::malloc_bytes;

const DELETED: i64 = 1;
const SAME_FIELDS: i64 = 2;

/// What stands in front of the elements of a packed sequence.
const FRAME: [u8; 2] = [0xff; 2];

/// How many elements of an entry are neither fields nor values: flags, two distances.
const FIXED_ELEMENTS: usize = 3;

/// Entries, packed; see the [module](self).
#[derive(Debug, Clone)]
pub(super) struct Block {
    /// The id that the others are told by.
    first: StreamId,
    live: u32,
    deleted: u32,
    bytes: Vec<u8>,
}

/// The head of a block.
#[derive(Debug, Clone, Copy)]
struct Head {
    count: usize,
    /// Where the fields begin.
    fields: usize,
    /// Where the entries begin.
    end: usize,
}

/// An entry where it lies in its block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spot {
    /// Where its flags are.
    at: usize,
    pub(super) id: StreamId,
    pub(super) deleted: bool,
    /// How many fields it has of its own; none if they are the head's.
    own: Option<usize>,
    /// Where its fields, or values, begin.
    content: usize,
}

/// The fields and values of an entry, in their order.
#[derive(Debug, Clone)]
pub struct Fields<'a> {
    /// The block's fields, if they are the entry's.
    head: Option<packed::Iter<'a>>,
    rest: packed::Iter<'a>,
    left: usize,
}

/// An entry, lent.
#[derive(Debug, Clone)]
pub struct Entry<'a> {
    /// Its id.
    pub id: StreamId,
    /// Its fields and values.
    pub fields: Fields<'a>,
}

impl Block {
    /// A block for an entry of this id and these fields, still to be appended, with room for `capacity`
    /// bytes.
    pub(super) fn new<'f>(
        first: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
        capacity: usize,
    ) -> Self {
        let mut bytes = Vec::with_capacity(capacity);
        bytes.extend_from_slice(&FRAME);
        push_count(&mut bytes, fields.clone().count());
        fields.for_each(|(field, _)| Element::of(field).append_to(&mut bytes));
        Element::Int(0).append_to(&mut bytes);
        Self { first, live: 0, deleted: 0, bytes }
    }

    pub(super) fn first(&self) -> StreamId {
        self.first
    }

    /// How many of its entries are not deleted.
    pub(super) fn live(&self) -> u64 {
        self.live.into()
    }

    /// How many entries it has, deleted ones too.
    pub(super) fn entries(&self) -> u64 {
        u64::from(self.live) + u64::from(self.deleted)
    }

    /// The length of what Valkey keeps these entries in, which its limit is about.
    pub(super) fn listpack_bytes(&self) -> usize {
        let counts = [self.live, self.deleted].map(|count| Element::Int(count.into()).packed_bytes());
        LISTPACK_FRAME_BYTES + counts[0] + counts[1] + self.bytes.len() - FRAME.len()
    }

    pub(super) fn len_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// What it holds of the heap.
    pub(super) fn heap_bytes(&self) -> usize {
        malloc_bytes(self.bytes.capacity())
    }

    /// Appends an entry, whose id is greater than that of any before it.
    pub(super) fn append<'f>(
        &mut self,
        id: StreamId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
    ) {
        let (same, count) = self.compare_fields(fields.clone());
        self.reserve(fields.clone());
        let bytes = &mut self.bytes;
        Element::Int(if same { SAME_FIELDS } else { 0 }).append_to(bytes);
        Element::Int(id.ms.wrapping_sub(self.first.ms).cast_signed()).append_to(bytes);
        Element::Int(id.seq.wrapping_sub(self.first.seq).cast_signed()).append_to(bytes);
        if same {
            fields.for_each(|(_, value)| Element::of(value).append_to(bytes));
            push_count(bytes, FIXED_ELEMENTS + count);
        } else {
            push_count(bytes, count);
            for (field, value) in fields {
                Element::of(field).append_to(bytes);
                Element::of(value).append_to(bytes);
            }
            push_count(bytes, FIXED_ELEMENTS + 1 + 2 * count);
        }
        self.live += 1;
    }

    /// The listpack that Valkey would hold it in.
    pub(super) fn to_listpack(&self) -> Vec<u8> {
        let mut packed = FRAME.to_vec();
        [self.live, self.deleted].into_iter().for_each(|count| push_count(&mut packed, count as usize));
        packed.extend_from_slice(&self.bytes[FRAME.len()..]);
        let elements = self.packed().iter().count() + 2;
        packed[..FRAME.len()].copy_from_slice(&u16::try_from(elements).unwrap_or(u16::MAX).to_le_bytes());
        Packed::new(&packed).to_listpack()
    }

    /// The block that Valkey holds in this listpack, whoever wrote it.
    pub(super) fn from_listpack(first: StreamId, listpack: &[u8]) -> Result<Self, CorruptStream> {
        let packed = PackedBuf::from_listpack(listpack).map_err(|_| CorruptStream)?;
        let mut elements = packed.as_packed().iter();
        let [live, deleted] = [(); 2].map(|()| small(elements.next()));
        let (live, deleted) = (live?, deleted?);
        let mut bytes = FRAME.to_vec();
        bytes.extend_from_slice(&packed.as_packed().bytes()[elements.offset()..]);
        let block = Self { first, live, deleted, bytes };
        block.check()?;
        Ok(block)
    }

    /// Whether elements that came from elsewhere are a block.
    fn check(&self) -> Result<(), CorruptStream> {
        let mut elements = self.packed().iter();
        let mut next = || elements.next().ok_or(CorruptStream);
        let heads = small(Some(next()?))?;
        for _ in 0..heads {
            next()?;
        }
        if next()?.integer() != Some(0) {
            return Err(CorruptStream);
        }
        let (mut live, mut deleted) = (0u32, 0u32);
        let mut last = None;
        while elements.offset() < self.bytes.len() {
            let at = elements.offset();
            let mut next = || elements.next().ok_or(CorruptStream);
            let [flags, ms, seq] = [next()?, next()?, next()?];
            let (Element::Int(flags @ 0..=3), Element::Int(_), Element::Int(_)) = (flags, ms, seq) else {
                return Err(CorruptStream);
            };
            let contents = match flags & SAME_FIELDS {
                0 => {
                    let own = small(Some(next()?))?;
                    u64::from(own) * 2
                }
                _ => heads.into(),
            };
            for _ in 0..contents {
                next()?;
            }
            let size = small(Some(next()?))?;
            let fixed = FIXED_ELEMENTS as u64 + u64::from(flags & SAME_FIELDS == 0);
            if u64::from(size) != contents + fixed {
                return Err(CorruptStream);
            }
            if flags & DELETED != 0 {
                deleted += 1;
                continue;
            }
            live += 1;
            // The bytes are known to hold an entry up to here, so it can be read.
            let id = self.spot(at).id;
            if last.is_some_and(|last| last >= id) {
                return Err(CorruptStream);
            }
            last = Some(id);
        }
        if live + deleted == 0 || (live, deleted) != (self.live, self.deleted) {
            return Err(CorruptStream);
        }
        Ok(())
    }

    /// Whether these fields are the head's, and how many they are.
    fn compare_fields<'f>(&self, fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) -> (bool, usize) {
        let mut heads = self.packed().iter();
        let head_count = count_of(heads.next());
        let (mut same, mut count) = (true, 0);
        for (field, _) in fields {
            same = same && count < head_count && heads.next().is_some_and(|head| head.is(field));
            count += 1;
        }
        (same && count == head_count, count)
    }

    /// Makes room for an entry with these fields. A block has its final length soon, so it grows by an eighth
    /// at a time, where a vector would double.
    fn reserve<'f>(&mut self, fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) {
        /// What the elements take that are neither fields nor values.
        const FIXED_BYTES: usize = 40;
        let at_most = |text: &[u8]| match text.len() {
            len @ ..64 => len + 2,
            len @ 64..4096 => len + 4,
            len => len.saturating_add(10),
        };
        let needed = fields.fold(FIXED_BYTES, |sum, (field, value)| {
            sum.saturating_add(at_most(field)).saturating_add(at_most(value))
        });
        if self.bytes.capacity() - self.bytes.len() < needed {
            self.bytes.reserve_exact(needed.max(self.bytes.len() / 8));
        }
    }

    /// Gives back the room that is not used, if it is worth the copy.
    pub(super) fn finish(&mut self) {
        if self.bytes.capacity() - self.bytes.len() > self.bytes.len() / 64 {
            self.bytes.shrink_to_fit();
        }
    }

    /// Marks the entry at `spot`, which is live, as deleted.
    pub(super) fn delete(&mut self, spot: Spot) {
        // Flags are one byte, with the length of that behind it.
        self.bytes[spot.at] |= DELETED as u8;
        self.live -= 1;
        self.deleted += 1;
    }

    /// Deletes its first live entries, as long as `beyond` says so of them; how many.
    pub(super) fn delete_while(&mut self, mut beyond: impl FnMut(StreamId) -> bool) -> u64 {
        let head = self.head();
        let (mut at, mut deleted) = (head.end, 0);
        while at < self.bytes.len() {
            let spot = self.spot(at);
            at = self.behind(head, spot);
            if spot.deleted {
                continue;
            }
            if !beyond(spot.id) {
                break;
            }
            self.delete(spot);
            deleted += 1;
        }
        deleted
    }

    /// The live entry of this id.
    pub(super) fn find(&self, id: StreamId) -> Option<Spot> {
        let mut walk = self.walk();
        loop {
            let spot = walk.from(id)?;
            if !spot.deleted {
                return (spot.id == id).then_some(spot);
            }
        }
    }

    /// The id of the last live entry.
    pub(super) fn last_live(&self) -> Option<StreamId> {
        let mut walk = self.walk_back();
        loop {
            let spot = walk.next()?;
            if !spot.deleted {
                return Some(spot.id);
            }
        }
    }

    /// The id of the last entry, deleted or not.
    pub(super) fn last(&self) -> StreamId {
        self.walk_back().next().map_or(self.first, |spot| spot.id)
    }

    /// The entries, deleted ones too, from the first one on.
    pub(super) fn walk(&self) -> Walk<'_> {
        let head = self.head();
        Walk { block: self, head, at: head.end }
    }

    /// The entries, deleted ones too, from the last one back.
    pub(super) fn walk_back(&self) -> WalkBack<'_> {
        WalkBack { block: self, head: self.head(), end: self.bytes.len() }
    }

    fn packed(&self) -> Packed<'_> {
        Packed::new(&self.bytes)
    }

    fn head(&self) -> Head {
        let packed = self.packed();
        let count_at = FRAME.len();
        let count = count_of(Some(packed.at(count_at)));
        let fields = packed.after(count_at);
        let end = (0..=count).fold(fields, |at, _| packed.after(at));
        Head { count, fields, end }
    }

    /// Reads what an entry begins with.
    #[inline]
    fn spot(&self, at: usize) -> Spot {
        let mut elements = self.packed().iter_from(at);
        let mut next =
            || elements.next().and_then(Element::integer).expect("invariant: an entry begins here");
        let (flags, ms, seq) = (next(), next(), next());
        let own = (flags & SAME_FIELDS == 0).then(|| usize::try_from(next()).unwrap_or(0));
        Spot {
            at,
            id: StreamId {
                ms: self.first.ms.wrapping_add(ms.cast_unsigned()),
                seq: self.first.seq.wrapping_add(seq.cast_unsigned()),
            },
            deleted: flags & DELETED != 0,
            own,
            content: elements.offset(),
        }
    }

    /// Where the next entry begins, or the bytes end.
    #[inline]
    fn behind(&self, head: Head, spot: Spot) -> usize {
        let packed = self.packed();
        let elements = spot.own.map_or(head.count, |own| 2 * own);
        (0..=elements).fold(spot.content, |at, _| packed.after(at))
    }

    #[inline]
    fn entry(&self, head: Head, spot: Spot) -> Entry<'_> {
        let fields = Fields {
            head: spot.own.is_none().then(|| self.packed().iter_from(head.fields)),
            rest: self.packed().iter_from(spot.content),
            left: spot.own.unwrap_or(head.count),
        };
        Entry { id: spot.id, fields }
    }
}

/// A count that came from elsewhere, which has to be held as a number, not as text.
fn small(element: Option<Element<'_>>) -> Result<u32, CorruptStream> {
    match element {
        Some(Element::Int(count)) => u32::try_from(count).map_err(|_| CorruptStream),
        _ => Err(CorruptStream),
    }
}

fn push_count(bytes: &mut Vec<u8>, count: usize) {
    Element::Int(i64::try_from(count).expect("invariant: a request has fewer words")).append_to(bytes);
}

fn count_of(element: Option<Element<'_>>) -> usize {
    let count = element.and_then(Element::integer).expect("invariant: a block begins with a count");
    usize::try_from(count).expect("invariant: counts are not negative")
}

/// The entries of a block, see [`Block::walk`].
#[derive(Debug, Clone)]
pub(super) struct Walk<'a> {
    block: &'a Block,
    head: Head,
    at: usize,
}

impl<'a> Walk<'a> {
    #[inline]
    pub(super) fn next(&mut self) -> Option<Spot> {
        if self.at >= self.block.bytes.len() {
            return None;
        }
        let spot = self.block.spot(self.at);
        self.at = self.block.behind(self.head, spot);
        Some(spot)
    }

    /// The first entry whose id is not before this one.
    #[inline]
    pub(super) fn from(&mut self, id: StreamId) -> Option<Spot> {
        loop {
            let spot = self.next()?;
            if spot.id >= id {
                return Some(spot);
            }
        }
    }

    pub(super) fn entry(&self, spot: Spot) -> Entry<'a> {
        self.block.entry(self.head, spot)
    }
}

/// The entries of a block from its end, see [`Block::walk_back`].
#[derive(Debug, Clone)]
pub(super) struct WalkBack<'a> {
    block: &'a Block,
    head: Head,
    end: usize,
}

impl<'a> WalkBack<'a> {
    #[inline]
    pub(super) fn next(&mut self) -> Option<Spot> {
        if self.end <= self.head.end {
            return None;
        }
        let packed = self.block.packed();
        let before = |at| packed.before(at).expect("invariant: an entry knows its size");
        let size_at = before(self.end);
        self.end = (0..count_of(Some(packed.at(size_at)))).fold(size_at, |at, _| before(at));
        Some(self.block.spot(self.end))
    }

    pub(super) fn entry(&self, spot: Spot) -> Entry<'a> {
        self.block.entry(self.head, spot)
    }
}

impl<'a> Iterator for Fields<'a> {
    /// A field and its value.
    type Item = (Element<'a>, Element<'a>);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        self.left = self.left.checked_sub(1)?;
        let field = match &mut self.head {
            Some(head) => head.next()?,
            None => self.rest.next()?,
        };
        Some((field, self.rest.next()?))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Fields<'_> {}
