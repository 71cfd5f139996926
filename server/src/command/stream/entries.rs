//! How entries are replied.

use scrubjay::StreamId;
use scrubjay::types::stream::Entry;

use crate::command::element::bulk;
use crate::resp::Reply;

/// An id.
pub(super) fn id(reply: &mut Reply, id: StreamId) {
    let (mut ms, mut seq) = (itoa::Buffer::new(), itoa::Buffer::new());
    reply.bulk_parts(&[ms.format(id.ms).as_bytes(), b"-", seq.format(id.seq).as_bytes()]);
}

/// An entry: its id, and its fields and values in a row.
pub(super) fn entry(reply: &mut Reply, entry: Entry<'_>) {
    reply.array(2);
    id(reply, entry.id);
    reply.array(2 * entry.fields.len());
    for (field, value) in entry.fields {
        bulk(reply, field);
        bulk(reply, value);
    }
}

/// The entry of an id that is there no more.
pub(super) fn gone(reply: &mut Reply, gone: StreamId) {
    reply.array(2);
    id(reply, gone);
    reply.null_array();
}

/// Entries in an array, up to `count` of them.
pub(super) fn entries<'a>(reply: &mut Reply, entries: impl Iterator<Item = Entry<'a>>, count: u64) -> u64 {
    let header = reply.defer_array();
    let mut written = 0;
    // Not `take`, which would look for one entry more.
    let mut entries = entries;
    while written < count
        && let Some(next) = entries.next()
    {
        entry(reply, next);
        written += 1;
    }
    reply.fill(header, usize::try_from(written).unwrap_or(usize::MAX));
    written
}
