//! A sorted set of integers in one run of bytes.
//!
//! ```text
//! [ width: 1 byte ][ integer ][ integer ] ...        ascending, little-endian, all of the same width
//! ```
//!
//! The width is 2, 4 or 8 bytes: that of the widest integer there ever was, as Valkey's intset has it. Behind
//! the first byte everything is laid out as there, so that a DUMP is a copy: Valkey's eight bytes of header
//! ([`to_valkey`](IntSet::to_valkey)) say in 32 bits each what the width and the length of the run say here.
//! They would be a tenth of a set of ten.
//!
//! A set grows wider at once when an integer asks for it, and never narrower again.
//!
//! Looking is a binary search; a change moves what lies behind its place. That is for sets of some hundreds.
//!
//! Invariants: the first byte is 2, 4 or 8; the rest is a multiple of it; the integers ascend strictly.

use crate::raw::shared::SharedBytes;

/// Bytes before the first integer.
const HEAD_BYTES: usize = 1;
/// Valkey's header: width and count, in 32 bits each.
const VALKEY_HEAD_BYTES: usize = 8;

/// How many bytes an integer takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Width {
    Two = 2,
    Four = 4,
    Eight = 8,
}

impl Width {
    const fn of(number: i64) -> Self {
        if number as i16 as i64 == number {
            Self::Two
        } else if number as i32 as i64 == number {
            Self::Four
        } else {
            Self::Eight
        }
    }

    const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            2 => Some(Self::Two),
            4 => Some(Self::Four),
            8 => Some(Self::Eight),
            _ => None,
        }
    }

    const fn bytes(self) -> usize {
        self as usize
    }

    /// The integer at `index` of a run of this width.
    #[inline]
    fn read(self, run: &[u8], index: usize) -> i64 {
        match self {
            Self::Two => i64::from(i16::from_le_bytes(at(run, index))),
            Self::Four => i64::from(i32::from_le_bytes(at(run, index))),
            Self::Eight => i64::from_le_bytes(at(run, index)),
        }
    }

    /// Writes an integer that this width holds.
    #[inline]
    fn write(self, run: &mut [u8], index: usize, number: i64) {
        let width = self.bytes();
        // Two's complement in little-endian: a narrower form is the beginning of a wider one.
        run[index * width..][..width].copy_from_slice(&number.to_le_bytes()[..width]);
    }
}

#[inline]
fn at<const W: usize>(run: &[u8], index: usize) -> [u8; W] {
    run[index * W..][..W].try_into().expect("invariant: a slice of W bytes")
}

/// A set of integers to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IntSet<'a> {
    width: Width,
    run: &'a [u8],
}

impl<'a> IntSet<'a> {
    /// Reads what [`IntSetBuf::into_bytes`] gave out.
    ///
    /// # Panics
    /// When the bytes are no set at all; the order of the integers is not looked at.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Self {
        let (width, run) = bytes.split_first().expect("invariant: a set of integers begins with its width");
        let width = Width::from_byte(*width).expect("invariant: integers are of two, four or eight bytes");
        Self { width, run }
    }

    /// How many integers there are.
    #[inline]
    pub fn len(self) -> usize {
        self.run.len() / self.width.bytes()
    }

    /// Whether there is none.
    #[inline]
    pub fn is_empty(self) -> bool {
        self.run.is_empty()
    }

    /// The integer at `index`, in ascending order.
    #[inline]
    pub fn get(self, index: usize) -> Option<i64> {
        (index < self.len()).then(|| self.width.read(self.run, index))
    }

    /// The least.
    pub fn first(self) -> Option<i64> {
        self.get(0)
    }

    /// The greatest.
    pub fn last(self) -> Option<i64> {
        self.get(self.len().checked_sub(1)?)
    }

    /// Whether `number` is in it.
    #[inline]
    pub fn contains(self, number: i64) -> bool {
        Width::of(number) <= self.width && self.position(number).is_ok()
    }

    /// The integers, ascending.
    #[inline]
    pub fn iter(self) -> impl ExactSizeIterator<Item = i64> + DoubleEndedIterator + Clone + use<'a> {
        (0..self.len()).map(move |index| self.width.read(self.run, index))
    }

    /// Appends it in Valkey's own layout.
    pub fn to_valkey(self, out: &mut Vec<u8>) {
        out.reserve(VALKEY_HEAD_BYTES + self.run.len());
        out.extend_from_slice(&(self.width.bytes() as u32).to_le_bytes());
        let count = u32::try_from(self.len()).expect("invariant: a set of integers is small");
        out.extend_from_slice(&count.to_le_bytes());
        out.extend_from_slice(self.run);
    }

    /// Where `number` is, or where it belongs.
    #[inline]
    fn position(self, number: i64) -> Result<usize, usize> {
        // One search for each width, so that the inner loop does not ask for it.
        match self.width {
            Width::Two => search(self.len(), number, |index| Width::Two.read(self.run, index)),
            Width::Four => search(self.len(), number, |index| Width::Four.read(self.run, index)),
            Width::Eight => search(self.len(), number, |index| Width::Eight.read(self.run, index)),
        }
    }
}

