//! Many lists of records in one dense pool of chunks.
//!
//! A chunk is one cache line: seven records and the links of a doubly linked ring. A ring's last chunk names
//! its list where it would name a next chunk, so that any chunk can be unlinked or moved knowing only its
//! number.
//!
//! The pool is dense: chunks `0..used` are linked, each holds at least one record, and freeing a chunk moves
//! the last one into its place. So memory is given back as soon as records go, a random record is a random
//! number, and sweeping is a walk over an array. Records are pushed to and popped from a list's first chunk;
//! the others are full, but for the holes that `remove` and `retain` leave, and close again where a
//! neighbour's records fit.

use super::Record;

/// Records in a chunk: with the two links it fills a cache line.
const CHUNK_RECORDS: usize = 7;
/// Chunks allocated together: 2 KiB, under 1 % of a shard's million records' share.
const PAGE_CHUNKS: usize = 32;
/// Words of the map of lists in use.
pub(super) const MAP_WORDS: usize = 9;

/// The number of a list.
pub(super) type List = usize;
/// The number of a chunk, below 2^29. That is enough: it numbers 3.7 thousand million records, and a shard's
/// entries, which are addressed by 32 bits in units of 8 bytes and take two units or more, are fewer by a
/// third.
type ChunkId = u32;

/// A chunk's successor: a chunk, or with `LIST_MARK` the list whose last chunk this is.
const LIST_MARK: u32 = 1 << 31;
/// The first chunk of an empty list.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Chunk {
    /// The first `len()` are set.
    records: [Record; CHUNK_RECORDS],
    next: u32,
    /// The chunk before, in the upper 29 bits (before a list's first chunk: its last), and the record count.
    previous_and_len: u32,
}

const _: () = assert!(size_of::<Chunk>() == 64);

impl Chunk {
    const EMPTY: Self = Self { records: [Record::NULL; CHUNK_RECORDS], next: NONE, previous_and_len: 0 };

    fn len(&self) -> usize {
        (self.previous_and_len & 7) as usize
    }

    fn set_len(&mut self, len: usize) {
        self.previous_and_len = self.previous_and_len & !7 | len as u32;
    }

    fn previous(&self) -> ChunkId {
        self.previous_and_len >> 3
    }

    fn set_previous(&mut self, id: ChunkId) {
        self.previous_and_len = id << 3 | self.previous_and_len & 7;
    }

    fn records(&self) -> &[Record] {
        &self.records[..self.len()]
    }
}

/// The lists' first chunks, allocated with the first record.
struct Heads {
    /// One bit a list: it is not empty.
    map: [u64; MAP_WORDS],
    first: [u32; Lists::COUNT],
}

/// The lists and their pool.
#[derive(Default)]
pub(super) struct Lists {
    heads: Option<Box<Heads>>,
    /// Holds the chunks `0..used` and at most a page and a half of unused ones.
    #[expect(clippy::vec_box, reason = "pages must not be copied when their number grows")]
    pages: Vec<Box<[Chunk; PAGE_CHUNKS]>>,
    used: ChunkId,
}

impl Lists {
    /// How many lists there are. The last words of the map are not quite used.
    pub(super) const COUNT: usize = 512 + 3;

    /// Puts a record into a list.
    pub(super) fn push(&mut self, list: List, record: Record) {
        let first = self.heads().first[list];
        let id = if first == NONE || self.chunk(first).len() == CHUNK_RECORDS {
            self.prepend_chunk(list)
        } else {
            first
        };
        let chunk = self.chunk_mut(id);
        let len = chunk.len();
        chunk.records[len] = record;
        chunk.set_len(len + 1);
    }

    /// Takes a record from a list, whichever is nearest at hand.
    pub(super) fn pop(&mut self, list: List) -> Option<Record> {
        let id = self.first(list)?;
        let last = self.chunk(id).len() - 1;
        Some(self.take(id, last))
    }

