//! What a view does to streams.

use super::{Lookup, Missing, Tools, View};
use crate::shard::change::Event;
use crate::store::Key;
use crate::types::stream::{Claim, Claimed, Entry, Member, NewId, Stream, StreamId, Trim};
use crate::{StreamError, WrongType};

/// From where on a group reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GroupStart {
    /// From behind this id.
    After(StreamId),
    /// What is added from now on.
    New,
}

impl GroupStart {
    fn id(self, stream: &Stream) -> StreamId {
        match self {
            Self::After(id) => id,
            Self::New => stream.tally().last,
        }
    }
}

impl View<'_> {
    /// The stream at `key`, lent to be read.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    #[inline]
    pub fn stream(&mut self, key: Key<'_>, lookup: Lookup) -> Result<Option<&Stream>, WrongType> {
        self.read::<Box<Stream>>(key, lookup)
    }

    /// Adds an entry to the stream at `key` and trims it; the entry's id, or `None` when the stream is not
    /// there and is not to be made.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::Exhausted`], [`StreamError::NotGreater`],
    /// [`StreamError::TooLarge`]; nothing has changed then.
    pub fn stream_add<'f>(
        &mut self,
        key: Key<'_>,
        missing: Missing,
        id: NewId,
        fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone,
        trim: Option<Trim>,
    ) -> Result<Option<StreamId>, StreamError> {
        let added = self.edit::<Box<Stream>, _>(key, missing, |stream, tools| {
            let id = stream.add(id, fields, tools.now, tools.limits)?;
            tools.changed(Event::XAdd);
            if trim.is_some_and(|trim| stream.trim(trim, tools.limits) > 0) {
                tools.happened(Event::XTrim);
            }
            Ok(id)
        });
        added?.transpose()
    }

    /// Removes the oldest entries of the stream at `key`; how many.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn stream_trim(&mut self, key: Key<'_>, trim: Trim) -> Result<u64, WrongType> {
        let trimmed = self.edit::<Box<Stream>, _>(key, Missing::Skip, |stream, tools| {
            let trimmed = stream.trim(trim, tools.limits);
            if trimmed > 0 {
                tools.changed_times(Event::XTrim, trimmed);
            }
            trimmed
        });
        Ok(trimmed?.unwrap_or(0))
    }

    /// Deletes the entries of these ids from the stream at `key`; how many were there.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn stream_delete(
        &mut self,
        key: Key<'_>,
        ids: impl IntoIterator<Item = StreamId>,
    ) -> Result<u64, WrongType> {
        let deleted = self.edit::<Box<Stream>, _>(key, Missing::Skip, |stream, tools| {
            let deleted = ids.into_iter().filter(|id| stream.delete(*id)).count() as u64;
            if deleted > 0 {
                tools.changed_times(Event::XDel, deleted);
            }
            deleted
        });
        Ok(deleted?.unwrap_or(0))
    }

    /// Sets the last id of the stream at `key`, and two other counters where given.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::BelowDeleted`],
    /// [`StreamError::BelowTop`], [`StreamError::FewerThanThere`]; nothing has changed then.
    pub fn stream_set_id(
        &mut self,
        key: Key<'_>,
        last: StreamId,
        entries_added: Option<u64>,
        max_deleted: Option<StreamId>,
    ) -> Result<(), StreamError> {
        self.edit_stream(key, |stream, tools| {
            stream.set_id(last, entries_added, max_deleted)?;
            tools.changed(Event::XSetId);
            Ok(())
        })
    }

    /// Makes a group of the stream at `key`, which is made too if that is wanted.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::GroupExists`].
    pub fn stream_create_group(
        &mut self,
        key: Key<'_>,
        missing: Missing,
        group: &[u8],
        start: GroupStart,
        entries_read: Option<u64>,
    ) -> Result<(), StreamError> {
        let created = self.edit::<Box<Stream>, _>(key, missing, |stream, tools| {
            let created = stream.create_group(group, start.id(stream), entries_read);
            if created {
                tools.changed(Event::XGroupCreate);
            }
            created
        });
        if created?.ok_or(StreamError::NoSuchKey)? { Ok(()) } else { Err(StreamError::GroupExists) }
    }

    /// Sets how far a group of the stream at `key` has read.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::NoSuchGroup`].
    pub fn stream_set_group(
        &mut self,
        key: Key<'_>,
        group: &[u8],
        start: GroupStart,
        entries_read: Option<u64>,
    ) -> Result<(), StreamError> {
        self.edit_stream(key, |stream, tools| {
            if !stream.set_group_place(group, start.id(stream), entries_read) {
                return Err(StreamError::NoSuchGroup);
            }
            tools.changed(Event::XGroupSetId);
            Ok(())
        })
    }

    /// Removes a group of the stream at `key`; whether it was there.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`].
    pub fn stream_destroy_group(&mut self, key: Key<'_>, group: &[u8]) -> Result<bool, StreamError> {
        self.edit_stream(key, |stream, tools| {
            let destroyed = stream.destroy_group(group);
            if destroyed {
                tools.changed(Event::XGroupDestroy);
            }
            Ok(destroyed)
        })
    }

    /// Has a consumer join a group of the stream at `key`; whether it was not in it yet.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::NoSuchGroup`].
    pub fn stream_create_consumer(
        &mut self,
        key: Key<'_>,
        group: &[u8],
        consumer: &[u8],
    ) -> Result<bool, StreamError> {
        self.edit_stream(key, |stream, tools| {
            let joined =
                stream.create_consumer(group, consumer, tools.now).ok_or(StreamError::NoSuchGroup)?;
            if joined {
                tools.changed(Event::XGroupCreateConsumer);
            }
            Ok(joined)
        })
    }

    /// Takes a consumer out of a group of the stream at `key`; how much was pending of it, if it was there.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::NoSuchGroup`].
    pub fn stream_remove_consumer(
        &mut self,
        key: Key<'_>,
        group: &[u8],
        consumer: &[u8],
    ) -> Result<Option<usize>, StreamError> {
        self.edit_stream(key, |stream, tools| {
            let pending = stream.remove_consumer(group, consumer).ok_or(StreamError::NoSuchGroup)?;
            if pending.is_some() {
                tools.changed(Event::XGroupDelConsumer);
            }
            Ok(pending)
        })
    }

    /// Has entries of the stream at `key` no longer pending of a group; how many were. None without the
    /// stream or the group.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn stream_acknowledge(
        &mut self,
        key: Key<'_>,
        group: &[u8],
        ids: impl IntoIterator<Item = StreamId>,
    ) -> Result<usize, WrongType> {
        let acknowledged = self.edit::<Box<Stream>, _>(key, Missing::Skip, |stream, tools| {
            let acknowledged = stream.acknowledge(group, ids).unwrap_or(0);
            if acknowledged > 0 {
                tools.count(acknowledged as u64);
            }
            acknowledged
        });
        Ok(acknowledged?.unwrap_or(0))
    }

    /// Hands out up to `count` entries of the stream at `key` that nobody of the group has read; how many.
    /// They are pending of the consumer then, unless they count as acknowledged at once.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::NoSuchGroup`].
    pub fn stream_read_new(
        &mut self,
        key: Key<'_>,
        (group, consumer): (&[u8], &[u8]),
        count: u64,
        acknowledged: bool,
        each: impl FnMut(Entry<'_>),
    ) -> Result<u64, StreamError> {
        self.as_member(key, (group, consumer), |member, tools| {
            let read = member.read_new(count, acknowledged, each);
            if read > 0 {
                tools.count(1);
            }
            read
        })
    }

    /// Hands out again up to `count` entries of the stream at `key` that are pending of the consumer, from
    /// behind `after` on; how many. Of one that is gone there is only the id.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::NoSuchGroup`].
    pub fn stream_read_again(
        &mut self,
        key: Key<'_>,
        (group, consumer): (&[u8], &[u8]),
        after: StreamId,
        count: u64,
        each: impl FnMut(StreamId, Option<Entry<'_>>),
    ) -> Result<u64, StreamError> {
        self.as_member(key, (group, consumer), |member, tools| {
            tools.count(1);
            member.read_again(after, count, each)
        })
    }

    /// Has a consumer claim these entries of the stream at `key`, and lends those that it got. The group is
    /// moved on to `last`, if that is given.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::NoSuchGroup`].
    pub fn stream_claim(
        &mut self,
        key: Key<'_>,
        (group, consumer): (&[u8], &[u8]),
        ids: impl IntoIterator<Item = StreamId>,
        claim: &Claim,
        last: Option<StreamId>,
        mut each: impl FnMut(Entry<'_>),
    ) -> Result<(), StreamError> {
        self.as_member(key, (group, consumer), |member, tools| {
            let moved = last.is_some_and(|last| member.move_on(last));
            let mut claimed = false;
            for id in ids {
                match member.claim(id, claim) {
                    Claimed::Yes => {
                        tools.count(1);
                        claimed = true;
                        each(member.entry(id).expect("invariant: what is claimed is there"));
                    }
                    Claimed::Gone => tools.count(1),
                    Claimed::No => {}
                }
            }
            // What was claimed tells of the move as well.
            if moved && !claimed {
                tools.count(1);
            }
        })
    }

    /// Has a consumer claim up to `count` pending entries of the stream at `key` from `start` on; where to go
    /// on. Of one that is gone there is only the id; those count too.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::NoSuchGroup`].
    pub fn stream_auto_claim(
        &mut self,
        key: Key<'_>,
        (group, consumer): (&[u8], &[u8]),
        start: StreamId,
        count: u64,
        claim: &Claim,
        each: impl FnMut(StreamId, Option<Entry<'_>>),
    ) -> Result<StreamId, StreamError> {
        self.as_member(key, (group, consumer), |member, tools| {
            let swept = member.sweep(start, count, claim, each);
            if swept.claimed + swept.gone > 0 {
                tools.count(swept.claimed + swept.gone);
            }
            swept.next
        })
    }

    fn edit_stream<R>(
        &mut self,
        key: Key<'_>,
        act: impl FnOnce(&mut Stream, &mut Tools<'_>) -> Result<R, StreamError>,
    ) -> Result<R, StreamError> {
        let result = self.edit::<Box<Stream>, _>(key, Missing::Skip, |stream, tools| act(stream, tools));
        result?.ok_or(StreamError::NoSuchKey)?
    }

    /// Lends a group to one of its consumers, who joins it if need be.
    fn as_member<R>(
        &mut self,
        key: Key<'_>,
        (group, consumer): (&[u8], &[u8]),
        act: impl FnOnce(&mut Member<'_>, &mut Tools<'_>) -> R,
    ) -> Result<R, StreamError> {
        self.edit_stream(key, |stream, tools| {
            let joined =
                stream.create_consumer(group, consumer, tools.now).ok_or(StreamError::NoSuchGroup)?;
            if joined {
                tools.changed(Event::XGroupCreateConsumer);
            }
            // The consumer was seen, which changes the value although nobody is told.
            tools.rearranged();
            let now = tools.now;
            let done = stream.as_member(group, consumer, now, |member| act(member, tools));
            Ok(done.expect("invariant: the group was there a moment ago").0)
        })
    }
}
