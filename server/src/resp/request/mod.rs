//! The request parser: bytes in, argument positions out.
//!
//! A request is either an array of bulk strings (`*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n`) or one *inline* line,
//! split at spaces, as somebody types it into a terminal. Every rule and every error text is Valkey's, down
//! to its oddities; the table in its tests was recorded from the live server.
//!
//! The parser is restartable: it remembers how far it got, so the bytes of a request that arrives in a
//! thousand pieces are looked at once, not a thousand times. Arguments are positions in the caller's buffer
//! and are never copied (inline arguments are: quotes and escapes change their bytes, and nobody sends them
//! in a hurry).
//!
//! What a peer announces is not believed: memory grows with the bytes that came, never with the count or
//! length that was promised.

mod inline;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use memchr::{memchr, memchr2};

use super::args::{ArgList, Span};
use super::number::parse_i64;
use inline::split_inline;

/// The longest inline request, and the longest line that announces a count or a length.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// The most arguments one request may announce.
const COUNT_MAX: i64 = i32::MAX as i64;
/// What a client may announce before it has authenticated: enough for AUTH and HELLO, too little to fill
/// memory.
const COUNT_MAX_UNAUTHENTICATED: i64 = 10;
const BULK_BYTES_MAX_UNAUTHENTICATED: i64 = 16 * 1024;
/// What a request may announce. Asked anew at each header, since AUTH or CONFIG SET may change it between two
/// of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `proto-max-bulk-len`: the longest argument.
    pub bulk_bytes_max: u64,
    /// Whether the client has authenticated, or need not.
    pub authenticated: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bulk_bytes_max: 512 * 1024 * 1024, authenticated: true }
    }
}

/// What a call of [`RequestParser::parse`] found at the start of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Outcome {
    /// One request with at least one argument. It took `consumed` bytes; the arguments point into them.
    Complete {
        /// Bytes of the buffer this request took.
        consumed: usize,
    },
    /// A request without arguments (an empty line, `*0`, `*-1`), which is not answered.
    Empty {
        /// Bytes of the buffer this request took.
        consumed: usize,
    },
    /// The request goes on past the end of the buffer: call again with the same bytes and more behind them.
    Incomplete {
        /// At least so many bytes are missing. A hint for reading a large argument in one go; it comes from
        /// the peer, so memory reserved on its word should be bounded.
        needed: usize,
    },
    /// The bytes are no request. Answer with the error, then close: there is no way to find the next request.
    Error(ProtocolError),
}

/// Why bytes are not a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProtocolError {
    /// An inline line without its end within 64 KiB.
    TooBigInline,
    /// A quote was opened and not closed.
    UnbalancedQuotes,
    /// The line that announces the count of arguments has no end within 64 KiB.
    TooBigCount,
    /// The line that announces the length of an argument has no end within 64 KiB.
    TooBigLength,
    /// The count of arguments is no number, or too large.
    InvalidCount,
    /// The length of an argument is no number, negative, or too large.
    InvalidLength,
    /// More arguments than an unauthenticated client may send.
    UnauthenticatedCount,
    /// A longer argument than an unauthenticated client may send.
    UnauthenticatedLength,
    /// An argument starts with this byte where `$` belongs.
    ExpectedDollar(u8),
    /// A carriage return without its line feed, or an argument that does not end where it said.
    InvalidCrlf,
}

impl ProtocolError {
    /// The text of the error reply, without its code (`ERR`). Not always UTF-8: it quotes the offending byte
    /// as it came.
    pub fn text(&self) -> Cow<'static, [u8]> {
        let text: &'static str = match self {
            Self::TooBigInline => "Protocol error: too big inline request",
            Self::UnbalancedQuotes => "Protocol error: unbalanced quotes in request",
            Self::TooBigCount => "Protocol error: too big mbulk count string",
            Self::TooBigLength => "Protocol error: too big bulk count string",
            Self::InvalidCount => "Protocol error: invalid multibulk length",
            Self::InvalidLength => "Protocol error: invalid bulk length",
            Self::UnauthenticatedCount => "Protocol error: unauthenticated multibulk length",
            Self::UnauthenticatedLength => "Protocol error: unauthenticated bulk length",
            Self::InvalidCrlf => "Protocol error: invalid CRLF in request",
            Self::ExpectedDollar(got) => {
                let mut text = b"Protocol error: expected '$', got ' '".to_vec();
                let quoted = text.len() - 2;
                text[quoted] = *got;
                return Cow::Owned(text);
            }
        };
        Cow::Borrowed(text.as_bytes())
    }
}

/// Where in a request the parser stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before the first byte.
    Start,
    /// In an inline line.
    Inline,
    /// In an inline line that holds a NUL. Valkey looks for the end of the line as C looks through a string,
    /// so it never finds it: the client waits until the line is too big.
    InlineEndless,
    /// In the line `*<count>`.
    Count,
    /// In a line `$<length>`, with so many arguments still to come.
    Length { remaining: u32 },
    /// In an argument of so many bytes; it is counted in `remaining`.
    Body { remaining: u32, length: usize },
}

