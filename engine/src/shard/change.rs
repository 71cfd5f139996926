//! What happened to which key. Every mutation records itself here; watchers, blocked clients, notifications
//! and caches elsewhere are fed from these records and from nothing else, so no caller can forget a side
//! effect.

/// Declares each event once: its class, its name on the wire, and whether it says that the key has changed.
macro_rules! events {
    ($($class:ident {
        $($event:ident = $name:literal $((touches = $touches:literal))?,)*
    })*) => {
        /// What happened to a key, named as Valkey's keyspace notifications name it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "each is the notification of the same name: `Event::name`")]
        pub enum Event {
            $($($event,)*)*
        }

        impl Event {
            /// The event's name in a keyspace notification.
            pub const fn name(self) -> &'static str {
                match self {
                    $($(Self::$event => $name,)*)*
                }
            }

            /// Which events are asked for together with it.
            pub const fn class(self) -> EventClass {
                match self {
                    $($(Self::$event)|* => EventClass::$class,)*
                }
            }

            /// Whether the key has changed for whoever watches it.
            pub const fn touches(self) -> bool {
                match self {
                    $($($(Self::$event => $touches,)?)*)*
                    _ => true,
                }
            }
        }
    };
}

/// The events that somebody asks for together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EventClass {
    /// Of keys, whatever they hold.
    Generic,
    /// Of strings.
    String,
    /// Of lists.
    List,
    /// Of sets.
    Set,
    /// Of sorted sets.
    SortedSet,
    /// Of hashes.
    Hash,
    /// Of streams.
    Stream,
    /// A key is gone, for its time was over.
    Expired,
    /// A key is gone, for room was needed.
    Evicted,
    /// There is a key that was not there before.
    New,
    /// Somebody looked for a key that is not there.
    Miss,
}

events! {
    Generic {
        Del = "del",
        Expire = "expire",
        Persist = "persist",
        RenameFrom = "rename_from",
        RenameTo = "rename_to",
        CopyTo = "copy_to",
        MoveFrom = "move_from",
        MoveTo = "move_to",
        Restore = "restore",
    }
    Expired {
        Expired = "expired",
    }
    Evicted {
        Evicted = "evicted",
    }
    New {
        New = "new" (touches = false),
    }
    Miss {
        KeyMiss = "keymiss" (touches = false),
    }
    String {
        Set = "set",
        Append = "append",
        SetRange = "setrange",
        IncrBy = "incrby",
        IncrByFloat = "incrbyfloat",
        SetBit = "setbit",
        PfAdd = "pfadd",
    }
    List {
        LPush = "lpush",
        RPush = "rpush",
        LPop = "lpop",
        RPop = "rpop",
        LInsert = "linsert",
        LSet = "lset",
        LRem = "lrem",
        LTrim = "ltrim",
        SortStore = "sortstore",
    }
    Set {
        SAdd = "sadd",
        SRem = "srem",
        SPop = "spop",
        SInterStore = "sinterstore",
        SUnionStore = "sunionstore",
        SDiffStore = "sdiffstore",
    }
    SortedSet {
        ZAdd = "zadd",
        ZIncr = "zincr",
        ZRem = "zrem",
        ZRemRangeByScore = "zremrangebyscore",
        ZRemRangeByRank = "zremrangebyrank",
        ZRemRangeByLex = "zremrangebylex",
        ZPopMin = "zpopmin",
        ZPopMax = "zpopmax",
        ZUnionStore = "zunionstore",
        ZInterStore = "zinterstore",
        ZDiffStore = "zdiffstore",
        ZRangeStore = "zrangestore",
        GeoRadiusStore = "georadiusstore",
        GeoSearchStore = "geosearchstore",
    }
    Hash {
        HSet = "hset",
        HDel = "hdel",
        HIncrBy = "hincrby",
        HIncrByFloat = "hincrbyfloat",
        HExpire = "hexpire",
        HPersist = "hpersist",
        HExpired = "hexpired",
    }
    Stream {
        XAdd = "xadd",
        XDel = "xdel",
        XTrim = "xtrim",
        XSetId = "xsetid" (touches = false),
        XGroupCreate = "xgroup-create" (touches = false),
        XGroupCreateConsumer = "xgroup-createconsumer" (touches = false),
        XGroupDelConsumer = "xgroup-delconsumer" (touches = false),
        XGroupDestroy = "xgroup-destroy" (touches = false),
        XGroupSetId = "xgroup-setid" (touches = false),
    }
}

impl Event {
    /// Whether it is recorded only while an [`Observer`](crate::Observer) asks for such.
    pub const fn is_aside(self) -> bool {
        matches!(self, Self::New | Self::KeyMiss)
    }

