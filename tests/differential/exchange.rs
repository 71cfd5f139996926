//! Values as bytes: what either server dumps the other restores, and it is the same value there.

use proptest::prelude::*;
use proptest::sample::select;
use scrubjay_tests::wire::{Client, Reply};
use scrubjay_tests::words;

/// Where restored values are put.
const COPY: &[u8] = b"copy\x01of";

/// Has each server restore what the other one dumps of a key, and compares what comes of it. Where it is
/// determined, the bytes are the same.
pub(crate) fn exchange(ours: &mut Client, theirs: &mut Client, key: &[u8]) -> Result<(), String> {
    let name = words::join(&[key]);
    let our_dump = ask(ours, &[b"DUMP", key])?;
    let their_dump = ask(theirs, &[b"DUMP", key])?;
    let (Some(our_bytes), Some(their_bytes)) = (our_dump.bytes(), their_dump.bytes()) else {
        // It has expired since, on both.
        return same(&format!("> DUMP {name}"), &our_dump, &their_dump);
    };
    if is_determined(theirs, key)? {
        same(&format!("> DUMP {name}"), &our_dump, &their_dump)?;
    }
    let value = facts(theirs, key)?;
    for (dump, whose) in [(our_bytes, "Scrubjay's"), (their_bytes, "Valkey's")] {
        let restore: [&[u8]; 5] = [b"RESTORE", COPY, b"0", dump, b"REPLACE"];
        let what = format!("{whose} dump of {name} is \"{}\"\n> RESTORE", words::escape(dump));
        let restored = ask(ours, &restore)?;
        same(&what, &restored, &ask(theirs, &restore)?)?;
        if restored.is_error() {
            return Err(format!("{what}\nboth say {restored}"));
        }
        let (our_copy, their_copy) = (facts(ours, COPY)?, facts(theirs, COPY)?);
        same(&what, &our_copy, &their_copy)?;
        // A small sorted set keeps no sign of nought, so one that becomes small may be another.
        let as_large = encoding(&their_copy) == encoding(&value) || encoding(&value) != Some(b"skiplist");
        if as_large && digest(&their_copy) != digest(&value) && !expires(theirs, key)? {
            return Err(format!("{what}\nmakes {their_copy}\nof        {value}"));
        }
    }
    for client in [ours, theirs] {
        ask(client, &[b"DEL", COPY])?;
    }
    Ok(())
}

fn ask(client: &mut Client, words: &[&[u8]]) -> Result<Reply, String> {
    client.command(words).map_err(|why| why.to_string())
}

fn same(what: &str, ours: &Reply, theirs: &Reply) -> Result<(), String> {
    if ours == theirs {
        return Ok(());
    }
    Err(format!("{what}\nScrubjay says\n{ours}\nValkey says\n{theirs}"))
}

/// The digest, the encoding, and what the digest leaves out.
fn facts(client: &mut Client, key: &[u8]) -> Result<Reply, String> {
    let digest = ask(client, &[b"DEBUG", b"DIGEST-VALUE", key])?;
    let encoding = ask(client, &[b"OBJECT", b"ENCODING", key])?;
    let more = match ask(client, &[b"TYPE", key])?.bytes() {
        Some(b"hash") => {
            let fields = ask(client, &[b"HKEYS", key])?;
            let mut fields: Vec<Vec<u8>> = fields
                .elements()
                .unwrap_or_default()
                .iter()
                .filter_map(|field| field.bytes().map(<[u8]>::to_vec))
                .collect();
            fields.sort();
            let count = fields.len().to_string();
            let mut words: Vec<&[u8]> = vec![b"HPEXPIRETIME", key, b"FIELDS", count.as_bytes()];
            words.extend(fields.iter().map(|field| &field[..]));
            ask(client, &words)?
        }
        Some(b"stream") => ask(client, &[b"XINFO", b"STREAM", key, b"FULL", b"COUNT", b"0"])?,
        _ => Reply::Null,
    };
    Ok(Reply::Array(vec![digest, encoding, more]))
}

fn digest(facts: &Reply) -> Option<&Reply> {
    facts.elements()?.first()
}

fn encoding(facts: &Reply) -> Option<&[u8]> {
    facts.elements()?.get(1)?.bytes()
}

/// A digest takes a deadline in, and a copy has none.
fn expires(client: &mut Client, key: &[u8]) -> Result<bool, String> {
    Ok(ask(client, &[b"PTTL", key])?.integer() != Some(-1))
}

/// A table is dumped in the order in which it happens to lie, a packed set in that in which it came out of a
/// table, if it did, and a group with the moments at which it was read.
fn is_determined(client: &mut Client, key: &[u8]) -> Result<bool, String> {
    Ok(match ask(client, &[b"OBJECT", b"ENCODING", key])?.bytes() {
        Some(b"hashtable") => false,
        Some(b"listpack") => ask(client, &[b"TYPE", key])?.text().as_deref() != Some("set"),
        Some(b"stream") => {
            ask(client, &[b"XINFO", b"GROUPS", key])?.elements().is_some_and(<[Reply]>::is_empty)
        }
        _ => true,
    })
}

/// A payload: mostly a good one, of every form and of several versions; else one that is damaged where both
/// have to see it.
pub(crate) fn payload() -> impl Strategy<Value = Vec<u8>> {
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
        b"\x15\x01\x10\0\0\0\0\0\0\0\x01\0\0\0\0\0\0\0\x01\x1d\x1d\0\0\0\x0a\0\x01\x01\x00\x01\x01\x01\x81f\x02\x00\x01\x02\x01\x00\x01\x00\x01\x81v\x02\x04\x01\xff\x01\x01\x01\x01\x01\x00\x00\x01\x00",
    ];
    /// Types that there are not, a string of no kind, and collections of nothing.
    const WRONG: &[&[u8]] = &[b"\x06", b"\x17\x01", b"\xff", b"\x00\xc4", b"\x01\x00", b"\x12\x00", b""];
    const VERSIONS: &[u16] = &[80, 80, 80, 9, 11, 12, 0, 81];
    let payload = (select(BODIES), select(VERSIONS)).prop_map(|(body, version)| sealed(body, version));
    // What is cut off without a new checksum is seen by it.
    let damaged = (select(BODIES), any::<prop::sample::Index>()).prop_map(|(body, at)| {
        let mut payload = sealed(body, 80);
        payload.truncate(at.index(payload.len()));
        payload
    });
    let wrong = select(WRONG).prop_map(|body| sealed(body, 80));
    prop_oneof![12 => payload, 1 => damaged, 1 => wrong]
}

/// A payload of a value that is given as Valkey writes it.
fn sealed(body: &[u8], version: u16) -> Vec<u8> {
    let mut payload = body.to_vec();
    payload.extend(version.to_le_bytes());
    let bit = |crc: u64| if crc & 1 == 1 { crc >> 1 ^ 0x95ac_9329_ac4b_c9b5 } else { crc >> 1 };
    let checksum = payload.iter().fold(0, |crc, byte| (0..8).fold(crc ^ u64::from(*byte), |crc, _| bit(crc)));
    payload.extend(u64::to_le_bytes(checksum));
    payload
}
