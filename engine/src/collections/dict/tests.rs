//! The dict against the standard library's map, and what it takes.

use std::collections::{HashMap, HashSet};

use proptest::prelude::*;

use super::*;

type Model = HashMap<Vec<u8>, (Vec<u8>, Option<u64>)>;

#[derive(Debug, Clone)]
enum Operation {
    /// Adds the item, or gives it another value.
    Set(u16, usize),
    Deadline(u16, Option<u64>),
    Remove(u16),
    /// Removes every third item.
    Thin,
    Compact(usize),
    Clear,
    /// Goes on with a clone.
    Clone,
}

fn operation() -> impl Strategy<Value = Operation> {
    let length =
        prop_oneof![6 => 0..40_usize, 2 => 240..300_usize, 1 => 1_900..2_200_usize, 1 => Just(70_000)];
    prop_oneof![
        12 => (0..600_u16, length).prop_map(|(key, length)| Operation::Set(key, length)),
        3 => (0..600_u16, any::<Option<u64>>()).prop_map(|(key, at)| Operation::Deadline(key, at)),
        5 => (0..600_u16).prop_map(Operation::Remove),
        1 => Just(Operation::Thin),
        3 => (0..40_usize).prop_map(Operation::Compact),
        1 => Just(Operation::Clone),
        1 => (0..20_u8).prop_map(|n| if n == 0 { Operation::Clear } else { Operation::Compact(200) }),
    ]
}

/// Keys of all lengths that are laid out differently.
fn key(number: u16) -> Vec<u8> {
    let mut key = number.to_le_bytes().to_vec();
    key.resize([2, 8, 61, 64, 300, 2_050][usize::from(number) % 6], 0xff);
    key
}

/// What the handles are that somebody outside keeps.
struct Fixture {
    dict: Dict,
    model: Model,
    handles: HashMap<Vec<u8>, Handle>,
}

impl Fixture {
    fn run(&mut self, operation: &Operation) {
        match *operation {
            Operation::Set(number, length) => {
                let (key, value) = (key(number), vec![number as u8; length]);
                let handle = match self.dict.find(&key) {
                    Some(handle) => self.dict.set_value(handle, &value),
                    None => self.dict.insert(&key, &value, None),
                };
                self.handles.insert(key.clone(), handle);
                self.model.entry(key).or_default().0 = value;
            }
            Operation::Deadline(number, deadline) => {
                let key = key(number);
                if let Some(handle) = self.dict.find(&key) {
                    let handle = self.dict.set_deadline(handle, deadline);
                    self.handles.insert(key.clone(), handle);
                    self.model.get_mut(&key).expect("both have it").1 = deadline;
                }
            }
            Operation::Remove(number) => self.remove(&key(number)),
            Operation::Thin => {
                let mut keys: Vec<Vec<u8>> = self.model.keys().cloned().collect();
                keys.sort();
                keys.iter().step_by(3).for_each(|key| self.remove(key));
            }
            Operation::Compact(budget) => {
                let named: HashMap<Handle, Vec<u8>> = self.handles.drain().map(|(k, h)| (h, k)).collect();
                let mut moves = HashMap::new();
                self.dict.compact(budget, |old, new| {
                    assert!(moves.insert(old, new).is_none());
                });
                for (mut handle, key) in named {
                    // A place that was left may be taken again in the same step.
                    while let Some(new) = moves.remove(&handle) {
                        handle = new;
                        if self.dict.key(handle) == key {
                            break;
                        }
                    }
                    self.handles.insert(key, handle);
                }
            }
            Operation::Clone => self.dict = self.dict.clone(),
            Operation::Clear => {
                self.dict.clear();
                self.model.clear();
                self.handles.clear();
            }
        }
    }

    fn remove(&mut self, key: &[u8]) {
        let found = self.dict.find(key);
        assert_eq!(found.is_some(), self.model.remove(key).is_some());
        assert_eq!(found, self.handles.remove(key));
        if let Some(handle) = found {
            self.dict.remove(handle);
        }
    }

    fn check(&self) {
        assert_eq!(self.dict.len(), self.model.len());
        assert_eq!(self.dict.is_empty(), self.model.is_empty());
        for (key, (value, deadline)) in &self.model {
            let handle = self.dict.find(key).expect("the model has it");
            assert_eq!(self.handles[key], handle);
            assert_eq!(self.dict.item(handle), Item { key, value, deadline: *deadline });
            assert_eq!(self.dict.key(handle), key);
            assert_eq!(self.dict.value(handle), value);
            assert_eq!(self.dict.deadline(handle), *deadline);
        }
        assert_eq!(self.dict.iter().count(), self.model.len());
        self.dict.arena.check();
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 24 } else { 300 }))]

    #[test]
    fn agrees_with_a_map(seed in any::<u64>(), operations in prop::collection::vec(operation(), 1..300)) {
        let mut fixture =
            Fixture { dict: Dict::new(seed), model: Model::new(), handles: HashMap::new() };
        for operation in &operations {
            fixture.run(operation);
        }
        fixture.check();
        while fixture.dict.is_sparse() {
            fixture.run(&Operation::Compact(1));
        }
        fixture.check();
    }

    /// Whatever changes between the steps, what is there all the time is met.
    #[test]
    fn a_walk_meets_what_stays(
        seed in any::<u64>(),
        stay in 1..400_u32,
        churn in 0..3_000_u32,
        step in 1..60_u32,
    ) {
        let mut dict = Dict::new(seed);
        for number in 0..stay {
            dict.insert(&number.to_be_bytes(), b"stays", None);
        }
        let mut seen = HashSet::new();
        let (mut cursor, mut added, mut removed) = (0, 0, 0);
        loop {
            cursor = dict.scan(cursor, |_, item| {
                if item.value == b"stays" {
                    seen.insert(item.key.to_vec());
                }
            });
            if cursor == 0 {
                break;
            }
            assert!(cursor < 1 << 42);
            for _ in 0..step {
                if added < churn {
                    dict.insert(&(1_000_000 + added).to_be_bytes(), b"goes", None);
                    added += 1;
                } else if removed < churn {
                    let handle = dict.find(&(1_000_000 + removed).to_be_bytes()).expect("added before");
                    dict.remove(handle);
                    dict.compact(8, |_, _| {});
                    removed += 1;
                }
            }
        }
        prop_assert_eq!(seen.len() as u32, stay);
    }
}

