//! `cjson.decode`.

use luna_core::runtime::Value;
use luna_core::vm::{LuaError, Vm};
use smallvec::SmallVec;

use super::{NULL, STACK_SLOTS, Settings, settings};
use crate::script::lua::native::{self, Arguments};

pub(super) fn decode(vm: &mut Vm, slot: u32, count: u32) -> Result<u32, LuaError> {
    let arguments = Arguments::of("decode", slot, count);
    if count != 1 {
        return Err(arguments.bad(vm, 0, "expected 1 argument"));
    }
    let text: SmallVec<[u8; 256]> = match arguments.get(vm, 0) {
        Value::Str(text) => SmallVec::from_slice(text.as_bytes()),
        number @ (Value::Float(_) | Value::Int(_)) => SmallVec::from_vec(vm.tostring_value(number)?),
        _ => return Err(arguments.expected(vm, 0, "string")),
    };
    if matches!(&text[..], [0, _, ..] | [_, 0, ..]) {
        return Err(vm.rt_err("JSON parser does not support UTF-16 or UTF-32"));
    }
    // As C reads it, up to its end.
    let end = memchr::memchr(0, &text).unwrap_or(text.len());
    let settings = *settings(vm, slot).lock();
    match (Reader { text: &text[..end], at: 0, settings, open: Vec::new(), slots: 1 }).read(vm) {
        Ok(value) => Ok(vm.nat_return(slot, &[value])),
        Err(why) => Err(vm.rt_err(&why)),
    }
}

/// What stands in a text.
enum Token {
    ObjectBegin,
    ObjectEnd,
    ArrayBegin,
    ArrayEnd,
    String(Vec<u8>),
    Number(f64),
    Boolean(bool),
    Null,
    Colon,
    Comma,
    End,
    /// Nothing: this is wrong with it.
    Wrong(&'static str),
}

impl Token {
    /// What an error calls it.
    fn name(&self) -> &'static str {
        match self {
            Self::ObjectBegin => "T_OBJ_BEGIN",
            Self::ObjectEnd => "T_OBJ_END",
            Self::ArrayBegin => "T_ARR_BEGIN",
            Self::ArrayEnd => "T_ARR_END",
            Self::String(_) => "T_STRING",
            Self::Number(_) => "T_NUMBER",
            Self::Boolean(_) => "T_BOOLEAN",
            Self::Null => "T_NULL",
            Self::Colon => "T_COLON",
            Self::Comma => "T_COMMA",
            Self::End => "T_END",
            Self::Wrong(why) => why,
        }
    }
}

/// What is being read.
enum Open {
    Array(Vec<Value>),
    /// The pairs so far, and the key of the one that comes.
    Object(Vec<(Value, Value)>, Value),
}

impl Open {
    /// Slots of the stack that Valkey needs for it.
    fn slots(&self) -> usize {
        match self {
            Self::Array(_) => 1,
            Self::Object(..) => 2,
        }
    }
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    settings: Settings,
    /// Values may lie in each other as deeply as they like, so those that are not done wait in a list.
    open: Vec<Open>,
    slots: usize,
}

