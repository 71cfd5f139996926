//! What happened to which key. Every mutation records itself here; watchers, blocked clients, notifications and
//! caches elsewhere are fed from these records and from nothing else, so no caller can forget a side effect.

/// What happened to a key, named as Valkey's keyspace notifications name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each is the notification of the same name: `Event::name`")]
pub enum Event {
    Set,
    Append,
    SetRange,
    IncrBy,
    IncrByFloat,
    Del,
    Expire,
    Persist,
    Expired,
    Evicted,
    RenameFrom,
    RenameTo,
    CopyTo,
    MoveFrom,
    MoveTo,
}

impl Event {
    /// The event's name in a keyspace notification.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Set => "set",
            Self::Append => "append",
            Self::SetRange => "setrange",
            Self::IncrBy => "incrby",
            Self::IncrByFloat => "incrbyfloat",
            Self::Del => "del",
            Self::Expire => "expire",
            Self::Persist => "persist",
            Self::Expired => "expired",
            Self::Evicted => "evicted",
            Self::RenameFrom => "rename_from",
            Self::RenameTo => "rename_to",
            Self::CopyTo => "copy_to",
            Self::MoveFrom => "move_from",
            Self::MoveTo => "move_to",
        }
    }
}
