//! Counts replies without building them.
//!
//! The load must know when a batch is answered, and that no answer was an error or a missing value; it needs
//! nothing else. So the scanner keeps no values: strings are skipped by their length, lists by how many
//! elements are still to come, and only a line cut in two by the end of a read is kept until its rest
//! arrives.

use anyhow::{Context, Result, bail, ensure};

/// The replies seen on one connection.
#[derive(Default)]
pub(crate) struct Replies {
    /// Replies of which at least the first line of the last element has come.
    counted: u64,
    /// Nil replies among all elements: the misses of a GET.
    nils: u64,
    /// Elements still to come before the reply under way is complete; 0 between replies.
    open: u64,
    /// Bytes of a string, with its line end, still to skip.
    skip: usize,
    /// The start of a line whose end has not arrived.
    line: Vec<u8>,
}

/// No reply line of a server in these measurements is longer.
const LINE_BYTES_MAX: usize = 64 * 1024;

impl Replies {
    /// Replies that have come to their last byte.
    pub(crate) fn complete(&self) -> u64 {
        let is_cut = self.open == 0 && self.skip > 0;
        self.counted - u64::from(is_cut)
    }

    /// Nil replies among all elements.
    pub(crate) fn nils(&self) -> u64 {
        self.nils
    }

    /// Takes what arrived. An error reply ends the measurement, since its figures would mean nothing.
    pub(crate) fn take(&mut self, mut bytes: &[u8]) -> Result<()> {
        loop {
            let skipped = self.skip.min(bytes.len());
            self.skip -= skipped;
            bytes = &bytes[skipped..];
            if bytes.is_empty() {
                return Ok(());
            }
            let Some(end) = bytes.iter().position(|&byte| byte == b'\n') else {
                self.line.extend_from_slice(bytes);
                ensure!(self.line.len() <= LINE_BYTES_MAX, "a reply line without an end");
                return Ok(());
            };
            let (line, rest) = bytes.split_at(end + 1);
            bytes = rest;
            if self.line.is_empty() {
                self.take_line(line)?;
            } else {
                let mut whole = std::mem::take(&mut self.line);
                whole.extend_from_slice(line);
                self.take_line(&whole)?;
            }
        }
    }

    /// Takes one line, its `\r\n` included.
    fn take_line(&mut self, line: &[u8]) -> Result<()> {
        if self.open == 0 {
            self.open = 1;
        }
        let body = line.strip_suffix(b"\r\n").context("a reply line must end in CR LF")?;
        let (&kind, rest) = body.split_first().context("an empty reply line")?;
        match kind {
            b'+' | b':' | b'#' | b',' | b'(' => {}
            b'_' => self.nils += 1,
            b'$' | b'=' => match length(rest)? {
                Some(bytes) => self.skip = bytes + "\r\n".len(),
                None => self.nils += 1,
            },
            b'*' | b'~' | b'>' => match length(rest)? {
                Some(elements) => self.open += elements as u64,
                None => self.nils += 1,
            },
            b'%' => self.open += 2 * length(rest)?.unwrap_or(0) as u64,
            b'-' | b'!' => bail!("error reply: {}", String::from_utf8_lossy(rest)),
            other => bail!("unknown reply type {:?}", char::from(other)),
        }
        self.open -= 1;
        if self.open == 0 {
            self.counted += 1;
        }
        Ok(())
    }
}

/// The length on a reply's first line; `None` for -1, the nil.
fn length(digits: &[u8]) -> Result<Option<usize>> {
    if digits == b"-1" {
        return Ok(None);
    }
    let mut length = 0usize;
    ensure!(!digits.is_empty(), "a reply without its length");
    for &digit in digits {
        ensure!(digit.is_ascii_digit(), "a length must be a number");
        length = length
            .checked_mul(10)
            .and_then(|length| length.checked_add(usize::from(digit - b'0')))
            .context("a length too large")?;
    }
    Ok(Some(length))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `wire` in pieces of every size and expects the same counts each time.
    fn counts(wire: &str) -> (u64, u64) {
        let mut seen = None;
        for piece in 1..=wire.len() {
            let mut replies = Replies::default();
            for bytes in wire.as_bytes().chunks(piece) {
                replies.take(bytes).unwrap();
            }
            let now = (replies.complete(), replies.nils());
            assert_eq!(*seen.get_or_insert(now), now, "pieces of {piece}");
        }
        seen.unwrap()
    }

    #[test]
    fn counts_whatever_the_cuts() {
        assert_eq!(counts("+OK\r\n:12\r\n$-1\r\n$3\r\na\nb\r\n"), (4, 1));
        assert_eq!(counts("*2\r\n$1\r\na\r\n*2\r\n:1\r\n$-1\r\n*0\r\n+OK\r\n"), (3, 1));
        assert_eq!(counts("%1\r\n+a\r\n_\r\n$0\r\n\r\n"), (2, 1));
    }

    #[test]
    fn a_reply_is_complete_with_its_last_byte() {
        let mut replies = Replies::default();
        replies.take(b"$3\r\nabc\r").unwrap();
        assert_eq!(replies.complete(), 0);
        replies.take(b"\n").unwrap();
        assert_eq!(replies.complete(), 1);
    }

    #[test]
    fn an_error_is_told() {
        let told = Replies::default().take(b"-ERR no\r\n").unwrap_err().to_string();
        assert_eq!(told, "error reply: ERR no");
    }
}
