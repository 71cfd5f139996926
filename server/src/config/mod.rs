//! The server's parameters: a table, the values of now, and every way to read and change them.
//!
//! - `table`: one declaration per parameter; `fixed`: those known by name only.
//! - `identity`: which server this one says it is.
//! - `value` and `types`: what values there are, and how words become values.
//! - `file`, `args`, `rewrite`: configuration files, the command line, `CONFIG REWRITE`.
//!
//! [`Config`] is shared by all threads. Its methods named as the parameters read one value each, for most an
//! atomic load, so they can be called for every request. [`Settings`] are all values at one moment. `CONFIG
//! SET` makes new settings, has the running server follow ([`Apply`]), and only then publishes them; readers
//! may see two parameters of one `CONFIG SET` change one after the other.

mod args;
mod file;
mod fixed;
mod identity;
mod rewrite;
mod table;
mod types;
mod value;

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::{ReentrantMutex, RwLock};

pub use args::{Startup, Stream};
pub(crate) use file::quote;
#[cfg(feature = "script")]
pub(crate) use file::split_words;
pub use file::{LoadError, system_text};
pub use identity::{Identity, REDIS_VERSION, VALKEY_VERSION};
pub use rewrite::RewriteError;
pub use table::{Effect, Parameter, Settings};
pub use types::{
    Access, Addresses, Compat, EventClasses, LogLevel, MaxmemoryPolicy, MemoryLimit, OutputLimit,
    OutputLimits, Percentiles, Presence, VersionCheck,
};
pub use value::Reason;

use crate::glob::{self, Case};
use table::{Cells, Change, Named};

/// The parameters of one server, shared by its threads.
#[derive(Debug)]
pub struct Config {
    cells: Cells,
    settings: RwLock<Arc<Settings>>,
    /// Held by whoever changes settings, from the first look at the old to the publishing of the new.
    changing: ReentrantMutex<()>,
    file: Option<PathBuf>,
}

/// Who asks for a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A client on this machine.
    Local,
    /// A client elsewhere.
    Remote,
}

/// A running server that follows its parameters.
pub trait Apply {
    /// Makes the server follow `new` where the parameters of `effect` are concerned; they were as in `old`.
    ///
    /// An error has changed nothing, and makes the whole `CONFIG SET` fail with this reason; what was applied
    /// before it is applied back. The values that [`Config`]'s methods give are still the old ones.
    fn apply(&mut self, effect: Effect, old: &Settings, new: &Settings) -> Result<(), Reason>;
}

/// Nothing runs: every change is fine.
impl Apply for () {
    fn apply(&mut self, _: Effect, _: &Settings, _: &Settings) -> Result<(), Reason> {
        Ok(())
    }
}

/// Why `CONFIG SET` changed nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetError {
    /// A name without a value.
    Syntax,
    /// No parameter is called so.
    Unknown {
        /// The name as the client wrote it.
        name: String,
    },
    /// A parameter does not take the value.
    Failed {
        /// Its name.
        name: String,
        /// Why.
        reason: Reason,
    },
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax => f.write_str("syntax error"),
            Self::Unknown { name } => {
                // As C prints it.
                let name = name.split('\0').next().unwrap_or_default();
                write!(f, "Unknown option or number of arguments for CONFIG SET - '{name}'")
            }
            Self::Failed { name, reason } => {
                write!(f, "CONFIG SET failed (possibly related to argument '{name}') - {reason}")
            }
        }
    }
}

impl std::error::Error for SetError {}

impl SetError {
    /// The line a client reads, code first.
    pub fn message(&self) -> String {
        format!("ERR {self}")
    }
}

impl Default for Config {
    fn default() -> Self {
        Self::new(Settings::default(), None)
    }
}

/// Whether this is the name of a parameter whose value is a secret.
pub fn is_sensitive(name: &[u8]) -> bool {
    table::find(name).is_some_and(|named| named.parameter.sensitive)
}

