//! What commands answer, as Lua values.

use luna_core::runtime::Value;
use luna_core::vm::Vm;
use smallvec::SmallVec;

use super::native::string;

/// The first reply of `bytes`, which the server itself has written.
pub(super) fn value(vm: &mut Vm, bytes: &[u8]) -> Value {
    Reader { bytes }.value(vm)
}

struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    fn value(&mut self, vm: &mut Vm) -> Value {
        let line = self.line();
        let Some((sigil, rest)) = line.split_first() else { return Value::Nil };
        match sigil {
            b'$' => match length(rest) {
                None => Value::Bool(false),
                Some(length) => {
                    let bytes = self.take(length);
                    string(vm, bytes)
                }
            },
            b':' => Value::Float(integer(rest) as f64),
            b'*' => match length(rest) {
                None => Value::Bool(false),
                Some(count) => self.array(vm, count),
            },
            b'+' => tagged(vm, "ok", rest),
            b'-' => {
                let text = string(vm, rest);
                error(vm, text)
            }
            b'_' => Value::Nil,
            b'#' => Value::Bool(rest == b"t"),
            b',' => {
                let number = std::str::from_utf8(rest).ok().and_then(|text| text.parse().ok());
                let number = Value::Float(number.unwrap_or(f64::NAN));
                Value::Table(vm.new_table().with("double", number).build())
            }
            b'(' => tagged(vm, "big_number", rest),
            b'=' => {
                let whole = self.take(length(rest).unwrap_or(0));
                let (format, text) = whole.split_at(whole.len().min(3));
                let format = string(vm, format);
                let text = string(vm, text.strip_prefix(b":").unwrap_or_default());
                let inner = vm.new_table().with("format", format).with("string", text).build();
                Value::Table(vm.new_table().with("verbatim_string", inner).build())
            }
            b'%' => {
                let count = length(rest).unwrap_or(0);
                let pairs: SmallVec<[(Value, Value); 8]> =
                    (0..count).map(|_| (self.value(vm), self.value(vm))).collect();
                let mut map = vm.new_table();
                for (key, value) in pairs {
                    map = map.with(key, value);
                }
                let map = map.build();
                Value::Table(vm.new_table().with("map", map).build())
            }
            b'~' => {
                let count = length(rest).unwrap_or(0);
                let members: SmallVec<[Value; 16]> = (0..count).map(|_| self.value(vm)).collect();
                let mut set = vm.new_table();
                for member in members {
                    set = set.with(member, true);
                }
                let set = set.build();
                Value::Table(vm.new_table().with("set", set).build())
            }
            _ => Value::Nil,
        }
    }

    fn array(&mut self, vm: &mut Vm, count: usize) -> Value {
        let elements: SmallVec<[Value; 16]> = (0..count).map(|_| self.value(vm)).collect();
        array(vm, &elements)
    }

    /// Up to the next line end, which is taken, too.
    fn line(&mut self) -> &'a [u8] {
        let end = memchr::memchr(b'\r', self.bytes).unwrap_or(self.bytes.len());
        let line = &self.bytes[..end];
        self.bytes = self.bytes.get(end + 2..).unwrap_or_default();
        line
    }

    /// So many bytes, and the line end behind them.
    fn take(&mut self, length: usize) -> &'a [u8] {
        let taken = self.bytes.get(..length).unwrap_or(self.bytes);
        self.bytes = self.bytes.get(length + 2..).unwrap_or_default();
        taken
    }
}

/// A table of these elements, the first at 1.
pub(super) fn array(vm: &mut Vm, elements: &[Value]) -> Value {
    let mut table = vm.new_table();
    for (index, element) in elements.iter().enumerate() {
        table = table.with(index as i64 + 1, *element);
    }
    Value::Table(table.build())
}

/// An error as scripts get it: one that has been counted.
pub(super) fn error(vm: &mut Vm, text: Value) -> Value {
    Value::Table(vm.new_table().with("err", text).with(COUNTED, true).build())
}

/// The field of an error that has been counted.
pub(super) const COUNTED: &str = "ignore_error_stats_update";

fn tagged(vm: &mut Vm, tag: &str, text: &[u8]) -> Value {
    let text = string(vm, text);
    Value::Table(vm.new_table().with(tag, text).build())
}

/// The number of a header, nothing for a null.
fn length(digits: &[u8]) -> Option<usize> {
    usize::try_from(integer(digits)).ok()
}

fn integer(digits: &[u8]) -> i64 {
    let (negative, digits) = match digits.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, digits),
    };
    let value = digits
        .iter()
        .fold(0_i64, |value, digit| value.wrapping_mul(10).wrapping_add(i64::from(digit.wrapping_sub(b'0'))));
    if negative { value.wrapping_neg() } else { value }
}
