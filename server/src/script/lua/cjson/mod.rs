//! The library `cjson`: JSON, as lua-cjson 2.1 reads and writes it.
//!
//! What `cjson` has been told (how deep, how precise, ...) holds for all scripts of the process;
//! `cjson.new()` is a `cjson` of its own.

mod decode;
mod encode;

use std::sync::{Arc, LazyLock};

use luna_core::runtime::value::NativeFn;
use luna_core::runtime::{Gc, Table, Value};
use luna_core::vm::{LuaError, LuaUserdata, Vm};
use parking_lot::Mutex;

use super::native::{self, Arguments};

/// What a `cjson` has been told.
#[derive(Debug, Clone, Copy)]
struct Settings {
    /// Arrays with too many holes are written as objects, and not refused.
    sparse_convert: bool,
    /// How many times as long as it has elements an array may be; 0 for any.
    sparse_ratio: i32,
    /// Up to this length that does not matter.
    sparse_safe: i32,
    encode_depth_max: i32,
    decode_depth_max: i32,
    /// Significant digits of numbers.
    precision: i32,
    /// It is kept in mind and changes nothing here.
    keep_buffer: bool,
    /// What becomes of infinities and what is no number.
    encode_invalid: Invalid,
    decode_invalid: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Invalid {
    Refused,
    Written,
    Null,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            sparse_convert: false,
            sparse_ratio: 2,
            sparse_safe: 10,
            encode_depth_max: 1000,
            decode_depth_max: 1000,
            precision: 14,
            keep_buffer: true,
            encode_invalid: Invalid::Refused,
            decode_invalid: true,
        }
    }
}

/// The settings that the functions of one library share.
struct Shared(Arc<Mutex<Settings>>);

impl LuaUserdata for Shared {}

static OF_ALL: LazyLock<Arc<Mutex<Settings>>> = LazyLock::new(Arc::default);

/// Slots of the stack on which Valkey unfolds what lies in each other.
const STACK_SLOTS: usize = 8000;

/// Makes the library.
pub(super) fn library(vm: &mut Vm) -> Gc<Table> {
    with_settings(vm, Arc::clone(&OF_ALL))
}

fn with_settings(vm: &mut Vm, settings: Arc<Mutex<Settings>>) -> Gc<Table> {
    let functions: [(&'static str, NativeFn); 10] = [
        ("encode", encode::encode),
        ("decode", decode::decode),
        ("encode_sparse_array", encode_sparse_array),
        ("encode_max_depth", encode_max_depth),
        ("decode_max_depth", decode_max_depth),
        ("encode_number_precision", encode_number_precision),
        ("encode_keep_buffer", encode_keep_buffer),
        ("encode_invalid_numbers", encode_invalid_numbers),
        ("decode_invalid_numbers", decode_invalid_numbers),
        ("new", new),
    ];
    let settings = vm.create_userdata(Shared(settings));
    let functions = functions.map(|(name, function)| (name, vm.native_with(function, Box::new([settings]))));
    let mut library = vm.new_table();
    for (name, function) in functions {
        library = library.with(name, function);
    }
    library.with("null", NULL).with("_NAME", "cjson").with("_VERSION", "2.1.0").build()
}

/// `cjson.null`.
const NULL: Value = Value::LightUserdata(std::ptr::null_mut());

/// The settings of the function that runs.
fn settings(vm: &Vm, slot: u32) -> Arc<Mutex<Settings>> {
    match vm.nat_upval(slot, 0) {
        Value::Userdata(shared) => {
            let shared = shared.downcast::<Shared>().expect("invariant: functions come with settings");
            Arc::clone(&shared.0)
        }
        _ => unreachable!("functions come with settings"),
    }
}

fn new(vm: &mut Vm, slot: u32, _: u32) -> Result<u32, LuaError> {
    let library = with_settings(vm, Arc::default());
    Ok(vm.nat_return(slot, &[Value::Table(library)]))
}

/// A function that sets something, or tells what it is.
struct Setter {
    arguments: Arguments,
    slot: u32,
    settings: Arc<Mutex<Settings>>,
    results: Vec<Value>,
}

impl Setter {
    fn new(
        vm: &mut Vm,
        name: &'static str,
        slot: u32,
        count: u32,
        arguments_max: u32,
    ) -> Result<Self, LuaError> {
        let arguments = Arguments::of(name, slot, count);
        if count > arguments_max {
            return Err(arguments.bad(vm, arguments_max, "found too many arguments"));
        }
        Ok(Self { arguments, slot, settings: settings(vm, slot), results: Vec::new() })
    }

    fn integer(
        mut self,
        vm: &mut Vm,
        index: u32,
        (least, most): (i32, i32),
        field: fn(&mut Settings) -> &mut i32,
    ) -> Result<Self, LuaError> {
        if !self.arguments.get(vm, index).is_nil() {
            let number = self.arguments.number(vm, index)? as i64;
            let number = i32::try_from(number).ok().filter(|number| (least..=most).contains(number));
            let Some(number) = number else {
                let why = format!("expected integer between {least} and {most}");
                return Err(self.arguments.bad(vm, 0, &why));
            };
            *field(&mut self.settings.lock()) = number;
        }
        let number = *field(&mut self.settings.lock());
        self.results.push(Value::Float(number.into()));
        Ok(self)
    }

    /// One of these words, or whether it is the second or the first of them.
    fn word(&mut self, vm: &mut Vm, words: &'static [&'static str]) -> Result<Option<usize>, LuaError> {
        match self.arguments.get(vm, 0) {
            Value::Nil => Ok(None),
            Value::Bool(second) => Ok(Some(second.into())),
            Value::Str(word) => match words.iter().position(|known| known.as_bytes() == word.as_bytes()) {
                Some(place) => Ok(Some(place)),
                None => {
                    let why = format!("invalid option '{}'", String::from_utf8_lossy(word.as_bytes()));
                    Err(self.arguments.bad(vm, 0, &why))
                }
            },
            number @ (Value::Float(_) | Value::Int(_)) => {
                let word = vm.tostring_value(number)?;
                let why = format!("invalid option '{}'", String::from_utf8_lossy(&word));
                Err(self.arguments.bad(vm, 0, &why))
            }
            _ => Err(self.arguments.expected(vm, 0, "string")),
        }
    }

    fn switch(mut self, vm: &mut Vm, field: fn(&mut Settings) -> &mut bool) -> Result<Self, LuaError> {
        if let Some(place) = self.word(vm, &["off", "on"])? {
            *field(&mut self.settings.lock()) = place == 1;
        }
        let on = *field(&mut self.settings.lock());
        self.results.push(Value::Bool(on));
        Ok(self)
    }

    fn finish(self, vm: &mut Vm) -> u32 {
        vm.nat_return(self.slot, &self.results)
    }
}

