//! Streams as an embedding program uses them.

use std::time::Duration;

use super::DB;
use crate::collections::packed::Digits;
use crate::store::{GroupStart, Key, Lookup, Missing, Scope, Store, View};
use crate::types::stream::{Bound, Claim, Entry, NewId, StreamId, Trim, TrimLimit};
use crate::{StreamError, WrongType};

/// The stream at one key of a store: see [`Store::stream`].
#[derive(Debug, Clone, Copy)]
pub struct StreamHandle<'s, 'k> {
    store: &'s Store,
    key: Key<'k>,
}

/// An entry of a stream, to keep.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamEntry {
    /// Its id.
    pub id: StreamId,
    /// Its fields and their values, in the order in which they were added.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// An entry that was given to a consumer and that nobody has acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PendingEntry {
    /// Its id.
    pub id: StreamId,
    /// Whom it was given to.
    pub consumer: Vec<u8>,
    /// How long ago it was given.
    pub idle: Duration,
    /// How often it was given.
    pub deliveries: u64,
}

impl Store {
    /// The stream at `key`, whether it is there or not: it comes with its first entry or group, and stays
    /// when it is empty.
    ///
    /// ```
    /// use scrubjay::{GroupStart, Store};
    ///
    /// let store = Store::default();
    /// let events = store.stream("events");
    /// events.create_group("mailers", GroupStart::New)?;
    /// events.add([("user", "7"), ("kind", "signup")])?;
    ///
    /// // One of the mailers is given what none of them has been given, and says when it is done.
    /// for entry in events.read_group("mailers", "mailer-1", 10)? {
    ///     assert_eq!(entry.fields[0], (b"user".to_vec(), b"7".to_vec()));
    ///     events.acknowledge("mailers", [entry.id])?;
    /// }
    /// assert!(events.pending("mailers", 10)?.is_empty());
    /// # Ok::<_, scrubjay::StreamError>(())
    /// ```
    pub fn stream<'s, 'k, K: AsRef<[u8]> + ?Sized>(&'s self, key: &'k K) -> StreamHandle<'s, 'k> {
        StreamHandle { store: self, key: self.key(DB, key.as_ref()) }
    }
}

