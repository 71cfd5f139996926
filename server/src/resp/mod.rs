//! The wire: bytes to argument slices, typed replies to bytes.
//!
//! Nothing here does I/O, keeps a clock or knows a command; nothing of the rest of the server is imported.
//! That is what lets the parser be fed one byte at a time in a test, and the writer be read back without a
//! socket.
//!
//! - [`request`]: what a client sends (RESP arrays of bulk strings, or inline commands);
//! - [`args`]: the arguments in it, where they lie;
//! - [`kept`]: arguments that outlive the buffer they came in;
//! - [`reply`]: what it gets, in RESP2 or RESP3, and the chain of buffers it waits in;
//! - [`number`]: how numbers are read from arguments. How they are written, the engine knows.

pub mod args;

pub mod request;

pub mod kept;

pub mod reply;

pub mod number;

pub use args::{ArgList, Args};
pub use kept::ArgBuffer;
pub use reply::{Deferred, Mark, Output, Protocol, Reply};
pub use request::{Limits, Outcome, ProtocolError, RequestParser};
