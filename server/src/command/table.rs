//! The table of all commands: what a name means, at once.
//!
//! The groups' lists are put together once. Each command and each subcommand gets an [`Entry`] with what
//! follows from its declaration, and a dense [`CommandId`] for whoever counts per command. Top-level names
//! are found by hashing: a name of up to 15 bytes is lower-cased in two registers and compared as one number,
//! so a look-up costs a multiplication and one cache line, and allocates nothing.

use std::fmt;
use std::ops::Deref;
use std::sync::LazyLock;

use super::apart::{ELSEWHERE, Refusers, Use, UseId};
use super::args::Args;
use super::keys::Plan;
#[cfg(feature = "script")]
use super::scripting;
use super::spec::{Arg, Command, Group};
use super::{
    bitmap, cluster, connection, describe, generic, geo, hash, hyperloglog, list, pubsub, server, set,
    sorted_set, stream, string, transactions,
};
use crate::config::{Compat, Config};
use crate::error::Error;

/// The groups' lists, in the order in which a stranger should read them.
const GROUPS: &[(Group, &[&Command])] = &[
    (Group::String, string::COMMANDS),
    (Group::Bitmap, bitmap::COMMANDS),
    (Group::HyperLogLog, hyperloglog::COMMANDS),
    (Group::List, list::COMMANDS),
    (Group::Hash, hash::COMMANDS),
    (Group::Set, set::COMMANDS),
    (Group::SortedSet, sorted_set::COMMANDS),
    (Group::Geo, geo::COMMANDS),
    (Group::Stream, stream::COMMANDS),
    (Group::Generic, generic::COMMANDS),
    (Group::Transactions, transactions::COMMANDS),
    (Group::Cluster, cluster::COMMANDS),
    #[cfg(feature = "script")]
    (Group::Scripting, scripting::COMMANDS),
    (Group::PubSub, pubsub::COMMANDS),
    (Group::Connection, connection::COMMANDS),
    (Group::Server, describe::COMMANDS),
    (Group::Server, server::COMMANDS),
];

/// A command's place in the table, container and subcommands each having their own: an index for statistics.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct CommandId(u16);

impl CommandId {
    /// As an index below [`count`].
    pub fn index(self) -> usize {
        usize::from(self.0)
    }

    /// As a number that fits an atomic.
    pub fn get(self) -> u16 {
        self.0
    }
}

/// A declaration, and what follows from it and from its place in the table.
pub(crate) struct Entry {
    command: &'static Command,
    id: CommandId,
    group: Group,
    full_name: Box<str>,
    /// Its subcommands lie behind it in the table.
    subcommands: u16,
    keys: Plan,
    /// Nothing for a command that every release has.
    apart: Option<UseId>,
    /// Who refuses the command itself.
    refusers: Refusers,
    /// Its options that some release refuses which has the command.
    options: Box<[(&'static str, UseId)]>,
}

impl Deref for Entry {
    type Target = Command;

    fn deref(&self) -> &Command {
        self.command
    }
}

/// Its name is enough.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.full_name)
    }
}

impl Entry {
    pub(crate) fn id(&self) -> CommandId {
        self.id
    }

    /// Whether it is the command of this declaration.
    pub(crate) fn is(&self, command: &'static Command) -> bool {
        std::ptr::eq(self.command, command)
    }

    pub(crate) fn group(&self) -> Group {
        self.group
    }

    /// `get`, `config|get`.
    pub(crate) fn full_name(&self) -> &str {
        &self.full_name
    }

    /// How to find the keys of a call.
    pub(crate) fn keys(&self) -> &Plan {
        &self.keys
    }

    /// Whether its name alone tells what it is: no container, and no subcommand.
    pub(crate) fn is_plain(&self) -> bool {
        self.subcommands == 0 && self.full_name.len() == self.name.len()
    }

    /// What is counted when it is called: nothing for a command that every release has.
    #[inline]
    pub(crate) fn apart(&self) -> Option<UseId> {
        self.apart
    }

    /// What is counted when this option of it is used, and who refuses that.
    pub(crate) fn option(&self, name: &[u8]) -> Option<(UseId, Refusers)> {
        let (_, id) = self.options.iter().find(|(option, _)| option.as_bytes().eq_ignore_ascii_case(name))?;
        Some((*id, one_use(*id).refusers))
    }

    /// Whether a server has it that passes for this one.
    pub(crate) fn is_known_to(&self, compat: Compat) -> bool {
        knows(compat, self.refusers)
    }