    /// Appends all of `from` to `into`, in constant time.
    pub(super) fn splice(&mut self, from: List, into: List) {
        let Some(moved_first) = self.first(from) else { return };
        let moved_last = self.chunk(moved_first).previous();
        match self.first(into) {
            None => {
                self.chunk_mut(moved_last).next = LIST_MARK | into as u32;
                self.set_first(into, moved_first);
            }
            Some(first) => {
                let last = self.chunk(first).previous();
                self.chunk_mut(last).next = moved_first;
                self.chunk_mut(moved_first).set_previous(last);
                self.chunk_mut(moved_last).next = LIST_MARK | into as u32;
                self.chunk_mut(first).set_previous(moved_last);
            }
        }
        self.set_first(from, NONE);
    }

    /// One bit a list, set where it holds records.
    pub(super) fn map(&self) -> &[u64; MAP_WORDS] {
        self.heads.as_ref().map_or(&[0; MAP_WORDS], |heads| &heads.map)
    }

    pub(super) fn is_empty(&self, list: List) -> bool {
        self.first(list).is_none()
    }

    /// The places and records of a list's first `chunks_max` chunks.
    pub(super) fn look(&self, list: List, chunks_max: usize) -> impl Iterator<Item = (Place, Record)> {
        let mut at = self.first(list);
        let chunks = std::iter::from_fn(move || {
            let id = at?;
            let next = self.chunk(id).next;
            at = (next & LIST_MARK == 0).then_some(next);
            Some(id)
        });
        chunks.take(chunks_max).flat_map(|id| {
            let records = self.chunk(id).records().iter().enumerate();
            records.map(move |(index, &record)| (Place { id, index }, record))
        })
    }

    /// The record at one of the numbers below `numbers()`: `None` for a hole. All records have just one.
    pub(super) fn numbered(&self, number: u64) -> Option<(Place, Record)> {
        let id = u32::try_from(number / CHUNK_RECORDS as u64).ok().filter(|&id| id < self.used)?;
        let index = (number % CHUNK_RECORDS as u64) as usize;
        let &record = self.chunk(id).records().get(index)?;
        Some((Place { id, index }, record))
    }

    /// The bound of `numbered`.
    pub(super) fn numbers(&self) -> u64 {
        u64::from(self.used) * CHUNK_RECORDS as u64
    }

    /// Chunks in use; `retain` takes the numbers below.
    pub(super) fn chunks(&self) -> u32 {
        self.used
    }

    /// Takes out the record at a place that was just looked up.
    pub(super) fn remove(&mut self, place: Place) -> Record {
        let record = self.take(place.id, place.index);
        // If that was its last record, another chunk stands here now, or none.
        let chunk = place.id;
        if chunk < self.used {
            // Two neighbours hold more than one chunk's records between them, or holes would come to fill the
            // pool. (Always filling the hole from the chunk after it moves more and was measured to save
            // nothing.)
            let (before, after) = self.neighbours(chunk);
            let fits = |&other: &ChunkId| self.chunk(other).len() + self.chunk(chunk).len() <= CHUNK_RECORDS;
            if let Some(other) = after.into_iter().chain(before).find(fits) {
                self.pour(other, chunk);
            }
        }
        record
    }

    /// Removes the records of one chunk that are not to be kept; returns how many there were, and are. To
    /// sweep everything, call it for each chunk from the last down to the first: what moves meanwhile has
    /// been seen.
    pub(super) fn retain(&mut self, id: u32, mut keep: impl FnMut(Record) -> bool) -> (usize, usize) {
        let mut chunk = *self.chunk(id);
        let len = chunk.len();
        let mut kept = 0;
        for index in 0..len {
            if keep(chunk.records[index]) {
                chunk.records[kept] = chunk.records[index];
                kept += 1;
            }
        }
        if kept < len {
            chunk.set_len(kept);
            *self.chunk_mut(id) = chunk;
        }
        if kept == 0 {
            self.free(id);
        } else {
            // Fill holes, but only from and in chunks that have been seen: no unseen record may hide in one.
            let (before, after) = self.neighbours(id);
            let emptied = before.is_some_and(|before| before > id && self.pour(id, before));
            if let Some(after) = after.filter(|&after| !emptied && after > id) {
                self.pour(after, id);
            }
        }
        (len, kept)
    }

