//! The table of parameters: one declaration each, from which everything else is derived.
//!
//! [`settings!`](macro@settings) turns a declaration with a field into that field of [`Settings`], the cell
//! that threads read it from, the method of [`Config`](super::Config) that does so, and an entry of the
//! table. The parameters of Valkey that Scrubjay knows only by name are entries alone, in [`super::fixed`].
//!
//! Defaults, kinds and mutability are Valkey 9.1.2's, compared with `valkey-9.1.2.txt` by a test below, which
//! also says where and why ours differ.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use bytes::Bytes;

use super::fixed;
use super::types::Percentiles;
use super::types::{
    Access, Addresses, Compat, EventClasses, Field, LogLevel, MaxmemoryPolicy, MemoryLimit, OutputLimits,
    VersionCheck,
};
use super::value::{Kind, Value};

/// One parameter.
#[derive(Debug)]
pub struct Parameter {
    /// Its name, as `CONFIG REWRITE` writes it.
    pub name: &'static str,
    /// An older name that works beside it.
    pub alias: Option<&'static str>,
    pub(super) kind: Kind,
    default: Default,
    pub(super) change: Change,
    /// Whether `CONFIG GET` with a pattern leaves it out.
    pub(super) hidden: bool,
    /// Whether its value is a secret, to be left out of logs.
    pub sensitive: bool,
    pub(super) rewrite: Rewrite,
    /// What a running server has to do when it changes.
    pub effect: Effect,
    pub(super) body: Body,
}

/// Where a parameter's default comes from.
#[derive(Debug, Clone, Copy)]
enum Default {
    Text(&'static str),
    /// The number of processors this process may use.
    Cores,
    /// The folder the server was started in.
    CurrentDirectory,
}

/// Whether `CONFIG SET` may change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Always,
    /// Only where `enable-protected-configs` allows it.
    Protected,
    AtStart,
}

/// When `CONFIG REWRITE` adds it to a file that did not have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rewrite {
    WhenChanged,
    Always,
}

/// What lies behind the name.
#[derive(Debug, Clone, Copy)]
pub(super) enum Body {
    /// A field of [`Settings`].
    Field { get: fn(&Settings) -> Value, put: fn(&mut Settings, Value) },
    /// Nothing: the default is accepted, and these values, which mean that the feature is off.
    Fixed { accepted: &'static [&'static str] },
}

/// What a running server has to do when parameters change; what is read at each use needs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Effect {
    /// Nothing: it is read where it is used.
    None,
    /// Listen elsewhere: `bind`, `port`.
    Listen,
    /// Check that the system allows so many connections: `maxclients`.
    MaxClients,
    /// Tell the engine what it may hold and what it evicts: `maxmemory` and its relatives, `lfu-*`.
    Memory,
    /// Disconnect clients that together hold too much: `maxmemory-clients`.
    ClientMemory,
    /// Change how often background work is done: `hz`, `active-expire-effort`.
    Background,
    /// Log more or less: `loglevel`.
    Log,
    /// Change the number of threads that serve connections: `io-threads`.
    Threads,
    /// Let the default user in with another password: `requirepass`.
    Password,
    /// Publish other keyspace events: `notify-keyspace-events`.
    Events,
    /// Forget keys that no longer fit: `tracking-table-max-keys`.
    Tracking,
    /// Start or stop to measure: `latency-*`.
    Latency,
    /// Turn expiry off or on: `import-mode`.
    ImportMode,
    /// Tell the engine up to where collections are small: `*-max-listpack-*` and the like.
    Limits,
}

const fn parameter(name: &'static str, kind: Kind, default: &'static str) -> Parameter {
    Parameter {
        name,
        alias: None,
        kind,
        default: Default::Text(default),
        change: Change::Always,
        hidden: false,
        sensitive: false,
        rewrite: Rewrite::WhenChanged,
        effect: Effect::None,
        body: Body::Fixed { accepted: &[] },
    }
}

