//! What keeps scripts from changing what others will find: the functions of Lua's own library that could get
//! at what lies behind a protected table.
//!
//! Such a table is an empty one whose metatable passes reads on and refuses writes (`prelude.lua`). So only
//! functions that look at a table without its metatable need to know; each has a table, its first upvalue,
//! that tells what is behind.

use luna_core::runtime::{Gc, Table, Value};
use luna_core::vm::{LuaError, Vm};
use smallvec::SmallVec;

use super::native::{Arguments, plain};

const READONLY: &str = "Attempt to modify a readonly table";

/// Allocates the functions, and says by which name each is known.
pub(super) fn functions(vm: &mut Vm, behind: Gc<Table>, shown: Gc<Table>) -> Vec<(&'static str, Value)> {
    let original = |vm: &mut Vm, library: Option<&str>, name: &str| {
        let globals = vm.globals();
        let table = match library {
            None => globals,
            Some(library) => match globals.get(Value::Str(vm.intern_str(library))) {
                Value::Table(table) => table,
                _ => globals,
            },
        };
        table.get(Value::Str(vm.intern_str(name)))
    };
    let behind = Value::Table(behind);
    let next = original(vm, None, "next");
    let rawset = original(vm, None, "rawset");
    let setmetatable = original(vm, None, "setmetatable");
    let insert = original(vm, Some("table"), "insert");
    let foreach = original(vm, Some("table"), "foreach");
    let our_next = vm.native_with(self::next, Box::new([behind]));
    vec![
        ("next", our_next),
        ("pairs", vm.native_with(pairs, Box::new([behind, next, our_next]))),
        ("rawget", vm.native_with(rawget, Box::new([behind]))),
        ("rawset", vm.native_with(self::rawset, Box::new([behind, rawset]))),
        ("getmetatable", vm.native_with(getmetatable, Box::new([behind, Value::Table(shown)]))),
        ("setmetatable", vm.native_with(self::setmetatable, Box::new([behind, setmetatable]))),
        ("insert", vm.native_with(self::insert, Box::new([behind, insert]))),
        ("foreach", vm.native_with(self::foreach, Box::new([behind, foreach]))),
        ("readonly", vm.native(readonly)),
        ("missing", vm.native(missing)),
    ]
}

/// What is behind a table, if it is a protected one.
fn behind(vm: &Vm, slot: u32, table: Gc<Table>) -> Option<Gc<Table>> {
    match vm.nat_upval(slot, 0) {
        Value::Table(all) => match all.get(Value::Table(table)) {
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
    let name = match vm.nat_arg(slot, count, 1) {
        Value::Str(name) => String::from_utf8_lossy(name.as_bytes()).into_owned(),
        other => String::from_utf8_lossy(&vm.tostring_value(other)?).into_owned(),
    };
    Err(vm.rt_err(&format!("Script attempted to access nonexistent global variable '{name}'")))
}

fn next(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let table = Arguments::of("next", slot, count).table(vm, 0)?;
    let table = behind(vm, slot, table).unwrap_or(table);
    match table.next(vm.nat_arg(slot, count, 1)) {
        Ok(Some((key, value))) => Ok(vm.nat_return(slot, &[key, value])),
        Ok(None) => Ok(vm.nat_return(slot, &[Value::Nil])),
        Err(_) => Err(plain(vm, "invalid key to 'next'")),
    }
}

/// Goes over anything but a protected table with Lua's own `next`, which is the faster one.
fn pairs(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let table = Arguments::of("pairs", slot, count).table(vm, 0)?;
    let next = vm.nat_upval(slot, if behind(vm, slot, table).is_some() { 2 } else { 1 });
    Ok(vm.nat_return(slot, &[next, Value::Table(table), Value::Nil]))
}

fn rawget(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("rawget", slot, count);
    let table = arguments.table(vm, 0)?;
    let key = arguments.any(vm, 1)?;
    let value = behind(vm, slot, table).unwrap_or(table).get(key);
    Ok(vm.nat_return(slot, &[value]))
}

fn rawset(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("rawset", slot, count);
    let table = arguments.table(vm, 0)?;
    let key = arguments.any(vm, 1)?;
    let value = arguments.any(vm, 2)?;
    if behind(vm, slot, table).is_some() {
        return Err(plain(vm, READONLY));
    }
    forward(vm, slot, &[Value::Table(table), key, value])
}

fn getmetatable(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let value = Arguments::of("getmetatable", slot, count).any(vm, 0)?;
    let Value::Table(shown) = vm.nat_upval(slot, 1) else { return Ok(vm.nat_return(slot, &[Value::Nil])) };
    let metatable = match value {
        Value::Str(_) => {
            let name = Value::Str(vm.intern_str("string"));
            shown.get(name)
        }
        Value::Table(table) if behind(vm, slot, table).is_some() => shown.get(value),
        Value::Table(table) => match table.metatable() {
            None => Value::Nil,
            Some(metatable) => {
                let name = Value::Str(vm.intern_str("__metatable"));
                match metatable.get(name) {
                    Value::Nil => Value::Table(metatable),
                    instead => instead,
                }
            }
        },
        _ => Value::Nil,
    };
    Ok(vm.nat_return(slot, &[metatable]))
}

fn setmetatable(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("setmetatable", slot, count);
    let table = arguments.table(vm, 0)?;
    let metatable = vm.nat_arg(slot, count, 1);
    if count < 2 || !matches!(metatable, Value::Nil | Value::Table(_)) {
        return Err(arguments.bad(vm, 1, "nil or table expected"));
    }
    if let Some(present) = table.metatable() {
        let name = Value::Str(vm.intern_str("__metatable"));
        if behind(vm, slot, table).is_none() && !present.get(name).is_nil() {
            return Err(vm.rt_err("cannot change a protected metatable"));
        }
    }
    if behind(vm, slot, table).is_some() {
        return Err(plain(vm, READONLY));
    }
    forward(vm, slot, &[Value::Table(table), metatable])
}

/// `table.insert`.
fn insert(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("insert", slot, count);
    let table = arguments.table(vm, 0)?;
    if !(2..=3).contains(&count) {
        return Err(vm.rt_err("wrong number of arguments to 'insert'"));
    }
    if count == 3 {
        arguments.number(vm, 1)?;
    }
    if behind(vm, slot, table).is_some() {
        return Err(plain(vm, READONLY));
    }
    let all: SmallVec<[Value; 3]> = (0..count).map(|index| vm.nat_arg(slot, count, index)).collect();
    forward(vm, slot, &all)
}

/// `table.foreach`.
fn foreach(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("foreach", slot, count);
    let table = arguments.table(vm, 0)?;
    let function = arguments.function(vm, 1)?;
    let table = behind(vm, slot, table).unwrap_or(table);
    forward(vm, slot, &[Value::Table(table), function])
}

/// Lets the function in the second upvalue do it.
fn forward(vm: &mut Vm, slot: u32, arguments: &[Value]) -> Result<u32, LuaError> {
    let original = vm.nat_upval(slot, 1);
    let results = vm.call_value(original, arguments)?;
    Ok(vm.nat_return(slot, &results))
}
