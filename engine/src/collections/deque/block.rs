//! A block of a list: packed elements, or one element too large to be packed, and either of them compressed
//! if it lies deep inside.

use super::gapped::Gapped;
use crate::collections::lzf;
use crate::collections::packed::{Element, LISTPACK_FRAME_BYTES, Packed, PackedIn, START};
use crate::raw::heap::{HeapBytes, malloc_bytes};
use crate::raw::shared::SharedBytes;

/// What Valkey does not try to compress,
const COMPRESSED_BYTES_MIN: usize = 48;
/// and what compression has to save.
const SAVED_BYTES_MIN: usize = 9;

/// Where the bytes of a sequence lie in a listpack.
const LISTPACK_TOTAL_BYTES: usize = 4;
const LISTPACK_END_BYTES: usize = 1;

/// A block.
#[derive(Debug)]
pub(super) struct Block {
    body: Body,
    /// How many elements it has: at least one, but while it is changed.
    pub(super) count: u32,
    /// Whether it was compressed, or found not to be worth it, and not changed since.
    tried: bool,
}

#[derive(Debug)]
enum Body {
    Packed(PackedIn<Gapped>),
    Plain(SharedBytes),
    /// What either of them was, and how many bytes that had. Of packed elements it is the listpack that is
    /// compressed: a dump has it in it as it is.
    Compressed {
        bytes: Box<[u8]>,
        len: u32,
        plain: bool,
    },
}

