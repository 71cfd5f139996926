//! The reply writer: typed values in, RESP2 or RESP3 bytes out.
//!
//! [`Reply`] is the only place that knows how the two protocols differ: handlers say *map* or *null*, never
//! `*` or `$-1`. It writes into an [`Output`], which waits for the socket:
//!
//! ```text
//!   inline bytes   [....................|..............]      one Vec, in the order of the replies
//!   splices                   (at 20: Bytes)  ^ (at 34: Bytes)  shared values spliced in between, not copied
//! ```
//!
//! Small values are copied (a system call per value costs more than the copy); a large counted value is
//! spliced in and goes to the socket from where it lies. Keeping all inline bytes in one vector makes a mark
//! two numbers, so a half written reply is dropped by cutting, and the header of an array whose length is
//! known only at its end can be put in afterwards.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::Bytes;

use scrubjay::double::DoubleText;

/// From this size on a counted value is spliced in rather than copied: about where one more segment of a
/// `writev` costs less than copying.
pub const SPLICE_BYTES_MIN: usize = 16 * 1024;
/// A late header is put before at most this many inline bytes by moving them; before more it is spliced in.
const MOVE_BYTES_MAX: usize = 16 * 1024;
/// An emptied output keeps at most this much capacity: enough that a steady pipeline does not allocate.
const KEPT_BYTES_MAX: usize = 64 * 1024;

/// Which of the two protocols a connection speaks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// RESP2, what every connection starts with.
    #[default]
    Resp2,
    /// RESP3, after `HELLO 3`.
    Resp3,
}

impl Protocol {
    /// The number in `HELLO`.
    pub fn version(self) -> i64 {
        match self {
            Self::Resp2 => 2,
            Self::Resp3 => 3,
        }
    }
}

/// A shared value between two inline bytes.
#[derive(Clone, Debug)]
struct Splice {
    /// It belongs before `inline[at]`. Never less than `sent`; ascending along the queue.
    at: usize,
    bytes: Bytes,
}

/// Bytes on their way to one client.
#[derive(Clone, Debug, Default)]
pub struct Output {
    inline: Vec<u8>,
    /// So many inline bytes have been taken. Nought when nothing is left.
    sent: usize,
    splices: VecDeque<Splice>,
    /// The sum of the splices' lengths.
    spliced_bytes: usize,
}

/// A place in an [`Output`] to cut back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Mark {
    inline: usize,
    splices: usize,
}

impl Output {
    /// An output that holds nothing.
    pub fn new() -> Self {
        Self::default()
    }

    /// Bytes still to be sent.
    pub fn len(&self) -> usize {
        self.inline.len() - self.sent + self.spliced_bytes
    }

    /// Whether nothing is left to send.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes still to be sent that are this output's own, without those it shares with the store.
    pub fn own_bytes(&self) -> usize {
        self.inline.len() - self.sent
    }

    /// Shared values that wait to be sent.
    pub fn shared_count(&self) -> usize {
        self.splices.len()
    }

    /// What this output holds in memory, for `client-output-buffer-limit` and CLIENT LIST; shared values
    /// count in full, as the client is what keeps them from being freed.
    pub fn memory_bytes(&self) -> usize {
        self.inline.capacity() + self.spliced_bytes + self.splices.capacity() * size_of::<Splice>()
    }

    /// Appends bytes that are already encoded.
    pub fn extend(&mut self, encoded: &[u8]) {
        self.inline.extend_from_slice(encoded);
    }

    /// Appends encoded bytes that others share, without copying them if they are many.
    pub fn extend_shared(&mut self, encoded: Bytes) {
        if encoded.len() < SPLICE_BYTES_MIN {
            self.inline.extend_from_slice(&encoded);
        } else {
            self.spliced_bytes += encoded.len();
            self.splices.push_back(Splice { at: self.inline.len(), bytes: encoded });
        }
    }

    /// Appends all of `other`, which is empty afterwards.
    pub fn append(&mut self, other: &mut Self) {
        let mut from = other.sent;
        for splice in other.splices.drain(..) {
            self.inline.extend_from_slice(&other.inline[from..splice.at]);
            from = splice.at;
            self.splices.push_back(Splice { at: self.inline.len(), bytes: splice.bytes });
        }
        self.inline.extend_from_slice(&other.inline[from..]);
        self.spliced_bytes += other.spliced_bytes;
        other.clear();
    }

