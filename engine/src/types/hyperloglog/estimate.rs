//! From how many registers have which value to how many elements there were: O. Ertl, "New cardinality
//! estimation algorithms for HyperLogLog sketches", 2017, which needs no tables and no cases for small and
//! large numbers.

use super::{LUCK_BITS, REGISTERS};

/// How many registers have each value. A value above 51 comes from no element, but six bits hold it.
pub(super) type Histogram = [u32; 64];

/// 1 / (2 ln 2)
const ALPHA: f64 = 0.721_347_520_444_481_7;

pub(super) fn count(histogram: &Histogram) -> u64 {
    let registers = REGISTERS as f64;
    let full = f64::from(histogram[LUCK_BITS as usize + 1]);
    let mut z = registers * tau((registers - full) / registers);
    for value in (1..=LUCK_BITS as usize).rev() {
        z += f64::from(histogram[value]);
        z *= 0.5;
    }
    z += registers * sigma(f64::from(histogram[0]) / registers);
    (ALPHA * registers * registers / z).round() as u64
}

/// What the registers contribute that have not even the greatest value.
fn tau(mut x: f64) -> f64 {
    if x == 0.0 || x == 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// What the registers contribute that nothing has come to.
fn sigma(mut x: f64) -> f64 {
    if x == 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_the_scale() {
        let mut histogram = [0; 64];
        histogram[0] = REGISTERS as u32;
        assert_eq!(count(&histogram), 0);
        histogram = [0; 64];
        histogram[51] = REGISTERS as u32;
        assert_eq!(count(&histogram), u64::MAX, "infinite");
        histogram = [0; 64];
        histogram[63] = REGISTERS as u32;
        // What no element brings counts for nothing, as in Valkey.
        count(&histogram);
    }
}
