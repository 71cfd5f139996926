//! Up to where a value is held, and reported, in its small form.

/// The bounds of small forms: Valkey's parameters of the same names, with its defaults.
///
/// An operation on a value applies those that hold when it runs. Nothing is converted when they change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// Fields of a packed hash.
    pub hash_max_listpack_entries: usize,
    /// Bytes of the longest field or value of a packed hash.
    pub hash_max_listpack_value: usize,
    /// Elements of a block of a list, or, negative, its bytes: -1 is 4 KiB, -2 is 8 KiB, up to -5, 64 KiB.
    pub list_max_listpack_size: i32,
    /// Blocks at either end of a list that are not compressed; 0 for no compression at all.
    pub list_compress_depth: u32,
    /// Bytes from which an element of a list gets a block of its own; 0 for what follows from the size of
    /// blocks. `DEBUG QUICKLIST-PACKED-THRESHOLD`.
    pub list_packed_threshold: usize,
    /// Members of a set that is held as integers.
    pub set_max_intset_entries: usize,
    /// Members of a packed set.
    pub set_max_listpack_entries: usize,
    /// Bytes of the longest member of a packed set.
    pub set_max_listpack_value: usize,
    /// Members of a packed sorted set.
    pub zset_max_listpack_entries: usize,
    /// Bytes of the longest member of a packed sorted set.
    pub zset_max_listpack_value: usize,
    /// Bytes of a block of a stream; 0 for no bound.
    pub stream_node_max_bytes: usize,
    /// Entries of a block of a stream; 0 for no bound.
    pub stream_node_max_entries: usize,
    /// Bytes of a sparse HyperLogLog.
    pub hll_sparse_max_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hash_max_listpack_entries: 512,
            hash_max_listpack_value: 64,
            list_max_listpack_size: -2,
            list_compress_depth: 0,
            list_packed_threshold: 0,
            set_max_intset_entries: 512,
            set_max_listpack_entries: 128,
            set_max_listpack_value: 64,
            zset_max_listpack_entries: 128,
            zset_max_listpack_value: 64,
            stream_node_max_bytes: 4096,
            stream_node_max_entries: 100,
            hll_sparse_max_bytes: 3000,
        }
    }
}
