//! How full a block may be: `list-max-listpack-size`.

/// What a bound on the number of elements cannot exceed: Valkey's lists have so many bits for it.
const COUNT_MAX: i32 = i16::MAX as i32;
/// The bytes that a negative bound stands for.
const SIZES: [usize; 5] = [4096, 8192, 16384, 32768, 65536];
/// Where elements are counted, so many bytes are enough all the same.
const COUNTED_BYTES_MAX: usize = 8192;
/// What Valkey adds to the length of an element, to be safe, when it asks whether a block has room for it.
const ELEMENT_OVERHEAD: usize = 8;

/// How full a block may be, and which elements are too large to share one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fill(i16);

impl Fill {
    /// What the parameter says: a count of elements, or, negative, a class of sizes.
    pub fn new(parameter: i32) -> Self {
        Self(parameter.clamp(-(SIZES.len() as i32), COUNT_MAX) as i16)
    }

    /// The parameter, within its bounds.
    pub fn parameter(self) -> i16 {
        self.0
    }

    /// The most bytes of a listpack, and the most elements.
    fn bounds(self) -> (usize, usize) {
        match usize::try_from(self.0) {
            Ok(count) => (usize::MAX, count.max(1)),
            Err(_) => (SIZES[usize::from(self.0.unsigned_abs()) - 1], usize::MAX),
        }
    }

    /// Whether a listpack of so many bytes and elements is more than one block may be.
    #[inline]
    pub fn is_exceeded(self, listpack_bytes: usize, count: usize) -> bool {
        let (bytes_max, count_max) = self.bounds();
        let bytes_max = bytes_max.min(if self.0 >= 0 { COUNTED_BYTES_MAX } else { usize::MAX });
        listpack_bytes > bytes_max || count > count_max
    }

    /// Whether a block has room for one more element, of so many bytes of text.
    #[inline]
    pub(super) fn has_room(self, listpack_bytes: usize, count: usize, text_bytes: usize) -> bool {
        let bytes = listpack_bytes.saturating_add(text_bytes).saturating_add(ELEMENT_OVERHEAD);
        !self.is_exceeded(bytes, count + 1)
    }

    /// Whether a list of one block of so many bytes and elements is small enough to be no list of blocks any
    /// more. To one that has just shrunk only half as much is allowed, so that it does not change its form at
    /// every other operation.
    pub fn suits_packed(self, listpack_bytes: usize, count: usize, shrunk: bool) -> bool {
        let (bytes_max, count_max) = self.bounds();
        let share = if shrunk { 2 } else { 1 };
        listpack_bytes <= bytes_max / share && count <= count_max / share
    }

    /// Whether a text of so many bytes gets a block of its own, which is not packed. A threshold of 0 stands
    /// for what follows from the size of blocks.
    #[inline]
    pub(super) fn is_large(self, text_bytes: usize, threshold: usize) -> bool {
        if threshold != 0 {
            return text_bytes >= threshold;
        }
        text_bytes > if self.0 >= 0 { COUNTED_BYTES_MAX } else { self.bounds().0 }
    }
}
