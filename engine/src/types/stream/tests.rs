//! Streams against models: what is in them, what is pending of whom, and what they hold of the heap.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;

use super::*;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

/// Small bounds, so that short sequences meet all of them.
fn limits() -> Limits {
    Limits { stream_node_max_entries: 3, stream_node_max_bytes: 120, ..Limits::default() }
}

fn pairs(fields: &Pairs) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    fields.iter().map(|(field, value)| (&**field, &**value))
}

fn read(entry: Entry<'_>) -> (StreamId, Pairs) {
    (entry.id, entry.fields.map(|(field, value)| (field.to_vec(), value.to_vec())).collect())
}

fn add(stream: &mut Stream, id: StreamId, fields: &Pairs) {
    assert_eq!(stream.add(NewId::Given(id), pairs(fields), 0, &limits()), Ok(id));
}

fn all(stream: &Stream) -> Vec<(StreamId, Pairs)> {
    stream.range(StreamId::ZERO, StreamId::MAX).map(read).collect()
}

fn id(ms: u64) -> StreamId {
    StreamId::new(ms, 0)
}

fn fields(text: &str) -> Pairs {
    text.split(' ')
        .map(|pair| pair.split_once('=').expect("field=value"))
        .map(|(f, v)| (f.into(), v.into()))
        .collect()
}

#[test]
fn ids_are_made() {
    let mut stream = Stream::new();
    let mut add = |new, now| stream.add(new, std::iter::once((&b"f"[..], &b"v"[..])), now, &limits());
    assert_eq!(add(NewId::Auto, 5), Ok(StreamId::new(5, 0)));
    assert_eq!(add(NewId::Auto, 5), Ok(StreamId::new(5, 1)));
    assert_eq!(add(NewId::Auto, 4), Ok(StreamId::new(5, 2)), "a clock that was set back");
    assert_eq!(add(NewId::At(4), 9), Err(StreamError::NotGreater));
    assert_eq!(add(NewId::At(5), 9), Ok(StreamId::new(5, 3)));
    assert_eq!(add(NewId::At(6), 9), Ok(StreamId::new(6, 0)));
    assert_eq!(add(NewId::Given(id(6)), 9), Err(StreamError::NotGreater));
    assert_eq!(add(NewId::Given(StreamId::new(6, u64::MAX)), 9), Ok(StreamId::new(6, u64::MAX)));
    assert_eq!(add(NewId::At(6), 9), Err(StreamError::NotGreater), "that millisecond is full");
    assert_eq!(add(NewId::Auto, 6), Ok(id(7)));
    assert_eq!(add(NewId::Given(StreamId::MAX), 0), Ok(StreamId::MAX));
    assert_eq!(add(NewId::Auto, u64::MAX), Err(StreamError::Exhausted));
}

#[test]
fn entries_are_small() {
    let mut stream = Stream::new();
    for number in 0..10_000 {
        let value = format!("{number}");
        let pairs = [(&b"sensor"[..], &b"17"[..]), (b"temperature", value.as_bytes())];
        stream
            .add(NewId::Auto, pairs.into_iter(), 1_700_000_000_000 + number, &Limits::default())
            .expect("a new id");
    }
    let each = stream.heap_bytes() / 10_000;
    assert!(each < 21, "{each} bytes");
}

#[test]
fn memory_is_given_back() {
    let mut stream = Stream::new();
    (1..=3000).for_each(|ms| add(&mut stream, id(ms), &fields("f=v")));
    let full = stream.heap_bytes();
    (1..=3000).filter(|ms| ms % 100 != 0).for_each(|ms| assert!(stream.delete(id(ms))));
    assert_eq!(all(&stream).len(), 30);
    assert!(stream.heap_bytes() < full / 10, "{} of {full}", stream.heap_bytes());
    let trim = Trim { bound: Bound::Len(0), whole_blocks: false, limit: TrimLimit::None };
    assert_eq!(stream.trim(trim, &limits()), 30);
    assert_eq!((stream.len(), stream.tally().first, stream.tally().last), (0, StreamId::ZERO, id(3000)));
    assert_eq!(stream.blocks.counted_bytes(), stream.blocks.heap_bytes());
}