/// A parameter that is known by name only; its default and these values are accepted.
pub(super) const fn fixed(
    name: &'static str,
    kind: Kind,
    default: &'static str,
    accepted: &'static [&'static str],
) -> Parameter {
    Parameter { body: Body::Fixed { accepted }, ..parameter(name, kind, default) }
}

impl Parameter {
    pub(super) const fn alias(self, alias: &'static str) -> Self {
        Self { alias: Some(alias), ..self }
    }

    pub(super) const fn immutable(self) -> Self {
        Self { change: Change::AtStart, ..self }
    }

    pub(super) const fn protected(self) -> Self {
        Self { change: Change::Protected, ..self }
    }

    pub(super) const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    pub(super) const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }

    const fn effect(self, effect: Effect) -> Self {
        Self { effect, ..self }
    }

    pub(super) const fn rewritten_always(self) -> Self {
        Self { rewrite: Rewrite::Always, ..self }
    }

    const fn default_is(self, default: Default) -> Self {
        Self { default, ..self }
    }

    const fn field(self, get: fn(&Settings) -> Value, put: fn(&mut Settings, Value)) -> Self {
        Self { body: Body::Field { get, put }, ..self }
    }

    /// What it holds in these settings.
    pub(super) fn get(&self, settings: &Settings) -> Value {
        match self.body {
            Body::Field { get, .. } => get(settings),
            Body::Fixed { .. } => {
                settings.fixed.get(self.name).cloned().unwrap_or_else(|| self.default_value())
            }
        }
    }

    pub(super) fn put(&self, settings: &mut Settings, value: Value) {
        match self.body {
            Body::Field { put, .. } => put(settings, value),
            Body::Fixed { .. } if value == self.default_value() => {
                settings.fixed.remove(self.name);
            }
            Body::Fixed { .. } => {
                settings.fixed.insert(self.name, value);
            }
        }
    }

    /// The value it has when nobody sets it.
    pub(super) fn default_value(&self) -> Value {
        let text = match self.default {
            Default::Text(text) => text.into(),
            Default::Cores => {
                std::thread::available_parallelism().map_or(1, |cores| cores.get().min(256)).to_string()
            }
            Default::CurrentDirectory => {
                let path = std::env::current_dir().unwrap_or_else(|_| ".".into());
                return Value::Text(super::file::bytes_of(&path));
            }
        };
        let words = self.kind.words_of_set(text.as_bytes());
        let nothing = Value::OutputLimits(OutputLimits::default());
        self.kind.parse(&words, &nothing).expect("invariant: a default is valid, which a test tries for each")
    }
}

/// Every parameter: first those that do something, in the order of their groups, then those known by name.
pub(super) fn parameters() -> impl Iterator<Item = &'static Parameter> {
    FIELDS.iter().chain(fixed::FIXED)
}

/// A parameter under one of its names.
#[derive(Debug, Clone, Copy)]
pub(super) struct Named {
    pub(super) name: &'static str,
    pub(super) parameter: &'static Parameter,
}

/// Every name and alias, by itself in lower case.
static NAMES: LazyLock<HashMap<&'static str, Named>> =
    LazyLock::new(|| all_names().map(|named| (named.name, named)).collect());

/// Every parameter under each of its names.
pub(super) fn all_names() -> impl Iterator<Item = Named> {
    parameters().flat_map(|parameter| {
        [Some(parameter.name), parameter.alias]
            .into_iter()
            .flatten()
            .map(move |name| Named { name, parameter })
    })
}

/// The parameter of a name or alias, in any case of letters.
pub(super) fn find(name: &[u8]) -> Option<Named> {
    let name = name.to_ascii_lowercase();
    NAMES.get(std::str::from_utf8(&name).ok()?).copied()
}

