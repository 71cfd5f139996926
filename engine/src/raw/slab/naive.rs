//! The slow twin of the slab: a box for each entry, nothing clever, to compare with.

use super::entry::Meta;
use crate::raw::heap::HeapBytes;

#[derive(Debug)]
pub(super) struct Naive<X> {
    entries: Vec<Option<Box<Entry<X>>>>,
}

#[derive(Debug)]
pub(super) struct Entry<X> {
    pub(super) key: Box<[u8]>,
    pub(super) meta: Meta,
    pub(super) value: Value<X>,
}

#[derive(Debug)]
pub(super) enum Value<X> {
    Inline(Vec<u8>),
    Heap(X),
}

impl<X: HeapBytes> Naive<X> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new() }
    }

    pub(super) fn insert(&mut self, key: &[u8], meta: Meta, value: Value<X>) -> usize {
        self.entries.push(Some(Box::new(Entry { key: key.into(), meta, value })));
        self.entries.len() - 1
    }

    pub(super) fn get(&self, at: usize) -> &Entry<X> {
        self.entries[at].as_ref().expect("live")
    }

    pub(super) fn get_mut(&mut self, at: usize) -> &mut Entry<X> {
        self.entries[at].as_mut().expect("live")
    }

    pub(super) fn replace(&mut self, at: usize, meta: Meta, value: Value<X>) -> Option<X> {
        let entry = self.get_mut(at);
        entry.meta = meta;
        std::mem::replace(&mut entry.value, value).into_object()
    }

    pub(super) fn remove(&mut self, at: usize) -> Option<X> {
        self.entries[at].take().expect("live").value.into_object()
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    pub(super) fn len(&self) -> usize {
        self.entries.iter().flatten().count()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let objects = self.entries.iter().flatten().filter_map(|entry| match &entry.value {
            Value::Heap(object) => Some(object.heap_bytes()),
            Value::Inline(_) => None,
        });
        objects.sum()
    }
}

impl<X> Value<X> {
    fn into_object(self) -> Option<X> {
        match self {
            Self::Inline(_) => None,
            Self::Heap(object) => Some(object),
        }
    }
}
