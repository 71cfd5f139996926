//! A request's arguments as commands read them: slices of the buffer they came in, and the readings many
//! commands share.

use std::ops::Deref;

use crate::error::Error;
use crate::resp::{self, number};

/// The arguments of one request, the command's name first.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a>(resp::Args<'a>);

impl<'a> From<resp::Args<'a>> for Args<'a> {
    fn from(args: resp::Args<'a>) -> Self {
        Self(args)
    }
}

impl<'a> Deref for Args<'a> {
    type Target = resp::Args<'a>;
    fn deref(&self) -> &resp::Args<'a> {
        &self.0
    }
}

impl<'a> Args<'a> {
    /// The argument at `index`, which the command's arity has promised.
    pub fn at(&self, index: usize) -> &'a [u8] {
        self.get(index).expect("invariant: the arity promised this argument")
    }

    /// How many bytes they hold together.
    pub fn bytes(&self) -> usize {
        self.iter().map(<[u8]>::len).sum()
    }

    /// Whether the argument at `index` is `word`, in any case.
    pub fn is(&self, index: usize, word: &str) -> bool {
        self.get(index).is_some_and(|arg| arg.eq_ignore_ascii_case(word.as_bytes()))
    }

    /// The argument at `index` as an integer, in the strict form that Valkey takes.
    ///
    /// # Errors
    /// [`Error::NotInteger`] when it is none or is not there.
    pub fn integer(&self, index: usize) -> Result<i64, Error> {
        self.get(index).and_then(number::parse_i64).ok_or(Error::NotInteger)
    }

    /// The same, of an integer whose sign says which way the rest of it is meant: the one without an opposite
    /// is none.
    ///
    /// # Errors
    /// [`Error::NotInteger`], or that it is out of range.
    pub fn either_way(&self, index: usize) -> Result<i64, Error> {
        let number = self.integer(index)?;
        if number == i64::MIN {
            return Err(Error::Text(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ));
        }
        Ok(number)
    }
}
