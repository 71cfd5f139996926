//! What a client is told when a command fails: the one place where errors become wire text.
//!
//! The texts are Valkey's, word for word: clients and test suites match on them.

use std::borrow::Cow;
use std::fmt;

/// Why a command failed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// An option that the command does not know, or options that exclude each other.
    Syntax,
    /// An argument, or a stored value, that should be an `i64` and is not.
    NotInteger,
    /// An argument, or a stored value, that should be a floating-point number and is not.
    NotFloat,
    /// The key holds a value of another type.
    WrongType,
    /// `maxmemory` is reached and nothing can be evicted.
    OutOfMemory,
    /// The command needs the key to be there.
    NoSuchKey,
    /// A key would be copied or moved to where it is.
    SameObject,
    /// Too few or too many arguments for the command of this full name (`config|get`).
    Arity(Cow<'static, str>),
    /// An expiry that is not positive or not representable, for the command of this name.
    InvalidExpire(&'static str),
    /// A text of a single command, with its code: `ERR no such thing`.
    Text(&'static str),
    /// The same, made at run time.
    Owned(String),
    /// The same with something in it that the client sent, which need not be text.
    Bytes(Vec<u8>),
}

impl Error {
    /// An error that quotes bytes which the client sent, as C would: up to the first NUL.
    pub fn quoting(before: &str, quoted: &[u8], after: &str) -> Self {
        Self::Bytes([before.as_bytes(), as_c_string(quoted), after.as_bytes()].concat())
    }

    /// The same with two quotations and what stands between them.
    pub fn quoting_two(before: &str, first: &[u8], between: &str, second: &[u8], after: &str) -> Self {
        let parts = [
            before.as_bytes(),
            as_c_string(first),
            between.as_bytes(),
            as_c_string(second),
            after.as_bytes(),
        ];
        Self::Bytes(parts.concat())
    }

    /// The line a client reads, code first, without the leading `-`, to the byte.
    pub fn line(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Bytes(bytes) => Cow::Borrowed(bytes),
            other => match other.message() {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            },
        }
    }

    /// The same as text.
    pub fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::Syntax => "ERR syntax error",
            Self::NotInteger => "ERR value is not an integer or out of range",
            Self::NotFloat => "ERR value is not a valid float",
            Self::WrongType => "WRONGTYPE Operation against a key holding the wrong kind of value",
            Self::OutOfMemory => "OOM command not allowed when used memory > 'maxmemory'.",
            Self::NoSuchKey => "ERR no such key",
            Self::SameObject => "ERR source and destination objects are the same",
            Self::Text(text) => text,
            Self::Arity(name) => {
                return Cow::Owned(format!("ERR wrong number of arguments for '{name}' command"));
            }
            Self::InvalidExpire(name) => {
                return Cow::Owned(format!("ERR invalid expire time in '{name}' command"));
            }
            Self::Owned(text) => return Cow::Owned(text.clone()),
            Self::Bytes(bytes) => return Cow::Owned(String::from_utf8_lossy(bytes).into_owned()),
        })
    }
}

fn as_c_string(bytes: &[u8]) -> &[u8] {
    &bytes[..memchr::memchr(0, bytes).unwrap_or(bytes.len())]
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl std::error::Error for Error {}

impl From<scrubjay::WrongType> for Error {
    fn from(_: scrubjay::WrongType) -> Self {
        Self::WrongType
    }
}

impl From<scrubjay::OutOfMemory> for Error {
    fn from(_: scrubjay::OutOfMemory) -> Self {
        Self::OutOfMemory
    }
}
