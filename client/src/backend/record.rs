//! The bytes that lie under a key: one line of what the patterns must know, and the value after it.
//!
//! ```text
//! = n7 g30000 t81:user%207\n{"name":"Ada"}
//! ```
//!
//! The first byte says what is known: `=` a value, `-` that there is none, `?` nothing yet, somebody is
//! loading it. Then come those fields that apply, each behind a blank:
//!
//! - `n7`: the version of the value in the database, for writers that must not undo each other;
//! - `g30000`: the *grace*: for the last 30000 ms of its life the value is stale;
//! - `l<token>:<ms>`: somebody has the *lease* to load it, until so many milliseconds of the life are left;
//! - `e5000`: the record has *ended* when 5000 ms of the key's life are left, which was made longer for the
//!   lease upon it;
//! - `t81:user%207`: it was made when the tag `user 7` had the generation 81.
//!
//! It is text, so that a script finds a field by a pattern and a person reads it in `valkey-cli`. Times are
//! what is left of the key's own TTL, which the server counts: no two machines have to agree on what time it
//! is. And since the lease lies under the key itself, whatever removes the key (a client's DEL, FLUSHALL, an
//! eviction) takes the lease away too, and a load that began before it can never be kept: that needs nobody's
//! good will.

use std::fmt;
use std::time::Duration;

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content<'a> {
    /// Its value, encoded.
    Value(&'a [u8]),
    /// It has none.
    Absent,
    /// Nothing: somebody is loading it.
    Pending,
}

/// A record, taken apart. Made by [`Record::new`] and the methods that follow, or by [`Record::parse`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record<'a> {
    /// What is known.
    pub content: Content<'a>,
    /// The value's version in the database; the larger is the newer.
    pub version: Option<u64>,
    /// For so long before its end the value is stale. In whole milliseconds.
    pub grace: Duration,
    /// It has ended when so much is left of the key's life. In whole milliseconds.
    pub end: Duration,
    /// Who may load it anew.
    pub lease: Option<Held>,
    /// The tags it carries, with their generations as they were before it was loaded.
    pub tags: Vec<(String, u64)>,
}

/// A lease on a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Held {
    /// Whose it is.
    pub token: Token,
    /// It is over when so much is left of the key's life.
    pub until_left: Duration,
}

/// What tells the holder of a lease or a lock from all others: 128 bits that nobody else has drawn. It is not
/// a secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token(u128);

impl Token {
    /// The token of these bits, drawn by the caller.
    pub const fn new(bits: u128) -> Self {
        Self(bits)
    }

    fn parse(text: &[u8]) -> Option<Self> {
        let text = str::from_utf8(text).ok().filter(|text| text.len() == 32)?;
        u128::from_str_radix(text, 16).ok().map(Self)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({self})")
    }
}

impl<'a> Record<'a> {
    /// A record of this content and nothing else.
    pub fn new(content: Content<'a>) -> Self {
        let (grace, end) = (Duration::ZERO, Duration::ZERO);
        Self { content, version: None, grace, end, lease: None, tags: Vec::new() }
    }

    /// With the value's version.
    #[must_use]
    pub fn version(mut self, version: u64) -> Self {
        self.version = Some(version);
        self
    }

