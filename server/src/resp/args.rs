//! The arguments of a request: where they lie, and a view on them.

use std::ops::Index;

use smallvec::SmallVec;

/// Argument positions and inline bytes kept for the next request; a list that grew past this gives its memory
/// back.
const SPANS_KEPT_MAX: usize = 1024;
const SCRATCH_BYTES_KEPT_MAX: usize = 4 * 1024;

/// Where one argument lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The arguments of one request, as positions. Reused from request to request so that none of them allocates.
#[derive(Clone, Debug, Default)]
pub struct ArgList {
    /// Positions in the request's bytes, or in `scratch` for an inline request.
    pub(super) spans: SmallVec<[Span; 8]>,
    /// The unquoted bytes of an inline request's arguments.
    pub(super) scratch: Vec<u8>,
    pub(super) inline: bool,
}

impl ArgList {
    /// An empty list.
    pub fn new() -> Self {
        Self::default()
    }

    /// How many arguments were read.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether none was read.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The arguments themselves. `request` is the buffer that was parsed, from the same first byte; it may
    /// have grown.
    ///
    /// # Panics
    /// The view panics on reading if `request` is shorter than what the parser said it consumed.
    pub fn view<'a>(&'a self, request: &'a [u8]) -> Args<'a> {
        let bytes = if self.inline { self.scratch.as_slice() } else { request };
        Args { bytes, spans: &self.spans }
    }

    /// How long the request counts for that took `consumed` bytes. Of an inline one, Valkey counts what came
    /// out of it, a blank between each two words, and the end of the line.
    pub fn counted_bytes(&self, consumed: usize) -> usize {
        match self.inline {
            true => self.scratch.len() + self.spans.len() + 1,
            false => consumed,
        }
    }

    /// Bytes this list holds on the heap.
    pub fn memory_bytes(&self) -> usize {
        let spans = if self.spans.spilled() { self.spans.capacity() * size_of::<Span>() } else { 0 };
        spans + self.scratch.capacity()
    }

    pub(super) fn clear(&mut self) {
        self.spans.clear();
        if self.spans.capacity() > SPANS_KEPT_MAX {
            self.spans = SmallVec::new();
        }
        self.scratch.clear();
        self.scratch.shrink_to(SCRATCH_BYTES_KEPT_MAX);
        self.inline = false;
    }
}

/// The arguments of one request: a cheap view that can be copied and cut.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    bytes: &'a [u8],
    spans: &'a [Span],
}

impl<'a> Args<'a> {
    /// No arguments.
    pub const EMPTY: Args<'static> = Args { bytes: &[], spans: &[] };

    pub(super) fn new(bytes: &'a [u8], spans: &'a [Span]) -> Self {
        Self { bytes, spans }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.spans.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// The argument at `index`, the command's name being at 0.
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.spans.get(index).map(|span| &self.bytes[span.start..span.end])
    }

    /// The arguments from `index` on; none if there are not so many.
    pub fn skip(&self, index: usize) -> Self {
        Self { bytes: self.bytes, spans: self.spans.get(index..).unwrap_or_default() }
    }

    /// The first `count` arguments, or all if there are fewer.
    pub fn take(&self, count: usize) -> Self {
        Self { bytes: self.bytes, spans: self.spans.get(..count).unwrap_or(self.spans) }
    }

    /// All arguments in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &'a [u8]> + ExactSizeIterator + Clone + use<'a> {
        let bytes = self.bytes;
        self.spans.iter().map(move |span| &bytes[span.start..span.end])
    }
}

impl Index<usize> for Args<'_> {
    type Output = [u8];

    /// For positions that the arity check has already promised; [`Args::get`] for all others.
    fn index(&self, index: usize) -> &[u8] {
        let span = self.spans[index];
        &self.bytes[span.start..span.end]
    }
}
