//! How an element of a collection is replied.

use scrubjay::collections::packed::Element;

use crate::resp::Reply;

/// Writes an element as a bulk string.
#[inline]
pub(super) fn bulk(reply: &mut Reply, element: Element<'_>) {
    match element {
        Element::Text(text) => reply.bulk(text),
        Element::Int(number) => reply.bulk_integer(number),
    }
}
