//! LCS: the longest common subsequence of two strings.
//!
//! Valkey fills a matrix with the length for each pair of prefixes. From left to right in a row those lengths
//! grow by one or not at all, so a row is told by one bit per column, and 64 columns of a row follow from the
//! row before in a few operations (H. Hyyrö, "Bit-parallel LCS-length computation revisited", 2004). That
//! takes a thirtieth of the memory and the time, and the way back through the matrix asks for nothing but
//! those bits.

use bytes::Bytes;
use scrubjay::Lookup;

use crate::command::Ctx;
use crate::command::spec::{Acl, Arg, Command, Flags, Key};
use crate::error::Error;
use crate::resp::Reply;

pub(super) static LCS: Command = Command {
    name: "lcs",
    summary: "Finds the longest common substring.",
    since: "7.0.0",
    complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
    arity: -3,
    flags: Flags::READONLY,
    acl: Acl::STRING,
    keys: &[Key::at(1).to(1).ro().access()],
    args: &[
        Arg::key("key1"),
        Arg::key("key2"),
        Arg::pure_token("len", "LEN").optional(),
        Arg::pure_token("idx", "IDX").optional(),
        Arg::integer("min-match-len").token("MINMATCHLEN").optional(),
        Arg::pure_token("withmatchlen", "WITHMATCHLEN").optional(),
    ],
    handler: lcs,
    ..Command::BASE
}
.checked();

