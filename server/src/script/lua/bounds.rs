//! The functions of Lua's own library that make much of little: each is refused when what it would make does
//! not fit into what scripts may hold. Whatever else there is makes at most a few times of what it was given,
//! and is looked at afterwards.

use std::cell::Cell;

use luna_core::runtime::Value;
use luna_core::runtime::value::NativeFn;
use luna_core::vm::{LuaError, Vm};
use memchr::memmem;
use smallvec::SmallVec;

use super::current::Ending;
use super::native::{library_function, number, original, string};
use super::watch::{self, MEMORY_MAX};

/// What the longest text of a number, and the widest field of `string.format`, come to.
const FIELD_BYTES_MAX: usize = 512;

/// Allocates the functions, with the names by which the prelude knows them.
pub(super) fn functions(vm: &mut Vm) -> Vec<(&'static str, Value)> {
    let all: [(&str, &str, NativeFn); 3] =
        [("string", "rep", rep), ("string", "format", format), ("table", "concat", concat)];
    let mut functions: Vec<_> = all
        .into_iter()
        .map(|(library, name, function)| {
            let own = library_function(vm, Some(library), name);
            (name, vm.native_with(function, Box::new([own])))
        })
        .collect();
    functions.push(("make_gsub", vm.native(make_gsub)));
    functions
}

/// Makes `string.gsub` of Lua's own, and of a function that indexes a table.
fn make_gsub(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let upvalues = [0, 1].map(|index| vm.nat_arg(slot, count, index));
    let gsub = vm.native_with(gsub, Box::new(upvalues));
    Ok(vm.nat_return(slot, &[gsub]))
}

/// Ends the script unless so many bytes more fit.
fn reserve(vm: &mut Vm, bytes: usize) -> Result<(), LuaError> {
    if bytes <= MEMORY_MAX.saturating_sub(vm.memory_used()) {
        return Ok(());
    }
    vm.collect_garbage();
    if bytes <= MEMORY_MAX.saturating_sub(vm.memory_used()) {
        return Ok(());
    }
    watch::end(vm, Ending::OutOfMemory);
    Err(LuaError(Value::Nil))
}

/// How long a value is as text.
fn length(value: Value) -> usize {
    match value {
        Value::Str(text) => text.len(),
        _ => FIELD_BYTES_MAX,
    }
}

fn rep(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let times = number(vm.nat_arg(slot, count, 1)).unwrap_or_default();
    let bytes = length(vm.nat_arg(slot, count, 0)) as f64 * times;
    // As a cast has it: what is negative is nought.
    reserve(vm, bytes as usize)?;
    original(vm, slot, count, 0)
}

fn format(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let bytes = (0..count).map(|index| length(vm.nat_arg(slot, count, index)));
    let bytes = bytes.fold(0, usize::saturating_add);
    // `%q` writes up to four bytes for one.
    let quotes =
        vm.nat_arg(slot, count, 0).as_bytes().is_some_and(|text| memmem::find(text, b"%q").is_some());
    reserve(vm, if quotes { bytes.saturating_mul(4) } else { bytes })?;
    original(vm, slot, count, 0)
}

fn concat(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    if let Value::Table(table) = vm.nat_arg(slot, count, 0) {
        let between = match vm.nat_arg(slot, count, 1) {
            Value::Nil => 0,
            text => length(text),
        };
        let first = number(vm.nat_arg(slot, count, 2)).map_or(1, |first| first as i64);
        let last = number(vm.nat_arg(slot, count, 3)).map_or(table.len(), |last| last as i64);
        let mut bytes = 0_usize;
        for index in first..=last {
            let value @ (Value::Str(_) | Value::Float(_) | Value::Int(_)) = table.get_int(index) else {
                break;
            };
            bytes = bytes.saturating_add(length(value)).saturating_add(between);
        }
        if bytes > FIELD_BYTES_MAX {
            reserve(vm, bytes)?;
        }
    }
    original(vm, slot, count, 0)
}

thread_local! {
    /// Bytes that the replacements of the running `gsub` have come to.
    static REPLACED: Cell<usize> = const { Cell::new(0) };
}

fn gsub(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let [text, pattern, by, most] = [0, 1, 2, 3].map(|index| vm.nat_arg(slot, count, index));
    match by {
        Value::Str(by) => {
            // What captures stand for is no longer than the text, all places together.
            let captures = memchr::memchr_iter(b'%', by.as_bytes()).count() + 1;
            let captured = length(text).saturating_mul(captures);
            // There are at most as many places as bytes, and one more.
            let bytes = |places: usize| places.saturating_mul(by.len()).saturating_add(captured);
            if bytes(length(text) + 1) > MEMORY_MAX / 2 {
                let nothing = string(vm, b"");
                let own = vm.nat_upval(slot, 0);
                let counted = vm.call_value(own, &[text, pattern, nothing]);
                let places = counted.ok().and_then(|results| number(*results.get(1)?));
                reserve(vm, bytes(places.unwrap_or_default() as usize))?;
            }
            original(vm, slot, count, 0)
        }
        Value::Closure(_) | Value::Native(_) | Value::Table(_) if count >= 3 => {
            let (own, index) = (vm.nat_upval(slot, 0), vm.nat_upval(slot, 1));
            let before = REPLACED.replace(0);
            let counted = vm.native_with(replacement, Box::new([by, index]));
            let arguments = [text, pattern, counted, most];
            let results = vm.call_value(own, &arguments[..if count == 3 { 3 } else { 4 }]);
            REPLACED.set(before);
            match results {
                Ok(results) => Ok(vm.nat_return(slot, &results)),
                Err(error) => Err(placed(vm, error)),
            }
        }
        _ => original(vm, slot, count, 0),
    }
}

/// What a function or a table replaces a match by, counted.
fn replacement(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let by = vm.nat_upval(slot, 0);
    let result = match by {
        Value::Table(_) => {
            let index = vm.nat_upval(slot, 1);
            vm.call_value(index, &[by, vm.nat_arg(slot, count, 0)])?
        }
        _ => {
            let captures: SmallVec<[Value; 4]> = (0..count).map(|at| vm.nat_arg(slot, count, at)).collect();
            vm.call_value(by, &captures)?
        }
    };
    let result = result.first().copied().unwrap_or(Value::Nil);
    if let Value::Str(text) = result {
        let bytes = REPLACED.get().saturating_add(text.len());
        REPLACED.set(bytes);
        reserve(vm, bytes)?;
    }
    Ok(vm.nat_return(slot, &[result]))
}

/// Says where an error of `gsub` itself came up: it was not called by the script but for it.
fn placed(vm: &mut Vm, error: LuaError) -> LuaError {
    const OWN: [&str; 7] = [
        "malformed pattern",
        "missing '[' after",
        "invalid pattern capture",
        "invalid capture index",
        "unfinished capture",
        "pattern too complex",
        "invalid replacement value",
    ];
    match error.0.try_as_str() {
        Some(text) if OWN.iter().any(|own| text.starts_with(own)) => {
            let text = text.to_owned();
            vm.rt_err(&text)
        }
        _ => error,
    }
}