    /// The subcommands of a container, in the order of its declaration.
    pub(crate) fn subcommands(&self) -> &'static [Self] {
        let first = self.id.index() + 1;
        &TABLE.entries[first..first + usize::from(self.subcommands)]
    }

    /// The subcommand of this name, in any case.
    pub(crate) fn subcommand(&self, name: &[u8]) -> Option<&'static Self> {
        self.subcommands().iter().find(|entry| entry.name.as_bytes().eq_ignore_ascii_case(name))
    }
}

/// Why a request names no command.
#[derive(Clone, Copy)]
pub(crate) enum Unknown {
    Command,
    /// Not a subcommand of this container.
    Subcommand(&'static Entry),
}

impl Unknown {
    /// The error that the client reads. Whoever writes it makes spaces of line ends, as in all errors.
    #[cold]
    pub(crate) fn error(self, args: &Args<'_>) -> Error {
        Error::Bytes(match self {
            Self::Command => {
                let mut message = b"ERR unknown command '".to_vec();
                message.extend_from_slice(c_text(args.get(0).unwrap_or_default(), SHOWN_BYTES_MAX));
                message.extend_from_slice(b"', with args beginning with: ");
                // Enough of them for whoever reads a log to see what the client was after.
                let end = message.len() + SHOWN_BYTES_MAX;
                for arg in args.iter().skip(1) {
                    let room = end.saturating_sub(message.len());
                    if room == 0 {
                        break;
                    }
                    message.push(b'\'');
                    message.extend_from_slice(c_text(arg, room));
                    message.extend_from_slice(b"' ");
                }
                message
            }
            Self::Subcommand(container) => {
                let mut message = b"ERR unknown subcommand '".to_vec();
                message.extend_from_slice(c_text(args.get(1).unwrap_or_default(), SHOWN_BYTES_MAX));
                message.extend_from_slice(b"'. Try ");
                message.extend_from_slice(container.name.to_ascii_uppercase().as_bytes());
                message.extend_from_slice(b" HELP.");
                message
            }
        })
    }
}

/// How much of a name, and of all arguments together, an error repeats.
const SHOWN_BYTES_MAX: usize = 128;

/// What C prints of these bytes with `%.*s`: up to the first NUL, and not more than that many.
fn c_text(bytes: &[u8], max: usize) -> &[u8] {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    &bytes[..end.min(max)]
}

/// The command, or the subcommand, that a request names, if a server has it with these parameters.
pub(crate) fn resolve(args: &Args<'_>, config: &Config) -> Result<&'static Entry, Unknown> {
    let known = |entry: &&Entry| entry.apart.is_none() || entry.is_known_to(config.compat());
    let Some(entry) = args.get(0).and_then(lookup).filter(known) else { return Err(Unknown::Command) };
    match args.get(1) {
        Some(name) if entry.subcommands > 0 => {
            entry.subcommand(name).filter(known).ok_or(Unknown::Subcommand(entry))
        }
        _ => Ok(entry),
    }
}

/// What is counted of a request that [`resolve`] does not find: a command of one of the two servers.
#[cold]
pub(crate) fn use_of_unknown(args: &Args<'_>) -> Option<UseId> {
    let mut name = String::from_utf8_lossy(args.get(0)?).to_ascii_lowercase();
    let use_of = |name: &str| {
        let is = |one: &Use| one.option.is_empty() && *one.command == *name;
        let at = uses().iter().position(is)?;
        Some(UseId(u16::try_from(at).expect("invariant: fewer uses than 65536")))
    };
    use_of(&name).or_else(|| {
        name.push('|');
        name.push_str(&String::from_utf8_lossy(args.get(1)?).to_ascii_lowercase());
        use_of(&name)
    })
}

/// Whether what these releases refuse is there in a server that passes for this one.
pub(crate) fn knows(compat: Compat, refusers: Refusers) -> bool {
    match compat {
        Compat::Valkey91 => true,
        Compat::Redis80 => !refusers.meets(Refusers::REDIS_8_0),
    }
}

/// All commands and options that some release refuses, each at its [`UseId`].
pub(crate) fn uses() -> &'static [Use] {
    &TABLE.uses
}

/// The one of this id.
pub(crate) fn one_use(id: UseId) -> &'static Use {
    &TABLE.uses[usize::from(id.0)]
}

