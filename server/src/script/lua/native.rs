//! Functions for Lua that are written in Rust.

use luna_core::numeric::str2num;
use luna_core::runtime::Value;
use luna_core::vm::{LuaError, Vm};

/// A function of Lua's own library.
pub(super) fn library_function(vm: &mut Vm, library: Option<&str>, name: &str) -> Value {
    let mut table = vm.globals();
    if let Some(library) = library
        && let Value::Table(library) = table.get(Value::Str(vm.intern_str(library)))
    {
        table = library;
    }
    table.get(Value::Str(vm.intern_str(name)))
}

/// Lets the function in an upvalue do what the running one was asked for, in its place: its errors are what
/// they would be if it had been called itself.
pub(super) fn original(vm: &mut Vm, slot: u32, count: u32, upvalue: usize) -> Result<u32, LuaError> {
    match vm.nat_upval(slot, upvalue) {
        Value::Native(function) => (function.f)(vm, slot, count),
        _ => Err(plain(vm, "attempt to call a nil value")),
    }
}

/// An error without the place where it came up.
pub(super) fn plain(vm: &mut Vm, text: &str) -> LuaError {
    LuaError(Value::Str(vm.intern_str(text)))
}

/// A string.
pub(super) fn string(vm: &mut Vm, bytes: &[u8]) -> Value {
    Value::Str(vm.heap.intern(bytes))
}

/// What Lua takes for a number: numbers, and strings that look like one.
pub(super) fn number(value: Value) -> Option<f64> {
    match value {
        Value::Float(number) => Some(number),
        Value::Int(number) => Some(number as f64),
        Value::Str(text) => str2num(text.as_bytes(), false, false).map(|number| number.as_f64()),
        _ => None,
    }
}
