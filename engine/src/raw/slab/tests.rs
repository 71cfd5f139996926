//! The slab against its slow twin, the edges of its classes, and what it gives back.

use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;

use proptest::prelude::*;
use proptest::test_runner::RngAlgorithm;

use super::class::{CLASSES, slot_bytes};
use super::naive::{Naive, Value};
use super::*;
use crate::raw::shared::SharedBytes;

/// An object that knows how many of its kind live. Sixteen bytes, and something of its own.
#[derive(Debug)]
struct Counted {
    alive: Rc<Cell<usize>>,
    content: Box<[u8]>,
}

impl Counted {
    fn new(alive: &Rc<Cell<usize>>, content: &[u8]) -> Self {
        alive.set(alive.get() + 1);
        Self { alive: Rc::clone(alive), content: content.into() }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.alive.set(self.alive.get() - 1);
    }
}

impl HeapBytes for Counted {
    fn heap_bytes(&self) -> usize {
        malloc_bytes(self.content.len())
    }
}

impl<X: HeapBytes> ByteSlab<X> {
    /// Counts everything again.
    fn audit(&self) {
        let (mut len, mut live_bytes, mut held, mut vacant, mut objects) = (0, 0, 0, 0, 0);
        let (mut live, mut free) = ([0; CLASSES], [0; CLASSES]);
        for (number, page) in self.pages.iter().enumerate() {
            let entries = page.entries(0).count();
            assert_eq!(entries, page.live());
            len += entries;
            live_bytes += entries * page.slot_bytes();
            held += if page.class() == OVERSIZE { page.held_bytes() } else { 0 };
            vacant += usize::from(number > 0 && page.class() == VACANT);
            assert_eq!(page.class() == VACANT, entries == 0, "an empty page is given back");
            if usize::from(page.class()) < CLASSES {
                let class = usize::from(page.class());
                live[class] += entries;
                let has_room = page.live() < page.slots() && number != self.emptying as usize;
                free[class] += if has_room { page.slots() - page.live() } else { 0 };
                assert_eq!(page.list != UNLISTED, has_room);
                assert!(!has_room || usize::from(page.list) == page.live() * LISTS / page.slots());
            }
        }
        for (_, entry) in self.iter() {
            objects += usize::from(matches!(entry.value(), ValueRef::Heap(_)));
        }
        assert_eq!((len, live_bytes, held), (self.len, self.live_bytes, self.oversize_bytes));
        assert_eq!((vacant, objects), (self.vacant_count, self.objects));
        assert!(self.pages.last().is_none_or(|page| page.class() != VACANT));
        self.blocks.audit(self.pages.iter().map(Page::run));
        for (number, class) in self.classes.iter().enumerate() {
            assert_eq!((class.live as usize, class.free as usize), (live[number], free[number]));
            for (list, &first) in class.lists.iter().enumerate() {
                assert_eq!(class.listed >> list & 1 == 1, first != 0);
                let (mut prev, mut at) = (0, first);
                while at != 0 {
                    let page = &self.pages[at as usize];
                    assert_eq!((page.prev, usize::from(page.list)), (prev, list));
                    (prev, at) = (at, page.next);
                }
            }
        }
    }
}

#[derive(Clone, Debug)]
enum NewBytes {
    Inline(usize),
    Joined(usize),
    Zeroed(usize),
    Heap(usize),
}

#[derive(Clone, Debug)]
enum Op {
    Insert { key_len: usize, meta: Meta, value: NewBytes },
    Replace { at: usize, meta: Meta, value: NewBytes },
    SetDeadline { at: usize, deadline: Option<u64> },
    SetHead { at: usize, kind: u8, encoding: u8, clock: u32 },
    Write { at: usize, byte: u8 },
    Resize { at: usize, len: usize },
    Remove { at: usize },
    RemoveMany { every: usize },
    Compact { budget: usize },
    LookAnywhere { bits: u32 },
    Clear,
}

