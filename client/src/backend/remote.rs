//! A server, or a cluster of them: each step is one command or one [script](super::scripts), sent to the node
//! that owns the key. Scripts go by their hash, and with their text to a server that does not know it yet.
//!
//! Nothing is sent twice that may have been executed. Timeouts, reconnecting, redirections of a cluster and
//! the circuit breaker are those of [`wire`](crate::wire).

use std::time::Duration;

use redis::{Cmd, Pipeline, RedisError, Value};

use super::record::{Token, whole_millis};
use super::scripts::{self, Script};
use super::{Backend, Error, ErrorKind, Kept, Lease, Locked, MONTH, Rate, Taken, lock_keys, up_to_millis};
use crate::wire::{self, Client};

/// What is reached through a [`wire::Client`], as a backend. A handle: clones use the same connections.
///
/// ```no_run
/// # async fn open() -> Result<(), scrubjay_client::wire::Error> {
/// use scrubjay_client::{backend::Remote, wire::Connector};
///
/// let one = Remote::new(Connector::server("redis://127.0.0.1:6379").connect().await?);
/// let many = Remote::new(Connector::cluster(["redis://127.0.0.1:7000"]).connect().await?);
/// # let _ = (one, many);
/// # Ok(()) }
/// ```
#[derive(Debug, Clone)]
pub struct Remote(Client);

impl Remote {
    /// Keeps values where this client leads.
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// The client.
    pub fn client(&self) -> &Client {
        &self.0
    }

    async fn send(&self, key: &[u8], command: Cmd) -> Result<Value, Error> {
        Ok(self.0.send(key, command).await?)
    }

    /// Runs a script. All of its keys are in the slot of the first.
    async fn run(&self, script: &Script, keys: &[&[u8]], arguments: &[&[u8]]) -> Result<Value, Error> {
        let command = |name: &str, text: &str| {
            let mut command = redis::cmd(name);
            command.arg(text).arg(keys.len()).arg(keys).arg(arguments);
            command
        };
        match self.0.send(keys[0], command("EVALSHA", script.hash())).await {
            Err(wire::Error::Refused(error)) if error.code() == Some("NOSCRIPT") => {
                self.send(keys[0], command("EVAL", script.code())).await
            }
            answer => Ok(answer?),
        }
    }
}

/// A duration as an argument.
fn millis(duration: Duration) -> Vec<u8> {
    text(whole_millis(up_to_millis(duration)))
}

fn text(shown: impl ToString) -> Vec<u8> {
    shown.to_string().into_bytes()
}

impl Backend for Remote {
    async fn get(&self, key: &[u8]) -> Result<Option<Kept>, Error> {
        // Two commands and no script, since this is what happens most. A record that is replaced between the
        // two is answered with the life of the next: it was right when it was asked for.
        let mut commands = Pipeline::with_capacity(2);
        commands.cmd("GET").arg(key).cmd("PTTL").arg(key);
        let answer = self.0.exchange(key, &commands).await?;
        let mut values = answer.values.into_iter().map(|value| value.extract_error());
        let value = values.next().transpose().map_err(wire::Error::Refused)?;
        let left = values.next().transpose().map_err(wire::Error::Refused)?;
        match (value, left) {
            (Some(Value::Nil), Some(Value::Int(_))) => Ok(None),
            // It has gone in between.
            (Some(Value::BulkString(_)), Some(Value::Int(-2))) => Ok(None),
            (Some(Value::BulkString(bytes)), Some(Value::Int(left))) => Ok(Some(kept(bytes, left))),
            other => Err(unexpected(&other)),
        }
    }

    async fn put(&self, key: &[u8], record: &[u8], ttl: Duration) -> Result<(), Error> {
        let mut command = redis::cmd("SET");
        command.arg(key).arg(record).arg("PX").arg(millis(ttl));
        self.send(key, command).await.map(drop)
    }

    async fn put_if_newer(
        &self,
        key: &[u8],
        version: u64,
        record: &[u8],
        ttl: Duration,
    ) -> Result<bool, Error> {
        yes(self.run(&scripts::PUT_IF_NEWER, &[key], &[&text(version), record, &millis(ttl)]).await?)
    }

    async fn remove(&self, key: &[u8]) -> Result<bool, Error> {
        let mut command = redis::cmd("DEL");
        command.arg(key);
        yes(self.send(key, command).await?)
    }

    async fn remove_if_equal(&self, key: &[u8], record: &[u8]) -> Result<bool, Error> {
        yes(self.run(&scripts::REMOVE_IF_EQUAL, &[key], &[record]).await?)
    }

    async fn lease(&self, key: &[u8], token: Token, ttl: Duration, ahead: Duration) -> Result<Lease, Error> {
        let answer = self.run(&scripts::LEASE, &[key], &[&text(token), &millis(ttl), &millis(ahead)]).await?;
        let Value::Array(parts) = answer else { return Err(unexpected(&answer)) };
        let there = |value: &Value, left: &Value| match (value, left) {
            (Value::BulkString(bytes), Value::Int(left)) => Some(kept(bytes.clone(), *left)),
            _ => None,
        };
        match &parts[..] {
            [Value::Int(0), value, left] => {
                there(value, left).map(Lease::Fresh).ok_or_else(|| unexpected(&parts))
            }
            [Value::Int(1)] => Ok(Lease::Granted { stale: None }),
            [Value::Int(1), value, left] => Ok(Lease::Granted { stale: there(value, left) }),
            [Value::Int(2)] => Ok(Lease::Taken { stale: None }),
            [Value::Int(2), value, left] => Ok(Lease::Taken { stale: there(value, left) }),
            _ => Err(unexpected(&parts)),
        }
    }