    /// All bytes in a row.
    pub fn into_vec(mut self) -> Vec<u8> {
        if self.sent == 0 && self.splices.is_empty() {
            return self.inline;
        }
        let mut all = Vec::with_capacity(self.len());
        while !self.is_empty() {
            let chunk = self.chunk();
            let count = chunk.len();
            all.extend_from_slice(chunk);
            self.consume(count);
        }
        all
    }

    /// Fills `slices` with what comes next, in order, and says how many it filled: for a vectored write.
    /// Nought only if nothing is left.
    pub fn io_slices<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> usize {
        let mut filled = 0;
        let mut from = self.sent;
        let mut put = |bytes: &'a [u8]| {
            if !bytes.is_empty()
                && let Some(slice) = slices.get_mut(filled)
            {
                *slice = IoSlice::new(bytes);
                filled += 1;
            }
        };
        for splice in &self.splices {
            put(&self.inline[from..splice.at]);
            put(&splice.bytes);
            from = splice.at;
        }
        put(&self.inline[from..]);
        filled
    }

    /// The first stretch of bytes that lie together; empty only if nothing is left.
    pub fn chunk(&self) -> &[u8] {
        match self.splices.front() {
            Some(splice) if splice.at == self.sent => &splice.bytes,
            Some(splice) => &self.inline[self.sent..splice.at],
            None => &self.inline[self.sent..],
        }
    }

    /// Puts all bytes still to be sent into `into`, instead of what was there.
    pub fn copy_to(&self, into: &mut Vec<u8>) {
        into.clear();
        let mut from = self.sent;
        for splice in &self.splices {
            into.extend_from_slice(&self.inline[from..splice.at]);
            into.extend_from_slice(&splice.bytes);
            from = splice.at;
        }
        into.extend_from_slice(&self.inline[from..]);
    }

    /// Forgets the next `count` bytes, which have been sent.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn consume(&mut self, count: usize) {
        assert!(count <= self.len(), "more bytes sent than there were");
        let mut left = count;
        while let Some(splice) = self.splices.front_mut() {
            let inline = left.min(splice.at - self.sent);
            self.sent += inline;
            left -= inline;
            if self.sent < splice.at || left == 0 {
                break;
            }
            let spliced = left.min(splice.bytes.len());
            left -= spliced;
            self.spliced_bytes -= spliced;
            if spliced < splice.bytes.len() {
                bytes::Buf::advance(&mut splice.bytes, spliced);
                break;
            }
            self.splices.pop_front();
        }
        self.sent += left;
        if self.is_empty() {
            self.clear();
        } else if self.sent >= MOVE_BYTES_MAX && self.sent >= self.inline.len() / 2 {
            self.compact();
        }
    }

    /// Drops all that has not been sent.
    pub fn clear(&mut self) {
        self.inline.clear();
        self.inline.shrink_to(KEPT_BYTES_MAX);
        self.sent = 0;
        self.splices.clear();
        self.splices.shrink_to(KEPT_BYTES_MAX / size_of::<Splice>());
        self.spliced_bytes = 0;
    }

    /// Gives back what an empty output has reserved: for a connection that has gone quiet.
    pub fn shrink(&mut self) {
        if self.is_empty() {
            *self = Self::new();
        }
    }

    /// The place where the next byte goes. Valid until bytes before it are consumed.
    pub fn mark(&self) -> Mark {
        Mark { inline: self.inline.len(), splices: self.splices.len() }
    }

    /// Drops everything written after `mark`.
    pub fn truncate_to(&mut self, mark: Mark) {
        while self.splices.len() > mark.splices
            && let Some(splice) = self.splices.pop_back()
        {
            self.spliced_bytes -= splice.bytes.len();
        }
        self.inline.truncate(mark.inline);
    }

    /// Bytes written since `mark`.
    pub fn len_since(&self, mark: Mark) -> usize {
        let spliced: usize = self.splices.iter().skip(mark.splices).map(|splice| splice.bytes.len()).sum();
        self.inline.len() - mark.inline + spliced
    }

    /// Puts `header` where `mark` was taken, before all that was written since.
    fn insert(&mut self, mark: Mark, header: &[u8]) {
        if self.inline.len() - mark.inline > MOVE_BYTES_MAX {
            self.spliced_bytes += header.len();
            self.splices
                .insert(mark.splices, Splice { at: mark.inline, bytes: Bytes::copy_from_slice(header) });
            return;
        }
        self.inline.splice(mark.inline..mark.inline, header.iter().copied());
        for splice in self.splices.iter_mut().skip(mark.splices) {
            splice.at += header.len();
        }
    }

    /// Forgets the inline bytes that were sent while others wait, so that a client that reads slowly and
    /// never to the end does not make the vector grow for ever. Only once they are half of it: each byte is
    /// moved once on average.
    fn compact(&mut self) {
        self.inline.drain(..self.sent);
        for splice in &mut self.splices {
            splice.at -= self.sent;
        }
        self.sent = 0;
    }
}

