//! HyperLogLog: how many different elements were seen, to within 0.81 %, in at most 12 KiB.
//!
//! An element's hash names one of 16384 registers by its lower 14 bits; the other 50 tell how lucky it was:
//! how many noughts stand before the first one. A register keeps the greatest luck it has seen. How many
//! elements there were follows from how many registers have which value (see `estimate`).
//!
//! The value is a string, and its bytes are Valkey's, so that it can be carried from one to the other with
//! GET and SET: 16 bytes of header, then the registers, in one of two forms.
//!
//! ```text
//! "HYLL"  form  3 unused  count (8 bytes, little-endian; the highest bit says that it is out of date)
//! ```
//!
//! - *Dense*: six bits each, the first register in the lowest bits of the first byte.
//! - *Sparse*: runs of equal registers, one or two bytes each, as long as no value is above 32 and the whole
//!   is short (`hll-sparse-max-bytes`). Which runs there are depends on the order in which they came to be,
//!   so what an addition does to them is Valkey's procedure, step by step.
//!
//! A client can write anything into the string. A value is therefore checked when it is opened ([`Hll::of`])
//! and its runs when they are walked: they must make 16384 registers, neither more nor fewer, or the value is
//! [`Corrupt`].

mod dense;
mod estimate;
mod hash;
mod self_test;
mod sparse;

pub use self::self_test::self_test;
pub use self::sparse::{Addition, Run, Splice};

use self::estimate::Histogram;
use crate::raw::shared::SharedBytes;

const INDEX_BITS: u32 = 14;
/// How many registers there are.
pub const REGISTERS: usize = 1 << INDEX_BITS;
/// The bits of a hash that tell how lucky an element is.
const LUCK_BITS: u32 = 64 - INDEX_BITS;

const HEADER_BYTES: usize = 16;
const DENSE_BYTES: usize = HEADER_BYTES + dense::BYTES;
/// How many bytes one takes at most.
pub const BYTES_MAX: usize = DENSE_BYTES;

const MAGIC: &[u8; 4] = b"HYLL";
const FORM_AT: usize = 4;
const COUNT_AT: usize = 8;
/// The byte of the count whose highest bit says that it is out of date.
const STALE_AT: usize = 15;
const STALE: u8 = 0x80;

/// One that has seen nothing.
pub const EMPTY: [u8; HEADER_BYTES + 2] = *b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\0\x7f\xff";

/// The registers, one byte each.
pub type Registers = [u8; REGISTERS];

/// Runs that do not make up the registers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Corrupt;

/// How the registers lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "see the module's page")]
pub enum Form {
    Dense,
    Sparse,
}

/// What an element is to a HyperLogLog: which register it goes to, and the value it brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Below [`REGISTERS`].
    pub index: usize,
    /// 1 to 51 for an element.
    pub value: u8,
}

impl Place {
    /// The place of an element.
    #[inline]
    pub fn of(element: &[u8]) -> Self {
        let hash = hash::hash(element);
        // The bit behind the last ends the run in any case.
        let luck = hash >> INDEX_BITS | 1 << LUCK_BITS;
        Self { index: (hash % REGISTERS as u64) as usize, value: luck.trailing_zeros() as u8 + 1 }
    }
}

/// The bytes of a HyperLogLog, to read.
#[derive(Debug, Clone, Copy)]
pub struct Hll<'a> {
    form: Form,
    bytes: &'a [u8],
}

impl<'a> Hll<'a> {
    /// Opens a string that is a HyperLogLog, as far as its header and its length say.
    pub fn of(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() < HEADER_BYTES || !bytes.starts_with(MAGIC) {
            return None;
        }
        let form = match bytes[FORM_AT] {
            0 if bytes.len() == DENSE_BYTES => Form::Dense,
            1 => Form::Sparse,
            _ => return None,
        };
        Some(Self { form, bytes })
    }

    /// How its registers lie.
    pub fn form(&self) -> Form {
        self.form
    }

