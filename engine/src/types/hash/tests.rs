//! Hashes against a map whose fields perish.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use proptest::prelude::*;

use super::*;
use crate::raw::heap::HeapBytes;

/// Values with their deadlines.
type Model = BTreeMap<Vec<u8>, (Vec<u8>, Option<Millis>)>;

#[derive(Debug, Clone)]
enum Operation {
    Set(u8, usize, Option<Millis>),
    Keep(u8, usize),
    Remove(u8),
    Deadline(u8, Option<Millis>),
    /// Time passes.
    Wait(Millis),
    GiveBack(usize),
    Copy,
}

fn operation() -> impl Strategy<Value = Operation> {
    let after = || prop_oneof![3 => Just(None), 2 => (1..60_u64).prop_map(Some)];
    let length = || prop_oneof![8 => 0..12_usize, 1 => 0..80_usize];
    prop_oneof![
        6 => (any::<u8>(), length(), after()).prop_map(|(f, len, d)| Operation::Set(f, len, d)),
        2 => (any::<u8>(), length()).prop_map(|(f, len)| Operation::Keep(f, len)),
        3 => any::<u8>().prop_map(Operation::Remove),
        3 => (any::<u8>(), after()).prop_map(|(f, d)| Operation::Deadline(f, d)),
        2 => (0..20_u64).prop_map(Operation::Wait),
        2 => (0..30_usize).prop_map(Operation::GiveBack),
        1 => Just(Operation::Copy),
    ]
}

fn field(number: u8) -> Vec<u8> {
    match number % 4 {
        0 => number.to_string().into_bytes(),
        _ => vec![b'f', number],
    }
}

fn read(hash: HashRef<'_>, now: Millis) -> Model {
    let mut all = Model::new();
    hash.for_each(now, |field, value| {
        let deadline = hash.deadline(&field.to_vec(), now).expect("it was shown");
        assert!(all.insert(field.to_vec(), (value.to_vec(), deadline)).is_none());
    });
    all
}

fn check(hash: &Hash, model: &Model, now: Millis) {
    let view = hash.as_ref();
    let live: Model = model
        .iter()
        .filter(|(_, (_, deadline))| deadline.is_none_or(|deadline| deadline > now))
        .map(|(field, value)| (field.clone(), value.clone()))
        .collect();
    assert_eq!(view.len(now), live.len());
    assert_eq!(read(view, now), live);
    for number in 0..=u8::MAX {
        let field = field(number);
        let value = view.get(&field, now).map(Element::to_vec);
        assert_eq!(value.as_ref(), live.get(&field).map(|(value, _)| value));
    }
    let (mut cursor, mut met) = (0, HashSet::new());
    loop {
        cursor = view.scan(cursor, now, |field, _| {
            met.insert(field.to_vec());
        });
        if cursor == 0 {
            break;
        }
    }
    assert_eq!(met, live.keys().cloned().collect());
    if let Hash::Table(table) = hash {
        table.check();
        let due = table.next_due();
        assert!(due.is_none_or(|due| model.values().any(|(_, deadline)| *deadline == Some(due))));
        assert_eq!(table.all_perished(now), live.is_empty() && !table.is_empty());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 40 } else { 400 }))]

    #[test]
    fn agrees_with_a_map(
        entries in prop_oneof![Just(8_usize), Just(512)],
        operations in prop::collection::vec(operation(), 1..150),
    ) {
        let limits = Limits { hash_max_listpack_entries: entries, ..Limits::default() };
        let mut random = Random::seeded(1);
        let mut hash = Hash::new();
        let mut model = Model::new();
        let mut now = 1_000;
        let live = |model: &Model, field: &[u8], now| {
            model.get(field).is_some_and(|(_, deadline)| deadline.is_none_or(|deadline| deadline > now))
        };
        for operation in operations {
            let mut means = Means { limits: &limits, random: &mut random, now };
            match operation {
                Operation::Set(number, length, after) => {
                    let (field, value) = (field(number), vec![b'0' + number % 10; length]);
                    let deadline = after.map(|after| now + after);
                    let how = deadline.map_or(FieldDeadline::Clear, FieldDeadline::At);
                    let was = hash.set(&field, &value, how, &mut means);
                    prop_assert_eq!(was == Was::There, live(&model, &field, now));
                    model.insert(field, (value, deadline));
                }
                Operation::Keep(number, length) => {
                    let (field, value) = (field(number), vec![b'k'; length]);
                    let old = live(&model, &field, now).then(|| model[&field].1).flatten();
                    hash.set(&field, &value, FieldDeadline::Keep, &mut means);
                    model.insert(field, (value, old));
                }
                Operation::Remove(number) => {
                    let field = field(number);
                    prop_assert_eq!(hash.remove(&field, now) == Was::There, live(&model, &field, now));
                    model.remove(&field);
                }
                Operation::Deadline(number, after) => {
                    let field = field(number);
                    let deadline = after.map(|after| now + after);
                    let found = hash.set_deadline(&field, deadline, &mut means);
                    prop_assert_eq!(found, live(&model, &field, now));
                    if found {
                        model.get_mut(&field).expect("it is there").1 = deadline;
                    }
                }
                Operation::Wait(ms) => now += ms,
                Operation::GiveBack(budget) => {
                    if let Hash::Table(table) = &mut hash {
                        let removed = table.remove_perished(now, budget);
                        prop_assert!(removed <= budget);
                    }
                }
                Operation::Copy => {
                    if let Hash::Table(table) = &hash {
                        hash = Hash::Table(Box::new(HashTable::clone(table)));
                    }
                }
            }
        }
        check(&hash, &model, now);
        if let Hash::Table(table) = &mut hash {
            while table.remove_perished(now, 7) > 0 {}
            prop_assert!(table.next_due().is_none_or(|due| due > now));
        }
        check(&hash, &model, now);
    }
}

