//! Table.
use super::spec::Command;
const GROUPS: &[&[&Command]] = &[super::string::COMMANDS, super::connection::COMMANDS];
/// An id.
#[derive(Debug, Clone, Copy)]
pub struct CommandId(u16);
impl CommandId { pub(crate) fn index(self) -> usize { self.0 as usize } pub(crate) fn get(self) -> u16 { self.0 } }
pub(crate) fn count() -> usize { 256 }
pub(crate) fn lookup(name: &[u8]) -> Option<&'static Command> {
    GROUPS.iter().flat_map(|g| g.iter()).copied().find(|c| c.name.as_bytes().eq_ignore_ascii_case(name))
}
pub(crate) fn subcommand(c: &'static Command, name: &[u8]) -> Option<&'static Command> {
    c.subcommands.iter().copied().find(|c| c.name.as_bytes().eq_ignore_ascii_case(name))
}
pub(crate) fn unknown_command(args: &super::args::Args<'_>) -> String { format!("ERR unknown command '{}'", String::from_utf8_lossy(args.at(0))) }
pub(crate) fn unknown_subcommand(c: &Command, sub: &[u8]) -> String { format!("ERR unknown subcommand '{}'. Try {} HELP.", String::from_utf8_lossy(sub), c.name.to_uppercase()) }
impl Command { pub(crate) fn id(&self) -> CommandId { CommandId(0) } pub(crate) fn full_name(&self) -> String { self.name.into() } pub(crate) fn takes(&self, n: usize) -> bool { self.accepts(n) } }