/// The parser of one connection. See the [module](self) for what it accepts.
#[derive(Clone, Debug)]
pub struct RequestParser {
    state: State,
    /// The first byte not yet understood, from the start of the request.
    at: usize,
    /// No line ends before this byte; at least `at` while a line is being looked for.
    searched: usize,
    /// The arguments of a request that is half read, if it has any yet. They are kept here and not in the
    /// caller's list, which is another connection's by the time the rest arrives; boxed, as most connections
    /// have none.
    half_read: Option<Box<ArgList>>,
}

impl Default for RequestParser {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestParser {
    /// A parser that stands before a request.
    pub const fn new() -> Self {
        Self { state: State::Start, at: 0, searched: 0, half_read: None }
    }

    /// Whether no request is half read: all bytes handed in so far have been consumed.
    pub fn is_idle(&self) -> bool {
        self.state == State::Start
    }

    /// Bytes the parser holds on the heap: the argument positions of a half-read request.
    pub fn memory_bytes(&self) -> usize {
        self.half_read.as_ref().map_or(0, |args| size_of::<ArgList>() + args.memory_bytes())
    }

    /// Reads one request from the start of `buf` into `args`, whatever was in there.
    ///
    /// After [`Outcome::Incomplete`] the next call has to get the same bytes, with more behind them; the
    /// buffer may have moved in memory, and `args` may be another list. After `Complete` and `Empty` it
    /// starts behind the consumed bytes. After an error it only repeats the error.
    pub fn parse(&mut self, buf: &[u8], limits: &Limits, args: &mut ArgList) -> Outcome {
        match self.half_read.take() {
            Some(half_read) => *args = *half_read,
            None => {
                args.clear();
                if self.state == State::Start {
                    if let Some(consumed) = plain(buf, limits, args) {
                        return Outcome::Complete { consumed };
                    }
                    args.clear();
                }
            }
        }
        match self.step(buf, limits, args) {
            Ok(()) => {
                let consumed = self.at;
                self.state = State::Start;
                self.advance(0);
                if args.is_empty() { Outcome::Empty { consumed } } else { Outcome::Complete { consumed } }
            }
            Err(Stop::Incomplete { needed }) => {
                if !args.is_empty() {
                    self.half_read = Some(Box::new(std::mem::take(args)));
                }
                Outcome::Incomplete { needed }
            }
            Err(Stop::Error(error)) => Outcome::Error(error),
        }
    }

    /// Goes on until the request ends (`at` is then behind it) or something stops it.
    fn step(&mut self, buf: &[u8], limits: &Limits, args: &mut ArgList) -> Result<(), Stop> {
        if self.state == State::Start {
            let Some(first) = buf.first() else { return Err(Stop::MORE) };
            self.state = if *first == b'*' { State::Count } else { State::Inline };
        }
        loop {
            match self.state {
                State::Start | State::Inline | State::InlineEndless => return self.inline(buf, args),
                State::Count => {
                    let remaining = self.count(buf, limits)?;
                    if remaining == 0 {
                        return Ok(());
                    }
                    self.state = State::Length { remaining };
                }
                State::Length { remaining } => {
                    let length = self.length(buf, limits)?;
                    self.state = State::Body { remaining, length };
                }
                State::Body { remaining, length } => {
                    self.body(buf, length, args)?;
                    if remaining == 1 {
                        return Ok(());
                    }
                    self.state = State::Length { remaining: remaining - 1 };
                }
            }
        }
    }

