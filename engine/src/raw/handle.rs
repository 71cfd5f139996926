//! The name of an entry inside its slab.

use std::num::NonZeroU32;

/// A four-byte name of an entry, given out by a slab and valid until that entry is removed or moved.
///
/// Never zero, so that a table may keep zero for "nothing". A slab checks every handle it is given: one that
/// is stale or made up is refused, or names another live entry; it is never unsound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(transparent)]
pub struct Handle(NonZeroU32);

impl Handle {
    /// The handle with these bits; none for zero.
    #[inline]
    pub const fn from_bits(bits: u32) -> Option<Self> {
        match NonZeroU32::new(bits) {
            Some(bits) => Some(Self(bits)),
            None => None,
        }
    }

    /// The bits, never zero.
    #[inline]
    pub const fn to_bits(self) -> u32 {
        self.0.get()
    }
}
