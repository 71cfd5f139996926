//! Figures and how they are printed, whatever was measured.

mod machine;
mod spread;
mod table;

pub(crate) use self::machine::describe as machine;
pub(crate) use self::spread::Spread;
pub(crate) use self::table::{Table, spread, thousands};