#[test]
fn a_limit_holds_back_whole_blocks() {
    let mut stream = Stream::new();
    (1..=10).for_each(|ms| add(&mut stream, id(ms), &fields("f=v")));
    let mut trim = |limit| stream.trim(Trim { bound: Bound::Len(1), whole_blocks: true, limit }, &limits());
    assert_eq!(trim(TrimLimit::Entries(2)), 0);
    assert_eq!(trim(TrimLimit::Entries(3)), 3);
    assert_eq!(trim(TrimLimit::Entries(5)), 3);
    assert_eq!(trim(TrimLimit::Default), 3);
    assert_eq!(stream.len(), 1);
}

#[test]
fn a_consumer_that_leaves_takes_what_is_pending_along() {
    let mut stream = Stream::new();
    (1..=4).for_each(|ms| add(&mut stream, id(ms), &fields("f=v")));
    assert!(stream.create_group(b"g", StreamId::ZERO, None));
    assert!(!stream.create_group(b"g", StreamId::ZERO, None));
    for (consumer, count, wanted) in [("a", 1, 1), ("b", 2, 2), ("c", 9, 1)] {
        let read =
            stream.as_member(b"g", consumer.as_bytes(), 7, |member| member.read_new(count, false, |_| {}));
        assert_eq!(read, Some((wanted, true)));
    }
    assert_eq!(stream.remove_consumer(b"g", b"b"), Some(Some(2)));
    assert_eq!(stream.remove_consumer(b"g", b"b"), Some(None));
    assert_eq!(stream.remove_consumer(b"h", b"b"), None);
    let group = stream.group(b"g").expect("just made");
    assert_eq!(group.pending().iter().map(|pending| pending.id).collect::<Vec<_>>(), [id(1), id(4)]);
    group.check();
    assert_eq!(stream.create_consumer(b"g", b"d", 8), Some(true), "in the place of the one that left");
    stream.group(b"g").expect("just made").check();
}

/// The last id set back to before a block in which nothing is left.
#[test]
fn blocks_stay_in_order_when_the_last_id_is_set_back() {
    let mut stream = Stream::new();
    (5..=7).for_each(|ms| add(&mut stream, id(ms), &fields("f=v")));
    assert!(stream.delete(id(7)));
    let trim = Trim { bound: Bound::Id(id(7)), whole_blocks: false, limit: TrimLimit::None };
    assert_eq!((stream.trim(trim, &limits()), stream.len(), stream.block_count()), (2, 0, 1));
    assert_eq!(stream.set_id(id(6), None, None), Err(StreamError::BelowDeleted));
    assert_eq!(stream.set_id(id(7), None, Some(id(1))), Ok(()));
    assert_eq!((stream.set_id(id(1), None, None), stream.block_count()), (Ok(()), 0));
    (2..=9).for_each(|ms| add(&mut stream, id(ms), &fields("f=v")));
    assert_eq!(stream.range(id(4), id(8)).map(|entry| entry.id.ms).collect::<Vec<_>>(), [4, 5, 6, 7, 8]);
    assert!((2..=9).all(|ms| stream.delete(id(ms))));
}

/// The nodes of a radix tree of these keys, built byte by byte.
fn naive_radix_nodes(keys: &BTreeSet<[u8; 16]>, depth: usize) -> usize {
    let mut depth = depth;
    let mut nodes = 0;
    let next = |depth: usize| -> BTreeSet<u8> { keys.iter().map(|key| key[depth]).collect() };
    let start = depth;
    while depth < 16 && next(depth).len() == 1 {
        depth += 1;
    }
    nodes += usize::from(depth > start);
    if depth == 16 {
        return nodes + 1;
    }
    nodes += 1;
    for byte in next(depth) {
        let below = keys.iter().filter(|key| key[depth] == byte).copied().collect();
        nodes += naive_radix_nodes(&below, depth + 1);
    }
    nodes
}

