//! Sequences against vectors of strings, and their bytes against listpacks that Valkey 9.1.2 has dumped.

use proptest::prelude::*;

use super::*;

fn texts(packed: Packed<'_>) -> Vec<Vec<u8>> {
    packed.iter().map(Element::to_vec).collect()
}

fn check(packed: Packed<'_>, model: &[Vec<u8>]) {
    assert_eq!(texts(packed), model);
    assert_eq!((packed.len(), packed.is_empty()), (model.len(), model.is_empty()));
    let mut backward: Vec<_> = packed.iter().rev().map(Element::to_vec).collect();
    backward.reverse();
    assert_eq!(backward, model);
    let bytes: usize = model.iter().map(|text| element_bytes(text)).sum();
    assert_eq!(packed.listpack_bytes(), bytes + LISTPACK_FRAME_BYTES);
}

/// The elements from an index on, as a sequence of their own.
fn take_tail(packed: &mut PackedBuf, index: usize) -> PackedBuf {
    let (at, end) =
        (packed.as_packed().seek(index).unwrap_or(packed.as_packed().end()), packed.as_packed().end());
    let count = packed.len() - index;
    let mut tail = PackedBuf::new();
    tail.append_tail(packed.as_packed(), at, count);
    packed.cut(at, end, count);
    tail
}

/// The edges of every form: numbers, and text by its length.
fn edges() -> Vec<Vec<u8>> {
    let mut edges = Vec::new();
    for bits in [7, 12, 13, 15, 16, 23, 24, 31, 32, 62] {
        for off in [-1, 0, 1] {
            let number = (1i64 << bits) + off;
            edges.extend([number.to_string().into_bytes(), (-number).to_string().into_bytes()]);
        }
    }
    edges.extend([i64::MIN, i64::MAX, 0, -1].map(|number| number.to_string().into_bytes()));
    edges.extend(["", "-0", "007", "1.5", "9223372036854775808"].map(|text| text.as_bytes().to_vec()));
    for len in [62, 63, 64, 65, 124, 125, 126, 127, 128, 4094, 4095, 4096, 16377, 16378, 16379, 70_000] {
        edges.push(vec![b'x'; len]);
    }
    edges
}

#[test]
fn keeps_every_form() {
    let edges = edges();
    let packed: PackedBuf = edges.iter().collect();
    check(packed.as_packed(), &edges);
    for (index, text) in edges.iter().enumerate() {
        let at = packed.as_packed().seek(index).expect("there");
        let element = packed.as_packed().at(at);
        assert!(element.is(text) && element.same(Element::of(text), text));
        assert!(!element.is(b"something else") && !element.same(Element::of(b"12"), b"12"));
        assert_eq!(element.compare(text), std::cmp::Ordering::Equal);
        assert_eq!(element.text_bytes(), text.len());
        assert_eq!(packed.as_packed().after(at) - at, element_bytes(text));
        assert_eq!(packed.as_packed().find(text, 0, START), Some(at));
    }
    assert!(packed.as_packed().get(edges.len()).is_none());
}

/// Recorded from Valkey 9.1.2: the listpack in the DUMP of a hash.
#[test]
fn is_valkeys_listpack() {
    let elements = ["0", "127", "128", "-1", "4095", "-4096", "4096", "8388607", "-8388609", "99999999999"];
    let packed: PackedBuf = elements.iter().chain(&["text", "-0"]).collect();
    let dumped = b"\x3a\0\0\0\x0c\0\0\x01\x7f\x01\xc0\x80\x02\xdf\xff\x02\xcf\xff\x02\xd0\0\x02\xf1\0\x10\x03\
        \xf2\xff\xff\x7f\x04\xf3\xff\xff\x7f\xff\x05\xf4\xff\xe7\x76\x48\x17\0\0\0\x09\x84text\x05\x82-0\x03\xff";
    assert_eq!(packed.as_packed().to_listpack(), dumped);
    let back = PackedBuf::from_listpack(dumped).expect("a listpack");
    assert_eq!(back.as_packed().bytes(), packed.as_packed().bytes());
}

/// Recorded from Valkey 9.1.2 likewise, with values of such lengths.
#[test]
fn lengths_behind_are_valkeys() {
    let table: [(usize, &[u8]); 6] = [
        (0x3fff, b"\x7f\xff"),
        (0x4000, b"\x01\x80\x80"),
        (0x1f_ffff, b"\x7f\xff\xff"),
        (0x20_0000, b"\x01\x80\x80\x80"),
        (0xfff_ffff, b"\x7f\xff\xff\xff"),
        (0x1000_0000, b"\x01\x80\x80\x80\x80"),
    ];
    for (content, written) in table {
        let mut back = vec![0; back_bytes(content)];
        element::write_back(content, &mut back);
        assert_eq!(back, written);
        assert_eq!(last_bytes(&back), content + back.len());
    }
}

