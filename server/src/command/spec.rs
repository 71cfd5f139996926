//! What a command declares.
//!
//! A command is one `static` item beside its handler, and everything that is said about commands anywhere
//! else is read from it: lookup, arity, ACL categories, which keys it touches and so which shards to lock,
//! COMMAND INFO and DOCS, the README's list, the generated tests. Nothing is said twice.
//!
//! ```text
//! pub(super) static GETEX: Command = Command {
//!     name: "getex",
//!     summary: "Returns the string value of a key after setting its expiration time.",
//!     since: "6.2.0",
//!     complexity: "O(1)",
//!     arity: -2,
//!     flags: Flags::WRITE.or(Flags::FAST),
//!     acl: Acl::STRING,
//!     keys: &[Key::at(1).rw().access().update().note("RW and UPDATE because it changes the TTL")],
//!     args: &[Arg::key("key"), Arg::one_of("expiration", &[...]).optional()],
//!     handler: getex,
//!     ..Command::BASE
//! }
//! .checked();
//! ```
//!
//! The words are Valkey's, from its COMMAND INFO and COMMAND DOCS: clients read them. The group of a command
//! is not declared: it is the list that the command stands in (see `table.rs`).
//!
//! What came after Redis and Valkey had parted (Redis 7.2) is in one of them only, or came to them at other
//! times. Valkey's version is the `since` that it documents; `redis` stands beside it where Redis has it too.
//! `apart.rs` reads both.
//!
//! [`Command::checked`] runs while the constant is evaluated, so a declaration that contradicts itself does
//! not compile. Its rules hold for every command of the reference. These do *not*, so nobody may rely on
//! them: FAST excludes BLOCKING (BZPOPMIN is both); READONLY means that keys are only read (PFCOUNT refreshes
//! a cached count); WRITE means that there are keys (FLUSHALL has none).
#![allow(
    dead_code,
    reason = "the vocabulary is the reference's; some words wait for the commands that need them"
)]

use super::apart::Refusers;
use super::args::Args;
use super::{Ctx, Handler};
use crate::error::Error;
use crate::shared::Shared;

/// One command, or one subcommand of a container.
pub(crate) struct Command {
    /// Lower case. A subcommand has its own name here: `get`, not `config|get`.
    pub(crate) name: &'static str,
    pub(crate) summary: &'static str,
    /// The version that first had it.
    pub(crate) since: &'static str,
    /// Empty where the reference gives none.
    pub(crate) complexity: &'static str,
    /// The version of Redis that first had it, of a command that came to Valkey after the two had parted;
    /// empty where Redis has none. See `apart.rs`.
    pub(crate) redis: &'static str,
    /// Ways to call it that are newer than it and are no argument of its own.
    pub(crate) forms: &'static [Form],
    /// What changed since then, as (version, change).
    pub(crate) history: &'static [(&'static str, &'static str)],
    /// For the internal use of servers among themselves.
    pub(crate) syscmd: bool,
    pub(crate) deprecated: Option<Deprecated>,
    /// The number of words, the name included (and the container's name); negative: at least that many.
    pub(crate) arity: i16,
    pub(crate) flags: Flags,
    /// Categories beyond those that follow from the flags, see [`Command::categories`].
    pub(crate) acl: Acl,
    /// Hints to clients: `nondeterministic_output`, `request_policy:all_nodes`, ...
    pub(crate) tips: &'static [&'static str],
    pub(crate) keys: &'static [Key],
    /// The word that is a member or a field of the collection at the first key, so that its memory can be
    /// fetched ahead; 0 for none. Where options come before it, it is a guess, and does no harm.
    pub(crate) member: u8,
    pub(crate) args: &'static [Arg],
    pub(crate) subcommands: &'static [&'static Self],
    pub(crate) locks: Locks,
    /// Whether it may change something, or be heard by others, though it is no WRITE.
    pub(crate) may_write: MayWrite,
    /// Whether the word at an index of a call is a secret, which the command log does not show.
    pub(crate) hides: fn(&Args<'_>, usize) -> bool,
    /// Whether it is queued after MULTI, and not run at once.
    pub(crate) queued: bool,
    pub(crate) handler: Handler,
}

