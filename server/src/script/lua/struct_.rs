//! The library `struct`: numbers and strings as the bytes of a C struct, and back, by the formats of Roberto
//! Ierusalimschy's library. A format is letters, one for each item, some with a size behind; `>`, `<` and `!`
//! among them set the order of bytes and the alignment for those that follow.

use luna_core::runtime::value::NativeFn;
use luna_core::runtime::{Gc, Table, Value};
use luna_core::vm::{LuaError, Vm};
use smallvec::SmallVec;

use super::native::{self, Arguments, number};

/// Makes the library.
pub(super) fn library(vm: &mut Vm) -> Gc<Table> {
    let functions: [(&'static str, NativeFn); 3] = [("pack", pack), ("unpack", unpack), ("size", size)];
    native::library(vm, &functions)
}

const INT_BYTES_MAX: usize = 32;
const ALIGNMENT: usize = 8;

/// A format as it is read.
struct Format<'f> {
    rest: &'f [u8],
    big_endian: bool,
    alignment: usize,
    /// Letters that mean nothing are skipped, and not refused.
    lenient: bool,
}

/// Something of a format that has a place among the bytes.
#[derive(Clone, Copy)]
struct Item {
    letter: u8,
    bytes: usize,
    /// Bytes before it.
    padding: usize,
}

impl<'f> Format<'f> {
    fn new(text: &'f [u8]) -> Self {
        // As C reads it, up to its end.
        let end = memchr::memchr(0, text).unwrap_or(text.len());
        Self { rest: &text[..end], big_endian: cfg!(target_endian = "big"), alignment: 1, lenient: false }
    }

    /// The next item, which would lie at `at`; what comes before it and is none holds from there on.
    fn next(&mut self, vm: &mut Vm, arguments: Arguments, at: usize) -> Result<Option<Item>, LuaError> {
        while let Some((&letter, rest)) = self.rest.split_first() {
            self.rest = rest;
            let bytes = match letter {
                b'b' | b'B' | b'x' => 1,
                b'h' | b'H' => 2,
                b'l' | b'L' | b'T' | b'd' => 8,
                b'f' => 4,
                b'c' => self.number(vm, 1)?,
                b's' => 0,
                b'i' | b'I' => {
                    let bytes = self.number(vm, 4)?;
                    if bytes > INT_BYTES_MAX {
                        let text = format!("integral size {bytes} is larger than limit of {INT_BYTES_MAX}");
                        return Err(vm.rt_err(&text));
                    }
                    bytes
                }
                _ => {
                    self.choose(vm, arguments, letter)?;
                    continue;
                }
            };
            // An odd size is aligned as C's masks have it.
            let size = if letter == b'c' || bytes == 0 { 0 } else { bytes.min(self.alignment) };
            let padding = if size == 0 { 0 } else { size.wrapping_sub(at & (size - 1)) & (size - 1) };
            return Ok(Some(Item { letter, bytes, padding }));
        }
        Ok(None)
    }

    fn choose(&mut self, vm: &mut Vm, arguments: Arguments, letter: u8) -> Result<(), LuaError> {
        match letter {
            b' ' => {}
            _ if self.lenient && letter.is_ascii_alphanumeric() => {}
            b'>' => self.big_endian = true,
            b'<' => self.big_endian = false,
            b'!' => {
                let alignment = self.number(vm, ALIGNMENT)?;
                if !alignment.is_power_of_two() {
                    return Err(vm.rt_err(&format!("alignment {alignment} is not a power of 2")));
                }
                self.alignment = alignment;
            }
            _ => {
                let why = format!("invalid format option '{}'", char::from(letter));
                return Err(arguments.bad(vm, 0, &why));
            }
        }
        Ok(())
    }

    /// The digits that come next, or else a default.
    fn number(&mut self, vm: &mut Vm, default: usize) -> Result<usize, LuaError> {
        let digits = self.rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return Ok(default);
        }
        let (digits, rest) = self.rest.split_at(digits);
        self.rest = rest;
        let number = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse::<i32>().ok());
        match number {
            Some(number) => Ok(number.unsigned_abs() as usize),
            None => Err(vm.rt_err("integral size overflow")),
        }
    }

    /// The lowest bytes of a number, in this format's order.
    fn write_integer(&self, number: f64, bytes: usize, packed: &mut Vec<u8>) {
        let mut value = if number < 0.0 { (number as i64).cast_unsigned() } else { number as u64 };
        let start = packed.len();
        for _ in 0..bytes {
            packed.push(value as u8);
            value >>= 8;
        }
        if self.big_endian {
            packed[start..].reverse();
        }
    }

    fn read_integer(&self, bytes: &[u8], signed: bool) -> f64 {
        let push = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
        let value = match self.big_endian {
            true => bytes.iter().fold(0, push),
            false => bytes.iter().rev().fold(0, push),
        };
        if !signed {
            return value as f64;
        }
        // The sign's place as C's shift has it, which counts modulo the width of the number.
        let sign = u64::MAX.wrapping_shl((bytes.len() as u32).wrapping_mul(8).wrapping_sub(1));
        let value = if value & sign != 0 { value | sign } else { value };
        value.cast_signed() as f64
    }

    /// Bytes of a float, turned around if need be.
    fn ordered<const N: usize>(&self, mut bytes: [u8; N]) -> [u8; N] {
        if self.big_endian != cfg!(target_endian = "big") {
            bytes.reverse();
        }
        bytes
    }
}

