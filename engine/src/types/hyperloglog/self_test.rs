//! PFSELFTEST: that what is written is read, that both forms agree, and that estimates are as good as they
//! ought to be.

use super::{Form, Hll, Place, REGISTERS, Registers, count_registers, dense};
use crate::random::Random;

const ROUNDS: usize = 20;
const ELEMENTS: u64 = 100_000;
/// The greatest error that is forgiven: four times the standard error, and a little for small numbers.
const ERROR_MAX: f64 = 4.0 * 1.04 / 128.0;

/// Tests the code this process runs; what is wrong with it, if anything is. Takes some milliseconds.
///
/// # Errors
/// A sentence about what did not come out right.
pub fn self_test(random: &mut Random) -> Result<(), String> {
    registers_keep_values(random)?;
    estimates_are_good(random)
}

fn registers_keep_values(random: &mut Random) -> Result<(), String> {
    let mut body = vec![0; dense::BYTES];
    let mut wanted: Registers = [0; REGISTERS];
    let mut kept: Registers = [0; REGISTERS];
    for _ in 0..ROUNDS {
        for (index, wanted) in wanted.iter_mut().enumerate() {
            let value = random.below(64) as u8;
            dense::raise(&mut body, Place { index, value });
            *wanted = value.max(*wanted);
        }
        dense::unpack(&body, &mut kept);
        if let Some(index) = (0..REGISTERS).find(|index| kept[*index] != wanted[*index]) {
            let (wanted, kept) = (wanted[index], kept[index]);
            return Err(format!("Register {index} should be {wanted} but is {kept}"));
        }
    }
    Ok(())
}

fn estimates_are_good(random: &mut Random) -> Result<(), String> {
    let mut registers: Registers = [0; REGISTERS];
    let salt = random.next_u64();
    let mut check = 1;
    for number in 1..=ELEMENTS {
        let place = Place::of(&(number ^ salt).to_le_bytes());
        registers[place.index] = registers[place.index].max(place.value);
        if number != check {
            continue;
        }
        check *= 10;
        let count = count_registers(&registers);
        let allowed = (number as f64 * ERROR_MAX).ceil() as u64 + if number <= 10 { 1 } else { 0 };
        if count.abs_diff(number) > allowed {
            return Err(format!("Too big error. card:{number} abserr:{}", count.abs_diff(number)));
        }
        let mut bytes = vec![0; super::DENSE_BYTES];
        bytes[..4].copy_from_slice(super::MAGIC);
        super::set_registers(&mut bytes, &registers);
        match Hll::of(&bytes).filter(|hll| hll.form() == Form::Dense).map(|hll| hll.count()) {
            Some(Ok(dense)) if dense == count => {}
            other => return Err(format!("Dense registers count {other:?}, not {count}")),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_nothing_wrong() {
        for seed in 0..3 {
            assert_eq!(self_test(&mut Random::seeded(seed)), Ok(()));
        }
    }
}
