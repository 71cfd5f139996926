//! What keeps scripts from changing what others will find: the functions of Lua's own library that could get
//! at what lies behind a protected table.
//!
//! Such a table is an empty one whose metatable passes reads on and refuses writes (`prelude.lua`). So only
//! functions that look at a table without its metatable need to know; each has, behind Lua's own function, a
//! table that tells what is behind.

use luna_core::runtime::{Gc, Table, Value};
use luna_core::vm::{LuaError, Vm};

use super::native::{library_function, original, plain};

const READONLY: &str = "Attempt to modify a readonly table";

/// The upvalue that tells what is behind protected tables. The one before it is Lua's own function.
const BEHIND: usize = 1;

/// Allocates the functions, and says by which name each is known to the prelude.
pub(super) fn functions(vm: &mut Vm, behind: Gc<Table>, shown: Gc<Table>) -> Vec<(&'static str, Value)> {
    let behind = Value::Table(behind);
    let own_next = library_function(vm, None, "next");
    let own_pairs = library_function(vm, None, "pairs");
    let next = vm.native_with(next, Box::new([own_next, behind]));
    // Lua's own `pairs` takes the function that goes over the table from its first upvalue.
    let pairs = vm.native_with(pairs, Box::new([own_next, behind, own_pairs, next]));
    let mut functions = vec![
        ("next", next),
        ("pairs", pairs),
        ("readonly", vm.native(readonly)),
        ("missing", vm.native(missing)),
    ];
    let own = library_function(vm, None, "getmetatable");
    let upvalues = Box::new([own, behind, Value::Table(shown)]);
    functions.push(("getmetatable", vm.native_with(getmetatable, upvalues)));
    let own = library_function(vm, None, "rawget");
    functions.push(("rawget", vm.native_with(rawget, Box::new([own, behind]))));
    let own = library_function(vm, Some("table"), "foreach");
    functions.push(("foreach", vm.native_with(foreach, Box::new([own, behind]))));
    for (library, name) in [(None, "rawset"), (None, "setmetatable"), (Some("table"), "insert")] {
        let own = library_function(vm, library, name);
        functions.push((name, vm.native_with(change, Box::new([own, behind]))));
    }
    functions
}

/// What is behind the first argument, if it is a protected table.
fn behind(vm: &Vm, slot: u32, count: u32) -> Option<Gc<Table>> {
    let table @ Value::Table(_) = vm.nat_arg(slot, count, 0) else { return None };
    match vm.nat_upval(slot, BEHIND) {
        Value::Table(all) => match all.get(table) {
            Value::Table(behind) => Some(behind),
            _ => None,
        },
        _ => None,
    }
}

/// `__newindex` of a protected table.
fn readonly(vm: &mut Vm, _: u32, _: u32) -> Result<u32, LuaError> {
    Err(vm.rt_err(READONLY))
}

/// `__index` of the globals.
fn missing(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let name = vm.nat_arg(slot, count, 1);
    let name = vm.tostring_value(name)?;
    let name = String::from_utf8_lossy(&name);
    Err(vm.rt_err(&format!("Script attempted to access nonexistent global variable '{name}'")))
}

fn next(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let Some(table) = behind(vm, slot, count) else { return original(vm, slot, count, 0) };
    match table.next(vm.nat_arg(slot, count, 1)) {
        Ok(Some((key, value))) => Ok(vm.nat_return(slot, &[key, value])),
        Ok(None) => Ok(vm.nat_return(slot, &[Value::Nil])),
        Err(_) => Err(plain(vm, "invalid key to 'next'")),
    }
}

/// Goes over anything but a protected table with Lua's own `next`, which is the faster one.
fn pairs(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    if behind(vm, slot, count).is_none() {
        return original(vm, slot, count, 2);
    }
    let (next, table) = (vm.nat_upval(slot, 3), vm.nat_arg(slot, count, 0));
    Ok(vm.nat_return(slot, &[next, table, Value::Nil]))
}

fn rawget(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    match behind(vm, slot, count) {
        Some(table) if count >= 2 => {
            let value = table.get(vm.nat_arg(slot, count, 1));
            Ok(vm.nat_return(slot, &[value]))
        }
        _ => original(vm, slot, count, 0),
    }
}

fn getmetatable(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let Value::Table(shown) = vm.nat_upval(slot, 2) else { return original(vm, slot, count, 0) };
    let metatable = match vm.nat_arg(slot, count, 0) {
        Value::Str(_) => shown.get(Value::Str(vm.intern_str("string"))),
        table if behind(vm, slot, count).is_some() => shown.get(table),
        _ => return original(vm, slot, count, 0),
    };
    Ok(vm.nat_return(slot, &[metatable]))
}

/// `table.foreach`, which may go over what is behind, too.
fn foreach(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    match (behind(vm, slot, count), vm.nat_arg(slot, count, 1)) {
        (Some(table), function @ (Value::Closure(_) | Value::Native(_))) => {
            let own = vm.nat_upval(slot, 0);
            let results = vm.call_value(own, &[Value::Table(table), function])?;
            Ok(vm.nat_return(slot, &results))
        }
        _ => original(vm, slot, count, 0),
    }
}

/// Any function that changes its first argument.
fn change(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    match behind(vm, slot, count) {
        Some(_) => Err(plain(vm, READONLY)),
        None => original(vm, slot, count, 0),
    }
}