fn lcs(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    let keys = [ctx.key(1), ctx.key(2)];
    let lens =
        keys.map(|key| ctx.view.string(key, Lookup::Read).map(|text| text.map_or(0, |text| text.len())));
    let [Ok(rows), Ok(columns)] = lens else {
        return Err(Error::Text("ERR The specified keys must contain string values"));
    };
    let options = Options::parse(ctx)?;
    fits(rows, columns, super::len_max(ctx))?;

    let a = owned(ctx, keys[0])?;
    let b = ctx.view.string(keys[1], Lookup::Peek)?;
    let b: &[u8] = b.as_ref().map_or(b"", |text| text.bytes());
    match options.wanted {
        Wanted::Length => {
            // The same either way round, and quicker with the longer one in the bits.
            let (a, b) = if a.len() <= b.len() { (&*a, b) } else { (b, &*a) };
            ctx.reply.count(Matrix::new(a, b, Rows::Last)?.length());
        }
        Wanted::Subsequence => {
            let matrix = Matrix::new(&a, b, Rows::All)?;
            let mut backwards = Vec::with_capacity(matrix.length());
            matrix.for_each_run(&a, b, |run| backwards.extend(a[run.a..run.a + run.len].iter().rev()));
            backwards.reverse();
            ctx.reply.bulk(backwards);
        }
        Wanted::Matches => {
            let matrix = Matrix::new(&a, b, Rows::All)?;
            ctx.reply.map(2);
            ctx.reply.bulk("matches");
            let header = ctx.reply.defer_array();
            let mut count = 0;
            matrix.for_each_run(&a, b, |run| {
                if run.len >= options.len_min {
                    count += 1;
                    run.write(ctx.reply, options.with_len);
                }
            });
            ctx.reply.fill(header, count);
            ctx.reply.bulk("len");
            ctx.reply.count(matrix.length());
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Subsequence,
    /// LEN.
    Length,
    /// IDX.
    Matches,
}

#[derive(Debug)]
struct Options {
    wanted: Wanted,
    /// MINMATCHLEN.
    len_min: usize,
    /// WITHMATCHLEN.
    with_len: bool,
}

impl Options {
    fn parse(ctx: &Ctx<'_, '_>) -> Result<Self, Error> {
        let (args, mut index) = (ctx.args, 3);
        let (mut len, mut idx) = (false, false);
        let mut options = Self { wanted: Wanted::Subsequence, len_min: 0, with_len: false };
        while index < args.len() {
            if args.is(index, "IDX") {
                idx = true;
            } else if args.is(index, "LEN") {
                len = true;
            } else if args.is(index, "WITHMATCHLEN") {
                options.with_len = true;
            } else if args.is(index, "MINMATCHLEN") && index + 1 < args.len() {
                index += 1;
                options.len_min = usize::try_from(args.integer(index)?).unwrap_or(0);
            } else {
                return Err(Error::Syntax);
            }
            index += 1;
        }
        options.wanted = match (len, idx) {
            (true, true) => {
                return Err(Error::Text("ERR If you want both the length and indexes, please just use IDX."));
            }
            (true, false) => Wanted::Length,
            (false, true) => Wanted::Matches,
            (false, false) => Wanted::Subsequence,
        };
        Ok(options)
    }
}

/// Whether Valkey would go about it: its matrix has four bytes for each pair of prefixes, the empty ones
/// included.
fn fits(rows: usize, columns: usize, bytes_max: usize) -> Result<(), Error> {
    let longest = u32::MAX as usize - 1;
    if rows >= longest || columns >= longest {
        return Err(Error::Text("ERR String too long for LCS"));
    }
    let bytes = (rows + 1).checked_mul(columns + 1).and_then(|cells| cells.checked_mul(4));
    if bytes.is_none_or(|bytes| bytes > bytes_max) {
        return Err(Error::Text(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    Ok(())
}

/// The value of one key, kept while another is lent.
fn owned(ctx: &mut Ctx<'_, '_>, key: scrubjay::Key<'_>) -> Result<Bytes, Error> {
    Ok(match ctx.view.string(key, Lookup::Peek)? {
        Some(text) => text.shared().map_or_else(|| Bytes::copy_from_slice(&text), Bytes::from_owner),
        None => Bytes::new(),
    })
}

/// A stretch of the subsequence that is without gaps in both strings.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Where it begins in either string.
    a: usize,
    b: usize,
    len: usize,
}

impl Run {
    fn write(self, reply: &mut Reply, with_len: bool) {
        reply.array(if with_len { 3 } else { 2 });
        for start in [self.a, self.b] {
            reply.array(2);
            reply.count(start);
            reply.count(start + self.len - 1);
        }
        if with_len {
            reply.count(self.len);
        }
    }
}

/// How many rows of the matrix are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rows {
    Last,
    All,
}

/// For each prefix of `a` a row with a bit for each byte of `b`: whether the longest subsequence that the
/// prefix shares with `b` up to that byte is longer than without the byte.
#[derive(Debug)]
struct Matrix {
    words: usize,
    bits: Vec<u64>,
}

impl Matrix {
    fn new(a: &[u8], b: &[u8], rows: Rows) -> Result<Self, Error> {
        let words = b.len().div_ceil(64);
        let places = Places::new(a, b)?;
        let mut bits = room(words * if rows == Rows::All { a.len() } else { 1 })?;
        // The row with its bits turned round, as the addition wants it.
        let mut row = room(words)?;
        row.resize(words, u64::MAX);
        for &byte in a {
            if let Some(places) = places.of(byte) {
                let mut carry = false;
                for (word, &places) in row.iter_mut().zip(places) {
                    let common = *word & places;
                    let (sum, first) = word.overflowing_add(common);
                    let (sum, second) = sum.overflowing_add(u64::from(carry));
                    carry = first || second;
                    *word = sum | (*word & !places);
                }
            }
            if rows == Rows::All {
                bits.extend(row.iter().map(|word| !word));
            }
        }
        if rows == Rows::Last {
            bits.extend(row.iter().map(|word| !word));
        }
        Ok(Self { words, bits })
    }

    /// The length of the longest common subsequence.
    fn length(&self) -> usize {
        let last = self.bits.len().saturating_sub(self.words);
        self.bits[last..].iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether the bit of `a[row]` and `b[column]` is set.
    fn grows(&self, row: usize, column: usize) -> bool {
        self.bits[row * self.words + column / 64] >> (column % 64) & 1 == 1
    }

    /// Goes back from both ends, the way that Valkey goes, and reports each run of the subsequence, the last
    /// one first.
    fn for_each_run(&self, a: &[u8], b: &[u8], mut report: impl FnMut(Run)) {
        let (mut row, mut column, mut len) = (a.len(), b.len(), 0);
        while row > 0 && column > 0 {
            if a[row - 1] == b[column - 1] {
                (row, column, len) = (row - 1, column - 1, len + 1);
                continue;
            }
            if len > 0 {
                report(Run { a: row, b: column, len });
                len = 0;
            }
            // Without `a`'s byte it is longer than without `b`'s, or not.
            if self.grows(row - 1, column - 1) {
                row -= 1;
            } else {
                column -= 1;
            }
        }
        if len > 0 {
            report(Run { a: row, b: column, len });
        }
    }
}

/// For each byte that two strings share, a bit for each place in `b` where it stands.
#[derive(Debug)]
struct Places {
    words: usize,
    /// For each byte, which stretch of `bits` is its own, counted from one; nought for none.
    stretches: [u16; 256],
    bits: Vec<u64>,
}

impl Places {
    fn new(a: &[u8], b: &[u8]) -> Result<Self, Error> {
        let words = b.len().div_ceil(64);
        let mut stretches = [0; 256];
        let mut in_b = [false; 256];
        b.iter().for_each(|&byte| in_b[usize::from(byte)] = true);
        let mut count = 0;
        for &byte in a {
            let stretch = &mut stretches[usize::from(byte)];
            if in_b[usize::from(byte)] && *stretch == 0 {
                count += 1;
                *stretch = count;
            }
        }
        // No more than the matrix takes: there are no more bytes than rows.
        let mut bits = room(words * usize::from(count))?;
        bits.resize(words * usize::from(count), 0);
        for (place, &byte) in b.iter().enumerate() {
            if let Some(stretch) = usize::from(stretches[usize::from(byte)]).checked_sub(1) {
                bits[stretch * words + place / 64] |= 1 << (place % 64);
            }
        }
        Ok(Self { words, stretches, bits })
    }

    fn of(&self, byte: u8) -> Option<&[u64]> {
        let stretch = usize::from(self.stretches[usize::from(byte)]).checked_sub(1)?;
        Some(&self.bits[stretch * self.words..][..self.words])
    }
}

/// An empty vector with room for so many words.
fn room(words: usize) -> Result<Vec<u64>, Error> {
    let mut bits = Vec::new();
    bits.try_reserve_exact(words)
        .map_err(|_| Error::Text("ERR Insufficient memory, failed allocating transient memory for LCS"))?;
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The matrix as it stands in books.
    fn lengths(a: &[u8], b: &[u8]) -> Vec<Vec<usize>> {
        let mut lengths = vec![vec![0; b.len() + 1]; a.len() + 1];
        for row in 1..=a.len() {
            for column in 1..=b.len() {
                lengths[row][column] = if a[row - 1] == b[column - 1] {
                    lengths[row - 1][column - 1] + 1
                } else {
                    lengths[row - 1][column].max(lengths[row][column - 1])
                };
            }
        }
        lengths
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_the_matrix_of_numbers(
            a in prop::collection::vec(0u8..4, 0..150),
            b in prop::collection::vec(0u8..5, 0..150),
        ) {
            let expected = lengths(&a, &b);
            prop_assert_eq!(Matrix::new(&a, &b, Rows::Last).unwrap().length(), expected[a.len()][b.len()]);
            let matrix = Matrix::new(&a, &b, Rows::All).unwrap();
            prop_assert_eq!(matrix.length(), expected[a.len()][b.len()]);
            for row in 0..a.len() {
                for column in 0..b.len() {
                    let grows = expected[row + 1][column + 1] > expected[row + 1][column];
                    prop_assert_eq!(matrix.grows(row, column), grows);
                }
            }
            let mut total = 0;
            matrix.for_each_run(&a, &b, |run| {
                total += run.len;
                assert_eq!(a[run.a..run.a + run.len], b[run.b..run.b + run.len]);
            });
            prop_assert_eq!(total, matrix.length());
        }
    }
}
