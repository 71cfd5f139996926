//! How an entry lies in its slot.
//!
//! ```text
//! head 8 | lengths 8, if wide | deadline 8, if any | object, if the value is one | key | value bytes, if not
//!
//! head: kind 4 | encoding 4 | flags 8 | clock 24 | key length 8 | value length 16 (from the low bits up)
//! ```
//!
//! The lengths are in the head when they fit there, and otherwise two `u32` behind it (wide). An owned object
//! lies in front of the key, where it is aligned to eight bytes without padding. A free slot's head has no
//! flag set, and in place of the value length the granule of the next free slot.

use std::marker::PhantomData;
use std::ptr::NonNull;
use std::slice;

use super::page::Page;
use crate::raw::heap::HeapBytes;

const LIVE: u8 = 1;
const DEADLINE: u8 = 2;
const OBJECT: u8 = 4;
const WIDE: u8 = 8;

/// What an entry says about itself besides its key and its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// What kind of value it is: a number below 16, which the slab does not interpret.
    pub kind: u8,
    /// How the value is encoded: a number below 16, which the slab does not interpret.
    pub encoding: u8,
    /// When or how often it was used: 24 bits, which the slab does not interpret.
    pub clock: u32,
    /// When it perishes, in milliseconds.
    pub deadline: Option<u64>,
}

/// A value on its way into the slab.
#[derive(Debug)]
pub enum NewValue<'a, X> {
    /// These bytes.
    Inline(&'a [u8]),
    /// These pieces, one after the other.
    Joined(&'a [&'a [u8]]),
    /// This many zeros, for the caller to write over.
    Zeroed(usize),
    /// An object, which the entry owns from now on.
    Heap(X),
}

/// A value as it lies in the slab.
#[derive(Debug)]
pub enum ValueRef<'a, X> {
    /// Bytes beside the key.
    Inline(&'a [u8]),
    /// An object the entry owns.
    Heap(&'a X),
}

/// A live entry, borrowed from its slab.
pub struct EntryRef<'a, X> {
    page: &'a Page,
    at: NonNull<u8>,
    head: Head,
    object: PhantomData<&'a X>,
}

impl<'a, X> EntryRef<'a, X> {
    /// # Safety
    ///
    /// A live entry with this head, of a slab of `X`, begins at `at` in `page`, and stays as it is for `'a`.
    #[inline]
    pub(super) unsafe fn new(page: &'a Page, at: NonNull<u8>, head: Head) -> Self {
        Self { page, at, head, object: PhantomData }
    }

    /// The key.
    #[inline]
    pub fn key(&self) -> &'a [u8] {
        let shape = self.shape();
        // SAFETY: `shape` is this entry's, so `key_len` initialised bytes lie there, unchanged for `'a`.
        unsafe { slice::from_raw_parts(self.at.add(shape.key_at()).as_ptr(), shape.key_len) }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> ValueRef<'a, X> {
        let shape = self.shape();
        if shape.flags & OBJECT != 0 {
            // SAFETY: the flag says that an initialised object lies there, aligned (see `Shape::object_at`).
            ValueRef::Heap(unsafe { self.at.add(shape.object_at()).cast::<X>().as_ref() })
        } else {
            // SAFETY: as for the key.
            ValueRef::Inline(unsafe {
                slice::from_raw_parts(self.at.add(shape.value_at()).as_ptr(), shape.value_len)
            })
        }
    }

    /// When it perishes, in milliseconds.
    #[inline]
    pub fn deadline(&self) -> Option<u64> {
        // SAFETY: a live entry with this head begins at `at` (contract of `new`).
        unsafe { read_deadline(self.at, self.head) }
    }

    /// The 24 bits of the clock.
    #[inline]
    pub fn clock(&self) -> u32 {
        self.head.clock()
    }

    /// The kind of value.
    #[inline]
    pub fn kind(&self) -> u8 {
        self.head.kind()
    }

    /// The encoding of the value.
    #[inline]
    pub fn encoding(&self) -> u8 {
        self.head.encoding()
    }

    /// Kind, encoding, clock and deadline together.
    pub fn meta(&self) -> Meta {
        Meta { kind: self.kind(), encoding: self.encoding(), clock: self.clock(), deadline: self.deadline() }
    }

    /// The bytes that its slot takes; what an object owns beyond it not included.
    #[inline]
    pub fn slot_bytes(&self) -> usize {
        self.page.slot_bytes()
    }

    #[inline]
    fn shape(&self) -> Shape<X> {
        // SAFETY: a live entry of a slab of `X` with this head begins at `at` (contract of `new`).
        unsafe { Shape::read(self.at, self.head) }
    }
}