    /// Whether it may be what somebody waits for, as Valkey sees it: nobody is told of entries that a group
    /// could be given again since `XGROUP SETID`, before another one is added.
    pub(crate) const fn may_serve(self) -> bool {
        !matches!(
            self,
            Self::Expire
                | Self::Persist
                | Self::New
                | Self::KeyMiss
                | Self::XDel
                | Self::XTrim
                | Self::XSetId
                | Self::XGroupCreate
                | Self::XGroupCreateConsumer
                | Self::XGroupDelConsumer
                | Self::XGroupSetId
        )
    }
}

/// One recorded change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Change<'a> {
    /// Something happened to one key.
    Key {
        /// The key's database.
        db: u16,
        /// The key.
        key: &'a [u8],
        /// What happened to it.
        event: Event,
    },
    /// Something happened about a key that has not changed it for whoever watches it: a group of a stream
    /// got a consumer, a list was trimmed of nothing. Also [`Event::New`] and [`Event::KeyMiss`], while an
    /// [`Observer`](crate::Observer) asks for them.
    Told {
        /// The key's database.
        db: u16,
        /// The key.
        key: &'a [u8],
        /// What happened.
        event: Event,
    },
    /// What is kept at a key has changed, and it means the same: a HyperLogLog knows its count now.
    Touched {
        /// The key's database.
        db: u16,
        /// The key.
        key: &'a [u8],
    },
    /// A database was emptied, or with `None` all of them.
    Flushed(Option<u16>),
    /// Two databases were exchanged.
    Swapped(u16, u16),
}

/// The changes of one view, in the order in which they were made.
///
/// Keys are copied only while somebody listens; otherwise a change costs one addition.
#[derive(Debug, Default)]
pub struct Log {
    listening: bool,
    /// Whether new keys and misses are told of too.
    asides: bool,
    dirty: u64,
    /// Whether anything was recorded since somebody asked, also while nobody listens.
    recorded: bool,
    /// Whose changes are recorded now; see [`View::set_author`](crate::View::set_author).
    author: u64,
    /// Boxed, since mostly nobody listens.
    told: Option<Box<Told>>,
}

/// How far a [`Log`] has been read.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Position {
    change: usize,
    key_start: usize,
}

#[derive(Debug, Default)]
struct Told {
    changes: Vec<Recorded>,
    keys: Vec<u8>,
    /// How far observers have been told.
    heard: Position,
}

#[derive(Debug)]
enum Recorded {
    Key { db: u16, what: What, author: u64, key_end: usize },
    Flushed(Option<u16>),
    Swapped(u16, u16),
}

/// What is recorded of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Changed(Event),
    Told(Event),
    Touched,
}

impl What {
    /// Whether it is nobody's doing: time was over, or room was needed.
    fn comes_by_itself(self) -> bool {
        let (Self::Changed(event) | Self::Told(event)) = self else { return false };
        matches!(event, Event::Expired | Event::Evicted | Event::HExpired)
    }
}

impl Log {
    /// An empty log, which keeps changes only if somebody is `listening`.
    pub fn new(listening: bool) -> Self {
        Self { listening, ..Self::default() }
    }

    /// Records a change that a caller made.
    #[inline]
    pub fn changed(&mut self, db: u16, key: &[u8], event: Event) {
        self.dirty += 1;
        self.happened(db, key, event);
    }

    /// Records a change that counts as several: so many fields set, so many elements removed.
    #[inline]
    pub fn changed_times(&mut self, db: u16, key: &[u8], event: Event, times: u64) {
        self.dirty += times;
        self.happened(db, key, event);
    }

    /// Counts changes that have no event of their own.
    #[inline]
    pub fn count(&mut self, times: u64) {
        self.dirty += times;
        self.recorded = true;
    }

    /// Records what happened by itself, such as an expiry: told to observers, and not counted as somebody's
    /// change.
    #[inline]
    pub fn happened(&mut self, db: u16, key: &[u8], event: Event) {
        let what = if event.touches() { What::Changed(event) } else { What::Told(event) };
        self.record(db, key, what);
    }

    /// Records what is to be told and has not changed the key for whoever watches it.
    #[inline]
    pub fn told(&mut self, db: u16, key: &[u8], event: Event) {
        self.record(db, key, What::Told(event));
    }

    /// Records a change of a key that is the same to whoever reads it.
    #[inline]
    pub fn touched(&mut self, db: u16, key: &[u8]) {
        self.record(db, key, What::Touched);
    }

    /// Records a change whatever its event says of that: it made the key.
    #[inline]
    pub(crate) fn made(&mut self, db: u16, key: &[u8], event: Event) {
        self.record(db, key, What::Changed(event));
    }