    /// Heap bytes held.
    pub(super) fn memory_bytes(&self) -> usize {
        let heads = if self.heads.is_some() { size_of::<Heads>() } else { 0 };
        heads
            + self.pages.len() * size_of::<[Chunk; PAGE_CHUNKS]>()
            + self.pages.capacity() * size_of::<Box<[Chunk; PAGE_CHUNKS]>>()
    }

    fn heads(&mut self) -> &mut Heads {
        self.heads.get_or_insert_with(|| Box::new(Heads { map: [0; MAP_WORDS], first: [NONE; Self::COUNT] }))
    }

    fn first(&self, list: List) -> Option<ChunkId> {
        self.heads.as_ref().map(|heads| heads.first[list]).filter(|&id| id != NONE)
    }

    fn set_first(&mut self, list: List, first: u32) {
        let heads = self.heads();
        heads.first[list] = first;
        let bit = 1 << (list % 64);
        if first == NONE {
            heads.map[list / 64] &= !bit;
        } else {
            heads.map[list / 64] |= bit;
        }
    }

    fn chunk(&self, id: ChunkId) -> &Chunk {
        &self.pages[id as usize / PAGE_CHUNKS][id as usize % PAGE_CHUNKS]
    }

    fn chunk_mut(&mut self, id: ChunkId) -> &mut Chunk {
        &mut self.pages[id as usize / PAGE_CHUNKS][id as usize % PAGE_CHUNKS]
    }

    fn prepend_chunk(&mut self, list: List) -> ChunkId {
        let id = self.used;
        assert!(id < 1 << 29, "invariant: a shard has fewer entries than the wheel has room for records");
        if id as usize == self.pages.len() * PAGE_CHUNKS {
            self.pages.push(Box::new([Chunk::EMPTY; PAGE_CHUNKS]));
        }
        self.used += 1;
        let (next, last) = match self.first(list) {
            None => (LIST_MARK | list as u32, id),
            Some(first) => {
                let last = self.chunk(first).previous();
                self.chunk_mut(first).set_previous(id);
                (first, last)
            }
        };
        let chunk = self.chunk_mut(id);
        *chunk = Chunk { next, ..Chunk::EMPTY };
        chunk.set_previous(last);
        self.set_first(list, id);
        id
    }

    fn take(&mut self, id: ChunkId, index: usize) -> Record {
        let chunk = self.chunk_mut(id);
        let last = chunk.len() - 1;
        let record = chunk.records[index];
        chunk.records[index] = chunk.records[last];
        chunk.set_len(last);
        if last == 0 {
            self.free(id);
        }
        record
    }

    /// The chunks before and after one in its list.
    fn neighbours(&self, id: ChunkId) -> (Option<ChunkId>, Option<ChunkId>) {
        let chunk = self.chunk(id);
        let is_first = self.chunk(chunk.previous()).next & LIST_MARK != 0;
        ((!is_first).then_some(chunk.previous()), (chunk.next & LIST_MARK == 0).then_some(chunk.next))
    }

    /// Moves as many records as fit from one chunk to another; returns whether that emptied and freed it.
    /// Then a chunk has moved, and may be either's neighbour or even `to`.
    fn pour(&mut self, from: ChunkId, to: ChunkId) -> bool {
        let mut source = *self.chunk(from);
        let target = self.chunk_mut(to);
        while source.len() > 0 && target.len() < CHUNK_RECORDS {
            let (last, len) = (source.len() - 1, target.len());
            target.records[len] = source.records[last];
            target.set_len(len + 1);
            source.set_len(last);
        }
        self.chunk_mut(from).set_len(source.len());
        if source.len() == 0 {
            self.free(from);
        }
        source.len() == 0
    }

