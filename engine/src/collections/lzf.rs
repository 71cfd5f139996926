//! LZF: the fast, weak compression that Valkey's dump payloads and the inner nodes of its lists use.
//!
//! A compressed text is a row of pieces, each with a control byte in front:
//!
//! | control | then | stands for |
//! |---|---|---|
//! | `000nnnnn` | n + 1 bytes | these bytes |
//! | `nnnooooo` (n of 1 to 6) | `oooooooo` | n + 2 bytes that stood o + 1 bytes before |
//! | `111ooooo` | `nnnnnnnn` `oooooooo` | n + 9 bytes that stood o + 1 bytes before |
//!
//! The format leaves a compressor its choice of pieces. Payloads are compared, so this one chooses as
//! Valkey's does: it looks three bytes up in a table of 65,536 places, takes what it finds there if it is
//! right, and enters the positions before and at a match's end, none inside of it.

use std::cell::RefCell;

/// A literal piece has at most so many bytes,
const LITERAL_MAX: usize = 32;
/// and a copy too; it reaches back less than or as far as
const COPY_MAX: usize = 264;
const REACH: usize = 1 << 13;

/// Places of the table of a compressor, each for the last position that hashed there.
const PLACES: usize = 1 << 16;

/// A compressor: its table is too large to be made for each text, or to be cleared.
#[derive(Debug)]
pub struct Compressor {
    /// `base` + position + 1 of three bytes in the present text, or something at most `base`.
    places: Box<[u32]>,
    /// What every entry of texts before the present one is at most.
    base: u32,
}

impl Default for Compressor {
    fn default() -> Self {
        Self { places: vec![0; PLACES].into_boxed_slice(), base: 0 }
    }
}

impl Compressor {
    /// The text in at most `bytes_max` bytes, if it can be had in so few. (A last byte or two that a piece
    /// might have needed count as needed, as they do there.)
    pub fn compress(&mut self, text: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
        let length = u32::try_from(text.len()).ok().filter(|length| *length < u32::MAX)?;
        if text.is_empty() || bytes_max == 0 {
            return None;
        }
        if self.base.checked_add(length).is_none() {
            self.places.fill(0);
            self.base = 0;
        }
        let compressed = self.pieces(text, bytes_max);
        self.base += length;
        compressed
    }

    fn pieces(&mut self, text: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
        let mut out = Vec::with_capacity(bytes_max.min(text.len()));
        // A literal piece is open all the time: `literals` bytes of it are there, behind its control byte.
        let mut literals = 0;
        out.push(0);
        let mut at = 0;
        // The last two bytes begin no three.
        while at + 2 < text.len() {
            let Some(from) = self.enter(text, at).filter(|from| is_match(text, *from, at)) else {
                if out.len() >= bytes_max {
                    return None;
                }
                out.push(text[at]);
                at += 1;
                literals += 1;
                if literals == LITERAL_MAX {
                    close(&mut out, &mut literals);
                    out.push(0);
                }
                continue;
            };
            if out.len() - usize::from(literals == 0) + 4 >= bytes_max {
                return None;
            }
            close(&mut out, &mut literals);
            let length = match_length(text, from, at);
            let back = at - from - 1;
            let (high, low) = ((back >> 8) as u8, back as u8);
            match length - 2 {
                short @ ..7 => out.push((short as u8) << 5 | high),
                long => out.extend([7 << 5 | high, (long - 7) as u8]),
            }
            out.extend([low, 0]);
            at += length;
            if at + 2 >= text.len() {
                break;
            }
            self.enter(text, at - 2);
            self.enter(text, at - 1);
        }
        if out.len() + 3 > bytes_max {
            return None;
        }
        for &byte in &text[at..] {
            out.push(byte);
            literals += 1;
            if literals == LITERAL_MAX {
                close(&mut out, &mut literals);
                out.push(0);
            }
        }
        close(&mut out, &mut literals);
        Some(out)
    }

    /// Enters a position for the three bytes there, and says which one it takes the place of. The first
    /// position is never found again: Valkey's compressor takes it for an empty place.
    fn enter(&mut self, text: &[u8], at: usize) -> Option<usize> {
        let three = u32::from_be_bytes([0, text[at], text[at + 1], text[at + 2]]);
        let place = (three >> 8).wrapping_sub(three.wrapping_mul(5)) as usize % PLACES;
        let entry = self.base + at as u32 + 1;
        let before = std::mem::replace(&mut self.places[place], entry);
        before.checked_sub(self.base + 1).filter(|position| *position > 0).map(|position| position as usize)
    }
}

/// Whether what begins at `from` can stand for what begins at `at`.
fn is_match(text: &[u8], from: usize, at: usize) -> bool {
    at - from <= REACH && text[from..from + 3] == text[at..at + 3]
}

/// How many bytes from `at` on are those from `from` on, of which three are known to be.
fn match_length(text: &[u8], from: usize, at: usize) -> usize {
    // Valkey's compressor stops two bytes before the end, but looks at sixteen without asking if there are so
    // many and two.
    let wanted = (text.len() - at - 2).min(COPY_MAX);
    let limit = if wanted > 16 { wanted.max(19) } else { wanted.max(3) };
    let pairs = text[from + 3..].iter().zip(&text[at + 3..at + limit]);
    3 + pairs.take_while(|(before, now)| before == now).count()
}

/// Writes the control byte of the open piece, or takes the byte back if the piece is empty.
fn close(out: &mut Vec<u8>, literals: &mut usize) {
    match *literals {
        0 => drop(out.pop()),
        count => {
            let control = out.len() - count - 1;
            out[control] = (count - 1) as u8;
        }
    }
    *literals = 0;
}

