//! Keys, whatever lives there.

mod copy;
mod del;
mod dump;
mod exists;
mod expire;
mod keys;
mod r#move;
mod object;
mod persist;
mod randomkey;
mod rename;
mod scan;
mod sort;
mod touch;
mod ttl;
mod r#type;
mod wait;

use super::spec::Command;

pub(super) const COMMANDS: &[&Command] = &[
    &del::DEL,
    &del::UNLINK,
    &dump::DUMP,
    &dump::RESTORE,
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
    &sort::SORT,
    &sort::SORT_RO,
    &randomkey::RANDOMKEY,
    &object::OBJECT,
    &wait::WAIT,
    &wait::WAITAOF,
];
