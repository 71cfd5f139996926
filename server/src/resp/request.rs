//! The request parser: bytes in, argument positions out.
//!
//! A request is either an array of bulk strings (`*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n`) or one *inline* line,
//! split at spaces, as somebody types it into a terminal. Every rule and every error text is Valkey's, down
//! to its oddities; the table at the end of this file was recorded from the live server.
//!
//! The parser is restartable: it remembers how far it got, so the bytes of a request that arrives in a
//! thousand pieces are looked at once, not a thousand times. Arguments are positions in the caller's buffer
//! and are never copied (inline arguments are: quotes and escapes change their bytes, and nobody sends them
//! in a hurry).
//!
//! What a peer announces is not believed: memory grows with the bytes that came, never with the count or
//! length that was promised.

use std::borrow::Cow;
use std::ops::Index;

use memchr::{memchr, memchr2};
use smallvec::SmallVec;

use super::number::parse_i64;

/// The longest inline request, and the longest line that announces a count or a length.
const LINE_BYTES_MAX: usize = 64 * 1024;
/// The most arguments one request may announce.
const COUNT_MAX: i64 = i32::MAX as i64;
/// What a client may announce before it has authenticated: enough for AUTH and HELLO, too little to fill
/// memory.
const COUNT_MAX_UNAUTHENTICATED: i64 = 10;
const BULK_BYTES_MAX_UNAUTHENTICATED: i64 = 16 * 1024;
/// Argument positions and inline bytes kept for the next request; a list that grew past this gives its memory
/// back.
const SPANS_KEPT_MAX: usize = 1024;
const SCRATCH_BYTES_KEPT_MAX: usize = 4 * 1024;

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

/// Where one argument lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The arguments of one request, as positions. Reused from request to request so that none of them allocates.
#[derive(Clone, Debug, Default)]
pub struct ArgList {
    /// Positions in the request's bytes, or in `scratch` for an inline request.
    spans: SmallVec<[Span; 8]>,
    /// The unquoted bytes of an inline request's arguments.
    scratch: Vec<u8>,
    inline: bool,
}

impl ArgList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many arguments were read.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether none was read.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The arguments themselves. `request` is the buffer that was parsed, from the same first byte; it may
    /// have grown.
    ///
    /// # Panics
    /// The view panics on reading if `request` is shorter than what the parser said it consumed.
    pub fn view<'a>(&'a self, request: &'a [u8]) -> Args<'a> {
        let bytes = if self.inline { self.scratch.as_slice() } else { request };
        Args { bytes, spans: &self.spans }
    }

    /// How long the request counts for that took `consumed` bytes. Of an inline one, Valkey counts what came
    /// out of it, a blank between each two words, and the end of the line.
    pub fn counted_bytes(&self, consumed: usize) -> usize {
        match self.inline {
            true => self.scratch.len() + self.spans.len() + 1,
            false => consumed,
        }
    }

    /// Bytes this list holds on the heap.
    pub fn memory_bytes(&self) -> usize {
        let spans = if self.spans.spilled() { self.spans.capacity() * size_of::<Span>() } else { 0 };
        spans + self.scratch.capacity()
    }

    fn clear(&mut self) {
        self.spans.clear();
        if self.spans.capacity() > SPANS_KEPT_MAX {
            self.spans = SmallVec::new();
        }
        self.scratch.clear();
        self.scratch.shrink_to(SCRATCH_BYTES_KEPT_MAX);
        self.inline = false;
    }
}

