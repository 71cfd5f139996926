//! What the types share that have a packed form.

use super::Corrupt;
use crate::collections::packed::{Element, Packed, PackedBuf};
use crate::integer;

/// The elements of a listpack, as they would be packed here: what is the text of a number comes to be one.
pub(super) fn listpack(bytes: &[u8]) -> Result<PackedBuf, Corrupt> {
    let packed = PackedBuf::from_listpack(bytes).map_err(|_| Corrupt)?;
    let same = |element| match element {
        Element::Text(text) => integer::parse(text).is_none(),
        Element::Int(_) => true,
    };
    if packed.as_packed().iter().all(same) {
        return Ok(packed);
    }
    let mut own = PackedBuf::with_capacity(bytes.len());
    packed.as_packed().iter().for_each(|element| push(&mut own, element));
    Ok(own)
}

/// Appends an element.
pub(super) fn push(packed: &mut PackedBuf, element: Element<'_>) {
    match element {
        Element::Text(text) => packed.push_back(text),
        Element::Int(_) => packed.insert_element(packed.as_packed().end(), element),
    }
}

/// Makes sure that every `step`-th element is another one.
pub(super) fn distinct(packed: Packed<'_>, step: usize) -> Result<(), Corrupt> {
    let mut elements: Vec<Element<'_>> = packed.iter().step_by(step).collect();
    elements.sort_unstable_by(|a, b| order_of(a).cmp(&order_of(b)));
    let twice = elements.windows(2).any(|pair| order_of(&pair[0]) == order_of(&pair[1]));
    if twice { Err(Corrupt) } else { Ok(()) }
}

fn order_of<'a>(element: &Element<'a>) -> (Option<i64>, &'a [u8]) {
    match *element {
        Element::Int(number) => (Some(number), b""),
        Element::Text(text) => (None, text),
    }
}
