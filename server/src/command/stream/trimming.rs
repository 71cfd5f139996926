//! The options of XADD and XTRIM that say what is removed.

use scrubjay::types::stream::{Bound, Trim, TrimLimit};

use super::ids;
use crate::command::args::Args;
use crate::error::Error;

/// What has been read of the options so far.
#[derive(Debug, Default)]
pub(super) struct Trimming {
    bound: Option<Bound>,
    whole_blocks: bool,
    limit: Option<u64>,
}

impl Trimming {
    /// Reads the option at `index`, if it is one of these, with its value; where the next word is.
    pub(super) fn option(&mut self, args: Args<'_>, index: usize) -> Result<Option<usize>, Error> {
        let behind = args.len() - index - 1;
        let by_len = args.is(index, "MAXLEN");
        if behind > 0 && (by_len || args.is(index, "MINID")) {
            if self.bound.is_some() {
                return Err(Error::Text(
                    "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
                ));
            }
            self.whole_blocks = false;
            let mut value = index + 1;
            // A sign with nothing behind it is taken for the value.
            if behind >= 2 && matches!(ids::c_string(args.at(value)), b"~" | b"=") {
                self.whole_blocks = args.at(value).starts_with(b"~");
                value += 1;
            }
            self.bound = Some(if by_len {
                let len = u64::try_from(args.integer(value)?);
                Bound::Len(len.map_err(|_| Error::Text("ERR The MAXLEN argument must be >= 0."))?)
            } else {
                Bound::Id(ids::id(args.at(value))?)
            });
            return Ok(Some(value + 1));
        }
        if behind > 0 && args.is(index, "LIMIT") {
            let limit = u64::try_from(args.integer(index + 1)?);
            self.limit = Some(limit.map_err(|_| Error::Text("ERR The LIMIT argument must be >= 0."))?);
            return Ok(Some(index + 2));
        }
        Ok(None)
    }

    /// What they say together, where they have to say something.
    pub(super) fn some_trim(self) -> Result<Trim, Error> {
        const NO_BOUND: Error =
            Error::Text("ERR syntax error, XTRIM must be called with a trimming strategy");
        if self.bound.is_none() && self.limit.is_none_or(|limit| limit == 0) {
            return Err(NO_BOUND);
        }
        self.trim()?.ok_or(NO_BOUND)
    }

    /// What they say together, if they say anything.
    pub(super) fn trim(self) -> Result<Option<Trim>, Error> {
        if self.bound.is_none() && self.limit.is_some_and(|limit| limit > 0) {
            return Err(Error::Text(
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy",
            ));
        }
        let limit = match self.limit {
            Some(_) if !self.whole_blocks => {
                return Err(Error::Text(
                    "ERR syntax error, LIMIT cannot be used without the special ~ option",
                ));
            }
            Some(0) => TrimLimit::None,
            Some(limit) => TrimLimit::Entries(limit),
            None => TrimLimit::Default,
        };
        Ok(self.bound.map(|bound| Trim { bound, whole_blocks: self.whole_blocks, limit }))
    }
}
