//! The wheel against a plain list of deadlines, under a clock that jumps.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

const DAY: Millis = 86_400_000;
/// Late enough that tests can go back for years.
const START: Millis = 1_800_000_000_000;

/// A wheel and what it should hold. Records are told apart by their 32 bits of position and tag.
struct Model {
    wheel: Wheel,
    now: Millis,
    /// The live entries' deadlines.
    live: BTreeMap<u32, Millis>,
    /// Entries whose records are dead.
    dead: BTreeMap<u32, Millis>,
    next_id: u32,
    early: usize,
}

impl Model {
    fn new(now: Millis) -> Self {
        let (live, dead) = (BTreeMap::new(), BTreeMap::new());
        Self { wheel: Wheel::new(now), now, live, dead, next_id: 0, early: 0 }
    }

    fn insert(&mut self, deadline: Millis) {
        // Spread over both parts of the record.
        let id = self.next_id.wrapping_mul(0x9e37_79b1);
        self.next_id += 1;
        self.wheel.insert(u64::from(id >> 8) << 40 | 0xff_ffff, id as u8, deadline);
        self.live.insert(id, deadline);
    }

    fn kill(&mut self, which: usize) {
        if let Some((&id, _)) = self.live.iter().nth(which % self.live.len().max(1)) {
            let deadline = self.live.remove(&id).expect("just seen");
            self.dead.insert(id, deadline);
            self.wheel.note_dead();
        }
    }

    /// One step; returns what `advance` did.
    fn step(&mut self, budget: usize) -> bool {
        let Self { wheel, now, live, dead, early, .. } = self;
        let mut fired = 0;
        let more = wheel.advance(*now, budget, |record| {
            fired += 1;
            let id = id_of(record);
            if let Some(deadline) = dead.remove(&id) {
                assert!(record.agrees(deadline));
                return Answer::Dead;
            }
            let deadline = *live.get(&id).expect("a record fires once");
            assert!(record.agrees(deadline));
            if deadline > *now {
                *early += 1;
                return Answer::Again(deadline);
            }
            live.remove(&id);
            Answer::Expired
        });
        assert!(fired <= budget);
        more
    }

    /// Steps until there is nothing more to do at this moment, which must not take long.
    fn settle(&mut self, budget: usize) {
        // Each record may be filed again on every level, come from the lists aside and fire twice.
        let steps_max = 10 + self.wheel.len() * 10 / budget;
        let steps = (0..=steps_max).take_while(|_| self.step(budget)).count();
        assert!(steps <= steps_max, "{steps} steps of {budget} for {} records", self.wheel.len());
        self.check();
        let due = self.live.values().filter(|&&deadline| deadline <= self.now).count();
        assert_eq!(due, 0, "left behind at {}", self.now);
        assert!(self.wheel.next_due().is_none_or(|due| due > self.now));
    }

    fn check(&self) {
        assert_eq!(self.wheel.lists.check(), self.wheel.len());
        assert_eq!(self.wheel.len(), self.live.len() + self.dead.len());
        assert_eq!(self.wheel.is_empty(), self.wheel.next_due().is_none());
        if let (Some(due), Some(&first)) = (self.wheel.next_due(), self.live.values().min()) {
            assert!(due <= first, "next due at {due}, but a deadline is {first}");
        }
    }

    fn sweep(&mut self, budget: usize) -> bool {
        let Self { wheel, live, dead, .. } = self;
        wheel.sweep(budget, |record| {
            let id = id_of(record);
            assert!(live.contains_key(&id) || dead.contains_key(&id));
            dead.remove(&id).is_none()
        })
    }

    fn taken(&mut self, record: Record) {
        let id = id_of(record);
        if self.dead.remove(&id).is_some() {
            self.wheel.note_buried();
        } else {
            self.live.remove(&id).expect("a record is there once");
        }
    }
}

fn id_of(record: Record) -> u32 {
    (record.position() >> 32) as u32 | u32::from(record.tag())
}

#[derive(Clone, Debug)]
enum Step {
    Insert(i64),
    Many(u16, u32),
    Kill(usize),
    Pass(u64),
    Jump(i64),
    Advance(usize),
    Sweep(usize),
    TakeRandom(u64),
    TakeSoonest,
}

/// Distances of every size up to 2^`bits`, so that each level gets its share.
fn span(bits: u32) -> impl Strategy<Value = u64> {
    (0..bits).prop_flat_map(|bits| 0..(2_u64 << bits))
}

fn either_way(bits: u32) -> impl Strategy<Value = i64> {
    (span(bits), any::<bool>()).prop_map(|(span, back)| if back { -(span as i64) } else { span as i64 })
}