/// See the top of this file.
macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $field:ident: $type:ty = $declaration:expr;)*) => {
        /// The values of all parameters at one moment.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub struct Settings {
            $($(#[doc = $doc])+ pub $field: $type,)*
            /// Values other than the default of parameters that do nothing.
            fixed: BTreeMap<&'static str, Value>,
        }

        impl std::default::Default for Settings {
            fn default() -> Self {
                let mut defaults = FIELDS.iter().map(Parameter::default_value);
                let mut next = || defaults.next().expect("invariant: the table has an entry for each field");
                // Fields are made in the order written, which is the order of the table.
                Self { $($field: <$type>::from_value(next()),)* fixed: BTreeMap::new() }
            }
        }

        static FIELDS: &[Parameter] = &[
            $($declaration.field(
                |settings| settings.$field.to_value(),
                |settings, value| settings.$field = <$type>::from_value(value),
            ),)*
        ];

        /// Where all threads read the values from, one cell for each.
        #[derive(Debug)]
        pub(super) struct Cells {
            $($field: <$type as Field>::Cell,)*
        }

        impl Cells {
            pub(super) fn new(settings: &Settings) -> Self {
                Self { $($field: settings.$field.cell(),)* }
            }

            pub(super) fn store(&self, settings: &Settings) {
                $(settings.$field.store(&self.$field);)*
            }
        }

        impl super::Config {
            $($(#[doc = $doc])+ pub fn $field(&self) -> $type {
                <$type as Field>::load(&self.cells.$field)
            })*
        }
    };
}

/// The largest value of Valkey's 32-bit parameters.
pub(super) const I32: i64 = i32::MAX as i64;
pub(super) const I64: i64 = i64::MAX;
const U32: i64 = u32::MAX as i64;
/// A number of bytes that is kept in 63 bits.
pub(super) const BYTES: Kind = Kind::Memory(0, i64::MAX as u64);
/// The port of a listener; 0 for none.
pub(super) const PORT: Kind = Kind::Integer(0, 65535);