fn encode_sparse_array(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let setter = Setter::new(vm, "encode_sparse_array", slot, count, 3)?;
    let setter = setter.switch(vm, |settings| &mut settings.sparse_convert)?;
    let setter = setter.integer(vm, 1, (0, i32::MAX), |settings| &mut settings.sparse_ratio)?;
    let setter = setter.integer(vm, 2, (0, i32::MAX), |settings| &mut settings.sparse_safe)?;
    Ok(setter.finish(vm))
}

fn encode_max_depth(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let setter = Setter::new(vm, "encode_max_depth", slot, count, 1)?;
    let setter = setter.integer(vm, 0, (1, i32::MAX), |settings| &mut settings.encode_depth_max)?;
    Ok(setter.finish(vm))
}

fn decode_max_depth(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let setter = Setter::new(vm, "decode_max_depth", slot, count, 1)?;
    let setter = setter.integer(vm, 0, (1, i32::MAX), |settings| &mut settings.decode_depth_max)?;
    Ok(setter.finish(vm))
}

fn encode_number_precision(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let setter = Setter::new(vm, "encode_number_precision", slot, count, 1)?;
    let setter = setter.integer(vm, 0, (1, 14), |settings| &mut settings.precision)?;
    Ok(setter.finish(vm))
}

fn encode_keep_buffer(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let setter = Setter::new(vm, "encode_keep_buffer", slot, count, 1)?;
    Ok(setter.switch(vm, |settings| &mut settings.keep_buffer)?.finish(vm))
}

fn encode_invalid_numbers(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let mut setter = Setter::new(vm, "encode_invalid_numbers", slot, count, 1)?;
    if let Some(place) = setter.word(vm, &["off", "on", "null"])? {
        let invalid = [Invalid::Refused, Invalid::Written, Invalid::Null][place];
        setter.settings.lock().encode_invalid = invalid;
    }
    let invalid = setter.settings.lock().encode_invalid;
    let result = match invalid {
        Invalid::Null => native::string(vm, b"null"),
        invalid => Value::Bool(invalid == Invalid::Written),
    };
    setter.results.push(result);
    Ok(setter.finish(vm))
}

fn decode_invalid_numbers(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let setter = Setter::new(vm, "decode_invalid_numbers", slot, count, 1)?;
    Ok(setter.switch(vm, |settings| &mut settings.decode_invalid)?.finish(vm))
}