/// Lengths that meet the edges: of classes, of the short length fields, of pages.
fn len() -> impl Strategy<Value = usize> {
    let large = if cfg!(miri) { 5000..5001 } else { 65_400..65_700usize };
    prop_oneof![
        10 => 0..140usize,
        4 => 230..290usize,
        3 => 500..1100usize,
        2 => 3900..4200usize,
        1 => large,
    ]
}

fn meta() -> impl Strategy<Value = Meta> {
    (0..16u8, 0..16u8, 0..1u32 << 24, prop::option::of(any::<u64>()))
        .prop_map(|(kind, encoding, clock, deadline)| Meta { kind, encoding, clock, deadline })
}

fn value() -> impl Strategy<Value = NewBytes> {
    prop_oneof![
        4 => len().prop_map(NewBytes::Inline),
        1 => len().prop_map(NewBytes::Joined),
        1 => len().prop_map(NewBytes::Zeroed),
        2 => (0..50usize).prop_map(NewBytes::Heap),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let at = any::<usize>;
    prop_oneof![
        12 => (len(), meta(), value()).prop_map(|(key_len, meta, value)| Op::Insert { key_len, meta, value }),
        6 => (at(), meta(), value()).prop_map(|(at, meta, value)| Op::Replace { at, meta, value }),
        4 => (at(), prop::option::of(any::<u64>()))
            .prop_map(|(at, deadline)| Op::SetDeadline { at, deadline }),
        2 => (at(), 0..16u8, 0..16u8, 0..1u32 << 24)
            .prop_map(|(at, kind, encoding, clock)| Op::SetHead { at, kind, encoding, clock }),
        3 => (at(), any::<u8>()).prop_map(|(at, byte)| Op::Write { at, byte }),
        4 => (at(), len()).prop_map(|(at, len)| Op::Resize { at, len }),
        5 => at().prop_map(|at| Op::Remove { at }),
        1 => (2..5usize).prop_map(|every| Op::RemoveMany { every }),
        3 => (1..40usize).prop_map(|budget| Op::Compact { budget }),
        2 => any::<u32>().prop_map(|bits| Op::LookAnywhere { bits }),
        1 => Just(Op::Clear),
    ]
}

/// The slab and its twin, side by side.
struct Pair {
    slab: ByteSlab<Counted>,
    twin: Naive<Counted>,
    alive: Rc<Cell<usize>>,
    /// Where each entry is in both.
    both: Vec<(Handle, usize)>,
    /// Gives every key and value bytes of its own.
    salt: u8,
}

impl Pair {
    fn bytes(&mut self, len: usize) -> Vec<u8> {
        self.salt = self.salt.wrapping_add(29);
        let mut bytes = vec![self.salt; len];
        // Bytes that tell where they belong, should some be moved to the wrong place; few, for Miri's sake.
        for (n, byte) in bytes.iter_mut().step_by(37).enumerate() {
            *byte ^= n as u8;
        }
        bytes
    }

    /// Makes the value twice, and hands the slab's to `give`.
    fn with_value<R>(
        &mut self,
        value: &NewBytes,
        give: impl FnOnce(&mut ByteSlab<Counted>, NewValue<'_, Counted>) -> R,
    ) -> (R, Value<Counted>) {
        match *value {
            NewBytes::Inline(len) => {
                let bytes = self.bytes(len);
                (give(&mut self.slab, NewValue::Inline(&bytes)), Value::Inline(bytes))
            }
            NewBytes::Joined(len) => {
                let bytes = self.bytes(len);
                let (head, tail) = bytes.split_at(len / 3);
                (give(&mut self.slab, NewValue::Joined(&[head, &[], tail])), Value::Inline(bytes))
            }
            NewBytes::Zeroed(len) => {
                (give(&mut self.slab, NewValue::Zeroed(len)), Value::Inline(vec![0; len]))
            }
            NewBytes::Heap(len) => {
                let bytes = self.bytes(len);
                let [ours, theirs] = [0, 1].map(|_| Counted::new(&self.alive, &bytes));
                (give(&mut self.slab, NewValue::Heap(ours)), Value::Heap(theirs))
            }
        }
    }

    fn apply(&mut self, op: Op) {
        let count = self.both.len().max(1);
        match op {
            Op::Insert { key_len, meta, value } => {
                let key = self.bytes(key_len);
                let (handle, value) = self.with_value(&value, |slab, value| slab.insert(&key, meta, value));
                let at = self.twin.insert(&key, meta, value);
                self.both.push((handle, at));
                self.check(self.both.len() - 1);
            }
            Op::LookAnywhere { bits } => {
                // Unscaled it meets no page; scaled it meets live, free and unused slots, and what lies
                // between them.
                let scaled = bits % ((self.slab.pages.len() as u32 + 1) << GRANULE_BITS);
                for handle in [bits, scaled].into_iter().filter_map(Handle::from_bits) {
                    self.slab.prefetch(handle);
                    let known = self.both.iter().any(|&(live, _)| live == handle);
                    assert_eq!(self.slab.find(handle).is_some(), known);
                }
            }
            Op::RemoveMany { every } => {
                for at in (0..self.both.len()).rev().filter(|at| at % every == 0) {
                    self.apply(Op::Remove { at });
                }
            }
            Op::Compact { budget } => {
                let (held, sparse) = (self.slab.bytes_held(), self.slab.is_sparse());
                let (both, twin) = (&mut self.both, &self.twin);
                let mut moves = 0;
                let freed = self.slab.compact(budget, |old, new, entry| {
                    moves += 1;
                    let pair = both.iter_mut().find(|pair| pair.0 == old).expect("known");
                    pair.0 = new;
                    assert_eq!(entry.key(), &*twin.get(pair.1).key);
                });
                assert!(moves <= budget && sparse == (moves > 0));
                assert!(freed > 0 || self.slab.bytes_held() >= held);
                (0..self.both.len()).for_each(|at| self.check(at));
            }
            Op::Clear => {
                self.slab.clear();
                self.twin.clear();
                self.both.clear();
                assert_eq!((self.slab.bytes_held(), self.alive.get()), (0, 0));
            }
            _ if self.both.is_empty() => {}
            Op::Replace { at, meta, value } => {
                let at = at % count;
                let (handle, twin) = self.both[at];
                let (replaced, value) =
                    self.with_value(&value, |slab, value| slab.replace(handle, meta, value));
                self.both[at].0 = replaced.0;
                let displaced = self.twin.replace(twin, meta, value);
                assert_eq!(
                    replaced.1.map(|ours| ours.content.clone()),
                    displaced.map(|theirs| theirs.content.clone())
                );
                self.check(at);
            }
            Op::SetDeadline { at, deadline } => {
                let (handle, twin) = &mut self.both[at % count];
                *handle = self.slab.set_deadline(*handle, deadline);
                self.twin.get_mut(*twin).meta.deadline = deadline;
                self.check(at % count);
            }
            Op::SetHead { at, kind, encoding, clock } => {
                let (handle, twin) = self.both[at % count];
                self.slab.set_kind(handle, kind, encoding);
                self.slab.set_clock(handle, clock);
                let meta = &mut self.twin.get_mut(twin).meta;
                *meta = Meta { kind, encoding, clock, ..*meta };
                self.check(at % count);
            }
            Op::Write { at, byte } => {
                let (handle, twin) = self.both[at % count];
                match (self.slab.value_mut(handle), &mut self.twin.get_mut(twin).value) {
                    (ValueMut::Inline(ours), Value::Inline(theirs)) => {
                        ours.fill(byte);
                        theirs.fill(byte);
                    }
                    (ValueMut::Heap(mut ours), Value::Heap(theirs)) => {
                        ours.content = vec![byte; usize::from(byte)].into();
                        theirs.content = ours.content.clone();
                    }
                    pair => panic!("{pair:?}"),
                }
                self.check(at % count);
            }
            Op::Resize { at, len } => {
                let (handle, twin) = &mut self.both[at % count];
                if let Value::Inline(theirs) = &mut self.twin.get_mut(*twin).value {
                    theirs.resize(len, 0);
                    *handle = self.slab.resize_value(*handle, len);
                }
                self.check(at % count);
            }
            Op::Remove { at } => {
                let (handle, twin) = self.both.swap_remove(at % count);
                let (ours, theirs) = (self.slab.remove(handle), self.twin.remove(twin));
                assert_eq!(
                    ours.map(|ours| ours.content.clone()),
                    theirs.map(|theirs| theirs.content.clone())
                );
                assert!(self.slab.find(handle).is_none());
            }
        }
    }

    fn check(&self, at: usize) {
        let (handle, twin) = self.both[at];
        let (ours, theirs) = (self.slab.get(handle), self.twin.get(twin));
        assert_eq!(ours.key(), &*theirs.key);
        assert_eq!(ours.meta(), theirs.meta);
        match (ours.value(), &theirs.value) {
            (ValueRef::Inline(ours), Value::Inline(theirs)) => assert_eq!(ours, theirs),
            (ValueRef::Heap(ours), Value::Heap(theirs)) => assert_eq!(ours.content, theirs.content),
            pair => panic!("{pair:?}"),
        }
    }

    fn check_all(&self) {
        (0..self.both.len()).for_each(|at| self.check(at));
        assert_eq!(self.slab.len(), self.twin.len());
        assert_eq!(self.slab.heap_bytes(), self.twin.heap_bytes());
        assert_eq!(self.alive.get(), self.slab.objects * 2);
        let listed: HashSet<_> = self.slab.iter().map(|(handle, _)| handle).collect();
        assert_eq!(listed, self.both.iter().map(|pair| pair.0).collect());
        self.slab.audit();
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: if cfg!(miri) { 4 } else { 300 },
        failure_persistence: None,
            rng_algorithm: RngAlgorithm::XorShift,
        ..ProptestConfig::default()
    })]

    #[test]
    fn behaves_like_boxes(ops in prop::collection::vec(op(), 1..if cfg!(miri) { 60 } else { 250 })) {
        let alive = Rc::new(Cell::new(0));
        let mut pair = Pair {
            slab: ByteSlab::new(),
            twin: Naive::new(),
            alive: Rc::clone(&alive),
            both: Vec::new(),
            salt: 0,
        };
        for (n, op) in ops.into_iter().enumerate() {
            pair.apply(op);
            if n % 8 == 0 {
                pair.check_all();
            }
        }
        pair.check_all();
        drop(pair);
        prop_assert_eq!(alive.get(), 0, "every object is dropped once");
    }
}

