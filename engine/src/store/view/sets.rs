//! What a view does to sets.

use std::ops::ControlFlow;

use super::{Deadline, Lookup, Missing, Tools, View};
use crate::WrongType;
use crate::collections::packed::Element;
use crate::random::Random;
use crate::shard::change::Event;
use crate::store::Key;
use crate::types::Collection;
use crate::types::set::algebra::{self, Sets};
use crate::types::set::{Bounds, Set, SetRef};

/// What is made of several sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetOperation {
    /// What is in any of them.
    Union,
    /// What is in all of them.
    Intersection,
    /// What is in the first and in no other.
    Difference,
}

impl SetOperation {
    fn event(self) -> Event {
        match self {
            Self::Union => Event::SUnionStore,
            Self::Intersection => Event::SInterStore,
            Self::Difference => Event::SDiffStore,
        }
    }
}

fn bounds<'a>(tools: &Tools<'a>) -> Bounds<'a> {
    Bounds { limits: tools.limits, seed: tools.seed }
}

impl View<'_> {
    /// The set at `key`, lent to be read.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    #[inline]
    pub fn set_at(&mut self, key: Key<'_>, lookup: Lookup) -> Result<Option<SetRef<'_>>, WrongType> {
        self.read::<Set>(key, lookup)
    }

    /// Adds members to the set at `key`, which is made when it is not there; how many of them are new.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn set_add<'m>(
        &mut self,
        key: Key<'_>,
        members: impl ExactSizeIterator<Item = &'m [u8]> + Clone,
    ) -> Result<usize, WrongType> {
        let Some(first) = members.clone().next() else { return Ok(0) };
        let added = self.edit(key, Missing::Create, |set: &mut Set, tools| {
            let bounds = bounds(tools);
            if set.is_empty() {
                *set = Set::fit_for(first, members.len(), bounds);
            } else if set.expect(members.len(), bounds) {
                tools.rearranged();
            }
            let added = members.filter(|member| set.insert(member, bounds)).count();
            if added > 0 {
                tools.changed_times(Event::SAdd, added as u64);
            }
            added
        })?;
        Ok(added.unwrap_or(0))
    }

    /// Takes members out of the set at `key`; how many of them were in it.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn set_remove<'m>(
        &mut self,
        key: Key<'_>,
        members: impl Iterator<Item = &'m [u8]>,
    ) -> Result<usize, WrongType> {
        let removed = self.edit(key, Missing::Skip, |set: &mut Set, tools| {
            let removed = members.filter(|member| set.remove(member)).count();
            if removed > 0 {
                tools.changed_times(Event::SRem, removed as u64);
            }
            removed
        })?;
        Ok(removed.unwrap_or(0))
    }

    /// Moves a member from one set to another, which is made when it is not there; whether it was in the
    /// first.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives at either, unless nothing lives at `from`.
    pub fn set_move(&mut self, from: Key<'_>, to: Key<'_>, member: &[u8]) -> Result<bool, WrongType> {
        if !self.exists(from, Lookup::Write) {
            self.exists(to, Lookup::Write);
            return Ok(false);
        }
        let is_member = self.peek::<Set>(from)?.is_some_and(|set| set.contains(member));
        self.read::<Set>(to, Lookup::Write)?;
        if !is_member || from == to {
            return Ok(is_member);
        }
        self.set_remove(from, std::iter::once(member))?;
        self.edit(to, Missing::Create, |set: &mut Set, tools| {
            let bounds = bounds(tools);
            if set.is_empty() {
                *set = Set::fit_for(member, 1, bounds);
            }
            if set.insert(member, bounds) {
                tools.changed(Event::SAdd);
            }
        })?;
        Ok(true)
    }

    /// Takes a member of the set at `key` out by chance; what `show` makes of it.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn set_pop<R>(
        &mut self,
        key: Key<'_>,
        show: impl FnOnce(Element<'_>) -> R,
    ) -> Result<Option<R>, WrongType> {
        let popped = self.edit(key, Missing::Skip, |set: &mut Set, tools| {
            let popped = set.pop(tools.random, show);
            tools.changed(Event::SPop);
            popped
        })?;
        Ok(popped.flatten())
    }

    /// Takes up to `count` members of the set at `key` out by chance, and shows them; how many there were.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn set_pop_many(
        &mut self,
        key: Key<'_>,
        count: usize,
        show: impl FnMut(Element<'_>),
    ) -> Result<usize, WrongType> {
        let popped = self.edit(key, Missing::Skip, |set: &mut Set, tools| {
            let popped = count.min(set.len());
            if popped > 0 {
                set.pop_many(count, bounds(tools), tools.random, show);
                tools.changed_times(Event::SPop, popped as u64);
            }
            popped
        })?;
        Ok(popped.unwrap_or(0))
    }

    /// Shows a member of the set at `key` by chance; whether there was one.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn set_random(&mut self, key: Key<'_>, show: impl FnOnce(Element<'_>)) -> Result<bool, WrongType> {
        self.exists(key, Lookup::Read);
        let mut random = self.chance(key);
        let member = self.peek::<Set>(key)?.and_then(|set| set.random(&mut random));
        Ok(member.map(show).is_some())
    }

    /// Shows `count` different members of the set at `key` by chance, or all when there are no more.
    /// [`set_at`](Self::set_at) before it counts the look.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn set_sample(
        &mut self,
        key: Key<'_>,
        count: usize,
        show: impl FnMut(Element<'_>),
    ) -> Result<(), WrongType> {
        let mut random = self.chance(key);
        if let Some(set) = self.peek::<Set>(key)? {
            set.sample(count, &mut random, show);
        }
        Ok(())
    }

    /// Shows so many members of the set at `key` by chance, each drawn from all, until told to stop.
    /// [`set_at`](Self::set_at) before it counts the look.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn set_draw(
        &mut self,
        key: Key<'_>,
        times: usize,
        show: impl FnMut(Element<'_>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, WrongType> {
        let mut random = self.chance(key);
        let set = self.peek::<Set>(key)?;
        Ok(set.map_or(ControlFlow::Continue(()), |set| set.draw(times, &mut random, show)))
    }

    /// Chance of its own, since the shard's lies behind what is lent.
    pub fn chance(&mut self, key: Key<'_>) -> Random {
        Random::seeded(self.shard(key).random_mut().next_u64())
    }

    /// Several sets at once, lent to be read.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives at one of the keys.
    pub fn sets(&mut self, keys: &[Key<'_>]) -> Result<Sets<'_>, WrongType> {
        for &key in keys {
            self.read::<Set>(key, Lookup::Read)?;
        }
        keys.iter().map(|&key| self.peek::<Set>(key)).collect()
    }

    /// Shows what is made of the sets at `keys`.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives at one of the keys.
    pub fn set_combine(
        &mut self,
        operation: SetOperation,
        keys: &[Key<'_>],
        mut show: impl FnMut(Element<'_>),
    ) -> Result<(), WrongType> {
        let Some(&first) = keys.first() else { return Ok(()) };
        let seed = self.seed(first);
        // Valkey's bounds are the same everywhere; here those of any shard do.
        let limits = *self.limits(first);
        let bounds = Bounds { limits: &limits, seed };
        let sets = self.sets(keys)?;
        match operation {
            SetOperation::Union => algebra::union(&sets, bounds, show),
            SetOperation::Difference => algebra::difference(&sets, bounds, show),
            SetOperation::Intersection => algebra::intersection(&sets, |member| {
                show(member);
                ControlFlow::Continue(())
            }),
        }
        Ok(())
    }

    /// Stores at `to`, whatever was there, what is made of the sets at `keys`; how many members that has.
    /// Without any, the key goes.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives at one of `keys`.
    pub fn set_store(
        &mut self,
        operation: SetOperation,
        to: Key<'_>,
        keys: &[Key<'_>],
    ) -> Result<usize, WrongType> {
        let seed = self.seed(to);
        let limits = *self.limits(to);
        let bounds = Bounds { limits: &limits, seed };
        let sets = self.sets(keys)?;
        let result = match operation {
            SetOperation::Union => algebra::union_set(&sets, bounds),
            SetOperation::Intersection => algebra::intersection_set(&sets, bounds),
            SetOperation::Difference => algebra::difference_set(&sets, bounds),
        };
        drop(sets);
        let len = result.len();
        self.put(to, result, Deadline::Clear, operation.event());
        Ok(len)
    }

    /// How many members the sets at `keys` have in common, counted up to `limit`.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives at one of the keys.
    pub fn set_common(&mut self, keys: &[Key<'_>], limit: usize) -> Result<usize, WrongType> {
        let sets = self.sets(keys)?;
        let mut count = 0;
        if limit > 0 {
            algebra::intersection(&sets, |_| {
                count += 1;
                if count == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
        }
        Ok(count)
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::store::heard::Heard;
    use crate::store::{Scope, Store};

    /// As Valkey 9.1.2 notifies with `notify-keyspace-events KEA`, and counts in
    /// `rdb_changes_since_last_save`.
    #[test]
    fn tells_what_happened() {
        use Event::{Del, SAdd, SDiffStore, SInterStore, SPop, SRem, SUnionStore};
        use SetOperation::{Difference, Intersection, Union};

        let store = Store::default();
        let heard = Heard::of(&store);
        let [s, t, d] = ["s", "t", "d"].map(|name| store.key(0, name.as_bytes()));
        let none = store.key(0, b"none");
        let step = |act: &dyn Fn(&mut View<'_>), dirty: u64, events: &[(&str, Event)]| {
            let mut view = store.view(Scope::All, 1000);
            act(&mut view);
            assert_eq!(view.dirty(), dirty, "{events:?}");
            drop(view);
            let events: Vec<_> = events.iter().map(|(key, event)| ((*key).to_owned(), *event)).collect();
            assert_eq!(heard.take_with_keys(), events);
        };
        let add = |key: Key<'static>, members: &'static [&'static str]| {
            move |view: &mut View<'_>| {
                view.set_add(key, members.iter().map(|member| member.as_bytes())).unwrap();
            }
        };
        let remove = |members: &'static [&'static str]| {
            move |view: &mut View<'_>| {
                view.set_remove(s, members.iter().map(|member| member.as_bytes())).unwrap();
            }
        };
        step(&add(s, &["a", "b", "c"]), 3, &[("s", SAdd)]);
        step(&add(s, &["a"]), 0, &[]);
        step(&remove(&["a", "zz", "b"]), 2, &[("s", SRem)]);
        step(&remove(&["zz"]), 0, &[]);
        step(&remove(&["c"]), 1, &[("s", SRem), ("s", Del)]);

        step(&add(s, &["a", "b"]), 2, &[("s", SAdd)]);
        let moves = |from: Key<'static>, to: Key<'static>, member: &'static [u8]| {
            move |view: &mut View<'_>| assert!(view.set_move(from, to, member).is_ok())
        };
        step(&moves(s, t, b"a"), 2, &[("s", SRem), ("t", SAdd)]);
        step(&moves(s, t, b"b"), 2, &[("s", SRem), ("s", Del), ("t", SAdd)]);
        step(&add(s, &["a"]), 1, &[("s", SAdd)]);
        step(&moves(s, s, b"a"), 0, &[]);
        step(&moves(s, t, b"x"), 0, &[]);
        step(&moves(s, t, b"a"), 1, &[("s", SRem), ("s", Del)]);

        step(&|view| assert_eq!(view.set_pop(t, |_| ()), Ok(Some(()))), 1, &[("t", SPop)]);
        step(&|view| assert_eq!(view.set_pop(t, |_| ()), Ok(Some(()))), 1, &[("t", SPop), ("t", Del)]);
        step(&|view| assert_eq!(view.set_pop(t, |_| ()), Ok(None)), 0, &[]);
        step(&add(s, &["1", "2", "3", "4", "5"]), 5, &[("s", SAdd)]);
        step(&|view| assert_eq!(view.set_pop_many(s, 0, |_| ()), Ok(0)), 0, &[]);
        step(&|view| assert_eq!(view.set_pop_many(s, 4, |_| ()), Ok(4)), 4, &[("s", SPop)]);
        step(&|view| assert_eq!(view.set_pop_many(s, 4, |_| ()), Ok(1)), 1, &[("s", SPop), ("s", Del)]);

        step(&add(s, &["1", "2"]), 2, &[("s", SAdd)]);
        step(&add(t, &["2"]), 1, &[("t", SAdd)]);
        let stores = |operation: SetOperation, keys: &'static [Key<'static>]| {
            move |view: &mut View<'_>| assert!(view.set_store(operation, d, keys).is_ok())
        };
        let keys = |keys: &[Key<'static>]| -> &'static [Key<'static>] { keys.to_vec().leak() };
        let (both, nothing) = (keys(&[s, t]), keys(&[t, none]));
        step(&stores(Union, both), 1, &[("d", SUnionStore)]);
        step(&stores(Intersection, both), 1, &[("d", SInterStore)]);
        step(&stores(Difference, both), 1, &[("d", SDiffStore)]);
        step(&stores(Intersection, nothing), 1, &[("d", Del)]);
        step(&stores(Intersection, nothing), 0, &[]);
    }
}