/// A block as it is kept.
#[derive(Debug, Clone, Copy)]
pub enum KeptBlock<'a> {
    /// Packed elements.
    Packed(Packed<'a>),
    /// One large element.
    Plain(&'a [u8]),
    /// Either of them, compressed: the listpack or the text, and how many bytes it has.
    Compressed {
        /// In LZF.
        compressed: &'a [u8],
        /// How many bytes that was.
        len: usize,
        /// Whether it is one large element.
        plain: bool,
    },
}

/// A block, to read.
#[derive(Debug, Clone, Copy)]
pub(super) enum BlockRef<'a> {
    /// Packed elements.
    Packed(Packed<'a>),
    /// One large element.
    Plain(&'a [u8]),
}

impl BlockRef<'_> {
    /// Whether an element stands for `text`.
    pub(super) fn contains(self, text: &[u8]) -> bool {
        match self {
            Self::Packed(packed) => packed.find(text, 0, START).is_some(),
            Self::Plain(plain) => plain == text,
        }
    }
}

impl Block {
    /// A block of these elements.
    pub(super) fn packed(packed: Packed<'_>) -> Self {
        Self::of(Body::Packed(PackedIn::within(Gapped::copy_from(packed.bytes()))), packed.len())
    }

    /// A block of the last `count` of these elements, from the one at `from` on.
    pub(super) fn tail(packed: Packed<'_>, from: usize, count: usize) -> Self {
        let room = Gapped::with_capacity(packed.end() - from + START);
        let mut tail = PackedIn::within(room);
        tail.append_tail(packed, from, count);
        Self::of(Body::Packed(tail), count)
    }

    /// A block of one element, which is packed.
    pub(super) fn packed_element(element: Element<'_>) -> Self {
        let mut packed = PackedIn::within(Gapped::copy_from(Packed::EMPTY.bytes()));
        packed.insert_element(START, element);
        Self::of(Body::Packed(packed), 1)
    }

    /// A block of one element, which is not packed.
    pub(super) fn plain(text: &[u8]) -> Self {
        Self::of(Body::Plain(SharedBytes::copy_from(text)), 1)
    }

    fn of(body: Body, count: usize) -> Self {
        let count = u32::try_from(count).expect("invariant: blocks are shorter than 4 GiB");
        Self { body, count, tried: false }
    }

    /// Whether it is one element that is not packed.
    pub(super) fn is_plain(&self) -> bool {
        matches!(self.body, Body::Plain(_) | Body::Compressed { plain: true, .. })
    }

    /// The bytes that Valkey counts for it: of the listpack, or of the text.
    pub(super) fn valkey_bytes(&self) -> usize {
        let listpack = |bytes: usize| bytes - START + LISTPACK_FRAME_BYTES;
        match &self.body {
            Body::Packed(packed) => listpack(packed.room().len()),
            Body::Plain(text) => text.len(),
            Body::Compressed { len, .. } => *len as usize,
        }
    }

    /// Whether it is packed, and Valkey would let the text into the listpack.
    pub(super) fn packed_has_room_for(&self, text: &[u8]) -> bool {
        !self.is_plain() && Packed::may_grow(self.valkey_bytes(), text.len())
    }

    /// Lends the block to be read, which for a compressed one means to decompress a copy.
    #[inline]
    pub(super) fn read<R>(&self, act: impl FnOnce(BlockRef<'_>) -> R) -> R {
        match &self.body {
            Body::Packed(packed) => act(BlockRef::Packed(packed.as_packed())),
            Body::Plain(text) => act(BlockRef::Plain(text)),
            Body::Compressed { bytes, len, plain } => {
                let bytes = decompressed(bytes, *len);
                act(if *plain { BlockRef::Plain(&bytes) } else { BlockRef::Packed(within(&bytes)) })
            }
        }
    }

    /// The packed elements, to be changed; decompressed for good. The count is to be brought up to date.
    pub(super) fn packed_mut(&mut self) -> Option<&mut PackedIn<Gapped>> {
        self.open();
        match &mut self.body {
            Body::Packed(packed) => Some(packed),
            _ => None,
        }
    }

    /// The block as it is kept.
    pub(super) fn kept(&self) -> KeptBlock<'_> {
        match &self.body {
            Body::Packed(packed) => KeptBlock::Packed(packed.as_packed()),
            Body::Plain(text) => KeptBlock::Plain(text),
            Body::Compressed { bytes, len, plain } => {
                KeptBlock::Compressed { compressed: bytes, len: *len as usize, plain: *plain }
            }
        }
    }

    /// The packed elements, if they lie as such.
    pub(super) fn as_packed(&self) -> Option<Packed<'_>> {
        match &self.body {
            Body::Packed(packed) => Some(packed.as_packed()),
            _ => None,
        }
    }

    /// Brings the count up to date after a change.
    #[inline]
    pub(super) fn recount(&mut self) {
        if let Body::Packed(packed) = &self.body {
            self.count = u32::try_from(packed.len()).expect("invariant: blocks are shorter than 4 GiB");
        }
    }

    /// The element that is not packed, to keep.
    pub(super) fn plain_shared(&self) -> Option<&SharedBytes> {
        match &self.body {
            Body::Plain(text) => Some(text),
            _ => None,
        }
    }

    /// Whether it lies where it was tried to compress it.
    #[cfg(test)]
    pub(super) fn was_tried(&self) -> bool {
        self.tried
    }

    /// Decompresses it, or notes that it need not be.
    pub(super) fn open(&mut self) {
        self.tried = false;
        let Body::Compressed { bytes, len, plain } = &self.body else { return };
        let bytes = decompressed(bytes, *len);
        self.body = match plain {
            true => Body::Plain(SharedBytes::copy_from(&bytes)),
            false => Body::Packed(PackedIn::within(Gapped::copy_from(within(&bytes).bytes()))),
        };
    }

    /// Compresses it if that saves anything.
    pub(super) fn compress(&mut self) {
        if std::mem::replace(&mut self.tried, true) || self.valkey_bytes() < COMPRESSED_BYTES_MIN {
            return;
        }
        let listpack;
        let (bytes, plain) = match &self.body {
            Body::Plain(text) => (&**text, true),
            Body::Packed(packed) => {
                listpack = packed.as_packed().to_listpack();
                (&*listpack, false)
            }
            Body::Compressed { .. } => return,
        };
        let Ok(len) = u32::try_from(bytes.len()) else { return };
        if let Some(compressed) = lzf::compress(bytes, bytes.len())
            && compressed.len() + SAVED_BYTES_MIN <= bytes.len()
        {
            self.body = Body::Compressed { bytes: compressed.into_boxed_slice(), len, plain };
        }
    }

    /// Gives back the spare room that ends of a list have to grow.
    pub(super) fn shrink_to_fit(&mut self) {
        if let Body::Packed(packed) = &mut self.body {
            packed.room_mut().shrink_to_fit();
        }
    }
}

/// The sequence in a listpack that was made here.
fn within(listpack: &[u8]) -> Packed<'_> {
    Packed::new(&listpack[LISTPACK_TOTAL_BYTES..listpack.len() - LISTPACK_END_BYTES])
}

fn decompressed(bytes: &[u8], len: u32) -> Vec<u8> {
    lzf::decompress(bytes, len as usize).expect("invariant: was compressed here")
}

impl HeapBytes for Block {
    fn heap_bytes(&self) -> usize {
        match &self.body {
            Body::Packed(packed) => packed.room().heap_bytes(),
            Body::Plain(text) => text.heap_bytes(),
            Body::Compressed { bytes, .. } => malloc_bytes(bytes.len()),
        }
    }
}

/// Shares nothing, so that each copy can be counted in full.
impl Clone for Block {
    fn clone(&self) -> Self {
        let body = match &self.body {
            Body::Packed(packed) => Body::Packed(packed.clone()),
            Body::Plain(text) => Body::Plain(SharedBytes::copy_from(text)),
            Body::Compressed { bytes, len, plain } => {
                Body::Compressed { bytes: bytes.clone(), len: *len, plain: *plain }
            }
        };
        Self { body, count: self.count, tried: self.tried }
    }
}