    /// With a grace; parts of a millisecond do not count.
    #[must_use]
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = Duration::from_millis(whole_millis(grace));
        self
    }

    /// With the tags it carries.
    #[must_use]
    pub fn tags(mut self, tags: Vec<(String, u64)>) -> Self {
        self.tags = tags;
        self
    }

    /// What somebody's load leaves under a key until it is over.
    pub(super) fn pending(token: Token) -> Self {
        Self::new(Content::Pending).leased(token, Duration::ZERO)
    }

    /// With a lease for as long as `ttl`, if so much is left of the key's life; and how much is left of it
    /// then. It may have to be longer for that, in which case the record notes when it ends itself.
    pub(super) fn leased_for(mut self, left: Duration, token: Token, ttl: Duration) -> (Self, Duration) {
        let longer = ttl.saturating_sub(left);
        self.end += longer;
        let left = left + longer;
        (self.leased(token, left - ttl), left)
    }

    fn leased(mut self, token: Token, until_left: Duration) -> Self {
        self.lease = Some(Held { token, until_left });
        self
    }

    /// Without one.
    pub(super) fn unleased(mut self) -> Self {
        self.lease = None;
        self
    }

    /// Takes bytes apart; none if they are not a record's.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let end = bytes.iter().position(|&byte| byte == b'\n')?;
        let (line, rest) = (&bytes[..end], &bytes[end + 1..]);
        let (&kind, fields) = line.split_first()?;
        let content = match kind {
            b'=' => Content::Value(rest),
            b'-' if rest.is_empty() => Content::Absent,
            b'?' if rest.is_empty() => Content::Pending,
            _ => return None,
        };
        let mut record = Self::new(content);
        if fields.is_empty() {
            return Some(record);
        }
        for field in fields.strip_prefix(b" ")?.split(|&byte| byte == b' ') {
            let (&name, text) = field.split_first()?;
            match name {
                b'n' => record.version = Some(number(text)?),
                b'g' => record.grace = Duration::from_millis(number(text)?),
                b'e' => record.end = Duration::from_millis(number(text)?),
                b'l' => {
                    let (token, left) = pair(text)?;
                    let until_left = Duration::from_millis(number(left)?);
                    record.lease = Some(Held { token: Token::parse(token)?, until_left });
                }
                b't' => {
                    let (generation, tag) = pair(text)?;
                    record.tags.push((unescape(tag)?, number(generation)?));
                }
                _ => return None,
            }
        }
        Some(record)
    }

    /// The bytes: the same record gives the same bytes.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (kind, payload): (u8, &[u8]) = match self.content {
            Content::Value(payload) => (b'=', payload),
            Content::Absent => (b'-', &[]),
            Content::Pending => (b'?', &[]),
        };
        let mut bytes = Vec::with_capacity(payload.len() + 32);
        bytes.push(kind);
        let mut field = |text: String| bytes.extend_from_slice(text.as_bytes());
        if let Some(version) = self.version {
            field(format!(" n{version}"));
        }
        if !self.grace.is_zero() {
            field(format!(" g{}", whole_millis(self.grace)));
        }
        for (tag, generation) in &self.tags {
            field(format!(" t{generation}:{}", escape(tag)));
        }
        // These last, since scripts put them there too.
        if !self.end.is_zero() {
            field(format!(" e{}", whole_millis(self.end)));
        }
        if let Some(Held { token, until_left }) = self.lease {
            field(format!(" l{token}:{}", whole_millis(until_left)));
        }
        bytes.push(b'\n');
        bytes.extend_from_slice(payload);
        bytes
    }

    /// Whose lease goes on, if so much is left of the key's life; `None`: it has no end.
    pub(super) fn holder(&self, left: Option<Duration>) -> Option<Token> {
        let held = self.lease.filter(|held| left.is_none_or(|left| left > held.until_left));
        held.map(|held| held.token)
    }

    /// Whether there is nothing to answer with, not even something stale.
    pub fn is_over(&self, left: Option<Duration>) -> bool {
        self.content == Content::Pending || left.is_some_and(|left| left <= self.end)
    }

    /// Whether there is something to answer with that is no older than it may be. `ahead` lengthens the
    /// grace, for who wants to load anew before it is due.
    pub fn is_fresh(&self, left: Option<Duration>, ahead: Duration) -> bool {
        !self.is_over(left) && left.is_none_or(|left| left > self.end + self.grace + ahead)
    }
}

/// A duration in whole milliseconds.
pub(crate) fn whole_millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn number(text: &[u8]) -> Option<u64> {
    str::from_utf8(text).ok()?.parse().ok()
}

fn pair(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = text.iter().position(|&byte| byte == b':')?;
    Some((&text[..colon], &text[colon + 1..]))
}

/// A name without blanks and line ends.
fn escape(name: &str) -> String {
    name.replace('%', "%25").replace(' ', "%20").replace('\n', "%0A")
}