fn plain() -> ByteSlab<SharedBytes> {
    ByteSlab::new()
}

fn key(n: usize) -> [u8; 16] {
    let mut key = [b'k'; 16];
    key[..8].copy_from_slice(&n.to_le_bytes());
    key
}

#[test]
fn an_empty_slab_holds_nothing_and_a_small_one_little() {
    let mut slab = plain();
    assert_eq!(slab.bytes_held(), 0);
    let handle = slab.insert(b"key", Meta::default(), NewValue::Inline(b"value"));
    assert!(slab.bytes_held() < 3 * 4096, "a page, malloc's header, two lists");
    assert_eq!(slab.get(handle).slot_bytes(), 16);
    assert_eq!(slab.remove(handle), None);
    assert!(slab.bytes_held() < 3 * 4096, "one small page is kept");
    slab.clear();
    assert_eq!(slab.bytes_held(), 0);
}

#[test]
fn a_short_key_and_a_value_of_64_bytes_take_88_bytes() {
    let mut slab = plain();
    let entries = if cfg!(miri) { 3000 } else { 100_000 };
    for n in 0..entries {
        slab.insert(&key(n), Meta::default(), NewValue::Inline(&[7; 64]));
    }
    assert_eq!(slab.live_bytes(), entries * 88);
    let most = if cfg!(miri) { 110 } else { 107 };
    assert!(slab.bytes_held() * 100 <= slab.live_bytes() * most, "{slab:?}");
}