fn step(bits: u32) -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => span(bits).prop_map(|ahead| Step::Insert(ahead as i64)),
        2 => either_way(bits).prop_map(Step::Insert),
        2 => (1_u16..200, 1_u32..5_000).prop_map(|(count, within)| Step::Many(count, within)),
        3 => any::<usize>().prop_map(Step::Kill),
        6 => span(bits).prop_map(Step::Pass),
        2 => either_way(bits).prop_map(Step::Jump),
        4 => (0_usize..20).prop_map(Step::Advance),
        2 => (1_usize..200).prop_map(Step::Sweep),
        1 => any::<u64>().prop_map(Step::TakeRandom),
        1 => Just(Step::TakeSoonest),
    ]
}

/// Runs the steps; returns how many records fired before their time.
fn run(steps: Vec<Step>) -> usize {
    let mut model = Model::new(START);
    for step in steps {
        match step {
            Step::Insert(ahead) => model.insert(model.now.saturating_add_signed(ahead)),
            Step::Many(count, within) => {
                let apart = u64::from(within / u32::from(count)) + 1;
                (0..u64::from(count)).for_each(|n| model.insert(model.now + n * apart));
            }
            Step::Kill(which) => model.kill(which),
            Step::Pass(ms) => {
                model.now += ms;
                model.settle(7);
            }
            Step::Jump(by) => {
                model.now = model.now.saturating_add_signed(by);
                model.step(3);
            }
            Step::Advance(budget) => {
                model.step(budget);
            }
            Step::Sweep(budget) => {
                model.sweep(budget);
            }
            Step::TakeRandom(seed) => {
                if let Some(record) = model.wheel.take_random(&mut Random::seeded(seed)) {
                    model.taken(record);
                }
            }
            Step::TakeSoonest => {
                if let Some(record) = model.wheel.take_soonest() {
                    model.taken(record);
                }
            }
        }
        model.check();
    }
    model.settle(50);
    model.early
}

proptest! {
    /// While all that happens lies within 50 days, nothing fires early, whatever the clock does.
    #[test]
    fn fires_once_in_time_and_never_early(steps in prop::collection::vec(step(26), 1..60)) {
        prop_assert_eq!(run(steps), 0);
    }

    /// Further out records may fire early, but once in time, and are never lost or late.
    #[test]
    fn is_never_late_over_years(steps in prop::collection::vec(step(40), 1..60)) {
        run(steps);
    }

    /// A pass of sweeping, however it is cut up, leaves none of the records that were dead when it began.
    #[test]
    fn sweeps_all_the_dead(
        spans in prop::collection::vec(span(36), 1..400),
        kill_every in 1_usize..6,
        budget in 1_usize..50,
    ) {
        let mut model = Model::new(START);
        spans.iter().for_each(|ahead| model.insert(START + 1 + ahead));
        (0..spans.len() / kill_every).for_each(|n| model.kill(n * 17));
        while model.sweep(budget) {
            model.check();
        }
        model.check();
        prop_assert!(model.dead.is_empty() && !model.wheel.wants_sweep());
    }
}

#[test]
fn every_deadline_fires_in_its_own_millisecond() {
    let mut model = Model::new(START);
    let spans =
        [1, 2, 255, 256, 257, 16_383, 16_384, 16_385, 1 << 20, (1 << 26) - 1, 1 << 26, ROUND - 1, ROUND];
    spans.iter().for_each(|span| model.insert(START + span));
    for span in spans {
        model.now = START + span - 1;
        model.settle(3);
        assert!(model.live.contains_key(&id_of_deadline(&model, START + span)), "{span} fired early");
        model.now = START + span;
        model.settle(3);
        assert!(model.live.values().all(|&deadline| deadline > model.now));
    }
    assert!(model.wheel.is_empty());
    assert_eq!(model.early, 0);
}

fn id_of_deadline(model: &Model, deadline: Millis) -> u32 {
    *model.live.iter().find(|&(_, &other)| other == deadline).expect("live").0
}

#[test]
fn next_due_leads_to_a_deadline_in_a_few_wakes() {
    let mut model = Model::new(START);
    model.insert(START + 40 * DAY + 12_345);
    let mut wakes = 0;
    while let Some(due) = model.wheel.next_due() {
        assert!(due > model.now && due <= START + 40 * DAY + 12_345);
        model.now = due;
        model.settle(1);
        wakes += 1;
    }
    assert_eq!(model.now, START + 40 * DAY + 12_345);
    assert!(wakes <= 5, "{wakes}");
}

#[test]
fn a_far_deadline_fires_early_once_a_round() {
    let mut model = Model::new(START);
    model.insert(START + 10 * ROUND + 5);
    model.insert(1 << 62);
    while model.live.len() == 2 {
        model.now = model.wheel.next_due().expect("two records").max(model.now + DAY);
        model.settle(10);
    }
    assert!(model.now >= START + 10 * ROUND + 5 && model.now <= START + 10 * ROUND + 5 + DAY);
    assert!((10..=22).contains(&model.early), "{}", model.early);
}