/// The arguments of one request: a cheap view that can be copied and cut.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// No arguments.
    pub const EMPTY: Args<'static> = Args { bytes: &[], spans: &[] };

    pub(super) fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, spans }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`, the command's name being at 0.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| &self.bytes[span.start..span.end])
    }

    /// The arguments from `index` on; none if there are not so many.
    pub fn skip(&self, index: usize) -> Self {
        Self { bytes: self.bytes, spans: self.spans.get(index..).unwrap_or_default() }
    }

    /// The first `count` arguments, or all if there are fewer.
    pub fn take(&self, count: usize) -> Self {
        Self { bytes: self.bytes, spans: self.spans.get(..count).unwrap_or(self.spans) }
    }

    /// All arguments in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |span| &bytes[span.start..span.end])
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    /// For positions that the arity check has already promised; [`Args::get`] for all others.
    fn index(&self, index: usize) -> &[u8] {
        let span = self.spans[index];
        &self.bytes[span.start..span.end]
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

/// Splits an inline line at white space into `args`. Double quotes know `\n \r \t \b \a \xHH` and take any
/// other escaped byte as itself, single quotes know only `\'`, and quotes may begin and end in the middle of
/// an argument.
///
/// Two oddities are Valkey's and kept: a backslash and a quote at the very end of the line are a backslash
/// and the closing quote, and a byte 0xFF that was not written `\xff` disappears.
fn split_inline(line: &[u8], args: &mut ArgList) -> Result<(), ProtocolError> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What a stream of bytes comes to: each request's arguments, then the error text if one ended it, then
    /// how many bytes are left over as a beginning.
    #[derive(Debug, PartialEq, Default)]
    struct Heard {
        requests: Vec<Vec<Vec<u8>>>,
        error: Option<Vec<u8>>,
        left: usize,
    }

    /// Feeds `pieces` one after the other, as reads from a socket would bring them.
    fn feed<'a>(pieces: impl IntoIterator<Item = &'a [u8]>, limits: &Limits) -> Heard {
        let mut heard = Heard::default();
        let (mut parser, mut args, mut buf) = (RequestParser::new(), ArgList::new(), Vec::new());
        'pieces: for piece in pieces {
            buf.extend_from_slice(piece);
            // Meanwhile the list serves another connection.
            let other =
                RequestParser::new().parse(b"*2\r\n$1\r\na\r\n$1\r\nb\r\n", &Limits::default(), &mut args);
            assert!(matches!(other, Outcome::Complete { .. }));
            loop {
                match parser.parse(&buf, limits, &mut args) {
                    Outcome::Complete { consumed } => {
                        heard.requests.push(args.view(&buf).iter().map(<[u8]>::to_vec).collect());
                        buf.drain(..consumed);
                    }
                    Outcome::Empty { consumed } => {
                        assert!(consumed > 0, "an empty request takes its bytes");
                        buf.drain(..consumed);
                    }
                    Outcome::Incomplete { needed } => {
                        assert!(needed > 0, "the parser asks for more or is done");
                        break;
                    }
                    Outcome::Error(error) => {
                        let again = parser.parse(&buf, limits, &mut args);
                        assert_eq!(again, Outcome::Error(error), "an error stays");
                        heard.error = Some(error.text().into_owned());
                        break 'pieces;
                    }
                }
            }
        }
        heard.left = buf.len();
        heard
    }

    fn whole(bytes: &[u8]) -> Heard {
        feed([bytes], &Limits::default())
    }

    fn bytewise(bytes: &[u8]) -> Heard {
        feed(bytes.chunks(1), &Limits::default())
    }

    /// `bytes` are the requests written on the right, one by one, and nothing is left; also when they come in
    /// crumbs.
    #[track_caller]
    fn hears(bytes: &[u8], requests: &[&[&[u8]]]) {
        let wanted: Vec<Vec<Vec<u8>>> =
            requests.iter().map(|request| request.iter().map(|arg| arg.to_vec()).collect()).collect();
        let wanted = Heard { requests: wanted, error: None, left: 0 };
        assert_eq!(whole(bytes), wanted);
        assert_eq!(bytewise(bytes), wanted);
    }

    /// `bytes` end in this error, also when they come in crumbs.
    #[track_caller]
    fn refuses(bytes: &[u8], text: &[u8]) {
        let text = [b"Protocol error: ", text].concat();
        assert_eq!(whole(bytes).error, Some(text.clone()));
        assert_eq!(bytewise(bytes).error, Some(text));
    }

    /// `bytes` are not answered: their request is not over.
    #[track_caller]
    fn waits(bytes: &[u8]) {
        let wanted = Heard { requests: vec![], error: None, left: bytes.len() };
        assert_eq!(whole(bytes), wanted);
    }

    // Everything in these tests was recorded from Valkey 9.1.2, sent over a bare socket.

    #[test]
    fn arrays() {
        hears(b"*1\r\n$4\r\nPING\r\n", &[&[b"PING"]]);
        hears(b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", &[&[b"ECHO", b""]]);
        hears(b"*1\r\n$0\r\n\r\n", &[&[b""]]);
        hears(b"*2\r\n$4\r\nECHO\r\n$4\r\n\r\n\0$\r\n", &[&[b"ECHO", b"\r\n\0$"]]);
        hears(b"*1\r\n$4\r\nPING\r\nPING\r\n*1\r\n$4\r\nPING\r\n", &[&[b"PING"], &[b"PING"], &[b"PING"]]);
    }

    #[test]
    fn empty_requests_are_passed_over() {
        for empty in [
            "\r\n",
            "\n",
            " \t\x0b\x0c\r\n",
            "\r\r\n",
            "*0\r\n",
            "*-1\r\n",
            "*-10\r\n",
            "*-9223372036854775808\r\n",
        ] {
            hears([empty, "PING\r\n"].concat().as_bytes(), &[&[b"PING"]]);
            hears(empty.as_bytes(), &[]);
        }
    }

    #[test]
    fn bad_counts() {
        for count in
            ["", "+1", "01", "1 ", " 1", "-0", "00", "1\0", "2147483648", "99999999999999999999", "a", "-"]
        {
            refuses(format!("*{count}\r\n").as_bytes(), b"invalid multibulk length");
        }
        for count in ["2147483647", "1073741824", "1048577"] {
            waits(format!("*{count}\r\n").as_bytes());
        }
    }

    #[test]
    fn bad_lengths() {
        for length in ["", "-1", "+4", "04", "a", "4\0", "536870913", "99999999999999999999999"] {
            refuses(format!("*1\r\n${length}\r\n").as_bytes(), b"invalid bulk length");
        }
        waits(b"*1\r\n$536870912\r\n");
        refuses(b"*2\r\n$4\r\nPING\r\n$a\r\n", b"invalid bulk length");
    }

    #[test]
    fn a_byte_that_is_no_dollar() {
        refuses(b"*1\r\nx4\r\n", b"expected '$', got 'x'");
        refuses(b"*1\r\n\r\n", b"expected '$', got '\r'");
        refuses(b"*1\r\n\n\r\n", b"expected '$', got '\n'");
        refuses(b"*1\r\n\0\r\n", b"expected '$', got '\0'");
        refuses(b"*1\r\n\xff\r\n", b"expected '$', got '\xff'");
        refuses(b"*1\r\nx\rX", b"expected '$', got 'x'");
        waits(b"*1\r\nx");
        waits(b"*1\r\nx\r");
    }

    #[test]
    fn line_ends_of_arrays_are_checked() {
        for bytes in [
            "*a\rX",
            "*0\rX",
            "*-1\rX",
            "*2147483648\rX",
            "*0\r*1\r\n",
            "*1\r\r\n$4\r\nPING\r\n",
            "*1\r\n$a\rX",
            "*1\r\n$4\rXPING",
            "*1\r\n$99999999999\rX",
            "*1\r\n$4\r\nPINGxy",
            "*1\r\n$4\r\nPING\n\r",
            "*1\r\n$4\r\nPING\rx",
        ] {
            refuses(bytes.as_bytes(), b"invalid CRLF in request");
        }
        waits(b"*1\n$4\nPING\n");
        waits(b"*1\r\n$4\r\nPINGx");
        waits(b"*1\r\n$4\r\nPING\r");
    }

    #[test]
    fn requests_before_an_error_count() {
        let heard = whole(b"PING\r\n*1\r\n$4\r\nPING\r\n*a\r\nPING\r\n");
        assert_eq!(heard.requests.len(), 2);
        assert_eq!(heard.error.as_deref(), Some(&b"Protocol error: invalid multibulk length"[..]));
    }

    #[test]
    fn lines_of_64_kib() {
        let long = |start: &str, fill: u8, count: usize| [start.as_bytes(), &vec![fill; count]].concat();
        let error =
            |bytes: Vec<u8>| whole(&bytes).error.map(|text| String::from_utf8(text).expect("plain text"));
        let too_big = |what: &str| Some(format!("Protocol error: too big {what}"));
        assert_eq!(error(long("", b'a', 65536)), None);
        assert_eq!(error(long("", b'a', 65537)), too_big("inline request"));
        assert_eq!(error(long("a\0\n", b'a', 65533)), None);
        assert_eq!(error(long("a\0\n", b'a', 65534)), too_big("inline request"));
        assert_eq!(error(long("*", b'1', 65535)), None);
        assert_eq!(error(long("*", b'1', 65536)), too_big("mbulk count string"));
        assert_eq!(error(long("*1\0", b'x', 65534)), too_big("mbulk count string"));
        assert_eq!(error(long("*1\r\n$", b'1', 65535)), None);
        assert_eq!(error(long("*1\r\n$", b'1', 65536)), too_big("bulk count string"));
        assert_eq!(error(long("*1\r\n", b'x', 65536)), None);
        assert_eq!(error(long("*1\r\n", b'\0', 65537)), too_big("bulk count string"));
        // A longer line whose end is already here is read as any other.
        let line = [long("ECHO ", b'a', 70000), b"\n".to_vec()].concat();
        assert_eq!(whole(&line).requests[0][1].len(), 70000);
        let count = [long("*", b'1', 65537), b"\r\n".to_vec()].concat();
        assert_eq!(error(count).as_deref(), Some("Protocol error: invalid multibulk length"));
    }

    #[test]
    fn before_authentication() {
        let limits = Limits { authenticated: false, ..Limits::default() };
        let error = |bytes: &[u8]| {
            feed([bytes], &limits).error.map(|text| String::from_utf8(text).expect("plain text"))
        };
        assert_eq!(error(b"*10\r\n$16384\r\n"), None);
        assert_eq!(error(b"*11\r\n").as_deref(), Some("Protocol error: unauthenticated multibulk length"));
        assert_eq!(
            error(b"*1\r\n$16385\r\n").as_deref(),
            Some("Protocol error: unauthenticated bulk length")
        );
        // The general rules come first.
        assert_eq!(error(b"*11\rX").as_deref(), Some("Protocol error: invalid CRLF in request"));
        assert_eq!(error(b"*1\r\n$16385\rX").as_deref(), Some("Protocol error: invalid CRLF in request"));
        assert_eq!(error(b"*2147483648\r\n").as_deref(), Some("Protocol error: invalid multibulk length"));
        assert_eq!(error(b"*1\r\n$99999999999\r\n").as_deref(), Some("Protocol error: invalid bulk length"));
        // Inline requests are bounded by their line alone.
        assert_eq!(feed([&b"PING 1 2 3 4 5 6 7 8 9 10 11 12\r\n"[..]], &limits).requests[0].len(), 13);
    }

    #[test]
    fn limits_are_asked_at_each_request() {
        let limits = Limits { authenticated: false, ..Limits::default() };
        let buf = b"*11\r\n$1\r\na\r\n";
        let (mut parser, mut args) = (RequestParser::new(), ArgList::new());
        let refused = Outcome::Error(ProtocolError::UnauthenticatedCount);
        assert_eq!(parser.parse(buf, &limits, &mut args), refused);
        assert_eq!(parser.parse(buf, &Limits::default(), &mut args), Outcome::Incomplete { needed: 1 });
        let small = Limits { bulk_bytes_max: 5, authenticated: true };
        assert_eq!(
            feed([&b"*1\r\n$5\r\nhello\r\n*1\r\n$6\r\n"[..]], &small).error.as_deref(),
            Some(&b"Protocol error: invalid bulk length"[..])
        );
    }

    #[test]
    fn inline_requests() {
        hears(b"PING\r\n", &[&[b"PING"]]);
        hears(b"PING\n", &[&[b"PING"]]);
        hears(b"PI\rNG\r\n", &[&[b"PI", b"NG"]]);
        hears(b"PING \r\r\n", &[&[b"PING"]]);
        hears(b"\rPING\r\n", &[&[b"PING"]]);
        hears(b"\x0b\x0cPING\n", &[&[b"PING"]]);
        hears(b"ECHO a\x0bb\n", &[&[b"ECHO", b"a\x0bb"]]);
        hears(b"ECHO a\x0b\n", &[&[b"ECHO", b"a\x0b"]]);
        hears(b"\"\" a\r\n", &[&[b"", b"a"]]);
        waits(b"PING\r");
        waits(b"ECHO a\0b\r\nPING\r\n");
        waits(b"\0PING\r\n");
    }

    #[test]
    fn inline_requests_count_as_valkey_counts_them() {
        let counted = |request: &[u8]| {
            let (mut parser, mut args) = (RequestParser::new(), ArgList::new());
            match parser.parse(request, &Limits::default(), &mut args) {
                Outcome::Complete { consumed } => args.counted_bytes(consumed),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(counted(b"PING\r\n"), 6);
        assert_eq!(counted(b"  GET   k\n"), 7);
        assert_eq!(counted(b"SET k \"1\\x412\"\r\n"), 11);
        assert_eq!(counted(b"*1\r\n$4\r\nPING\r\n"), 14);
    }

    #[test]
    fn inline_quotes() {
        let cases: &[(&[u8], &[u8])] = &[
            (br#""a\x41\n\r\t\b\a\q\"\\""#, b"aA\n\r\t\x08\x07q\"\\"),
            (br#"'a\'b\n"x'"#, br#"a'b\n"x"#),
            (br#""a"b"#, b"ab"),
            (br#"a"b c""#, b"ab c"),
            (b"a'b c'", b"ab c"),
            (b"'a'b", b"ab"),
            (br#""""#, b""),
            (br#""\x4""#, b"x4"),
            (br#""\xZZ""#, b"xZZ"),
            (br#""\xfF\xAb""#, b"\xff\xab"),
            (br"a\n", br"a\n"),
            // A backslash before the closing quote at the end of the line stands for itself.
            (br#""a\""#, br"a\"),
            (br"'a\'", br"a\"),
            (br#"\"a b\""#, br"\a b\"),
            (br#""\"""#, br#"""#),
            // The byte 0xFF is lost unless it is written as an escape.
            (b"\"a\xffb\"", b"ab"),
            (b"a\xff'\xff'", b"a"),
            (b"\"\\\xff\"", b""),
            (b"a\xfe\x80", b"a\xfe\x80"),
        ];
        for (line, argument) in cases {
            hears(&[b"ECHO ", *line, b"\r\n"].concat(), &[&[b"ECHO", argument]]);
        }
        for line in [&br#""a"#[..], b"'a", br#""a\"#, br#"" a\\\"#, b"\"a'", br#""\" "#] {
            refuses(&[b"ECHO ", line, b"\r\n"].concat(), b"unbalanced quotes in request");
        }
        refuses(b"\"a\nPING\n", b"unbalanced quotes in request");
    }

    #[test]
    fn promises_do_not_take_memory() {
        let (mut parser, mut args) = (RequestParser::new(), ArgList::new());
        let mut buf = b"*2147483647\r\n$536870912\r\nabc".to_vec();
        let missing = 536870912 + 2 - 3;
        assert_eq!(
            parser.parse(&buf, &Limits::default(), &mut args),
            Outcome::Incomplete { needed: missing }
        );
        assert_eq!(args.memory_bytes(), 0);
        // A list grows with what came, and a large one is given back with the next request.
        parser = RequestParser::new();
        buf = [b"*5000\r\n".to_vec(), b"$1\r\na\r\n".repeat(5000)].concat();
        assert_eq!(
            parser.parse(&buf, &Limits::default(), &mut args),
            Outcome::Complete { consumed: buf.len() }
        );
        assert_eq!(args.len(), 5000);
        assert_eq!(parser.parse(b"*1", &Limits::default(), &mut args), Outcome::Incomplete { needed: 1 });
        assert_eq!(args.memory_bytes(), 0);
    }

    #[test]
    fn the_missing_bytes_of_an_argument_are_told() {
        let (mut parser, mut args) = (RequestParser::new(), ArgList::new());
        let mut buf = b"*2\r\n$4\r\nECHO\r\n$10\r\n0123".to_vec();
        assert_eq!(parser.parse(&buf, &Limits::default(), &mut args), Outcome::Incomplete { needed: 8 });
        assert!(!parser.is_idle());
        assert!(parser.memory_bytes() > 0);
        buf.extend_from_slice(b"456789\r\n");
        assert_eq!(
            parser.parse(&buf, &Limits::default(), &mut args),
            Outcome::Complete { consumed: buf.len() }
        );
        assert!(parser.is_idle());
        assert_eq!(parser.memory_bytes(), 0);
        let view = args.view(&buf);
        assert_eq!(&view[1], b"0123456789");
        assert_eq!(view.get(2), None);
        assert_eq!(view.skip(1).len(), 1);
        assert!(view.skip(3).is_empty());
        assert_eq!(view.take(1).iter().collect::<Vec<_>>(), [b"ECHO"]);
    }

    /// Requests and fragments of requests, strung together.
    fn stream() -> impl Strategy<Value = Vec<u8>> {
        let piece = prop_oneof![
            proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..20), 1..12).prop_map(
                |args| {
                    let mut bytes = format!("*{}\r\n", args.len()).into_bytes();
                    for arg in args {
                        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
                        bytes.extend_from_slice(&arg);
                        bytes.extend_from_slice(b"\r\n");
                    }
                    bytes
                }
            ),
            "(PING|\"a b\"|'c'|\\\\| |\"|\r|\\*|[$0-9a-z])*\r?\n".prop_map(String::into_bytes),
            Just(b"*0\r\n".to_vec()),
            Just(b"*1\r\n$3\r\n".to_vec()),
            "[*$]-?[0-9]{0,4}\r?\n?".prop_map(String::into_bytes),
            proptest::collection::vec(any::<u8>(), 0..8),
        ];
        proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn pieces_are_heard_as_the_whole(
            bytes in stream(),
            cuts in proptest::collection::vec(0usize..400, 0..12),
        ) {
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
            cuts.extend([0, bytes.len()]);
            cuts.sort_unstable();
            let pieces = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]);
            let wanted = whole(&bytes);
            let in_pieces = feed(pieces, &Limits::default());
            prop_assert_eq!(&in_pieces.requests, &wanted.requests);
            prop_assert_eq!(&in_pieces.error, &wanted.error);
            let crumbs = bytewise(&bytes);
            prop_assert_eq!(&crumbs.requests, &wanted.requests);
            prop_assert_eq!(&crumbs.error, &wanted.error);
        }

        #[test]
        fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..600), authenticated: bool) {
            feed(bytes.chunks(7), &Limits { authenticated, ..Limits::default() });
        }
    }
}
