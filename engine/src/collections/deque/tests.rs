//! Lists of blocks against vectors of strings.

use proptest::prelude::*;

use super::*;

fn texts(deque: &Deque, backward: bool) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    deque.walk(if backward { deque.len().saturating_sub(1) } else { 0 }, backward, |element| {
        texts.push(element.to_vec());
        ControlFlow::Continue(())
    });
    texts
}

fn check(deque: &Deque, model: &[Vec<u8>]) {
    assert_eq!(texts(deque, false), model);
    assert_eq!((deque.len(), deque.is_empty()), (model.len(), model.is_empty()));
    let mut backward = texts(deque, true);
    backward.reverse();
    assert_eq!(backward, model);

    let (depth, blocks) = (usize::from(deque.depth), deque.blocks.len());
    for (number, block) in deque.blocks.iter().enumerate() {
        let count = block.read(|block| match block {
            BlockRef::Packed(packed) => packed.iter().count(),
            BlockRef::Plain(_) => 1,
        });
        assert!(count > 0 && count == block.count as usize);
        let inside = depth > 0 && number >= depth && number + depth < blocks;
        assert_eq!(block.was_tried(), inside, "block {number} of {blocks}");
    }
    assert_eq!(deque.block_bytes, deque.blocks.iter().map(HeapBytes::heap_bytes).sum::<usize>());
}

fn numbers(deque: &mut Deque, range: std::ops::Range<usize>) {
    range.for_each(|number| deque.push(End::Right, format!("element {number}").as_bytes(), 0));
}

/// Recorded from Valkey 9.1.2: `ql_nodes` and `ql_uncompressed_size` of `DEBUG OBJECT`, after 10,000 RPUSH of
/// `element 0` to `element 9999`.
#[test]
fn blocks_are_valkeys() {
    for (fill, blocks, bytes) in RECORDED {
        let mut deque = Deque::new(Fill::new(fill), 0);
        numbers(&mut deque, 0..10_000);
        assert_eq!((deque.block_count(), deque.valkey_bytes()), (blocks, bytes), "{fill}");
    }
}

const RECORDED: [(i32, usize, usize); 10] = [
    (-1, 35, 139_135),
    (-2, 17, 139_009),
    (-3, 9, 138_953),
    (-5, 3, 138_911),
    (0, 10_000, 208_890),
    (1, 10_000, 208_890),
    (3, 3334, 162_228),
    (100, 100, 139_590),
    (5000, 17, 139_009),
    (100_000, 17, 139_009),
];

#[test]
fn a_million_elements_cost_little_more_than_their_bytes() {
    let mut deque = Deque::new(Fill::new(-2), 0);
    let count = if cfg!(debug_assertions) { 100_000 } else { 1_000_000 };
    numbers(&mut deque, 0..count);
    let blocks = deque.block_count();
    assert!(deque.heap_bytes() <= blocks * (8192 + 96) + 16_384, "{} for {blocks}", deque.heap_bytes());
    assert!(size_of::<Block>() <= 40);
    let at = deque.locate(count / 2).expect("there");
    assert_eq!(at.index, deque.locate(count / 2 - at.index).map(|first| first.index + at.index).unwrap());
    deque.remove_end(End::Left, count - 1);
    assert!(deque.heap_bytes() < 20_000);
    assert_eq!(texts(&deque, false), [format!("element {}", count - 1).into_bytes()]);
}

/// Whole blocks go at once: were each moved away by itself, this would take minutes.
#[test]
fn many_blocks_go_quickly() {
    let mut deque = Deque::new(Fill::new(1), 0);
    let count = 200_000;
    (0..count).for_each(|number: usize| {
        deque.push(End::Right, if number.is_multiple_of(2) { b"a" } else { b"b" }, 0)
    });
    assert_eq!(deque.block_count(), count);
    assert_eq!(deque.remove_same(b"a", count, End::Right), count / 2);
    assert_eq!(deque.remove_range(1, count / 2 - 2), count / 2 - 2);
    check(&deque, &[b"b".to_vec(), b"b".to_vec()]);
    assert!(deque.heap_bytes() < 4096, "{}", deque.heap_bytes());
}

#[test]
fn inner_blocks_are_compressed() {
    let mut plain = Deque::new(Fill::new(-2), 0);
    let mut compressed = Deque::new(Fill::new(-2), 1);
    for deque in [&mut plain, &mut compressed] {
        numbers(deque, 0..20_000);
        deque.push(End::Right, &vec![b'x'; 100_000], 0);
        numbers(deque, 0..2_000);
    }
    assert!(compressed.heap_bytes() < plain.heap_bytes() / 2);
    assert_eq!(texts(&plain, false), texts(&compressed, true).into_iter().rev().collect::<Vec<_>>());
    assert!(
        compressed.shared(20_000).is_none() && plain.shared(20_000).is_some_and(|text| text.len() == 100_000)
    );
    let position = compressed.find(b"element 10000").expect("there");
    compressed.insert(position, Side::After, b"new", 0);
    compressed.replace(compressed.locate(10_002).expect("there"), b"other", 0);
    assert_eq!(&texts(&compressed, false)[10_000..10_003], [&b"element 10000"[..], b"new", b"other"]);
    check(&compressed, &texts(&compressed, false));
}