#[test]
fn every_size_fits_its_slot_and_only_its_slot() {
    let mut slab = plain();
    for class in 0..CLASSES {
        for bytes in [slot_bytes(class) - 7, slot_bytes(class) - 1, slot_bytes(class)] {
            let handle = slab.insert(b"", Meta::default(), NewValue::Zeroed(bytes - 8));
            assert_eq!(slab.get(handle).slot_bytes(), slot_bytes(class));
            assert!(fits_inline(0, bytes - 8, false));
        }
    }
    let handle = slab.insert(b"", Meta::default(), NewValue::Zeroed(MAX_INLINE - 7));
    assert_eq!(slab.get(handle).slot_bytes(), MAX_INLINE + 1);
    assert!(!fits_inline(0, MAX_INLINE - 7, false) && !fits_inline(0, MAX_INLINE - 8, true));
    assert!(fits_inline(0, MAX_INLINE - 16, true) && !fits_inline(256, MAX_INLINE - 264, false));
    assert!(!fits_inline(usize::MAX, usize::MAX, true));
}

#[test]
fn a_key_of_any_length_carries_a_value_of_any_kind() {
    let mut slab = plain();
    let key = vec![b'k'; 100_000];
    let meta = Meta { deadline: Some(5), ..Meta::default() };
    let handle = slab.insert(&key, meta, NewValue::Heap(SharedBytes::copy_from(b"large")));
    assert!(slab.bytes_held() > 100_000 && slab.heap_bytes() > 0);
    let (handle, displaced) = slab.replace(handle, Meta::default(), NewValue::Inline(b"small"));
    assert_eq!(displaced.as_deref(), Some(&b"large"[..]));
    assert_eq!(slab.get(handle).key(), key);
    assert_eq!((slab.remove(handle), slab.bytes_held(), slab.heap_bytes()), (None, 0, 0));
}

