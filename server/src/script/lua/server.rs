//! The table `server`, by its older name `redis`: what a script may ask for.

use luna_core::runtime::{Gc, Table, Value};
use luna_core::vm::{LuaError, Vm};
use scrubjay::double::DoubleText;
use smallvec::SmallVec;

use super::current::{CALLING, HOST, PROTOCOL, SCRATCH, Scratch, in_its_words};
use super::native::{number, string};
use super::replies;
use crate::config::{Compat, VALKEY_VERSION};
use crate::resp::{ArgBuffer, Protocol};
use crate::script::engine::{Called, LogLevel};

/// What stands in the table beside functions.
const NUMBERS: [(&str, i64); 9] = [
    ("LOG_DEBUG", 0),
    ("LOG_VERBOSE", 1),
    ("LOG_NOTICE", 2),
    ("LOG_WARNING", 3),
    ("REPL_NONE", REPL_NONE),
    ("REPL_AOF", 1),
    ("REPL_SLAVE", 2),
    ("REPL_REPLICA", 2),
    ("REPL_ALL", REPL_ALL),
];

const REPL_NONE: i64 = 0;
const REPL_ALL: i64 = 3;

/// `7.2.4` as `0x00070204`.
const fn version_number(text: &str) -> i64 {
    let bytes = text.as_bytes();
    let (mut number, mut part, mut index) = (0, 0, 0);
    while index < bytes.len() {
        if bytes[index] == b'.' {
            number = (number | part) << 8;
            part = 0;
        } else {
            part = part * 10 + (bytes[index] - b'0') as i64;
        }
        index += 1;
    }
    number | part
}

/// Makes the table of this server.
pub(super) fn table(vm: &mut Vm, compat: Compat) -> Gc<Table> {
    let functions: [(&str, luna_core::runtime::value::NativeFn); 12] = [
        ("call", call),
        ("pcall", pcall),
        ("error_reply", error_reply),
        ("status_reply", status_reply),
        ("setresp", setresp),
        ("log", log),
        ("sha1hex", sha1hex),
        ("acl_check_cmd", acl_check_cmd),
        ("set_repl", set_repl),
        ("replicate_commands", replicate_commands),
        ("breakpoint", breakpoint),
        ("debug", debug),
    ];
    let functions = functions.map(|(name, function)| (name, vm.native(function)));
    let mut table = vm.new_table();
    for (name, function) in functions {
        table = table.with(name, function);
    }
    for (name, number) in NUMBERS {
        table = table.with(name, number as f64);
    }
    let redis_version = compat.redis_version();
    table = table
        .with("REDIS_VERSION", redis_version)
        .with("REDIS_VERSION_NUM", version_number(redis_version) as f64);
    if compat.is_valkey() {
        table = table
            .with("VALKEY_VERSION", VALKEY_VERSION)
            .with("VALKEY_VERSION_NUM", version_number(VALKEY_VERSION) as f64)
            .with("SERVER_NAME", "valkey");
    }
    table.build()
}

fn call(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let (value, called) = command(vm, slot, count)?;
    match called {
        Called::Ran => Ok(vm.nat_return(slot, &[value])),
        Called::Failed => Err(LuaError(value)),
    }
}

fn pcall(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let value = match command(vm, slot, count) {
        Ok((value, _)) => value,
        Err(LuaError(value)) => value,
    };
    Ok(vm.nat_return(slot, &[value]))
}

/// Runs the command that the arguments are.
fn command(vm: &mut Vm, slot: u32, count: u32) -> Result<(Value, Called), LuaError> {
    SCRATCH.with_borrow_mut(|scratch| {
        read_arguments(vm, slot, count, &mut scratch.args)?;
        let Scratch { args, reply, joined } = scratch;
        let args = args.get(0).expect("invariant: it has just been read");
        reply.set_protocol(PROTOCOL.get());
        reply.output_mut().clear();
        CALLING.set(true);
        let called = HOST.with(|host| host.call(args, reply));
        CALLING.set(false);
        let output = reply.output();
        let bytes = if output.shared_count() == 0 {
            output.chunk()
        } else {
            output.copy_to(joined);
            &*joined
        };
        let value = replies::value(vm, bytes);
        if joined.capacity() > JOINED_BYTES_KEPT_MAX {
            *joined = Vec::new();
        }
        Ok((value, called))
    })
}

const JOINED_BYTES_KEPT_MAX: usize = 64 * 1024;

/// Takes the arguments of a call over into `args`, as one request.
fn read_arguments(vm: &mut Vm, slot: u32, count: u32, args: &mut ArgBuffer) -> Result<(), LuaError> {
    args.clear();
    if count == 0 {
        return Err(refused(vm, "ERR Please specify at least one argument for this call"));
    }
    for index in 0..count {
        match vm.nat_arg(slot, count, index) {
            Value::Str(text) => args.push(text.as_bytes()),
            Value::Float(number) if number.is_nan() => {
                args.push(if number.is_sign_negative() { b"-nan" } else { b"nan" });
            }
            // An integer has no sign of nought.
            Value::Float(0.0) => args.push(b"0"),
            Value::Float(number) => args.push(DoubleText::new(number).as_bytes()),
            Value::Int(number) => args.push(itoa::Buffer::new().format(number).as_bytes()),
            _ => return Err(refused(vm, "ERR Command arguments must be strings or integers")),
        }
    }
    args.finish();
    Ok(())
}

