//! The bytes that say what follows.

/// Of a length of 14 bits the two highest ones.
pub(super) const LEN_14: u8 = 0x40;
/// A length of 32 bits follows.
pub(super) const LEN_32: u8 = 0x80;
/// A length of 64 bits follows.
pub(super) const LEN_64: u8 = 0x81;
/// In place of a string's length: it is the text of a number of so many bits, which follows.
pub(super) const INT_8: u8 = 0xc0;
/// Likewise.
pub(super) const INT_16: u8 = 0xc1;
/// Likewise.
pub(super) const INT_32: u8 = 0xc2;
/// It is compressed: its length so, its length else, and the compressed bytes follow.
pub(super) const LZF: u8 = 0xc3;

/// The first byte of a value: its type, and the form in which it follows.
pub(super) mod kind {
    /// A string.
    pub(in crate::dump) const STRING: u8 = 0;
    /// A count and elements.
    pub(in crate::dump) const LIST: u8 = 1;
    /// A count and members.
    pub(in crate::dump) const SET: u8 = 2;
    /// A count and pairs of members and scores as text.
    pub(in crate::dump) const ZSET: u8 = 3;
    /// A count and pairs of fields and values.
    pub(in crate::dump) const HASH: u8 = 4;
    /// A count and pairs of members and scores of eight bytes.
    pub(in crate::dump) const ZSET_2: u8 = 5;
    /// Fields and values in the oldest packed form, a zipmap.
    pub(in crate::dump) const HASH_ZIPMAP: u8 = 9;
    /// Elements in a ziplist.
    pub(in crate::dump) const LIST_ZIPLIST: u8 = 10;
    /// Integers in order, all of the same width.
    pub(in crate::dump) const SET_INTSET: u8 = 11;
    /// Members and scores in a ziplist.
    pub(in crate::dump) const ZSET_ZIPLIST: u8 = 12;
    /// Fields and values in a ziplist.
    pub(in crate::dump) const HASH_ZIPLIST: u8 = 13;
    /// A count and ziplists of elements.
    pub(in crate::dump) const LIST_QUICKLIST: u8 = 14;
    /// Entries, groups and consumers.
    pub(in crate::dump) const STREAM: u8 = 15;
    /// Fields and values in a listpack.
    pub(in crate::dump) const HASH_LISTPACK: u8 = 16;
    /// Members and scores in a listpack.
    pub(in crate::dump) const ZSET_LISTPACK: u8 = 17;
    /// A count and listpacks of elements, or single elements.
    pub(in crate::dump) const LIST_QUICKLIST_2: u8 = 18;
    /// A stream that knows its first entry, and how many were ever added and read.
    pub(in crate::dump) const STREAM_2: u8 = 19;
    /// Members in a listpack.
    pub(in crate::dump) const SET_LISTPACK: u8 = 20;
    /// A stream that knows when its consumers were last active.
    pub(in crate::dump) const STREAM_3: u8 = 21;
    /// A count and triples of fields, values and deadlines.
    pub(in crate::dump) const HASH_2: u8 = 22;
}

/// A node of a list is one element.
pub(super) const NODE_PLAIN: u64 = 1;
/// A node of a list is a listpack.
pub(super) const NODE_PACKED: u64 = 2;
