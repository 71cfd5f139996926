//! What a value is: its kind, its encoding, and the semantics of each type. A type does not know what a key
//! is.

pub mod bitmap;
pub mod long_double;
pub mod string;

use crate::raw::heap::HeapBytes;
use crate::raw::shared::SharedBytes;

/// A value that does not lie beside its key.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Object {
    /// A long string.
    Bytes(SharedBytes),
}

impl HeapBytes for Object {
    fn heap_bytes(&self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.heap_bytes(),
        }
    }
}

/// The type of a value, as `TYPE` reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A byte string.
    String,
}

impl Kind {
    /// The four bits that stand for it in an entry.
    pub(crate) const fn bits(self) -> u8 {
        match self {
            Self::String => 0,
        }
    }

    /// What the four bits of an entry stand for.
    pub(crate) const fn from_bits(_bits: u8) -> Self {
        Self::String
    }

    /// The name that `TYPE` replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
        }
    }
}

/// How Valkey would hold a value, as `OBJECT ENCODING` reports it; what we hold may be denser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Encoding {
    /// A string that is the canonical decimal form of an `i64`.
    Int,
    /// A short string that was set whole.
    Embstr,
    /// A string that is long, or was changed in place.
    Raw,
}

impl Encoding {
    /// The four bits that stand for it in an entry.
    pub(crate) const fn bits(self) -> u8 {
        self as u8
    }

    /// What the four bits of an entry stand for.
    pub(crate) const fn from_bits(bits: u8) -> Self {
        match bits {
            0 => Self::Int,
            1 => Self::Embstr,
            _ => Self::Raw,
        }
    }

    /// The name that `OBJECT ENCODING` replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Embstr => "embstr",
            Self::Raw => "raw",
        }
    }
}
