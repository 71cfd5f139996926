//! What a near cache says to the server, and what it makes of the answers. Bytes in, bytes out.
//!
//! A key that is written is told of to others, but not to this connection (NOLOOP), and it is not on the
//! server's list for it any more. So a value that is to be kept after a write must be put on that list again,
//! in one step with the write: by reading its PTTL in the same transaction. With prefixes there are no such
//! lists.

use std::time::Duration;

use redis::{Cmd, Pipeline, Value, cmd, pipe};

use super::held::NEVER;
use super::stats::Mode;
use super::write::Condition;
use crate::wire::Error;

/// How this cache's requests look.
#[derive(Debug, Clone)]
pub(super) struct Requests {
    pub(super) mode: Mode,
    /// What is read is put on the server's list only if that is asked for.
    pub(super) opt_in: bool,
    /// There is no list; everything with certain prefixes is told of.
    pub(super) broadcast: bool,
    pub(super) channel: Vec<u8>,
    pub(super) sender: Vec<u8>,
}

/// What the server says of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) bytes: Option<Vec<u8>>,
    /// What is left of its life, in microseconds; 0 if it ended between two questions.
    pub(super) left: u64,
}

impl Requests {
    /// What a connection begins with.
    pub(super) fn greeting(&self, prefixes: &[Vec<u8>]) -> Vec<Cmd> {
        match self.mode {
            Mode::Tracking => {
                let mut tracking = cmd("CLIENT");
                tracking.arg("TRACKING").arg("ON");
                if self.opt_in {
                    tracking.arg("OPTIN");
                }
                if self.broadcast {
                    tracking.arg("BCAST");
                    for prefix in prefixes {
                        tracking.arg("PREFIX").arg(prefix);
                    }
                }
                tracking.arg("NOLOOP");
                vec![tracking]
            }
            Mode::Messages => vec![cmd("SUBSCRIBE").arg(&self.channel).take()],
            Mode::Expiry => Vec::new(),
        }
    }

    /// Whether the server has a list of the keys that this connection has read.
    fn is_listed(&self) -> bool {
        self.mode == Mode::Tracking && !self.broadcast
    }

    /// Glued to what comes next: whatever stood between them would be put on the list in its place.
    fn opt_in(&self, commands: &mut Pipeline) {
        if self.opt_in && self.is_listed() {
            commands.cmd("CLIENT").arg("CACHING").arg("YES");
        }
    }

    fn tell(&self, key: &[u8], commands: &mut Pipeline) {
        if self.mode == Mode::Messages {
            let message = [&self.sender, key].concat();
            commands.cmd("PUBLISH").arg(&self.channel).arg(message);
        }
    }

    /// Reads a key.
    pub(super) fn read(&self, key: &[u8]) -> Pipeline {
        let mut commands = pipe();
        self.opt_in(&mut commands);
        commands.cmd("GET").arg(key).cmd("PTTL").arg(key);
        commands
    }

    /// What [`read`](Self::read) was answered with.
    pub(super) fn was_read(values: Vec<Value>) -> Result<Said, Error> {
        Ok(said(whole(values)?))
    }

    /// Writes a key.
    pub(super) fn write(
        &self,
        key: &[u8],
        bytes: &[u8],
        ttl: Option<Duration>,
        condition: Condition,
    ) -> Pipeline {
        let mut commands = pipe();
        if self.is_listed() {
            self.opt_in(&mut commands);
            commands.cmd("MULTI");
            commands.add_command(set(key, bytes, ttl, condition));
            commands.cmd("PTTL").arg(key).cmd("EXEC");
        } else {
            commands.add_command(set(key, bytes, ttl, condition));
            self.tell(key, &mut commands);
        }
        commands
    }

    /// Whether [`write`](Self::write) has written.
    pub(super) fn was_written(&self, values: Vec<Value>) -> Result<bool, Error> {
        let values = whole(values)?;
        let written = if self.is_listed() {
            values.last().and_then(|exec| match exec {
                Value::Array(replies) => replies.first(),
                _ => None,
            })
        } else {
            values.first()
        };
        Ok(matches!(written, Some(Value::Okay | Value::SimpleString(_))))
    }

    /// Removes a key.
    pub(super) fn remove(&self, key: &[u8]) -> Pipeline {
        let mut commands = pipe();
        commands.cmd("DEL").arg(key);
        self.tell(key, &mut commands);
        commands
    }

    /// Whether [`remove`](Self::remove) has removed something.
    pub(super) fn was_removed(values: Vec<Value>) -> Result<bool, Error> {
        Ok(matches!(whole(values)?.first(), Some(Value::Int(removed)) if *removed > 0))
    }