thread_local! {
    static COMPRESSOR: RefCell<Compressor> = RefCell::default();
}

/// [`Compressor::compress`] with a compressor that the thread keeps.
pub fn compress(text: &[u8], bytes_max: usize) -> Option<Vec<u8>> {
    COMPRESSOR.with_borrow_mut(|compressor| compressor.compress(text, bytes_max))
}

/// The text of this length that was compressed, or nothing if there is none.
pub fn decompress(mut compressed: &[u8], length: usize) -> Option<Vec<u8>> {
    // Nothing is reserved for a length that is only claimed.
    if decompressed_length(compressed)? != length {
        return None;
    }
    let mut text = Vec::with_capacity(length);
    while let Some(piece) = Piece::first(&mut compressed)? {
        match piece {
            Piece::Literal(bytes) => text.extend_from_slice(bytes),
            Piece::Copy { back, length } => {
                let from = text.len().checked_sub(back)?;
                if length <= back {
                    text.extend_from_within(from..from + length);
                } else {
                    // It runs on into what it has written itself.
                    for index in from..from + length {
                        text.push(text[index]);
                    }
                }
            }
        }
    }
    Some(text)
}

/// The length that the pieces add up to, if they are whole.
fn decompressed_length(mut compressed: &[u8]) -> Option<usize> {
    let mut sum: usize = 0;
    while let Some(piece) = Piece::first(&mut compressed)? {
        sum = sum.checked_add(match piece {
            Piece::Literal(bytes) => bytes.len(),
            Piece::Copy { length, .. } => length,
        })?;
    }
    Some(sum)
}

enum Piece<'a> {
    Literal(&'a [u8]),
    Copy { back: usize, length: usize },
}

impl<'a> Piece<'a> {
    /// Takes the first piece, if there is one: `Some(None)` at the end, `None` when it is cut off.
    #[expect(clippy::option_option, reason = "an end is no failure, and `?` tells them apart")]
    fn first(rest: &mut &'a [u8]) -> Option<Option<Self>> {
        let Some((&control, after)) = rest.split_first() else { return Some(None) };
        let mut take = after;
        let piece = if usize::from(control) < LITERAL_MAX {
            let (bytes, after) = take.split_at_checked(usize::from(control) + 1)?;
            take = after;
            Self::Literal(bytes)
        } else {
            let mut length = usize::from(control >> 5) + 2;
            if length == 9 {
                length += usize::from(*take.split_off_first()?);
            }
            let low = usize::from(*take.split_off_first()?);
            Self::Copy { back: (usize::from(control & 0x1f) << 8 | low) + 1, length }
        };
        *rest = take;
        Some(Some(piece))
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Texts with repetitions near and far.
    fn text() -> impl Strategy<Value = Vec<u8>> {
        let word = prop_oneof![
            prop::collection::vec(any::<u8>(), 1..40),
            prop::collection::vec(0..3_u8, 1..40),
            (any::<u8>(), 1..600_usize).prop_map(|(byte, count)| vec![byte; count]),
        ];
        let words = prop::collection::vec(word, 1..6);
        (words, prop::collection::vec(any::<prop::sample::Index>(), 0..80))
            .prop_map(|(words, order)| order.iter().flat_map(|index| index.get(&words).clone()).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 4 } else { 200 }))]

        #[test]
        fn what_is_compressed_comes_back(texts in prop::collection::vec(text(), 1..4)) {
            let mut compressor = Compressor::default();
            for text in texts {
                let compressed = compressor.compress(&text, text.len());
                // What was compressed before leaves no trace.
                prop_assert_eq!(&compressed, &Compressor::default().compress(&text, text.len()));
                if let Some(compressed) = compressed {
                    prop_assert!(compressed.len() <= text.len());
                    prop_assert_eq!(decompress(&compressed, text.len()), Some(text.clone()));
                    prop_assert_eq!(decompress(&compressed, text.len() + 1), None);
                    prop_assert_eq!(decompress(&compressed[..compressed.len() - 1], text.len()), None);
                }
            }
        }

        #[test]
        fn garbage_is_refused_or_has_its_length(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            if let Some(length) = decompressed_length(&bytes)
                && let Some(text) = decompress(&bytes, length)
            {
                prop_assert_eq!(text.len(), length);
            }
            prop_assert_eq!(decompress(&bytes, usize::MAX), None);
        }
    }

    #[test]
    fn a_table_is_cleared_when_its_positions_run_out() {
        let text = b"abcabcabcabcabcabcabc".repeat(4);
        let mut compressor = Compressor { base: u32::MAX - 50, ..Compressor::default() };
        compressor.places.fill(u32::MAX - 10);
        let compressed = compressor.compress(&text, text.len());
        assert_eq!(compressed, Compressor::default().compress(&text, text.len()));
        assert_eq!(compressor.base, text.len() as u32);
    }

    #[test]
    fn copies_reach_back_no_further_than_there_is_text() {
        assert_eq!(decompress(&[0, b'a', 0x20, 0], 4), Some(b"aaaa".to_vec()));
        assert_eq!(decompress(&[0, b'a', 0x20, 1], 4), None);
        assert_eq!(decompress(&[0, b'a', 0xe0, 255, 0], 265), Some(vec![b'a'; 265]));
        assert_eq!(decompress(&[0x20, 0], 3), None);
        assert_eq!(decompress(&[0xe0, 1], 10), None);
        assert_eq!(decompress(&[], 0), Some(Vec::new()));
    }
}