/// Whether a command that is no WRITE may change something all the same, or be heard by others.
#[derive(Clone, Copy)]
pub(crate) enum MayWrite {
    No,
    Yes,
    /// What a call runs says so of itself.
    AsCalled(fn(&Shared, &Args<'_>) -> Effects),
}

/// What a call may do to the data.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Effects {
    /// It may change them, or be heard by others.
    pub(crate) writes: bool,
    /// It may add to them, and so is refused while memory is short.
    pub(crate) takes_memory: bool,
}

impl Command {
    /// What a declaration need not mention.
    pub(crate) const BASE: Self = Self {
        name: "",
        summary: "",
        since: "",
        complexity: "",
        redis: "",
        forms: &[],
        history: &[],
        syscmd: false,
        deprecated: None,
        arity: 0,
        flags: Flags::NONE,
        acl: Acl::NONE,
        tips: &[],
        keys: &[],
        member: 0,
        args: &[],
        subcommands: &[],
        locks: Locks::Keys,
        may_write: MayWrite::No,
        hides: |_, _| false,
        queued: true,
        handler: container,
    };

    /// Fails the build if the declaration contradicts itself.
    pub(crate) const fn checked(self) -> Self {
        assert!(!self.name.is_empty(), "a command needs a name");
        assert!(is_lower_case(self.name), "a command's name is in lower case");
        assert!(!self.summary.is_empty(), "a command needs a summary");
        assert!(!self.since.is_empty(), "a command needs the version that first had it");
        assert!(self.arity != 0, "a command needs an arity: its own name counts");

        let flags = self.flags;
        assert!(
            !(flags.has(Flags::WRITE) && flags.has(Flags::READONLY)),
            "a command does not both write and only read"
        );
        assert!(
            !flags.has(Flags::DENYOOM) || flags.has(Flags::WRITE),
            "only a write is refused for want of memory"
        );

        let least = self.arity.unsigned_abs() as usize;
        let mut index = 0;
        while index < self.keys.len() {
            let key = &self.keys[index];
            if let Begin::At(first) = key.begin {
                assert!(first > 0, "a key does not stand where the command's name stands");
                match key.find {
                    Find::Range { last: last @ 0.., .. } => {
                        let last = first as usize + last as usize;
                        assert!(last < least, "the shortest call has no room for the last key");
                    }
                    // Equal, not below: a range to the end may be empty, as SUNSUBSCRIBE's and PFMERGE's are.
                    _ => assert!(first as usize <= least, "the shortest call has no room for the first key"),
                }
            }
            assert!(!key.flags.is_none(), "a key says what is done to it");
            index += 1;
        }
        check_args(self.args, self.keys.len());

        if !self.subcommands.is_empty() {
            assert!(self.keys.is_empty() && self.args.is_empty(), "a container takes subcommands only");
        }
        if let Some(deprecated) = &self.deprecated {
            assert!(!deprecated.since.is_empty(), "deprecated, but since when?");
        }
        self
    }

    /// Whether a call of `words` words, the name included, has the right length.
    pub(crate) const fn accepts(&self, words: usize) -> bool {
        let arity = self.arity.unsigned_abs() as usize;
        if self.arity < 0 { words >= arity } else { words == arity }
    }

    /// What this call of it may do: what writes waits while CLIENT PAUSE WRITE holds.
    pub(crate) fn effects(&self, shared: &Shared, args: &Args<'_>) -> Effects {
        let (writes, takes_memory) = (self.flags.has(Flags::WRITE), self.flags.has(Flags::DENYOOM));
        match self.may_write {
            MayWrite::No => Effects { writes, takes_memory },
            MayWrite::Yes => Effects { writes: true, takes_memory },
            MayWrite::AsCalled(effects) => effects(shared, args),
        }
    }

