//! Values of every form, and payloads that somebody has damaged.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::raw::heap::HeapBytes;
use crate::types::Object;

/// A payload's first byte and what follows, of every form there is.
const BODIES: &[&[u8]] = &[
    b"\x00\x01a",
    b"\x00\xc0\x0c",
    b"\x00\xc3\x09@F\x01xx\xe09\x00\x01xx",
    b"\x01\x03\x01a\x01b\xc0\x01",
    b"\x02\x03\xc0\x01\xc0\x02\xc0\x03",
    b"\x02\x03\x01a\x01b\xc0\x01",
    b"\x03\x04\x01a\x035.5\x01b\xfe\x01c\xff\x01d\x052e+20",
    b"\x04\x02\x01f\x01v\x01g\xc0\x07",
    b"\x05\x02\x01a\0\0\0\0\0\0\xf8?\x01b\0\0\0\0\0\0\0\xc0",
    b"\x09\x0c\x02\x01f\x01\x00v\x01g\x01\x00w\xff",
    b"\x0a\x14\x14\0\0\0\x10\0\0\0\x03\0\x00\x01a\x03\x01b\x03\x01c\xff",
    b"\x0b\x0e\x02\0\0\0\x03\0\0\0\x01\0\x02\0\x03\0",
    b"\x0c\x10\x10\0\0\0\x0d\0\0\0\x02\0\x00\x01a\x03\xf2\xff",
    b"\x0d\x11\x11\0\0\0\x0d\0\0\0\x02\0\x00\x01a\x03\x01b\xff",
    b"\x0e\x02\x0e\x0e\0\0\0\x0a\0\0\0\x01\0\x00\x01a\xff\x0e\x0e\0\0\0\x0a\0\0\0\x01\0\x00\x01b\xff",
    b"\x10\x0d\x0d\0\0\0\x02\0\x81f\x02\x81v\x02\xff",
    b"\x11\x0c\x0c\0\0\0\x02\0\x81a\x02\x05\x01\xff",
    b"\x12\x02\x02\x0a\x0a\0\0\0\x01\0\x81a\x02\xff\x02\x0a\x0a\0\0\0\x01\0\x81b\x02\xff",
    b"\x12\x02\x01\x03abc\x02\x0a\x0a\0\0\0\x01\0\x81x\x02\xff",
    b"\x14\x0f\x0f\0\0\0\x03\0\x81a\x02\x81b\x02\x03\x01\xff",
    b"\x16\x02\x01f\x01v\xff\xff\xff\xff\xff\xff\xff\xff\x01g\x01v\xff\x9frN\x18\x09\0\0",
    b"\x0f\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x1d\x1d\0\0\0\x0a\0\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff\x01\x01\x01\x01\x01g\x01\x01\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x05\0\0\0\0\0\0\0\x01\x01\x05alice\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01",
    b"\x15\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x1d\x1d\0\0\0\x0a\0\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff\x01\x01\x01\x01\x01\x00\x00\x01\x00",
];

/// Limits under which small is small, and nothing is.
fn limits(tiny: bool) -> Limits {
    if !tiny {
        return Limits::default();
    }
    Limits {
        hash_max_listpack_entries: 1,
        list_max_listpack_size: 1,
        set_max_intset_entries: 1,
        set_max_listpack_entries: 1,
        zset_max_listpack_entries: 1,
        ..Limits::default()
    }
}

fn read(body: &[u8], tiny: bool) -> Result<Restored, Corrupt> {
    let payload = sealed(false, |out| out.raw(body));
    let payload = Payload::open(&payload, Trust::default()).expect("its checksum is right");
    payload.read(Building { limits: &limits(tiny), seed: 1 })
}

/// The value as a payload again, and what it holds of the heap.
fn write(value: Restored) -> (Vec<u8>, usize) {
    let (kind, (encoding, object)) = match value {
        Restored::String(text) => (Kind::String, (Encoding::Raw, Object::Bytes(text))),
        Restored::List(list) => (Kind::List, list.into_parts()),
        Restored::Set(set) => (Kind::Set, set.into_parts()),
        Restored::SortedSet(set) => (Kind::SortedSet, set.into_parts()),
        Restored::Hash(hash) => (Kind::Hash, hash.into_parts()),
        Restored::Stream(stream) => (Kind::Stream, stream.into_parts()),
    };
    let value = match &object {
        Object::Bytes(bytes) => Value::Bytes(bytes),
        large => Value::Large(large),
    };
    (payload((kind, encoding), value, 0, true), object.heap_bytes())
}

/// The bytes of a payload's body whatever their order, since that of a table is not always the same.
fn in_order(payload: &[u8]) -> Vec<u8> {
    let mut bytes = body(payload).to_vec();
    bytes.sort_unstable();
    bytes
}

/// The payload of what is read from a payload.
fn rewritten(payload: &[u8], tiny: bool) -> Vec<u8> {
    write(read(body(payload), tiny).expect("what was written is read")).0
}

/// The body of a payload.
fn body(payload: &[u8]) -> &[u8] {
    &payload[..payload.len() - 10]
}

#[test]
fn every_form_is_read_and_written_again() {
    for bytes in BODIES {
        for tiny in [false, true] {
            let (payload, _) = write(read(bytes, tiny).unwrap_or_else(|_| panic!("{bytes:x?}")));
            let (again, _) = write(read(body(&payload), tiny).unwrap_or_else(|_| panic!("{payload:x?}")));
            assert_eq!(in_order(&payload), in_order(&again), "of {bytes:x?}");
        }
    }
}