impl<X: HeapBytes> EntryRef<'_, X> {
    /// The bytes that it takes in all: its slot, and what its object owns.
    pub fn bytes(&self) -> usize {
        match self.value() {
            ValueRef::Inline(_) => self.slot_bytes(),
            ValueRef::Heap(object) => self.slot_bytes() + object.heap_bytes(),
        }
    }
}

impl<X> Clone for EntryRef<'_, X> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<X> Copy for EntryRef<'_, X> {}

/// The first eight bytes of a slot.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Head(u64);

impl Head {
    const FREE_AT: u32 = 48;
    const CLOCK_MASK: u64 = 0xff_ffff;

    pub(super) const fn free(next: u16) -> Self {
        Self((next as u64) << Self::FREE_AT)
    }

    /// The head of a live entry.
    fn new<X>(shape: &Shape<X>, meta: Meta) -> Self {
        debug_assert!(meta.kind < 16 && meta.encoding < 16 && meta.clock <= Self::CLOCK_MASK as u32);
        let (key_len, value_len) =
            if shape.flags & WIDE != 0 { (0, 0) } else { (shape.key_len as u64, shape.value_len as u64) };
        Self((u64::from(shape.flags | LIVE) << 8) | key_len << 40 | value_len << 48)
            .with_kind(meta.kind, meta.encoding)
            .with_clock(meta.clock)
    }

    pub(super) const fn next_free(self) -> u16 {
        (self.0 >> Self::FREE_AT) as u16
    }

    #[inline]
    pub(super) const fn is_live(self) -> bool {
        self.flags() & LIVE != 0
    }

    #[inline]
    const fn flags(self) -> u8 {
        (self.0 >> 8) as u8
    }

    const fn kind(self) -> u8 {
        self.0 as u8 & 15
    }

    const fn encoding(self) -> u8 {
        self.0 as u8 >> 4
    }

    const fn clock(self) -> u32 {
        (self.0 >> 16 & Self::CLOCK_MASK) as u32
    }

    pub(super) const fn with_kind(self, kind: u8, encoding: u8) -> Self {
        Self(self.0 & !0xff | (kind & 15) as u64 | ((encoding & 15) as u64) << 4)
    }

    pub(super) const fn with_clock(self, clock: u32) -> Self {
        Self(self.0 & !(Self::CLOCK_MASK << 16) | (clock as u64 & Self::CLOCK_MASK) << 16)
    }
}

/// Where the parts of an entry lie.
#[derive(Debug)]
pub(super) struct Shape<X> {
    /// Without `LIVE`.
    flags: u8,
    pub(super) key_len: usize,
    /// Zero if the value is an object.
    pub(super) value_len: usize,
    object: PhantomData<X>,
}

impl<X> Shape<X> {
    /// `value_len` is none for an object.
    ///
    /// # Panics
    ///
    /// If a length is 4 GiB or more.
    #[inline]
    pub(super) fn new(key_len: usize, value_len: Option<usize>, has_deadline: bool) -> Self {
        let mut flags = if has_deadline { DEADLINE } else { 0 };
        if value_len.is_none() {
            flags |= OBJECT;
        }
        let value_len = value_len.unwrap_or(0);
        if key_len > usize::from(u8::MAX) || value_len > usize::from(u16::MAX) {
            let longest = u32::MAX as usize;
            assert!(key_len <= longest && value_len <= longest, "a key or value of 4 GiB or more");
            flags |= WIDE;
        }
        Self { flags, key_len, value_len, object: PhantomData }
    }

    /// # Safety
    ///
    /// A live entry of a slab of `X` begins at `at` with this head.
    #[inline]
    pub(super) unsafe fn read(at: NonNull<u8>, head: Head) -> Self {
        let flags = head.flags() & !LIVE;
        let (key_len, value_len) = if flags & WIDE == 0 {
            ((head.0 >> 40) as u8 as usize, (head.0 >> 48) as usize)
        } else {
            // SAFETY: the flag says that two lengths stand there, initialised; the slot is aligned to eight
            // bytes.
            let [key_len, value_len] = unsafe { at.add(8).cast::<[u32; 2]>().read() };
            (key_len as usize, value_len as usize)
        };
        Self { flags, key_len, value_len, object: PhantomData }
    }

