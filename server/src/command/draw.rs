//! What HRANDFIELD, SRANDMEMBER and ZRANDMEMBER share. With a negative count they draw the same elements
//! again and again, as often as the client likes; Valkey would go on until it has no memory left.

use std::ops::ControlFlow;

use crate::error::Error;
use crate::resp::Reply;
use crate::resp::reply::Mark;

/// No such reply gets longer.
const REPLY_BYTES_MAX: usize = 1 << 30;
/// The shortest element of a reply: an empty bulk string.
const ELEMENT_BYTES_MIN: usize = 6;

pub(super) const TOO_LONG: Error =
    Error::Text("ERR value is out of range, the reply would be longer than 1 GiB");

/// A reply of elements that are drawn, from where it begins.
pub(super) struct Draws(Mark);

impl Draws {
    /// Begins a reply of so many elements.
    ///
    /// # Errors
    /// [`TOO_LONG`], however short they are.
    pub(super) fn begin(reply: &Reply, times: usize) -> Result<Self, Error> {
        if times > REPLY_BYTES_MAX / ELEMENT_BYTES_MIN { Err(TOO_LONG) } else { Ok(Self(reply.mark())) }
    }

    /// Whether another element may be drawn.
    #[inline]
    pub(super) fn go_on(&self, reply: &Reply) -> ControlFlow<()> {
        if reply.output().len_since(self.0) > REPLY_BYTES_MAX {
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    }
}
