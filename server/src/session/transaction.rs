//! A transaction in the making: what a client has queued since `MULTI`.

use crate::command::spec::Effects;
use crate::command::table::Entry;
use crate::command::transactions::multi::EXEC;
use crate::resp::{self, ArgBuffer};

/// The commands that a client has queued, if it is in a transaction.
#[derive(Debug, Default)]
pub struct Transaction {
    open: bool,
    failed: bool,
    queue: Queue,
}

/// Commands to be run together.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    commands: Vec<&'static Entry>,
    args: ArgBuffer,
    /// Whether one of them may change something, or be heard by others.
    effects: Effects,
}

impl Queue {
    /// The commands in order, each with its arguments.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'static Entry, resp::Args<'_>)> {
        let args = |index| self.args.get(index).expect("invariant: each command has its arguments");
        self.commands.iter().enumerate().map(move |(index, command)| (*command, args(index)))
    }

    pub(crate) fn len(&self) -> usize {
        self.commands.len()
    }

    fn clear(&mut self) {
        const COMMANDS_KEPT_MAX: usize = 64;
        self.commands.clear();
        self.commands.shrink_to(COMMANDS_KEPT_MAX);
        self.args.clear();
        self.effects = Effects::default();
    }
}

impl Transaction {
    /// Whether the client is in one.
    #[inline]
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// Whether something was refused since it began, so that it will not be run.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Begins it.
    pub fn open(&mut self) {
        self.open = true;
    }

    /// Something was refused that should have been queued in it: what was queued will not be run.
    pub fn fail(&mut self) {
        self.failed = true;
        self.queue.clear();
    }

    /// Queues a command.
    pub(crate) fn push(&mut self, command: &'static Entry, args: resp::Args<'_>, effects: Effects) {
        // A transaction that will not be run needs no commands.
        if !self.failed {
            self.queue.commands.push(command);
            self.queue.effects.writes |= effects.writes;
            self.queue.effects.takes_memory |= effects.takes_memory;
            self.queue.args.push_all(args);
        }
    }

    /// Whether `EXEC` would add to what the store holds.
    pub(crate) fn takes_memory(&self, command: &Entry) -> bool {
        command.is(&EXEC) && self.queue.effects.takes_memory
    }

    /// Whether `EXEC` may change something, or be heard by others.
    pub(crate) fn writes(&self, command: &Entry) -> bool {
        command.is(&EXEC) && self.queue.effects.writes
    }

    /// The queued commands.
    pub(crate) fn queue(&self) -> &Queue {
        &self.queue
    }

    /// Ends it and takes what was queued, to be [given back](Self::reuse).
    pub(crate) fn take(&mut self) -> Queue {
        std::mem::take(self).queue
    }

    /// Takes back what was run, for the memory that it holds.
    pub(crate) fn reuse(&mut self, queue: Queue) {
        self.queue = queue;
        self.close();
    }

    /// Ends it without running anything.
    pub fn close(&mut self) {
        self.open = false;
        self.failed = false;
        self.queue.clear();
    }

    /// Bytes of the queued arguments, and how many these are.
    pub fn figures(&self) -> (usize, usize) {
        self.queue.args.figures()
    }

    /// Bytes it holds on the heap.
    pub fn memory_bytes(&self) -> usize {
        self.queue.args.memory_bytes() + self.queue.commands.capacity() * size_of::<&Entry>()
    }
}