#[inline]
fn search(len: usize, number: i64, read: impl Fn(usize) -> i64) -> Result<usize, usize> {
    // Sets are often filled in ascending order.
    match len.checked_sub(1).map(&read) {
        None => return Err(0),
        Some(greatest) if number > greatest => return Err(len),
        Some(_) => {}
    }
    let (mut low, mut high) = (0, len);
    while low < high {
        let middle = low.midpoint(high);
        match read(middle).cmp(&number) {
            std::cmp::Ordering::Less => low = middle + 1,
            std::cmp::Ordering::Equal => return Ok(middle),
            std::cmp::Ordering::Greater => high = middle,
        }
    }
    Err(low)
}

/// A set of integers to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntSetBuf(SharedBytes);

impl Default for IntSetBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl IntSetBuf {
    /// The empty set.
    pub fn new() -> Self {
        Self(SharedBytes::copy_from(&[Width::Two as u8]))
    }

    /// Takes back what [`into_bytes`](Self::into_bytes) gave out.
    #[inline]
    pub fn from_bytes(bytes: SharedBytes) -> Self {
        Self(bytes)
    }

    /// Reads Valkey's own layout; none when it is not one, to the byte, or is one of no integers.
    pub fn from_valkey(bytes: &[u8]) -> Option<Self> {
        let (head, run) = bytes.split_at_checked(VALKEY_HEAD_BYTES)?;
        let number = |at: usize| u32::from_le_bytes(self::at(head, at));
        let width = Width::from_byte(u8::try_from(number(0)).ok()?)?;
        let count = usize::try_from(number(1)).ok()?;
        if count == 0 || count.checked_mul(width.bytes())? != run.len() {
            return None;
        }
        let set = IntSet { width, run };
        let ascends = set.iter().zip(set.iter().skip(1)).all(|(one, next)| one < next);
        ascends.then(|| Self(SharedBytes::joined(&[&[width as u8], run])))
    }