/// The command of this name, in any case; no subcommands.
pub(crate) fn lookup(name: &[u8]) -> Option<&'static Entry> {
    let table = &*TABLE;
    let Some(packed) = Packed::new(name) else {
        // Three of the reference's 257 names are longer, and nobody calls them in a loop.
        return table.long.iter().map(|id| &table.entries[id.index()]).find(|entry| entry.is_named(name));
    };
    let mut at = packed.hash();
    loop {
        let slot = &table.slots[at & (table.slots.len() - 1)];
        if slot.name == packed {
            return Some(&table.entries[slot.id.index()]);
        }
        if slot.name == Packed::FREE {
            return None;
        }
        at += 1;
    }
}

/// The command of this full name, in any case: `get`, `config|get`.
pub(crate) fn lookup_full(name: &[u8]) -> Option<&'static Entry> {
    match memchr::memchr(b'|', name) {
        None => lookup(name),
        Some(bar) => lookup(&name[..bar])?.subcommand(&name[bar + 1..]),
    }
}

/// All commands, without subcommands.
pub(crate) fn commands() -> impl Iterator<Item = &'static Entry> {
    let mut rest = TABLE.entries.iter();
    std::iter::from_fn(move || {
        let entry = rest.next()?;
        if entry.subcommands > 0 {
            rest.nth(usize::from(entry.subcommands) - 1);
        }
        Some(entry)
    })
}

/// All commands and subcommands, each at its [`CommandId`].
pub(crate) fn entries() -> &'static [Entry] {
    &TABLE.entries
}

/// The number of commands and subcommands.
pub(crate) fn count() -> usize {
    TABLE.entries.len()
}

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(GROUPS));

struct Table {
    entries: Box<[Entry]>,
    /// Open addressing; a power of two, at least three quarters free.
    slots: Box<[Slot]>,
    /// Names that do not fit in a slot.
    long: Vec<CommandId>,
    uses: Box<[Use]>,
}

struct Slot {
    name: Packed,
    id: CommandId,
}

