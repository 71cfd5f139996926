//! The command log: the latest commands that took long, that were large, or whose replies were.
//!
//! What is over its threshold is decided where commands run; here are the records. An entry holds the
//! beginning of its command only, so that a log of large requests stays small.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;

/// What an entry is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The command took long: its value is in microseconds.
    Slow,
    /// Its request was large: in bytes.
    LargeRequest,
    /// Its reply was large: in bytes.
    LargeReply,
}

/// The words of a command as they are shown.
pub type Words = Arc<[Vec<u8>]>;

/// A command that went over a threshold.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Its number among all of its kind, ever.
    pub id: u64,
    /// When it was logged, in seconds since the epoch.
    pub at_seconds: u64,
    /// How much of it there was; see [`Kind`].
    pub value: u64,
    /// The command.
    pub words: Words,
    /// Where the client came from.
    pub address: String,
    /// What the client called itself.
    pub name: Vec<u8>,
}

/// The logs, one of each kind.
#[derive(Debug, Default)]
pub struct CommandLog([Mutex<Log>; 3]);

#[derive(Debug, Default)]
struct Log {
    next_id: u64,
    /// The newest first.
    entries: VecDeque<Entry>,
}

impl CommandLog {
    fn of(&self, kind: Kind) -> &Mutex<Log> {
        &self.0[kind as usize]
    }

    /// Logs a command, numbers it, and forgets the oldest ones beyond `max_len`. A log that may hold nothing
    /// is left as it is, as in Valkey.
    pub fn add(&self, kind: Kind, mut entry: Entry, max_len: usize) {
        if max_len == 0 {
            return;
        }
        let mut log = self.of(kind).lock();
        entry.id = log.next_id;
        log.next_id += 1;
        log.entries.push_front(entry);
        log.entries.truncate(max_len);
    }

    /// Forgets the oldest beyond `max_len`. A log that may hold nothing is left as it is.
    pub fn trim(&self, kind: Kind, max_len: usize) {
        if max_len > 0 {
            self.of(kind).lock().entries.truncate(max_len);
        }
    }

    /// The newest `count` entries, the newest first.
    pub fn newest(&self, kind: Kind, count: usize) -> Vec<Entry> {
        self.of(kind).lock().entries.iter().take(count).cloned().collect()
    }

    /// How many entries there are.
    pub fn len(&self, kind: Kind) -> usize {
        self.of(kind).lock().entries.len()
    }

    /// Forgets all entries. Numbers go on.
    pub fn reset(&self, kind: Kind) {
        self.of(kind).lock().entries.clear();
    }
}

/// The words as they are shown: not too many, none too long, and none that `is_secret`, by its index.
pub fn words<'a>(args: impl ExactSizeIterator<Item = &'a [u8]>, is_secret: impl Fn(usize) -> bool) -> Words {
    const WORDS_MAX: usize = 32;
    const BYTES_MAX: usize = 128;
    let count = args.len();
    // The last one says how many are missing, itself included.
    let shown = if count > WORDS_MAX { WORDS_MAX - 1 } else { count };
    let show = |(index, arg): (usize, &[u8])| match arg.split_at_checked(BYTES_MAX) {
        _ if is_secret(index) => b"(redacted)".to_vec(),
        Some((head, tail @ [_, ..])) => {
            [head, format!("... ({} more bytes)", tail.len()).as_bytes()].concat()
        }
        _ => arg.to_vec(),
    };
    let more = (shown < count).then(|| format!("... ({} more arguments)", count - shown).into_bytes());
    args.take(shown).enumerate().map(show).chain(more).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(args: &[&str]) -> Vec<String> {
        let args = args.iter().map(|arg| arg.as_bytes());
        words(args, |index| index == 1).iter().map(|word| String::from_utf8_lossy(word).into()).collect()
    }

    #[test]
    fn words_are_cut_and_hidden() {
        let long = "a".repeat(129);
        assert_eq!(shown(&["a", "b", &long[1..]]), ["a", "(redacted)", &long[1..]]);
        let cut = format!("{}... (1 more bytes)", &long[1..]);
        assert_eq!(shown(&[&long, &long]), [cut.as_str(), "(redacted)"]);
        assert_eq!(shown(&["a"; 32]).len(), 32);
        let many = shown(&["a"; 33]);
        assert_eq!((many.len(), many[31].as_str()), (32, "... (2 more arguments)"));
    }

    #[test]
    fn the_oldest_are_forgotten_and_numbers_go_on() {
        let log = CommandLog::default();
        let entry = Entry {
            id: 0,
            at_seconds: 1,
            value: 2,
            words: Arc::new([]),
            address: String::new(),
            name: Vec::new(),
        };
        for _ in 0..3 {
            log.add(Kind::Slow, entry.clone(), 2);
        }
        let ids = |count| log.newest(Kind::Slow, count).iter().map(|entry| entry.id).collect::<Vec<_>>();
        assert_eq!((ids(9), ids(1), log.len(Kind::LargeReply)), (vec![2, 1], vec![2], 0));
        log.add(Kind::Slow, entry.clone(), 0);
        assert_eq!(log.len(Kind::Slow), 2);
        log.trim(Kind::Slow, 0);
        assert_eq!(log.len(Kind::Slow), 2);
        log.trim(Kind::Slow, 1);
        assert_eq!(ids(9), [2]);
        log.reset(Kind::Slow);
        log.add(Kind::Slow, entry, 2);
        assert_eq!(ids(9), [3]);
    }
}