    /// The set to read.
    #[inline]
    pub fn as_intset(&self) -> IntSet<'_> {
        IntSet::new(&self.0)
    }

    /// The buffer that it lies in, to be counted or kept.
    #[inline]
    pub fn shared(&self) -> &SharedBytes {
        &self.0
    }

    /// The buffer that it lies in.
    #[inline]
    pub fn into_bytes(self) -> SharedBytes {
        self.0
    }

    /// Adds an integer; whether it was new.
    pub fn insert(&mut self, number: i64) -> bool {
        let set = self.as_intset();
        let (width, len) = (set.width, set.len());
        if Width::of(number) > width {
            self.widen(number);
            return true;
        }
        let Err(index) = set.position(number) else { return false };
        let bytes = HEAD_BYTES + (len + 1) * width.bytes();
        if bytes > self.0.capacity() {
            // By an eighth: between moving often and holding much that is not used.
            self.0.reserve(bytes + bytes / 8);
        }
        let place = self.0.splice(HEAD_BYTES + index * width.bytes(), 0, width.bytes());
        width.write(place, 0, number);
        true
    }

    /// Takes an integer out; whether it was there.
    pub fn remove(&mut self, number: i64) -> bool {
        let set = self.as_intset();
        if Width::of(number) > set.width {
            return false;
        }
        let Ok(index) = set.position(number) else { return false };
        self.remove_at(index);
        true
    }

    /// Takes the integer at `index` out.
    ///
    /// # Panics
    /// When there is none.
    pub fn remove_at(&mut self, index: usize) -> i64 {
        let set = self.as_intset();
        let width = set.width.bytes();
        let number = set.get(index).expect("an index within the set");
        self.0.splice(HEAD_BYTES + index * width, width, 0);
        self.shrink();
        number
    }

    /// Keeps the integers that `keep` wants, asked in ascending order.
    pub fn retain(&mut self, mut keep: impl FnMut(i64) -> bool) {
        let (width, len) = (self.as_intset().width, self.as_intset().len());
        let run = &mut self.0.make_mut()[HEAD_BYTES..];
        let mut kept = 0;
        for index in 0..len {
            let number = width.read(run, index);
            if keep(number) {
                width.write(run, kept, number);
                kept += 1;
            }
        }
        self.0.resize(HEAD_BYTES + kept * width.bytes());
        self.shrink();
    }

    /// Writes all integers anew, in the width of one that they have no room for, and that one: it lies before
    /// all others or behind them.
    fn widen(&mut self, number: i64) {
        let (old, width) = (self.as_intset(), Width::of(number));
        let (len, below) = (old.len(), number < 0);
        let mut wide = SharedBytes::with_capacity(HEAD_BYTES + (len + 1) * width.bytes());
        wide.resize(HEAD_BYTES + (len + 1) * width.bytes());
        let (head, run) = wide.make_mut().split_at_mut(HEAD_BYTES);
        head[0] = width as u8;
        for (index, old) in old.iter().enumerate() {
            width.write(run, index + usize::from(below), old);
        }
        width.write(run, if below { 0 } else { len }, number);
        self.0 = wide;
    }

    /// Gives room back of which most is not used.
    fn shrink(&mut self) {
        if self.0.capacity() > 2 * self.0.len() + 64 {
            self.0.shrink_to_fit();
        }
    }
}

impl Extend<i64> for IntSetBuf {
    fn extend<I: IntoIterator<Item = i64>>(&mut self, numbers: I) {
        for number in numbers {
            self.insert(number);
        }
    }
}

