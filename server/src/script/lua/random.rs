//! `math.random` and `math.randomseed`: one sequence for the whole process, that of POSIX's `lrand48`. It
//! begins as Valkey's does, so that a script draws the same numbers on either.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use luna_core::runtime::Value;
use luna_core::vm::{LuaError, Vm};

use super::native::Arguments;

/// A linear congruential generator of 48 bits.
struct Lrand48(AtomicU64);

impl Lrand48 {
    const MULTIPLIER: u64 = 0x5_DEEC_E66D;
    const INCREMENT: u64 = 0xB;
    const MASK: u64 = (1 << 48) - 1;

    fn seed(&self, seed: i32) {
        self.0.store(u64::from(seed.cast_unsigned()) << 16 | 0x330E, Relaxed);
    }

    /// The next number: 31 bits, the highest of the state.
    fn next(&self) -> u32 {
        let step =
            |state: u64| state.wrapping_mul(Self::MULTIPLIER).wrapping_add(Self::INCREMENT) & Self::MASK;
        let before = self.0.fetch_update(Relaxed, Relaxed, |state| Some(step(state)));
        let before = before.unwrap_or_else(|state| state);
        (step(before) >> 17) as u32
    }
}

static SEQUENCE: Lrand48 = Lrand48(AtomicU64::new(0x1234_ABCD_330E));

/// `math.random([[low,] high])`.
pub(super) fn random(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    /// Also what a number is divided by, so that the quotient is below one.
    const END: u32 = i32::MAX.cast_unsigned();
    let arguments = Arguments::of("random", slot, count);
    let drawn = f64::from(SEQUENCE.next() % END) / f64::from(END);
    let number = match count {
        0 => drawn,
        1 => {
            let high = c_int(arguments.number(vm, 0)?);
            if high < 1 {
                return Err(arguments.bad(vm, 0, "interval is empty"));
            }
            (drawn * f64::from(high)).floor() + 1.0
        }
        2 => {
            let (low, high) = (c_int(arguments.number(vm, 0)?), c_int(arguments.number(vm, 1)?));
            if low > high {
                return Err(arguments.bad(vm, 1, "interval is empty"));
            }
            let width = high.wrapping_sub(low).wrapping_add(1);
            (drawn * f64::from(width)).floor() + f64::from(low)
        }
        _ => return Err(vm.rt_err("wrong number of arguments")),
    };
    Ok(vm.nat_return(slot, &[Value::Float(number)]))
}

/// `math.randomseed(seed)`: for this script and all that follow.
pub(super) fn randomseed(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let seed = Arguments::of("randomseed", slot, count).number(vm, 0)?;
    SEQUENCE.seed(c_int(seed));
    Ok(vm.nat_return(slot, &[]))
}

/// A number as C casts it to an `int` by way of a wider one.
fn c_int(number: f64) -> i32 {
    if number.abs() < 9.2e18 { number as i64 as i32 } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_that_of_posix() {
        let sequence = Lrand48(AtomicU64::new(0));
        sequence.seed(0);
        // srand48(0), lrand48() three times, as the manual's formula has it.
        assert_eq!([(); 3].map(|()| sequence.next()), [366_850_414, 1_610_402_240, 206_956_554]);
        sequence.seed(-1);
        assert_eq!(sequence.0.load(Relaxed), 0xFFFF_FFFF_330E);
    }
}
