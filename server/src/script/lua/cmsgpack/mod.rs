//! The library `cmsgpack`: MessagePack, as lua-cmsgpack 0.4 reads and writes it.

mod pack;
mod unpack;

use luna_core::runtime::value::NativeFn;
use luna_core::runtime::{Gc, Table};
use luna_core::vm::Vm;

/// Makes the library.
pub(super) fn library(vm: &mut Vm) -> Gc<Table> {
    let functions: [(&'static str, NativeFn); 4] = [
        ("pack", pack::pack),
        ("unpack", unpack::unpack),
        ("unpack_one", unpack::unpack_one),
        ("unpack_limit", unpack::unpack_limit),
    ];
    let functions = functions.map(|(name, function)| (name, vm.native(function)));
    let mut library = vm.new_table();
    for (name, function) in functions {
        library = library.with(name, function);
    }
    library
        .with("_NAME", "cmsgpack")
        .with("_VERSION", "lua-cmsgpack 0.4.0")
        .with("_COPYRIGHT", "Copyright (C) 2012, Redis Ltd.")
        .with("_DESCRIPTION", "MessagePack C implementation for Lua")
        .build()
}
