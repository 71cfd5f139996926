//! Six bits for each register, the first in the lowest bits of the first byte: four registers in three bytes.

use super::estimate::Histogram;
use super::{Place, REGISTERS, Registers};

const BITS: usize = 6;
/// How many bytes all registers take.
pub(super) const BYTES: usize = REGISTERS * BITS / 8;

/// Raises a register; whether that has changed it.
#[inline]
pub(super) fn raise(body: &mut [u8], place: Place) -> bool {
    let bytes = &mut body[place.index / 4 * 3..][..3];
    let shift = place.index % 4 * BITS;
    let four = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0]);
    let old = four >> shift & 63;
    let new = u32::from(place.value);
    if old >= new {
        return false;
    }
    let raised = four & !(63 << shift) | new << shift;
    bytes.copy_from_slice(&raised.to_le_bytes()[..3]);
    true
}

/// How many registers have each value.
pub(super) fn count_values(body: &[u8], histogram: &mut Histogram) {
    // Many registers in a row have the same value, and a number that was just written is slow to read: four
    // tables in turn.
    let mut tables: [Histogram; 4] = [[0; 64]; 4];
    for eight in body.as_chunks::<6>().0 {
        for (register, value) in spread(eight).into_iter().enumerate() {
            tables[register % 4][usize::from(value)] += 1;
        }
    }
    for table in &tables {
        histogram.iter_mut().zip(table).for_each(|(sum, count)| *sum += count);
    }
}

/// The registers, one byte each.
pub(super) fn unpack(body: &[u8], registers: &mut Registers) {
    let (eights, _) = registers.as_chunks_mut::<8>();
    for (six, eight) in body.as_chunks::<6>().0.iter().zip(eights) {
        *eight = spread(six);
    }
}

/// The other way round. Registers hold six bits.
pub(super) fn pack(registers: &Registers, body: &mut [u8]) {
    let (eights, _) = registers.as_chunks::<8>();
    for (six, eight) in body.as_chunks_mut::<6>().0.iter_mut().zip(eights) {
        *six = gather(*eight);
    }
}

/// Eight registers of six bits, one byte each: halved three times, each half moved up to where it belongs.
#[inline]
fn spread(six: &[u8; 6]) -> [u8; 8] {
    let bits = u64::from_le_bytes([six[0], six[1], six[2], six[3], six[4], six[5], 0, 0]);
    let bits = bits & 0x0000_0000_00ff_ffff | (bits & 0x0000_ffff_ff00_0000) << 8;
    let bits = bits & 0x0000_0fff_0000_0fff | (bits & 0x00ff_f000_00ff_f000) << 4;
    let bits = bits & 0x003f_003f_003f_003f | (bits & 0x0fc0_0fc0_0fc0_0fc0) << 2;
    bits.to_le_bytes()
}

#[inline]
fn gather(eight: [u8; 8]) -> [u8; 6] {
    let bits = u64::from_le_bytes(eight);
    let bits = bits & 0x003f_003f_003f_003f | (bits & 0x3f00_3f00_3f00_3f00) >> 2;
    let bits = bits & 0x0000_0fff_0000_0fff | (bits & 0x0fff_0000_0fff_0000) >> 4;
    let bits = bits & 0x0000_0000_00ff_ffff | (bits & 0x00ff_ffff_0000_0000) >> 8;
    let bytes = bits.to_le_bytes();
    [bytes[0], bytes[1], bytes[2], bytes[3], bytes[4], bytes[5]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_register_lies_across_bytes() {
        let mut body = vec![0; BYTES];
        let mut plain = [0; REGISTERS];
        for step in 0..60_000usize {
            let place = Place { index: step * 7919 % REGISTERS, value: (step * 31 % 64) as u8 };
            assert_eq!(raise(&mut body, place), plain[place.index] < place.value);
            plain[place.index] = plain[place.index].max(place.value);
        }
        let mut unpacked = [0; REGISTERS];
        unpack(&body, &mut unpacked);
        assert!(unpacked == plain);
        let mut packed = vec![0xff; BYTES];
        pack(&plain, &mut packed);
        assert_eq!(packed, body);
        let mut histogram = [0; 64];
        count_values(&body, &mut histogram);
        for (value, count) in histogram.iter().enumerate() {
            assert_eq!(plain.iter().filter(|other| usize::from(**other) == value).count(), *count as usize);
        }
    }

    #[test]
    fn the_first_register_has_the_lowest_bits() {
        let mut body = vec![0; BYTES];
        raise(&mut body, Place { index: 0, value: 1 });
        raise(&mut body, Place { index: 1, value: 63 });
        raise(&mut body, Place { index: REGISTERS - 1, value: 63 });
        assert_eq!((body[0], body[1], body[BYTES - 1]), (0xc1, 0x0f, 0xfc));
    }
}
