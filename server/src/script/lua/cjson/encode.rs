//! `cjson.encode`.

use luna_core::runtime::{Gc, Table, Value};
use luna_core::vm::{LuaError, Vm};

use super::{Invalid, STACK_SLOTS, Settings, settings};
use crate::script::lua::native::{self, Arguments};
use crate::script::lua::{bounds, watch::MEMORY_MAX};

/// A table that is being written.
enum Open {
    Array { table: Gc<Table>, length: i64, written: i64 },
    Object { table: Gc<Table>, key: Value },
}

impl Open {
    /// Slots of the stack that Valkey needs for what is in it.
    fn slots(&self) -> usize {
        match self {
            Self::Array { .. } => 1,
            Self::Object { .. } => 2,
        }
    }
}

pub(super) fn encode(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("encode", slot, count);
    if count != 1 {
        return Err(arguments.bad(vm, 0, "expected 1 argument"));
    }
    let settings = *settings(vm, slot).lock();
    let mut writer = Writer { settings, text: Vec::new(), open: Vec::new(), slots: 1 };
    let value = arguments.get(vm, 0);
    match writer.write(value) {
        Ok(()) => {
            let text = native::string(vm, &writer.text);
            Ok(vm.nat_return(slot, &[text]))
        }
        // What a table holds twice is written twice, so little may make much.
        Err(_) if writer.text.len() > MEMORY_MAX => Err(bounds::exceeded(vm)),
        Err(why) => Err(vm.rt_err(&why)),
    }
}

struct Writer {
    settings: Settings,
    text: Vec<u8>,
    /// Tables may lie in each other as deeply as they like, so those that are not done wait in a list.
    open: Vec<Open>,
    slots: usize,
}

impl Writer {
    fn write(&mut self, value: Value) -> Result<(), String> {
        self.value(value)?;
        while let Some(open) = self.open.last_mut() {
            let next = match open {
                Open::Array { table, length, written } => {
                    if written == length {
                        None
                    } else {
                        if *written > 0 {
                            self.text.push(b',');
                        }
                        *written += 1;
                        Some(table.get_int(*written))
                    }
                }
                Open::Object { table, key } => match table.next(*key).ok().flatten() {
                    None => None,
                    Some((next, value)) => {
                        if !key.is_nil() {
                            self.text.push(b',');
                        }
                        *key = next;
                        match next {
                            Value::Str(name) => write_string(name.as_bytes(), &mut self.text),
                            Value::Float(_) | Value::Int(_) => {
                                let number = native::number(next).unwrap_or_default();
                                self.text.push(b'"');
                                write_number(self.settings, number, &mut self.text)?;
                                self.text.push(b'"');
                            }
                            other => return Err(refused(other, "table key must be a number or string")),
                        }
                        self.text.push(b':');
                        Some(value)
                    }
                },
            };
            match next {
                Some(value) => self.value(value)?,
                None => self.close(),
            }
        }
        Ok(())
    }

    /// Writes a value, or the beginning of one.
    fn value(&mut self, value: Value) -> Result<(), String> {
        if self.text.len() > MEMORY_MAX {
            return Err(String::new());
        }
        match value {
            Value::Str(text) => write_string(text.as_bytes(), &mut self.text),
            Value::Float(number) => write_number(self.settings, number, &mut self.text)?,
            Value::Int(number) => write_number(self.settings, number as f64, &mut self.text)?,
            Value::Bool(true) => self.text.extend_from_slice(b"true"),
            Value::Bool(false) => self.text.extend_from_slice(b"false"),
            Value::Nil => self.text.extend_from_slice(b"null"),
            Value::LightUserdata(pointer) if pointer.is_null() => self.text.extend_from_slice(b"null"),
            Value::Table(table) => self.begin(table)?,
            other => return Err(refused(other, "type not supported")),
        }
        Ok(())
    }

    fn begin(&mut self, table: Gc<Table>) -> Result<(), String> {
        /// What has to be free for a table's first value.
        const SLOTS_FREE: usize = 3;
        let depth = self.open.len() + 1;
        let deepest = usize::try_from(self.settings.encode_depth_max).unwrap_or(0);
        if depth > deepest || self.slots + SLOTS_FREE > STACK_SLOTS {
            return Err(format!("Cannot serialise, excessive nesting ({depth})"));
        }
        let open = match self.array_length(table)? {
            Some(length) if length > 0 => {
                self.text.push(b'[');
                Open::Array { table, length, written: 0 }
            }
            _ => {
                self.text.push(b'{');
                Open::Object { table, key: Value::Nil }
            }
        };
        self.slots += open.slots();
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else { return };
        self.slots -= open.slots();
        self.text.push(if matches!(open, Open::Array { .. }) { b']' } else { b'}' });
    }