    #[inline]
    pub(super) fn has_object(&self) -> bool {
        self.flags & OBJECT != 0
    }

    #[inline]
    const fn deadline_at(&self) -> usize {
        8 + if self.flags & WIDE != 0 { 8 } else { 0 }
    }

    /// A multiple of eight, in a slot that is aligned to eight bytes.
    #[inline]
    pub(super) const fn object_at(&self) -> usize {
        self.deadline_at() + if self.flags & DEADLINE != 0 { 8 } else { 0 }
    }

    #[inline]
    pub(super) const fn key_at(&self) -> usize {
        self.object_at() + if self.flags & OBJECT != 0 { size_of::<X>() } else { 0 }
    }

    #[inline]
    pub(super) const fn value_at(&self) -> usize {
        self.key_at() + self.key_len
    }

    /// The bytes of the whole entry.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        // Two lengths of 4 GiB each do not fit where addresses have 32 bits.
        self.value_at().checked_add(self.value_len).expect("capacity overflow")
    }

    /// Writes head, lengths and deadline: from here on an entry of this shape is live, if key and value are
    /// there.
    ///
    /// # Safety
    ///
    /// `at` begins a slot of at least `self.bytes()` bytes which is the caller's to write. Key and value of
    /// this shape are in place, or will be before anybody looks. If the shape has an object, the slot owns it
    /// from now on.
    pub(super) unsafe fn write_head(&self, at: NonNull<u8>, meta: Meta) {
        debug_assert_eq!(meta.deadline.is_some(), self.flags & DEADLINE != 0);
        // SAFETY: within the slot by the contract: all three lie in front of the key. Aligned, as all three
        // offsets are multiples of eight.
        unsafe {
            at.cast::<Head>().write(Head::new(self, meta));
            if self.flags & WIDE != 0 {
                at.add(8).cast::<[u32; 2]>().write([self.key_len as u32, self.value_len as u32]);
            }
            if let Some(deadline) = meta.deadline {
                at.add(self.deadline_at()).cast::<u64>().write(deadline);
            }
        }
    }

    /// Writes the value.
    ///
    /// # Safety
    ///
    /// `at` begins a slot of at least `self.bytes()` bytes which is the caller's to write; `value` has the
    /// length of the shape, or is an object if the shape has one.
    pub(super) unsafe fn write_value(&self, at: NonNull<u8>, value: NewValue<'_, X>) {
        // SAFETY: all offsets lie within the slot by the contract. Sources are borrowed from elsewhere, as
        // the caller may write the slot. The object's place is aligned: see `object_at`, and `ByteSlab::new`
        // for its alignment.
        unsafe {
            let to = at.add(self.value_at());
            match value {
                NewValue::Inline(bytes) => copy(bytes, to),
                NewValue::Joined(parts) => {
                    let mut written = 0;
                    for part in parts {
                        copy(part, to.add(written));
                        written += part.len();
                    }
                }
                NewValue::Zeroed(len) => to.write_bytes(0, len),
                NewValue::Heap(object) => at.add(self.object_at()).cast::<X>().write(object),
            }
        }
    }
}

impl<X> NewValue<'_, X> {
    /// Its length; none for an object.
    #[inline]
    pub(super) fn inline_len(&self) -> Option<usize> {
        match self {
            Self::Inline(bytes) => Some(bytes.len()),
            Self::Joined(parts) => {
                let sum = parts.iter().try_fold(0usize, |sum, part| sum.checked_add(part.len()));
                Some(sum.expect("capacity overflow"))
            }
            Self::Zeroed(len) => Some(*len),
            Self::Heap(_) => None,
        }
    }
}

/// The deadline of an entry.
///
/// # Safety
///
/// A live entry begins at `at` with this head.
#[inline]
pub(super) unsafe fn read_deadline(at: NonNull<u8>, head: Head) -> Option<u64> {
    if head.flags() & DEADLINE == 0 {
        return None;
    }
    let offset = if head.flags() & WIDE != 0 { 16 } else { 8 };
    // SAFETY: the flag says that a deadline stands there, and multiples of eight are aligned.
    Some(unsafe { at.add(offset).cast::<u64>().read() })
}

/// # Safety
///
/// `to` has room for `bytes`, which lie elsewhere.
pub(super) unsafe fn copy(bytes: &[u8], to: NonNull<u8>) {
    // SAFETY: the contract.
    unsafe { to.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
}
