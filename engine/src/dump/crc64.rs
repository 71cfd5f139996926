//! The checksum at the end of a payload: CRC-64 with the polynomial of David T. Jones, bits lowest first,
//! starting from nought.
//!
//! Eight tables, so that eight bytes are taken at a time: table `n` says what a byte does that has `n` more
//! behind it. A payload is at most a few hundred megabytes, and mostly a few hundred bytes.

/// The polynomial, its bits in reverse.
const POLYNOMIAL: u64 = 0x95ac_9329_ac4b_c9b5;

static TABLES: [[u64; 256]; 8] = tables();

const fn tables() -> [[u64; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0;
    while byte < 256 {
        let mut crc = byte as u64;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ POLYNOMIAL } else { crc >> 1 };
            bit += 1;
        }
        tables[0][byte] = crc;
        byte += 1;
    }
    let mut behind = 1;
    while behind < 8 {
        let mut byte = 0;
        while byte < 256 {
            let crc = tables[behind - 1][byte];
            tables[behind][byte] = crc >> 8 ^ tables[0][(crc & 0xff) as usize];
            byte += 1;
        }
        behind += 1;
    }
    tables
}

/// The checksum of the bytes.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    let (eights, rest) = bytes.as_chunks::<8>();
    let mut crc = 0;
    for eight in eights {
        let mixed = (crc ^ u64::from_le_bytes(*eight)).to_le_bytes();
        let parts = mixed.iter().zip(TABLES.iter().rev());
        crc = parts.fold(0, |sum, (byte, table)| sum ^ table[usize::from(*byte)]);
    }
    rest.iter().fold(crc, |crc, byte| one_byte(crc, *byte))
}

fn one_byte(crc: u64, byte: u8) -> u64 {
    crc >> 8 ^ TABLES[0][usize::from(crc as u8 ^ byte)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_published_check_value() {
        assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        assert_eq!(crc64(b""), 0);
    }

    #[test]
    fn eight_at_a_time_is_one_at_a_time() {
        let bytes: Vec<u8> = (0..100_u32).map(|n| ((n * 7919) >> 3) as u8).collect();
        for end in 0..bytes.len() {
            let slow = bytes[..end].iter().fold(0, |crc, byte| one_byte(crc, *byte));
            assert_eq!(crc64(&bytes[..end]), slow, "{end}");
        }
    }
}
