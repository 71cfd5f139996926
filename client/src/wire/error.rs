//! What can go wrong between here and a server, by what a caller may do about it.

use std::fmt;

use redis::RedisError;

use super::life::Node;

/// Why a command has no answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// An address that cannot be used.
    Address(String),
    /// The node cannot be reached. The command was not executed.
    Unreachable(Node, RedisError),
    /// The connection was lost, or nothing came in time, after the command had been sent: whether it was
    /// executed is not known.
    Interrupted(Node, RedisError),
    /// The server answers with an error.
    Refused(RedisError),
    /// So many requests to the node failed that none is sent for a while. The command was not executed.
    BreakerOpen(Node),
    /// The cluster was asked again and again and did not settle on who owns the slot.
    Unsettled {
        /// The slot of the key.
        slot: u16,
        /// The last answer, if there was one.
        last: Option<RedisError>,
    },
}

impl Error {
    /// Whether it lies in the server or in the way to it, rather than in the command.
    pub fn is_outage(&self) -> bool {
        match self {
            Self::Unreachable(..) | Self::Interrupted(..) | Self::BreakerOpen(_) | Self::Unsettled { .. } => {
                true
            }
            Self::Refused(error) => {
                matches!(error.code(), Some("LOADING" | "MASTERDOWN" | "CLUSTERDOWN" | "READONLY" | "BUSY"))
            }
            Self::Address(_) => false,
        }
    }

    /// Whether the command may have been executed all the same.
    pub fn is_in_doubt(&self) -> bool {
        matches!(self, Self::Interrupted(..))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(what) => write!(f, "the address cannot be used: {what}"),
            Self::Unreachable(node, error) => write!(f, "{node} cannot be reached: {error}"),
            Self::Interrupted(node, error) => write!(f, "{node} did not answer: {error}"),
            Self::Refused(error) => error.fmt(f),
            Self::BreakerOpen(node) => write!(f, "{node} failed so often that it is left in peace"),
            Self::Unsettled { slot, last: Some(error) } => write!(f, "slot {slot} has no owner: {error}"),
            Self::Unsettled { slot, last: None } => write!(f, "slot {slot} has no owner"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreachable(_, error) | Self::Interrupted(_, error) | Self::Refused(error) => Some(error),
            Self::Unsettled { last, .. } => last.as_ref().map(|error| error as _),
            Self::Address(_) | Self::BreakerOpen(_) => None,
        }
    }
}