/// A string, or what passes for one.
fn text(vm: &mut Vm, arguments: Arguments, index: u32) -> Result<SmallVec<[u8; 64]>, LuaError> {
    match arguments.get(vm, index) {
        Value::Str(text) => Ok(SmallVec::from_slice(text.as_bytes())),
        value @ (Value::Float(_) | Value::Int(_)) => Ok(SmallVec::from_vec(vm.tostring_value(value)?)),
        _ => Err(arguments.expected(vm, index, "string")),
    }
}

fn pack(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("pack", slot, count);
    let format = text(vm, arguments, 0)?;
    let mut format = Format::new(&format);
    // Behind the last argument stands a nil, which errors tell of.
    let arguments = arguments.with_nil();
    let (mut packed, mut index) = (Vec::new(), 0);
    // What the items take by their own account, which alignment goes by.
    let mut at = 0;
    while let Some(Item { letter, mut bytes, padding }) = format.next(vm, arguments, at)? {
        packed.resize(packed.len() + padding, 0);
        match letter {
            b'x' => packed.push(0),
            b'f' | b'd' => {
                index += 1;
                let number = arguments.number(vm, index)?;
                if letter == b'f' {
                    packed.extend(format.ordered((number as f32).to_ne_bytes()));
                } else {
                    packed.extend(format.ordered(number.to_ne_bytes()));
                }
            }
            b'c' | b's' => {
                index += 1;
                let text = text(vm, arguments, index)?;
                if bytes == 0 {
                    bytes = text.len();
                }
                let Some(text) = text.get(..bytes) else {
                    return Err(arguments.bad(vm, index + 1, "string too short"));
                };
                packed.extend_from_slice(text);
                if letter == b's' {
                    packed.push(0);
                    bytes += 1;
                }
            }
            _ => {
                index += 1;
                let number = arguments.number(vm, index)?;
                format.write_integer(number, bytes, &mut packed);
            }
        }
        at += padding + bytes;
    }
    let packed = native::string(vm, &packed);
    Ok(vm.nat_return(slot, &[packed]))
}

fn unpack(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    /// What Lua's stack has room for.
    const RESULTS_MAX: usize = 7990;
    let arguments = Arguments::of("unpack", slot, count);
    let format = text(vm, arguments, 0)?;
    let data = text(vm, arguments, 1)?;
    let offset = match arguments.get(vm, 2) {
        Value::Nil => 1,
        _ => arguments.number(vm, 2)? as i64,
    };
    if offset == 0 {
        return Err(arguments.bad(vm, 2, "offset must be 1 or greater"));
    }
    let mut format = Format::new(&format);
    // A negative one is far behind the end.
    let mut at = usize::try_from(offset - 1).unwrap_or(usize::MAX);
    let mut results: Vec<Value> = Vec::new();
    while let Some(Item { letter, mut bytes, padding }) = format.next(vm, arguments, at)? {
        at = at.saturating_add(padding);
        if results.len() >= RESULTS_MAX {
            return Err(vm.rt_err("stack overflow (too many results)"));
        }
        if letter == b'c' && bytes == 0 {
            let size = results.last().copied().and_then(number);
            let Some(size) = size else { return Err(vm.rt_err("format 'c0' needs a previous size")) };
            results.pop();
            bytes = size as usize;
        }
        let Some(rest) = data.get(at..).filter(|rest| rest.len() >= bytes) else {
            return Err(arguments.bad(vm, 1, "data string too short"));
        };
        let item = &rest[..bytes];
        match letter {
            b'x' => {}
            b'c' => results.push(native::string(vm, item)),
            b's' => {
                let Some(end) = memchr::memchr(0, rest) else {
                    return Err(vm.rt_err("unfinished string in data"));
                };
                bytes = end + 1;
                results.push(native::string(vm, &rest[..end]));
            }
            b'f' => {
                let item = item.try_into().expect("invariant: a float has four bytes");
                results.push(Value::Float(f32::from_ne_bytes(format.ordered(item)).into()));
            }
            b'd' => {
                let item = item.try_into().expect("invariant: a double has eight bytes");
                results.push(Value::Float(f64::from_ne_bytes(format.ordered(item))));
            }
            _ => {
                results.push(Value::Float(format.read_integer(item, letter.is_ascii_lowercase())));
            }
        }
        at += bytes;
    }
    results.push(Value::Float((at + 1) as f64));
    Ok(vm.nat_return(slot, &results))
}

fn size(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("size", slot, count);
    let format = text(vm, arguments, 0)?;
    let mut format = Format { lenient: true, ..Format::new(&format) };
    let mut at = 0_usize;
    while let Some(Item { letter, bytes, padding }) = format.next(vm, arguments, at)? {
        match letter {
            b's' => return Err(arguments.bad(vm, 0, "option 's' has no fixed size")),
            b'c' if bytes == 0 => return Err(arguments.bad(vm, 0, "option 'c0' has no fixed size")),
            _ => at = at.saturating_add(padding).saturating_add(bytes),
        }
    }
    Ok(vm.nat_return(slot, &[Value::Float(at as f64)]))
}