#[test]
fn a_jump_of_a_century_costs_one_pass() {
    let mut model = Model::new(START);
    (0..10_000).for_each(|n| model.insert(START + 1 + n * 100_000));
    model.now += 36_525 * DAY;
    // Slots that lie behind fire where they stand, without being filed again.
    let steps = 1 + (0..).take_while(|_| model.step(100)).count();
    assert!(steps <= 101, "{steps}");
    assert!(model.wheel.is_empty());
}

#[test]
fn a_clock_set_back_loses_nothing() {
    let mut model = Model::new(START);
    (0..5_000).for_each(|n| model.insert(START + n * 1_000));
    model.now += 1_000_000;
    model.settle(100);
    let (waiting, filed) = (model.wheel.len(), model.now);

    // An hour back: nothing fires. What is filed now fires by the new time, without touching the others.
    model.now -= 3_600_000;
    model.settle(100);
    assert_eq!(model.wheel.len(), waiting);
    model.insert(model.now + 50);
    model.insert(model.now + 5_000);
    assert_eq!(model.wheel.next_due(), Some(model.now + 50));
    model.now += 49;
    model.settle(100);
    assert_eq!(model.wheel.len(), waiting + 2);
    model.now += 1;
    let work = (0..).take_while(|_| model.step(1)).count();
    assert!(work <= 2, "{work}");
    assert_eq!(model.wheel.len(), waiting + 1);
    model.now += 5_000;
    model.settle(100);
    assert_eq!(model.wheel.len(), waiting);
    model.now = filed + 1_000;
    model.settle(100);
    assert_eq!((model.wheel.len(), model.early), (waiting - 1, 0));
}

#[test]
fn threads_that_overtake_each_other_do_not_rewind() {
    let mut model = Model::new(START);
    for turn in 0..1_000 {
        model.insert(START + turn + 3);
        model.now = START + turn + if turn % 2 == 0 { 4 } else { 0 };
        model.step(100);
        assert!(model.wheel.lists.is_empty(REWOUND));
    }
    model.now = START + 2_000;
    model.settle(100);
    assert!(model.wheel.is_empty() && model.early == 0);
}

#[test]
fn an_owner_that_panics_leaves_the_wheel_whole() {
    let mut wheel = Wheel::new(START);
    (0..100).for_each(|n| wheel.insert(n << 40, 0, START + 1));
    let panics = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        wheel.advance(START + 1, 100, |record| {
            assert!(record.position() >> 40 != 50, "on purpose");
            Answer::Expired
        })
    }));
    assert!(panics.is_err());
    assert_eq!(wheel.lists.check(), wheel.len());
    wheel.advance(START + 1, 100, |_| Answer::Expired);
    assert!(wheel.is_empty());
}

/// A million records in 64 shards: the bytes per record of one shard's wheel, mean over the time until all
/// have fired and worst at any moment at which it holds at least half.
fn bytes_per_record(over: Millis) -> (f64, f64) {
    let count = 1_000_000 / 64;
    let mut random = Random::seeded(over);
    let mut wheel = Wheel::new(START);
    for _ in 0..count {
        wheel.insert(random.next_u64(), random.next_u64() as u8, START + 1 + random.below(over));
    }
    let (mut sum, mut samples, mut worst) = (0.0, 0, 0.0_f64);
    for part in 0..200 {
        let each = wheel.memory_bytes() as f64 / wheel.len() as f64;
        if wheel.len() > count / 2 {
            (sum, samples, worst) = (sum + each, samples + 1, worst.max(each));
        }
        while wheel.advance(START + over * part / 200, 1_000, |_| Answer::Expired) {}
    }
    (sum / f64::from(samples), worst)
}

#[test]
fn a_record_costs_ten_bytes() {
    for over in [1_000, 10 * DAY, 3_600_000, 40 * DAY] {
        let (mean, worst) = bytes_per_record(over);
        println!("a million records over {over} ms: {mean:.2} bytes each, at worst {worst:.2}");
        assert!(mean < 10.5 && worst < 11.0, "over {over} ms: {mean} {worst}");
    }
}

