//! `register_function`: what the code of a library may call while it is loaded, and nothing else.

use std::cell::RefCell;

use luna_core::runtime::{Gc, Table, Value};
use luna_core::vm::{HostRootTicket, LuaError, Vm};

use super::current::in_its_words;
use super::native::plain;
use crate::script::functions::{Function, FunctionFlags};

thread_local! {
    /// What the library that is being loaded has registered so far.
    pub(super) static REGISTERED: RefCell<Vec<(Function, HostRootTicket)>> =
        const { RefCell::new(Vec::new()) };
}

/// By position a function is registered by its name and what to call, or by a table that names its parts.
pub(super) fn register_function(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let (function, callback) = match (count, vm.nat_arg(slot, count, 0)) {
        (1, Value::Table(parts)) => named(vm, parts)?,
        (1, _) => {
            return Err(refused(
                vm,
                "calling server.register_function with a single argument is only applicable to Lua table \
                 (representing named arguments).",
            ));
        }
        (2, name) => {
            let Some(name) = text(vm, name) else {
                return Err(refused(vm, "first argument to server.register_function must be a string"));
            };
            let callback = vm.nat_arg(slot, count, 1);
            if !callback.is_callable() {
                return Err(refused(vm, "second argument to server.register_function must be a function"));
            }
            (Function { name, description: None, flags: FunctionFlags::default() }, callback)
        }
        _ => return Err(refused(vm, "wrong number of arguments to server.register_function")),
    };
    let callback = vm.pin_host(callback);
    REGISTERED.with_borrow_mut(|registered| registered.push((function, callback)));
    Ok(vm.nat_return(slot, &[]))
}

fn named(vm: &mut Vm, parts: Gc<Table>) -> Result<(Function, Value), LuaError> {
    let (mut name, mut description, mut callback) = (None, None, None);
    let mut flags = FunctionFlags::default();
    let mut last = Value::Nil;
    while let Ok(Some((key, value))) = parts.next(last) {
        last = key;
        match key.as_bytes() {
            Some(b"function_name") => match text(vm, value) {
                Some(text) => name = Some(text),
                None => {
                    let why = "function_name argument given to server.register_function must be a string";
                    return Err(refused(vm, why));
                }
            },
            Some(b"description") => match text(vm, value) {
                Some(text) => description = Some(text),
                None => {
                    let why = "description argument given to server.register_function must be a string";
                    return Err(refused(vm, why));
                }
            },
            Some(b"callback") if value.is_callable() => callback = Some(value),
            Some(b"callback") => {
                let why = "callback argument given to server.register_function must be a function";
                return Err(refused(vm, why));
            }
            Some(b"flags") => {
                let Value::Table(list) = value else {
                    let why = "flags argument to server.register_function must be a table representing function \
                               flags";
                    return Err(refused(vm, why));
                };
                for index in 1.. {
                    match list.get_int(index) {
                        Value::Nil => break,
                        Value::Str(flag) if flags.add(flag.as_bytes()).is_some() => {}
                        _ => return Err(refused(vm, "unknown flag given")),
                    }
                }
            }
            _ => return Err(refused(vm, "unknown argument given to server.register_function")),
        }
    }
    let Some(name) = name else {
        return Err(refused(vm, "server.register_function must get a function name argument"));
    };
    let Some(callback) = callback else {
        return Err(refused(vm, "server.register_function must get a callback argument"));
    };
    Ok((Function { name, description, flags }, callback))
}

/// A string, or a number that becomes one.
fn text(vm: &mut Vm, value: Value) -> Option<Box<[u8]>> {
    match value {
        Value::Str(text) => Some(text.as_bytes().into()),
        Value::Int(_) | Value::Float(_) => vm.tostring_value(value).ok().map(Vec::into_boxed_slice),
        _ => None,
    }
}

fn refused(vm: &mut Vm, text: &str) -> LuaError {
    plain(vm, &in_its_words(text))
}
