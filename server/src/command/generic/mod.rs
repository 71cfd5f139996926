//! Keys, whatever lives there.

mod copy;
mod del;
mod exists;
mod expire;
mod keys;
mod r#move;
mod object;
mod persist;
mod randomkey;
mod rename;
mod scan;
mod touch;
mod ttl;
mod r#type;

use super::Ctx;
use super::spec::Command;
use crate::error::Error;

pub(super) const COMMANDS: &[&Command] = &[
    &del::DEL,
    &del::UNLINK,
    &exists::EXISTS,
    &touch::TOUCH,
    &r#type::TYPE,
    &rename::RENAME,
    &rename::RENAMENX,
    &copy::COPY,
    &r#move::MOVE,
    &expire::EXPIRE,
    &expire::PEXPIRE,
    &expire::EXPIREAT,
    &expire::PEXPIREAT,
    &persist::PERSIST,
    &ttl::TTL,
    &ttl::PTTL,
    &ttl::EXPIRETIME,
    &ttl::PEXPIRETIME,
    &keys::KEYS,
    &scan::SCAN,
    &randomkey::RANDOMKEY,
    &object::OBJECT,
];

/// The argument at `index` as the number of a database.
fn database(ctx: &Ctx<'_>, index: usize) -> Result<u16, Error> {
    let number = i32::try_from(ctx.args.integer(index)?).map_err(|_| {
        Error::Text("ERR value is out of range, value must between -2147483648 and 2147483647")
    })?;
    let db = u16::try_from(number).ok().filter(|db| *db < ctx.shared.store.databases());
    db.ok_or(Error::Text("ERR DB index is out of range"))
}