    /// The line `*<count>`: how many arguments follow; none also for a negative count.
    fn count(&mut self, buf: &[u8], limits: &Limits) -> Result<u32, Stop> {
        let (count, next) =
            self.announced(buf, b'*', ProtocolError::TooBigCount, ProtocolError::InvalidCount)?;
        if count > COUNT_MAX {
            return Err(ProtocolError::InvalidCount.into());
        }
        if count > COUNT_MAX_UNAUTHENTICATED && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedCount.into());
        }
        self.advance(next);
        Ok(u32::try_from(count).unwrap_or(0))
    }

    /// The line `$<length>`: how many bytes the next argument has.
    fn length(&mut self, buf: &[u8], limits: &Limits) -> Result<usize, Stop> {
        let (length, next) =
            self.announced(buf, b'$', ProtocolError::TooBigLength, ProtocolError::InvalidLength)?;
        let bytes = u64::try_from(length).ok().filter(|bytes| *bytes <= limits.bulk_bytes_max);
        let bytes =
            bytes.and_then(|bytes| usize::try_from(bytes).ok()).ok_or(ProtocolError::InvalidLength)?;
        if length > BULK_BYTES_MAX_UNAUTHENTICATED && !limits.authenticated {
            return Err(ProtocolError::UnauthenticatedLength.into());
        }
        self.advance(next);
        Ok(bytes)
    }

    /// The number in the line that starts here with `sigil`, and where the next line starts.
    fn announced(
        &mut self,
        buf: &[u8],
        sigil: u8,
        too_big: ProtocolError,
        invalid: ProtocolError,
    ) -> Result<(i64, usize), Stop> {
        if let Some((number, next)) = small_number(buf, self.at, sigil) {
            return Ok((number as i64, next));
        }
        let unread = buf.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr(b'\r', unread) else {
            self.searched += unread.len();
            return Err(if buf.len() - self.at > LINE_BYTES_MAX { too_big.into() } else { Stop::MORE });
        };
        let end = self.searched + found;
        self.searched = end;
        // Nothing about a line is judged before the byte behind its carriage return is here.
        let Some(line_feed) = buf.get(end + 1) else { return Err(Stop::MORE) };
        match buf[self.at..end].split_first() {
            Some((first, digits)) if *first == sigil => {
                if *line_feed != b'\n' {
                    return Err(ProtocolError::InvalidCrlf.into());
                }
                let number = parse_i64(digits).ok_or(invalid)?;
                Ok((number, end + 2))
            }
            // Only a length can get here, as `*` is what told a count from an inline line.
            _ => Err(ProtocolError::ExpectedDollar(buf[self.at]).into()),
        }
    }

    /// An argument of `length` bytes and its line end.
    fn body(&mut self, buf: &[u8], length: usize, args: &mut ArgList) -> Result<(), Stop> {
        let start = self.at;
        let here = buf.len() - start;
        let wanted = length.saturating_add(2);
        if here < wanted {
            return Err(Stop::Incomplete { needed: wanted - here });
        }
        let end = start + length;
        if buf[end..end + 2] != *b"\r\n" {
            return Err(ProtocolError::InvalidCrlf.into());
        }
        args.spans.push(Span { start, end });
        self.advance(end + 2);
        Ok(())
    }

    /// An inline line. Kept out of the way: it is for people and health checks.
    #[cold]
    fn inline(&mut self, buf: &[u8], args: &mut ArgList) -> Result<(), Stop> {
        if self.state == State::Inline {
            let unread = buf.get(self.searched..).unwrap_or_default();
            match memchr2(b'\n', 0, unread) {
                Some(found) if unread[found] == b'\n' => {
                    let end = self.searched + found;
                    let line = &buf[..end];
                    let line = line.strip_suffix(b"\r").unwrap_or(line);
                    args.inline = true;
                    split_inline(line, args).map_err(Stop::Error)?;
                    self.advance(end + 1);
                    return Ok(());
                }
                Some(_) => self.state = State::InlineEndless,
                None => self.searched += unread.len(),
            }
        }
        Err(if buf.len() > LINE_BYTES_MAX { ProtocolError::TooBigInline.into() } else { Stop::MORE })
    }

    /// Stands at `next` from now on; everything before it is understood.
    fn advance(&mut self, next: usize) {
        self.at = next;
        self.searched = next;
    }
}

/// Why the parser could not go on.
enum Stop {
    Incomplete { needed: usize },
    Error(ProtocolError),
}

impl Stop {
    const MORE: Self = Self::Incomplete { needed: 1 };
}

impl From<ProtocolError> for Stop {
    fn from(error: ProtocolError) -> Self {
        Self::Error(error)
    }
}

/// The fast path of [`RequestParser::parse`]: a whole request of short arguments, as nearly all are, read in
/// one walk; the bytes it took. Anything unusual, and anything incomplete, is left to the slow path, so that
/// there is one place that knows the errors. A GET takes 90 instructions here and 310 there.
fn plain(buf: &[u8], limits: &Limits, args: &mut ArgList) -> Option<usize> {
    let (count, mut at) = small_number(buf, 0, b'*')?;
    if count == 0 || count > COUNT_MAX_UNAUTHENTICATED as usize && !limits.authenticated {
        return None;
    }
    for _ in 0..count {
        let (length, start) = small_number(buf, at, b'$')?;
        let end = start + length;
        if buf.get(end..end + 2)? != b"\r\n" {
            return None;
        }
        args.spans.push(Span { start, end });
        at = end + 2;
    }
    Some(at)
}

/// The fast path of [`RequestParser::announced`]: a line of up to four digits with something behind it, and
/// where that begins. Four digits are within every limit for a length.
#[inline]
fn small_number(buf: &[u8], at: usize, sigil: u8) -> Option<(usize, usize)> {
    let line: &[u8; 7] = buf.get(at..)?.first_chunk()?;
    let digit = |index: usize| {
        let digit = usize::from(line[index].wrapping_sub(b'0'));
        (digit <= 9).then_some(digit)
    };
    if line[0] != sigil {
        return None;
    }
    let mut number = digit(1)?;
    for end in 2..6 {
        if line[end] == b'\r' {
            return (line[end + 1] == b'\n').then_some((number, at + end + 2));
        }
        // No leading nought: `0` alone is a number, `00` and `01` are not.
        if number == 0 || end == 5 {
            return None;
        }
        number = number * 10 + digit(end)?;
    }
    None
}
