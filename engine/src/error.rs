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