/// A header left open by [`Reply::defer_array`] and its kin, to be filled with the count once it is known.
#[derive(Debug)]
#[must_use = "the reply has no header until the count is filled in"]
pub struct Deferred {
    mark: Mark,
    kind: Aggregate,
}

/// The kinds of reply that hold others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Array,
    Map,
    Set,
    Push,
}

impl Aggregate {
    /// How the header begins, and what number stands in it for `count` elements (pairs for a map).
    fn header(self, protocol: Protocol, count: usize) -> (u8, usize) {
        match (self, protocol) {
            (Self::Map, Protocol::Resp2) => (b'*', count.saturating_mul(2)),
            (Self::Map, Protocol::Resp3) => (b'%', count),
            (Self::Set, Protocol::Resp3) => (b'~', count),
            (Self::Push, Protocol::Resp3) => (b'>', count),
            (Self::Array | Self::Set | Self::Push, _) => (b'*', count),
        }
    }
}

/// The longest header: a sigil, twenty digits, a line end.
const HEADER_BYTES_MAX: usize = 23;

/// Appends a header: a sigil, a number, a line end.
fn push_header(out: &mut Vec<u8>, sigil: u8, number: usize) {
    // Most values are shorter than a hundred bytes, and most arrays than a hundred elements.
    match number {
        0..10 => out.extend_from_slice(&[sigil, b'0' + number as u8, b'\r', b'\n']),
        10..100 => {
            let digits = number as u8;
            out.extend_from_slice(&[sigil, b'0' + digits / 10, b'0' + digits % 10, b'\r', b'\n']);
        }
        _ => {
            out.push(sigil);
            out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            out.extend_from_slice(b"\r\n");
        }
    }
}

/// A text without what ends its last line.
fn without_line_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
    &text[..end]
}

/// Writes replies in one connection's protocol.
#[derive(Clone, Debug, Default)]
pub struct Reply {
    output: Output,
    protocol: Protocol,
}

impl Reply {
    /// A writer with an empty output.
    pub fn new(protocol: Protocol) -> Self {
        Self { output: Output::new(), protocol }
    }

    /// The protocol that is written.
    pub fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Writes in `protocol` from now on.
    pub fn set_protocol(&mut self, protocol: Protocol) {
        self.protocol = protocol;
    }

    /// What has been written and not yet sent.
    pub fn output(&self) -> &Output {
        &self.output
    }

    /// The output, to send from.
    pub fn output_mut(&mut self) -> &mut Output {
        &mut self.output
    }

    /// All that has been written and not yet sent.
    pub fn into_vec(self) -> Vec<u8> {
        self.output.into_vec()
    }

    /// The place where the next reply starts.
    pub fn mark(&self) -> Mark {
        self.output.mark()
    }

    /// Drops everything written after `mark`: a half written reply whose handler failed.
    pub fn truncate_to(&mut self, mark: Mark) {
        self.output.truncate_to(mark);
    }

    /// `+OK`.
    pub fn ok(&mut self) {
        self.output.extend(b"+OK\r\n");
    }

    /// A simple string. The text is the server's own, without line ends.
    pub fn simple(&mut self, text: &str) {
        self.line(b'+', text.as_bytes());
    }

    /// An error: its code (`ERR`, `WRONGTYPE`, ...) and its text. Line ends, which would end the reply early,
    /// are taken off the end and become spaces within, as in Valkey.
    pub fn error(&mut self, code: &str, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let between: &[u8] = if text.is_empty() { b"" } else { b" " };
        self.one_line(b'-', &[code.as_bytes(), between, without_line_end(text)]);
    }

    /// A simple string of any bytes: line ends in it become spaces.
    pub fn status(&mut self, text: &[u8]) {
        self.one_line(b'+', &[text]);
    }

