//! The sizes of slots and of pages.
//!
//! Slots come in 8-byte steps up to 128 bytes, then in eight steps an octave (12.5 % and less) up to about 4 KiB.
//! From 1 KiB on the steps are bent a little so that a full page is divided without a rest.
//!
//! A class's pages grow with it: a page is about a sixteenth of what lives in the class, from 4 to 64 KiB. So a
//! store of ten keys takes ten small pages at most, and the page that is being filled wastes about 6 %.

use crate::raw::heap::malloc_usable;

/// Slots begin at multiples of this, so an offset of 16 bits' worth fits 13 bits of a handle.
pub(super) const GRANULE: usize = 8;

/// What a page of 64 KiB holds: malloc puts its own header in front, and the two make 64 KiB together.
pub(super) const PAGE_BYTES_MAX: usize = 65536 - 16;

/// The number of classes; a set of classes fits 64 bits.
pub(super) const CLASSES: usize = 55;

/// The largest slot: an entry over this size gets memory of its own.
pub const MAX_INLINE: usize = SLOT_BYTES[CLASSES - 1] as usize;

/// The slot size of each class, ascending, multiples of [`GRANULE`].
pub(super) static SLOT_BYTES_OF: [u16; CLASSES] = SLOT_BYTES;

const SLOT_BYTES: [u16; CLASSES] = {
    let mut sizes = [0; CLASSES];
    let (mut class, mut size, mut step) = (0, 16, 8);
    while class < CLASSES {
        sizes[class] = if size < 1024 {
            size as u16
        } else {
            let slots = (PAGE_BYTES_MAX + size / 2) / size;
            (PAGE_BYTES_MAX / slots / GRANULE * GRANULE) as u16
        };
        if size >= 128 && size.is_power_of_two() {
            step = size / 8;
        }
        size += step;
        class += 1;
    }
    sizes
};

/// The class for each size in granules, rounded up.
static CLASS_OF: [u8; MAX_INLINE / GRANULE + 1] = {
    let mut classes = [0; MAX_INLINE / GRANULE + 1];
    let (mut granules, mut class) = (0, 0);
    while granules < classes.len() {
        if granules * GRANULE > SLOT_BYTES[class] as usize {
            class += 1;
        }
        classes[granules] = class as u8;
        granules += 1;
    }
    classes
};

/// The class whose slots are the smallest that hold `bytes`; none if even the largest do not.
#[inline]
pub(super) fn class_of(bytes: usize) -> Option<usize> {
    CLASS_OF.get(bytes.div_ceil(GRANULE)).map(|&class| usize::from(class))
}

/// The slot size of a class.
#[inline]
pub(super) fn slot_bytes(class: usize) -> usize {
    usize::from(SLOT_BYTES_OF[class])
}

/// How large a page should be for a class in which `live_bytes` live, malloc's header included: a power of two.
#[inline]
pub(super) fn page_bytes(live_bytes: usize) -> usize {
    let share = (live_bytes / 16).clamp(4096, 65536);
    1 << share.ilog2()
}

/// How many slots the next page of a class has, and what it asks from the allocator. The largest pages are all of
/// one size, whatever their class, so that one that is freed serves any other.
pub(super) fn page_shape(class: usize, live_bytes: usize) -> (usize, usize) {
    let slot = slot_bytes(class);
    let room = page_bytes(live_bytes) - 16;
    let slots = (room / slot).max(1);
    let bytes = if room == PAGE_BYTES_MAX { PAGE_BYTES_MAX } else { malloc_usable(slots * slot) };
    (slots, bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::raw::heap::malloc_bytes;

    #[test]
    fn classes_ascend_in_small_steps() {
        assert_eq!(slot_bytes(0), 16);
        assert_eq!(slot_bytes(14), 128);
        assert_eq!(MAX_INLINE, 4088);
        for class in 1..CLASSES {
            let (below, size) = (slot_bytes(class - 1), slot_bytes(class));
            assert!(size > below && size % GRANULE == 0);
            assert!(size - below <= 8 || (size - below) * 1000 <= below * 146, "{below} to {size}");
        }
    }

    #[test]
    fn each_size_goes_to_the_smallest_class_that_holds_it() {
        for bytes in 0..=MAX_INLINE {
            let class = class_of(bytes).expect("fits");
            assert!(slot_bytes(class) >= bytes);
            assert!(class == 0 || slot_bytes(class - 1) < bytes);
        }
        assert_eq!(class_of(MAX_INLINE + 1), None);
        assert_eq!(class_of(usize::MAX), None);
    }

    #[test]
    fn pages_waste_little_and_fit_a_handle() {
        for class in 0..CLASSES {
            for live in [0, 100_000, 400_000, 900_000, 1 << 20, 1 << 30] {
                let (slots, bytes) = page_shape(class, live);
                let used = slots * slot_bytes(class);
                assert!(used <= bytes && bytes <= PAGE_BYTES_MAX && slots < usize::from(u16::MAX));
                assert!(malloc_bytes(bytes) - used <= 32 + used / 40, "{class} {live}: {used} of {bytes}");
            }
        }
    }
}
