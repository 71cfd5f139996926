//! Arguments that outlive the buffer they came in, or came in none: of requests that a transaction has
//! queued, of a call that a script makes.

use super::args::{Args, Span};

/// The arguments of several requests, one after the other in one buffer.
#[derive(Debug, Default)]
pub struct ArgBuffer {
    bytes: Vec<u8>,
    spans: Vec<Span>,
    /// Where the spans of each request end.
    ends: Vec<usize>,
}

impl ArgBuffer {
    /// Adds an argument to the request that is being made.
    pub fn push(&mut self, arg: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(arg);
        self.spans.push(Span { start, end: self.bytes.len() });
    }

    /// Says that the request has all of its arguments.
    pub fn finish(&mut self) {
        self.ends.push(self.spans.len());
    }

    /// Adds a whole request.
    pub fn push_all(&mut self, args: Args<'_>) {
        args.iter().for_each(|arg| self.push(arg));
        self.finish();
    }

    /// How many requests there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The arguments of the request at `index`.
    pub fn get(&self, index: usize) -> Option<Args<'_>> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        Some(Args::new(&self.bytes, &self.spans[start..end]))
    }

    /// Bytes of all arguments together, and how many these are.
    pub fn figures(&self) -> (usize, usize) {
        (self.bytes.len(), self.spans.len())
    }

    /// Forgets all requests. What was reserved for them is kept for the next ones, unless it was much.
    pub fn clear(&mut self) {
        /// Bytes of arguments, arguments, and requests.
        const KEPT_MAX: (usize, usize, usize) = (16 * 1024, 256, 64);
        self.bytes.clear();
        self.spans.clear();
        self.ends.clear();
        self.bytes.shrink_to(KEPT_MAX.0);
        self.spans.shrink_to(KEPT_MAX.1);
        self.ends.shrink_to(KEPT_MAX.2);
    }

    /// Bytes it holds on the heap.
    pub fn memory_bytes(&self) -> usize {
        self.bytes.capacity()
            + self.spans.capacity() * size_of::<Span>()
            + self.ends.capacity() * size_of::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_kept_apart() {
        let mut kept = ArgBuffer::default();
        for request in [&["SET", "a", ""][..], &["PING"], &[]] {
            request.iter().for_each(|arg| kept.push(arg.as_bytes()));
            kept.finish();
        }
        let read = |index: usize| kept.get(index).map(|args| args.iter().collect::<Vec<_>>());
        assert_eq!(read(0), Some(vec![&b"SET"[..], b"a", b""]));
        assert_eq!(read(1), Some(vec![&b"PING"[..]]));
        assert_eq!(read(2), Some(vec![]));
        assert_eq!(read(3), None);
        assert_eq!((kept.len(), kept.figures()), (3, (8, 4)));
        let mut copy = ArgBuffer::default();
        copy.push_all(kept.get(0).expect("it is there"));
        assert_eq!(copy.get(0).map(|args| args.len()), Some(3));
        copy.clear();
        assert!(copy.is_empty() && copy.get(0).is_none());
    }
}
