//! `cmsgpack.unpack` and its relatives.

use luna_core::runtime::Value;
use luna_core::vm::{LuaError, Vm};

use crate::script::lua::native::{self, Arguments};
use crate::script::lua::replies;

pub(super) fn unpack(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("unpack", slot, count);
    read(vm, slot, arguments, 0, 0)
}

pub(super) fn unpack_one(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("unpack_one", slot, count);
    let offset = optional(vm, arguments, 1)?;
    read(vm, slot, arguments, 1, offset)
}

pub(super) fn unpack_limit(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("unpack_limit", slot, count);
    let limit = arguments.number(vm, 1)? as i64 as i32;
    let offset = optional(vm, arguments, 2)?;
    read(vm, slot, arguments, limit, offset)
}

fn optional(vm: &mut Vm, arguments: Arguments, index: u32) -> Result<i32, LuaError> {
    match arguments.get(vm, index) {
        Value::Nil => Ok(0),
        _ => Ok(arguments.number(vm, index)? as i64 as i32),
    }
}

/// Reads up to `limit` values from `offset` on, or with neither all there are. Before the values stands,
/// unless all were asked for, where the next one begins, or -1 at the end.
fn read(vm: &mut Vm, slot: u32, arguments: Arguments, limit: i32, offset: i32) -> Result<u32, LuaError> {
    /// What Lua's stack has room for.
    const VALUES_MAX: usize = 7990;
    let packed: Vec<u8> = match arguments.get(vm, 0) {
        Value::Str(text) => text.as_bytes().to_vec(),
        number @ (Value::Float(_) | Value::Int(_)) => vm.tostring_value(number)?,
        _ => return Err(arguments.expected(vm, 0, "string")),
    };
    let length = packed.len();
    let (Ok(start), Ok(most)) = (usize::try_from(offset), usize::try_from(limit)) else {
        let text = format!("Invalid request to unpack with offset of {offset} and limit of {length}.");
        return Err(vm.rt_err(&text));
    };
    if start > length {
        let text = format!("Start offset {start} greater than input length {length}.");
        return Err(vm.rt_err(&text));
    }
    let all = most == 0 && start == 0;
    let mut reader = Reader { rest: &packed[start..], open: Vec::new() };
    let mut values = Vec::new();
    while !reader.rest.is_empty() && (all || values.len() < most) {
        if values.len() >= VALUES_MAX {
            return Err(vm.rt_err("stack overflow (in function mp_decode_to_lua_type)"));
        }
        match reader.value(vm) {
            Ok(value) => values.push(value),
            // Lua's own errors come up where it has no place to tell of.
            Err(why @ (NIL_KEY | NAN_KEY)) => return Err(native::plain(vm, why)),
            Err(why) => return Err(vm.rt_err(why)),
        }
    }
    if !all {
        let next = if reader.rest.is_empty() { -1.0 } else { (length - reader.rest.len()) as f64 };
        values.insert(0, Value::Float(next));
    }
    Ok(vm.nat_return(slot, &values))
}

const MISSING: &str = "Missing bytes in input.";
const NIL_KEY: &str = "table index is nil";
const NAN_KEY: &str = "table index is NaN";
const BAD: &str = "Bad data format in input.";

/// An array or a map that is being read, and how many values are still to come.
enum Open {
    Array(Vec<Value>, usize),
    Map(Vec<Value>, usize),
}

struct Reader<'p> {
    rest: &'p [u8],
    /// Values may lie in each other as deeply as they like, so those that are not done wait in a list.
    open: Vec<Open>,
}

/// What a tag begins.
enum Begun {
    Value(Value),
    Array(usize),
    Map(usize),
}

