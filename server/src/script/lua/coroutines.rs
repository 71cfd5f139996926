//! `coroutine.create` and `coroutine.wrap`, whose coroutines are watched. (`coroutine.resume` is in the
//! prelude.)

use luna_core::runtime::Value;
use luna_core::vm::{LuaError, Vm};
use smallvec::SmallVec;

use super::current::{ENDING, Ending};
use super::native::{plain, string};
use super::watch;

/// Makes the two, of a function that has a body watched, and of Lua's own `create` and `status`.
pub(super) fn make(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let upvalues = [0, 1, 2].map(|index| vm.nat_arg(slot, count, index));
    let create = vm.native_with(create, Box::new(upvalues));
    let wrap = vm.native_with(wrap, Box::new(upvalues));
    Ok(vm.nat_return(slot, &[create, wrap]))
}

fn create(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let coroutine = coroutine(vm, "create", slot, count)?;
    Ok(vm.nat_return(slot, &[coroutine]))
}

fn wrap(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let coroutine = coroutine(vm, "wrap", slot, count)?;
    let status = vm.nat_upval(slot, 2);
    let wrapped = vm.native_with(wrapped, Box::new([coroutine, status]));
    Ok(vm.nat_return(slot, &[wrapped]))
}

fn coroutine(vm: &mut Vm, name: &str, slot: u32, count: u32) -> Result<Value, LuaError> {
    let body @ Value::Closure(_) = vm.nat_arg(slot, count, 0) else {
        return Err(vm.rt_err(&format!("bad argument #1 to '{name}' (Lua function expected)")));
    };
    let [watched, create] = [0, 1].map(|index| vm.nat_upval(slot, index));
    let body = vm.call_value(watched, &[body])?;
    let coroutine = vm.call_value(create, &body)?;
    Ok(coroutine.first().copied().unwrap_or(Value::Nil))
}

/// Goes on with the coroutine in the first upvalue. Its errors are the caller's, and say where that is.
fn wrapped(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let coroutine = vm.nat_upval(slot, 0);
    let arguments = (0..count).map(|index| vm.nat_arg(slot, count, index)).collect();
    let resumed = vm.resume_coroutine(coroutine, arguments);
    watch::go_on(vm);
    let error = match resumed {
        Ok(values) if ENDING.get().is_none() => return Ok(vm.nat_return(slot, &values)),
        Ok(_) => return Err(LuaError(Value::Nil)),
        Err(LuaError(error)) => error,
    };
    if watch::is_out_of_memory(error) {
        watch::end(vm, Ending::OutOfMemory);
        return Err(LuaError(error));
    }
    let text: SmallVec<[u8; 64]> = match error {
        Value::Str(text) if text.as_bytes() == b"cannot resume non-suspended coroutine" => {
            let status = vm.nat_upval(slot, 1);
            let status = vm.call_value(status, &[coroutine])?;
            let status = status.first().and_then(Value::as_bytes).unwrap_or_default();
            [b"cannot resume ", status, b" coroutine"].concat().into()
        }
        Value::Str(text) => text.as_bytes().into(),
        Value::Float(_) | Value::Int(_) => vm.tostring_value(error)?.into(),
        _ => return Err(LuaError(error)),
    };
    // The place alone, then the text, which need not be UTF-8.
    let LuaError(place) = vm.rt_err("");
    let place = place.as_bytes().unwrap_or_default();
    let text = [place, &text].concat();
    Err(match std::str::from_utf8(&text) {
        Ok(text) => plain(vm, text),
        Err(_) => LuaError(string(vm, &text)),
    })
}