impl FromIterator<i64> for IntSetBuf {
    fn from_iter<I: IntoIterator<Item = i64>>(numbers: I) -> Self {
        let mut set = Self::new();
        set.extend(numbers);
        set
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// The limits of each width, and what lies on either side of them.
    const EDGES: &[i64] = &[
        0,
        1,
        -1,
        i16::MAX as i64,
        i16::MIN as i64,
        i16::MAX as i64 + 1,
        i16::MIN as i64 - 1,
        i32::MAX as i64,
        i32::MIN as i64,
        i32::MAX as i64 + 1,
        i32::MIN as i64 - 1,
        i64::MAX,
        i64::MIN,
    ];

    #[test]
    fn a_small_set_is_small() {
        let set: IntSetBuf = (10_000_000..10_000_010).collect();
        assert_eq!(set.shared().len(), 1 + 10 * 4);
    }

    #[test]
    fn the_width_grows_and_stays() {
        let mut set = IntSetBuf::new();
        for (number, bytes) in [(5, 1 + 2), (40_000, 1 + 8), (-5_000_000_000, 1 + 24)] {
            assert!(set.insert(number));
            assert_eq!(set.shared().len(), bytes);
        }
        assert!(set.as_intset().iter().eq([-5_000_000_000, 5, 40_000]));
        assert!(set.remove(-5_000_000_000) && set.remove(40_000));
        assert_eq!(set.shared().len(), 1 + 8);
        assert!(!set.remove(i64::MAX) && !set.as_intset().contains(6));
    }

    /// As in a DUMP by Valkey 9.1.2 of a set of 1, 2 and 70000.
    #[test]
    fn valkeys_layout() {
        let set: IntSetBuf = [70_000, 1, 2].into_iter().collect();
        let mut bytes = Vec::new();
        set.as_intset().to_valkey(&mut bytes);
        assert_eq!(bytes, b"\x04\0\0\0\x03\0\0\0\x01\0\0\0\x02\0\0\0\x70\x11\x01\0");
        assert_eq!(IntSetBuf::from_valkey(&bytes), Some(set));
        for broken in [
            &b""[..],
            b"\x04\0\0\0\0\0\0",
            // None in it; of a width that there is not; longer and shorter than it says.
            b"\x02\0\0\0\0\0\0\0",
            b"\x03\0\0\0\x01\0\0\0\x01\0\0",
            b"\x02\x01\0\0\x01\0\0\0\x01\0",
            b"\x02\0\0\0\x01\0\0\0\x01\0\x02\0",
            b"\x02\0\0\0\x02\0\0\0\x01\0",
            b"\x08\0\0\0\xff\xff\xff\xff",
            // Not ascending, and twice the same.
            b"\x02\0\0\0\x02\0\0\0\x02\0\x01\0",
            b"\x02\0\0\0\x02\0\0\0\x01\0\x01\0",
        ] {
            assert_eq!(IntSetBuf::from_valkey(broken), None, "{broken:?}");
        }
    }

    fn number() -> impl Strategy<Value = i64> {
        prop_oneof![4 => -20i64..20, 2 => prop::sample::select(EDGES), 1 => any::<i64>()]
    }

    proptest! {
        #[test]
        fn is_a_sorted_set(steps in prop::collection::vec((any::<bool>(), number()), 0..80)) {
            let mut set = IntSetBuf::new();
            let mut model = BTreeSet::new();
            for (add, number) in steps {
                if add {
                    prop_assert_eq!(set.insert(number), model.insert(number));
                } else {
                    prop_assert_eq!(set.remove(number), model.remove(&number));
                }
                let read = set.as_intset();
                prop_assert_eq!((read.len(), read.is_empty()), (model.len(), model.is_empty()));
                prop_assert_eq!((read.first(), read.last()), (model.first().copied(), model.last().copied()));
            }
            prop_assert!(set.as_intset().iter().eq(model.iter().copied()));
            let mut even = set.clone();
            even.retain(|number| number % 2 == 0);
            prop_assert!(even.as_intset().iter().eq(model.iter().copied().filter(|number| number % 2 == 0)));
            prop_assert!(set.as_intset().iter().rev().eq(model.iter().rev().copied()));
            for number in EDGES.iter().copied().chain(-20..20) {
                prop_assert_eq!(set.as_intset().contains(number), model.contains(&number));
            }
            for (index, number) in model.iter().enumerate() {
                prop_assert_eq!(set.as_intset().get(index), Some(*number));
            }
            prop_assert_eq!(set.as_intset().get(model.len()), None);

            let mut dumped = Vec::new();
            set.as_intset().to_valkey(&mut dumped);
            prop_assert_eq!(IntSetBuf::from_valkey(&dumped), (!model.is_empty()).then_some(set));
        }

        #[test]
        fn whatever_is_read_is_in_order(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(set) = IntSetBuf::from_valkey(&bytes) {
                let mut written = Vec::new();
                set.as_intset().to_valkey(&mut written);
                prop_assert_eq!(written, bytes);
                prop_assert!(set.as_intset().iter().is_sorted_by(|one, next| one < next));
            }
        }
    }
}
