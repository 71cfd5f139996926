//! What a view does to hashes.

use std::ops::ControlFlow;

use smallvec::SmallVec;

use super::{Lookup, Missing, Tools, View};
use crate::collections::packed::Element;
use crate::shard::change::Event;
use crate::store::Key;
use crate::time::Millis;
use crate::types::hash::{FieldDeadline, Hash, HashRef, Means, Was};
use crate::types::long_double::LongDouble;
use crate::types::{Collection, string};
use crate::{HashError, WrongType};

/// When a field may be given a deadline.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FieldCondition {
    /// If it has none.
    pub none_yet: bool,
    /// If it has one.
    pub has_one: bool,
    /// If the new one is later; having none is later than any.
    pub later: bool,
    /// If the new one is sooner.
    pub sooner: bool,
}

/// What became of a field that was to be given a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldExpiry {
    /// It is not there.
    Missing,
    /// The condition did not hold.
    Refused,
    /// It has the deadline.
    Set,
    /// The deadline has passed, and the field is gone.
    Gone,
}

/// What became of a field that was to lose its deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldPersist {
    /// It is not there.
    Missing,
    /// It had none.
    HadNone,
    /// It has lost it.
    Done,
}

/// Which fields must be there for any to be set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FieldPresence {
    /// That does not matter.
    #[default]
    Any,
    /// None of those that are given.
    None,
    /// All of those that are given.
    All,
}

impl FieldCondition {
    fn holds(self, old: Option<Millis>, new: Millis) -> bool {
        !(self.none_yet && old.is_some()
            || self.has_one && old.is_none()
            || self.later && old.is_none_or(|old| new <= old)
            || self.sooner && old.is_some_and(|old| new >= old))
    }
}

/// Sets a field and records it if another had perished in its place.
fn set(hash: &mut Hash, field: &[u8], value: &[u8], deadline: FieldDeadline, tools: &mut Tools<'_>) -> Was {
    let mut means = means(tools);
    let was = hash.set(field, value, deadline, &mut means);
    if was == Was::Perished {
        tools.perished(1);
    }
    was
}

/// Removes a field, likewise; whether it was there for a reader.
fn remove(hash: &mut Hash, field: &[u8], tools: &mut Tools<'_>) -> bool {
    let was = hash.remove(field, tools.now);
    if was == Was::Perished {
        tools.perished(1);
    }
    was == Was::There
}

fn means<'a>(tools: &'a mut Tools<'_>) -> Means<'a> {
    Means { limits: tools.limits, random: tools.random, now: tools.now }
}