    /// The highest key, if all keys are positive integers; none for an object.
    fn array_length(&self, table: Gc<Table>) -> Result<Option<i64>, String> {
        const INDEX_MAX: f64 = i32::MAX as f64;
        let (mut length, mut elements) = (0.0_f64, 0_u64);
        let mut key = Value::Nil;
        while let Some((next, _)) = table.next(key).ok().flatten() {
            key = next;
            let number = match key {
                Value::Float(_) | Value::Int(_) => native::number(key),
                _ => None,
            };
            let is_place = |number: &f64| (1.0..=INDEX_MAX).contains(number) && number.floor() == *number;
            match number.filter(is_place) {
                Some(number) => length = length.max(number),
                None => return Ok(None),
            }
            elements += 1;
        }
        let ratio = f64::from(self.settings.sparse_ratio);
        if ratio > 0.0 && length > elements as f64 * ratio && length > f64::from(self.settings.sparse_safe) {
            return match self.settings.sparse_convert {
                true => Ok(None),
                false => Err(refused(Value::Table(table), "excessively sparse array")),
            };
        }
        Ok(Some(length as i64))
    }
}

fn refused(value: Value, why: &str) -> String {
    format!("Cannot serialise {}: {why}", value.type_name())
}

fn write_string(bytes: &[u8], text: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    text.push(b'"');
    for &byte in bytes {
        let letter = match byte {
            b'"' | b'\\' | b'/' => byte,
            8 => b'b',
            b'\t' => b't',
            b'\n' => b'n',
            12 => b'f',
            b'\r' => b'r',
            0..32 | 127 => {
                text.extend_from_slice(b"\\u00");
                text.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
                continue;
            }
            _ => {
                text.push(byte);
                continue;
            }
        };
        text.extend([b'\\', letter]);
    }
    text.push(b'"');
}

fn write_number(settings: Settings, number: f64, text: &mut Vec<u8>) -> Result<(), String> {
    if number.is_finite() {
        write_finite(number, settings.precision as usize, text);
        return Ok(());
    }
    match settings.encode_invalid {
        Invalid::Refused => return Err(refused(Value::Float(number), "must not be NaN or Inf")),
        Invalid::Null => text.extend_from_slice(b"null"),
        Invalid::Written if number.is_nan() => text.extend_from_slice(b"nan"),
        Invalid::Written if number < 0.0 => text.extend_from_slice(b"-inf"),
        Invalid::Written => text.extend_from_slice(b"inf"),
    }
    Ok(())
}

/// As C prints it with `%.<precision>g`.
fn write_finite(number: f64, precision: usize, text: &mut Vec<u8>) {
    let scientific = format!("{number:.*e}", precision - 1);
    let (mantissa, exponent) = scientific.split_once('e').expect("invariant: an exponent was asked for");
    let exponent: i32 = exponent.parse().expect("invariant: it is a number");
    let trimmed = |digits: &str| match digits.contains('.') {
        true => digits.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => digits.to_owned(),
    };
    if exponent < -4 || exponent >= precision as i32 {
        let sign = if exponent < 0 { '-' } else { '+' };
        text.extend(format!("{}e{sign}{:02}", trimmed(mantissa), exponent.abs()).into_bytes());
    } else {
        let decimals = (precision as i32 - 1 - exponent).unsigned_abs() as usize;
        text.extend(trimmed(&format!("{number:.decimals$}")).into_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_printed_as_by_c() {
        let printed = |number: f64, precision| {
            let mut text = Vec::new();
            write_finite(number, precision, &mut text);
            String::from_utf8(text).expect("it is text")
        };
        for (number, precision, expected) in [
            (0.0, 14, "0"),
            (-0.0, 14, "-0"),
            (0.1, 14, "0.1"),
            (1.0 / 3.0, 14, "0.33333333333333"),
            (99_999_999_999_999.0, 14, "99999999999999"),
            (1e14, 14, "1e+14"),
            (999_999_999_999_995.0, 14, "1e+15"),
            (1234.5678, 3, "1.23e+03"),
            (0.0001, 14, "0.0001"),
            (0.00001, 14, "1e-05"),
            (5e-324, 14, "4.9406564584125e-324"),
            (9.5, 1, "1e+01"),
        ] {
            assert_eq!(printed(number, precision), expected);
        }
    }
}