#[test]
fn memory_is_taken_late_and_given_back() {
    let mut model = Model::new(START);
    assert_eq!(model.wheel.memory_bytes(), 0);
    assert!(size_of::<Wheel>() <= 128);
    model.insert(START + 1);
    assert!(model.wheel.memory_bytes() <= 4_300, "{}", model.wheel.memory_bytes());
    (0..50_000).for_each(|n| model.insert(START + n));
    model.now += 50_001;
    model.settle(1_000);
    assert!(model.wheel.memory_bytes() <= 6_500, "{}", model.wheel.memory_bytes());

    // Removing nine of ten leaves holes in every chunk, which are closed again.
    (0..70_000).for_each(|n| model.insert(model.now + 1 + n * 1_000));
    let full = model.wheel.memory_bytes();
    (0..63_000).for_each(|_| model.kill(0));
    assert!(model.wheel.wants_sweep());
    while model.sweep(100) {}
    assert!(!model.wheel.wants_sweep());
    assert!(model.wheel.memory_bytes() < full / 5, "{} of {full}", model.wheel.memory_bytes());

    let mut random = Random::seeded(1);
    (0..63_000).for_each(|n| model.insert(model.now + 1 + n * 1_000));
    for _ in 0..63_000 {
        let record = model.wheel.take_random(&mut random).expect("there are more");
        model.taken(record);
    }
    model.check();
    assert!(model.wheel.memory_bytes() < full / 4, "{} of {full}", model.wheel.memory_bytes());
}

#[test]
fn a_sweep_is_wanted_from_a_quarter_on() {
    let mut model = Model::new(START);
    (0..400).for_each(|n| model.insert(START + DAY + n));
    (0..100).for_each(|n| model.kill(n * 3));
    assert!(!model.wheel.wants_sweep());
    model.kill(0);
    assert!(model.wheel.wants_sweep());
    assert!(model.sweep(10) && model.wheel.wants_sweep(), "a pass that has begun is to be finished");
    while model.sweep(10) {}
    assert_eq!((model.wheel.wants_sweep(), model.wheel.len(), model.wheel.dead), (false, 299, 0));
}

#[test]
fn samples_evenly() {
    let mut wheel = Wheel::new(START);
    // A full slot and many that hold one.
    (0..50_u64).for_each(|n| wheel.insert(n << 40, 0, START + 5));
    (50..100_u64).for_each(|n| wheel.insert(n << 40, 0, START + n * 1_000));
    let mut random = Random::seeded(4);
    let mut seen = [0_u32; 100];
    for _ in 0..100_000 {
        let record = wheel.sample(&mut random).expect("not empty");
        seen[(record.position() >> 40) as usize] += 1;
    }
    assert!(seen.iter().all(|&count| (800..1_200).contains(&count)), "{seen:?}");
    assert_eq!(Wheel::new(0).sample(&mut random), None);
}

#[test]
fn takes_the_soonest_first() {
    let mut model = Model::new(START);
    let mut random = Random::seeded(5);
    for _ in 0..2_000 {
        let bits = random.below(24);
        model.insert(START + random.below(16 << bits));
    }
    let mut misses = 0;
    for taken in 0..2_000 {
        let soonest = *model.live.values().min().expect("not empty");
        let near = soonest < START + 256;
        let record = model.wheel.take_soonest().expect("not empty");
        misses += usize::from(!record.agrees(soonest));
        assert!(!near || record.agrees(soonest), "exact while near");
        model.taken(record);
        assert_eq!(model.wheel.len(), 1_999 - taken);
    }
    // Far ahead it is the soonest of a hundred in the slot.
    assert!(misses < 1_000, "{misses}");
    assert_eq!(model.wheel.take_soonest(), None);
}

#[test]
fn extremes_do_not_overflow() {
    let mut model = Model::new(u64::MAX);
    for deadline in [0, 1, u64::MAX, u64::MAX - 1, END, END - 1, ROUND] {
        model.insert(deadline);
    }
    for now in [0, u64::MAX, 5, END, END - 1, 0] {
        model.now = now;
        (0..100).for_each(|_| {
            model.step(5);
        });
        model.wheel.next_due();
    }
}

#[test]
fn what_waits_in_a_drained_slot_survives_a_clock_that_is_set_back() {
    for count in 1..200u64 {
        for budget in 1..20 {
            let mut wheel = Wheel::new(1_000);
            for n in 0..count {
                wheel.insert(n << 40, n as u8, 1_001);
            }
            let mut fired = Vec::new();
            let mut advance = |wheel: &mut Wheel, now, budget| {
                wheel.advance(now, budget, |record| {
                    fired.push(record.position() >> 40);
                    Answer::Expired
                })
            };
            advance(&mut wheel, 1_001, budget);
            advance(&mut wheel, 1_000, usize::MAX);
            advance(&mut wheel, 1_001, budget);
            advance(&mut wheel, 1_000, budget);
            while advance(&mut wheel, 1_001, budget) {}
            fired.sort_unstable();
            assert!(fired.into_iter().eq(0..count), "{count} {budget}");
            assert!(wheel.is_empty());
        }
    }
}
