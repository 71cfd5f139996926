//! What happened to which key. Every mutation records itself here; watchers, blocked clients, notifications
//! and caches elsewhere are fed from these records and from nothing else, so no caller can forget a side
//! effect.

/// Declares each event once, with its name on the wire.
macro_rules! events {
    ($($event:ident = $name:literal,)*) => {
        /// What happened to a key, named as Valkey's keyspace notifications name it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[expect(missing_docs, reason = "each is the notification of the same name: `Event::name`")]
        pub enum Event {
            $($event,)*
        }

        impl Event {
            /// The event's name in a keyspace notification.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$event => $name,)*
                }
            }
        }
    };
}

events! {
    // Of keys, whatever they hold.
    Del = "del",
    Expire = "expire",
    Persist = "persist",
    Expired = "expired",
    Evicted = "evicted",
    RenameFrom = "rename_from",
    RenameTo = "rename_to",
    CopyTo = "copy_to",
    MoveFrom = "move_from",
    MoveTo = "move_to",
    Restore = "restore",
    SortStore = "sortstore",

    // Of strings.
    Set = "set",
    Append = "append",
    SetRange = "setrange",
    IncrBy = "incrby",
    IncrByFloat = "incrbyfloat",
    SetBit = "setbit",
    PfAdd = "pfadd",

    // Of lists.
    LPush = "lpush",
    RPush = "rpush",
    LPop = "lpop",
    RPop = "rpop",
    LInsert = "linsert",
    LSet = "lset",
    LRem = "lrem",
    LTrim = "ltrim",

    // Of sets.
    SAdd = "sadd",
    SRem = "srem",
    SPop = "spop",
    SInterStore = "sinterstore",
    SUnionStore = "sunionstore",
    SDiffStore = "sdiffstore",

    // Of sorted sets.
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

    // Of hashes.
    HSet = "hset",
    HDel = "hdel",
    HIncrBy = "hincrby",
    HIncrByFloat = "hincrbyfloat",
    HExpire = "hexpire",
    HPersist = "hpersist",
    HExpired = "hexpired",

    // Of streams.
    XAdd = "xadd",
    XDel = "xdel",
    XTrim = "xtrim",
    XSetId = "xsetid",
    XGroupCreate = "xgroup-create",
    XGroupCreateConsumer = "xgroup-createconsumer",
    XGroupDelConsumer = "xgroup-delconsumer",
    XGroupDestroy = "xgroup-destroy",
    XGroupSetId = "xgroup-setid",
}

impl Event {
    /// Whether it may be what somebody waits for, as Valkey sees it: nobody is told of entries that a group
    /// could be given again since `XGROUP SETID`, before another one is added.
    pub(crate) const fn may_serve(self) -> bool {
        !matches!(
            self,
            Self::Expire
                | Self::Persist
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
    dirty: u64,
    /// Whether anything was recorded since somebody asked, also while nobody listens.
    recorded: bool,
    /// Boxed, since mostly nobody listens.
    told: Option<Box<Told>>,
}

/// How far a [`Log`] has been read.
#[derive(Debug, Default)]
pub(crate) struct Position {
    change: usize,
    key_start: usize,
}

#[derive(Debug, Default)]
struct Told {
    changes: Vec<Recorded>,
    keys: Vec<u8>,
}

#[derive(Debug)]
enum Recorded {
    Key { db: u16, event: Event, key_end: usize },
    Flushed(Option<u16>),
    Swapped(u16, u16),
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
        self.recorded = true;
        if self.listening {
            self.tell_key(db, key, event);
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

    #[cold]
    fn tell_key(&mut self, db: u16, key: &[u8], event: Event) {
        let told = self.told.get_or_insert_default();
        told.keys.extend_from_slice(key);
        told.changes.push(Recorded::Key { db, event, key_end: told.keys.len() });
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

    /// The next change of a key after those that were read before; it may have been recorded since.
    pub(crate) fn next_key(&self, read: &mut Position) -> Option<(u16, &[u8], Event)> {
        let told = self.told.as_ref()?;
        loop {
            let change = told.changes.get(read.change)?;
            read.change += 1;
            if let Recorded::Key { db, key_end, event } = *change {
                let key_start = std::mem::replace(&mut read.key_start, key_end);
                return Some((db, &told.keys[key_start..key_end], event));
            }
        }
    }

    /// The changes, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Change<'_>> {
        let mut key_start = 0;
        self.told.iter().flat_map(|told| told.changes.iter().map(move |change| (told, change))).map(
            move |(told, change)| match *change {
                Recorded::Key { db, event, key_end } => {
                    let key = &told.keys[std::mem::replace(&mut key_start, key_end)..key_end];
                    Change::Key { db, key, event }
                }
                Recorded::Flushed(db) => Change::Flushed(db),
                Recorded::Swapped(a, b) => Change::Swapped(a, b),
            },
        )
    }

    /// Forgets all changes, but not how many there were.
    pub fn clear(&mut self) {
        self.told = None;
    }
}