impl View<'_> {
    /// The hash at `key`, lent to be read.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    #[inline]
    pub fn hash(&mut self, key: Key<'_>) -> Result<Option<HashRef<'_>>, WrongType> {
        self.read::<Hash>(key, Lookup::Read)
    }

    /// Sets fields of the hash at `key`, which then have no deadlines; how many are new.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn hash_set<'a>(
        &mut self,
        key: Key<'_>,
        pairs: impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) -> Result<usize, WrongType> {
        let created = self.edit(key, Missing::Create, |hash: &mut Hash, tools| {
            let count = pairs.len();
            let longest = pairs.clone().map(|(field, value)| field.len().max(value.len())).max();
            hash.prepare(count, longest.unwrap_or(0), &mut means(tools));
            let mut created = 0;
            for (field, value) in pairs {
                created += usize::from(set(hash, field, value, FieldDeadline::Clear, tools) != Was::There);
            }
            if count > 0 {
                tools.changed_times(Event::HSet, count as u64);
            }
            created
        })?;
        Ok(created.unwrap_or(0))
    }

    /// Sets a field of the hash at `key` if it is not there; whether it was set.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn hash_set_if_absent(
        &mut self,
        key: Key<'_>,
        field: &[u8],
        value: &[u8],
    ) -> Result<bool, WrongType> {
        let done = self.edit(key, Missing::Create, |hash: &mut Hash, tools| {
            let absent = hash.as_ref().get(field, tools.now).is_none();
            if absent {
                set(hash, field, value, FieldDeadline::Clear, tools);
                tools.changed(Event::HSet);
            }
            absent
        })?;
        Ok(done.unwrap_or(false))
    }

    /// Sets fields of the hash at `key` and their deadlines, if such are there as `presence` says; whether
    /// they were set. With a deadline that has passed they are gone.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn hash_set_expiring<'a>(
        &mut self,
        key: Key<'_>,
        pairs: impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])> + Clone,
        deadline: FieldDeadline,
        presence: FieldPresence,
    ) -> Result<bool, WrongType> {
        let done = self.edit(key, Missing::Create, |hash: &mut Hash, tools| {
            let now = tools.now;
            let is_there = |(field, _): (&[u8], _)| hash.as_ref().get(field, now).is_some();
            let holds = match presence {
                FieldPresence::Any => true,
                FieldPresence::None => !pairs.clone().any(is_there),
                FieldPresence::All => pairs.clone().all(is_there),
            };
            if !holds || pairs.len() == 0 {
                return holds;
            }
            if matches!(deadline, FieldDeadline::At(at) if at <= now) {
                set_and_expire(hash, pairs, tools);
                return true;
            }
            let longest = pairs.clone().map(|(field, value)| field.len().max(value.len())).max();
            hash.prepare(0, longest.unwrap_or(0), &mut means(tools));
            let count = pairs.len() as u64;
            for (field, value) in pairs {
                set(hash, field, value, deadline, tools);
            }
            tools.changed_times(Event::HSet, count);
            if let FieldDeadline::At(_) = deadline {
                tools.happened(Event::HExpire);
            }
            true
        })?;
        Ok(done.unwrap_or(false))
    }

    /// Removes fields of the hash at `key`; how many were there.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn hash_remove<'a>(
        &mut self,
        key: Key<'_>,
        fields: impl Iterator<Item = &'a [u8]>,
    ) -> Result<usize, WrongType> {
        self.hash_take(key, fields, |_| {})
    }

    /// Shows the values of fields of the hash at `key` one after the other, `None` for one that is not there,
    /// and removes them; how many were there. Nothing is shown when the key is not there.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn hash_take<'a>(
        &mut self,
        key: Key<'_>,
        fields: impl Iterator<Item = &'a [u8]>,
        mut show: impl FnMut(Option<Element<'_>>),
    ) -> Result<usize, WrongType> {
        let removed = self.edit(key, Missing::Skip, |hash: &mut Hash, tools| {
            let mut removed = 0;
            for field in fields {
                show(hash.as_ref().get(field, tools.now));
                removed += u64::from(remove(hash, field, tools));
            }
            if removed > 0 {
                tools.changed_times(Event::HDel, removed);
            }
            removed as usize
        })?;
        Ok(removed.unwrap_or(0))
    }

    /// Adds to the integer in a field of the hash at `key`, which is taken for nought when it is not there;
    /// the new value. The field keeps its deadline.
    ///
    /// # Errors
    /// [`HashError::WrongType`]; [`HashError::NotInteger`]; [`HashError::Overflow`].
    pub fn hash_increment(&mut self, key: Key<'_>, field: &[u8], by: i64) -> Result<i64, HashError> {
        let sum = self.edit(key, Missing::Create, |hash: &mut Hash, tools| {
            let old = match hash.as_ref().get(field, tools.now) {
                Some(Element::Int(number)) => number,
                Some(Element::Text(text)) => string::parse_integer(text).ok_or(HashError::NotInteger)?,
                None => 0,
            };
            let new = old.checked_add(by).ok_or(HashError::Overflow)?;
            let mut digits = itoa::Buffer::new();
            set(hash, field, digits.format(new).as_bytes(), FieldDeadline::Keep, tools);
            tools.changed(Event::HIncrBy);
            Ok(new)
        })?;
        sum.unwrap_or(Ok(0))
    }

    /// Adds to the number in a field of the hash at `key`, which is taken for nought when it is not there;
    /// the new value as text. The field keeps its deadline.
    ///
    /// # Errors
    /// [`HashError::WrongType`]; [`HashError::NotFloat`]; [`HashError::NotFinite`].
    pub fn hash_increment_float(
        &mut self,
        key: Key<'_>,
        field: &[u8],
        by: LongDouble,
    ) -> Result<SmallVec<[u8; 64]>, HashError> {
        let sum = self.edit(key, Missing::Create, |hash: &mut Hash, tools| {
            let old = match hash.as_ref().get(field, tools.now) {
                Some(value) => {
                    LongDouble::parse(value.text(&mut Default::default())).ok_or(HashError::NotFloat)?
                }
                None => LongDouble::from(0),
            };
            let new = old + by;
            if !new.is_finite() {
                return Err(HashError::NotFinite);
            }
            let text = new.text();
            set(hash, field, &text, FieldDeadline::Keep, tools);
            tools.changed(Event::HIncrByFloat);
            Ok(text)
        })?;
        sum.unwrap_or(Err(HashError::NotFloat))
    }

    /// Gives fields of the hash at `key` a deadline, and shows what became of each; one that has passed
    /// removes them. Nothing is shown when the key is not there.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn hash_expire<'a>(
        &mut self,
        key: Key<'_>,
        fields: impl Iterator<Item = &'a [u8]>,
        deadline: Millis,
        condition: FieldCondition,
        mut show: impl FnMut(FieldExpiry),
    ) -> Result<(), WrongType> {
        self.edit(key, Missing::Skip, |hash: &mut Hash, tools| {
            let mut changes = Expiries::new(FieldDeadline::At(deadline), tools.now);
            for field in fields {
                show(match hash.as_ref().deadline(field, tools.now) {
                    None => FieldExpiry::Missing,
                    Some(old) if !condition.holds(old, deadline) => FieldExpiry::Refused,
                    Some(old) => {
                        changes.apply(hash, field, old, tools);
                        if changes.has_passed { FieldExpiry::Gone } else { FieldExpiry::Set }
                    }
                });
            }
            changes.record(tools);
        })?;
        Ok(())
    }

    /// Takes the deadlines of fields of the hash at `key` away, and shows what became of each. Nothing is
    /// shown when the key is not there.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn hash_persist<'a>(
        &mut self,
        key: Key<'_>,
        fields: impl Iterator<Item = &'a [u8]>,
        mut show: impl FnMut(FieldPersist),
    ) -> Result<(), WrongType> {
        self.edit(key, Missing::Skip, |hash: &mut Hash, tools| {
            let mut changes = Expiries::new(FieldDeadline::Clear, tools.now);
            for field in fields {
                show(match hash.as_ref().deadline(field, tools.now) {
                    None => FieldPersist::Missing,
                    Some(None) => FieldPersist::HadNone,
                    Some(old) => {
                        changes.apply(hash, field, old, tools);
                        FieldPersist::Done
                    }
                });
            }
            changes.record(tools);
        })?;
        Ok(())
    }

    /// Shows the values of fields of the hash at `key` one after the other, `None` for one that is not there,
    /// and changes their deadlines. Nothing is shown when the key is not there.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn hash_read_expiring<'a>(
        &mut self,
        key: Key<'_>,
        fields: impl Iterator<Item = &'a [u8]>,
        deadline: FieldDeadline,
        mut show: impl FnMut(Option<Element<'_>>),
    ) -> Result<(), WrongType> {
        self.edit(key, Missing::Skip, |hash: &mut Hash, tools| {
            let mut changes = Expiries::new(deadline, tools.now);
            for field in fields {
                show(hash.as_ref().get(field, tools.now));
                if let Some(old) = hash.as_ref().deadline(field, tools.now) {
                    changes.apply(hash, field, old, tools);
                }
            }
            changes.record(tools);
        })?;
        Ok(())
    }

    /// Shows so many fields of the hash at `key` with their values by chance, each drawn from all, until told
    /// to stop. [`hash`](Self::hash) before it counts the look.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn hash_draw(
        &mut self,
        key: Key<'_>,
        times: usize,
        show: impl FnMut(Element<'_>, Element<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, WrongType> {
        let mut random = self.chance(key);
        let now = self.now;
        let hash = self.peek::<Hash>(key)?;
        Ok(hash.map_or(ControlFlow::Continue(()), |hash| hash.draw(times, now, &mut random, show)))
    }

    /// Shows `count` different fields of the hash at `key` with their values by chance, or all when there are
    /// no more. [`hash`](Self::hash) before it counts the look.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn hash_sample(
        &mut self,
        key: Key<'_>,
        count: usize,
        show: impl FnMut(Element<'_>, Element<'_>),
    ) -> Result<(), WrongType> {
        let mut random = self.chance(key);
        let now = self.now;
        if let Some(hash) = self.peek::<Hash>(key)? {
            hash.sample(count, now, &mut random, show);
        }
        Ok(())
    }
}

