//! The library `bit`: operations on the lowest 32 bits of numbers, as LuaBitOp 1.0 has them. Results are
//! signed.

use luna_core::runtime::value::NativeFn;
use luna_core::runtime::{Gc, Table, Value};
use luna_core::vm::{LuaError, Vm};

use super::native::{self, Arguments};

/// Makes the library.
pub(super) fn library(vm: &mut Vm) -> Gc<Table> {
    let functions: [(&'static str, NativeFn); 12] = [
        ("tobit", |vm, slot, count| unary(vm, slot, count, "tobit", |bits| bits)),
        ("bnot", |vm, slot, count| unary(vm, slot, count, "bnot", |bits| !bits)),
        ("bswap", |vm, slot, count| unary(vm, slot, count, "bswap", u32::swap_bytes)),
        ("band", |vm, slot, count| fold(vm, slot, count, "band", |a, b| a & b)),
        ("bor", |vm, slot, count| fold(vm, slot, count, "bor", |a, b| a | b)),
        ("bxor", |vm, slot, count| fold(vm, slot, count, "bxor", |a, b| a ^ b)),
        ("lshift", |vm, slot, count| shift(vm, slot, count, "lshift", |bits, by| bits << by)),
        ("rshift", |vm, slot, count| shift(vm, slot, count, "rshift", |bits, by| bits >> by)),
        ("arshift", |vm, slot, count| {
            shift(vm, slot, count, "arshift", |bits, by| (bits.cast_signed() >> by).cast_unsigned())
        }),
        ("rol", |vm, slot, count| shift(vm, slot, count, "rol", u32::rotate_left)),
        ("ror", |vm, slot, count| shift(vm, slot, count, "ror", u32::rotate_right)),
        ("tohex", tohex),
    ];
    native::library(vm, &functions)
}

/// The lowest 32 bits of the nearest integer, halves going to the even one. Beyond 2^51 it is what the sum's
/// mantissa happens to hold, as in C.
fn bits(number: f64) -> u32 {
    /// Added to it, a number has its unit in the lowest bit of the mantissa.
    const UNIT: f64 = 6_755_399_441_055_744.0;
    (number + UNIT).to_bits() as u32
}

fn answer(vm: &mut Vm, slot: u32, bits: u32) -> Result<u32, LuaError> {
    Ok(vm.nat_return(slot, &[Value::Float(f64::from(bits.cast_signed()))]))
}

fn unary(
    vm: &mut Vm,
    slot: u32,
    count: u32,
    name: &'static str,
    act: fn(u32) -> u32,
) -> Result<u32, LuaError> {
    let number = Arguments::of(name, slot, count).number(vm, 0)?;
    answer(vm, slot, act(bits(number)))
}

fn fold(
    vm: &mut Vm,
    slot: u32,
    count: u32,
    name: &'static str,
    act: fn(u32, u32) -> u32,
) -> Result<u32, LuaError> {
    let arguments = Arguments::of(name, slot, count);
    let mut folded = bits(arguments.number(vm, 0)?);
    // From the last one, as errors tell.
    for index in (1..count).rev() {
        folded = act(folded, bits(arguments.number(vm, index)?));
    }
    answer(vm, slot, folded)
}

fn shift(
    vm: &mut Vm,
    slot: u32,
    count: u32,
    name: &'static str,
    act: fn(u32, u32) -> u32,
) -> Result<u32, LuaError> {
    let arguments = Arguments::of(name, slot, count);
    let number = bits(arguments.number(vm, 0)?);
    let by = bits(arguments.number(vm, 1)?) & 31;
    answer(vm, slot, act(number, by))
}

/// So many of the lowest digits, in upper case if the number of digits is negative.
fn tohex(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    const DIGITS_MAX: u32 = 8;
    let arguments = Arguments::of("tohex", slot, count);
    let number = bits(arguments.number(vm, 0)?);
    let wanted = match arguments.get(vm, 1) {
        Value::Nil if count < 2 => DIGITS_MAX as i32,
        _ => bits(arguments.number(vm, 1)?).cast_signed(),
    };
    let digits = wanted.unsigned_abs().min(DIGITS_MAX) as usize;
    let text = if wanted < 0 { format!("{number:08X}") } else { format!("{number:08x}") };
    let text = native::string(vm, &text.as_bytes()[DIGITS_MAX as usize - digits..]);
    Ok(vm.nat_return(slot, &[text]))
}
