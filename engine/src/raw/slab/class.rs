//! The sizes of slots and of pages.
//!
//! Slots come in 8-byte steps up to 128 bytes, then in eight steps an octave (12.5 % and less) up to about 4
//! KiB. From 1 KiB on the steps are bent a little so that a full page is divided without a rest.
//!
//! A class's pages grow with it: a page is about a sixteenth of what lives in the class, from 4 to 64 KiB,
//! and no smaller than needed to waste little behind its last slot. So a store of ten keys takes ten small
//! pages at most, and in a large one the pages that are being filled waste some 6 %.

use super::blocks::{ORDERS, UNIT};

/// Slots begin at multiples of this, so an offset within a page fits 13 bits of a handle.
pub(super) const GRANULE: usize = 8;

/// The largest page.
pub(super) const PAGE_BYTES_MAX: usize = UNIT << (ORDERS - 1);

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

/// The order of the smallest page of each class that leaves no more than an eighth unused at its end.
static ORDER_MIN: [u8; CLASSES] = {
    let mut orders = [0; CLASSES];
    let mut class = 0;
    while class < CLASSES {
        let slot = SLOT_BYTES[class] as usize;
        while (UNIT << orders[class]) % slot > (UNIT << orders[class]) / 8 {
            orders[class] += 1;
        }
        class += 1;
    }
    orders
};

/// How large the next page should be for a class in which `live_bytes` live: `UNIT << order` bytes.
#[inline]
pub(super) fn page_order(class: usize, live_bytes: usize) -> u8 {
    let share = (live_bytes / 16).clamp(UNIT, PAGE_BYTES_MAX);
    ((share / UNIT).ilog2() as u8).max(ORDER_MIN[class])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_ascend_in_small_steps() {
        assert_eq!(slot_bytes(0), 16);
        assert_eq!(slot_bytes(14), 128);
        assert_eq!(MAX_INLINE, 4096);
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
    fn pages_waste_little_and_grow() {
        for class in 0..CLASSES {
            for order in page_order(class, 0)..ORDERS as u8 {
                let page = UNIT << order;
                assert!(page % slot_bytes(class) <= page / 8, "{class} {order}");
            }
            assert_eq!(page_order(class, 1 << 20), 4);
            assert_eq!(page_order(class, usize::MAX), 4);
        }
        assert_eq!([0, 131_071, 131_072, 600_000].map(|live| page_order(0, live)), [0, 0, 1, 3]);
        assert!(ORDER_MIN.iter().all(|&order| order <= 3));
    }
}
