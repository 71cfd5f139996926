//! What can go wrong in a near cache.

use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::sync::Arc;

use crate::codec::CodecError;
use crate::wire;

/// Why there is no answer. Shared by all who waited for the same.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// The server, or the way to it.
    Wire(Arc<wire::Error>),
    /// A value that cannot be made into bytes, or bytes at the server that are no value.
    Codec(Arc<CodecError>),
    /// The loader failed.
    Loader(Arc<dyn StdError + Send + Sync>),
    /// It took longer than the hard timeout. The request goes on, for whoever asks next.
    TimedOut,
    /// The system has no thread for the blocking front.
    Thread(Arc<io::Error>),
}

impl Error {
    /// Whether it lies in the server or in the way to it.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Wire(error) => error.is_outage(),
            Self::TimedOut => true,
            Self::Codec(_) | Self::Loader(_) | Self::Thread(_) => false,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wire(error) => error.fmt(f),
            Self::Codec(error) => error.fmt(f),
            Self::Loader(error) => write!(f, "the value could not be loaded: {error}"),
            Self::TimedOut => f.write_str("it took too long"),
            Self::Thread(error) => write!(f, "no thread can be started: {error}"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Wire(error) => Some(&**error),
            Self::Codec(error) => Some(&**error),
            Self::Loader(error) => Some(&**error),
            Self::TimedOut => None,
            Self::Thread(error) => Some(&**error),
        }
    }
}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        Self::Wire(Arc::new(error))
    }
}

impl From<CodecError> for Error {
    fn from(error: CodecError) -> Self {
        Self::Codec(Arc::new(error))
    }
}