impl Reader<'_> {
    fn read(&mut self, vm: &mut Vm) -> Result<Value, String> {
        let mut token = self.next();
        loop {
            // A value, or the beginning of one.
            let mut value = match token.1 {
                Token::String(text) => native::string(vm, &text),
                Token::Number(number) => Value::Float(number),
                Token::Boolean(boolean) => Value::Bool(boolean),
                Token::Null => NULL,
                Token::ArrayBegin => {
                    self.descend(Open::Array(Vec::new()))?;
                    token = self.next();
                    match token.1 {
                        Token::ArrayEnd => self.close(vm),
                        _ => continue,
                    }
                }
                Token::ObjectBegin => {
                    self.descend(Open::Object(Vec::new(), Value::Nil))?;
                    token = self.next();
                    match token.1 {
                        Token::ObjectEnd => self.close(vm),
                        _ => {
                            token = self.key(vm, token)?;
                            continue;
                        }
                    }
                }
                _ => return Err(wrong("value", &token)),
            };
            // What it is the end of.
            loop {
                let after = self.next();
                match self.open.last_mut() {
                    None => {
                        return match after.1 {
                            Token::End => Ok(value),
                            _ => Err(wrong("the end", &after)),
                        };
                    }
                    Some(Open::Array(elements)) => {
                        elements.push(value);
                        match after.1 {
                            Token::ArrayEnd => value = self.close(vm),
                            Token::Comma => {
                                token = self.next();
                                break;
                            }
                            _ => return Err(wrong("comma or array end", &after)),
                        }
                    }
                    Some(Open::Object(pairs, key)) => {
                        pairs.push((*key, value));
                        match after.1 {
                            Token::ObjectEnd => value = self.close(vm),
                            Token::Comma => {
                                let next = self.next();
                                token = self.key(vm, next)?;
                                break;
                            }
                            _ => return Err(wrong("comma or object end", &after)),
                        }
                    }
                }
            }
        }
    }

    /// Takes a key and the colon behind it; what comes then.
    fn key(&mut self, vm: &mut Vm, token: (usize, Token)) -> Result<(usize, Token), String> {
        let Token::String(name) = token.1 else { return Err(wrong("object key string", &token)) };
        let colon = self.next();
        let Token::Colon = colon.1 else { return Err(wrong("colon", &colon)) };
        let name = native::string(vm, &name);
        if let Some(Open::Object(_, key)) = self.open.last_mut() {
            *key = name;
        }
        Ok(self.next())
    }

    fn descend(&mut self, open: Open) -> Result<(), String> {
        let depth = self.open.len() + 1;
        let deepest = usize::try_from(self.settings.decode_depth_max).unwrap_or(0);
        if depth > deepest || self.slots + open.slots() + 1 > STACK_SLOTS {
            return Err(format!("Found too many nested data structures ({depth}) at character {}", self.at));
        }
        self.slots += open.slots();
        self.open.push(open);
        Ok(())
    }

    fn close(&mut self, vm: &mut Vm) -> Value {
        let Some(open) = self.open.pop() else { return Value::Nil };
        self.slots -= open.slots();
        match open {
            Open::Array(elements) => super::super::replies::array(vm, &elements),
            Open::Object(pairs, _) => {
                let mut table = vm.new_table();
                for (key, value) in pairs {
                    table = table.with(key, value);
                }
                Value::Table(table.build())
            }
        }
    }

    /// The next token, and where it is; of one that is none, where it goes wrong.
    fn next(&mut self) -> (usize, Token) {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        let (start, rest) = (self.at + blanks, &rest[blanks..]);
        self.at = start;
        let Some(&first) = rest.first() else { return (start, Token::End) };
        let word = |word: &str| rest.starts_with(word.as_bytes());
        let (length, token) = match first {
            b'{' => (1, Token::ObjectBegin),
            b'}' => (1, Token::ObjectEnd),
            b'[' => (1, Token::ArrayBegin),
            b']' => (1, Token::ArrayEnd),
            b',' => (1, Token::Comma),
            b':' => (1, Token::Colon),
            b'"' => match string(&rest[1..]) {
                Ok((length, text)) => (length + 1, Token::String(text)),
                Err((at, why)) => return (start + 1 + at, Token::Wrong(why)),
            },
            b'-' | b'0'..=b'9' => match number(rest) {
                _ if !self.settings.decode_invalid && is_invalid(rest) => {
                    return (start, Token::Wrong("invalid number"));
                }
                Some((length, number)) => (length, Token::Number(number)),
                None => return (start, Token::Wrong("invalid number")),
            },
            _ if word("true") => (4, Token::Boolean(true)),
            _ if word("false") => (5, Token::Boolean(false)),
            _ if word("null") => (4, Token::Null),
            _ if self.settings.decode_invalid && is_invalid(rest) => match number(rest) {
                Some((length, number)) => (length, Token::Number(number)),
                None => return (start, Token::Wrong("invalid number")),
            },
            _ => return (start, Token::Wrong("invalid token")),
        };
        self.at = start + length;
        (start, token)
    }
}

fn wrong(expected: &str, (at, found): &(usize, Token)) -> String {
    format!("Expected {expected} but found {} at character {}", found.name(), at + 1)
}

/// The string up to its closing quote, and its length with that; or where it goes wrong.
fn string(rest: &[u8]) -> Result<(usize, Vec<u8>), (usize, &'static str)> {
    let (mut at, mut text) = (0, Vec::new());
    loop {
        let byte = *rest.get(at).ok_or((at, "unexpected end of string"))?;
        match byte {
            b'"' => return Ok((at + 1, text)),
            b'\\' => {}
            _ => {
                text.push(byte);
                at += 1;
                continue;
            }
        }
        let escaped = match rest.get(at + 1) {
            Some(letter @ (b'"' | b'\\' | b'/')) => *letter,
            Some(b'b') => 8,
            Some(b't') => b'\t',
            Some(b'n') => b'\n',
            Some(b'f') => 12,
            Some(b'r') => b'\r',
            Some(b'u') => {
                let (length, letter) = unicode(&rest[at..]).ok_or((at, "invalid unicode escape code"))?;
                text.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
                at += length;
                continue;
            }
            _ => return Err((at, "invalid escape code")),
        };
        text.push(escaped);
        at += 2;
    }
}

