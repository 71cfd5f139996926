//! What scripts return, as replies.

use luna_core::runtime::{Gc, Table, Value};
use luna_core::vm::Vm;

use super::current::PROTOCOL;
use super::replies::COUNTED;
use crate::resp::Protocol;
use crate::script::engine::Host;

const TWO_TO_63: f64 = (1_u64 << 63) as f64;
/// Slots of the stack on which Valkey unfolds an answer, ...
const STACK_SLOTS: usize = 8000;
/// ... those that are taken with the first value, and those that must be free for each value.
const SLOTS_BEFORE: usize = 2;
const SLOTS_FREE: usize = 4;

/// A table whose values are still to be answered.
enum Open {
    Array { table: Gc<Table>, next: i64 },
    Map { table: Gc<Table>, key: Value, at_value: bool },
    Set { table: Gc<Table>, key: Value },
}

/// Answers with `value`. Tables may lie in each other as deeply as they like, so those that are not done wait
/// in a list and not on the stack.
pub(super) fn answer(names: &Names, host: &mut dyn Host, value: Value) {
    let mut open: Vec<(Open, usize)> = Vec::new();
    let mut next = Some((value, SLOTS_BEFORE));
    loop {
        if let Some((value, slots)) = next.take() {
            if slots + SLOTS_FREE > STACK_SLOTS {
                host.fail(b"ERR reached lua stack limit", false);
            } else if let Some(table) = answer_one(names, host, value) {
                open.push((table, slots));
            }
        }
        let Some((table, slots)) = open.last_mut() else { return };
        match step(table) {
            Some((value, above)) => next = Some((value, *slots + above)),
            None => _ = open.pop(),
        }
    }
}

/// The next value of a table, and how many slots above the table Valkey would have it.
fn step(open: &mut Open) -> Option<(Value, usize)> {
    match open {
        Open::Array { table, next } => {
            let value = table.get_int(*next);
            *next += 1;
            (!value.is_nil()).then_some((value, 1))
        }
        Open::Map { table, key, at_value: at_value @ true } => {
            *at_value = false;
            Some((table.get(*key), 3))
        }
        Open::Map { table, key, at_value } => {
            let (next, _) = table.next(*key).ok()??;
            (*key, *at_value) = (next, true);
            Some((next, 4))
        }
        Open::Set { table, key } => {
            let (next, _) = table.next(*key).ok()??;
            *key = next;
            Some((next, 3))
        }
    }
}

/// Answers with a value, or with the beginning of a table whose values have to follow.
fn answer_one(names: &Names, host: &mut dyn Host, value: Value) -> Option<Open> {
    match value {
        Value::Str(text) => host.reply().bulk(text.as_bytes()),
        // As C casts it: what has no place in 64 bits becomes the least that has.
        Value::Float(number) if (-TWO_TO_63..TWO_TO_63).contains(&number) => {
            host.reply().integer(number as i64);
        }
        Value::Float(_) => host.reply().integer(i64::MIN),
        Value::Int(number) => host.reply().integer(number),
        Value::Bool(value) if PROTOCOL.get() == Protocol::Resp3 => host.reply().boolean(value),
        Value::Bool(true) => host.reply().integer(1),
        Value::Table(table) => return answer_table(names, host, table),
        _ => host.reply().null(),
    }
    None
}

fn answer_table(names: &Names, host: &mut dyn Host, table: Gc<Table>) -> Option<Open> {
    if let Value::Str(text) = table.get(names.err) {
        host.fail(text.as_bytes(), table.get(names.counted).truthy());
        return None;
    }
    if let Value::Str(text) = table.get(names.ok) {
        host.reply().status(text.as_bytes());
        return None;
    }
    match table.get(names.double) {
        Value::Float(number) => {
            host.reply().double(number);
            return None;
        }
        Value::Int(number) => {
            host.reply().double(number as f64);
            return None;
        }
        _ => {}
    }
    if let Value::Str(digits) = table.get(names.big_number) {
        host.reply().big_number(digits.as_bytes());
        return None;
    }
    if let Value::Table(verbatim) = table.get(names.verbatim_string)
        && let (Value::Str(text), Value::Str(format)) =
            (verbatim.get(names.string), verbatim.get(names.format))
    {
        let mut three = *b"   ";
        three.iter_mut().zip(format.as_bytes()).for_each(|(to, from)| *to = *from);
        host.reply().verbatim(three, text.as_bytes());
        return None;
    }
    if let Value::Table(map) = table.get(names.map) {
        host.reply().map(pairs(map));
        return Some(Open::Map { table: map, key: Value::Nil, at_value: false });
    }
    if let Value::Table(set) = table.get(names.set) {
        host.reply().set(pairs(set));
        return Some(Open::Set { table: set, key: Value::Nil });
    }
    let mut count = 0;
    while !table.get_int(count + 1).is_nil() {
        count += 1;
    }
    host.reply().array(count as usize);
    Some(Open::Array { table, next: 1 })
}

/// How many keys a table has.
fn pairs(table: Gc<Table>) -> usize {
    let mut count = 0;
    let mut key = Value::Nil;
    while let Ok(Some((next, _))) = table.next(key) {
        count += 1;
        key = next;
    }
    count
}

/// The fields that make a table more than an array.
pub(super) struct Names {
    err: Value,
    ok: Value,
    double: Value,
    map: Value,
    set: Value,
    big_number: Value,
    verbatim_string: Value,
    string: Value,
    format: Value,
    counted: Value,
}

impl Names {
    /// Names that live as long as `vm`.
    pub(super) fn new(vm: &mut Vm) -> Self {
        let mut name = |text: &str| {
            let name = Value::Str(vm.intern_str(text));
            vm.pin_host(name);
            name
        };
        Self {
            err: name("err"),
            ok: name("ok"),
            double: name("double"),
            map: name("map"),
            set: name("set"),
            big_number: name("big_number"),
            verbatim_string: name("verbatim_string"),
            string: name("string"),
            format: name("format"),
            counted: name(COUNTED),
        }
    }
}