    /// Records a miss, or that a key is new.
    #[inline]
    pub(crate) fn aside(&mut self, db: u16, key: &[u8], event: Event) {
        if self.asides {
            self.recorded = true;
            self.tell_key(db, key, What::Told(event));
        }
    }

    #[inline]
    fn record(&mut self, db: u16, key: &[u8], what: What) {
        self.recorded = true;
        if self.listening {
            self.tell_key(db, key, what);
        }
    }

    /// Records that a database, or with `None` all of them, lost its `count` keys.
    pub fn flushed(&mut self, db: Option<u16>, count: usize) {
        self.dirty += count as u64;
        self.recorded = true;
        if self.listening {
            self.told.get_or_insert_default().changes.push(Recorded::Flushed(db));
        }
    }

    /// Records that two databases were exchanged.
    pub fn swapped(&mut self, a: u16, b: u16) {
        self.dirty += 1;
        self.recorded = true;
        if self.listening {
            self.told.get_or_insert_default().changes.push(Recorded::Swapped(a, b));
        }
    }

    /// Keeps changes from now on: somebody waits for keys.
    pub(crate) fn listen(&mut self) {
        self.listening = true;
    }

    /// Keeps misses and new keys too, or no more.
    #[inline]
    pub(crate) fn keep_asides(&mut self, keep: bool) {
        self.asides = keep;
    }

    #[cold]
    fn tell_key(&mut self, db: u16, key: &[u8], what: What) {
        let author = if what.comes_by_itself() { 0 } else { self.author };
        let told = self.told.get_or_insert_default();
        told.keys.extend_from_slice(key);
        told.changes.push(Recorded::Key { db, what, author, key_end: told.keys.len() });
    }

    /// Whether anything was recorded since this was last asked.
    #[inline]
    pub fn take_recorded(&mut self) -> bool {
        std::mem::take(&mut self.recorded)
    }

    /// How many changes callers made.
    pub fn dirty(&self) -> u64 {
        self.dirty
    }

    /// Whether there is nothing to tell.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.told.is_none()
    }

    /// What was recorded next of a key after what was read before; it may have been recorded since.
    pub(crate) fn next_key(&self, read: &mut Position) -> Option<(u16, &[u8], What)> {
        let told = self.told.as_ref()?;
        loop {
            let change = told.changes.get(read.change)?;
            read.change += 1;
            if let Recorded::Key { db, key_end, what, .. } = *change {
                let key_start = std::mem::replace(&mut read.key_start, key_end);
                return Some((db, &told.keys[key_start..key_end], what));
            }
        }
    }

    /// The changes that observers have not been told of yet, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Change<'_>> {
        self.iter_with_authors().map(|(_, change)| change)
    }

    /// The same, each with whoever [made](crate::View::set_author) it; nobody, which is 0, for what came by
    /// itself.
    pub fn iter_with_authors(&self) -> impl Iterator<Item = (u64, Change<'_>)> {
        let heard = self.told.as_ref().map(|told| told.heard).unwrap_or_default();
        let mut key_start = heard.key_start;
        let told = self
            .told
            .iter()
            .flat_map(move |told| told.changes[heard.change..].iter().map(move |change| (told, change)));
        told.map(move |(told, change)| match *change {
            Recorded::Key { db, what, author, key_end } => {
                let key = &told.keys[std::mem::replace(&mut key_start, key_end)..key_end];
                let change = match what {
                    What::Changed(event) => Change::Key { db, key, event },
                    What::Told(event) => Change::Told { db, key, event },
                    What::Touched => Change::Touched { db, key },
                };
                (author, change)
            }
            Recorded::Flushed(db) => (0, Change::Flushed(db)),
            Recorded::Swapped(a, b) => (0, Change::Swapped(a, b)),
        })
    }

    /// Records changes as those of `author` from now on; whose they were before.
    #[inline]
    pub(crate) fn set_author(&mut self, author: u64) -> u64 {
        std::mem::replace(&mut self.author, author)
    }

    /// Whether there is something that observers have not been told of.
    #[inline]
    pub(crate) fn is_news(&self) -> bool {
        self.told.as_ref().is_some_and(|told| told.heard.change < told.changes.len())
    }

    /// Observers have been told of all there is.
    pub(crate) fn heard(&mut self) {
        if let Some(told) = &mut self.told {
            told.heard = Position { change: told.changes.len(), key_start: told.keys.len() };
        }
    }

    /// Forgets all changes, but not how many there were.
    pub fn clear(&mut self) {
        self.told = None;
    }
}