    /// Unlinks an emptied chunk and moves the pool's last one into its place.
    fn free(&mut self, id: ChunkId) {
        let Chunk { next, .. } = *self.chunk(id);
        let previous = self.chunk(id).previous();
        self.unlink(id, next, previous);

        self.used -= 1;
        let moved = self.used;
        if moved != id {
            let chunk = *self.chunk(moved);
            *self.chunk_mut(id) = chunk;
            // A ring of one names itself.
            if chunk.previous() == moved {
                self.chunk_mut(id).set_previous(id);
            }
            self.relink(id);
        }
        // Half a page of slack, or a list that comes and goes at a page's edge would allocate each time.
        if self.pages.len() * PAGE_CHUNKS - self.used as usize > PAGE_CHUNKS + PAGE_CHUNKS / 2 {
            self.pages.pop();
            if self.pages.capacity() > 4 * self.pages.len().max(1) {
                self.pages.shrink_to(2 * self.pages.len());
            }
        }
    }

    /// Takes `id` out of its ring.
    fn unlink(&mut self, id: ChunkId, next: u32, previous: ChunkId) {
        if previous == id {
            self.set_first((next & !LIST_MARK) as List, NONE);
            return;
        }
        let before = self.chunk(previous).next;
        if before & LIST_MARK != 0 {
            // First of its list: the next becomes it.
            self.set_first((before & !LIST_MARK) as List, next);
            self.chunk_mut(next).set_previous(previous);
        } else {
            self.chunk_mut(previous).next = next;
            let after =
                if next & LIST_MARK == 0 { Some(next) } else { self.first((next & !LIST_MARK) as List) };
            if let Some(after) = after {
                self.chunk_mut(after).set_previous(previous);
            }
        }
    }

    /// Has its neighbours, or its list, name a chunk where it stands now.
    fn relink(&mut self, id: ChunkId) {
        let next = self.chunk(id).next;
        let previous = self.chunk(id).previous();
        let before = self.chunk(previous).next;
        if before & LIST_MARK != 0 {
            self.set_first((before & !LIST_MARK) as List, id);
        } else {
            self.chunk_mut(previous).next = id;
        }
        let after = if next & LIST_MARK == 0 { Some(next) } else { self.first((next & !LIST_MARK) as List) };
        if let Some(after) = after {
            self.chunk_mut(after).set_previous(id);
        }
    }
}

/// Where a record stands, until the next change.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    id: ChunkId,
    index: usize,
}

#[cfg(all(test, not(shuttle)))]
impl Lists {
    /// Panics unless the links, the map and the pool agree; returns how many records there are.
    pub(super) fn check(&self) -> usize {
        let Some(heads) = &self.heads else { return 0 };
        let (mut records, mut chunks) = (0, 0);
        for (list, &first) in heads.first.iter().enumerate() {
            assert_eq!(heads.map[list / 64] >> (list % 64) & 1 == 1, first != NONE);
            if first == NONE {
                continue;
            }
            let (mut at, mut before) = (first, self.chunk(first).previous());
            loop {
                let chunk = self.chunk(at);
                assert!(at < self.used && chunk.previous() == before);
                assert!((1..=CHUNK_RECORDS).contains(&chunk.len()));
                records += chunk.len();
                chunks += 1;
                if chunk.next & LIST_MARK != 0 {
                    assert_eq!(chunk.next, LIST_MARK | list as u32);
                    assert_eq!(self.chunk(first).previous(), at);
                    break;
                }
                (before, at) = (at, chunk.next);
            }
        }
        assert_eq!(chunks, self.used, "a chunk in no list");
        let unused = self.pages.len() * PAGE_CHUNKS - self.used as usize;
        assert!(unused <= PAGE_CHUNKS + PAGE_CHUNKS / 2);
        records
    }
}