#[test]
fn handles_of_removed_entries_are_refused_and_slots_used_again() {
    let mut slab = plain();
    let first = slab.insert(b"first", Meta::default(), NewValue::Inline(b"1"));
    slab.insert(b"second", Meta::default(), NewValue::Inline(b"2"));
    slab.remove(first);
    assert!(slab.find(first).is_none());
    let third = slab.insert(b"third", Meta::default(), NewValue::Inline(b"3"));
    assert_eq!(first, third);
}

#[test]
#[should_panic(expected = "names a live entry")]
fn removing_twice_is_refused() {
    let mut slab = plain();
    slab.insert(b"other", Meta::default(), NewValue::Inline(b""));
    let handle = slab.insert(b"key", Meta::default(), NewValue::Heap(SharedBytes::copy_from(b"x")));
    slab.remove(handle);
    slab.remove(handle);
}

#[test]
fn values_that_look_like_heads_are_not_taken_for_entries() {
    // Every eight bytes of the value read as the head of an entry with an owned object. Only real slots may
    // be found.
    let mut slab = plain();
    let forged = u64::MAX.to_le_bytes().repeat(30);
    let handle = slab.insert(b"", Meta::default(), NewValue::Inline(&forged));
    let found =
        (1..3 << GRANULE_BITS).filter_map(Handle::from_bits).filter(|&other| slab.find(other).is_some());
    assert_eq!(found.collect::<Vec<_>>(), [handle]);
}