/// Each method works at the moment of its call, is atomic, and has every side effect that a client's command
/// has.
impl StreamHandle<'_, '_> {
    /// Adds an entry, whose id is of this moment; that id.
    ///
    /// # Errors
    /// [`StreamError`]; nothing is changed then.
    pub fn add<F, V>(&self, fields: impl IntoIterator<Item = (F, V)>) -> Result<StreamId, StreamError>
    where
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        self.add_entry(NewId::Auto, fields, None)
    }

    /// Adds an entry with this id, which has to be greater than that of any before it.
    ///
    /// # Errors
    /// [`StreamError`]; nothing is changed then.
    pub fn add_with_id<F, V>(
        &self,
        id: StreamId,
        fields: impl IntoIterator<Item = (F, V)>,
    ) -> Result<(), StreamError>
    where
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        self.add_entry(NewId::Given(id), fields, None).map(drop)
    }

    /// Adds an entry, and removes the oldest ones as far as that is cheap: some more than `len` are left.
    ///
    /// # Errors
    /// [`StreamError`]; nothing is changed then.
    pub fn add_within<F, V>(
        &self,
        len: u64,
        fields: impl IntoIterator<Item = (F, V)>,
    ) -> Result<StreamId, StreamError>
    where
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let trim = Trim { bound: Bound::Len(len), whole_blocks: true, limit: TrimLimit::Default };
        self.add_entry(NewId::Auto, fields, Some(trim))
    }

    /// How many entries there are.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a stream.
    pub fn len(&self) -> Result<u64, WrongType> {
        Ok(self.view().stream(self.key, Lookup::Read)?.map_or(0, |stream| stream.len()))
    }

    /// Whether there are none.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a stream.
    pub fn is_empty(&self) -> Result<bool, WrongType> {
        Ok(self.len()? == 0)
    }

    /// The id of the entry that was added last, whether it is still there or not.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a stream.
    pub fn last_id(&self) -> Result<Option<StreamId>, WrongType> {
        Ok(self.view().stream(self.key, Lookup::Read)?.map(|stream| stream.tally().last))
    }

    /// The entries from one id to another, both of them included; up to `count` of them, the oldest first.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a stream.
    pub fn range(&self, from: StreamId, to: StreamId, count: usize) -> Result<Vec<StreamEntry>, WrongType> {
        let mut view = self.view();
        let stream = view.stream(self.key, Lookup::Read)?;
        Ok(stream.map(|stream| stream.range(from, to).take(count).map(keep).collect()).unwrap_or_default())
    }

    /// The entries from one id back to another, both of them included; up to `count` of them, the newest
    /// first.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a stream.
    pub fn range_back(
        &self,
        from: StreamId,
        to: StreamId,
        count: usize,
    ) -> Result<Vec<StreamEntry>, WrongType> {
        let mut view = self.view();
        let stream = view.stream(self.key, Lookup::Read)?;
        let back = stream.map(|stream| stream.range_back(to, from).take(count).map(keep).collect());
        Ok(back.unwrap_or_default())
    }

    /// The entries behind this one, up to `count` of them: what somebody has not seen who remembers what it
    /// saw last.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// # use scrubjay::StreamId;
    /// let log = store.stream("log");
    /// log.add([("line", "one")])?;
    /// let mut seen = StreamId::ZERO;
    /// for entry in log.read_after(seen, 100)? {
    ///     seen = entry.id;
    /// }
    /// assert!(log.read_after(seen, 100)?.is_empty());
    /// # Ok::<_, scrubjay::StreamError>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a stream.
    pub fn read_after(&self, seen: StreamId, count: usize) -> Result<Vec<StreamEntry>, WrongType> {
        let mut view = self.view();
        let stream = view.stream(self.key, Lookup::Read)?;
        Ok(stream.map(|stream| stream.after(seen).take(count).map(keep).collect()).unwrap_or_default())
    }

    /// Lends each field and its value of the entries from one id to another, both of them included, without
    /// copies.
    ///
    /// The key's shard is locked meanwhile: `read` must be quick, and must not use the store.
    ///
    /// ```
    /// # let store = scrubjay::Store::default();
    /// # use scrubjay::StreamId;
    /// let sold = store.stream("sold");
    /// sold.add([("apples", "3"), ("pears", "1")])?;
    /// sold.add([("apples", "4")])?;
    /// let mut apples = 0;
    /// sold.for_each_field(StreamId::ZERO, StreamId::MAX, |_, field, value| {
    ///     if field == b"apples" {
    ///         apples += str::from_utf8(value).ok().and_then(|value| value.parse().ok()).unwrap_or(0);
    ///     }
    /// })?;
    /// assert_eq!(apples, 7);
    /// # Ok::<_, scrubjay::StreamError>(())
    /// ```
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a stream.
    pub fn for_each_field(
        &self,
        from: StreamId,
        to: StreamId,
        mut read: impl FnMut(StreamId, &[u8], &[u8]),
    ) -> Result<(), WrongType> {
        let mut view = self.view();
        if let Some(stream) = view.stream(self.key, Lookup::Read)? {
            let (mut digits, mut more) = (Digits::default(), Digits::default());
            for entry in stream.range(from, to) {
                for (field, value) in entry.fields {
                    read(entry.id, field.text(&mut digits), value.text(&mut more));
                }
            }
        }
        Ok(())
    }

    /// Deletes the entries of these ids; how many were there.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a stream.
    pub fn delete(&self, ids: impl IntoIterator<Item = StreamId>) -> Result<u64, WrongType> {
        let ids: Vec<StreamId> = ids.into_iter().collect();
        self.view().stream_delete(self.key, ids)
    }

    /// Removes the oldest entries, so that no more than `len` are left; how many.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a stream.
    pub fn trim_to_len(&self, len: u64) -> Result<u64, WrongType> {
        self.trim(Bound::Len(len))
    }

    /// Removes the entries before this id; how many.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a stream.
    pub fn trim_before(&self, id: StreamId) -> Result<u64, WrongType> {
        self.trim(Bound::Id(id))
    }

    /// Makes a group of consumers, and the stream if it is not there.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::GroupExists`], [`StreamError::OutOfMemory`].
    pub fn create_group(&self, group: impl AsRef<[u8]>, start: GroupStart) -> Result<(), StreamError> {
        let group = group.as_ref();
        self.view_with_room(group.len())?.stream_create_group(self.key, Missing::Create, group, start, None)
    }

    /// Removes a group; whether it was there.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`].
    pub fn destroy_group(&self, group: impl AsRef<[u8]>) -> Result<bool, StreamError> {
        self.view().stream_destroy_group(self.key, group.as_ref())
    }

    /// Gives a consumer up to `count` entries that no consumer of the group has been given. They are pending
    /// until they are [acknowledged](Self::acknowledge).
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::NoSuchGroup`],
    /// [`StreamError::OutOfMemory`].
    pub fn read_group(
        &self,
        group: impl AsRef<[u8]>,
        consumer: impl AsRef<[u8]>,
        count: usize,
    ) -> Result<Vec<StreamEntry>, StreamError> {
        let member = (group.as_ref(), consumer.as_ref());
        let mut entries = Vec::new();
        let mut view = self.view_with_room(0)?;
        view.stream_read_new(self.key, member, count as u64, false, |entry| entries.push(keep(entry)))?;
        Ok(entries)
    }

    /// Gives a consumer once more up to `count` entries that are pending of it, as after a crash. Entries
    /// that were deleted are left out.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::NoSuchGroup`],
    /// [`StreamError::OutOfMemory`].
    pub fn read_again(
        &self,
        group: impl AsRef<[u8]>,
        consumer: impl AsRef<[u8]>,
        count: usize,
    ) -> Result<Vec<StreamEntry>, StreamError> {
        let member = (group.as_ref(), consumer.as_ref());
        let mut entries = Vec::new();
        let mut view = self.view_with_room(0)?;
        view.stream_read_again(self.key, member, StreamId::ZERO, count as u64, |_, entry| {
            entries.extend(entry.map(keep));
        })?;
        Ok(entries)
    }

    /// Says that these entries are dealt with, and no longer pending; how many were.
    ///
    /// # Errors
    /// [`WrongType`] when the key holds something other than a stream.
    pub fn acknowledge(
        &self,
        group: impl AsRef<[u8]>,
        ids: impl IntoIterator<Item = StreamId>,
    ) -> Result<usize, WrongType> {
        let ids: Vec<StreamId> = ids.into_iter().collect();
        self.view().stream_acknowledge(self.key, group.as_ref(), ids)
    }

    /// Gives a consumer up to `count` entries that were given to any other at least `idle` ago, as after that
    /// one's end. Pending entries that were deleted are forgotten.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::NoSuchGroup`],
    /// [`StreamError::OutOfMemory`].
    pub fn claim_idle(
        &self,
        group: impl AsRef<[u8]>,
        consumer: impl AsRef<[u8]>,
        idle: Duration,
        count: usize,
    ) -> Result<Vec<StreamEntry>, StreamError> {
        let member = (group.as_ref(), consumer.as_ref());
        let mut entries = Vec::new();
        let mut view = self.view_with_room(0)?;
        let claim = Claim {
            idle_min: u64::try_from(idle.as_millis()).unwrap_or(u64::MAX),
            delivered: view.now(),
            deliveries: None,
            force: false,
            id_only: false,
        };
        view.stream_auto_claim(self.key, member, StreamId::ZERO, count as u64, &claim, |_, entry| {
            entries.extend(entry.map(keep));
        })?;
        Ok(entries)
    }

    /// The first `count` entries that are pending of a group.
    ///
    /// # Errors
    /// [`StreamError::WrongType`], [`StreamError::NoSuchKey`], [`StreamError::NoSuchGroup`].
    pub fn pending(&self, group: impl AsRef<[u8]>, count: usize) -> Result<Vec<PendingEntry>, StreamError> {
        let mut view = self.view();
        let now = view.now();
        let stream = view.stream(self.key, Lookup::Read)?.ok_or(StreamError::NoSuchKey)?;
        let group = stream.group(group.as_ref()).ok_or(StreamError::NoSuchGroup)?;
        let pending = group.pending().iter().take(count).map(|pending| PendingEntry {
            id: pending.id,
            consumer: group.consumer(pending.consumer).name().to_vec(),
            idle: Duration::from_millis(now.saturating_sub(pending.delivered)),
            deliveries: pending.deliveries,
        });
        Ok(pending.collect())
    }

    fn add_entry<F, V>(
        &self,
        id: NewId,
        fields: impl IntoIterator<Item = (F, V)>,
        trim: Option<Trim>,
    ) -> Result<StreamId, StreamError>
    where
        F: AsRef<[u8]>,
        V: AsRef<[u8]>,
    {
        let fields: Vec<(F, V)> = fields.into_iter().collect();
        let fields = fields.iter().map(|(field, value)| (field.as_ref(), value.as_ref()));
        let bytes = fields.clone().map(|(field, value)| field.len() + value.len()).sum();
        let added = self.view_with_room(bytes)?.stream_add(self.key, Missing::Create, id, fields, trim)?;
        Ok(added.expect("invariant: the stream is made"))
    }

    fn trim(&self, bound: Bound) -> Result<u64, WrongType> {
        self.view().stream_trim(self.key, Trim { bound, whole_blocks: false, limit: TrimLimit::None })
    }

    fn view(&self) -> View<'_> {
        self.store.view(Scope::Key(&self.key), self.store.clock().now())
    }

    fn view_with_room(&self, bytes: usize) -> Result<View<'_>, StreamError> {
        let now = self.store.clock().now();
        self.store.make_room(self.key.bytes().len() + bytes, now)?;
        Ok(self.store.view(Scope::Key(&self.key), now))
    }
}