impl Config {
    /// A configuration of these settings, which came from this file.
    pub fn new(settings: Settings, file: Option<PathBuf>) -> Self {
        let cells = Cells::new(&settings);
        Self { cells, settings: RwLock::new(Arc::new(settings)), changing: ReentrantMutex::new(()), file }
    }

    /// The configuration that the text of a configuration file means.
    ///
    /// ```
    /// # use scrubjay_server::config::Config;
    /// let config = Config::parse("port 0\nmaxmemory 100mb").unwrap();
    /// assert_eq!(config.maxmemory(), 100 << 20);
    /// ```
    pub fn parse(text: &str) -> Result<Self, LoadError> {
        let mut settings = Settings::default();
        file::load(&mut settings, text.as_bytes())?;
        Ok(Self::new(settings, None))
    }

    /// The configuration with one parameter changed, as a line of a configuration file does.
    ///
    /// ```
    /// # use scrubjay_server::config::Config;
    /// let config = Config::default().with("port", "0")?.with("bind", "127.0.0.1 ::1")?;
    /// # Ok::<(), scrubjay_server::config::SetError>(())
    /// ```
    pub fn with(self, name: &str, value: &str) -> Result<Self, SetError> {
        let named =
            table::find(name.as_bytes()).ok_or_else(|| SetError::Unknown { name: name.to_owned() })?;
        let mut settings = Settings::clone(&self.settings());
        let words = named.parameter.kind.words_of_set(value.as_bytes());
        file::put(&mut settings, named, &words).map_err(|reason| failed(named.name, reason))?;
        Ok(Self::new(settings, self.file))
    }

    /// The configuration for loopback alone, on a port that the kernel picks.
    pub fn on_loopback(self) -> Self {
        let loopback = self.with("bind", "127.0.0.1").and_then(|config| config.with("port", "0"));
        loopback.expect("invariant: both are valid values")
    }

