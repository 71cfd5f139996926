//! What can go wrong in the engine. Small typed errors, no wire text: whoever speaks to a user words them.

use std::fmt;

/// The key holds a value of another type than the operation works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WrongType;

impl fmt::Display for WrongType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the key holds a value of another type")
    }
}

impl std::error::Error for WrongType {}

/// The memory limit is reached and the policy found nothing to evict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfMemory;

impl fmt::Display for OutOfMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the memory limit is reached and nothing can be evicted")
    }
}

impl std::error::Error for OutOfMemory {}

/// A collection could not be written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CollectionError {
    /// The key holds a value of another type.
    WrongType,
    /// The memory limit is reached and the policy found nothing to evict.
    OutOfMemory,
}

impl fmt::Display for CollectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongType => WrongType.fmt(f),
            Self::OutOfMemory => OutOfMemory.fmt(f),
        }
    }
}

impl std::error::Error for CollectionError {}

impl From<WrongType> for CollectionError {
    fn from(_: WrongType) -> Self {
        Self::WrongType
    }
}

impl From<OutOfMemory> for CollectionError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// An operation on a string could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StringError {
    /// The key holds a value of another type.
    WrongType,
    /// The string would grow longer than allowed.
    TooLong,
    /// The value is not an `i64` in canonical form.
    NotInteger,
    /// The value, or what is to be added to it, is not a number.
    NotFloat,
    /// The result does not fit an `i64`.
    Overflow,
    /// The result is infinite or no number.
    NotFinite,
    /// The memory limit is reached and nothing can be evicted.
    OutOfMemory,
}

impl fmt::Display for StringError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongType => return WrongType.fmt(f),
            Self::TooLong => "the string would be longer than allowed",
            Self::NotInteger => "the value is not an integer",
            Self::NotFloat => "not a floating-point number",
            Self::Overflow => "the result does not fit an integer",
            Self::NotFinite => "the result is not a finite number",
            Self::OutOfMemory => return OutOfMemory.fmt(f),
        })
    }
}

impl std::error::Error for StringError {}

impl From<WrongType> for StringError {
    fn from(_: WrongType) -> Self {
        Self::WrongType
    }
}

impl From<OutOfMemory> for StringError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// An operation on a stream could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError {
    /// The key holds a value of another type.
    WrongType,
    /// There is no such key.
    NoSuchKey,
    /// The stream has no group of this name.
    NoSuchGroup,
    /// The stream has a group of this name already.
    GroupExists,
    /// The stream has no id left for another entry.
    Exhausted,
    /// The new entry's id is not greater than the last one.
    NotGreater,
    /// The fields and values of the new entry are too long together.
    TooLarge,
    /// The id of an entry that was deleted is greater than the new last id.
    BelowDeleted,
    /// The id of an entry that is there is greater than the new last id.
    BelowTop,
    /// More entries are there than are said to have been added.
    FewerThanThere,
    /// The memory limit is reached and nothing can be evicted.
    OutOfMemory,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongType => return WrongType.fmt(f),
            Self::NoSuchKey => "there is no such key",
            Self::NoSuchGroup => "the stream has no such group",
            Self::GroupExists => "the stream has such a group already",
            Self::Exhausted => "the stream has no id left",
            Self::NotGreater => "the id is not greater than the last one",
            Self::TooLarge => "the entry is too large",
            Self::BelowDeleted => "an entry with a greater id was deleted",
            Self::BelowTop => "an entry with a greater id is there",
            Self::FewerThanThere => "more entries are there than were added",
            Self::OutOfMemory => return OutOfMemory.fmt(f),
        })
    }
}

impl std::error::Error for StreamError {}

impl From<WrongType> for StreamError {
    fn from(_: WrongType) -> Self {
        Self::WrongType
    }
}

impl From<OutOfMemory> for StreamError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// An operation on a sorted set could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SortedSetError {
    /// The key holds a value of another type.
    WrongType,
    /// A score, or the sum of two, is not a number.
    NotANumber,
    /// The memory limit is reached and nothing can be evicted.
    OutOfMemory,
}

impl fmt::Display for SortedSetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::WrongType => WrongType.fmt(f),
            Self::NotANumber => f.write_str("the score is not a number"),
            Self::OutOfMemory => OutOfMemory.fmt(f),
        }
    }
}

impl std::error::Error for SortedSetError {}

impl From<WrongType> for SortedSetError {
    fn from(_: WrongType) -> Self {
        Self::WrongType
    }
}

impl From<OutOfMemory> for SortedSetError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

/// An operation on a HyperLogLog could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HllError {
    /// The key holds a value of another type.
    WrongType,
    /// The string is no HyperLogLog.
    NotHll,
    /// The string looks like a HyperLogLog, but what is in it makes no sense.
    Corrupt,
    /// The memory limit is reached and nothing can be evicted.
    OutOfMemory,
}

impl fmt::Display for HllError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongType => return WrongType.fmt(f),
            Self::NotHll => "the string is no HyperLogLog",
            Self::Corrupt => "the HyperLogLog is corrupt",
            Self::OutOfMemory => return OutOfMemory.fmt(f),
        })
    }
}

impl std::error::Error for HllError {}

impl From<WrongType> for HllError {
    fn from(_: WrongType) -> Self {
        Self::WrongType
    }
}

impl From<OutOfMemory> for HllError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}

impl From<crate::types::hyperloglog::Corrupt> for HllError {
    fn from(_: crate::types::hyperloglog::Corrupt) -> Self {
        Self::Corrupt
    }
}

/// Why an operation on a field of a hash failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HashError {
    /// The key holds a value of another type.
    WrongType,
    /// The field's value is not an `i64` in canonical form.
    NotInteger,
    /// The field's value is not a number.
    NotFloat,
    /// The result does not fit an `i64`.
    Overflow,
    /// The result is infinite or no number.
    NotFinite,
    /// The memory limit is reached and nothing can be evicted.
    OutOfMemory,
}

impl fmt::Display for HashError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::WrongType => return WrongType.fmt(f),
            Self::NotInteger => "the field's value is not an integer",
            Self::NotFloat => "the field's value is not a floating-point number",
            Self::Overflow => "the result does not fit an integer",
            Self::NotFinite => "the result is not a finite number",
            Self::OutOfMemory => return OutOfMemory.fmt(f),
        })
    }
}

impl std::error::Error for HashError {}

impl From<WrongType> for HashError {
    fn from(_: WrongType) -> Self {
        Self::WrongType
    }
}

impl From<OutOfMemory> for HashError {
    fn from(_: OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}
