//! What a value is: its kind, its encoding, and the semantics of each type. A type does not know what a key
//! is.
//!
//! A value lies in its entry in one of two ways. It is *bytes*: a string, or a small collection packed into a
//! string of bytes, beside its key if it fits there and in a counted buffer if not. Or it is a *large*
//! collection, which owns its memory and knows how much that is. A type has a form that reads either where it
//! lies, and a form that is taken out of its entry, edited, and put back ([`Collection`]).

pub mod bitmap;
mod chance;
pub mod geo;
pub mod hash;
pub mod hyperloglog;
mod limits;
pub mod list;
pub mod long_double;
pub mod set;
pub mod sorted_set;
pub mod stream;
pub mod string;

pub use limits::Limits;

use crate::collections::deque::Deque;
use crate::collections::dict::Dict;
use crate::raw::heap::{HeapBytes, malloc_bytes};
use crate::raw::shared::SharedBytes;
use crate::raw::slab::ValueRef;

/// A value that does not lie beside its key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Object {
    /// None: an operation has taken it out of its entry, and will put it back.
    Taken,
    /// A long string, or a collection packed into one.
    Bytes(SharedBytes),
    /// A large hash.
    Hash(Box<hash::HashTable>),
    /// A large list.
    List(Box<Deque>),
    /// A large set.
    Set(Box<Dict>),
    /// A large sorted set.
    SortedSet(Box<sorted_set::LargeSortedSet>),
    /// A stream.
    Stream(Box<stream::Stream>),
}

impl Object {
    /// A copy that shares nothing, since the two may go different ways, and each is counted in full.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        match self {
            Self::Bytes(bytes) => Self::Bytes(SharedBytes::copy_from(bytes)),
            other => other.clone(),
        }
    }

    /// Its members or fields, if it keeps them in a table.
    pub(crate) fn dict(&self) -> Option<&Dict> {
        match self {
            Self::Hash(table) => Some(table.dict()),
            Self::Set(dict) => Some(dict),
            Self::SortedSet(large) => Some(large.dict()),
            _ => None,
        }
    }

    /// Hints that a member or field will be looked for soon, three that build on each other: each has fetched
    /// what the next one reads, and says whether there is a next one.
    pub(crate) fn prefetch_bucket(&self, member: &[u8]) -> bool {
        self.dict().map(|dict| dict.prefetch_bucket(dict.hash(member))).is_some()
    }

    /// See [`prefetch_bucket`](Self::prefetch_bucket).
    pub(crate) fn prefetch_member(&self, member: &[u8]) -> bool {
        self.dict().inspect(|dict| dict.prefetch_hashed(dict.hash(member)));
        matches!(self, Self::SortedSet(_))
    }

    /// See [`prefetch_bucket`](Self::prefetch_bucket).
    pub(crate) fn prefetch_rank(&self, member: &[u8]) -> bool {
        if let Self::SortedSet(large) = self {
            large.prefetch_rank(member);
        }
        false
    }
}

impl HeapBytes for Object {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Taken => 0,
            Self::Bytes(bytes) => bytes.heap_bytes(),
            Self::Hash(table) => table.heap_bytes(),
            Self::List(deque) => malloc_bytes(size_of::<Deque>()) + deque.heap_bytes(),
            Self::Set(dict) => malloc_bytes(size_of::<Dict>()) + dict.memory_bytes(),
            Self::SortedSet(large) => large.heap_bytes(),
            Self::Stream(stream) => malloc_bytes(size_of::<stream::Stream>()) + stream.heap_bytes(),
        }
    }
}

/// A value where it lies.
#[derive(Debug, Clone, Copy)]
pub enum Value<'a> {
    /// Bytes, beside the key or in a buffer of their own.
    Bytes(&'a [u8]),
    /// A large collection.
    Large(&'a Object),
}

impl<'a> From<ValueRef<'a, Object>> for Value<'a> {
    #[inline]
    fn from(value: ValueRef<'a, Object>) -> Self {
        match value {
            ValueRef::Inline(bytes) => Self::Bytes(bytes),
            ValueRef::Heap(Object::Bytes(bytes)) => Self::Bytes(bytes),
            ValueRef::Heap(object) => Self::Large(object),
        }
    }
}

/// A type other than strings, as an operation works on it: lent where it lies, to read, or taken out, edited,
/// and put back.
pub trait Collection: Sized {
    /// The type's name for itself in an entry.
    const KIND: Kind;

    /// The form to read.
    type Ref<'a>;

    /// Lends a value of this type where it lies.
    fn lend(encoding: Encoding, value: Value<'_>) -> Self::Ref<'_>;

    /// A value with nothing in it, in its smallest form.
    fn new() -> Self;

    /// A value that was taken out of its entry.
    fn from_parts(encoding: Encoding, object: Object) -> Self;

    /// What goes into an entry. Bytes are put beside the key by whoever does that, if they fit there.
    fn into_parts(self) -> (Encoding, Object);

    /// Whether nothing is left that the key should stay for. Never so for a stream.
    fn is_empty(&self) -> bool;
}

/// Declares kinds and encodings: the number that stands for each in an entry is its place in the list.
macro_rules! four_bits {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)*
        }

        impl $name {
            const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The four bits that stand for it in an entry.
            pub(crate) const fn bits(self) -> u8 {
                self as u8
            }

            /// What the four bits of an entry stand for.
            pub(crate) const fn from_bits(bits: u8) -> Self {
                Self::ALL[bits as usize]
            }

            /// Its name in replies.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }
        }

        const _: () = assert!($name::ALL.len() <= 16);
    };
}

four_bits! {
    /// The type of a value, as `TYPE` reports it.
    Kind {
        /// A byte string.
        String = "string",
        /// A sequence of byte strings, read and written at both ends.
        List = "list",
        /// Different byte strings in no order.
        Set = "set",
        /// Different byte strings, each with a score, in the order of scores.
        SortedSet = "zset",
        /// Fields, each with a value.
        Hash = "hash",
        /// A log of entries, each with an id and fields.
        Stream = "stream",
    }
}

four_bits! {
    /// How Valkey would hold a value, as `OBJECT ENCODING` reports it; what we hold may be denser.
    Encoding {
        /// A string that is the canonical decimal form of an `i64`.
        Int = "int",
        /// A short string that was set whole.
        Embstr = "embstr",
        /// A string that is long, or was changed in place.
        Raw = "raw",
        /// A small collection, packed.
        Listpack = "listpack",
        /// A set of integers, packed.
        Intset = "intset",
        /// A large hash or set.
        Hashtable = "hashtable",
        /// A large list.
        Quicklist = "quicklist",
        /// A large sorted set.
        Skiplist = "skiplist",
        /// A stream.
        Stream = "stream",
    }
}