    async fn extend_lease(&self, key: &[u8], token: Token, ttl: Duration) -> Result<bool, Error> {
        yes(self.run(&scripts::EXTEND_LEASE, &[key], &[&text(token), &millis(ttl)]).await?)
    }

    async fn fill(&self, key: &[u8], token: Token, record: &[u8], ttl: Duration) -> Result<bool, Error> {
        yes(self.run(&scripts::FILL, &[key], &[&text(token), record, &millis(ttl)]).await?)
    }

    async fn release(&self, key: &[u8], token: Token) -> Result<bool, Error> {
        yes(self.run(&scripts::RELEASE, &[key], &[&text(token)]).await?)
    }

    async fn generations(&self, tags: &[Vec<u8>], fresh: u64) -> Result<Vec<u64>, Error> {
        // They are in slots of their own, so each is asked for alone, and all at once.
        let asked = tags.iter().map(|tag| async move {
            let answer = self.run(&scripts::GENERATION, &[tag], &[&text(fresh), &millis(MONTH)]).await?;
            let Value::BulkString(bytes) = &answer else { return Err(unexpected(&answer)) };
            number(bytes).ok_or_else(|| unexpected(&answer))
        });
        super::join::all(asked).await.into_iter().collect()
    }

    async fn renew_generation(&self, tag: &[u8], fresh: u64) -> Result<(), Error> {
        self.put(tag, &text(fresh), MONTH).await
    }

    async fn take(&self, key: &[u8], permits: u32, rate: Rate) -> Result<Taken, Error> {
        let arguments = [text(permits), text(rate.interval_micros), text(rate.burst)];
        let answer = self.run(&scripts::TAKE, &[key], &[&arguments[0], &arguments[1], &arguments[2]]).await?;
        match &answer {
            Value::Array(parts) => match parts[..] {
                [Value::Int(allowed), Value::Int(remaining), Value::Int(micros)] => Ok(Taken {
                    allowed: allowed == 1,
                    remaining: u32::try_from(remaining).unwrap_or(0),
                    retry_after: Duration::from_micros(u64::try_from(micros).unwrap_or(0)),
                }),
                _ => Err(unexpected(&answer)),
            },
            _ => Err(unexpected(&answer)),
        }
    }

    async fn lock(&self, name: &[u8], token: Token, ttl: Duration) -> Result<Locked, Error> {
        let [lock, fence] = lock_keys(name);
        let arguments: [&[u8]; 3] = [&text(token), &millis(ttl), &millis(MONTH)];
        let answer = self.run(&scripts::LOCK, &[&lock, &fence], &arguments).await?;
        let Value::Array(parts) = &answer else { return Err(unexpected(&answer)) };
        match &parts[..] {
            [Value::Int(1), Value::BulkString(fence)] => {
                number(fence).map(|fence| Locked::Granted { fence }).ok_or_else(|| unexpected(&answer))
            }
            [Value::Int(0), Value::Int(left)] => {
                Ok(Locked::Taken { left: Duration::from_millis(u64::try_from(*left).unwrap_or(0)) })
            }
            _ => Err(unexpected(&answer)),
        }
    }

    async fn extend_lock(&self, name: &[u8], token: Token, ttl: Duration) -> Result<bool, Error> {
        let [lock, _] = lock_keys(name);
        yes(self.run(&scripts::EXTEND_LOCK, &[&lock], &[&text(token), &millis(ttl)]).await?)
    }

    async fn unlock(&self, name: &[u8], token: Token) -> Result<bool, Error> {
        let [lock, _] = lock_keys(name);
        self.remove_if_equal(&lock, &text(token)).await
    }
}

fn kept(bytes: Vec<u8>, left: i64) -> Kept {
    Kept { bytes, left: u64::try_from(left).ok().map(Duration::from_millis) }
}

fn number(bytes: &[u8]) -> Option<u64> {
    str::from_utf8(bytes).ok()?.parse().ok()
}

fn yes(answer: Value) -> Result<bool, Error> {
    match answer {
        Value::Int(count) => Ok(count == 1),
        other => Err(unexpected(&other)),
    }
}

#[cold]
fn unexpected(answer: &impl std::fmt::Debug) -> Error {
    Error::new(ErrorKind::Refused, format!("nobody expects {answer:?}"))
}

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        let kind = match &error {
            _ if error.is_outage() => ErrorKind::Unavailable,
            wire::Error::Refused(refusal) => match refusal.code() {
                Some("OOM") => ErrorKind::OutOfMemory,
                Some("WRONGTYPE") => ErrorKind::WrongType,
                _ => ErrorKind::Refused,
            },
            _ => ErrorKind::Unavailable,
        };
        Self::new(kind, error)
    }
}

impl From<RedisError> for Error {
    fn from(error: RedisError) -> Self {
        wire::Error::Refused(error).into()
    }
}