fn unescape(text: &[u8]) -> Option<String> {
    Some(str::from_utf8(text).ok()?.replace("%0A", "\n").replace("%20", " ").replace("%25", "%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn a_record_is_a_line_and_a_value() {
        let record = Record::new(Content::Value(b"a\nb")).version(7).grace(ms(30_000));
        let record = record.tags(vec![("user 7".to_owned(), 81), ("100%\n%20".to_owned(), u64::MAX)]);
        let bytes = record.to_bytes();
        let line = "= n7 g30000 t81:user%207 t18446744073709551615:100%25%0A%2520\na\nb";
        assert_eq!(String::from_utf8_lossy(&bytes), line);
        assert_eq!(Record::parse(&bytes), Some(record.clone()));

        let leased = record.clone().leased(Token::new(0xabc), ms(5));
        assert!(leased.to_bytes().windows(8).any(|part| part == b"abc:5\na\n"));
        assert_eq!(Record::parse(&leased.to_bytes()), Some(leased.clone()));
        assert_eq!(leased.unleased(), record);
    }

    #[test]
    fn the_plainest_records_are_two_bytes_long() {
        for (content, bytes) in
            [(Content::Value(b""), b"=\n"), (Content::Absent, b"-\n"), (Content::Pending, b"?\n")]
        {
            assert_eq!(Record::new(content).to_bytes(), bytes);
            assert_eq!(Record::parse(bytes), Some(Record::new(content)));
        }
    }

    #[test]
    fn what_others_have_put_there_is_no_record() {
        for bytes in [
            "",
            "\n",
            "=",
            "=n7",
            "{\"name\":\"Ada\"}",
            "-5\n",
            "-\nx",
            "= \n",
            "=  n7\n",
            "= n\n",
            "= n-1\n",
            "= z1\n",
            "= l12:5\n",
            "= t1\n",
            "- item\n",
            "= n18446744073709551616\n",
        ] {
            assert_eq!(Record::parse(bytes.as_bytes()), None, "{bytes:?}");
        }
        assert_eq!(Record::parse(b"= t1:\xff\n"), None);
    }

    #[test]
    fn life_and_lease_end_by_what_is_left() {
        let record = Record::new(Content::Value(b"")).grace(ms(10)).leased(Token::new(1), ms(4));
        assert!(record.is_fresh(Some(ms(11)), Duration::ZERO) && record.is_fresh(None, ms(99)));
        assert!(!record.is_fresh(Some(ms(10)), Duration::ZERO) && !record.is_fresh(Some(ms(11)), ms(1)));
        assert!(!record.is_over(Some(ms(1))) && record.is_over(Some(ms(0))));
        assert_eq!(record.holder(Some(ms(5))), Some(Token::new(1)));
        assert_eq!((record.holder(Some(ms(4))), record.holder(None)), (None, Some(Token::new(1))));
        let pending = Record::pending(Token::new(2));
        assert!(pending.is_over(None) && !pending.is_fresh(None, Duration::ZERO));
        assert_eq!(pending.holder(Some(ms(1))), Some(Token::new(2)));
    }

    #[test]
    fn a_lease_may_outlive_what_it_lies_upon() {
        let record = Record::new(Content::Value(b"")).grace(ms(10));
        let (leased, left) = record.clone().leased_for(ms(8), Token::new(1), ms(100));
        assert_eq!((left, leased.end), (ms(100), ms(92)));
        assert!(!leased.is_over(Some(ms(93))) && leased.is_over(Some(ms(92))), "after 8 ms, as before");
        assert_eq!(leased.holder(Some(ms(1))), Some(Token::new(1)), "and the lease after 100 ms");
        // Once more, after 50 of them.
        let (again, left) = leased.leased_for(ms(50), Token::new(1), ms(100));
        assert_eq!((left, again.end), (ms(100), ms(142)));
        assert!(again.is_over(Some(left)));

        let (leased, left) = record.leased_for(ms(1_000), Token::new(1), ms(100));
        assert_eq!((left, leased.end), (ms(1_000), ms(0)));
        assert_eq!((leased.holder(Some(ms(901))), leased.holder(Some(ms(900)))), (Some(Token::new(1)), None));
    }
}