    /// All its ACL categories: the declared ones, and those that follow from its flags.
    pub(crate) const fn categories(&self) -> Acl {
        let flags = self.flags;
        let mut all = self.acl;
        if flags.has(Flags::WRITE) {
            all = all.or(Acl::WRITE);
        }
        // A script's commands decide what it reads, not EVAL_RO itself.
        if flags.has(Flags::READONLY) && !all.has(Acl::SCRIPTING) {
            all = all.or(Acl::READ);
        }
        if flags.has(Flags::ADMIN) {
            all = all.or(Acl::ADMIN).or(Acl::DANGEROUS);
        }
        if flags.has(Flags::PUBSUB) {
            all = all.or(Acl::PUBSUB);
        }
        if flags.has(Flags::BLOCKING) {
            all = all.or(Acl::BLOCKING);
        }
        all.or(if flags.has(Flags::FAST) { Acl::FAST } else { Acl::SLOW })
    }
}

/// The handler of a container that does nothing by itself: its arity asks for a subcommand, and a name that
/// is none was refused before any handler ran.
fn container(_: &mut Ctx<'_, '_>) -> Result<(), Error> {
    Err(Error::Syntax)
}

/// Since when a command should not be used, and what to use.
pub(crate) struct Deprecated {
    pub(crate) since: &'static str,
    pub(crate) replaced_by: &'static str,
}

/// Which shards the dispatcher locks before the handler runs.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Locks {
    /// Those of its keys; none if it has no keys.
    Keys,
    /// All of them, because it must see or change the whole keyspace in one step.
    All,
    /// All of them when this says so of a call; else those of its keys.
    AllIf(fn(&Args<'_>) -> bool),
    /// Those of its keys to begin with, and others as what it runs comes to them.
    Growing,
    /// None: the handler visits one shard after the other.
    Walk,
}

/// A set of named bits: the same four operations for [`Flags`], [`Acl`] and [`KeyFlags`].
macro_rules! bits {
    ($(#[$doc:meta])* $name:ident($int:ty) { $($(#[$bit_doc:meta])* $bit:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub(crate) struct $name($int);

        impl $name {
            pub(crate) const NONE: Self = Self(0);
            bits!(@consts $int, 0, $($(#[$bit_doc])* $bit,)*);

            /// Every single bit with its name on the wire, in the order in which Valkey prints them.
            pub(crate) const NAMES: &[(Self, &str)] = &[$((Self::$bit, $text),)*];

            pub(crate) const fn or(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Whether it holds all bits of `other`.
            pub(crate) const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            pub(crate) const fn is_none(self) -> bool {
                self.0 == 0
            }

            /// The names of its bits, in Valkey's order.
            pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
                Self::NAMES.iter().filter(move |(bit, _)| self.has(*bit)).map(|(_, name)| *name)
            }
        }
    };
    (@consts $int:ty, $shift:expr, $(#[$doc:meta])* $bit:ident, $($rest:tt)*) => {
        $(#[$doc])*
        pub(crate) const $bit: Self = Self(1 << ($shift));
        bits!(@consts $int, $shift + 1, $($rest)*);
    };
    (@consts $int:ty, $shift:expr,) => {};
}

bits! {
    /// What kind of command it is. `movablekeys` is missing: it follows from the keys (see `keys.rs`).
    Flags(u32) {
        WRITE = "write",
        READONLY = "readonly",
        /// Refused when memory is short and nothing can be evicted.
        DENYOOM = "denyoom",
        ADMIN = "admin",
        PUBSUB = "pubsub",
        /// Not from scripts.
        NOSCRIPT = "noscript",
        /// May wait for another client.
        BLOCKING = "blocking",
        /// Allowed while data is being loaded.
        LOADING = "loading",
        /// Allowed on a replica with stale data.
        STALE = "stale",
        SKIP_MONITOR = "skip_monitor",
        SKIP_COMMANDLOG = "skip_commandlog",
        ASKING = "asking",
        FAST = "fast",
        /// Allowed before authentication.
        NO_AUTH = "no_auth",
        /// May be called without keys although it takes some.
        NO_MANDATORY_KEYS = "no_mandatory_keys",
        NO_ASYNC_LOADING = "no_async_loading",
        /// Not inside MULTI.
        NO_MULTI = "no_multi",
        /// Allowed while a script has run for too long.
        ALLOW_BUSY = "allow_busy",
    }
}

bits! {
    /// ACL categories.
    Acl(u32) {
        KEYSPACE = "keyspace",
        READ = "read",
        WRITE = "write",
        SET = "set",
        SORTEDSET = "sortedset",
        LIST = "list",
        HASH = "hash",
        STRING = "string",
        BITMAP = "bitmap",
        HYPERLOGLOG = "hyperloglog",
        GEO = "geo",
        STREAM = "stream",
        PUBSUB = "pubsub",
        ADMIN = "admin",
        FAST = "fast",
        SLOW = "slow",
        BLOCKING = "blocking",
        DANGEROUS = "dangerous",
        CONNECTION = "connection",
        TRANSACTION = "transaction",
        SCRIPTING = "scripting",
    }
}

bits! {
    /// What a command does to a key. The first four are about the key as a whole and decide how its shard is
    /// locked; the next four are about the data that a user stored in it and decide what an ACL must permit.
    KeyFlags(u16) {
        /// Reads it, maybe only its metadata.
        RO = "RO",
        /// Reads and changes it.
        RW = "RW",
        /// Overwrites it without reading.
        OW = "OW",
        /// Removes it without reading.
        RM = "RM",
        /// Returns, copies or computes something from the data.
        ACCESS = "access",
        /// Changes data that was there.
        UPDATE = "update",
        /// Adds data without changing what was there.
        INSERT = "insert",
        /// Removes data on purpose.
        DELETE = "delete",
        /// Looks like a key and is none: a shard channel, for instance.
        NOT_KEY = "not_key",
        /// The declaration does not find all keys.
        INCOMPLETE = "incomplete",
        /// The other flags depend on the arguments.
        VARIABLE_FLAGS = "variable_flags",
    }
}

/// Where keys stand among the words of a call, and what is done to them.
pub(crate) struct Key {
    pub(crate) begin: Begin,
    pub(crate) find: Find,
    pub(crate) flags: KeyFlags,
    pub(crate) note: &'static str,
}

/// How the search for keys begins.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Begin {
    /// At this word; the command's name is word 0 (of a subcommand: the container's).
    At(u16),
    /// At the word after this keyword, looked for from word `from` onwards, or, when that is negative,
    /// backwards from that word counted from the end.
    Keyword { word: &'static str, from: i16 },
    /// Only by a function, see `keys.rs`.
    Unknown,
}

/// How it goes on from there.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Find {
    /// Every `step`th word up to `last`, relative to the beginning, or counted from the end when negative.
    /// A `limit` of 2 or more: of the words that are left, only that fraction (XREAD: the keys are a half).
    Range { last: i16, step: u8, limit: u8 },
    /// A number says how many: it stands at `count`, the keys from `first` on, both relative to the
    /// beginning.
    Counted { count: u8, first: u8, step: u8 },
    /// Only by a function, see `keys.rs`.
    Unknown,
}

impl Key {
    /// The word at `index`, counted from the command's name.
    pub(crate) const fn at(index: u16) -> Self {
        Self {
            begin: Begin::At(index),
            find: Find::Range { last: 0, step: 1, limit: 0 },
            flags: KeyFlags::NONE,
            note: "",
        }
    }

    /// The word after a keyword; see [`Begin::Keyword`].
    pub(crate) const fn after(word: &'static str, from: i16) -> Self {
        Self { begin: Begin::Keyword { word, from }, ..Self::at(0) }
    }

    /// Somewhere: the words alone, or the stored data, tell.
    pub(crate) const fn unknown() -> Self {
        Self { begin: Begin::Unknown, find: Find::Unknown, ..Self::at(0) }
    }

    /// From there to `last`, relative to the first; negative: counted from the end of the call.
    pub(crate) const fn to(self, last: i16) -> Self {
        self.range(last, 1, 0)
    }

    /// See [`Find::Range`].
    pub(crate) const fn range(mut self, last: i16, step: u8, limit: u8) -> Self {
        self.find = Find::Range { last, step, limit };
        self
    }

    /// A number, then as many keys.
    pub(crate) const fn counted(self) -> Self {
        self.counted_at(0, 1, 1)
    }

    /// See [`Find::Counted`].
    pub(crate) const fn counted_at(mut self, count: u8, first: u8, step: u8) -> Self {
        self.find = Find::Counted { count, first, step };
        self
    }

    const fn with(mut self, flags: KeyFlags) -> Self {
        self.flags = self.flags.or(flags);
        self
    }

    pub(crate) const fn ro(self) -> Self {
        self.with(KeyFlags::RO)
    }

    pub(crate) const fn rw(self) -> Self {
        self.with(KeyFlags::RW)
    }

    pub(crate) const fn ow(self) -> Self {
        self.with(KeyFlags::OW)
    }

    pub(crate) const fn rm(self) -> Self {
        self.with(KeyFlags::RM)
    }

    pub(crate) const fn access(self) -> Self {
        self.with(KeyFlags::ACCESS)
    }

    pub(crate) const fn update(self) -> Self {
        self.with(KeyFlags::UPDATE)
    }

    pub(crate) const fn insert(self) -> Self {
        self.with(KeyFlags::INSERT)
    }

    pub(crate) const fn delete(self) -> Self {
        self.with(KeyFlags::DELETE)
    }

    pub(crate) const fn not_key(self) -> Self {
        self.with(KeyFlags::NOT_KEY)
    }

    pub(crate) const fn incomplete(self) -> Self {
        self.with(KeyFlags::INCOMPLETE)
    }

    pub(crate) const fn variable_flags(self) -> Self {
        self.with(KeyFlags::VARIABLE_FLAGS)
    }

    pub(crate) const fn note(mut self, note: &'static str) -> Self {
        self.note = note;
        self
    }
}

/// One argument, for COMMAND DOCS. Parsing is the handler's: the grammar here is a description for people
/// and for the completion of client programs, not exact enough to parse by.
pub(crate) struct Arg {
    pub(crate) name: &'static str,
    pub(crate) kind: ArgKind,
    /// Empty where it equals the name.
    display: &'static str,
    pub(crate) token: Option<&'static str>,
    /// Which entry of [`Command::keys`] it belongs to.
    pub(crate) key_spec: Option<u8>,
    pub(crate) summary: &'static str,
    pub(crate) since: &'static str,
    /// The version of Valkey that first had it, where `since` does not say and it is newer than Redis's and
    /// Valkey's common past.
    pub(crate) valkey: &'static str,
    /// The version of Redis that first had it, if it is so new and Redis has it. See `apart.rs`.
    pub(crate) redis: &'static str,
    pub(crate) deprecated_since: &'static str,
    pub(crate) flags: ArgFlags,
}

/// A way to call a command that is newer than the command and that its documentation does not tell apart.
pub(crate) struct Form {
    pub(crate) name: &'static str,
    /// The version of Valkey that first had it.
    pub(crate) valkey: &'static str,
    /// The one of Redis, if that has it.
    pub(crate) redis: &'static str,
}

/// What an argument is.
#[derive(Clone, Copy)]
pub(crate) enum ArgKind {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    PureToken,
    OneOf(&'static [Arg]),
    Block(&'static [Arg]),
}

bits! {
    /// How often an argument may stand.
    ArgFlags(u8) {
        OPTIONAL = "optional",
        MULTIPLE = "multiple",
        /// Its token is repeated with it.
        MULTIPLE_TOKEN = "multiple_token",
    }
}

impl Arg {
    const fn new(name: &'static str, kind: ArgKind) -> Self {
        Self {
            name,
            kind,
            display: "",
            token: None,
            key_spec: None,
            summary: "",
            since: "",
            valkey: "",
            redis: "",
            deprecated_since: "",
            flags: ArgFlags::NONE,
        }
    }

    /// A key, found by the command's first key specification unless [`Arg::key_spec`] says otherwise.
    pub(crate) const fn key(name: &'static str) -> Self {
        Self::new(name, ArgKind::Key).key_spec(0)
    }

    pub(crate) const fn string(name: &'static str) -> Self {
        Self::new(name, ArgKind::String)
    }

    pub(crate) const fn integer(name: &'static str) -> Self {
        Self::new(name, ArgKind::Integer)
    }

    pub(crate) const fn double(name: &'static str) -> Self {
        Self::new(name, ArgKind::Double)
    }

    pub(crate) const fn pattern(name: &'static str) -> Self {
        Self::new(name, ArgKind::Pattern)
    }

    pub(crate) const fn unix_time(name: &'static str) -> Self {
        Self::new(name, ArgKind::UnixTime)
    }

    /// A word that stands for itself.
    pub(crate) const fn pure_token(name: &'static str, token: &'static str) -> Self {
        Self::new(name, ArgKind::PureToken).token(token)
    }

    /// One of several.
    pub(crate) const fn one_of(name: &'static str, args: &'static [Self]) -> Self {
        Self::new(name, ArgKind::OneOf(args))
    }

    /// All of several, in this order.
    pub(crate) const fn block(name: &'static str, args: &'static [Self]) -> Self {
        Self::new(name, ArgKind::Block(args))
    }

    /// The word that precedes it.
    pub(crate) const fn token(mut self, token: &'static str) -> Self {
        self.token = Some(token);
        self
    }

    pub(crate) const fn optional(mut self) -> Self {
        self.flags = self.flags.or(ArgFlags::OPTIONAL);
        self
    }

    pub(crate) const fn multiple(mut self) -> Self {
        self.flags = self.flags.or(ArgFlags::MULTIPLE);
        self
    }

    pub(crate) const fn multiple_token(mut self) -> Self {
        self.flags = self.flags.or(ArgFlags::MULTIPLE_TOKEN);
        self
    }

    /// How to show it, if not by its name.
    pub(crate) const fn display(mut self, text: &'static str) -> Self {
        self.display = text;
        self
    }

    pub(crate) const fn key_spec(mut self, index: u8) -> Self {
        self.key_spec = Some(index);
        self
    }

    pub(crate) const fn summary(mut self, text: &'static str) -> Self {
        self.summary = text;
        self
    }

    pub(crate) const fn since(mut self, version: &'static str) -> Self {
        self.since = version;
        self
    }

    /// The version of Valkey that first had it, which COMMAND DOCS does not say.
    pub(crate) const fn valkey(mut self, version: &'static str) -> Self {
        self.valkey = version;
        self
    }

    /// The version of Redis that first had it.
    pub(crate) const fn redis(mut self, version: &'static str) -> Self {
        self.redis = version;
        self
    }

    pub(crate) const fn deprecated_since(mut self, version: &'static str) -> Self {
        self.deprecated_since = version;
        self
    }

    /// Who refuses it.
    pub(crate) fn refusers(&self) -> Refusers {
        match (self.valkey, self.since) {
            ("", "") => Refusers::default(),
            ("", since) => Refusers::of(since, self.redis),
            (valkey, _) => Refusers::of(valkey, self.redis),
        }
    }

    /// What people call it: the first word that a client has to say for it, or its name.
    pub(crate) fn called(&self) -> &'static str {
        let token = |arg: &Self| arg.token.filter(|token| !token.is_empty());
        token(self).or_else(|| self.args().first().and_then(token)).unwrap_or(self.name)
    }

    /// The arguments that it is made of.
    pub(crate) const fn args(&self) -> &'static [Self] {
        match self.kind {
            ArgKind::OneOf(args) | ArgKind::Block(args) => args,
            _ => &[],
        }
    }

    /// How to show it; nothing for one that is made of others.
    pub(crate) const fn display_text(&self) -> Option<&'static str> {
        match self.kind {
            ArgKind::OneOf(_) | ArgKind::Block(_) => None,
            _ if self.display.is_empty() => Some(self.name),
            _ => Some(self.display),
        }
    }
}

impl ArgKind {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf(_) => "oneof",
            Self::Block(_) => "block",
        }
    }
}

/// The groups that commands are documented in. Each is a folder, and a list in `table.rs`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Group {
    String,
    Generic,
    Connection,
    Server,
    Hash,
    List,
    Set,
    SortedSet,
    Stream,
    Bitmap,
    HyperLogLog,
    Geo,
    PubSub,
    Transactions,
    Scripting,
    Cluster,
}

impl Group {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Generic => "generic",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Hash => "hash",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Stream => "stream",
            Self::Bitmap => "bitmap",
            Self::HyperLogLog => "hyperloglog",
            Self::Geo => "geo",
            Self::PubSub => "pubsub",
            Self::Transactions => "transactions",
            Self::Scripting => "scripting",
            Self::Cluster => "cluster",
        }
    }
}

const fn is_lower_case(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if bytes[index].is_ascii_uppercase() {
            return false;
        }
        index += 1;
    }
    true
}

const fn check_args(args: &[Arg], key_specs: usize) {
    let mut index = 0;
    while index < args.len() {
        let arg = &args[index];
        assert!(!arg.name.is_empty(), "an argument needs a name");
        if let Some(spec) = arg.key_spec {
            assert!((spec as usize) < key_specs, "an argument names a key specification that is not there");
        }
        match arg.kind {
            ArgKind::OneOf(inner) | ArgKind::Block(inner) => {
                assert!(!inner.is_empty(), "a choice or a block of nothing");
                assert!(arg.display.is_empty(), "a choice or a block shows its parts, not itself");
                check_args(inner, key_specs);
            }
            _ => {}
        }
        index += 1;
    }
}
