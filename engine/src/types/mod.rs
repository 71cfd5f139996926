//! What a value is: its kind, its encoding, and the semantics of each type. A type does not know what a key is.

pub mod long_double;

/// The type of a value, as `TYPE` reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A byte string.
    String,
}

impl Kind {
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
    /// The name that `OBJECT ENCODING` replies.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Embstr => "embstr",
            Self::Raw => "raw",
        }
    }
}
