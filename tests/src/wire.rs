//! A client that hides nothing: bytes out, one reply at a time back, each kind of reply told apart.
//!
//! A [`Reply`] is shown much as the wire has it, one line an element, children indented by two blanks:
//!
//! ```text
//! +OK                  simple string          $-1   null bulk string       ,3.5  double
//! -ERR no such key     error                  *-1   null array             #t    boolean
//! :42                  integer                _     null of RESP3          (123  big number
//! "bulk \x00 string"   bulk string            =txt "verbatim"              !"bulk error"
//! *2  array   ~2  set   >2  push, then their elements      %1  map, then its pairs as `key => value`
//! ```

use crate::words::escape;
use std::fmt;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::patience::{Deadline, GENEROUS};

/// One reply of RESP2 or RESP3.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reply {
    /// `+OK`
    Simple(Vec<u8>),
    /// `-ERR ...`
    Error(Vec<u8>),
    /// `:1`
    Integer(i64),
    /// `$3 foo`
    Bulk(Vec<u8>),
    /// `$-1`
    NullBulk,
    /// `*-1`
    NullArray,
    /// `_`
    Null,
    /// `,3.14`, kept as it was written
    Double(Vec<u8>),
    /// `#t` or `#f`
    Boolean(bool),
    /// `(123`, kept as it was written
    BigNumber(Vec<u8>),
    /// `=15 txt:Some string`: format and text
    Verbatim(Vec<u8>, Vec<u8>),
    /// `!21 SYNTAX ...`
    BulkError(Vec<u8>),
    /// `*2`
    Array(Vec<Self>),
    /// `~2`
    Set(Vec<Self>),
    /// `>2`
    Push(Vec<Self>),
    /// `%1`
    Map(Vec<(Self, Self)>),
    /// `|1` and the reply that the attributes belong to
    Attributed(Vec<(Self, Self)>, Box<Self>),
}

impl Reply {
    /// The bytes of a string of any kind, or of an error.
    pub fn bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Simple(text) | Self::Error(text) | Self::Bulk(text) => Some(text),
            Self::Verbatim(_, text) | Self::BulkError(text) => Some(text),
            _ => None,
        }
    }

    /// The same as text, as far as it is text.
    pub fn text(&self) -> Option<String> {
        self.bytes().map(|bytes| String::from_utf8_lossy(bytes).into_owned())
    }

    /// The number of an integer reply.
    pub fn integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    /// The elements of an array, set or push message.
    pub fn elements(&self) -> Option<&[Self]> {
        match self {
            Self::Array(elements) | Self::Set(elements) | Self::Push(elements) => Some(elements),
            _ => None,
        }
    }

    /// Whether this is an error of any kind.
    pub fn is_error(&self) -> bool {
        matches!(self, Self::Error(_) | Self::BulkError(_))
    }

    /// Whether this says that there is nothing, in any of the three ways.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null | Self::NullBulk | Self::NullArray)
    }

    fn show(&self, out: &mut fmt::Formatter<'_>, depth: usize) -> fmt::Result {
        let all = |out: &mut fmt::Formatter<'_>, mark: char, elements: &[Self]| {
            write!(out, "{mark}{}", elements.len())?;
            for element in elements {
                write!(out, "\n{:1$}", "", depth * 2 + 2)?;
                element.show(out, depth + 1)?;
            }
            Ok(())
        };
        let pairs = |out: &mut fmt::Formatter<'_>, mark: char, pairs: &[(Self, Self)]| {
            write!(out, "{mark}{}", pairs.len())?;
            for (key, value) in pairs {
                write!(out, "\n{:1$}", "", depth * 2 + 2)?;
                key.show(out, depth + 1)?;
                write!(out, " => ")?;
                value.show(out, depth + 1)?;
            }
            Ok(())
        };
        match self {
            Self::Simple(text) => write!(out, "+{}", line(text)),
            Self::Error(text) => write!(out, "-{}", line(text)),
            Self::Integer(number) => write!(out, ":{number}"),
            Self::Bulk(text) => write!(out, "\"{}\"", escape(text)),
            Self::NullBulk => write!(out, "$-1"),
            Self::NullArray => write!(out, "*-1"),
            Self::Null => write!(out, "_"),
            Self::Double(text) => write!(out, ",{}", escape(text)),
            Self::Boolean(true) => write!(out, "#t"),
            Self::Boolean(false) => write!(out, "#f"),
            Self::BigNumber(text) => write!(out, "({}", escape(text)),
            Self::Verbatim(format, text) => write!(out, "={} \"{}\"", escape(format), escape(text)),
            Self::BulkError(text) => write!(out, "!\"{}\"", escape(text)),
            Self::Array(elements) => all(out, '*', elements),
            Self::Set(elements) => all(out, '~', elements),
            Self::Push(elements) => all(out, '>', elements),
            Self::Map(entries) => pairs(out, '%', entries),
            Self::Attributed(attributes, reply) => {
                pairs(out, '|', attributes)?;
                write!(out, "\n{:1$}", "", depth * 2 + 2)?;
                reply.show(out, depth + 1)
            }
        }
    }
}