/// The letter that begins with `\uXXXX`, which may take two of these, and their length.
fn unicode(rest: &[u8]) -> Option<(usize, char)> {
    const ONE: usize = 6;
    let unit = |at: usize| {
        let escape = rest.get(at..at + ONE)?;
        let digits = escape.strip_prefix(b"\\u")?;
        digits.iter().try_fold(0, |value, digit| Some(value << 4 | char::from(*digit).to_digit(16)?))
    };
    let high = unit(0)?;
    if high & 0xF800 != 0xD800 {
        return Some((ONE, char::from_u32(high)?));
    }
    let low = unit(ONE)?;
    if high & 0x400 != 0 || low & 0xFC00 != 0xDC00 {
        return None;
    }
    let letter = 0x1_0000 + ((high & 0x3FF) << 10 | low & 0x3FF);
    Some((2 * ONE, char::from_u32(letter)?))
}

/// Whether what begins here is a number in Lua's or C's eyes and not in those of JSON: hexadecimal, with a
/// nought or a plus in front, infinite, or none at all.
fn is_invalid(rest: &[u8]) -> bool {
    let rest = match rest {
        [b'+', ..] => return true,
        [b'-', rest @ ..] => rest,
        rest => rest,
    };
    let named =
        |name: &str| rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name.as_bytes()));
    match rest {
        [b'0', b'x' | b'X' | b'0'..=b'9', ..] => true,
        [first, ..] if *first <= b'9' => false,
        _ => named("inf") || named("nan"),
    }
}

/// The longest beginning that C's `strtod` takes for a number.
fn number(rest: &[u8]) -> Option<(usize, f64)> {
    let sign = usize::from(matches!(rest.first(), Some(b'+' | b'-')));
    let negative = rest.first() == Some(&b'-');
    let body = &rest[sign..];
    let (length, value) = named_number(body).or_else(|| hexadecimal(body)).or_else(|| decimal(body))?;
    Some((sign + length, if negative { -value } else { value }))
}

fn named_number(body: &[u8]) -> Option<(usize, f64)> {
    let names = [("infinity", f64::INFINITY), ("inf", f64::INFINITY), ("nan", f64::NAN)];
    names.into_iter().find_map(|(name, value)| {
        let start = body.get(..name.len())?;
        start.eq_ignore_ascii_case(name.as_bytes()).then_some((name.len(), value))
    })
}

fn digits(text: &[u8], is_digit: fn(&u8) -> bool) -> usize {
    text.iter().take_while(|byte| is_digit(byte)).count()
}

fn decimal(body: &[u8]) -> Option<(usize, f64)> {
    let whole = digits(body, u8::is_ascii_digit);
    let mut length = whole;
    let mut decimals = 0;
    if body.get(length) == Some(&b'.') {
        decimals = digits(&body[length + 1..], u8::is_ascii_digit);
        length += 1 + decimals;
    }
    if whole + decimals == 0 {
        return None;
    }
    length += exponent(&body[length..], b'e').map_or(0, |(length, _)| length);
    let text = std::str::from_utf8(&body[..length]).ok()?;
    Some((length, text.parse().ok()?))
}

fn hexadecimal(body: &[u8]) -> Option<(usize, f64)> {
    let rest = body.strip_prefix(b"0x").or_else(|| body.strip_prefix(b"0X"))?;
    let whole = digits(rest, u8::is_ascii_hexdigit);
    let mut length = whole;
    let mut decimals = 0;
    if rest.get(length) == Some(&b'.') {
        decimals = digits(&rest[length + 1..], u8::is_ascii_hexdigit);
        length += 1 + decimals;
    }
    if whole + decimals == 0 {
        return None;
    }
    let value = rest[..length]
        .iter()
        .filter_map(|digit| char::from(*digit).to_digit(16))
        .fold(0.0, |value, digit| value * 16.0 + f64::from(digit));
    let (power, shift) = exponent(&rest[length..], b'p').unwrap_or((0, 0));
    let shift = shift.saturating_sub(i32::try_from(decimals).unwrap_or(i32::MAX).saturating_mul(4));
    Some((2 + length + power, value * 2_f64.powi(shift)))
}

/// A letter, maybe a sign, and digits: their length, and the number.
fn exponent(rest: &[u8], letter: u8) -> Option<(usize, i32)> {
    let sign = match rest {
        [first, b'+' | b'-', ..] if first.eq_ignore_ascii_case(&letter) => 1,
        [first, ..] if first.eq_ignore_ascii_case(&letter) => 0,
        _ => return None,
    };
    let count = digits(&rest[1 + sign..], u8::is_ascii_digit);
    let text = std::str::from_utf8(&rest[1..1 + sign + count]).ok().filter(|_| count > 0)?;
    let number = text.parse().unwrap_or(if text.starts_with('-') { i32::MIN / 2 } else { i32::MAX / 2 });
    Some((1 + sign + count, number))
}
