//! Scripts and functions that the program itself runs. They take the way of a client's `EVAL`, so that all
//! that holds for those holds for these.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use scrubjay::Store;

use super::value::Value;
use crate::command::dispatch::{BatchKeys, Prepared, dispatch};
use crate::command::measure::Lap;
use crate::config::Config;
use crate::pubsub::inbox::Inboxes;
use crate::resp::{ArgBuffer, Protocol, Reply};
use crate::script::running::{Killer, Program};
use crate::session::Session;
use crate::session::clients::{Client, Peer};
use crate::shared::Shared;

/// Runs Lua scripts, and functions of libraries, on a store; there need be no server.
///
/// A script sees and changes the whole store as nobody else does meanwhile: it is one step to other threads,
/// and to clients of a server of the same store. It may be cloned and used on any thread; one script runs at
/// a time. Do not call it while you hold a view of the store, or in an observer: it would wait for itself.
/// Each thread that runs scripts has a Lua machine of its own, which counts with what the store holds, and in
/// it the libraries' locals: what is to last belongs into a key.
///
/// ```
/// use std::sync::Arc;
/// use scrubjay::Store;
/// use scrubjay_server::Scripts;
///
/// let store = Arc::new(Store::default());
/// let scripts = Scripts::new(&store);
///
/// // Deletes a lock if it is still ours.
/// let release = scripts.load(
///     "if server.call('GET', KEYS[1]) == ARGV[1] then return server.call('DEL', KEYS[1]) end return 0",
/// )?;
/// store.set("lock", "me")?;
/// let released = scripts.eval_sha(&release).key("lock").arg("me").run()?;
/// assert_eq!(released.as_integer(), Some(1));
/// assert!(!store.contains("lock"));
///
/// // What fails says so in the words that a client reads.
/// let error = scripts.eval("return server.call('INCR', KEYS[1], 'x')").key("n").run().unwrap_err();
/// assert_eq!(error.code(), "ERR");
///
/// // Functions stay.
/// scripts.load_library("#!lua name=words\nserver.register_function('twice', function(keys, args) \
///     return args[1] .. args[1] end)")?;
/// assert_eq!(scripts.call("twice").arg("ab").run()?.as_str(), Some("abab"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Scripts {
    shared: Arc<Shared>,
    time_limit: Option<Duration>,
    db: u16,
}

impl Scripts {
    /// For a store that no server serves. Where one does, take [its own](crate::Server::scripts): then its
    /// clients are told that a slow script keeps them waiting.
    pub fn new(store: &Arc<Store>) -> Self {
        let config = Config::default().with("io-threads", "1").expect("invariant: one thread is allowed");
        config.store_is(store);
        Self::of(&Shared::new(Arc::clone(store), config, 0))
    }