    /// All values of this moment.
    pub fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.settings.read())
    }

    /// The configuration file the server was started with.
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// Bytes of replies that may wait for a normal client at any moment; none for no limit.
    pub fn output_limit_normal(&self) -> Option<u64> {
        Some(self.client_output_buffer_limit().normal.hard_bytes).filter(|bytes| *bytes > 0)
    }

    /// Bytes of messages that may wait for a subscriber at any moment; none for no limit.
    pub fn output_limit_pubsub(&self) -> Option<u64> {
        Some(self.client_output_buffer_limit().pubsub.hard_bytes).filter(|bytes| *bytes > 0)
    }

    /// The password of the default user, if it has one.
    pub fn password(&self) -> Option<Bytes> {
        Some(self.requirepass()).filter(|password| !password.is_empty())
    }

    /// Names the port that the kernel picked, where `port` was 0: from here on it is the value of `port`.
    pub fn port_is(&self, port: u16) {
        let _changing = self.changing.lock();
        let mut settings = Settings::clone(&self.settings());
        settings.port = port;
        self.publish(settings);
    }

    /// Allows fewer clients than asked for, since the system does.
    pub fn maxclients_is(&self, clients: u32) {
        let _changing = self.changing.lock();
        let mut settings = Settings::clone(&self.settings());
        settings.maxclients = clients;
        self.publish(settings);
    }

    /// Says what a store that was there before the server is like: its limit and its policy are the values
    /// from here on.
    pub fn store_is(&self, store: &scrubjay::Store) {
        let _changing = self.changing.lock();
        let mut settings = Settings::clone(&self.settings());
        let (policy, tuning) = store.policy();
        settings.databases = store.databases().into();
        settings.maxmemory = store.max_memory() as u64;
        settings.maxmemory_policy =
            MaxmemoryPolicy::from_name(policy.name()).expect("invariant: both name the same policies");
        settings.maxmemory_samples = u32::try_from(tuning.samples).unwrap_or(u32::MAX);
        settings.lfu_log_factor = tuning.lfu.log_factor;
        settings.lfu_decay_time = tuning.lfu.decay_minutes;
        let limits = store.limits();
        settings.hash_max_listpack_entries = limits.hash_max_listpack_entries as u64;
        settings.hash_max_listpack_value = limits.hash_max_listpack_value as u64;
        settings.list_max_listpack_size = limits.list_max_listpack_size.into();
        settings.list_compress_depth = limits.list_compress_depth;
        settings.set_max_intset_entries = limits.set_max_intset_entries as u64;
        settings.set_max_listpack_entries = limits.set_max_listpack_entries as u64;
        settings.set_max_listpack_value = limits.set_max_listpack_value as u64;
        settings.zset_max_listpack_entries = limits.zset_max_listpack_entries as u64;
        settings.zset_max_listpack_value = limits.zset_max_listpack_value as u64;
        settings.stream_node_max_bytes = limits.stream_node_max_bytes as u64;
        settings.stream_node_max_entries = limits.stream_node_max_entries as u64;
        settings.hll_sparse_max_bytes = limits.hll_sparse_max_bytes as u64;
        self.publish(settings);
    }

    /// `CONFIG GET`: names and values of what the patterns match. A name that is not a pattern is found even
    /// when hidden, and comes back as it was written; a pattern matches in any case of letters. Nothing comes
    /// twice.
    pub fn get(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let settings = self.settings();
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        let mut add = |named: Named, name: &[u8]| {
            if seen.insert(named.name) {
                found.push((name.to_vec(), named.parameter.kind.text(&named.parameter.get(&settings))));
            }
        };
        for pattern in patterns {
            if !glob::has_wildcard(pattern) {
                if let Some(named) = table::find(pattern) {
                    add(named, pattern);
                }
                continue;
            }
            for named in table::all_names().filter(|named| !named.parameter.hidden) {
                if glob::matches(pattern, named.name.as_bytes(), Case::Insensitive) {
                    add(named, named.name.as_bytes());
                }
            }
        }
        found
    }

    /// `CONFIG SET`: gives parameters values, all of them or none. `args` are names and values in turn. Gives
    /// the parameters whose value is another than before, in the order named.
    ///
    /// The order of the checks, which decides between errors, is Valkey's: first every name, then every
    /// value, then what the running server says.
    pub fn set(
        &self,
        args: &[&[u8]],
        origin: Origin,
        running: &mut dyn Apply,
    ) -> Result<Vec<&'static Parameter>, SetError> {
        let _changing = self.changing.lock();
        let old = self.settings();
        let pairs = self.check_names(args, origin)?;

        let mut new = Settings::clone(&old);
        for (named, value) in &pairs {
            file::put(&mut new, *named, &named.parameter.kind.words_of_set(value))
                .map_err(|reason| failed(named.name, reason))?;
        }

        let changed = |named: &Named| named.parameter.get(&old) != named.parameter.get(&new);
        let changed: Vec<Named> = pairs.into_iter().map(|(named, _)| named).filter(changed).collect();
        let mut applied: Vec<Effect> = Vec::new();
        for named in &changed {
            let effect = named.parameter.effect;
            if effect == Effect::None || applied.contains(&effect) {
                continue;
            }
            if let Err(reason) = running.apply(effect, &old, &new) {
                for effect in applied.into_iter().rev() {
                    // It held before, so it can hold again; if it cannot, there is nobody better to tell.
                    let _ = running.apply(effect, &new, &old);
                }
                return Err(failed(named.name, reason));
            }
            applied.push(effect);
        }
        self.publish(new);
        Ok(changed.into_iter().map(|named| named.parameter).collect())
    }

    /// Has nobody else change parameters. It comes before the locks of the store: a transaction that may
    /// change parameters asks for it first.
    pub fn hold(&self) -> impl Drop {
        self.changing.lock()
    }

    /// `CONFIG REWRITE`: brings the configuration file up to date.
    pub fn rewrite(&self) -> Result<(), RewriteError> {
        let _changing = self.changing.lock();
        let path = self.file.as_deref().ok_or(RewriteError::NoFile)?;
        rewrite::rewrite_file(path, &self.settings()).map_err(RewriteError::Io)
    }

    fn check_names<'a>(&self, args: &[&'a [u8]], origin: Origin) -> Result<Vec<(Named, &'a [u8])>, SetError> {
        let (args, odd) = args.as_chunks::<2>();
        if !odd.is_empty() {
            return Err(SetError::Syntax);
        }
        let may_change_protected = match self.enable_protected_configs() {
            Access::No => false,
            Access::Yes => true,
            Access::Local => origin == Origin::Local,
        };
        let mut seen = HashSet::new();
        let mut pairs = Vec::with_capacity(args.len());
        for [name, value] in args {
            let written = String::from_utf8_lossy(name);
            let named =
                table::find(name).ok_or_else(|| SetError::Unknown { name: written.clone().into_owned() })?;
            match named.parameter.change {
                Change::AtStart => return Err(failed(&written, "can't set immutable config".into())),
                Change::Protected if !may_change_protected => {
                    return Err(failed(&written, "can't set protected config".into()));
                }
                Change::Protected | Change::Always => {}
            }
            if !seen.insert(named.name) {
                return Err(failed(&written, "duplicate parameter".into()));
            }
            pairs.push((named, *value));
        }
        Ok(pairs)
    }

    fn publish(&self, settings: Settings) {
        self.cells.store(&settings);
        *self.settings.write() = Arc::new(settings);
    }
}