fn filled(count: u32, limits: &Limits) -> Hash {
    let mut random = Random::seeded(1);
    let mut hash = Hash::new();
    for number in 0..count {
        let field = format!("field:{number}");
        let mut means = Means { limits, random: &mut random, now: 0 };
        hash.set(field.as_bytes(), b"value", FieldDeadline::Clear, &mut means);
    }
    hash
}

#[test]
fn becomes_a_table_where_valkey_makes_one() {
    let limits = Limits::default();
    assert!(matches!(filled(512, &limits), Hash::Packed(_)));
    assert!(matches!(filled(513, &limits), Hash::Table(_)));
    let mut random = Random::seeded(1);
    let mut means = Means { limits: &limits, random: &mut random, now: 0 };
    for (length, is_table) in [(64, false), (65, true)] {
        let mut hash = Hash::new();
        hash.set(&vec![b'f'; length], b"", FieldDeadline::Clear, &mut means);
        assert_eq!(matches!(hash, Hash::Table(_)), is_table);
        let mut hash = Hash::new();
        hash.set(b"f", &vec![b'v'; length], FieldDeadline::Clear, &mut means);
        assert_eq!(matches!(hash, Hash::Table(_)), is_table);
    }
    let mut hash = filled(1, &limits);
    assert!(hash.set_deadline(b"field:0", None, &mut means));
    assert!(!hash.set_deadline(b"none", Some(5), &mut means));
    assert!(matches!(hash, Hash::Packed(_)));
    assert!(hash.set_deadline(b"field:0", Some(5), &mut means));
    assert!(matches!(hash, Hash::Table(_)));
}

/// Half of the fields have perished: the others are as likely as ever.
#[test]
fn chance_passes_by_what_has_perished() {
    let limits = Limits { hash_max_listpack_entries: 0, ..Limits::default() };
    let mut hash = filled(60, &limits);
    let mut random = Random::seeded(1);
    for number in (0..60).step_by(2) {
        let mut means = Means { limits: &limits, random: &mut random, now: 0 };
        hash.set_deadline(format!("field:{number}").as_bytes(), Some(5), &mut means);
    }
    let mut hits = BTreeMap::<Vec<u8>, u32>::new();
    let flow = hash.as_ref().draw(30_000, 10, &mut random, |field, _| {
        *hits.entry(field.to_vec()).or_default() += 1;
        ControlFlow::Continue(())
    });
    assert!(flow.is_continue());
    assert_eq!(hits.len(), 30);
    assert!(hits.values().all(|hits| (850..1_150).contains(hits)), "{hits:?}");
    for count in [0, 1, 5, 12, 29, 30, 31] {
        let mut chosen = HashSet::new();
        hash.as_ref().sample(count, 10, &mut random, |field, _| {
            assert!(chosen.insert(field.to_vec()));
        });
        assert_eq!(chosen.len(), count.min(30));
    }
}

#[test]
fn a_small_hash_chooses_evenly() {
    let hash = filled(10, &Limits::default());
    let mut random = Random::seeded(3);
    for times in [1, 2] {
        let mut hits = BTreeMap::<Vec<u8>, u32>::new();
        for _ in 0..10_000 / times {
            let _ = hash.as_ref().draw(times, 0, &mut random, |field, _| {
                *hits.entry(field.to_vec()).or_default() += 1;
                ControlFlow::Continue(())
            });
        }
        assert_eq!(hits.len(), 10);
        assert!(hits.values().all(|hits| (850..1_150).contains(hits)), "{hits:?}");
    }
    let mut hits = BTreeMap::<Vec<u8>, u32>::new();
    for _ in 0..2_000 {
        hash.as_ref().sample(5, 0, &mut random, |field, _| *hits.entry(field.to_vec()).or_default() += 1);
    }
    assert!(hits.values().all(|hits| (850..1_150).contains(hits)), "{hits:?}");
}

/// What a field takes in a large hash, with its field of 12 bytes and its value of 5.
#[test]
fn a_field_takes_little() {
    const COUNT: u32 = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    let mut hash = filled(COUNT, &Limits::default());
    let Hash::Table(table) = &hash else { panic!("it is large") };
    let each = table.heap_bytes() as f64 / f64::from(COUNT);
    assert!(each < 34.0, "{each:.1} bytes a field");
    let (limits, mut random) = (Limits::default(), Random::seeded(1));
    let mut means = Means { limits: &limits, random: &mut random, now: 0 };
    for number in 0..COUNT {
        hash.set_deadline(
            format!("field:{number}").as_bytes(),
            Some(1_000_000 - u64::from(number)),
            &mut means,
        );
    }
    let Hash::Table(table) = &hash else { panic!("it is large") };
    let each = table.heap_bytes() as f64 / f64::from(COUNT);
    assert!(each < 60.0, "{each:.1} bytes a field with a deadline");
}
