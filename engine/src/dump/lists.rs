//! Lists as payloads: node by node, since where a node of a long list begins is for clients to see.

use super::form::{NODE_PACKED, NODE_PLAIN, kind};
use super::read::Reader;
use super::write::Writer;
use super::{Building, Corrupt, old, packed};
use crate::collections::deque::{End, KeptBlock};
use crate::collections::packed::{Packed, PackedBuf};
use crate::types::list::{List, ListRef};

pub(super) fn write(list: ListRef<'_>, out: &mut Writer) {
    out.byte(kind::LIST_QUICKLIST_2);
    let node = |out: &mut Writer, packed: Packed<'_>| {
        out.length(NODE_PACKED);
        out.string(&packed.to_listpack());
    };
    match list {
        ListRef::Packed(packed) => {
            out.count(1);
            node(out, packed);
        }
        ListRef::Deque(deque) => {
            out.count(deque.block_count());
            for block in deque.blocks() {
                match block {
                    KeptBlock::Packed(packed) => node(out, packed),
                    KeptBlock::Plain(text) => {
                        out.length(NODE_PLAIN);
                        out.string(text);
                    }
                    KeptBlock::Compressed { compressed, len, plain } => {
                        out.length(if plain { NODE_PLAIN } else { NODE_PACKED });
                        out.compressed_string(compressed, len);
                    }
                }
            }
        }
    }
}

/// A count and elements.
pub(super) fn read(reader: &mut Reader<'_>, building: Building<'_>) -> Result<List, Corrupt> {
    let limits = building.limits;
    let mut deque = List::new_deque(limits);
    for _ in 0..reader.count(1)? {
        deque.push(End::Right, &reader.string()?, limits.list_packed_threshold);
    }
    Ok(List::from_deque(deque, limits))
}

/// Elements in a ziplist. Of this form alone Valkey makes a large list always.
pub(super) fn read_ziplist(reader: &mut Reader<'_>, building: Building<'_>) -> Result<List, Corrupt> {
    let elements = ziplist(&reader.string()?)?;
    let mut deque = List::new_deque(building.limits);
    for element in elements.as_packed() {
        deque.push(End::Right, &element.to_vec(), building.limits.list_packed_threshold);
    }
    Ok(List::Deque(Box::new(deque)))
}

/// A count and ziplists.
pub(super) fn read_ziplists(reader: &mut Reader<'_>, building: Building<'_>) -> Result<List, Corrupt> {
    let mut deque = List::new_deque(building.limits);
    for _ in 0..reader.count(1)? {
        let node = ziplist(&reader.string()?)?;
        if !node.is_empty() {
            deque.push_block(node.as_packed());
        }
    }
    Ok(List::from_deque(deque, building.limits))
}

/// A count and nodes, each of its kind.
pub(super) fn read_nodes(reader: &mut Reader<'_>, building: Building<'_>) -> Result<List, Corrupt> {
    let mut deque = List::new_deque(building.limits);
    for _ in 0..reader.count(2)? {
        match reader.length()? {
            NODE_PLAIN => {
                let text = reader.string()?;
                if text.is_empty() {
                    return Err(Corrupt);
                }
                deque.push_plain(&text);
            }
            NODE_PACKED => {
                let node = packed::listpack(&reader.string()?)?;
                if !node.is_empty() {
                    deque.push_block(node.as_packed());
                }
            }
            _ => return Err(Corrupt),
        }
    }
    Ok(List::from_deque(deque, building.limits))
}

/// The elements of a ziplist, packed.
fn ziplist(bytes: &[u8]) -> Result<PackedBuf, Corrupt> {
    let mut elements = PackedBuf::with_capacity(bytes.len());
    old::ziplist(bytes, |element| {
        packed::push(&mut elements, element);
        Ok(())
    })?;
    Ok(elements)
}
