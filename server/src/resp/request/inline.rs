//! Inline requests: one line, split as somebody types it into a terminal.

use super::ProtocolError;
use crate::resp::args::{ArgList, Span};

/// Splits an inline line at white space into `args`. Double quotes know `\n \r \t \b \a \xHH` and take any
/// other escaped byte as itself, single quotes know only `\'`, and quotes may begin and end in the middle of
/// an argument.
///
/// Two oddities are Valkey's and kept: a backslash and a quote at the very end of the line are a backslash
/// and the closing quote, and a byte 0xFF that was not written `\xff` disappears.
pub(super) fn split_inline(line: &[u8], args: &mut ArgList) -> Result<(), ProtocolError> {
    let mut rest = line;
    loop {
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
        let Some(first) = rest.iter().position(|byte| !is_space(byte)) else { return Ok(()) };
        rest = &rest[first..];
        let start = args.scratch.len();
        rest = take_argument(rest, &mut args.scratch)?;
        args.spans.push(Span { start, end: args.scratch.len() });
    }
}

/// Appends the argument at the start of `line` to `argument`, unquoted, and returns what follows it.
fn take_argument<'a>(line: &'a [u8], argument: &mut Vec<u8>) -> Result<&'a [u8], ProtocolError> {
    let mut rest = line;
    let mut quote = None;
    loop {
        // Written out as (bytes taken, byte meant), longest form first.
        let (taken, byte) = match (quote, rest) {
            (None, [] | [b' ' | b'\t' | b'\n' | b'\r', ..]) => return Ok(rest),
            (Some(_), []) => return Err(ProtocolError::UnbalancedQuotes),
            (None, [mark @ (b'"' | b'\''), ..]) => {
                quote = Some(*mark);
                (1, None)
            }
            (Some(b'"'), [b'\\', b'x', high, low, ..])
                if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
            {
                (4, Some(hex_digit(*high) << 4 | hex_digit(*low)))
            }
            (Some(open), [b'\\', mark]) if *mark == open => (1, Some(b'\\')),
            (Some(b'"'), [b'\\', escaped, ..]) => (2, unless_lost(escape(*escaped))),
            (Some(b'\''), [b'\\', b'\'', ..]) => (2, Some(b'\'')),
            (Some(open), [mark, ..]) if *mark == open => {
                quote = None;
                (1, None)
            }
            (_, [byte, ..]) => (1, unless_lost(*byte)),
        };
        argument.extend(byte);
        rest = &rest[taken..];
    }
}

/// What a byte after a backslash means in double quotes.
fn escape(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

/// The byte 0xFF is lost on its way through an inline request, unless it is written as `\xff`.
fn unless_lost(byte: u8) -> Option<u8> {
    (byte != 0xFF).then_some(byte)
}

/// The value of a digit already known to be one.
fn hex_digit(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    }
}
