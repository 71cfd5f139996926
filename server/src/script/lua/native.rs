//! Functions for Lua that are written in Rust: their arguments, and how they fail.

use luna_core::numeric::str2num;
use luna_core::runtime::value::NativeFn;
use luna_core::runtime::{Gc, Table, Value};
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

/// A table of functions.
pub(super) fn library(vm: &mut Vm, functions: &[(&'static str, NativeFn)]) -> Gc<Table> {
    let functions: Vec<_> = functions.iter().map(|(name, function)| (*name, vm.native(*function))).collect();
    let mut library = vm.new_table();
    for (name, function) in functions {
        library = library.with(name, function);
    }
    library.build()
}

/// The arguments of a call, and the name that its errors tell.
#[derive(Clone, Copy)]
pub(super) struct Arguments {
    name: &'static str,
    slot: u32,
    count: u32,
    nil: bool,
}

impl Arguments {
    pub(super) fn of(name: &'static str, slot: u32, count: u32) -> Self {
        Self { name, slot, count, nil: false }
    }

    /// The argument at `index`, nil where there is none.
    pub(super) fn get(self, vm: &Vm, index: u32) -> Value {
        vm.nat_arg(self.slot, self.count, index)
    }

    /// A number, or a string that is one.
    pub(super) fn number(self, vm: &mut Vm, index: u32) -> Result<f64, LuaError> {
        match number(self.get(vm, index)) {
            Some(number) => Ok(number),
            None => Err(self.expected(vm, index, "number")),
        }
    }

    /// The same with a nil behind the last one.
    pub(super) fn with_nil(self) -> Self {
        Self { nil: true, ..self }
    }

    pub(super) fn expected(self, vm: &mut Vm, index: u32, wanted: &str) -> LuaError {
        let found = match self.get(vm, index) {
            Value::Nil if index >= self.count && !(self.nil && index == self.count) => "no value",
            value => value.type_name(),
        };
        self.bad(vm, index, &format!("{wanted} expected, got {found}"))
    }

    /// The error for a bad argument at `index`.
    pub(super) fn bad(self, vm: &mut Vm, index: u32, why: &str) -> LuaError {
        vm.rt_err(&format!("bad argument #{} to '{}' ({why})", index + 1, self.name))
    }
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