fn failed(name: &str, reason: Reason) -> SetError {
    SetError::Failed { name: name.to_owned(), reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(config: &Config, args: &[&str]) -> Result<Vec<&'static str>, String> {
        let args: Vec<&[u8]> = args.iter().map(|word| word.as_bytes()).collect();
        match config.set(&args, Origin::Local, &mut ()) {
            Ok(changed) => Ok(changed.into_iter().map(|parameter| parameter.name).collect()),
            Err(error) => Err(error.message()),
        }
    }

    fn get(config: &Config, patterns: &[&str]) -> Vec<(String, String)> {
        let patterns: Vec<&[u8]> = patterns.iter().map(|word| word.as_bytes()).collect();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let mut found: Vec<_> =
            config.get(&patterns).into_iter().map(|(name, value)| (text(name), text(value))).collect();
        found.sort();
        found
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn get_as_valkey() {
        let config = Config::default();
        for (patterns, expected) in [
            (&["timeout", "timeout", "TIMEOUT", "time*"][..], &[("timeout", "0")][..]),
            (
                &["slave-read-only", "replica-read-only"],
                &[("replica-read-only", "yes"), ("slave-read-only", "yes")],
            ),
            (&["*-read-only"], &[("replica-read-only", "yes"), ("slave-read-only", "yes")]),
            (&["PORT"], &[("PORT", "6379")]),
            (&["nope"], &[]),
            (&["use-exit*"], &[]),
            (&["use-exit-on-panic", "USE-EXIT-ON-PANIC"], &[("use-exit-on-panic", "no")]),
            (&["use-exit-on-pani?"], &[]),
            (&["BIND*", "bind", "Bind"], &[("bind", "* -::*"), ("bind-source-addr", "")]),
            (&["Bind", "BIND"], &[("Bind", "* -::*")]),
            (&["[b]IND"], &[("bind", "* -::*")]),
            (&["time\\out"], &[]),
            (&["user"], &[]),
            (&["loadmodule"], &[]),
        ] {
            assert_eq!(get(&config, patterns), pairs(expected), "{patterns:?}");
        }
    }

    #[test]
    fn set_changes_and_names_what_changed() {
        let config = Config::default();
        assert_eq!(
            set(&config, &["hz", "10", "timeout", "5", "lua-time-limit", "1"]).unwrap(),
            ["timeout", "busy-reply-threshold"]
        );
        assert_eq!((config.timeout(), config.busy_reply_threshold()), (5, 1));
        assert_eq!(config.settings().timeout, 5);
        set(&config, &["hash-max-ziplist-entries", "1", "hash-max-listpack-entries", "2"]).unwrap();
        assert_eq!(config.hash_max_listpack_entries(), 2);
        set(&config, &["hz", "0"]).unwrap();
        assert_eq!(config.hz(), 1);
        set(
            &config,
            &["appendonly", "no", "save", "", "rdbcompression", "no", "maxmemory-policy", "ALLKEYS-S3FIFO"],
        )
        .unwrap();
        assert_eq!(get(&config, &["rdbcompression"]), pairs(&[("rdbcompression", "no")]));
        assert_eq!(config.maxmemory_policy(), MaxmemoryPolicy::AllkeysS3fifo);
        set(&config, &["client-output-buffer-limit", "normal 10 0 0"]).unwrap();
        assert_eq!(config.output_limit_normal(), Some(10));
    }

    #[test]
    fn set_fails_as_valkey() {
        let config = Config::default();
        let at = |name: &str, reason: &str| {
            format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}")
        };
        let unknown =
            |name: &str| format!("ERR Unknown option or number of arguments for CONFIG SET - '{name}'");
        let number = "argument couldn't be parsed into an integer";
        let immutable = "can't set immutable config";
        let protected = "can't set protected config";
        let duplicate = "duplicate parameter";
        for (args, expected) in [
            (&["hz", "1", "port"][..], "ERR syntax error".to_owned()),
            (&["nope", "1"], unknown("nope")),
            (&["NOPE", "1"], unknown("NOPE")),
            (&["hz", "zz", "nope", "1"], unknown("nope")),
            (&["daemonize", "no", "nope", "x"], at("daemonize", immutable)),
            (&["nope", "x", "daemonize", "no"], unknown("nope")),
            (&["hz", "10", "hz", "11"], at("hz", duplicate)),
            (&["hz", "10", "HZ", "11"], at("HZ", duplicate)),
            (&["hz", "zz", "hz", "11"], at("hz", duplicate)),
            (&["daemonize", "no", "hz", "10", "hz", "11"], at("daemonize", immutable)),
            (&["DAEMONIZE", "no"], at("DAEMONIZE", immutable)),
            (&["dir", "/tmp", "daemonize", "no"], at("dir", protected)),
            (&["daemonize", "no", "dir", "/tmp"], at("daemonize", immutable)),
            (&["timeout", "7", "hz", "zz", "maxclients", "zz"], at("hz", number)),
            (&["HZ", "zz"], at("hz", number)),
            (&["Slave-Read-Only", "zz"], at("slave-read-only", "argument must be 'yes' or 'no'")),
            (&["dynamic-hz", "yes"], unknown("dynamic-hz")),
            (&["loadmodule", "x"], unknown("loadmodule")),
            (&["unixsocket", "x"], at("unixsocket", immutable)),
            (
                &["timeout", "7", "appendonly", "yes"],
                at("appendonly", "appendonly is not supported by Scrubjay; only 'no' is accepted"),
            ),
            (
                &["masterauth", "x"],
                at("masterauth", "masterauth is not supported by Scrubjay; only '' is accepted"),
            ),
            (
                &["acllog-max-len", "7"],
                at(
                    "acllog-max-len",
                    "acllog-max-len is not supported by Scrubjay; only '128' or '0' are accepted",
                ),
            ),
        ] {
            assert_eq!(set(&config, args).unwrap_err(), expected, "{args:?}");
            assert_eq!(*config.settings(), Settings::default(), "{args:?} changes nothing");
        }
    }

    #[test]
    fn protected_parameters_are_for_whom_they_are_opened() {
        for (access, local, remote) in [("no", false, false), ("local", true, false), ("yes", true, true)] {
            let config = Config::parse(&format!("enable-protected-configs {access}")).unwrap();
            let set = |origin| config.set(&[b"dbfilename", b"dump.rdb"], origin, &mut ()).is_ok();
            assert_eq!((set(Origin::Local), set(Origin::Remote)), (local, remote), "{access}");
        }
    }

    /// Writes down what it is told, and refuses one effect.
    struct Recorder {
        told: Vec<(Effect, u16, u16)>,
        refused: Option<Effect>,
    }

    impl Apply for Recorder {
        fn apply(&mut self, effect: Effect, old: &Settings, new: &Settings) -> Result<(), Reason> {
            if self.refused == Some(effect) {
                return Err("no".into());
            }
            self.told.push((effect, old.port, new.port));
            Ok(())
        }
    }

    #[test]
    fn the_server_follows_or_nothing_changes() {
        let config = Config::parse("port 1").unwrap();
        let args: &[&[u8]] = &[
            b"port",
            b"2",
            b"timeout",
            b"3",
            b"bind",
            b"a",
            b"hz",
            b"10",
            b"maxmemory",
            b"5",
            b"maxclients",
            b"9",
        ];
        let mut recorder = Recorder { told: Vec::new(), refused: Some(Effect::MaxClients) };
        let error = config.set(args, Origin::Local, &mut recorder).unwrap_err();
        assert_eq!(error.message(), "ERR CONFIG SET failed (possibly related to argument 'maxclients') - no");
        let told = recorder.told;
        assert_eq!(
            told,
            [(Effect::Listen, 1, 2), (Effect::Memory, 1, 2), (Effect::Memory, 2, 1), (Effect::Listen, 2, 1)]
        );
        assert_eq!((config.port(), config.timeout(), config.settings().port), (1, 0, 1));

        let mut recorder = Recorder { told: Vec::new(), refused: None };
        config.set(args, Origin::Local, &mut recorder).unwrap();
        let effects: Vec<Effect> = recorder.told.into_iter().map(|(effect, ..)| effect).collect();
        assert_eq!(effects, [Effect::Listen, Effect::Memory, Effect::MaxClients]);
        assert_eq!((config.port(), config.timeout()), (2, 3));
    }

    #[test]
    fn rewrites_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.conf");
        std::fs::write(&path, "# mine\nhz 20\n").unwrap();
        let config = Config::new(Settings::default(), Some(path.clone()));
        set(&config, &["maxmemory", "1gb", "hz", "30"]).unwrap();
        config.rewrite().unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("# mine\nhz 30\n\n# Generated by CONFIG REWRITE\n"), "{text}");
        assert!(text.contains("\nmaxmemory 1gb\n"), "{text}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "no other file is left");

        std::fs::remove_file(&path).unwrap();
        config.rewrite().unwrap();
        assert!(std::fs::read_to_string(&path).unwrap().starts_with("# Generated by CONFIG REWRITE\n"));

        let error = Config::default().rewrite().unwrap_err();
        assert_eq!(error.message(), "ERR The server is running without a config file");
        let gone = Config::new(Settings::default(), Some("/nope/nope/s.conf".into()));
        assert_eq!(
            gone.rewrite().unwrap_err().message(),
            "ERR Rewriting config file: No such file or directory"
        );
    }

    #[test]
    fn a_library_builds_one() {
        let config = Config::default().on_loopback().with("requirepass", "a b").unwrap();
        assert_eq!(config.password().as_deref(), Some(b"a b".as_slice()));
        assert_eq!(config.bind().iter().collect::<Vec<_>>(), [("127.0.0.1", Presence::Required)]);
        assert_eq!((config.port(), Config::default().password()), (0, None));
        assert!(config.with("nope", "1").is_err());
        assert!(Config::default().with("appendonly", "yes").is_err());
    }

    #[test]
    fn the_kernels_port_becomes_the_port() {
        let config = Config::parse("port 0").unwrap();
        config.port_is(7);
        assert_eq!((config.port(), config.settings().port), (7, 7));
    }

    proptest::proptest! {
        #[test]
        fn takes_any_bytes(args: Vec<Vec<u8>>, name in "[a-z-]*", value: Vec<u8>) {
            let config = Config::default();
            let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
            let _ = config.set(&args, Origin::Local, &mut ());
            let _ = config.set(&[name.as_bytes(), &value], Origin::Local, &mut ());
            let _ = config.get(&args);
        }
    }
}