settings! {
    // Listening.

    /// The addresses to listen on; `*` and `::*` are all of IPv4 and of IPv6.
    bind: Addresses = parameter("bind", Kind::Addresses, "* -::*").effect(Effect::Listen);
    /// Whether clients of other machines are refused while there is neither a password nor a `bind` of one's
    /// own.
    protected_mode: bool = parameter("protected-mode", Kind::Bool, "yes");
    /// The TCP port to listen on; 0 for one that the kernel picks.
    port: u16 = parameter("port", PORT, "6379").effect(Effect::Listen);
    /// The path of the UNIX socket to listen on; empty for none.
    unixsocket: Bytes = parameter("unixsocket", Kind::OptionalText, "").immutable();
    /// The permissions of the UNIX socket; 0 for what the system gives it.
    unixsocketperm: u32 = parameter("unixsocketperm", Kind::Octal, "0").immutable();
    /// How many connections may wait to be accepted.
    tcp_backlog: u32 = parameter("tcp-backlog", Kind::Integer(0, I32), "511").immutable();
    /// Seconds of silence after which TCP asks whether the other side is there; 0 for never.
    tcp_keepalive: u32 = parameter("tcp-keepalive", Kind::Integer(0, I32), "300");

    // Clients.

    /// The password of the default user; empty for none.
    requirepass: Bytes = parameter("requirepass", Kind::OptionalText, "").sensitive().effect(Effect::Password);
    /// How many clients may be connected.
    maxclients: u32 = parameter("maxclients", Kind::Integer(1, U32), "10000").effect(Effect::MaxClients);
    /// Seconds after which an idle client is disconnected; 0 for never.
    timeout: u32 = parameter("timeout", Kind::Integer(0, I32), "0");
    /// What may wait for a client before it is disconnected.
    client_output_buffer_limit: OutputLimits = parameter(
        "client-output-buffer-limit",
        Kind::OutputLimits,
        "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    );
    /// Bytes a client may send before a request is whole.
    client_query_buffer_limit: u64 =
        parameter("client-query-buffer-limit", Kind::Memory(1 << 20, i64::MAX as u64), "1073741824");
    /// The longest argument of a request, in bytes.
    proto_max_bulk_len: u64 =
        parameter("proto-max-bulk-len", Kind::Memory(1 << 20, i64::MAX as u64), "536870912");
    /// What the buffers of all clients together may hold before the largest is disconnected.
    maxmemory_clients: MemoryLimit =
        parameter("maxmemory-clients", Kind::MemoryOrPercent, "0").effect(Effect::ClientMemory);
    /// How many keys are remembered for clients that cache them.
    tracking_table_max_keys: u64 =
        parameter("tracking-table-max-keys", Kind::Integer(0, I64), "1000000").effect(Effect::Tracking);

    // Process.

    /// The number of databases.
    databases: u32 = parameter("databases", Kind::Integer(1, I32), "16").immutable();
    /// How many threads serve connections and run commands.
    io_threads: u16 = parameter("io-threads", Kind::Integer(1, 256), "")
        .default_is(Default::Cores).effect(Effect::Threads);
    /// The folder that relative paths begin at.
    dir: Bytes = parameter("dir", Kind::Directory, "")
        .default_is(Default::CurrentDirectory).protected().rewritten_always();
    /// What files of data would be called, for programs that name them whether or not anything is saved.
    dbfilename: Bytes = parameter("dbfilename", Kind::FileName {
        path: "dbfilename can't be a path, just a filename",
        empty: "dbfilename can't be empty",
    }, "dump.rdb").protected();
    /// The same of the log of changes.
    appendfilename: Bytes = parameter("appendfilename", Kind::FileName {
        path: "appendfilename can't be a path, just a filename",
        empty: "appendfilename can't be empty",
    }, "appendonly.aof").immutable();
    /// The same of the folder for it.
    appenddirname: Bytes = parameter("appenddirname", Kind::FileName {
        path: "appenddirname can't be a path, just a dirname",
        empty: "appenddirname can't be empty",
    }, "appendonlydir").immutable();
    /// The file that holds the process id while the server runs; empty for none.
    pidfile: Bytes = parameter("pidfile", Kind::OptionalText, "").immutable();
    /// The file to log to; empty for standard output.
    logfile: Bytes = parameter("logfile", Kind::Text, "").immutable();
    /// How much is logged.
    loglevel: LogLevel = parameter("loglevel", Kind::Choice(LogLevel::NAMES), "notice").effect(Effect::Log);
    /// Whether the logo is shown at start even when standard output is not a terminal.
    always_show_logo: bool = parameter("always-show-logo", Kind::Bool, "no").immutable();
    /// Whether logs leave out what clients stored.
    hide_user_data_from_log: bool = parameter("hide-user-data-from-log", Kind::Bool, "yes");
    /// Who may use `DEBUG`.
    enable_debug_command: Access =
        parameter("enable-debug-command", Kind::Choice(Access::NAMES), "no").immutable();
    /// Who may change protected parameters.
    enable_protected_configs: Access =
        parameter("enable-protected-configs", Kind::Choice(Access::NAMES), "no").immutable();
    /// Where this server stands, for clients that prefer a near one.
    availability_zone: Bytes = parameter("availability-zone", Kind::Text, "");
    /// Which of the two servers this one passes for: what it says of itself, and which commands and options
    /// it has where they have come apart.
    compat: Compat = parameter("compat", Kind::Choice(Compat::NAMES), "valkey-9.1").immutable();
    /// Whether `HELLO` and the like call the server Redis.
    extended_redis_compatibility: bool = parameter("extended-redis-compatibility", Kind::Bool, "no");
    /// Whether expired keys stay while keys are brought in from elsewhere.
    import_mode: bool = parameter("import-mode", Kind::Bool, "no").effect(Effect::ImportMode);
    /// Milliseconds after which a running script makes other clients give up waiting; 0 for never.
    busy_reply_threshold: u64 =
        parameter("busy-reply-threshold", Kind::Integer(0, I64), "5000").alias("lua-time-limit");

    // Memory.

    /// Bytes that data and buffers may take; 0 for no limit.
    maxmemory: u64 = parameter("maxmemory", Kind::Memory(0, u64::MAX), "0").effect(Effect::Memory);
    /// Which keys go when memory is full.
    maxmemory_policy: MaxmemoryPolicy =
        parameter("maxmemory-policy", Kind::Choice(MaxmemoryPolicy::NAMES), "noeviction").effect(Effect::Memory);
    /// How many keys are looked at to find one to evict.
    maxmemory_samples: u32 =
        parameter("maxmemory-samples", Kind::Integer(1, 64), "5").effect(Effect::Memory);
    /// How long a command may be held up by eviction, from 0 to 100.
    maxmemory_eviction_tenacity: u32 =
        parameter("maxmemory-eviction-tenacity", Kind::Integer(0, 100), "10").effect(Effect::Memory);
    /// How much harder each use of a key raises its count.
    lfu_log_factor: u32 = parameter("lfu-log-factor", Kind::Integer(0, I32), "10").effect(Effect::Memory);
    /// Minutes after which a key's count of uses falls by one; 0 for never.
    lfu_decay_time: u32 = parameter("lfu-decay-time", Kind::Integer(0, I32), "1").effect(Effect::Memory);
    /// Whether evicted values are freed later, elsewhere.
    lazyfree_lazy_eviction: bool = parameter("lazyfree-lazy-eviction", Kind::Bool, "yes");
    /// Whether expired values are freed later, elsewhere.
    lazyfree_lazy_expire: bool = parameter("lazyfree-lazy-expire", Kind::Bool, "yes");
    /// Whether values that a command replaces are freed later, elsewhere.
    lazyfree_lazy_server_del: bool = parameter("lazyfree-lazy-server-del", Kind::Bool, "yes");
    /// Whether `DEL` is `UNLINK`.
    lazyfree_lazy_user_del: bool = parameter("lazyfree-lazy-user-del", Kind::Bool, "yes");
    /// Whether `FLUSHALL` and `FLUSHDB` are asynchronous when they do not say.
    lazyfree_lazy_user_flush: bool = parameter("lazyfree-lazy-user-flush", Kind::Bool, "yes");

    // Background work.

    /// How often a second background work is done.
    hz: u32 = parameter("hz", Kind::Frequency, "10").effect(Effect::Background);
    /// How eagerly expired keys are released, from 1 to 10.
    active_expire_effort: u32 =
        parameter("active-expire-effort", Kind::Integer(1, 10), "1").effect(Effect::Background);
    /// Whether tables are resized by background work too. Scrubjay's are resized by each write, so it changes
    /// nothing.
    activerehashing: bool = parameter("activerehashing", Kind::Bool, "yes");

    // What is told to whoever watches.

    /// Which keyspace events are published.
    notify_keyspace_events: EventClasses =
        parameter("notify-keyspace-events", Kind::EventClasses, "").effect(Effect::Events);
    /// Microseconds from which a command is logged as slow; -1 for never.
    commandlog_execution_slower_than: i64 =
        parameter("commandlog-execution-slower-than", Kind::Integer(-1, I64), "10000")
            .alias("slowlog-log-slower-than");
    /// How many slow commands are remembered.
    commandlog_slow_execution_max_len: u64 =
        parameter("commandlog-slow-execution-max-len", Kind::Integer(0, I64), "128")
            .alias("slowlog-max-len");
    /// Bytes from which a request is logged as large; -1 for never.
    commandlog_request_larger_than: i64 =
        parameter("commandlog-request-larger-than", Kind::Integer(-1, I64), "1048576");
    /// How many large requests are remembered.
    commandlog_large_request_max_len: u64 =
        parameter("commandlog-large-request-max-len", Kind::Integer(0, I64), "128");
    /// Bytes from which a reply is logged as large; -1 for never.
    commandlog_reply_larger_than: i64 =
        parameter("commandlog-reply-larger-than", Kind::Integer(-1, I64), "1048576");
    /// How many large replies are remembered.
    commandlog_large_reply_max_len: u64 =
        parameter("commandlog-large-reply-max-len", Kind::Integer(0, I64), "128");
    /// Milliseconds from which an event is a spike of latency; 0 for never.
    latency_monitor_threshold: u64 =
        parameter("latency-monitor-threshold", Kind::Integer(0, I64), "0").effect(Effect::Latency);
    /// Whether the time of each command is measured for `INFO latencystats`.
    latency_tracking: bool = parameter("latency-tracking", Kind::Bool, "yes").effect(Effect::Latency);
    /// Which percentiles `INFO latencystats` shows.
    latency_tracking_info_percentiles: Percentiles =
        parameter("latency-tracking-info-percentiles", Kind::Percentiles, "50 99 99.9").rewritten_always();

    // Values as bytes.

    /// Whether `DUMP` compresses what is worth it.
    rdbcompression: bool = parameter("rdbcompression", Kind::Bool, "yes");
    /// Which versions of payloads `RESTORE` takes.
    rdb_version_check: VersionCheck =
        parameter("rdb-version-check", Kind::Choice(VersionCheck::NAMES), "strict");

    // Up to where a value is stored, and reported, in its small form.

    /// Fields of a small hash.
    hash_max_listpack_entries: u64 =
        parameter("hash-max-listpack-entries", Kind::Integer(0, I64), "512")
            .alias("hash-max-ziplist-entries").effect(Effect::Limits);
    /// Bytes of the longest field or value of a small hash.
    hash_max_listpack_value: u64 =
        parameter("hash-max-listpack-value", BYTES, "64")
            .alias("hash-max-ziplist-value").effect(Effect::Limits);
    /// Elements of a node of a list, or, negative, its bytes: -1 is 4 KiB, -5 is 64 KiB.
    list_max_listpack_size: i64 =
        parameter("list-max-listpack-size", Kind::Integer(i32::MIN as i64, I32), "-2")
            .alias("list-max-ziplist-size").effect(Effect::Limits);
    /// Nodes at either end of a list that are not compressed; 0 for no compression.
    list_compress_depth: u32 =
        parameter("list-compress-depth", Kind::Integer(0, I32), "0").effect(Effect::Limits);
    /// Members of a set of integers.
    set_max_intset_entries: u64 =
        parameter("set-max-intset-entries", Kind::Integer(0, I64), "512").effect(Effect::Limits);
    /// Members of a small set.
    set_max_listpack_entries: u64 =
        parameter("set-max-listpack-entries", Kind::Integer(0, I64), "128").effect(Effect::Limits);
    /// Bytes of the longest member of a small set.
    set_max_listpack_value: u64 =
        parameter("set-max-listpack-value", Kind::Integer(0, I64), "64").effect(Effect::Limits);
    /// Members of a small sorted set.
    zset_max_listpack_entries: u64 =
        parameter("zset-max-listpack-entries", Kind::Integer(0, I64), "128")
            .alias("zset-max-ziplist-entries").effect(Effect::Limits);
    /// Bytes of the longest member of a small sorted set.
    zset_max_listpack_value: u64 =
        parameter("zset-max-listpack-value", BYTES, "64")
            .alias("zset-max-ziplist-value").effect(Effect::Limits);
    /// Bytes of a sparse HyperLogLog.
    hll_sparse_max_bytes: u64 = parameter("hll-sparse-max-bytes", BYTES, "3000").effect(Effect::Limits);
    /// Bytes of a node of a stream.
    stream_node_max_bytes: u64 = parameter("stream-node-max-bytes", BYTES, "4096").effect(Effect::Limits);
    /// Entries of a node of a stream.
    stream_node_max_entries: u64 =
        parameter("stream-node-max-entries", Kind::Integer(0, I64), "100").effect(Effect::Limits);
}

impl Settings {
    /// The path that one of these settings names, from `dir` on when it is relative; none where it is empty.
    pub fn path(&self, path: &[u8]) -> Option<std::path::PathBuf> {
        (!path.is_empty()).then(|| super::file::path_of(&self.dir).join(super::file::path_of(path)))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;

    /// Where our defaults are not Valkey's.
    const OTHER_DEFAULTS: &[(&str, &str)] = &[
        ("io-threads", "all cores, since the threads run commands and not only read and write"),
        ("save", "nothing is saved, so nothing is to be saved"),
        ("dir", "the folder of the process, which is another"),
    ];

    /// Our own.
    const OURS: &[&str] = &["compat"];

    /// Where our kinds are not Valkey's.
    const OTHER_KINDS: &[(&str, &str)] = &[
        ("maxmemory-policy", "allkeys-s3fifo is ours"),
        ("cluster-announce-client-ipv4", "any text, since none but the empty one is accepted"),
        ("cluster-announce-client-ipv6", "any text, since none but the empty one is accepted"),
        ("locale-collate", "any text, since few are accepted"),
        ("shutdown-on-sigint", "several words"),
        ("shutdown-on-sigterm", "several words"),
    ];

    /// The table as the file `valkey-9.1.2.txt` writes it.
    fn described() -> BTreeMap<&'static str, (String, String, &'static str)> {
        let described = all_names().filter(|named| !named.parameter.hidden).map(|named| {
            let parameter = named.parameter;
            let default = parameter.kind.text(&parameter.default_value());
            let kind = match parameter.kind {
                Kind::Bool => "bool".to_owned(),
                Kind::Choice(words) => format!("choice: {}", words.join(", ")),
                Kind::Integer(min, max) => format!("integer: {min} {max}"),
                Kind::Frequency => "integer: 0 2147483647".to_owned(),
                Kind::Memory(min, _) => format!("memory: {min}"),
                Kind::MemoryOrPercent => "memory or percent".to_owned(),
                Kind::Octal => "octal".to_owned(),
                Kind::Text | Kind::OptionalText | Kind::FileName { .. } | Kind::EventClasses => {
                    "text".to_owned()
                }
                _ => "special".to_owned(),
            };
            let change = match parameter.change {
                Change::Always => "mutable",
                Change::Protected => "protected",
                Change::AtStart => "immutable",
            };
            (named.name, (String::from_utf8(default).unwrap(), kind, change))
        });
        described.collect()
    }

    #[test]
    fn is_valkeys_table() {
        let ours = described();
        let mut theirs = BTreeSet::new();
        for line in include_str!("valkey-9.1.2.txt").lines().filter(|line| !line.starts_with('#')) {
            let [name, default, kind, change] = line.split(" | ").collect::<Vec<_>>()[..] else {
                panic!("{line}");
            };
            let (our_default, our_kind, our_change) =
                ours.get(name).unwrap_or_else(|| panic!("{name} is missing"));
            let but = |list: &[(&str, &str)]| list.iter().any(|(other, _)| *other == name);
            assert!(our_default == default || but(OTHER_DEFAULTS), "{name}: {our_default}, not {default}");
            assert!(our_kind == kind || but(OTHER_KINDS), "{name}: {our_kind}, not {kind}");
            assert_eq!(*our_change, change, "{name}");
            theirs.insert(name);
        }
        let more: Vec<_> =
            ours.keys().filter(|name| !theirs.contains(*name) && !OURS.contains(name)).collect();
        assert!(more.is_empty(), "Valkey has no {more:?}");
    }

    #[test]
    fn every_name_is_one_parameters() {
        let count = all_names().count();
        assert_eq!(NAMES.len(), count, "a name or alias stands in the table twice");
        assert!(all_names().all(|named| named.name == named.name.to_ascii_lowercase()));
        assert!(find(b"LUA-time-limit").is_some_and(|named| named.parameter.name == "busy-reply-threshold"));
    }

    #[test]
    fn fixed_parameters_accept_their_values() {
        for parameter in fixed::FIXED {
            let Body::Fixed { accepted } = parameter.body else { panic!("{} has a field", parameter.name) };
            for word in accepted {
                let words = parameter.kind.words_of_set(word.as_bytes());
                let value = parameter.kind.parse(&words, &parameter.default_value()).unwrap();
                assert_eq!(parameter.kind.text(&value), word.as_bytes(), "{}", parameter.name);
            }
        }
    }

    #[test]
    fn all_values_go_through_their_fields() {
        let mut settings = Settings::default();
        let other = Settings::default();
        for parameter in FIELDS {
            let value = parameter.get(&other);
            assert_eq!(value, parameter.default_value(), "{}", parameter.name);
            parameter.put(&mut settings, value);
        }
        assert_eq!(settings, other);
    }
}