impl Reader<'_> {
    fn value(&mut self, vm: &mut Vm) -> Result<Value, &'static str> {
        loop {
            let mut value = match self.begin(vm)? {
                Begun::Value(value) => value,
                Begun::Array(0) => replies::array(vm, &[]),
                Begun::Map(0) => replies::array(vm, &[]),
                Begun::Array(count) => {
                    self.descend(Open::Array(Vec::new(), count))?;
                    continue;
                }
                Begun::Map(count) => {
                    self.descend(Open::Map(Vec::new(), count.saturating_mul(2)))?;
                    continue;
                }
            };
            loop {
                let Some(Open::Array(values, left) | Open::Map(values, left)) = self.open.last_mut() else {
                    return Ok(value);
                };
                values.push(value);
                *left -= 1;
                if *left > 0 {
                    break;
                }
                value = match self.open.pop() {
                    Some(Open::Array(values, _)) => replies::array(vm, &values),
                    Some(Open::Map(values, _)) => map(vm, &values)?,
                    None => return Ok(value),
                };
            }
        }
    }

    fn descend(&mut self, open: Open) -> Result<(), &'static str> {
        /// Where Valkey's stack ends.
        const DEPTH_MAX: usize = 7990;
        if self.open.len() >= DEPTH_MAX {
            return Err("stack overflow (in function mp_decode_to_lua_array)");
        }
        self.open.push(open);
        Ok(())
    }

    fn take(&mut self, count: usize) -> Result<&[u8], &'static str> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(MISSING)?;
        self.rest = rest;
        Ok(taken)
    }

    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], &'static str> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(MISSING)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A number without a sign, of so many bytes.
    fn unsigned(&mut self, bytes: usize) -> Result<u64, &'static str> {
        let taken = self.take(bytes)?;
        Ok(taken.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// One with a sign.
    fn signed(&mut self, bytes: usize) -> Result<i64, &'static str> {
        let unused = 64 - 8 * bytes as u32;
        Ok((self.unsigned(bytes)? << unused).cast_signed() >> unused)
    }

    fn length(&mut self, bytes: usize) -> Result<usize, &'static str> {
        Ok(usize::try_from(self.unsigned(bytes)?).unwrap_or(usize::MAX))
    }

    fn string(&mut self, vm: &mut Vm, length: usize) -> Result<Begun, &'static str> {
        let taken = self.take(length)?;
        Ok(Begun::Value(native::string(vm, taken)))
    }

    fn begin(&mut self, vm: &mut Vm) -> Result<Begun, &'static str> {
        let [tag] = self.bytes()?;
        let number = |number: f64| Ok(Begun::Value(Value::Float(number)));
        let low = usize::from(tag);
        match tag {
            0..=0x7F => number(f64::from(tag)),
            0x80..=0x8F => Ok(Begun::Map(low & 15)),
            0x90..=0x9F => Ok(Begun::Array(low & 15)),
            0xA0..=0xBF => self.string(vm, low & 31),
            0xC0 => Ok(Begun::Value(Value::Nil)),
            0xC2 | 0xC3 => Ok(Begun::Value(Value::Bool(tag == 0xC3))),
            0xCA => number(f32::from_be_bytes(self.bytes()?).into()),
            0xCB => number(f64::from_be_bytes(self.bytes()?)),
            0xCC..=0xCF => number(self.unsigned(1 << (low - 0xCC))? as f64),
            0xD0..=0xD3 => number(self.signed(1 << (low - 0xD0))? as f64),
            0xD9..=0xDB => {
                let length = self.length(1 << (low - 0xD9))?;
                self.string(vm, length)
            }
            0xDC | 0xDD => Ok(Begun::Array(self.length(2 << (low - 0xDC))?)),
            0xDE | 0xDF => Ok(Begun::Map(self.length(2 << (low - 0xDE))?)),
            0xE0.. => number(f64::from(tag.cast_signed())),
            0xC1 | 0xC4..=0xC9 | 0xD4..=0xD8 => Err(BAD),
        }
    }
}

/// A table of these keys and values, in turn.
fn map(vm: &mut Vm, values: &[Value]) -> Result<Value, &'static str> {
    let mut table = vm.new_table();
    for pair in values.chunks_exact(2) {
        match pair[0] {
            Value::Nil => return Err(NIL_KEY),
            Value::Float(key) if key.is_nan() => return Err(NAN_KEY),
            key => table = table.with(key, pair[1]),
        }
    }
    Ok(Value::Table(table.build()))
}