#[test]
fn any_number_is_a_cursor() {
    let mut dict = Dict::new(1);
    assert_eq!(dict.scan(0, |_, _| panic!("it is empty")), 0);
    for number in 0..5_000_u32 {
        dict.insert(&number.to_le_bytes(), b"", None);
    }
    assert_eq!(dict.scan(1 << 42, |_, _| panic!("beyond the end")), 0);
    assert_eq!(dict.scan(u64::MAX, |_, _| panic!("beyond the end")), 0);
    let mut met = 0;
    assert_eq!(dict.scan((1 << 42) - 1, |_, _| met += 1), 0);
    assert!(met < 40);
}

/// Eight bytes a member, and what growing and shrinking to any length leaves.
#[test]
fn a_member_of_eight_bytes_takes_at_most_22() {
    const COUNT: u64 = if cfg!(debug_assertions) { 200_000 } else { 1_000_000 };
    let mut dict = Dict::new(1);
    let mut worst = 0.0_f64;
    for number in 0..COUNT {
        dict.insert(&number.to_le_bytes(), b"", None);
        if number > 10_000 && number % 1_000 == 0 {
            worst = worst.max(dict.memory_bytes() as f64 / dict.len() as f64);
        }
    }
    let mean = dict.memory_bytes() as f64 / COUNT as f64;
    assert!(mean <= 22.0 && worst <= 24.5, "{mean:.2}, at worst {worst:.2}");

    // Every second goes, so that every page is half empty; then nearly all.
    let mut worst = 0.0_f64;
    for start in [0, 1] {
        for number in (start..COUNT).step_by(2) {
            dict.remove(dict.find(&number.to_le_bytes()).expect("inserted before"));
            dict.compact(8, |_, _| {});
            if dict.len() > 10_000 && number % 1_000 < 2 {
                worst = worst.max(dict.memory_bytes() as f64 / dict.len() as f64);
            }
            if dict.len() == 100 {
                break;
            }
        }
        dict.arena.check();
    }
    assert!(worst <= 36.0, "at worst {worst:.2}");
    assert!(dict.memory_bytes() <= 8_000, "{} bytes for a hundred", dict.memory_bytes());
    let left: Vec<Handle> = dict.handles().collect();
    for handle in left {
        dict.remove(handle);
    }
    assert!(dict.memory_bytes() <= 3_000, "{} bytes for none", dict.memory_bytes());
}

#[test]
fn what_has_just_become_a_dict_takes_little() {
    let mut dict = Dict::new(1);
    assert_eq!(dict.memory_bytes(), 0);
    let mut content = 0;
    for number in 0..513_u32 {
        let (key, value) = (format!("field:{number}"), format!("value:{}", number * 7));
        content += key.len() + value.len();
        dict.insert(key.as_bytes(), value.as_bytes(), None);
    }
    let each = (dict.memory_bytes() - content) as f64 / 513.0;
    assert!(each < 21.0, "{each:.1} bytes a field beyond field and value");
}

#[test]
fn every_item_is_as_likely_as_any_other() {
    for count in [1, 2, 17, 100, 1_000, 20_000_u32] {
        let mut dict = Dict::new(u64::from(count));
        let mut random = Random::seeded(7);
        assert_eq!(dict.random(&mut random), None);
        for number in 0..count {
            dict.insert(&number.to_le_bytes(), b"", None);
        }
        // Sixteen groups, chosen by what the hash does not see in order.
        let groups = 16.min(count);
        let draws = 32_000;
        let mut hits = vec![0_u32; groups as usize];
        for _ in 0..draws {
            let handle = dict.random(&mut random).expect("it is not empty");
            let number = u32::from_le_bytes(dict.key(handle).try_into().expect("four bytes"));
            hits[(number % groups) as usize] += 1;
        }
        for (group, hits) in hits.into_iter().enumerate() {
            let members = count / groups + u32::from((group as u32) < count % groups);
            let expected = f64::from(draws) * f64::from(members) / f64::from(count);
            let deviation = (f64::from(hits) - expected).abs() / expected.sqrt();
            assert!(deviation < 5.0, "{count}: group {group} was met {hits} times, not {expected:.0}");
        }
    }
}

/// The groups above could hide that the buckets of unsplit segments are met too often.
#[test]
fn wide_buckets_are_met_no_more_often_than_narrow_ones() {
    let mut dict = Dict::new(3);
    for number in 0..12_000_u32 {
        dict.insert(&number.to_le_bytes(), b"", None);
    }
    let mut random = Random::seeded(7);
    let mut hits: HashMap<Handle, u32> = HashMap::new();
    for _ in 0..120_000 {
        *hits.entry(dict.random(&mut random).expect("it is not empty")).or_default() += 1;
    }
    // Ten on average each: as a sum of squares over all, so that a systematic factor shows.
    let squares: f64 =
        dict.handles().map(|h| (f64::from(hits.get(&h).copied().unwrap_or(0)) - 10.0).powi(2)).sum();
    let ratio = squares / 10.0 / 12_000.0;
    assert!((0.9..1.1).contains(&ratio), "variance is {ratio:.2} times that of an even draw");
}
