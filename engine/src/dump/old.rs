//! Packed forms that Valkey no longer writes, and still reads: ziplists and zipmaps.
//!
//! ```text
//! ziplist  total bytes:u32  offset of the last entry:u32  count:u16  entry ...  0xff
//! entry    bytes of the entry before (u8, or 0xfe and u32)  what follows  text, or a number
//! zipmap   count:u8  (length field  length value free:u8 value (free bytes)) ...  0xff
//! ```

use super::Corrupt;
use crate::collections::packed::Element;

/// Lengths below this are one byte, in front of an entry and in a zipmap; it stands in front of four.
const LONG: u8 = 0xfe;
const END: u8 = 0xff;

/// Bytes in front of a ziplist's entries.
const ZIPLIST_HEADER: usize = 10;
/// The count of a ziplist that has so many entries or more.
const ZIPLIST_COUNT_UNKNOWN: u16 = u16::MAX;

/// The elements of a ziplist, each lent to `each` in turn.
pub(super) fn ziplist<'a>(
    bytes: &'a [u8],
    mut each: impl FnMut(Element<'a>) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    let word =
        |at: usize| -> Option<u32> { Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?)) };
    let total = word(0).ok_or(Corrupt)?;
    let last = word(4).ok_or(Corrupt)?;
    let count = u16::from_le_bytes(*bytes.get(8..).and_then(<[u8]>::first_chunk).ok_or(Corrupt)?);
    let (END, entries) = bytes
        .get(ZIPLIST_HEADER..)
        .and_then(<[u8]>::split_last)
        .map(|(end, rest)| (*end, rest))
        .ok_or(Corrupt)?
    else {
        return Err(Corrupt);
    };
    if usize::try_from(total) != Ok(bytes.len()) {
        return Err(Corrupt);
    }
    let mut rest = entries;
    let (mut before, mut last_at, mut counted) = (0, ZIPLIST_HEADER, 0_usize);
    while !rest.is_empty() {
        last_at = ZIPLIST_HEADER + entries.len() - rest.len();
        let length = rest.len();
        let said = match take::<1>(&mut rest)? {
            [LONG] => u32::from_le_bytes(take(&mut rest)?) as usize,
            [END] => return Err(Corrupt),
            [short] => usize::from(short),
        };
        if said != before {
            return Err(Corrupt);
        }
        each(ziplist_element(&mut rest)?)?;
        before = length - rest.len();
        counted += 1;
    }
    let counts = count == ZIPLIST_COUNT_UNKNOWN || usize::from(count) == counted;
    if counts && usize::try_from(last) == Ok(last_at) { Ok(()) } else { Err(Corrupt) }
}

fn ziplist_element<'a>(rest: &mut &'a [u8]) -> Result<Element<'a>, Corrupt> {
    let [first] = take::<1>(rest)?;
    let length = match first {
        0..0x40 => usize::from(first),
        0x40..0x80 => usize::from(u16::from_be_bytes([first & 0x3f, take::<1>(rest)?[0]])),
        0x80 => u32::from_be_bytes(take(rest)?) as usize,
        0xc0 => return Ok(Element::Int(i16::from_le_bytes(take(rest)?).into())),
        0xd0 => return Ok(Element::Int(i32::from_le_bytes(take(rest)?).into())),
        0xe0 => return Ok(Element::Int(i64::from_le_bytes(take(rest)?))),
        0xf0 => {
            let [low, middle, high] = take(rest)?;
            return Ok(Element::Int((i32::from_le_bytes([0, low, middle, high]) >> 8).into()));
        }
        0xfe => return Ok(Element::Int(i8::from_le_bytes(take(rest)?).into())),
        0xf1..=0xfd => return Ok(Element::Int(i64::from(first & 0x0f) - 1)),
        _ => return Err(Corrupt),
    };
    slice(rest, length).map(Element::Text)
}

/// The fields and values of a zipmap, each pair lent to `each` in turn.
pub(super) fn zipmap<'a>(
    bytes: &'a [u8],
    mut each: impl FnMut(&'a [u8], &'a [u8]) -> Result<(), Corrupt>,
) -> Result<(), Corrupt> {
    let (&count, rest) = bytes.split_first().ok_or(Corrupt)?;
    let (&END, mut rest) = rest.split_last().ok_or(Corrupt)? else { return Err(Corrupt) };
    let mut counted = 0_usize;
    while !rest.is_empty() {
        let length = zipmap_length(&mut rest)?;
        let field = slice(&mut rest, length)?;
        let length = zipmap_length(&mut rest)?;
        let [free] = take::<1>(&mut rest)?;
        let value = slice(&mut rest, length)?;
        slice(&mut rest, usize::from(free))?;
        each(field, value)?;
        counted += 1;
    }
    if count >= LONG || usize::from(count) == counted { Ok(()) } else { Err(Corrupt) }
}