#[test]
fn a_copy_shares_nothing() {
    let mut deque = Deque::new(Fill::new(-1), 0);
    deque.push(End::Left, &[b'x'; 5000], 0);
    deque.push(End::Left, b"small", 0);
    let copy = deque.clone();
    assert_ne!(copy.shared(1).unwrap().as_ptr(), deque.shared(1).unwrap().as_ptr());
    deque.replace(deque.locate(0).expect("there"), b"changed", 0);
    check(&copy, &[b"small".to_vec(), vec![b'x'; 5000]]);
}

#[derive(Debug, Clone)]
enum Op {
    Push(End, Vec<u8>),
    RemoveEnd(End, usize),
    Insert(usize, Side, Vec<u8>),
    Replace(usize, Vec<u8>),
    RemoveRange(usize, usize),
    RemoveSame(usize, usize, End),
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0u32..20).prop_map(|number| number.to_string().into_bytes()),
        4 => prop::collection::vec(any::<u8>(), 0..20),
        2 => (0usize..300).prop_map(|len| vec![b'x'; len]),
        1 => (3000usize..9000).prop_map(|len| vec![b'y'; len]),
    ]
}

fn end() -> impl Strategy<Value = End> {
    prop_oneof![Just(End::Left), Just(End::Right)]
}

fn op() -> impl Strategy<Value = Op> {
    let side = || prop_oneof![Just(Side::Before), Just(Side::After)];
    prop_oneof![
        6 => (end(), text()).prop_map(|(end, text)| Op::Push(end, text)),
        1 => (end(), 0usize..4).prop_map(|(end, count)| Op::RemoveEnd(end, count)),
        4 => (any::<usize>(), side(), text()).prop_map(|(at, side, text)| Op::Insert(at, side, text)),
        2 => (any::<usize>(), text()).prop_map(|(at, text)| Op::Replace(at, text)),
        1 => (any::<usize>(), 0usize..6).prop_map(|(at, count)| Op::RemoveRange(at, count)),
        1 => (any::<usize>(), 0usize..4, end()).prop_map(|(at, max, end)| Op::RemoveSame(at, max, end)),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_a_vec(
        fill in prop::sample::select(vec![-5, -2, -1, 0, 1, 2, 3, 5, 128]),
        depth in 0u32..3,
        threshold in prop::sample::select(vec![0, 0, 10, 100]),
        ops in prop::collection::vec(op(), 1..80),
    ) {
        let mut deque = Deque::new(Fill::new(fill), depth);
        let mut model = Vec::<Vec<u8>>::new();
        for op in ops {
            match op {
                Op::Push(end, text) => {
                    deque.push(end, &text, threshold);
                    model.insert(if end == End::Left { 0 } else { model.len() }, text);
                }
                Op::RemoveEnd(end, count) => {
                    deque.remove_end(end, count);
                    let count = count.min(model.len());
                    let start = if end == End::Left { 0 } else { model.len() - count };
                    model.drain(start..start + count);
                }
                Op::Insert(at, side, text) if !model.is_empty() => {
                    let at = at % model.len();
                    deque.insert(deque.locate(at).expect("there"), side, &text, threshold);
                    model.insert(at + usize::from(side == Side::After), text);
                }
                Op::Replace(at, text) if !model.is_empty() => {
                    let at = at % model.len();
                    deque.replace(deque.locate(at).expect("there"), &text, threshold);
                    model[at] = text;
                }
                Op::RemoveRange(at, count) => {
                    let at = at % (model.len() + 1);
                    let count = count.min(model.len() - at);
                    prop_assert_eq!(deque.remove_range(at, count), count);
                    model.drain(at..at + count);
                }
                Op::RemoveSame(at, max, from) if !model.is_empty() => {
                    let text = model[at % model.len()].clone();
                    let mut same: Vec<_> = (0..model.len()).filter(|&index| model[index] == text).collect();
                    prop_assert_eq!(
                        deque.find(&text).map(|found| texts_before(&deque, found)),
                        same.first().copied()
                    );
                    if from == End::Right {
                        same.reverse();
                    }
                    same.truncate(max);
                    prop_assert_eq!(deque.remove_same(&text, max, from), same.len());
                    same.sort_unstable();
                    same.into_iter().rev().for_each(|index| drop(model.remove(index)));
                }
                Op::Insert(..) | Op::Replace(..) | Op::RemoveSame(..) => {}
            }
            check(&deque, &model);
        }
        let mut from = None;
        deque.walk(model.len() / 2, false, |element| {
            from = Some(element.to_vec());
            ControlFlow::Break(())
        });
        prop_assert_eq!(from, model.get(model.len() / 2).cloned());
        check(&deque.clone(), &model);
    }
}

fn texts_before(deque: &Deque, position: Position) -> usize {
    deque.blocks.iter().take(position.block).map(|block| block.count as usize).sum::<usize>() + position.index
}
