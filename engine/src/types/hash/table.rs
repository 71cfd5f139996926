//! The large form of a hash, the only one in which fields have deadlines.
//!
//! A deadline lies beside its field in the dictionary, where every reader looks; besides, fields that have
//! one are kept in the order of deadlines. So it is known at any moment which perish next and how many have
//! perished, and those are given back a few at a time without anybody seeing them meanwhile.
//!
//! Invariant: `due` holds exactly the fields that have a deadline, each under the handle it has now, and is
//! not there when there are none.

use std::cmp::Ordering;

use crate::collections::dict::{Dict, Item};
use crate::collections::ranked::Ranked;
use crate::random::Random;
use crate::raw::Handle;
use crate::raw::heap::{HeapBytes, malloc_bytes};
use crate::time::Millis;

/// Slots that are looked at for each field that is removed, so that holes become pages to be given back.
const COMPACTED_PER_REMOVAL: usize = 8;
/// How often a field is drawn at random before those that have not perished are counted out.
const TRIES: usize = 32;

/// A large hash; see the module's page.
#[derive(Debug, Clone)]
pub struct HashTable {
    fields: Dict,
    due: Option<Box<Ranked<Due>>>,
}

/// A field and its deadline, in twelve bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Due {
    deadline: [u32; 2],
    field: Handle,
}

impl Due {
    fn new(deadline: Millis, field: Handle) -> Self {
        Self { deadline: [(deadline >> 32) as u32, deadline as u32], field }
    }

    fn deadline(self) -> Millis {
        u64::from(self.deadline[0]) << 32 | u64::from(self.deadline[1])
    }

    fn order(self) -> impl FnMut(&Self) -> Ordering {
        move |other| (other.deadline, other.field.to_bits()).cmp(&(self.deadline, self.field.to_bits()))
    }
}

/// What a field's deadline becomes when it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldDeadline {
    /// It stays what it is.
    Keep,
    /// It has none.
    Clear,
    /// The field perishes at this moment, in milliseconds since the epoch.
    At(Millis),
}

/// What was found where a field was written or removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Was {
    /// Nothing.
    Missing,
    /// A field that had perished, and is removed.
    Perished,
    /// A field.
    There,
}

impl HashTable {
    /// A hash without fields.
    pub(super) fn new(seed: u64) -> Self {
        Self { fields: Dict::new(seed), due: None }
    }

    /// Whether there is nothing, not even a field that has perished.
    pub(super) fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// How many fields there are that have not perished.
    pub fn len(&self, now: Millis) -> usize {
        self.fields.len() - self.perished(now)
    }

    /// How many fields have perished and are still here.
    fn perished(&self, now: Millis) -> usize {
        match &self.due {
            Some(due) if self.next_due().is_some_and(|next| next <= now) => {
                due.seek(|other| if other.deadline() <= now { Ordering::Less } else { Ordering::Greater })
            }
            _ => 0,
        }
    }

    /// A field that has not perished.
    pub(super) fn find(&self, field: &[u8], now: Millis) -> Option<Handle> {
        self.fields.find(field).filter(|&handle| is_live(self.fields.deadline(handle), now))
    }

    /// The value of a field that has not perished.
    #[inline]
    pub fn get(&self, field: &[u8], now: Millis) -> Option<&[u8]> {
        let item = self.fields.item(self.fields.find(field)?);
        is_live(item.deadline, now).then_some(item.value)
    }

    /// The deadline of a field that has not perished.
    pub(super) fn deadline(&self, field: &[u8], now: Millis) -> Option<Option<Millis>> {
        self.find(field, now).map(|handle| self.fields.deadline(handle))
    }