/// The text of a line without quotes: a blank at its end, which editors and readers overlook, is an escape.
fn line(text: &[u8]) -> String {
    match text {
        [text @ .., b' '] => escape(text) + "\\x20",
        text => escape(text),
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(out, 0)
    }
}

/// Why no reply was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Silence {
    /// The server closed the connection.
    Closed,
    /// Nothing (or only a part of a reply) came in time.
    Quiet,
    /// What came is not RESP.
    Garbage(String),
}

impl fmt::Display for Silence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed => write!(out, "(closed)"),
            Self::Quiet => write!(out, "(nothing)"),
            Self::Garbage(what) => write!(out, "(not RESP: {what})"),
        }
    }
}

/// One connection.
#[derive(Debug)]
pub struct Client {
    stream: TcpStream,
    /// What has arrived and was not read as a reply yet.
    received: Vec<u8>,
}

impl Client {
    /// Connects.
    ///
    /// # Errors
    /// As `TcpStream::connect`.
    pub fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect_timeout(&address, GENEROUS)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(GENEROUS))?;
        Ok(Self { stream, received: Vec::new() })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// As `TcpStream::write`.
    pub fn send_bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// Sends one command.
    ///
    /// # Errors
    /// As `TcpStream::write`.
    pub fn send<W: AsRef<[u8]>>(&mut self, words: &[W]) -> io::Result<()> {
        self.send_bytes(&encode(words))
    }

    /// Sends one command and reads its reply.
    ///
    /// # Errors
    /// When no reply comes.
    pub fn command<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<Reply, Silence> {
        self.send(words).map_err(|_| Silence::Closed)?;
        self.read(GENEROUS)
    }

    /// Sends a command as it is typed and reads its reply.
    ///
    /// # Errors
    /// When no reply comes.
    ///
    /// # Panics
    /// When the line's quotes are not closed.
    pub fn typed(&mut self, line: &str) -> Result<Reply, Silence> {
        self.command(&crate::words::split(line).expect("a well-formed command line"))
    }

    /// Reads the next reply, waiting at most `wait` for all of it.
    ///
    /// # Errors
    /// When none comes.
    pub fn read(&mut self, wait: Duration) -> Result<Reply, Silence> {
        let deadline = Deadline::after(wait);
        loop {
            let mut parser = Parser { bytes: &self.received, at: 0 };
            match parser.reply() {
                Ok(reply) => {
                    let read = parser.at;
                    self.received.drain(..read);
                    return Ok(reply);
                }
                Err(Incomplete::Garbage(what)) => return Err(Silence::Garbage(what)),
                Err(Incomplete::More) => self.receive(deadline.left())?,
            }
        }
    }

    fn receive(&mut self, wait: Duration) -> Result<(), Silence> {
        let mut chunk = [0; 65_536];
        // A timeout of zero means none at all to the system.
        let wait = wait.max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(wait)).map_err(|_| Silence::Closed)?;
        match self.stream.read(&mut chunk) {
            Ok(0) => Err(Silence::Closed),
            Ok(count) => {
                self.received.extend_from_slice(&chunk[..count]);
                Ok(())
            }
            Err(error) => match error.kind() {
                io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => Err(Silence::Quiet),
                io::ErrorKind::Interrupted => Ok(()),
                _ => Err(Silence::Closed),
            },
        }
    }
}

