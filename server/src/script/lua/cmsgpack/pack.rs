//! `cmsgpack.pack`.

use luna_core::runtime::{Gc, Table, Value};
use luna_core::vm::{LuaError, Vm};

use crate::script::lua::native::{self, Arguments};
use crate::script::lua::{bounds, watch::MEMORY_MAX};

/// Tables that lie deeper in each other are written as nil.
const DEPTH_MAX: usize = 16;

pub(super) fn pack(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    if count == 0 {
        return Err(vm.rt_err("bad argument #0 to 'pack' (MessagePack pack needs input.)"));
    }
    let arguments = Arguments::of("pack", slot, count);
    let mut packed = Vec::new();
    for index in 0..count {
        let value = arguments.get(vm, index);
        write(value, 0, &mut packed);
    }
    // What a table holds twice is written twice, so little may make much.
    if packed.len() > MEMORY_MAX {
        return Err(bounds::exceeded(vm));
    }
    let packed = native::string(vm, &packed);
    Ok(vm.nat_return(slot, &[packed]))
}

fn write(value: Value, depth: usize, packed: &mut Vec<u8>) {
    if packed.len() > MEMORY_MAX {
        return;
    }
    match value {
        Value::Str(text) => {
            let text = text.as_bytes();
            let tags = Tags { small: Some((0xA0, 32)), bytes: Some(0xD9), words: 0xDA };
            tags.write(text.len(), packed);
            packed.extend_from_slice(text);
        }
        Value::Bool(boolean) => packed.push(if boolean { 0xC3 } else { 0xC2 }),
        Value::Float(number) => write_number(number, packed),
        Value::Int(number) => write_number(number as f64, packed),
        Value::Table(table) if depth < DEPTH_MAX => write_table(table, depth + 1, packed),
        _ => packed.push(0xC0),
    }
}

/// The tags of things that say how long they are.
struct Tags {
    /// One that holds the length itself, if that is less than this.
    small: Option<(u8, usize)>,
    /// For a length of one byte.
    bytes: Option<u8>,
    /// For a length of two bytes; the next one is for one of four.
    words: u8,
}

impl Tags {
    fn write(&self, length: usize, packed: &mut Vec<u8>) {
        match (self.small, self.bytes) {
            (Some((tag, end)), _) if length < end => packed.push(tag | length as u8),
            (_, Some(tag)) if length <= 0xFF => packed.extend([tag, length as u8]),
            _ if length <= 0xFFFF => {
                packed.push(self.words);
                packed.extend((length as u16).to_be_bytes());
            }
            _ => {
                packed.push(self.words + 1);
                packed.extend((length as u32).to_be_bytes());
            }
        }
    }
}

fn write_number(number: f64, packed: &mut Vec<u8>) {
    let integer = number as i64;
    if number.is_finite() && integer as f64 == number {
        return write_integer(integer, packed);
    }
    let single = number as f32;
    if f64::from(single) == number {
        packed.push(0xCA);
        packed.extend(single.to_be_bytes());
    } else {
        packed.push(0xCB);
        packed.extend(number.to_be_bytes());
    }
}

/// In as few bytes as hold it, one that is not negative without a sign.
fn write_integer(number: i64, packed: &mut Vec<u8>) {
    match number {
        -32..=0x7F => packed.push(number as u8),
        0x80..=0xFF => packed.extend([0xCC, number as u8]),
        0x100..=0xFFFF => {
            packed.push(0xCD);
            packed.extend((number as u16).to_be_bytes());
        }
        0x1_0000..=0xFFFF_FFFF => {
            packed.push(0xCE);
            packed.extend((number as u32).to_be_bytes());
        }
        0x1_0000_0000.. => {
            packed.push(0xCF);
            packed.extend(number.to_be_bytes());
        }
        -0x80..-32 => packed.extend([0xD0, number as u8]),
        -0x8000..-0x80 => {
            packed.push(0xD1);
            packed.extend((number as i16).to_be_bytes());
        }
        -0x8000_0000..-0x8000 => {
            packed.push(0xD2);
            packed.extend((number as i32).to_be_bytes());
        }
        _ => {
            packed.push(0xD3);
            packed.extend(number.to_be_bytes());
        }
    }
}

/// A table whose keys are 1, 2, 3 and so on is an array, an empty one as well; all others are maps.
fn write_table(table: Gc<Table>, depth: usize, packed: &mut Vec<u8>) {
    let pairs = || {
        let mut key = Value::Nil;
        std::iter::from_fn(move || {
            let (next, value) = table.next(key).ok()??;
            key = next;
            Some((next, value))
        })
    };
    let count = pairs().count();
    let is_place = |key: Value| match key {
        Value::Float(_) | Value::Int(_) => native::number(key)
            .is_some_and(|number| number >= 1.0 && number.floor() == number && number <= count as f64),
        _ => false,
    };
    // So many different places up to their number are all of them.
    if pairs().all(|(key, _)| is_place(key)) {
        Tags { small: Some((0x90, 16)), bytes: None, words: 0xDC }.write(count, packed);
        for index in 1..=count as i64 {
            write(table.get_int(index), depth, packed);
        }
    } else {
        Tags { small: Some((0x80, 16)), bytes: None, words: 0xDE }.write(count, packed);
        for (key, value) in pairs() {
            write(key, depth, packed);
            write(value, depth, packed);
        }
    }
}
