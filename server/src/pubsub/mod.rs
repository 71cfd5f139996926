//! Messages: who wants which, and the way they take.
//!
//! ```text
//!   PUBLISH, a change, ...     Registry            Mailbox of a thread        Inboxes of its connections
//!   (any thread, any lock) --> who listens? -----> posts, in order ---------> frames, behind the replies
//! ```
//!
//! Data flows once, forward. Whoever has a message, maybe under locks, looks up who wants it and leaves it in
//! the mailbox of each thread that serves one of them; nobody waits for anybody. Once no lock is held the
//! threads are woken, and each copies what came to its own connections, between two commands and behind the
//! replies they have produced, so what a connection reads is in the order of the data.
//!
//! Locks are taken in this order: those of the store, one topic of the [`Registry`] or the [`Monitors`], one
//! mailbox.

mod audience;
pub mod inbox;
mod mailbox;
pub mod message;
mod monitors;
pub mod notifications;
pub mod registry;
mod topics;

#[cfg(all(test, shuttle))]
mod interleavings;

pub use self::audience::{Audience, Recipient};
pub use self::mailbox::Mailboxes;
pub use self::monitors::Monitors;
pub use self::notifications::Notifications;
pub use self::registry::{Kind, Registry};