    /// All fields that have not perished, in no order, with their values and deadlines.
    pub fn iter(&self, now: Millis) -> impl Iterator<Item = Item<'_>> {
        self.fields.iter().map(|(_, item)| item).filter(move |item| is_live(item.deadline, now))
    }

    /// The fields of one bucket; see [`Dict::scan`].
    pub(super) fn scan(&self, cursor: u64, now: Millis, mut show: impl FnMut(Item<'_>)) -> u64 {
        self.fields.scan(cursor, |_, item| {
            if is_live(item.deadline, now) {
                show(item);
            }
        })
    }

    /// A field that has not perished, each equally likely.
    pub(super) fn random(&self, now: Millis, random: &mut Random) -> Option<Handle> {
        for _ in 0..TRIES {
            let handle = self.fields.random(random)?;
            if is_live(self.fields.deadline(handle), now) {
                return Some(handle);
            }
        }
        let chosen = random.below(self.len(now) as u64) as usize;
        let mut live = self.fields.handles().filter(|&handle| is_live(self.fields.deadline(handle), now));
        live.nth(chosen)
    }

    /// What lies under a handle.
    pub(super) fn item(&self, handle: Handle) -> Item<'_> {
        self.fields.item(handle)
    }

    /// Sets a field.
    pub(super) fn set(&mut self, field: &[u8], value: &[u8], deadline: FieldDeadline, now: Millis) -> Was {
        let hash = self.fields.hash(field);
        let mut was = Was::Missing;
        if let Some(handle) = self.fields.find_hashed(hash, field) {
            if is_live(self.fields.deadline(handle), now) {
                self.set_value(handle, value, deadline);
                return Was::There;
            }
            self.remove_at(handle);
            was = Was::Perished;
        }
        let deadline = match deadline {
            FieldDeadline::At(deadline) => Some(deadline),
            _ => None,
        };
        let handle = self.fields.insert_hashed(hash, Item { key: field, value, deadline });
        self.file(deadline, handle);
        was
    }

    fn set_value(&mut self, handle: Handle, value: &[u8], deadline: FieldDeadline) {
        let old = self.fields.deadline(handle);
        let new = match deadline {
            FieldDeadline::Keep => old,
            FieldDeadline::Clear => None,
            FieldDeadline::At(deadline) => Some(deadline),
        };
        let mut moved = self.fields.set_value(handle, value);
        if new != old {
            moved = self.fields.set_deadline(moved, new);
        }
        if (old, handle) != (new, moved) {
            self.unfile(old, handle);
            self.file(new, moved);
        }
    }

    /// Gives a field that is there another deadline, or takes it away.
    pub(super) fn set_deadline(&mut self, handle: Handle, deadline: Option<Millis>) {
        let old = self.fields.deadline(handle);
        let moved = self.fields.set_deadline(handle, deadline);
        if (old, handle) != (deadline, moved) {
            self.unfile(old, handle);
            self.file(deadline, moved);
        }
    }

    /// Removes a field.
    pub(super) fn remove(&mut self, field: &[u8], now: Millis) -> Was {
        let Some(handle) = self.fields.find(field) else { return Was::Missing };
        let live = is_live(self.fields.deadline(handle), now);
        self.remove_at(handle);
        if live { Was::There } else { Was::Perished }
    }

    fn remove_at(&mut self, handle: Handle) {
        self.unfile(self.fields.deadline(handle), handle);
        self.fields.remove(handle);
        self.compact();
    }

    /// Closes some of the holes that removals have left.
    fn compact(&mut self) {
        let due = &mut self.due;
        self.fields.compact_items(COMPACTED_PER_REMOVAL, |old, new, item| {
            if let (Some(due), Some(deadline)) = (due.as_mut(), item.deadline) {
                let (old, new) = (Due::new(deadline, old), Due::new(deadline, new));
                due.remove(old.order());
                due.insert(new, new.order());
            }
        });
    }

    fn file(&mut self, deadline: Option<Millis>, handle: Handle) {
        if let Some(deadline) = deadline {
            let item = Due::new(deadline, handle);
            self.due.get_or_insert_with(|| Box::new(Ranked::new())).insert(item, item.order());
        }
    }

    fn unfile(&mut self, deadline: Option<Millis>, handle: Handle) {
        if let (Some(deadline), Some(due)) = (deadline, &mut self.due) {
            due.remove(Due::new(deadline, handle).order());
            if due.is_empty() {
                self.due = None;
            }
        }
    }

    /// When the next field perishes, or has perished and is still here.
    #[inline]
    pub(crate) fn next_due(&self) -> Option<Millis> {
        self.due.as_ref().and_then(|due| due.first()).map(|due| due.deadline())
    }

    /// Whether every field has perished.
    pub(crate) fn all_perished(&self, now: Millis) -> bool {
        let last = self.due.as_ref().filter(|due| due.len() == self.fields.len()).and_then(|due| due.last());
        last.is_some_and(|last| last.deadline() <= now)
    }

    /// Its fields, those included that have perished.
    pub(crate) fn dict(&self) -> &Dict {
        &self.fields
    }

    /// How many fields have a deadline.
    pub(crate) fn perishing(&self) -> usize {
        self.due.as_ref().map_or(0, |due| due.len())
    }

    /// Removes fields that have perished, at most `budget` of them; how many.
    pub(crate) fn remove_perished(&mut self, now: Millis, budget: usize) -> usize {
        let mut removed = 0;
        while removed < budget
            && let Some(due) = &mut self.due
            && let Some(first) = due.first().copied().filter(|first| first.deadline() <= now)
        {
            due.pop_first();
            if due.is_empty() {
                self.due = None;
            }
            self.fields.remove(first.field);
            self.compact();
            removed += 1;
        }
        removed
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        let mut due: Vec<Due> = self.due.iter().flat_map(|due| due.iter()).copied().collect();
        assert_eq!(self.due.is_some(), !due.is_empty());
        assert!(due.windows(2).all(|pair| pair[1].order()(&pair[0]) == Ordering::Less));
        for (handle, item) in self.fields.iter() {
            if let Some(deadline) = item.deadline {
                let at = due.iter().position(|due| *due == Due::new(deadline, handle));
                due.swap_remove(at.expect("every deadline is known"));
            }
        }
        assert!(due.is_empty());
    }
}

#[inline]
fn is_live(deadline: Option<Millis>, now: Millis) -> bool {
    deadline.is_none_or(|deadline| deadline > now)
}

impl HeapBytes for HashTable {
    fn heap_bytes(&self) -> usize {
        let due =
            self.due.as_ref().map_or(0, |due| malloc_bytes(size_of::<Ranked<Due>>()) + due.memory_bytes());
        malloc_bytes(size_of::<Self>()) + self.fields.memory_bytes() + due
    }
}