#[test]
fn finds_among_pairs() {
    let packed: PackedBuf = ["a", "b", "b", "a", "7", "b"].iter().collect();
    let packed = packed.as_packed();
    assert_eq!(packed.find(b"b", 1, START), packed.seek(2));
    assert_eq!(packed.find(b"a", 1, packed.seek(2).unwrap()), None);
    assert_eq!(packed.find(b"7", 1, START), packed.seek(4));
    assert_eq!(packed.find(b"07", 1, START), None);
    assert_eq!(Packed::EMPTY.find(b"a", 1, START), None);
}

/// Who wrote a dump need not have made a number of every text that looks like one.
#[test]
fn text_that_could_be_a_number_is_still_text() {
    let packed = PackedBuf::from_listpack(b"\x0b\0\0\0\x01\0\x8212\x03\xff").expect("a listpack");
    assert!(matches!(packed.as_packed().get(0), Some(Element::Text(b"12"))));
    assert_eq!(packed.as_packed().find(b"12", 0, START), Some(START));
    assert_eq!(packed.as_packed().at(START).integer(), Some(12));
}

#[test]
fn refuses_what_is_no_listpack() {
    for corrupt in [
        &b""[..],
        b"\x07\0\0\0\0\0",                               // no end
        b"\x07\0\0\0\0\0\xfe",                           // another end
        b"\x08\0\0\0\0\0\xff",                           // a wrong total
        b"\x07\0\0\0\x01\0\xff",                         // a wrong count
        b"\x09\0\0\0\x01\0\x05\x02\xff",                 // a wrong length behind
        b"\x08\0\0\0\x01\0\x05\xff",                     // no length behind
        b"\x09\0\0\0\x01\0\xff\x01\xff",                 // no first byte of an element
        b"\x09\0\0\0\x01\0\xf5\x01\xff",                 // likewise
        b"\x09\0\0\0\x01\0\x85\x01\xff",                 // text that does not end
        b"\x08\0\0\0\x01\0\xf0\xff",                     // a length cut short
        b"\x0d\0\0\0\x01\0\xf0\xff\xff\xff\xff\x00\xff", // a length without end
    ] {
        assert_eq!(PackedBuf::from_listpack(corrupt).err(), Some(CorruptListpack), "{corrupt:?}");
    }
    assert_eq!(PackedBuf::from_listpack(b"\x07\0\0\0\0\0\xff").map(|packed| packed.len()), Ok(0));
    // The count may be left open.
    assert_eq!(PackedBuf::from_listpack(b"\x09\0\0\0\xff\xff\x05\x01\xff").map(|packed| packed.len()), Ok(1));
}

#[test]
fn counts_beyond_what_the_header_can_say() {
    let mut packed = PackedBuf::new();
    for index in 0..65_540 {
        packed.push_back(&[b'0' + (index % 10) as u8]);
    }
    assert_eq!(packed.len(), 65_540);
    assert!(packed.as_packed().get(65_539).is_some_and(|last| last.is(b"9")));
    assert!(
        PackedBuf::from_listpack(&packed.as_packed().to_listpack()).is_ok_and(|same| same.len() == 65_540)
    );
    assert_eq!(packed.remove(START, 6), 6);
    assert_eq!((packed.len(), packed.as_packed().bytes()[0]), (65_534, 0xfe));
    let tail = take_tail(&mut packed, 10);
    assert_eq!((packed.len(), tail.len()), (10, 65_524));
    packed.append(tail.as_packed());
    assert_eq!(packed.len(), 65_534);
}

#[test]
fn a_reader_of_the_buffer_keeps_what_it_took() {
    let mut packed: PackedBuf = ["a", "b", "c"].iter().collect();
    let kept = packed.shared().clone();
    packed.remove(START, 1);
    packed.replace(START, b"x");
    packed.push_front(b"y");
    assert_eq!(texts(packed.as_packed()), [b"y", b"x", b"c"]);
    assert_eq!(texts(Packed::new(&kept)), [b"a", b"b", b"c"]);
}

#[test]
fn gives_room_back() {
    let mut packed: PackedBuf = (0..1000).map(|index| format!("element {index}")).collect();
    assert!(packed.shared().capacity() < packed.shared().len() * 9 / 8 + 64);
    packed.remove(START, 900);
    assert!(packed.shared().capacity() < 2 * packed.shared().len() + 100);
    packed.clear();
    assert!(packed.is_empty());
    packed.push_back(b"again");
    check(packed.as_packed(), &[b"again".to_vec()]);
}