/// The error of a function of this table: a table, so that it is not taken for a script's own.
fn refused(vm: &mut Vm, text: &str) -> LuaError {
    let text = string(vm, in_its_words(text).as_bytes());
    LuaError(Value::Table(vm.new_table().with("err", text).build()))
}

fn error_reply(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    single_field(vm, slot, count, "err")
}

fn status_reply(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    single_field(vm, slot, count, "ok")
}

/// A table of one field with the text that is the only argument. An error gets a code if it has none.
fn single_field(vm: &mut Vm, slot: u32, count: u32, field: &str) -> Result<u32, LuaError> {
    let reply = match vm.nat_arg(slot, count, 0) {
        Value::Str(text) if count == 1 => {
            let text = text.as_bytes();
            let text = if field == "ok" {
                string(vm, text)
            } else {
                let text = text.strip_prefix(b"-").unwrap_or(text);
                let code: &[u8] = if memchr::memchr(b' ', text).is_none() { b"ERR " } else { b"" };
                string(vm, &[code, text].concat())
            };
            vm.new_table().with(field, text).build()
        }
        _ => {
            let text = string(vm, b"ERR wrong number or type of arguments");
            vm.new_table().with("err", text).build()
        }
    };
    Ok(vm.nat_return(slot, &[Value::Table(reply)]))
}

fn setresp(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    if count != 1 {
        return Err(refused(vm, "ERR server.setresp() requires one argument."));
    }
    match number(vm.nat_arg(slot, count, 0)).map(|version| version as i64) {
        Some(2) => PROTOCOL.set(Protocol::Resp2),
        Some(3) => PROTOCOL.set(Protocol::Resp3),
        _ => return Err(refused(vm, "ERR RESP version must be 2 or 3.")),
    }
    Ok(vm.nat_return(slot, &[]))
}

fn log(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    if count < 2 {
        return Err(refused(vm, "ERR server.log() requires two arguments or more."));
    }
    let Some(level) = number(vm.nat_arg(slot, count, 0)) else {
        return Err(refused(vm, "ERR First argument must be a number (log level)."));
    };
    let level = match level as i64 {
        0 => LogLevel::Debug,
        1 => LogLevel::Verbose,
        2 => LogLevel::Notice,
        3 => LogLevel::Warning,
        _ => return Err(refused(vm, "ERR Invalid log level.")),
    };
    let mut line = Vec::new();
    for index in 1..count {
        if let Some(text) = text(vm, vm.nat_arg(slot, count, index)) {
            if index > 1 {
                line.push(b' ');
            }
            line.extend_from_slice(&text);
        }
    }
    HOST.with(|host| host.log(level, &line));
    Ok(vm.nat_return(slot, &[]))
}

/// What Lua's C interface takes for text: strings and numbers.
fn text(vm: &mut Vm, value: Value) -> Option<SmallVec<[u8; 32]>> {
    match value {
        Value::Str(text) => Some(text.as_bytes().into()),
        Value::Float(_) | Value::Int(_) => vm.tostring_value(value).ok().map(SmallVec::from_vec),
        _ => None,
    }
}

fn sha1hex(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    if count != 1 {
        return Err(refused(vm, "ERR wrong number of arguments"));
    }
    let text = text(vm, vm.nat_arg(slot, count, 0)).unwrap_or_default();
    let digest = sha1_smol::Sha1::from(&text).digest().to_string();
    let digest = string(vm, digest.as_bytes());
    Ok(vm.nat_return(slot, &[digest]))
}

fn acl_check_cmd(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let permits = SCRATCH.with_borrow_mut(|scratch| {
        read_arguments(vm, slot, count, &mut scratch.args)?;
        let args = scratch.args.get(0).expect("invariant: it has just been read");
        Ok::<_, LuaError>(HOST.with(|host| host.permits(args)))
    })?;
    match permits {
        Some(permits) => Ok(vm.nat_return(slot, &[Value::Bool(permits)])),
        None => Err(refused(vm, "ERR Invalid command passed to server.acl_check_cmd()")),
    }
}

/// There is nothing to replicate to.
fn set_repl(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    if count != 1 {
        return Err(refused(vm, "ERR server.set_repl() requires one argument."));
    }
    let flags = number(vm.nat_arg(slot, count, 0)).unwrap_or_default() as i64;
    if !(REPL_NONE..=REPL_ALL).contains(&flags) {
        let text = "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.";
        return Err(refused(vm, text));
    }
    Ok(vm.nat_return(slot, &[]))
}

fn replicate_commands(vm: &mut Vm, slot: u32, _: u32) -> Result<u32, LuaError> {
    Ok(vm.nat_return(slot, &[Value::Bool(true)]))
}

/// There is no debugger to stop in.
fn breakpoint(vm: &mut Vm, slot: u32, _: u32) -> Result<u32, LuaError> {
    Ok(vm.nat_return(slot, &[Value::Bool(false)]))
}

/// There is no debugger to tell.
fn debug(vm: &mut Vm, slot: u32, _: u32) -> Result<u32, LuaError> {
    Ok(vm.nat_return(slot, &[]))
}
