//! What ends a script that does not end by itself.
//!
//! Every so many instructions Lua calls [`tick`], which asks the server. To end the script it lets the next
//! instruction fail. A script may catch that error (`pcall`, `xpcall`, a coroutine's end), so from then on it
//! is called after each instruction and fails it again, until nothing is left that could catch; and what has
//! caught it fails in turn ([`settle`](super::settle)). Each coroutine counts instructions of its own, which
//! is why it calls [`watch`] before anything else.

use std::cell::Cell;

use luna_core::runtime::Value;
use luna_core::vm::exec::{HOOK_MASK_COUNT, RustHookEvent};
use luna_core::vm::inspect::{FrameInfo, frames_for_profile};
use luna_core::vm::{LuaError, Vm};

use super::current::{ENDING, Ending, HOST, PLACE};
use crate::script::engine::Interrupt;

/// Instructions between two looks at memory.
const TICK: i64 = 1_000;
/// Times that a coroutine or a protected call begins or ends which count as much as that.
const RESTARTS_TICK: u32 = 100;
/// Ticks between two questions to the server.
const TICKS_ASKED: u32 = 100;
/// Bytes that the scripts of one thread may hold together. About: a single operation may go beyond it by as
/// much as the script holds already.
pub(super) const MEMORY_MAX: usize = if cfg!(test) { 32 << 20 } else { 256 << 20 };

thread_local! {
    static TICKS: Cell<u32> = const { Cell::new(0) };
    static RESTARTS: Cell<u32> = const { Cell::new(0) };
}

/// Begins to count the instructions of the coroutine that runs, or of the main program.
pub(super) fn start(vm: &mut Vm) {
    let every = if ENDING.get().is_some() { 1 } else { TICK };
    vm.set_rust_debug_hook(Some(tick), HOOK_MASK_COUNT, every);
    vm.set_memory_cap(Some(MEMORY_MAX));
}

/// Goes on counting, where a coroutine begins and where control comes back from one (Lua forgets that the
/// one which asked was counting) or from a protected call. What runs for a short while again and again would
/// count nothing, so this counts, too.
pub(super) fn go_on(vm: &mut Vm) {
    start(vm);
    let times = RESTARTS.get() + 1;
    RESTARTS.set(times % RESTARTS_TICK);
    if times == RESTARTS_TICK {
        tick(vm, RustHookEvent::Count);
    }
}

/// [`go_on`] for Lua.
pub(super) fn watch(vm: &mut Vm, slot: u32, _: u32) -> Result<u32, LuaError> {
    go_on(vm);
    match ENDING.get() {
        None => Ok(vm.nat_return(slot, &[])),
        Some(_) => Err(LuaError(Value::Nil)),
    }
}

/// Ends the script, if it has not been asked for already.
pub(super) fn end(vm: &mut Vm, why: Ending) {
    if ENDING.get().is_none() {
        ENDING.set(Some(why));
    }
    note_place(vm);
    vm.set_instr_budget(Some(1));
    vm.set_rust_debug_hook(Some(tick), HOOK_MASK_COUNT, 1);
}

/// Notes where a script is that has to end: the last place is where nothing caught the error any more.
fn note_place(vm: &mut Vm) {
    let LuaError(place) = vm.rt_err("");
    let place = place.as_bytes().unwrap_or_default();
    if !place.is_empty() && !place.starts_with(b"prelude:") {
        PLACE.set(place.to_vec());
    } else if PLACE.with_borrow(Vec::is_empty) {
        // In what the prelude has it call: once, since this takes as long as the stack is deep.
        let called =
            frames_for_profile(vm).into_iter().rev().find(|frame| frame.source.starts_with("@user_"));
        if let Some(FrameInfo { source, line, .. }) = called {
            PLACE.set(format!("{}:{line}:", &source[1..]).into_bytes());
        }
    }
}

fn tick(vm: &mut Vm, _: RustHookEvent) {
    if let Some(why) = ENDING.get() {
        end(vm, why);
    } else if vm.memory_used() > MEMORY_MAX {
        end(vm, Ending::OutOfMemory);
    } else {
        // It disarms itself when it has been exceeded.
        vm.set_memory_cap(Some(MEMORY_MAX));
        let ticks = TICKS.get() + 1;
        TICKS.set(ticks % TICKS_ASKED);
        if ticks == TICKS_ASKED
            && HOST.is_set()
            && let Interrupt::Kill(why) = HOST.with(|host| host.interrupt())
        {
            end(vm, Ending::Killed(why));
        }
    }
}

/// Whether this error is Lua's own about the bound on memory.
pub(super) fn is_out_of_memory(error: Value) -> bool {
    matches!(error, Value::Str(text) if text.as_bytes() == b"memory cap exceeded")
}
