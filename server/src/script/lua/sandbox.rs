//! A Lua with the libraries that scripts may use, and none of its doors to the world outside.

use luna_core::runtime::Value;
use luna_core::version::LuaVersion;
use luna_core::vm::{LuaError, Vm};

use super::{
    bit, bounds, cjson, cmsgpack, coroutines, guard, random, register, server, settle, struct_, watch,
};
use crate::config::Compat;
use crate::observe::process::{self, Who};

const PRELUDE: &[u8] = include_bytes!("prelude.lua");

/// Functions of the prelude.
#[derive(Clone, Copy)]
pub(super) struct Entries {
    /// Sets `KEYS` and `ARGV` and runs a script.
    pub(super) run: Value,
    /// Runs the code of a library.
    pub(super) load: Value,
    /// Calls a function that a library has registered.
    pub(super) call: Value,
}

/// Makes a Lua, and returns it with the functions that run scripts in it.
pub(super) fn open(compat: Compat) -> (Vm, Entries) {
    let mut vm = Vm::new_minimal(LuaVersion::Lua51);
    vm.open_base();
    vm.open_math();
    vm.open_table();
    vm.open_string();
    vm.open_coroutine();
    vm.open_debug();
    vm.set_bytecode_loading(false);
    let behind = vm.new_table().build();
    let shown = vm.new_table().build();
    let mut functions = guard::functions(&mut vm, behind, shown);
    functions.extend(bounds::functions(&mut vm));
    functions.push(("note", vm.native(settle::note)));
    functions.push(("clock", vm.native(clock)));
    functions.push(("random", vm.native(random::random)));
    functions.push(("randomseed", vm.native(random::randomseed)));
    functions.push(("register_function", vm.native(register::register_function)));
    functions.push(("settle", vm.native(settle::settle)));
    functions.push(("settle_server", vm.native(settle::settle_server)));
    functions.push(("watch", vm.native(watch::watch)));
    functions.push(("coroutines", vm.native(coroutines::make)));
    let server = server::table(&mut vm, compat);
    let bit = bit::library(&mut vm);
    let cjson = cjson::library(&mut vm);
    let cmsgpack = cmsgpack::library(&mut vm);
    let r#struct = struct_::library(&mut vm);
    let libraries = vm
        .new_table()
        .with("bit", bit)
        .with("struct", r#struct)
        .with("cjson", cjson)
        .with("cmsgpack", cmsgpack)
        .build();
    let mut native = vm.new_table().with("server", server).with("libraries", libraries);
    native = native.with("is_valkey", Value::Bool(compat.is_valkey()));
    for (name, function) in functions {
        native = native.with(name, function);
    }
    let native = Value::Table(native.build());
    let prelude = vm.load(PRELUDE, b"=prelude").expect("invariant: the prelude is Lua");
    let arguments = [native, Value::Table(behind), Value::Table(shown)];
    let entries = match vm.call_value(Value::Closure(prelude), &arguments).as_deref() {
        Ok(&[run, load, call]) => Entries { run, load, call },
        other => unreachable!("the prelude has failed: {other:?}"),
    };
    for entry in [entries.run, entries.load, entries.call] {
        vm.pin_host(entry);
    }
    (vm, entries)
}

/// `os.clock`: seconds that this process has computed.
fn clock(vm: &mut Vm, slot: u32, _: u32) -> Result<u32, LuaError> {
    let time = process::cpu_time(Who::Process);
    Ok(vm.nat_return(slot, &[Value::Float(time.user + time.system)]))
}