fn keep(entry: Entry<'_>) -> StreamEntry {
    let fields = entry.fields.map(|(field, value)| (field.to_vec(), value.to_vec()));
    StreamEntry { id: entry.id, fields: fields.collect() }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::Event;
    use crate::store::heard::Heard;
    use crate::time::ManualClock;

    /// What Valkey tells of, and how often it counts itself as changed, in the same calls.
    #[test]
    fn changes_are_told_and_counted_as_valkey_does() {
        let clock = ManualClock::new(1_000);
        let store = Store::builder().clock(clock.clone()).shards(1).build();
        let heard = Heard::of(&store);
        let key = store.key(DB, b"s");
        let member = |consumer: &'static str| (&b"g"[..], consumer.as_bytes());
        let id = |ms| StreamId::new(ms, 1);
        let expect = |what: &str, dirty: u64, events: &[Event], act: &dyn Fn(&mut View<'_>)| {
            let mut view = store.view(Scope::Key(&key), clock.clock().now());
            act(&mut view);
            assert_eq!(view.dirty(), dirty, "{what}");
            drop(view);
            assert_eq!(heard.take(), events, "{what}");
        };
        let fields = || [(&b"f"[..], &b"v"[..])].into_iter();
        let exact = |len| Trim { bound: Bound::Len(len), whole_blocks: false, limit: TrimLimit::None };
        let add = |view: &mut View<'_>, ms, trim| {
            view.stream_add(key, Missing::Create, NewId::Given(id(ms)), fields(), trim).map(drop)
        };
        expect("an entry", 1, &[Event::XAdd], &|view| add(view, 1, None).expect("a new id"));
        expect("no entry", 0, &[], &|view| assert!(add(view, 1, None).is_err()));
        expect("with a trim", 1, &[Event::XAdd, Event::XTrim], &|view| {
            add(view, 2, Some(exact(1))).expect("a new id");
        });
        expect("a trim of nothing", 1, &[Event::XAdd], &|view| {
            add(view, 3, Some(exact(9))).expect("a new id");
        });
        for ms in 4..=9 {
            expect("an entry", 1, &[Event::XAdd], &|view| add(view, ms, None).expect("a new id"));
        }
        expect("two trimmed", 2, &[Event::XTrim], &|view| {
            assert_eq!(view.stream_trim(key, exact(6)), Ok(2));
        });
        expect("none trimmed", 0, &[], &|view| assert_eq!(view.stream_trim(key, exact(6)), Ok(0)));
        expect("one deleted", 1, &[Event::XDel], &|view| {
            assert_eq!(view.stream_delete(key, [id(4), id(4)]), Ok(1));
        });
        expect("a group", 1, &[Event::XGroupCreate], &|view| {
            let start = GroupStart::After(StreamId::ZERO);
            view.stream_create_group(key, Missing::Skip, b"g", start, None).expect("a new one");
        });
        expect("a group's place", 1, &[Event::XGroupSetId], &|view| {
            view.stream_set_group(key, b"g", GroupStart::After(StreamId::ZERO), None).expect("is there");
        });
        expect("a consumer", 1, &[Event::XGroupCreateConsumer], &|view| {
            assert_eq!(view.stream_create_consumer(key, b"g", b"a"), Ok(true));
        });
        expect("the same consumer", 0, &[], &|view| {
            assert_eq!(view.stream_create_consumer(key, b"g", b"a"), Ok(false));
        });
        expect("a read", 1, &[], &|view| {
            assert_eq!(view.stream_read_new(key, member("a"), 2, false, |_| {}), Ok(2));
        });
        expect("a newcomer's read", 2, &[Event::XGroupCreateConsumer], &|view| {
            assert_eq!(view.stream_read_new(key, member("b"), 9, false, |_| {}), Ok(3));
        });
        expect("a read of nothing", 0, &[], &|view| {
            assert_eq!(view.stream_read_new(key, member("b"), 9, false, |_| {}), Ok(0));
        });
        expect("history", 1, &[], &|view| {
            assert_eq!(view.stream_read_again(key, member("b"), id(9), 9, |_, _| {}), Ok(0));
        });
        expect("an acknowledgement", 1, &[], &|view| {
            assert_eq!(view.stream_acknowledge(key, b"g", [id(5), id(5)]), Ok(1));
        });
        let claim = Claim { idle_min: 0, delivered: 0, deliveries: None, force: false, id_only: true };
        expect("two claimed", 2, &[], &|view| {
            view.stream_claim(key, member("a"), [id(7), id(8)], &claim, None, |_| {}).expect("is there");
        });
        expect("claimed and moved on", 1, &[], &|view| {
            view.stream_claim(key, member("a"), [id(9)], &claim, Some(id(20)), |_| {}).expect("is there");
        });
        expect("moved on", 1, &[], &|view| {
            view.stream_claim(key, member("a"), [id(30)], &claim, Some(id(30)), |_| {}).expect("is there");
        });
        expect("one deleted", 1, &[Event::XDel], &|view| {
            assert_eq!(view.stream_delete(key, [id(7)]), Ok(1));
        });
        expect("three swept, one of them gone", 4, &[], &|view| {
            let next = view.stream_auto_claim(key, member("b"), StreamId::ZERO, 9, &claim, |_, _| {});
            assert_eq!(next, Ok(StreamId::ZERO));
        });
        expect("a consumer gone", 1, &[Event::XGroupDelConsumer], &|view| {
            assert_eq!(view.stream_remove_consumer(key, b"g", b"b"), Ok(Some(3)));
        });
        expect("no consumer gone", 0, &[], &|view| {
            assert_eq!(view.stream_remove_consumer(key, b"g", b"b"), Ok(None));
        });
        expect("counters", 1, &[Event::XSetId], &|view| {
            view.stream_set_id(key, id(99), None, None).expect("great enough");
        });
        expect("a group gone", 1, &[Event::XGroupDestroy], &|view| {
            assert_eq!(view.stream_destroy_group(key, b"g"), Ok(true));
        });
        expect("everything trimmed", 4, &[Event::XTrim], &|view| {
            assert_eq!(view.stream_trim(key, exact(0)), Ok(4));
            assert!(view.exists(key, Lookup::Peek), "an empty stream stays");
        });
    }

    #[test]
    fn what_somebody_left_behind_is_claimed() {
        let clock = ManualClock::new(1_000);
        let store = Store::builder().clock(clock.clone()).build();
        let jobs = store.stream("jobs");
        assert_eq!(jobs.read_group("g", "a", 1), Err(StreamError::NoSuchKey));
        jobs.create_group("g", GroupStart::New).expect("a new one");
        assert_eq!(jobs.create_group("g", GroupStart::New), Err(StreamError::GroupExists));
        assert_eq!(jobs.read_group("h", "a", 1), Err(StreamError::NoSuchGroup));
        let ids: Vec<StreamId> =
            (0..3).map(|number| jobs.add([("n", number.to_string())]).expect("room")).collect();
        assert_eq!(ids, [0, 1, 2].map(|seq| StreamId::new(1_000, seq)));
        assert_eq!(jobs.read_group("g", "a", 2).expect("is there").len(), 2);
        clock.advance(Duration::from_millis(10));
        assert_eq!(jobs.claim_idle("g", "b", Duration::from_millis(11), 9), Ok(Vec::new()));
        assert_eq!(jobs.delete([ids[0]]), Ok(1));
        let claimed = jobs.claim_idle("g", "b", Duration::from_millis(10), 9).expect("is there");
        assert_eq!(claimed.iter().map(|entry| entry.id).collect::<Vec<_>>(), [ids[1]]);
        assert_eq!(jobs.read_again("g", "b", 9), Ok(claimed));
        clock.advance(Duration::from_millis(5));
        let pending = jobs.pending("g", 9).expect("is there");
        assert_eq!(pending.len(), 1);
        assert_eq!((pending[0].idle, pending[0].deliveries), (Duration::from_millis(5), 3));
        assert_eq!((jobs.acknowledge("g", [ids[1]]), jobs.acknowledge("g", [ids[1]])), (Ok(1), Ok(0)));
        assert_eq!(jobs.trim_before(ids[2]), Ok(1));
        assert_eq!((jobs.len(), jobs.last_id()), (Ok(1), Ok(Some(ids[2]))));
        assert_eq!(jobs.destroy_group("g"), Ok(true));
        store.set("text", "x").expect("room");
        assert_eq!(store.stream("text").add([("f", "v")]), Err(StreamError::WrongType));
    }
}
