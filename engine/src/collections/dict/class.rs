//! The sizes of slots and of pages.
//!
//! Slots come in 4-byte steps up to 64 bytes, in 8-byte steps up to 128, and then in eight steps an octave.
//! A page holds about a sixteenth of what lives in its class, within bounds, so a dict that has just become
//! one takes a few hundred bytes for each size of item it holds, and a large one some pages of 64 KiB.

/// The number of classes.
pub(super) const CLASSES: usize = 56;

/// The largest slot: an item over this size gets memory of its own.
pub(super) const SLOT_BYTES_MAX: usize = SLOT_BYTES[CLASSES - 1] as usize;

const PAGE_BYTES_MIN: usize = 512;
const PAGE_BYTES_MAX: usize = 64 << 10;
/// The most slots of a page: what the bits of a handle can tell apart.
pub(super) const SLOTS_MAX: usize = 1 << SLOT_BITS;
/// How many bits of a handle name the slot in its page.
pub(super) const SLOT_BITS: u32 = 12;

const GRANULE: usize = 4;

static SLOT_BYTES: [u16; CLASSES] = {
    let mut sizes = [0; CLASSES];
    let (mut class, mut size, mut step) = (0, GRANULE as u16, GRANULE as u16);
    while class < CLASSES {
        sizes[class] = size;
        if size >= 64 && size.is_power_of_two() {
            step = size / 8;
        }
        size += step;
        class += 1;
    }
    sizes
};

/// The class for each size in granules, rounded up.
static CLASS_OF: [u8; SLOT_BYTES_MAX / GRANULE + 1] = {
    let mut classes = [0; SLOT_BYTES_MAX / GRANULE + 1];
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
    usize::from(SLOT_BYTES[class])
}

/// How many slots the next page of a class should have in which `live` items live.
pub(super) fn page_slots(class: usize, live: usize) -> usize {
    let slot = slot_bytes(class);
    let least = (PAGE_BYTES_MIN / slot).max(1);
    (live / 16).clamp(least, (PAGE_BYTES_MAX / slot).min(SLOTS_MAX))
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn each_size_goes_to_the_smallest_class_that_holds_it() {
        assert_eq!(slot_bytes(0), 4);
        assert_eq!(SLOT_BYTES_MAX, 2048);
        for bytes in 0..=SLOT_BYTES_MAX {
            let class = class_of(bytes).expect("fits");
            assert!(slot_bytes(class) >= bytes);
            assert!(class == 0 || slot_bytes(class - 1) < bytes);
        }
        assert_eq!(class_of(SLOT_BYTES_MAX + 1), None);
        assert_eq!(class_of(usize::MAX), None);
    }

    #[test]
    fn pages_grow_with_what_lives_in_them() {
        for class in 0..CLASSES {
            assert!(page_slots(class, 0) >= 1);
            assert!(page_slots(class, usize::MAX) <= SLOTS_MAX);
            assert!(page_slots(class, usize::MAX) * slot_bytes(class) <= PAGE_BYTES_MAX);
        }
        assert_eq!([0, 1_000, 100_000].map(|live| page_slots(2, live)), [42, 62, 4096]);
    }
}