    /// An error of any bytes, its code first: line ends in it become spaces.
    pub fn error_line(&mut self, line: &[u8]) {
        self.one_line(b'-', &[without_line_end(line)]);
    }

    fn one_line(&mut self, sigil: u8, parts: &[&[u8]]) {
        let out = &mut self.output.inline;
        out.push(sigil);
        let start = out.len();
        parts.iter().for_each(|part| out.extend_from_slice(part));
        for byte in &mut out[start..] {
            if matches!(byte, b'\r' | b'\n') {
                *byte = b' ';
            }
        }
        out.extend_from_slice(b"\r\n");
    }

    /// An integer.
    pub fn integer(&mut self, value: i64) {
        // The replies of counters, EXISTS, DEL, EXPIRE and the like are nearly all one digit long.
        if let Ok(digit @ 0..=9) = u8::try_from(value) {
            self.output.extend(&[b':', b'0' + digit, b'\r', b'\n']);
        } else {
            self.line(b':', itoa::Buffer::new().format(value).as_bytes());
        }
    }

    /// A count of things in memory, as an integer.
    pub fn count(&mut self, count: usize) {
        self.integer(i64::try_from(count).unwrap_or(i64::MAX));
    }

    /// A bulk string.
    pub fn bulk(&mut self, bytes: impl AsRef<[u8]>) {
        self.bulk_parts(&[bytes.as_ref()]);
    }

    /// A bulk string of several parts in a row.
    pub fn bulk_parts(&mut self, parts: &[&[u8]]) {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let out = &mut self.output.inline;
        out.reserve(length + HEADER_BYTES_MAX + 2);
        push_header(out, b'$', length);
        for part in parts {
            out.extend_from_slice(part);
        }
        out.extend_from_slice(b"\r\n");
    }

    /// A bulk string that is shared with others: not copied if it is large.
    pub fn bulk_shared(&mut self, bytes: Bytes) {
        if bytes.len() < SPLICE_BYTES_MIN {
            return self.bulk(&bytes);
        }
        push_header(&mut self.output.inline, b'$', bytes.len());
        self.output.extend_shared(bytes);
        self.output.extend(b"\r\n");
    }