    /// Writes what was loaded, if there is still nothing (`Condition::IfAbsent`) or what is there is of no
    /// use, and reads what is there then, all in one step.
    pub(super) fn fill(
        &self,
        key: &[u8],
        bytes: &[u8],
        ttl: Option<Duration>,
        condition: Condition,
    ) -> Pipeline {
        let mut commands = pipe();
        self.opt_in(&mut commands);
        commands.cmd("MULTI");
        commands.add_command(set(key, bytes, ttl, condition));
        commands.cmd("GET").arg(key).cmd("PTTL").arg(key).cmd("EXEC");
        self.tell(key, &mut commands);
        commands
    }

    /// What is there after [`fill`](Self::fill).
    pub(super) fn was_filled(values: Vec<Value>) -> Result<Said, Error> {
        let exec = whole(values)?.into_iter().find_map(|value| match value {
            Value::Array(replies) => Some(replies),
            _ => None,
        });
        Ok(said(exec.unwrap_or_default()))
    }
}

fn set(key: &[u8], bytes: &[u8], ttl: Option<Duration>, condition: Condition) -> Cmd {
    let mut set = cmd("SET");
    set.arg(key).arg(bytes);
    match condition {
        Condition::Always => {}
        Condition::IfAbsent => drop(set.arg("NX")),
        Condition::IfPresent => drop(set.arg("XX")),
    }
    if let Some(ttl) = ttl {
        // Zero is no TTL that a server takes.
        set.arg("PX").arg(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX).max(1));
    }
    set
}

/// The values, unless one of them is an error.
fn whole(values: Vec<Value>) -> Result<Vec<Value>, Error> {
    values.into_iter().map(|value| value.extract_error().map_err(Error::Refused)).collect()
}

/// The last two replies, to GET and PTTL.
fn said(mut replies: Vec<Value>) -> Said {
    let (left, value) = (replies.pop(), replies.pop());
    let bytes = match value {
        Some(Value::BulkString(bytes)) => Some(bytes),
        _ => None,
    };
    let left = match left {
        Some(Value::Int(-1)) => NEVER,
        // There is nothing that could end; but a value that was there has.
        Some(Value::Int(-2)) if bytes.is_none() => NEVER,
        Some(Value::Int(left)) => u64::try_from(left).unwrap_or(0).saturating_mul(1000),
        _ => 0,
    };
    Said { bytes, left }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requests(mode: Mode, opt_in: bool, broadcast: bool) -> Requests {
        Requests { mode, opt_in, broadcast, channel: b"c".to_vec(), sender: b"me".to_vec() }
    }

    fn words(commands: &Pipeline) -> String {
        let lines = commands.cmd_iter().map(|command| {
            let words = command.args_iter().map(|arg| match arg {
                redis::Arg::Simple(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                _ => String::new(),
            });
            words.collect::<Vec<_>>().join(" ")
        });
        lines.collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn caching_yes_is_glued_to_its_read() {
        let of = |opt_in, broadcast| words(&requests(Mode::Tracking, opt_in, broadcast).read(b"k"));
        assert_eq!(of(false, false), "GET k; PTTL k");
        assert_eq!(of(true, false), "CLIENT CACHING YES; GET k; PTTL k");
        assert_eq!(of(false, true), "GET k; PTTL k");
        assert_eq!(words(&requests(Mode::Messages, true, false).read(b"k")), "GET k; PTTL k");
    }

    #[test]
    fn a_write_puts_its_key_on_the_list_again_or_is_told_of() {
        let second = Some(Duration::from_secs(1));
        let write = |requests: Requests| words(&requests.write(b"k", b"v", second, Condition::IfAbsent));
        let tracked = requests(Mode::Tracking, true, false);
        assert_eq!(write(tracked.clone()), "CLIENT CACHING YES; MULTI; SET k v NX PX 1000; PTTL k; EXEC");
        assert_eq!(write(requests(Mode::Tracking, false, true)), "SET k v NX PX 1000");
        assert_eq!(write(requests(Mode::Messages, false, false)), "SET k v NX PX 1000; PUBLISH c mek");
        assert_eq!(write(requests(Mode::Expiry, false, false)), "SET k v NX PX 1000");

        let done = |reply| vec![Value::Okay, Value::Okay, Value::Array(vec![reply, Value::Int(1000)])];
        assert!(tracked.was_written(done(Value::Okay)).expect("no error"));
        assert!(!tracked.was_written(done(Value::Nil)).expect("no error"));
        assert!(requests(Mode::Expiry, false, false).was_written(vec![Value::Okay]).expect("no error"));
    }

    #[test]
    fn what_is_left_of_a_life() {
        let read = |value: Value, left| Requests::was_read(vec![value, Value::Int(left)]).expect("no error");
        let value = || Value::BulkString(b"v".to_vec());
        assert_eq!(read(value(), -1), Said { bytes: Some(b"v".to_vec()), left: NEVER });
        assert_eq!(read(value(), 5).left, 5000);
        assert_eq!(read(value(), -2).left, 0, "it expired between the two");
        assert_eq!(read(Value::Nil, -2), Said { bytes: None, left: NEVER });
    }
}