#[test]
fn a_deadline_that_comes_and_goes_keeps_a_slot_that_has_room() {
    let mut slab = plain();
    let handle = slab.insert(b"12345", Meta::default(), NewValue::Inline(&[1; 123]));
    assert_eq!(slab.get(handle).slot_bytes(), 144);
    let same = slab.set_deadline(handle, Some(9));
    assert_eq!((same, slab.get(same).deadline()), (handle, Some(9)));
    assert_eq!(slab.set_deadline(handle, None), handle);
    let full = slab.insert(b"12345678", Meta::default(), NewValue::Inline(&[2; 128]));
    assert_ne!(slab.set_deadline(full, Some(9)), full);
}

#[test]
fn growing_inside_the_slot_does_not_move() {
    let mut slab = plain();
    let handle = slab.insert(b"key", Meta::default(), NewValue::Inline(&[1; 520]));
    assert_eq!(slab.resize_value(handle, 530), handle);
    let ValueRef::Inline(value) = slab.get(handle).value() else { panic!("inline") };
    assert!(value[..520] == [1; 520] && value[520..] == [0; 10]);
}

#[test]
fn evicting_and_compacting_gives_whole_pages_back() {
    let mut slab = plain();
    let entries = if cfg!(miri) { 400 } else { 60_000 };
    let mut handles: Vec<_> = (0..entries)
        .map(|n| slab.insert(&key(n), Meta::default(), NewValue::Inline(&[n as u8; 64])))
        .collect();
    let mut place = std::collections::HashMap::new();
    let full = slab.bytes_held();
    // Takes three of four away, everywhere: without moving, no page would come back.
    for (n, handle) in handles.iter_mut().enumerate() {
        if n % 4 != 0 {
            slab.remove(*handle);
        } else {
            place.insert(*handle, n);
        }
    }
    assert!(slab.is_sparse() && slab.bytes_held() * 10 > full * 9);
    let mut calls = 0;
    while slab.is_sparse() {
        slab.compact(100, |old, new, entry| {
            let n = place.remove(&old).expect("known");
            assert_eq!(entry.key(), key(n));
            place.insert(new, n);
        });
        calls += 1;
        assert!(calls < entries);
    }
    slab.audit();
    assert_eq!(slab.compact(100, |_, _, _| panic!("nothing to do")), 0);
    assert!(slab.bytes_held() * 100 < slab.live_bytes() * 115 + 100 * 5 * 4096, "{slab:?}");
    for (handle, n) in place {
        assert_eq!(slab.remove(handle), None, "{n}");
    }
    assert!(slab.bytes_held() < 3 * 4096);
}

#[test]
fn a_panic_in_the_middle_of_compacting_leaves_the_slab_whole() {
    let mut slab = ByteSlab::new();
    let alive = Rc::new(Cell::new(0));
    let handles: Vec<_> = (0..600)
        .map(|n| slab.insert(&key(n), Meta::default(), NewValue::Heap(Counted::new(&alive, &key(n)))))
        .collect();
    handles.iter().filter(|handle| handle.to_bits() % 5 != 0).for_each(|&handle| drop(slab.remove(handle)));
    assert!(slab.is_sparse());
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        slab.compact(10, |_, _, _| panic!("the caller's own"));
    }));
    assert!(outcome.is_err());
    slab.audit();
    assert_eq!(alive.get(), slab.len());
    drop(slab);
    assert_eq!(alive.get(), 0);
}

#[test]
fn threads_may_share_it_and_take_it_along() {
    let mut slab = plain();
    let handle = slab.insert(b"key", Meta::default(), NewValue::Heap(SharedBytes::copy_from(b"value")));
    std::thread::scope(|scope| {
        scope.spawn(|| assert_eq!(slab.get(handle).key(), b"key"));
        scope.spawn(|| {
            assert!(matches!(slab.get(handle).value(), ValueRef::Heap(value) if **value == *b"value"))
        });
    });
    std::thread::spawn(move || drop(slab)).join().expect("joined");
}