    /// An integer as a bulk string.
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(itoa::Buffer::new().format(value));
    }

    /// A bulk string or, without a value, the null of bulk strings.
    pub fn bulk_or_null(&mut self, bytes: Option<impl AsRef<[u8]>>) {
        match bytes {
            Some(bytes) => self.bulk(bytes),
            None => self.null(),
        }
    }

    /// No value.
    pub fn null(&mut self) {
        self.output.extend(match self.protocol {
            Protocol::Resp2 => b"$-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// No array, where one would be expected.
    pub fn null_array(&mut self) {
        self.output.extend(match self.protocol {
            Protocol::Resp2 => b"*-1\r\n",
            Protocol::Resp3 => b"_\r\n",
        });
    }

    /// An array of `count` elements follows.
    pub fn array(&mut self, count: usize) {
        self.aggregate(Aggregate::Array, count);
    }

    /// A map of `pairs` keys and values, in turn, follows.
    pub fn map(&mut self, pairs: usize) {
        self.aggregate(Aggregate::Map, pairs);
    }

    /// A set of `count` elements follows.
    pub fn set(&mut self, count: usize) {
        self.aggregate(Aggregate::Set, count);
    }

    /// A message of `count` elements that nobody asked for follows. In RESP2 it looks like an array.
    pub fn push(&mut self, count: usize) {
        self.aggregate(Aggregate::Push, count);
    }

    /// An attribute of `pairs` keys and values about the reply after it follows, if this says so: RESP2 has
    /// none, and then nothing of it may be written.
    #[must_use]
    pub fn attribute(&mut self, pairs: usize) -> bool {
        let known = self.protocol == Protocol::Resp3;
        if known {
            push_header(&mut self.output.inline, b'|', pairs);
        }
        known
    }

    /// A double.
    pub fn double(&mut self, value: f64) {
        self.number_text(DoubleText::new(value).as_bytes());
    }

    /// A number that is already laid out (a long double's text), where a double is meant.
    pub fn number_text(&mut self, text: &[u8]) {
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => self.line(b',', text),
        }
    }

    /// A truth value.
    pub fn boolean(&mut self, value: bool) {
        self.output.extend(match (self.protocol, value) {
            (Protocol::Resp2, true) => b":1\r\n",
            (Protocol::Resp2, false) => b":0\r\n",
            (Protocol::Resp3, true) => b"#t\r\n",
            (Protocol::Resp3, false) => b"#f\r\n",
        });
    }

    /// An integer beyond 64 bits, by its digits. Line ends in them become spaces.
    pub fn big_number(&mut self, digits: impl AsRef<[u8]>) {
        let digits = digits.as_ref();
        match self.protocol {
            Protocol::Resp2 if memchr::memchr2(b'\r', b'\n', digits).is_none() => self.bulk(digits),
            Protocol::Resp2 => {
                let blank = |byte: &u8| if matches!(byte, b'\r' | b'\n') { b' ' } else { *byte };
                self.bulk(digits.iter().map(blank).collect::<Vec<u8>>());
            }
            Protocol::Resp3 => self.one_line(b'(', &[digits]),
        }
    }

    /// Text to be shown as it is, with its format (`txt`, `mkd`).
    pub fn verbatim(&mut self, format: [u8; 3], text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        match self.protocol {
            Protocol::Resp2 => self.bulk(text),
            Protocol::Resp3 => {
                push_header(&mut self.output.inline, b'=', text.len().saturating_add(4));
                self.output.extend(&format);
                self.output.extend(b":");
                self.output.extend(text);
                self.output.extend(b"\r\n");
            }
        }
    }

    /// An array whose count [`Reply::fill`] tells when its elements are written.
    pub fn defer_array(&mut self) -> Deferred {
        Deferred { mark: self.mark(), kind: Aggregate::Array }
    }

    /// A map whose count [`Reply::fill`] tells when its pairs are written.
    pub fn defer_map(&mut self) -> Deferred {
        Deferred { mark: self.mark(), kind: Aggregate::Map }
    }

    /// A set whose count [`Reply::fill`] tells when its elements are written.
    pub fn defer_set(&mut self) -> Deferred {
        Deferred { mark: self.mark(), kind: Aggregate::Set }
    }

    /// Writes the header of a deferred reply: `count` elements, or pairs, were written since. Those opened
    /// later are filled earlier.
    pub fn fill(&mut self, deferred: Deferred, count: usize) {
        let (sigil, number) = deferred.kind.header(self.protocol, count);
        let mut header = Vec::with_capacity(HEADER_BYTES_MAX);
        push_header(&mut header, sigil, number);
        self.output.insert(deferred.mark, &header);
    }

    /// A reply that is already encoded in this protocol.
    pub fn encoded(&mut self, bytes: &[u8]) {
        self.output.extend(bytes);
    }

    /// An encoded reply that others share (a message to many subscribers).
    pub fn encoded_shared(&mut self, bytes: Bytes) {
        self.output.extend_shared(bytes);
    }

    /// Everything that `other` has written, in its own protocol.
    pub fn append(&mut self, other: &mut Self) {
        self.output.append(&mut other.output);
    }

    fn aggregate(&mut self, kind: Aggregate, count: usize) {
        let (sigil, number) = kind.header(self.protocol, count);
        push_header(&mut self.output.inline, sigil, number);
    }

    fn line(&mut self, sigil: u8, text: &[u8]) {
        let out = &mut self.output.inline;
        out.reserve(text.len() + 3);
        out.push(sigil);
        out.extend_from_slice(text);
        out.extend_from_slice(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sent(reply: &Reply) -> Vec<u8> {
        gather(&reply.output)
    }

    /// All bytes of an output, through the slices that a socket would be given.
    fn gather(output: &Output) -> Vec<u8> {
        let mut slices = [IoSlice::new(&[]); 64];
        let filled = output.io_slices(&mut slices);
        let bytes = slices[..filled].iter().flat_map(|slice| slice.to_vec()).collect::<Vec<u8>>();
        assert_eq!(bytes.len(), output.len());
        assert!(bytes.starts_with(output.chunk()));
        bytes
    }

    /// `write` comes out as `two` in RESP2 and as `three` in RESP3.
    #[track_caller]
    fn writes(write: impl Fn(&mut Reply), two: &str, three: &str) {
        for (protocol, wanted) in [(Protocol::Resp2, two), (Protocol::Resp3, three)] {
            let mut reply = Reply::new(protocol);
            write(&mut reply);
            assert_eq!(String::from_utf8_lossy(&sent(&reply)), wanted, "{protocol:?}");
        }
    }

    /// `write` comes out as `both` in either protocol.
    #[track_caller]
    fn writes_same(write: impl Fn(&mut Reply), both: &str) {
        writes(write, both, both);
    }

    /// Recorded from Valkey 9.1.2, with DEBUG PROTOCOL.
    #[test]
    fn kinds() {
        writes_same(|r| r.ok(), "+OK\r\n");
        writes_same(|r| r.simple("PONG"), "+PONG\r\n");
        writes_same(|r| r.integer(7), ":7\r\n");
        writes_same(|r| r.integer(12345), ":12345\r\n");
        writes_same(|r| r.integer(i64::MIN), ":-9223372036854775808\r\n");
        writes_same(|r| r.count(10), ":10\r\n");
        writes_same(|r| r.bulk("Hello World"), "$11\r\nHello World\r\n");
        writes_same(|r| r.bulk(""), "$0\r\n\r\n");
        writes_same(|r| r.bulk_parts(&[b"a", b"", b"bc"]), "$3\r\nabc\r\n");
        writes_same(|r| r.bulk_integer(-42), "$3\r\n-42\r\n");
        writes_same(|r| r.array(3), "*3\r\n");
        writes(|r| r.null(), "$-1\r\n", "_\r\n");
        writes(|r| r.bulk_or_null(None::<&[u8]>), "$-1\r\n", "_\r\n");
        writes(|r| r.null_array(), "*-1\r\n", "_\r\n");
        writes(|r| r.map(3), "*6\r\n", "%3\r\n");
        writes(|r| r.set(3), "*3\r\n", "~3\r\n");
        writes(|r| r.push(2), "*2\r\n", ">2\r\n");
        writes(|r| r.double(3.25), "$4\r\n3.25\r\n", ",3.25\r\n");
        writes(|r| r.double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
        writes(|r| r.boolean(true), ":1\r\n", "#t\r\n");
        writes(|r| r.boolean(false), ":0\r\n", "#f\r\n");
        writes(
            |r| r.big_number("1234567999999999999999999999999999999"),
            "$37\r\n1234567999999999999999999999999999999\r\n",
            "(1234567999999999999999999999999999999\r\n",
        );
        writes(|r| r.verbatim(*b"txt", "some\ntext"), "$9\r\nsome\ntext\r\n", "=13\r\ntxt:some\ntext\r\n");
        writes(
            |r| {
                if r.attribute(1) {
                    r.bulk("a");
                    r.integer(1);
                }
                r.ok();
            },
            "+OK\r\n",
            "|1\r\n$1\r\na\r\n:1\r\n+OK\r\n",
        );
    }

    #[test]
    fn errors_stay_on_their_line() {
        writes_same(|r| r.error("ERR", "no such key"), "-ERR no such key\r\n");
        writes_same(|r| r.error("ERR", "a\r\nb\nc"), "-ERR a  b c\r\n");
        writes_same(|r| r.error("WRONGTYPE", "x\r\n\n"), "-WRONGTYPE x\r\n");
    }

    #[test]
    fn late_headers() {
        writes(
            |r| {
                let outer = r.defer_map();
                r.bulk("k");
                let inner = r.defer_array();
                for i in 0..12 {
                    r.integer(i);
                }
                r.fill(inner, 12);
                r.bulk("e");
                let empty = r.defer_set();
                r.fill(empty, 0);
                r.fill(outer, 2);
                r.ok();
            },
            "*4\r\n$1\r\nk\r\n*12\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n:10\r\n:11\r\n$1\r\ne\r\n*0\r\n+OK\r\n",
            "%2\r\n$1\r\nk\r\n*12\r\n:0\r\n:1\r\n:2\r\n:3\r\n:4\r\n:5\r\n:6\r\n:7\r\n:8\r\n:9\r\n:10\r\n:11\r\n$1\r\ne\r\n~0\r\n+OK\r\n",
        );
    }

    #[test]
    fn large_values_are_not_copied() {
        let value = Bytes::from(vec![b'v'; SPLICE_BYTES_MIN]);
        let mut reply = Reply::default();
        reply.bulk_shared(value.clone());
        reply.bulk_shared(Bytes::from_static(b"small"));
        let mut slices = [IoSlice::new(&[]); 8];
        assert_eq!(reply.output().io_slices(&mut slices), 3);
        assert_eq!(slices[1].as_ptr(), value.as_ptr());
        assert_eq!(reply.output().io_slices(&mut slices[..2]), 2);
        assert!(reply.output().memory_bytes() > SPLICE_BYTES_MIN);
        let bytes = [&b"$16384\r\n"[..], &value, b"\r\n$5\r\nsmall\r\n"].concat();
        assert_eq!(sent(&reply), bytes);
    }

    #[test]
    fn an_emptied_output_is_small() {
        let mut output = Output::new();
        output.extend(&vec![0; 1 << 20]);
        output.consume((1 << 20) - 1);
        assert!(!output.is_empty());
        output.consume(1);
        assert!(output.memory_bytes() <= KEPT_BYTES_MAX);
        output.shrink();
        assert_eq!(output.memory_bytes(), 0);
    }

    #[test]
    fn a_slow_reader_does_not_make_it_grow() {
        let mut output = Output::new();
        output.extend(&[0; 10_000]);
        for _ in 0..10_000 {
            output.extend(&[1; 1000]);
            output.consume(1000);
        }
        assert_eq!(output.len(), 10_000);
        assert!(output.memory_bytes() < 200_000);
    }

    /// One thing done to an output, for the model below.
    #[derive(Clone, Debug)]
    enum Step {
        Write(usize),
        Share(usize),
        /// Everything in the list inside a deferred array, then dropped again if so told.
        Nest {
            inside: Vec<(bool, usize)>,
            dropped: bool,
        },
        Append(Vec<(bool, usize)>),
        /// In thousandths of what is there.
        Consume(usize),
    }

    fn step() -> impl Strategy<Value = Step> {
        let length = || prop_oneof![0usize..40, 16_000usize..17_000];
        let inside = || proptest::collection::vec((any::<bool>(), length()), 0..5);
        prop_oneof![
            length().prop_map(Step::Write),
            length().prop_map(Step::Share),
            (inside(), any::<bool>()).prop_map(|(inside, dropped)| Step::Nest { inside, dropped }),
            inside().prop_map(Step::Append),
            (0usize..=1000).prop_map(Step::Consume),
        ]
    }

    /// Bytes that differ from place to place, so that a mix-up shows.
    fn filler(length: usize, seed: usize) -> Vec<u8> {
        (0..length).map(|i| (i * 31 + seed * 7 + length) as u8).collect()
    }

    fn put(reply: &mut Reply, model: &mut Vec<u8>, pieces: &[(bool, usize)]) {
        for (shared, length) in pieces {
            let bytes = filler(*length, model.len());
            model.extend_from_slice(&bytes);
            if *shared {
                reply.encoded_shared(Bytes::from(bytes));
            } else {
                reply.encoded(&bytes);
            }
        }
    }

    proptest! {
        #[test]
        fn an_output_is_a_queue_of_bytes(steps in proptest::collection::vec(step(), 1..30)) {
            let (mut reply, mut model) = (Reply::default(), Vec::new());
            for step in steps {
                match step {
                    Step::Write(length) => put(&mut reply, &mut model, &[(false, length)]),
                    Step::Share(length) => put(&mut reply, &mut model, &[(true, length)]),
                    Step::Nest { inside, dropped } => {
                        let mark = reply.mark();
                        let before = model.len();
                        let deferred = reply.defer_array();
                        let mut nested = Vec::new();
                        put(&mut reply, &mut nested, &inside);
                        prop_assert_eq!(reply.output().len_since(mark), nested.len());
                        reply.fill(deferred, inside.len());
                        model.extend_from_slice(format!("*{}\r\n", inside.len()).as_bytes());
                        model.extend_from_slice(&nested);
                        if dropped {
                            reply.truncate_to(mark);
                            model.truncate(before);
                        }
                    }
                    Step::Append(pieces) => {
                        let (mut other, mut bytes) = (Reply::default(), Vec::new());
                        put(&mut other, &mut bytes, &pieces);
                        let sent = bytes.len() / 3;
                        other.output_mut().consume(sent);
                        reply.append(&mut other);
                        prop_assert!(other.output().is_empty());
                        model.extend_from_slice(&bytes[sent..]);
                    }
                    Step::Consume(share) => {
                        let count = model.len() * share / 1000;
                        reply.output_mut().consume(count);
                        model.drain(..count);
                    }
                }
                prop_assert_eq!(reply.output().len(), model.len());
                prop_assert_eq!(sent(&reply).len(), model.len());
                prop_assert!(sent(&reply) == model);
            }
        }
    }
}