fn key_of(id: StreamId) -> [u8; 16] {
    (u128::from(id.ms) << 64 | u128::from(id.seq)).to_be_bytes()
}

#[derive(Debug, Clone)]
enum Step {
    Add { ahead: u64, seq: u64, fields: Pairs },
    Delete(prop::sample::Index),
    TrimLen(u64),
    TrimId(prop::sample::Index),
    Group(u8),
    Destroy(u8),
    Read { group: u8, consumer: u8, count: u64, acknowledged: bool },
    Again { group: u8, consumer: u8, count: u64 },
    Acknowledge { group: u8, entry: prop::sample::Index },
    Claim { group: u8, consumer: u8, entry: prop::sample::Index, force: bool },
    Sweep { group: u8, consumer: u8, count: u64 },
    Leave { group: u8, consumer: u8 },
    Clone,
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec!["", "0", "-1", "007", "4096", "-70000", "f", "g", "9223372036854775807"])
            .prop_map(|text| text.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..90),
    ]
}

fn some_fields() -> impl Strategy<Value = Pairs> {
    prop_oneof![
        3 => text().prop_map(|value| vec![(b"f".to_vec(), value)]),
        1 => prop::collection::vec((text(), text()), 1..4),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let (group, consumer) = (0u8..2, 0u8..3);
    let index = any::<prop::sample::Index>;
    let far = prop_oneof![4 => 0u64..3, 1 => 0u64..1 << 40];
    prop_oneof![
        12 => (far.clone(), far, some_fields())
            .prop_map(|(ahead, seq, fields)| Step::Add { ahead, seq, fields }),
        3 => index().prop_map(Step::Delete),
        1 => (0u64..12).prop_map(Step::TrimLen),
        1 => index().prop_map(Step::TrimId),
        2 => group.clone().prop_map(Step::Group),
        1 => group.clone().prop_map(Step::Destroy),
        5 => (group.clone(), consumer.clone(), 1u64..4, prop::bool::weighted(0.2)).prop_map(
            |(group, consumer, count, acknowledged)| Step::Read { group, consumer, count, acknowledged }
        ),
        1 => (group.clone(), consumer.clone(), 1u64..4)
            .prop_map(|(group, consumer, count)| Step::Again { group, consumer, count }),
        3 => (group.clone(), index()).prop_map(|(group, entry)| Step::Acknowledge { group, entry }),
        3 => (group.clone(), consumer.clone(), index(), any::<bool>())
            .prop_map(|(group, consumer, entry, force)| Step::Claim { group, consumer, entry, force }),
        2 => (group.clone(), consumer.clone(), 1u64..4)
            .prop_map(|(group, consumer, count)| Step::Sweep { group, consumer, count }),
        1 => (group, consumer).prop_map(|(group, consumer)| Step::Leave { group, consumer }),
        1 => Just(Step::Clone),
    ]
}

#[derive(Debug, Default)]
struct Model {
    entries: BTreeMap<StreamId, Pairs>,
    groups: BTreeMap<u8, ModelGroup>,
    last: StreamId,
    /// Every id there ever was.
    ids: Vec<StreamId>,
}

#[derive(Debug, Default, Clone)]
struct ModelGroup {
    last: StreamId,
    /// Of whom, and how often delivered.
    pending: BTreeMap<StreamId, (u8, u64)>,
}

const CLAIM: Claim = Claim { idle_min: 0, delivered: 9, deliveries: None, force: false, id_only: false };

impl Model {
    fn any_id(&self, index: prop::sample::Index) -> StreamId {
        if self.ids.is_empty() { id(1) } else { self.ids[index.index(self.ids.len())] }
    }

    fn run(&mut self, stream: &mut Stream, step: &Step) {
        match step {
            Step::Add { ahead, seq, fields } => {
                let last = self.last;
                let ms = last.ms + ahead;
                let id = StreamId::new(ms, if ms == last.ms { last.seq + seq + 1 } else { *seq });
                add(stream, id, fields);
                self.entries.insert(id, fields.clone());
                self.ids.push(id);
                self.last = id;
            }
            Step::Delete(index) => {
                let id = self.any_id(*index);
                assert_eq!(stream.delete(id), self.entries.remove(&id).is_some());
            }
            Step::TrimLen(len) => {
                let trim = Trim { bound: Bound::Len(*len), whole_blocks: false, limit: TrimLimit::Default };
                let surplus = (self.entries.len() as u64).saturating_sub(*len);
                assert_eq!(stream.trim(trim, &limits()), surplus);
                (0..surplus).for_each(|_| drop(self.entries.pop_first()));
            }
            Step::TrimId(index) => {
                let id = self.any_id(*index);
                let trim = Trim { bound: Bound::Id(id), whole_blocks: false, limit: TrimLimit::Default };
                let kept = self.entries.split_off(&id);
                assert_eq!(stream.trim(trim, &limits()), self.entries.len() as u64);
                self.entries = kept;
            }
            Step::Group(group) => {
                let last = self.last;
                let is_new = stream.create_group(&[*group], last, None);
                assert_eq!(is_new, !self.groups.contains_key(group));
                self.groups.entry(*group).or_insert(ModelGroup { last, ..ModelGroup::default() });
            }
            Step::Destroy(group) => {
                assert_eq!(stream.destroy_group(&[*group]), self.groups.remove(group).is_some());
            }
            Step::Read { group, consumer, count, acknowledged } => {
                let mut got = Vec::new();
                let read = stream.as_member(&[*group], &[*consumer], 9, |member| {
                    member.read_new(*count, *acknowledged, |entry| got.push(read(entry)))
                });
                let Some(model) = self.groups.get_mut(group) else { return assert_eq!(read, None) };
                let new = self.entries.range(model.last.next().expect("not the last one")..);
                let new: Vec<_> =
                    new.take(*count as usize).map(|(id, fields)| (*id, fields.clone())).collect();
                assert_eq!(got, new);
                for (id, _) in new {
                    model.last = id;
                    if !acknowledged {
                        model.pending.insert(id, (*consumer, 1));
                    }
                }
            }
            Step::Again { group, consumer, count } => {
                let mut got = Vec::new();
                let read = stream.as_member(&[*group], &[*consumer], 9, |member| {
                    member.read_again(StreamId::ZERO, *count, |id, entry| got.push((id, entry.is_some())))
                });
                let Some(model) = self.groups.get_mut(group) else { return assert_eq!(read, None) };
                let own = model.pending.iter_mut().filter(|(_, (whose, _))| whose == consumer);
                let mut wanted = Vec::new();
                for (id, (_, deliveries)) in own.take(*count as usize) {
                    let there = self.entries.contains_key(id);
                    *deliveries += u64::from(there);
                    wanted.push((*id, there));
                }
                assert_eq!(got, wanted);
            }
            Step::Acknowledge { group, entry } => {
                let id = self.any_id(*entry);
                let done = stream.acknowledge(&[*group], [id, id]);
                let wanted =
                    self.groups.get_mut(group).map(|model| model.pending.remove(&id).is_some().into());
                assert_eq!(done, wanted);
            }
            Step::Claim { group, consumer, entry, force } => {
                let id = self.any_id(*entry);
                let claim = Claim { force: *force, ..CLAIM };
                let claimed = stream.as_member(&[*group], &[*consumer], 9, |member| member.claim(id, &claim));
                let Some(model) = self.groups.get_mut(group) else { return assert_eq!(claimed, None) };
                let was = model.pending.remove(&id);
                let wanted = match (self.entries.contains_key(&id), was) {
                    (false, Some(_)) => Claimed::Gone,
                    (true, Some((_, deliveries))) => {
                        model.pending.insert(id, (*consumer, deliveries + 1));
                        Claimed::Yes
                    }
                    (true, None) if *force => {
                        model.pending.insert(id, (*consumer, 2));
                        Claimed::Yes
                    }
                    (_, None) => Claimed::No,
                };
                assert_eq!(claimed.map(|(claimed, _)| claimed), Some(wanted));
            }
            Step::Sweep { group, consumer, count } => {
                let mut got = Vec::new();
                let swept = stream.as_member(&[*group], &[*consumer], 9, |member| {
                    member.sweep(StreamId::ZERO, *count, &CLAIM, |id, entry| got.push((id, entry.is_some())))
                });
                let Some(model) = self.groups.get_mut(group) else { return assert_eq!(swept, None) };
                let looked_at: Vec<_> = model.pending.keys().copied().take(*count as usize).collect();
                let next = model.pending.keys().copied().nth(*count as usize);
                assert_eq!(swept.map(|(swept, _)| swept.next), Some(next.unwrap_or(StreamId::ZERO)));
                let mut wanted = Vec::new();
                for id in looked_at {
                    let there = self.entries.contains_key(&id);
                    wanted.push((id, there));
                    match model.pending.get_mut(&id).filter(|_| there) {
                        Some(pending) => *pending = (*consumer, pending.1 + 1),
                        None => drop(model.pending.remove(&id)),
                    }
                }
                assert_eq!(got, wanted);
            }
            Step::Leave { group, consumer } => {
                let left = stream.remove_consumer(&[*group], &[*consumer]);
                let Some(model) = self.groups.get_mut(group) else { return assert_eq!(left, None) };
                let before = model.pending.len();
                model.pending.retain(|_, (whose, _)| whose != consumer);
                let gone = before - model.pending.len();
                assert!(left == Some(Some(gone)) || (left == Some(None) && gone == 0));
            }
            Step::Clone => *stream = stream.clone(),
        }
    }

    fn check(&self, stream: &Stream) {
        let entries: Vec<_> = self.entries.iter().map(|(id, fields)| (*id, fields.clone())).collect();
        assert_eq!(all(stream), entries);
        let mut back: Vec<_> = stream.range_back(StreamId::ZERO, StreamId::MAX).map(read).collect();
        back.reverse();
        assert_eq!(back, entries);
        let tally = stream.tally();
        let first = self.entries.keys().next().copied().unwrap_or(StreamId::ZERO);
        assert_eq!((tally.len, tally.first, tally.last), (entries.len() as u64, first, self.last));
        assert_eq!(tally.entries_added, self.ids.len() as u64);

        assert_eq!(stream.groups().len(), self.groups.len());
        for (name, model) in &self.groups {
            let group = stream.group(&[*name]).expect("it is in the model");
            group.check();
            assert_eq!(group.last(), model.last);
            let pending: Vec<_> = group
                .pending()
                .iter()
                .map(|pending| (pending.id, (group.consumer(pending.consumer).name()[0], pending.deliveries)))
                .collect();
            assert_eq!(pending, model.pending.clone().into_iter().collect::<Vec<_>>());
        }

        let groups: usize = stream.groups().map(Group::heap_bytes).sum();
        assert_eq!(stream.group_bytes, groups);
        assert_eq!(stream.blocks.counted_bytes(), stream.blocks.heap_bytes());
        let keys: BTreeSet<_> = stream.blocks.iter().map(|block| key_of(block.first())).collect();
        let nodes = if keys.is_empty() { 1 } else { naive_radix_nodes(&keys, 0) };
        assert_eq!(stream.radix_nodes(), nodes);
    }
}

/// The same stream, from its parts.
fn restored(stream: &Stream) -> Result<Stream, CorruptStream> {
    let mut restore = Restore::new();
    for (first, listpack) in stream.listpacks() {
        restore.block(first, &listpack)?;
    }
    restore.tally(*stream.tally())?;
    for group in stream.groups() {
        let mut into = restore.group(group.name(), group.last(), group.entries_read())?;
        for pending in group.pending() {
            into.pending(pending.id, pending.delivered, pending.deliveries)?;
        }
        for consumer in group.consumers() {
            into.consumer(consumer.name(), consumer.seen(), consumer.active())?;
            consumer.pending().iter().try_for_each(|id| into.claim(*id))?;
        }
        into.finish()?;
    }
    Ok(restore.finish())
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 2 } else { 64 },
        failure_persistence: None,
        rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    #[test]
    fn behaves_like_maps(steps in prop::collection::vec(step(), 1..if cfg!(miri) { 15 } else { 60 })) {
        let (mut stream, mut model) = (Stream::new(), Model::default());
        for step in &steps {
            model.run(&mut stream, step);
            model.check(&stream);
        }
        let restored = restored(&stream).expect("its own parts");
        model.check(&restored);
        prop_assert_eq!(restored.tally(), stream.tally());
    }

    #[test]
    fn ranges_are_those_of_a_map(
        steps in prop::collection::vec((0u64..3, 0u64..3), 1..40),
        deleted in prop::collection::vec(any::<prop::sample::Index>(), 0..20),
        from in (0u64..60, 0u64..4),
        to in (0u64..60, 0u64..4),
    ) {
        let (mut stream, mut model, mut last) = (Stream::new(), BTreeSet::new(), StreamId::ZERO);
        for (ahead, seq) in steps {
            let ms = last.ms + ahead;
            last = StreamId::new(ms, if ahead == 0 { last.seq + seq + 1 } else { seq });
            add(&mut stream, last, &fields("f=v"));
            model.insert(last);
        }
        let ids: Vec<_> = model.iter().copied().collect();
        for index in deleted {
            let id = ids[index.index(ids.len())];
            prop_assert_eq!(stream.delete(id), model.remove(&id));
        }
        let (from, to) = (StreamId::new(from.0, from.1), StreamId::new(to.0, to.1));
        let wanted: Vec<_> = model.iter().copied().filter(|id| (from..=to).contains(id)).collect();
        let got: Vec<_> = stream.range(from, to).map(|entry| entry.id).collect();
        prop_assert_eq!(&got, &wanted);
        let back: Vec<_> = stream.range_back(from, to).map(|entry| entry.id).collect();
        prop_assert_eq!(back, wanted.into_iter().rev().collect::<Vec<_>>());
        for id in ids {
            prop_assert_eq!(stream.entry(id).is_some(), model.contains(&id));
            let next = model.range(id..).copied().find(|next| *next > id);
            prop_assert_eq!(stream.after(id).next().map(|entry| entry.id), next);
        }
    }

    /// Whatever a client has written: no panic, and what is taken can be read.
    #[test]
    fn damaged_blocks_are_refused_or_can_be_read(
        entries in prop::collection::vec(some_fields(), 1..4),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cut in prop::option::weighted(0.1, any::<prop::sample::Index>()),
    ) {
        let mut stream = Stream::new();
        entries.iter().zip(1..).for_each(|(fields, ms)| add(&mut stream, id(ms), fields));
        for (first, mut listpack) in stream.listpacks() {
            let at = at.index(listpack.len());
            listpack[at] = byte;
            if let Some(cut) = cut {
                listpack.truncate(cut.index(listpack.len()));
            }
            let mut restore = Restore::new();
            if restore.block(first, &listpack).is_ok() {
                let stream = restore.finish();
                prop_assert_eq!(all(&stream).len(), stream.range_back(StreamId::ZERO, StreamId::MAX).count());
            }
        }
    }
}
