//! What catches errors for a script: behind Lua's own `pcall`, `xpcall` and `coroutine.resume`.

use luna_core::runtime::Value;
use luna_core::vm::{LuaError, Vm};
use smallvec::SmallVec;

use super::current::{ENDING, Ending};
use super::watch;

/// Passes on what a protected call returned, unless the script has to end.
pub(super) fn settle(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    pass(vm, slot, count, false)
}

/// The same for `pcall`: of an error that is a table, Valkey's hands out the text alone.
pub(super) fn settle_server(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    pass(vm, slot, count, true)
}

/// Looks whether the error that a script has failed with is about memory.
pub(super) fn note(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    if watch::is_out_of_memory(vm.nat_arg(slot, count, 0)) {
        watch::end(vm, Ending::OutOfMemory);
    }
    Ok(vm.nat_return(slot, &[]))
}

fn pass(vm: &mut Vm, slot: u32, count: u32, text_alone: bool) -> Result<u32, LuaError> {
    watch::go_on(vm);
    let mut results: SmallVec<[Value; 8]> = (0..count).map(|index| vm.nat_arg(slot, count, index)).collect();
    if results.first().is_some_and(|ok| !ok.truthy()) {
        let error = results.get(1).copied().unwrap_or(Value::Nil);
        if watch::is_out_of_memory(error) {
            watch::end(vm, Ending::OutOfMemory);
        }
        if ENDING.get().is_some() {
            return Err(LuaError(error));
        }
        if text_alone && let Value::Table(table) = error {
            let name = Value::Str(vm.intern_str("err"));
            if let text @ (Value::Str(_) | Value::Int(_) | Value::Float(_)) = table.get(name) {
                results[1] = text;
            }
        }
    }
    Ok(vm.nat_return(slot, &results))
}