    fn body(&self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..]
    }

    /// How many elements it has seen, if that was written down and nothing has come since.
    pub fn cached_count(&self) -> Option<u64> {
        let count = u64::from_le_bytes(self.bytes[COUNT_AT..HEADER_BYTES].try_into().ok()?);
        (self.bytes[STALE_AT] & STALE == 0).then_some(count)
    }

    /// How many elements it has seen.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub fn count(&self) -> Result<u64, Corrupt> {
        let mut histogram: Histogram = [0; _];
        match self.form {
            Form::Dense => dense::count_values(self.body(), &mut histogram),
            Form::Sparse => {
                self.for_each_run(|_, len, value| histogram[usize::from(value)] += len as u32)?;
            }
        }
        Ok(estimate::count(&histogram))
    }

    /// Raises these registers to what it has seen.
    ///
    /// # Errors
    /// [`Corrupt`]; what comes before the mistake is in the registers then.
    pub fn merge_into(&self, registers: &mut Registers) -> Result<(), Corrupt> {
        match self.form {
            Form::Dense => {
                let mut ours = [0; REGISTERS];
                dense::unpack(self.body(), &mut ours);
                registers.iter_mut().zip(&ours).for_each(|(theirs, ours)| *theirs = (*theirs).max(*ours));
                Ok(())
            }
            Form::Sparse => self.for_each_run(|first, len, value| {
                if value > 0 {
                    registers[first..first + len].iter_mut().for_each(|other| *other = (*other).max(value));
                }
            }),
        }
    }

    /// Its runs, if it is sparse, as they stand.
    pub fn runs(&self) -> Option<impl Iterator<Item = Run>> {
        (self.form == Form::Sparse).then(|| sparse::runs(self.body()))
    }

    /// The same, dense; the count that was written down is kept.
    ///
    /// # Errors
    /// [`Corrupt`].
    pub fn to_dense(&self) -> Result<SharedBytes, Corrupt> {
        let mut registers = [0; REGISTERS];
        self.merge_into(&mut registers)?;
        let mut bytes = SharedBytes::with_capacity(DENSE_BYTES);
        bytes.extend_from_slice(&self.bytes[..HEADER_BYTES]);
        bytes.resize(DENSE_BYTES);
        let to = bytes.make_mut();
        to[FORM_AT] = 0;
        dense::pack(&registers, &mut to[HEADER_BYTES..]);
        Ok(bytes)
    }

    /// What adding to a sparse one comes to, if it must not become longer than this.
    ///
    /// # Errors
    /// [`Corrupt`], as far as that is seen on the way.
    pub fn plan(&self, place: Place, bytes_max: usize) -> Result<Addition, Corrupt> {
        let addition = sparse::plan(self.body(), place)?;
        Ok(match addition {
            Addition::Splice(splice)
                if splice.growth() > 0 && splice.len_after(self.bytes.len()) > bytes_max =>
            {
                Addition::TooLarge
            }
            other => other,
        })
    }

    /// Reports each run: its first register, how many it has, and their value.
    fn for_each_run(&self, mut report: impl FnMut(usize, usize, u8)) -> Result<(), Corrupt> {
        let mut first = 0;
        for run in sparse::runs(self.body()) {
            if first + run.len() > REGISTERS {
                return Err(Corrupt);
            }
            report(first, run.len(), run.value());
            first += run.len();
        }
        if first == REGISTERS { Ok(()) } else { Err(Corrupt) }
    }
}

/// How many elements registers stand for.
pub fn count_registers(registers: &Registers) -> u64 {
    let mut histogram: Histogram = [0; _];
    registers.iter().for_each(|value| histogram[usize::from(value % 64)] += 1);
    estimate::count(&histogram)
}

/// Says of a HyperLogLog that the count written in it is out of date.
pub fn set_stale(bytes: &mut [u8]) {
    bytes[STALE_AT] |= STALE;
}

/// Writes a count into a HyperLogLog.
pub fn set_count(bytes: &mut [u8], count: u64) {
    bytes[COUNT_AT..HEADER_BYTES].copy_from_slice(&count.to_le_bytes());
}