impl Table {
    fn new(groups: &[(Group, &[&'static Command])]) -> Self {
        let (mut entries, mut uses) = (Vec::new(), Vec::new());
        let mut tops = Vec::new();
        for &(group, commands) in groups {
            for &command in commands {
                tops.push(Self::push(&mut entries, &mut uses, group, command, command.name.into()));
                for &sub in command.subcommands {
                    let full_name = format!("{}|{}", command.name, sub.name).into();
                    Self::push(&mut entries, &mut uses, group, sub, full_name);
                }
            }
        }
        let size = (tops.len() * 4).next_power_of_two();
        let mut slots: Box<[Slot]> =
            (0..size).map(|_| Slot { name: Packed::FREE, id: CommandId(0) }).collect();
        let mut long = Vec::new();
        for id in tops {
            let Some(name) = Packed::new(entries[id.index()].name.as_bytes()) else {
                long.push(id);
                continue;
            };
            let mut at = name.hash();
            while slots[at & (size - 1)].name != Packed::FREE {
                assert!(slots[at & (size - 1)].name != name, "invariant: no two commands have one name");
                at += 1;
            }
            slots[at & (size - 1)] = Slot { name, id };
        }
        for &(name, valkey, redis) in ELSEWHERE {
            uses.push(Use { command: name.into(), option: "", refusers: Refusers::of(valkey, redis) });
        }
        Self { entries: entries.into(), slots, long, uses: uses.into() }
    }

    fn push(
        entries: &mut Vec<Entry>,
        uses: &mut Vec<Use>,
        group: Group,
        command: &'static Command,
        full_name: Box<str>,
    ) -> CommandId {
        let id = CommandId(u16::try_from(entries.len()).expect("invariant: fewer commands than 65536"));
        let subcommands = u16::try_from(command.subcommands.len()).expect("invariant: a few subcommands");
        let keys = Plan::of(command, &full_name);
        let refusers = Refusers::of(command.since, command.redis);
        let mut add = |option, refusers| {
            uses.push(Use { command: full_name.clone(), option, refusers });
            UseId(u16::try_from(uses.len() - 1).expect("invariant: fewer uses than 65536"))
        };
        let apart = (!refusers.is_empty()).then(|| add("", refusers));
        let mut options = Vec::new();
        let mut add = |name, of_option: Refusers| options.push((name, add(name, of_option)));
        newer_options(command.args, refusers, &mut add);
        for form in command.forms {
            add(form.name, Refusers::of(form.valkey, form.redis));
        }
        let options = options.into();
        entries.push(Entry { command, id, group, full_name, subcommands, keys, apart, refusers, options });
        id
    }
}

/// Tells of those options that somebody refuses who has the command, and that are part of no other.
fn newer_options(args: &'static [Arg], command: Refusers, tell: &mut impl FnMut(&'static str, Refusers)) {
    for arg in args {
        let refusers = arg.refusers();
        if refusers.is_more_than(command) {
            tell(arg.called(), refusers);
        } else {
            newer_options(arg.args(), command, tell);
        }
    }
}

impl Entry {
    fn is_named(&self, name: &[u8]) -> bool {
        self.name.as_bytes().eq_ignore_ascii_case(name)
    }
}

/// A name of 1 to 15 bytes in lower case as one number: the bytes, zeroes, and the length on top, so that no
/// two names share one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Packed(u64, u64);

impl Packed {
    const FREE: Self = Self(0, 0);

    /// Nothing for a name that is empty, too long, or not ASCII.
    fn new(name: &[u8]) -> Option<Self> {
        let length = name.len();
        // Two reads that may overlap; the shifts drop, or lay over themselves, the bytes that both have read.
        let (low, high) = if let (Some(first), Some(last)) = (name.first_chunk::<8>(), name.last_chunk::<8>())
        {
            if length > 15 {
                return None;
            }
            let high = u64::from_le_bytes(*last).checked_shr(8 * (16 - length as u32)).unwrap_or(0);
            (u64::from_le_bytes(*first), high)
        } else if let (Some(first), Some(last)) = (name.first_chunk::<4>(), name.last_chunk::<4>()) {
            let last = u64::from(u32::from_le_bytes(*last)) << (8 * (length - 4));
            (u64::from(u32::from_le_bytes(*first)) | last, 0)
        } else {
            (name.iter().rev().fold(0, |low, byte| low << 8 | u64::from(*byte)), 0)
        };
        if length == 0 || (low | high) & (EACH * 0x80) != 0 {
            return None;
        }
        Some(Self(lower_case(low), lower_case(high) | (length as u64) << 56))
    }

    fn hash(self) -> usize {
        // The golden ratio's multiplier; the best mixed bits of a product are the high ones.
        let mixed = (self.0 ^ self.1.rotate_left(31)).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (mixed >> 40) as usize
    }
}

/// A one in each byte.
const EACH: u64 = 0x0101_0101_0101_0101;

/// Eight ASCII bytes at once. Adding makes a byte's top bit say whether it is at least `A`, or beyond `Z`.
fn lower_case(bytes: u64) -> u64 {
    let from_a = bytes + EACH * (0x80 - b'A' as u64);
    let beyond_z = bytes + EACH * (0x80 - (b'Z' as u64 + 1));
    bytes | ((from_a & !beyond_z & (EACH * 0x80)) >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_found_in_any_case_and_nothing_else_is() {
        for entry in commands() {
            assert_eq!(lookup(entry.name.as_bytes()).map(Entry::id), Some(entry.id()), "{}", entry.name);
            assert_eq!(lookup(entry.name.to_uppercase().as_bytes()).map(Entry::id), Some(entry.id()));
            for wrong in
                [format!("{}~", entry.name), format!("{}\0", entry.name), format!("\0{}", entry.name)]
            {
                assert!(lookup(wrong.as_bytes()).is_none(), "{wrong:?}");
            }
        }
        for wrong in ["", "x", "comman", "command|info", "COMMAN\u{c4}", "\u{ff}", "a name longer than any"] {
            assert!(lookup(wrong.as_bytes()).is_none(), "{wrong:?}");
        }
    }

    #[test]
    fn entries_stand_at_their_id_with_their_full_name() {
        for (index, entry) in entries().iter().enumerate() {
            assert_eq!(entry.id().index(), index);
            assert_eq!(
                lookup_full(entry.full_name().to_uppercase().as_bytes()).map(Entry::id),
                Some(entry.id())
            );
        }
        assert_eq!(entries().len(), commands().map(|entry| 1 + entry.subcommands().len()).sum::<usize>());
    }

    #[test]
    fn packing_tells_all_short_names_apart_and_folds_letters_only() {
        let pack = |name: &[u8]| Packed::new(name).map(|packed| (packed.0, packed.1));
        for length in 1..=15 {
            let name = b"abcdefghijklmno".get(..length).expect("short enough");
            assert_eq!(pack(name), pack(&name.to_ascii_uppercase()));
            for at in 0..length {
                for byte in 0..=255 {
                    let mut other = name.to_vec();
                    other[at] = byte;
                    let same = other.eq_ignore_ascii_case(name);
                    assert_eq!(pack(&other) == pack(name), same, "{other:?}");
                }
            }
        }
    }
}