/// A command as RESP writes it.
pub fn encode<W: AsRef<[u8]>>(words: &[W]) -> Vec<u8> {
    let mut bytes = format!("*{}\r\n", words.len()).into_bytes();
    for word in words {
        let word = word.as_ref();
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Why there is no whole reply at the start of what has arrived.
enum Incomplete {
    More,
    Garbage(String),
}

struct Parser<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Parser<'a> {
    fn reply(&mut self) -> Result<Reply, Incomplete> {
        let line = self.line()?;
        let (&mark, rest) = line.split_first().ok_or_else(|| garbage(line))?;
        Ok(match mark {
            b'+' => Reply::Simple(rest.to_vec()),
            b'-' => Reply::Error(rest.to_vec()),
            b':' => Reply::Integer(number(rest)?),
            b'$' if rest == b"-1" => Reply::NullBulk,
            b'*' if rest == b"-1" => Reply::NullArray,
            b'_' if rest.is_empty() => Reply::Null,
            b',' => Reply::Double(rest.to_vec()),
            b'#' if rest == b"t" => Reply::Boolean(true),
            b'#' if rest == b"f" => Reply::Boolean(false),
            b'(' => Reply::BigNumber(rest.to_vec()),
            b'$' => Reply::Bulk(self.bulk(rest)?.to_vec()),
            b'!' => Reply::BulkError(self.bulk(rest)?.to_vec()),
            b'=' => {
                let text = self.bulk(rest)?;
                let (format, text) = text.split_at_checked(4).ok_or_else(|| garbage(text))?;
                Reply::Verbatim(format[..3].to_vec(), text.to_vec())
            }
            b'*' => Reply::Array(self.replies(rest)?),
            b'~' => Reply::Set(self.replies(rest)?),
            b'>' => Reply::Push(self.replies(rest)?),
            b'%' => Reply::Map(self.pairs(rest)?),
            b'|' => Reply::Attributed(self.pairs(rest)?, Box::new(self.reply()?)),
            _ => return Err(garbage(line)),
        })
    }

    fn line(&mut self) -> Result<&'a [u8], Incomplete> {
        let rest = &self.bytes[self.at..];
        let end = rest.windows(2).position(|pair| pair == b"\r\n").ok_or(Incomplete::More)?;
        self.at += end + 2;
        Ok(&rest[..end])
    }

    fn bulk(&mut self, length: &[u8]) -> Result<&'a [u8], Incomplete> {
        let length = number(length)?;
        let rest = &self.bytes[self.at..];
        if rest.len() < length + 2 {
            return Err(Incomplete::More);
        }
        if &rest[length..length + 2] != b"\r\n" {
            return Err(garbage(&rest[..length + 2]));
        }
        self.at += length + 2;
        Ok(&rest[..length])
    }

    fn replies(&mut self, count: &[u8]) -> Result<Vec<Reply>, Incomplete> {
        (0..number(count)?).map(|_| self.reply()).collect()
    }

    fn pairs(&mut self, count: &[u8]) -> Result<Vec<(Reply, Reply)>, Incomplete> {
        (0..number(count)?).map(|_| Ok((self.reply()?, self.reply()?))).collect()
    }
}

fn number<N: std::str::FromStr>(text: &[u8]) -> Result<N, Incomplete> {
    std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).ok_or_else(|| garbage(text))
}

fn garbage(what: &[u8]) -> Incomplete {
    Incomplete::Garbage(escape(&what[..what.len().min(200)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(bytes: &[u8]) -> String {
        let mut parser = Parser { bytes, at: 0 };
        let shown = match parser.reply() {
            Ok(reply) => reply.to_string(),
            Err(Incomplete::More) => return "more".to_owned(),
            Err(Incomplete::Garbage(what)) => return format!("garbage {what}"),
        };
        assert_eq!(parser.at, bytes.len());
        shown
    }

    #[test]
    fn every_kind_of_reply_is_shown_as_it_is() {
        assert_eq!(shown(b"+OK\r\n"), "+OK");
        assert_eq!(shown(b"-ERR no\r\n"), "-ERR no");
        assert_eq!(shown(b"-ERR none of \r\n"), "-ERR none of\\x20");
        assert_eq!(shown(b":-7\r\n"), ":-7");
        assert_eq!(shown(b"$4\r\na\r\n\0\r\n"), r#""a\r\n\x00""#);
        assert_eq!(shown(b"$-1\r\n"), "$-1");
        assert_eq!(shown(b"*-1\r\n"), "*-1");
        assert_eq!(shown(b"_\r\n"), "_");
        assert_eq!(shown(b",3.5\r\n"), ",3.5");
        assert_eq!(shown(b"#t\r\n"), "#t");
        assert_eq!(shown(b"(12\r\n"), "(12");
        assert_eq!(shown(b"=5\r\ntxt:a\r\n"), "=txt \"a\"");
        assert_eq!(shown(b"!3\r\nERR\r\n"), "!\"ERR\"");
        assert_eq!(shown(b"*2\r\n:1\r\n*1\r\n$1\r\na\r\n"), "*2\n  :1\n  *1\n    \"a\"");
        assert_eq!(shown(b"%1\r\n+a\r\n~1\r\n:1\r\n"), "%1\n  +a => ~1\n    :1");
        assert_eq!(shown(b">0\r\n"), ">0");
        assert_eq!(shown(b"|1\r\n+a\r\n:1\r\n:2\r\n"), "|1\n  +a => :1\n  :2");
    }

    #[test]
    fn a_part_of_a_reply_waits_and_nonsense_is_named() {
        for part in [&b"$4\r\nab"[..], b"+OK", b"*2\r\n:1\r\n", b"%1\r\n+a\r\n"] {
            assert_eq!(shown(part), "more");
        }
        assert_eq!(shown(b"hello\r\n"), "garbage hello");
        assert_eq!(shown(b":x\r\n"), "garbage x");
    }
}