#[test]
fn a_footer_is_a_version_and_a_checksum() {
    let trust = |version, checksum| Trust { version, checksum };
    let payload = sealed(true, |out| out.raw(b"\0\x01a"));
    assert_eq!(payload, b"\0\x01aP\0p\xd4&\n\x11d\x1a@", "as Valkey 9.1.2 writes it");
    for end in 0..payload.len() {
        assert!(Payload::open(&payload[..end], Trust::default()).is_err());
    }
    let mut other = payload;
    for (version, known) in
        [(0, false), (1, true), (11, true), (12, false), (79, false), (80, true), (81, false)]
    {
        other[3..5].copy_from_slice(&u16::to_le_bytes(version));
        assert!(Payload::open(&other, Trust::default()).is_err() || version == VERSION);
        assert_eq!(Payload::open(&other, trust(false, true)).is_ok(), known, "{version}");
        assert_eq!(Payload::open(&other, trust(true, true)).is_ok(), version > 0, "{version}");
    }
}

/// A change to a payload.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Cut(Index),
    Insert(Index, Vec<u8>),
    Remove(Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let edges = select(&[0_u8, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0x81, 0xc0, 0xc3, 0xf0, 0xf4, 0xfe, 0xff][..]);
    let bytes = prop::collection::vec(prop_oneof![edges, any::<u8>()], 1..9);
    prop_oneof![
        4 => (any::<Index>(), 1..=255_u8).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        1 => any::<Index>().prop_map(Damage::Cut),
        2 => (any::<Index>(), bytes).prop_map(|(at, bytes)| Damage::Insert(at, bytes)),
        1 => any::<Index>().prop_map(Damage::Remove),
    ]
}

impl Damage {
    fn done_to(&self, bytes: &mut Vec<u8>) {
        let length = bytes.len().max(1);
        match self {
            Self::Flip(at, bits) => {
                if let Some(byte) = bytes.get_mut(at.index(length)) {
                    *byte ^= bits;
                }
            }
            Self::Cut(at) => bytes.truncate(at.index(length)),
            Self::Insert(at, new) => {
                let at = at.index(bytes.len() + 1);
                bytes.splice(at..at, new.iter().copied());
            }
            Self::Remove(at) if !bytes.is_empty() => drop(bytes.remove(at.index(length))),
            Self::Remove(_) => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 8 } else { 4000 }))]

    /// What is damaged, under a checksum that is right, is refused or is a value like any other: it can be
    /// written and read again, and is no larger than what it came from allows.
    #[test]
    fn damage_is_seen_or_does_no_harm(
        bytes in select(BODIES),
        damages in prop::collection::vec(damage(), 1..4),
        tiny in any::<bool>(),
    ) {
        let mut bytes = bytes.to_vec();
        damages.iter().for_each(|damage| damage.done_to(&mut bytes));
        if let Ok(value) = read(&bytes, tiny) {
            let (payload, heap_bytes) = write(value);
            prop_assert!(heap_bytes <= 16_384 + 200 * bytes.len(), "{heap_bytes} of {bytes:x?}");
            let (mut payload, mut again) = (payload.clone(), rewritten(&payload, tiny));
            if payload[0] != again[0] {
                // A hash whose deadlines are gone is read as a table, and then as a small one.
                (payload, again) = (again.clone(), rewritten(&again, tiny));
            }
            prop_assert_eq!(in_order(&payload), in_order(&again));
        }
    }

    #[test]
    fn garbage_is_refused_or_is_a_value(
        kind in 0..24_u8,
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        if let Ok(value) = read(&[&[kind], &bytes[..]].concat(), false) {
            write(value);
        }
    }

}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 2 } else { 100 }))]

    /// Elements of all kinds come back as they were, in every type.
    #[test]
    fn elements_come_back(
        elements in prop::collection::vec(prop_oneof![
            any::<i64>().prop_map(|number| number.to_string().into_bytes()),
            (-5000..5000_i32).prop_map(|number| number.to_string().into_bytes()),
            prop::collection::vec(any::<u8>(), 0..100),
            (any::<u8>(), 0..5000_usize).prop_map(|(byte, count)| vec![byte; count]),
        ], 1..30),
        tiny in any::<bool>(),
    ) {
        let distinct: std::collections::BTreeSet<&Vec<u8>> = elements.iter().collect();
        let body_of = |kind: u8, count: usize, write: &dyn Fn(&mut Writer)| {
            let mut out = Writer::new(true);
            out.byte(kind);
            out.count(count);
            write(&mut out);
            out.into_bytes()
        };
        let bodies = [
            body_of(kind::LIST, elements.len(), &|out| elements.iter().for_each(|text| out.string(text))),
            body_of(kind::SET, distinct.len(), &|out| distinct.iter().for_each(|text| out.string(text))),
            body_of(kind::HASH, distinct.len(), &|out| distinct.iter().for_each(|text| {
                out.string(text);
                out.string(text);
            })),
            body_of(kind::ZSET_2, distinct.len(), &|out| distinct.iter().for_each(|text| {
                out.string(text);
                out.double(text.len() as f64 / 3.0);
            })),
        ];
        for bytes in bodies {
            let (payload, _) = write(read(&bytes, tiny).expect("elements that differ"));
            let (mut payload, mut again) = (payload.clone(), rewritten(&payload, tiny));
            if payload[0] != again[0] {
                // A hash whose deadlines are gone is read as a table, and then as a small one.
                (payload, again) = (again.clone(), rewritten(&again, tiny));
            }
            prop_assert_eq!(in_order(&payload), in_order(&again));
        }
    }
}