/// Sets fields that are to perish at a moment which has passed: in the end those that were there are gone,
/// and Valkey tells of every step.
fn set_and_expire<'a>(
    hash: &mut Hash,
    pairs: impl ExactSizeIterator<Item = (&'a [u8], &'a [u8])>,
    tools: &mut Tools<'_>,
) {
    let was_empty = hash.is_empty();
    let count = pairs.len();
    let mut removed = 0;
    for (field, _) in pairs {
        removed += u64::from(remove(hash, field, tools));
    }
    tools.count(removed);
    tools.count_perished(count);
    let tell = if removed > 0 { Tools::happened } else { Tools::told };
    for event in [Event::HSet, Event::HExpire, Event::HExpired] {
        tell(tools, event);
    }
    if was_empty {
        // There was no key, for whose removal this would be told.
        tools.told(Event::Del);
    }
}

/// A change of deadlines of several fields, as one operation records it.
struct Expiries {
    deadline: FieldDeadline,
    has_passed: bool,
    count: u64,
}

impl Expiries {
    fn new(deadline: FieldDeadline, now: Millis) -> Self {
        Self { deadline, has_passed: matches!(deadline, FieldDeadline::At(at) if at <= now), count: 0 }
    }

    /// Changes the deadline `old` of a field that is there.
    fn apply(&mut self, hash: &mut Hash, field: &[u8], old: Option<Millis>, tools: &mut Tools<'_>) {
        let new = match self.deadline {
            FieldDeadline::Keep => return,
            FieldDeadline::Clear if old.is_none() => return,
            FieldDeadline::Clear => None,
            FieldDeadline::At(at) => Some(at),
        };
        self.count += 1;
        if self.has_passed {
            remove(hash, field, tools);
        } else {
            hash.set_deadline(field, new, &mut means(tools));
        }
    }

    fn record(self, tools: &mut Tools<'_>) {
        match self.deadline {
            _ if self.count == 0 => {}
            FieldDeadline::At(_) if self.has_passed => {
                tools.count(self.count);
                tools.perished(self.count as usize);
            }
            FieldDeadline::At(_) => tools.changed_times(Event::HExpire, self.count),
            _ => tools.changed_times(Event::HPersist, self.count),
        }
    }
}