/// Raises a register of a dense HyperLogLog; whether that has changed it.
#[inline]
pub fn raise(dense: &mut [u8], place: Place) -> bool {
    dense::raise(&mut dense[HEADER_BYTES..], place)
}

/// Writes all registers of a dense HyperLogLog.
pub fn set_registers(dense: &mut [u8], registers: &Registers) {
    dense::pack(registers, &mut dense[HEADER_BYTES..]);
}

/// Does to a sparse HyperLogLog of `len` bytes what was planned for it. The bytes are as many as before and
/// after, whatever is more; how many it has now.
pub fn splice(bytes: &mut [u8], len: usize, splice: &Splice) -> usize {
    set_stale(bytes);
    HEADER_BYTES + sparse::apply(&mut bytes[HEADER_BYTES..], len - HEADER_BYTES, splice)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// One that is kept as the store keeps it.
    #[derive(Debug, Clone)]
    struct Kept {
        bytes: Vec<u8>,
        bytes_max: usize,
    }

    impl Kept {
        fn new(bytes_max: usize) -> Self {
            Self { bytes: EMPTY.to_vec(), bytes_max }
        }

        fn add(&mut self, place: Place) -> Result<bool, Corrupt> {
            let hll = Hll::of(&self.bytes).expect("a HyperLogLog");
            if hll.form() == Form::Dense {
                return Ok(raise(&mut self.bytes, place));
            }
            match hll.plan(place, self.bytes_max)? {
                Addition::Nothing => Ok(false),
                Addition::Splice(planned) => {
                    let len = self.bytes.len();
                    let after = planned.len_after(len);
                    self.bytes.resize(len.max(after), 0xee);
                    let len = splice(&mut self.bytes, len, &planned);
                    self.bytes.truncate(len);
                    Ok(true)
                }
                Addition::TooLarge => {
                    self.bytes = hll.to_dense()?.to_vec();
                    Ok(raise(&mut self.bytes, place))
                }
            }
        }

        fn registers(&self) -> Registers {
            let mut registers = [0; REGISTERS];
            Hll::of(&self.bytes).expect("a HyperLogLog").merge_into(&mut registers).expect("sound");
            registers
        }
    }

    fn element(number: u32) -> Vec<u8> {
        format!("element:{number}").into_bytes()
    }

    /// Recorded from Valkey 9.1.2: PFADD h a b c; GET h.
    #[test]
    fn the_bytes_are_valkeys() {
        let mut kept = Kept::new(3000);
        for element in [b"a", b"b", b"c"] {
            assert_eq!(kept.add(Place::of(element)), Ok(true));
            assert_eq!(kept.add(Place::of(element)), Ok(false));
        }
        assert_eq!(&kept.bytes[16..], b"`\xf3\x80P\xb1\x84K\xfb\x80BZ");
        let hll = Hll::of(&kept.bytes).expect("a HyperLogLog");
        assert_eq!((hll.cached_count(), hll.count()), (None, Ok(3)));
        set_count(&mut kept.bytes, 3);
        assert_eq!(kept.bytes, b"HYLL\x01\0\0\0\x03\0\0\0\0\0\0\0`\xf3\x80P\xb1\x84K\xfb\x80BZ");
        assert_eq!(Hll::of(&kept.bytes).and_then(|hll| hll.cached_count()), Some(3));
    }

    #[test]
    fn both_forms_hold_the_same() {
        let (mut sparse, mut dense) = (Kept::new(usize::MAX), Kept::new(0));
        let mut plain = [0; REGISTERS];
        for number in 0..6000 {
            let place = Place::of(&element(number));
            let grows = plain[place.index] < place.value;
            plain[place.index] = plain[place.index].max(place.value);
            assert_eq!(sparse.add(place), Ok(grows));
            assert_eq!(dense.add(place), Ok(grows));
            if number % 500 == 0 {
                assert!(sparse.registers() == plain && dense.registers() == plain);
                let count = count_registers(&plain);
                for kept in [&sparse, &dense] {
                    assert_eq!(Hll::of(&kept.bytes).map(|hll| hll.count()), Some(Ok(count)));
                }
                assert!(count.abs_diff(u64::from(number) + 1) <= 20 + u64::from(number) / 30, "{count}");
            }
        }
        let hll = Hll::of(&sparse.bytes).expect("a HyperLogLog");
        assert_eq!(hll.form(), Form::Sparse);
        assert_eq!(hll.to_dense().expect("sound")[16..], dense.bytes[16..]);
    }

    #[test]
    fn too_much_for_a_run_makes_it_dense() {
        let mut kept = Kept::new(3000);
        assert_eq!(kept.add(Place { index: 5, value: 32 }), Ok(true));
        assert_eq!(kept.bytes.len(), 16 + 4);
        assert_eq!(kept.add(Place { index: 6, value: 33 }), Ok(true));
        assert_eq!(kept.bytes.len(), DENSE_BYTES);
        assert_eq!((kept.registers()[5], kept.registers()[6]), (32, 33));
    }

    fn run_bytes() -> impl Strategy<Value = Vec<u8>> {
        prop_oneof![
            4 => any::<u8>().prop_map(|byte| vec![byte]),
            1 => (0x40u8..0x80, any::<u8>()).prop_map(|(first, second)| vec![first, second]),
            1 => Just(vec![0x7f, 0xff]),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 200,
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        /// Whatever a client has written: no panic, and what can be read after an addition has what was
        /// added.
        #[test]
        fn survives_any_bytes(
            header in prop_oneof![
                8 => Just(EMPTY[..16].to_vec()),
                1 => prop::collection::vec(any::<u8>(), 0..20),
            ],
            runs in prop::collection::vec(run_bytes(), 0..200),
            sound: bool,
            places in prop::collection::vec((0..REGISTERS, 1u8..=51), 1..30),
            bytes_max in prop_oneof![Just(0usize), Just(3000), 0usize..400],
        ) {
            let mut bytes = header;
            bytes.extend(runs.concat());
            if sound {
                // Made up to just the registers there are.
                let total: usize = sparse::runs(&bytes[bytes.len().min(16)..]).map(|run| run.len()).sum();
                if let Some(left) = REGISTERS.checked_sub(total + 1) {
                    bytes.extend([0x40 | (left >> 8) as u8, left as u8]);
                }
            }
            let Some(hll) = Hll::of(&bytes) else { return Ok(()) };
            let is_sound = hll.count().is_ok();
            prop_assert_eq!(hll.merge_into(&mut [0; REGISTERS]).is_ok(), is_sound);
            prop_assert_eq!(hll.to_dense().is_ok(), is_sound);
            if let Some(runs) = hll.runs() {
                runs.for_each(drop);
            }
            // Into half a run nothing can be added.
            let is_whole = hll.runs().is_none_or(|runs| {
                runs.map(Run::bytes).sum::<usize>() == hll.body().len()
            });
            let is_sound = is_sound && is_whole;
            let mut kept = Kept { bytes, bytes_max };
            for (index, value) in places {
                let before = is_sound.then(|| kept.registers());
                let result = kept.add(Place { index, value });
                if let Some(mut before) = before {
                    prop_assert_eq!(result, Ok(before[index] < value));
                    before[index] = before[index].max(value);
                    prop_assert!(kept.registers() == before);
                }
            }
        }

        #[test]
        fn survives_any_dense_registers(registers in prop::collection::vec(any::<u8>(), dense::BYTES)) {
            let bytes = [&b"HYLL\0\0\0\0\0\0\0\0\0\0\0\x80"[..], &registers].concat();
            let hll = Hll::of(&bytes).expect("a HyperLogLog");
            let mut unpacked = [0; REGISTERS];
            prop_assert_eq!(hll.merge_into(&mut unpacked), Ok(()));
            prop_assert_eq!(hll.count(), Ok(count_registers(&unpacked)));
            let mut packed = bytes.clone();
            packed[HEADER_BYTES..].fill(0);
            set_registers(&mut packed, &unpacked);
            prop_assert!(packed == bytes);
        }
    }
}