    pub(crate) fn of(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), time_limit: None, db: 0 }
    }

    /// Ends whatever script runs for longer and has not written. One that has goes on to its end, since half
    /// of its work would be worse than all of it.
    #[must_use]
    pub fn with_time_limit(self, limit: Duration) -> Self {
        Self { time_limit: Some(limit), ..self }
    }

    /// Runs scripts in this database; the first one is 0.
    ///
    /// # Panics
    /// When the store has no such database.
    #[must_use]
    pub fn in_database(self, db: u16) -> Self {
        assert!(db < self.shared.store.databases(), "there is no database {db}");
        Self { db, ..self }
    }

    /// A script to be run.
    pub fn eval(&self, script: impl AsRef<[u8]>) -> ScriptCall<'_> {
        self.prepare(["EVAL", "EVAL_RO"], script.as_ref())
    }

    /// A script to be run that is known by this SHA1: it was [loaded](Self::load), or run before.
    pub fn eval_sha(&self, sha1: &str) -> ScriptCall<'_> {
        self.prepare(["EVALSHA", "EVALSHA_RO"], sha1.as_bytes())
    }

    /// A function to be called.
    pub fn call(&self, function: impl AsRef<[u8]>) -> ScriptCall<'_> {
        self.prepare(["FCALL", "FCALL_RO"], function.as_ref())
    }

    fn prepare(&self, commands: [&'static str; 2], subject: &[u8]) -> ScriptCall<'_> {
        ScriptCall {
            scripts: self,
            commands,
            subject: subject.to_vec(),
            keys: Vec::new(),
            args: Vec::new(),
            reads_only: false,
        }
    }

    /// Compiles a script and keeps it; its SHA1.
    ///
    /// # Errors
    /// When it does not compile.
    pub fn load(&self, script: impl AsRef<[u8]>) -> Result<String, ScriptError> {
        self.text(&[b"SCRIPT", b"LOAD", script.as_ref()])
    }

    /// Whether a script of this SHA1 is kept.
    pub fn knows(&self, sha1: &str) -> bool {
        crate::script::cache::Digest::parse(sha1.as_bytes())
            .is_some_and(|digest| self.shared.scripts.cache.get(digest).is_some())
    }

    /// Forgets all scripts; the libraries stay.
    pub fn forget(&self) {
        self.shared.scripts.cache.flush();
    }

    /// Adds a library of functions; its name.
    ///
    /// # Errors
    /// When its code fails, or its name or that of a function is taken.
    pub fn load_library(&self, code: impl AsRef<[u8]>) -> Result<String, ScriptError> {
        self.text(&[b"FUNCTION", b"LOAD", code.as_ref()])
    }

    /// Adds a library of functions, or replaces the one of its name.
    ///
    /// # Errors
    /// When its code fails, or the name of a function is taken by another library.
    pub fn replace_library(&self, code: impl AsRef<[u8]>) -> Result<String, ScriptError> {
        self.text(&[b"FUNCTION", b"LOAD", b"REPLACE", code.as_ref()])
    }

    /// Deletes a library and its functions.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn delete_library(&self, name: impl AsRef<[u8]>) -> Result<(), ScriptError> {
        self.run(&[b"FUNCTION", b"DELETE", name.as_ref()]).map(drop)
    }

    /// Ends the script or function that runs on some other thread, if it has not written.
    ///
    /// # Errors
    /// `NOTBUSY` when nothing runs, `UNKILLABLE` when it has written.
    pub fn kill(&self) -> Result<(), ScriptError> {
        let running = &self.shared.scripts.running;
        let killer = match running.program() {
            Some((Program::Function { .. }, _)) => Killer::Function,
            _ => Killer::Script,
        };
        running.kill(killer, self.shared.config.identity()).map_err(|error| ScriptError::of(&error.line()))
    }

    fn text(&self, words: &[&[u8]]) -> Result<String, ScriptError> {
        let value = self.run(words)?;
        Ok(String::from_utf8_lossy(value.as_bytes().unwrap_or_default()).into_owned())
    }

    /// Runs a command as a client of its own.
    fn run(&self, words: &[&[u8]]) -> Result<Value, ScriptError> {
        let shared = &*self.shared;
        let now = shared.store.clock().now();
        let mut buffer = ArgBuffer::default();
        words.iter().for_each(|word| buffer.push(word));
        buffer.finish();
        let args = buffer.get(0).expect("invariant: it has just been made");

        // Behind those of the server's threads, in the statistics.
        let thread = shared.start.threads;
        let peer = Peer::Unix(String::new());
        let client = Arc::new(Client::new(shared.clients.next_id(), peer, -1, thread, now));
        let inbox = Inboxes::new(thread).open(Arc::clone(&client));
        let mut session = Session::new(client, inbox, true);
        session.of_program = true;
        session.script_time_limit = self.time_limit;
        session.select(self.db);

        let mut reply = Reply::new(Protocol::Resp3);
        let turn = shared.scripts.turn.lock();
        let mut keys = BatchKeys::new();
        let request = Prepared::new(shared, &session, args.into(), buffer.figures().0, None, &mut keys);
        let mut lap = Lap::begin(shared.store.clock());
        let (stats, now) = (shared.stats.block(thread), shared.store.clock().now());
        dispatch(shared, stats, &mut session, &request, &keys, &mut reply, &mut lap, now);
        drop(turn);
        session.inbox.close();
        // What it has published.
        shared.mail.wake();
        match Value::of(reply) {
            Value::Error(line) => Err(ScriptError::of(&line)),
            value => Ok(value),
        }
    }
}

impl fmt::Debug for Scripts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scripts").finish_non_exhaustive()
    }
}

/// A script or a function with what it is called with: see [`Scripts::eval`].
#[derive(Debug, Clone)]
#[must_use = "it has to be run"]
pub struct ScriptCall<'s> {
    scripts: &'s Scripts,
    /// The command that runs it, and the one that does if it may only read.
    commands: [&'static str; 2],
    subject: Vec<u8>,
    keys: Vec<Vec<u8>>,
    args: Vec<Vec<u8>>,
    reads_only: bool,
}

impl ScriptCall<'_> {
    /// Adds one of its `KEYS`.
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.keys.push(key.as_ref().to_vec());
        self
    }

    /// Adds one of its `ARGV`.
    pub fn arg(mut self, arg: impl AsRef<[u8]>) -> Self {
        self.args.push(arg.as_ref().to_vec());
        self
    }

    /// Refuses it every command that writes.
    pub fn read_only(mut self) -> Self {
        self.reads_only = true;
        self
    }

    /// Runs it.
    ///
    /// # Errors
    /// When it does not compile, is not known, fails, or is ended.
    pub fn run(&self) -> Result<Value, ScriptError> {
        let count = self.keys.len().to_string();
        let mut words: Vec<&[u8]> =
            vec![self.commands[usize::from(self.reads_only)].as_bytes(), &self.subject, count.as_bytes()];
        words.extend(self.keys.iter().chain(&self.args).map(Vec::as_slice));
        self.scripts.run(&words)
    }
}

/// Why a script has not come to its end, in the words that a client reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptError(String);

impl ScriptError {
    fn of(line: &[u8]) -> Self {
        Self(String::from_utf8_lossy(line).into_owned())
    }

    /// Its first word: `ERR`, `NOSCRIPT`, `OOM`, `WRONGTYPE`, `BUSY` or what the script has chosen.
    pub fn code(&self) -> &str {
        self.0.split(' ').next().unwrap_or_default()
    }

    /// All of it.
    pub fn message(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScriptError {}