fn zipmap_length(rest: &mut &[u8]) -> Result<usize, Corrupt> {
    match take::<1>(rest)? {
        [END] => Err(Corrupt),
        [LONG] => match u32::from_le_bytes(take(rest)?) {
            // A short length has one byte, and no other form.
            ..0xfe => Err(Corrupt),
            long => Ok(long as usize),
        },
        [short] => Ok(usize::from(short)),
    }
}

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], Corrupt> {
    let (bytes, after) = rest.split_first_chunk::<N>().ok_or(Corrupt)?;
    *rest = after;
    Ok(*bytes)
}

fn slice<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Corrupt> {
    rest.split_off(..length).ok_or(Corrupt)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elements(bytes: &[u8]) -> Result<Vec<String>, Corrupt> {
        let mut all = Vec::new();
        ziplist(bytes, |element| {
            all.push(String::from_utf8(element.to_vec()).expect("ASCII"));
            Ok(())
        })?;
        Ok(all)
    }

    /// A ziplist of entries given without the length before them.
    fn list(entries: &[&[u8]]) -> Vec<u8> {
        let (mut body, mut before, mut last) = (Vec::new(), 0, ZIPLIST_HEADER);
        for entry in entries {
            last = ZIPLIST_HEADER + body.len();
            match u8::try_from(before) {
                Ok(short @ 0..LONG) => body.push(short),
                _ => {
                    body.push(LONG);
                    body.extend((before as u32).to_le_bytes());
                }
            }
            body.extend_from_slice(entry);
            before = ZIPLIST_HEADER + body.len() - last;
        }
        let total = ZIPLIST_HEADER + body.len() + 1;
        let mut bytes = (total as u32).to_le_bytes().to_vec();
        bytes.extend((last as u32).to_le_bytes());
        bytes.extend((entries.len() as u16).to_le_bytes());
        bytes.extend(body);
        bytes.push(END);
        bytes
    }

    #[test]
    fn reads_every_kind_of_entry() {
        let text = [&[0x41, 0x2c][..], &[b'x'; 300]].concat();
        let long = [&[0x80, 0, 0, 0x40, 0][..], &[b'y'; 0x4000]].concat();
        let entries: [&[u8]; 10] = [
            b"\x03abc",
            &text,
            b"\xf1",
            &long,
            b"\xfd",
            b"\xfe\xff",
            b"\xc0\x00\x80",
            b"\xf0\x00\x00\x80",
            b"\xd0\xff\xff\xff\x7f",
            b"\xe0\x00\x00\x00\x00\x00\x00\x00\x80",
        ];
        let bytes = list(&entries);
        let read = elements(&bytes).expect("well-formed");
        let (x, y) = ("x".repeat(300), "y".repeat(0x4000));
        let wanted =
            ["abc", &x, "0", &y, "12", "-1", "-32768", "-8388608", "2147483647", "-9223372036854775808"];
        assert_eq!(read, wanted);
        assert_eq!(elements(&list(&[])), Ok(Vec::new()));
        for end in 0..bytes.len() {
            assert_eq!(elements(&bytes[..end]), Err(Corrupt));
        }
    }

    #[test]
    fn each_word_of_a_ziplist_has_to_be_right() {
        let bytes = list(&[b"\x01a", b"\x01b"]);
        for index in [0, 4, 8, ZIPLIST_HEADER, ZIPLIST_HEADER + 3, bytes.len() - 1] {
            let mut wrong = bytes.clone();
            wrong[index] ^= 1;
            assert_eq!(elements(&wrong), Err(Corrupt), "{index}");
        }
        let mut unknown = bytes;
        unknown[8..10].copy_from_slice(&[0xff, 0xff]);
        assert_eq!(elements(&unknown), Ok(vec!["a".to_owned(), "b".to_owned()]));
    }

    #[test]
    fn reads_zipmaps() {
        let pairs = |bytes: &'static [u8]| {
            let mut all = Vec::new();
            zipmap(bytes, |field, value| {
                all.push((field, value));
                Ok(())
            })
            .map(|()| all)
        };
        let two = b"\x02\x01f\x01\x02v..\x01g\x00\x00\xff";
        assert_eq!(pairs(two), Ok(vec![(&b"f"[..], &b"v"[..]), (b"g", b"")]));
        assert_eq!(pairs(b"\xfe\x01f\x01\x00v\xff"), Ok(vec![(&b"f"[..], &b"v"[..])]));
        assert_eq!(
            pairs(b"\x01\xfe\x01\x00\x00\x00f\x01\x00v\xff"),
            Err(Corrupt),
            "a long form of a short length"
        );
        let long = [&b"\x01\xfe\xfe\x00\x00\x00"[..], &[b'f'; 254], b"\x01\x00v\xff"].concat().leak();
        assert_eq!(pairs(long).map(|pairs| pairs[0].0.len()), Ok(254));
        assert_eq!(pairs(b"\x01\xff"), Err(Corrupt));
        assert_eq!(pairs(b"\x00\xff"), Ok(Vec::new()));
        assert_eq!(pairs(b""), Err(Corrupt));
        for end in 0..two.len() {
            assert_eq!(pairs(&two[..end]), Err(Corrupt));
        }
    }
}