#[derive(Debug, Clone)]
enum Op {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    InsertBefore(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize, usize),
    RemoveSame(usize, usize, bool),
    Split(usize),
    Shrink,
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string().into_bytes()),
        (-5000i64..5000).prop_map(|number| number.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..20),
        (0usize..300).prop_map(|len| vec![b'x'; len]),
        prop::sample::select(edges()),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let at = || any::<usize>();
    prop_oneof![
        text().prop_map(Op::PushBack),
        prop::sample::select(vec!["a", "a", "7"]).prop_map(|text| Op::PushBack(text.into())),
        text().prop_map(Op::PushFront),
        (at(), text()).prop_map(|(at, text)| Op::InsertBefore(at, text)),
        (at(), text()).prop_map(|(at, text)| Op::InsertAfter(at, text)),
        (at(), text()).prop_map(|(at, text)| Op::Replace(at, text)),
        (at(), 0usize..4).prop_map(|(at, count)| Op::Remove(at, count)),
        (at(), 0usize..4, any::<bool>()).prop_map(|(at, max, last)| Op::RemoveSame(at, max, last)),
        at().prop_map(Op::Split),
        Just(Op::Shrink),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn behaves_like_a_vec(ops in prop::collection::vec(op(), 1..60)) {
        let (mut packed, mut model) = (PackedBuf::new(), Vec::<Vec<u8>>::new());
        for op in ops {
            let offset = |index| packed.as_packed().seek(index).unwrap_or(packed.as_packed().end());
            match op {
                Op::PushBack(text) => {
                    packed.push_back(&text);
                    model.push(text);
                }
                Op::PushFront(text) => {
                    packed.push_front(&text);
                    model.insert(0, text);
                }
                Op::InsertBefore(index, text) => {
                    let index = index % (model.len() + 1);
                    packed.insert_before(offset(index), &text);
                    model.insert(index, text);
                }
                Op::InsertAfter(index, text) if !model.is_empty() => {
                    let index = index % model.len();
                    let at = packed.insert_after(offset(index), &text);
                    prop_assert!(packed.as_packed().at(at).is(&text));
                    model.insert(index + 1, text);
                }
                Op::Replace(index, text) if !model.is_empty() => {
                    let index = index % model.len();
                    packed.replace(offset(index), &text);
                    model[index] = text;
                }
                Op::Remove(index, count) => {
                    let index = index % (model.len() + 1);
                    let end = (index + count).min(model.len());
                    prop_assert_eq!(packed.remove(offset(index), count), end - index);
                    model.drain(index..end);
                }
                Op::RemoveSame(index, max, last) if !model.is_empty() => {
                    let text = model[index % model.len()].clone();
                    let mut same: Vec<_> = (0..model.len()).filter(|&index| model[index] == text).collect();
                    let removed = if last {
                        same.reverse();
                        packed.remove_same_last(&text, max)
                    } else {
                        packed.remove_same(&text, max)
                    };
                    same.truncate(max);
                    prop_assert_eq!(removed, same.len());
                    same.sort_unstable();
                    same.into_iter().rev().for_each(|index| drop(model.remove(index)));
                }
                Op::Split(index) => {
                    let index = index % (model.len() + 1);
                    let mut tail = take_tail(&mut packed, index);
                    check(packed.as_packed(), &model[..index]);
                    tail.append(packed.as_packed());
                    packed = tail;
                    model.rotate_left(index);
                }
                Op::Shrink => packed.shrink_to_fit(),
                Op::InsertAfter(..) | Op::Replace(..) | Op::RemoveSame(..) => {}
            }
            check(packed.as_packed(), &model);
        }
        let back = PackedBuf::from_listpack(&packed.as_packed().to_listpack()).expect("a listpack");
        prop_assert_eq!(back.as_packed().bytes(), packed.as_packed().bytes());
    }

    /// Whatever comes in is refused, or can be walked both ways.
    #[test]
    fn nothing_that_comes_in_panics(
        texts in prop::collection::vec(text(), 0..6),
        flips in prop::collection::vec((any::<usize>(), any::<u8>()), 0..3),
        cut in prop::option::of(any::<usize>()),
    ) {
        let mut listpack = texts.iter().collect::<PackedBuf>().as_packed().to_listpack();
        for (at, byte) in flips {
            let at = at % listpack.len();
            listpack[at] = byte;
        }
        if let Some(cut) = cut {
            listpack.truncate(cut % (listpack.len() + 1));
        }
        if let Ok(packed) = PackedBuf::from_listpack(&listpack) {
            let forward = packed.as_packed().iter().map(Element::to_vec).collect::<Vec<_>>();
            check_walk(packed.as_packed(), &forward);
        }
    }
}

fn check_walk(packed: Packed<'_>, forward: &[Vec<u8>]) {
    let mut backward: Vec<_> = packed.iter().rev().map(Element::to_vec).collect();
    backward.reverse();
    assert_eq!((backward.as_slice(), packed.len()), (forward, forward.len()));
}
