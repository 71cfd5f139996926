//! What scripts answer, as a program reads it.

use crate::resp::Reply;

/// What a script has returned. Lua's numbers are cut to integers and its `false` and `nil` are
/// [`Null`](Self::Null), as for a client; a script that says `server.setresp(3)` may return the other kinds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// Nothing.
    Null,
    /// A number without a fraction.
    Integer(i64),
    /// Any number.
    Double(f64),
    /// True or false.
    Boolean(bool),
    /// A string.
    Bytes(Vec<u8>),
    /// A status as commands answer it: `OK`.
    Status(Vec<u8>),
    /// An error inside of an answer.
    Error(Vec<u8>),
    /// The digits of an integer of any size.
    BigNumber(Vec<u8>),
    /// Elements in their order.
    Array(Vec<Self>),
    /// Elements in no order.
    Set(Vec<Self>),
    /// Keys with their values, in no order.
    Map(Vec<(Self, Self)>),
}

impl Value {
    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The integer, if it is one.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The bytes of a string or a status.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) | Self::Status(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// A string or a status, if it is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        std::str::from_utf8(self.as_bytes()?).ok()
    }

    /// The elements of an array or a set.
    pub fn as_slice(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) | Self::Set(elements) => Some(elements),
            _ => None,
        }
    }

    /// Reads what the server has written in RESP3.
    pub(super) fn of(reply: Reply) -> Self {
        read(&reply.into_vec())
    }
}

/// A collection whose values are still to come. They may lie in each other as deeply as a script likes, so
/// they wait in a list and not on the stack.
struct Open {
    sigil: u8,
    left: usize,
    values: Vec<Value>,
}

impl Open {
    fn close(self) -> Value {
        match self.sigil {
            b'~' => Value::Set(self.values),
            b'%' => {
                let mut values = self.values.into_iter();
                let mut pairs = Vec::new();
                while let (Some(key), Some(value)) = (values.next(), values.next()) {
                    pairs.push((key, value));
                }
                Value::Map(pairs)
            }
            _ => Value::Array(self.values),
        }
    }
}

fn read(mut bytes: &[u8]) -> Value {
    let mut open: Vec<Open> = Vec::new();
    loop {
        let end = memchr::memchr(b'\r', bytes).unwrap_or(bytes.len());
        let (line, rest) = (&bytes[..end], bytes.get(end + 2..).unwrap_or_default());
        bytes = rest;
        let Some((sigil, text)) = line.split_first() else { return Value::Null };
        let digits = std::str::from_utf8(text).unwrap_or_default();
        let mut value = match sigil {
            b'+' => Value::Status(text.to_vec()),
            b'-' => Value::Error(text.to_vec()),
            b':' => Value::Integer(digits.parse().unwrap_or_default()),
            b',' => Value::Double(digits.parse().unwrap_or(f64::NAN)),
            b'#' => Value::Boolean(text == b"t"),
            b'(' => Value::BigNumber(text.to_vec()),
            b'$' | b'=' => match digits.parse() {
                Ok(len) => {
                    let whole: &[u8] = bytes.get(..len).unwrap_or_default();
                    bytes = bytes.get(len + 2..).unwrap_or_default();
                    // A verbatim string names its format first.
                    Value::Bytes(
                        if *sigil == b'=' { whole.get(4..).unwrap_or_default() } else { whole }.to_vec(),
                    )
                }
                Err(_) => Value::Null,
            },
            b'*' | b'~' | b'%' => match digits.parse::<usize>() {
                Ok(count) => {
                    let left = if *sigil == b'%' { count * 2 } else { count };
                    open.push(Open { sigil: *sigil, left, values: Vec::with_capacity(left) });
                    if left > 0 {
                        continue;
                    }
                    open.pop().map_or(Value::Null, Open::close)
                }
                Err(_) => Value::Null,
            },
            _ => Value::Null,
        };
        // It may be the last of what it lies in, and that in turn.
        loop {
            let Some(outer) = open.last_mut() else { return value };
            outer.values.push(value);
            outer.left -= 1;
            if outer.left > 0 {
                break;
            }
            value = open.pop().map_or(Value::Null, Open::close);
        }
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;

    #[test]
    fn what_the_server_writes_is_read() {
        let text = |text: &str| Value::Bytes(text.into());
        let table = [
            ("+OK\r\n", Value::Status(b"OK".to_vec())),
            (":-5\r\n", Value::Integer(-5)),
            (",1.5\r\n", Value::Double(1.5)),
            (",-inf\r\n", Value::Double(f64::NEG_INFINITY)),
            ("#t\r\n", Value::Boolean(true)),
            ("_\r\n", Value::Null),
            ("$-1\r\n", Value::Null),
            ("(123\r\n", Value::BigNumber(b"123".to_vec())),
            ("$4\r\na\r\nb\r\n", text("a\r\nb")),
            ("=5\r\ntxt:x\r\n", text("x")),
            ("*0\r\n", Value::Array(vec![])),
            (
                "*3\r\n*1\r\n*0\r\n%1\r\n$1\r\nk\r\n~1\r\n:1\r\n-ERR x\r\n",
                Value::Array(vec![
                    Value::Array(vec![Value::Array(vec![])]),
                    Value::Map(vec![(text("k"), Value::Set(vec![Value::Integer(1)]))]),
                    Value::Error(b"ERR x".to_vec()),
                ]),
            ),
        ];
        for (written, value) in table {
            assert_eq!(read(written.as_bytes()), value, "{written:?}");
        }
    }
}
