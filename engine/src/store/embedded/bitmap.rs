//! Strings as arrays of bits, as an embedding program uses them.

use std::ops::{Bound, RangeBounds};

use super::DB;
use crate::store::{Key, Lookup, Scope, Store, View};
use crate::types::bitmap;
use crate::{StringError, WrongType};

/// The longest string that a bit makes: as long as Valkey's are by default.
const BYTES_MAX: usize = 512 << 20;

/// The bits of the string at one key of a store: see [`Store::bitmap`].
#[derive(Debug, Clone, Copy)]
pub struct BitmapHandle<'s, 'k> {
    store: &'s Store,
    key: Key<'k>,
}

impl Store {
    /// The bits of the string at `key`, whether it is there or not: it is made when a bit is set, and bits
    /// behind its end are zero.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// let seen = store.bitmap("seen:2024-05-01");
    /// assert_eq!(seen.set(4711, true)?, false);
    /// seen.set(4712, true)?;
    /// assert!(seen.bit(4711)?);
    /// assert_eq!(seen.count(..)?, 2);
    /// assert_eq!(seen.count(4712..)?, 1);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    pub fn bitmap<'s, 'k, K: AsRef<[u8]> + ?Sized>(&'s self, key: &'k K) -> BitmapHandle<'s, 'k> {
        BitmapHandle { store: self, key: self.key(DB, key.as_ref()) }
    }
}

/// Each method works at the moment of its call, is atomic, and has every side effect that a client's command
/// has.
impl BitmapHandle<'_, '_> {
    /// Sets the bit at `offset`, or clears it; what it was. The string grows as far as needed, up to 512 MiB.
    ///
    /// # Errors
    /// [`StringError`]; nothing is changed then.
    pub fn set(&self, offset: u64, on: bool) -> Result<bool, StringError> {
        let bytes = usize::try_from(offset / 8).unwrap_or(usize::MAX).saturating_add(1);
        if bytes > BYTES_MAX {
            return Err(StringError::TooLong);
        }
        let now = self.store.clock().now();
        self.store.make_room(self.key.bytes().len() + bytes, now)?;
        self.store.view(Scope::Key(&self.key), now).set_bit(self.key, offset, on, BYTES_MAX)
    }

    /// The bit at `offset`.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a string.
    pub fn bit(&self, offset: u64) -> Result<bool, WrongType> {
        let mut view = self.view();
        Ok(view.string(self.key, Lookup::Read)?.is_some_and(|text| bitmap::bit(&text, offset)))
    }

    /// How many of these bits are set.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a string.
    pub fn count(&self, bits: impl RangeBounds<u64>) -> Result<u64, WrongType> {
        let mut view = self.view();
        let text = view.string(self.key, Lookup::Read)?;
        Ok(text.map_or(0, |text| bitmap::count(&text, within(&text, &bits))))
    }

    /// The first of these bits that is set, or that is not set; those behind the string's end are not looked
    /// at.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a string.
    pub fn position(&self, on: bool, bits: impl RangeBounds<u64>) -> Result<Option<u64>, WrongType> {
        let mut view = self.view();
        let text = view.string(self.key, Lookup::Read)?;
        Ok(text.and_then(|text| bitmap::position(&text, on, within(&text, &bits))))
    }

    fn view(&self) -> View<'_> {
        self.store.view(Scope::Key(&self.key), self.store.clock().now())
    }
}

/// The part of a range that lies within a string.
fn within(bytes: &[u8], bits: &impl RangeBounds<u64>) -> std::ops::Range<u64> {
    let total = bitmap::bits_of(bytes);
    let start = match bits.start_bound() {
        Bound::Included(start) => *start,
        Bound::Excluded(before) => before.saturating_add(1),
        Bound::Unbounded => 0,
    };
    let end = match bits.end_bound() {
        Bound::Included(last) => last.saturating_add(1),
        Bound::Excluded(end) => *end,
        Bound::Unbounded => total,
    };
    start.min(total)..end.min(total)
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn bits_behind_the_end_are_zero() {
        let store = Store::default();
        let bits = store.bitmap("bits");
        assert_eq!((bits.bit(7), bits.count(..), bits.position(false, ..)), (Ok(false), Ok(0), Ok(None)));
        assert_eq!(bits.set(9, true), Ok(false));
        assert_eq!(bits.set(9, true), Ok(true));
        assert_eq!((bits.bit(9), bits.bit(u64::MAX)), (Ok(true), Ok(false)));
        assert_eq!(bits.position(true, ..), Ok(Some(9)));
        assert_eq!(bits.position(true, 10..), Ok(None));
        assert_eq!(bits.position(false, 9..=u64::MAX), Ok(Some(10)));
        assert_eq!(bits.count(9..=9), Ok(1));
        assert_eq!(bits.count(u64::MAX..), Ok(0));
        assert_eq!(bits.set(u64::MAX, true), Err(StringError::TooLong));
        assert!(store.get("bits").is_ok_and(|value| value.is_some_and(|value| value == [0, 0x40])));
    }
}
