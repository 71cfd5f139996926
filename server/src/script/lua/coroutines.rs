//! `coroutine.create`, `wrap` and `resume`, whose coroutines are watched.

use luna_core::runtime::Value;
use luna_core::vm::{LuaError, Vm};
use smallvec::SmallVec;

use super::current::{ENDING, Ending};
use super::native::{original, string};
use super::watch;

/// Makes the three, of a function that has a body watched, and of Lua's own three and its `status`.
pub(super) fn make(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let [watched, create, resume, wrap, status] = [0, 1, 2, 3, 4].map(|index| vm.nat_arg(slot, count, index));
    let made = [
        vm.native_with(self::create, Box::new([create, watched])),
        vm.native_with(self::resume, Box::new([resume, status])),
        vm.native_with(self::wrap, Box::new([wrap, watched, create, status])),
    ];
    Ok(vm.nat_return(slot, &made))
}

fn create(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let body @ Value::Closure(_) = vm.nat_arg(slot, count, 0) else { return original(vm, slot, count, 0) };
    let [create, watched] = [0, 1].map(|index| vm.nat_upval(slot, index));
    let coroutine = watched_coroutine(vm, body, watched, create)?;
    Ok(vm.nat_return(slot, &[coroutine]))
}

fn wrap(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let body @ Value::Closure(_) = vm.nat_arg(slot, count, 0) else { return original(vm, slot, count, 0) };
    let [watched, create, status] = [1, 2, 3].map(|index| vm.nat_upval(slot, index));
    let coroutine = watched_coroutine(vm, body, watched, create)?;
    let wrapped = vm.native_with(wrapped, Box::new([coroutine, status]));
    Ok(vm.nat_return(slot, &[wrapped]))
}

fn watched_coroutine(vm: &mut Vm, body: Value, watched: Value, create: Value) -> Result<Value, LuaError> {
    let body = vm.call_value(watched, &[body])?;
    let coroutine = vm.call_value(create, &body)?;
    Ok(coroutine.first().copied().unwrap_or(Value::Nil))
}

fn resume(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let coroutine @ Value::Coro(_) = vm.nat_arg(slot, count, 0) else { return original(vm, slot, count, 0) };
    let arguments = (1..count).map(|index| vm.nat_arg(slot, count, index)).collect();
    let status = vm.nat_upval(slot, 1);
    match go_on(vm, coroutine, arguments, status)? {
        Ok(values) => {
            let mut results: SmallVec<[Value; 8]> = SmallVec::from_slice(&[Value::Bool(true)]);
            results.extend(values);
            Ok(vm.nat_return(slot, &results))
        }
        Err(failure) => Ok(vm.nat_return(slot, &[Value::Bool(false), failure])),
    }
}

/// What `wrap` returns: it goes on with the coroutine in its first upvalue. The errors in there are its own,
/// and say where it was called.
fn wrapped(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let [coroutine, status] = [0, 1].map(|index| vm.nat_upval(slot, index));
    let arguments = (0..count).map(|index| vm.nat_arg(slot, count, index)).collect();
    let failure = match go_on(vm, coroutine, arguments, status)? {
        Ok(values) => return Ok(vm.nat_return(slot, &values)),
        Err(failure) => failure,
    };
    let text = match failure {
        Value::Str(text) => text.as_bytes().to_vec(),
        Value::Float(_) | Value::Int(_) => vm.tostring_value(failure)?,
        _ => return Err(LuaError(failure)),
    };
    // The place alone: the text need not be UTF-8.
    let LuaError(place) = vm.rt_err("");
    let text = [place.as_bytes().unwrap_or_default(), &text].concat();
    Err(LuaError(string(vm, &text)))
}

/// Goes on with a coroutine, and returns what it yields, returns or fails with; an error only if the script
/// has to end.
fn go_on(
    vm: &mut Vm,
    coroutine: Value,
    arguments: Vec<Value>,
    status: Value,
) -> Result<Result<Vec<Value>, Value>, LuaError> {
    let resumed = vm.resume_coroutine(coroutine, arguments);
    watch::go_on(vm);
    if let Err(LuaError(failure)) = resumed
        && watch::is_out_of_memory(failure)
    {
        watch::end(vm, Ending::OutOfMemory);
    }
    if ENDING.get().is_some() {
        return Err(LuaError(Value::Nil));
    }
    match resumed {
        Err(LuaError(Value::Str(text))) if text.as_bytes() == b"cannot resume non-suspended coroutine" => {
            let status = vm.call_value(status, &[coroutine])?;
            let status = status.first().and_then(Value::as_bytes).unwrap_or_default();
            let text = [b"cannot resume ", status, b" coroutine"].concat();
            Ok(Err(string(vm, &text)))
        }
        resumed => Ok(resumed.map_err(|LuaError(failure)| failure)),
    }
}
