//! One part of a cache: entries, their deadlines, who has to go. `&mut self`, `now` as an argument, no locks.
//!
//! Nothing that belongs to the caller is called from here but `Eq` of keys, while nothing is changed; nothing
//! is dropped here but what is empty: what goes is handed out in a [`Trash`], for after the lock.

use std::borrow::Borrow;

use smallvec::SmallVec;

use super::budget::Budget;
use super::column::Beside;
use super::deadlines::{Deadlines, Filed};
use super::entry::{Content, Entry, Extra, NEVER};
use super::events::Cause;
use super::flight::Flights;
use super::policy::State;
use super::stats::Stats;
use crate::collections::flat::{At, Flat, Follow, Hashed, Home, NO_NOTE};
use crate::random::Random;
use crate::raw::groups::Hit;
use crate::raw::head::LANES;
use crate::time::Millis;

/// Homes with entries that are over which an insert sees to, on its way.
const EXPIRED_PER_INSERT: usize = 2;

/// Something that has left the cache.
pub(super) struct Gone<K, V> {
    pub(super) key: K,
    pub(super) content: Content<V>,
    pub(super) _extra: Option<Box<Extra>>,
    pub(super) cause: Cause,
}

/// What has left the cache, to be dropped, and told of, after the lock is released.
pub(super) type Trash<K, V> = SmallVec<[Gone<K, V>; 1]>;

/// An entry on its way in.
pub(super) struct Coming<K, V> {
    pub(super) hash: u64,
    pub(super) key: K,
    pub(super) content: Content<V>,
    pub(super) deadline: Millis,
    pub(super) extra: Option<Box<Extra>>,
    pub(super) weight: u32,
}

/// What a plain insert comes to.
#[derive(Clone, Copy)]
pub(super) enum Plan {
    Replace(At),
    Add,
    AddInPlaceOf(At),
}

/// In this order, so that what a hit needs lies together, and what it writes beside the lock.
#[repr(C)]
pub(super) struct Shard<K, V> {
    /// The first of the [`Stats`].
    pub(super) hits: u64,
    pub(super) map: Flat<Entry<K, V>>,
    pub(super) stats: Stats,
    pub(super) policy: State,
    pub(super) random: Random,
    pub(super) flights: Flights<K, V>,
    extras: Beside<Option<Box<Extra>>>,
    /// Of each entry, unless all weigh 1.
    weights: Option<Beside<u32>>,
    pub(super) deadlines: Deadlines,
    weight: u64,
    /// What of the bound is this shard's: never less than `weight`.
    granted: u64,
}

/// What is kept beside the entries of a shard, which goes with them when they move.
struct Company<'a> {
    extras: &'a mut Beside<Option<Box<Extra>>>,
    weights: &'a mut Option<Beside<u32>>,
    policy: &'a mut State,
    deadlines: &'a mut Deadlines,
}

impl<K, V> Follow<Entry<K, V>> for Company<'_> {
    fn moved(&mut self, entry: &Entry<K, V>, from: At, to: At) {
        if entry.has_extra() {
            self.extras.moved(from, to);
        }
        if let Some(weights) = self.weights {
            weights.moved(from, to);
        }
        self.policy.moved(from, to);
    }

    fn rehomed(&mut self, entry: &Entry<K, V>, at: At, note: u64) -> u64 {
        match end(entry, at, self.extras) {
            NEVER => note,
            end => note.min(end),
        }
    }

    fn noted(&mut self, end: u64, was: u64, is: u64) {
        self.deadlines.file(end, was, is);
    }

    fn deserted(&mut self) {
        self.deadlines.forget();
    }

    fn left(&mut self, side: usize) {
        self.extras.leave(side);
        if let Some(weights) = self.weights {
            weights.leave(side);
        }
        self.policy.left(side);
    }

    fn emptied(&mut self) {
        *self.deadlines = Deadlines::new();
    }
}

impl<K, V> Shard<K, V> {
    pub(super) fn new(policy: State, weighted: bool, random: Random) -> Self {
        Self {
            hits: 0,
            map: Flat::new(),
            policy,
            random,
            flights: Flights::new(),
            stats: Stats::default(),
            extras: Beside::new(),
            weights: weighted.then(Beside::new),
            deadlines: Deadlines::new(),
            weight: 0,
            granted: 0,
        }
    }

    /// The entry of a key, expired or not.
    #[inline]
    pub(super) fn find<Q>(&self, hash: u64, key: &Q) -> Option<At>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.map.find(hash, |entry| entry.hash() == hash && entry.key.borrow() == key)
    }

    /// The same, if it lies where nearly all do, with what counts its uses.
    #[inline]
    pub(super) fn find_at_home<Q>(&mut self, hash: u64, key: &Q) -> Option<Hit<'_, Entry<K, V>>>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        self.map.find_at_home(hash, |entry| entry.hash() == hash && entry.key.borrow() == key)
    }

    #[inline]
    pub(super) fn entry(&self, at: At) -> &Entry<K, V> {
        self.map.get(at)
    }

    pub(super) fn extra(&self, at: At) -> Option<&Extra> {
        if self.entry(at).has_extra() { self.extras.get(at)?.as_deref() } else { None }
    }

    pub(super) fn extra_mut(&mut self, at: At) -> Option<&mut Extra> {
        if self.entry(at).has_extra() { self.extras.place(at).as_deref_mut() } else { None }
    }

    /// Why an entry must not be seen any more.
    #[inline]
    pub(super) fn over(&self, at: At, now: Millis) -> Option<Cause> {
        let entry = self.entry(at);
        if entry.is_plain() {
            return None;
        }
        self.over_cold(at, now)
    }

    fn over_cold(&self, at: At, now: Millis) -> Option<Cause> {
        if self.entry(at).deadline() <= now {
            return Some(Cause::Expired);
        }
        let extra = self.extra(at)?;
        if extra.stamp.as_ref().is_some_and(|stamp| !stamp.is_valid()) {
            return Some(Cause::Invalidated);
        }
        (extra.idle_deadline() <= now).then_some(Cause::Expired)
    }

    /// The entry of a key that may be seen. One that is over is thrown away.
    pub(super) fn find_live<Q>(
        &mut self,
        hash: u64,
        key: &Q,
        now: Millis,
        trash: &mut Trash<K, V>,
    ) -> Option<At>
    where
        K: Borrow<Q>,
        Q: Eq + ?Sized,
    {
        let at = self.find(hash, key)?;
        if self.throw_away_if_over(at, now, trash) { None } else { Some(at) }
    }

    /// Throws an entry away that must not be seen any more; whether it was one.
    pub(super) fn throw_away_if_over(&mut self, at: At, now: Millis, trash: &mut Trash<K, V>) -> bool {
        let over = self.over(at, now);
        if let Some(cause) = over {
            self.remove(at, cause, trash);
        }
        over.is_some()
    }

    /// Puts an entry in, in place of the one of its key if there is one, at most after throwing away every
    /// other entry of this shard. What there is no room for is handed back.
    pub(super) fn insert(
        &mut self,
        coming: Coming<K, V>,
        now: Millis,
        budget: &Budget,
        trash: &mut Trash<K, V>,
    ) -> Result<(), Coming<K, V>>
    where
        K: Eq,
    {
        self.expire(now, EXPIRED_PER_INSERT, trash);
        let old = self.find(coming.hash, &coming.key);
        let old_weight = old.map_or(0, |old| self.weight_of(old));
        let more = u64::from(coming.weight).saturating_sub(u64::from(old_weight));
        if !self.make_room(more, budget, trash) {
            return Err(coming);
        }
        // Making room may have taken it.
        match old.and_then(|_| self.find(coming.hash, &coming.key)) {
            Some(old) => self.replace(old, coming, trash),
            None => self.add(coming, budget),
        }
        Ok(())
    }

    /// What an [`insert`](Self::insert) comes to if it goes as nearly all do: all entries weigh 1, this one
    /// does not expire, none here ever will, nobody is loading, and at most one other has to go.
    #[inline]
    pub(super) fn plan(&mut self, hash: u64, key: &K, budget: &Budget) -> Option<Plan>
    where
        K: Eq,
    {
        if self.deadlines.is_armed() || !self.flights.is_empty() {
            return None;
        }
        self.policy_prefetch(hash);
        if let Some(old) = self.find(hash, key) {
            return self.entry(old).is_plain().then_some(Plan::Replace(old));
        }
        if self.weight < self.granted {
            return Some(Plan::Add);
        }
        if let Some(granted) = budget.grant(1) {
            self.granted += granted;
            return Some(Plan::Add);
        }
        self.victim().filter(|&victim| self.entry(victim).is_plain()).map(Plan::AddInPlaceOf)
    }

    /// Puts an entry in as planned. What has gone for it.
    #[inline]
    pub(super) fn carry_out(
        &mut self,
        plan: Plan,
        hash: u64,
        key: K,
        value: V,
        budget: &Budget,
    ) -> Option<Gone<K, V>> {
        self.stats.inserts += 1;
        if let Plan::Replace(old) = plan {
            let content = std::mem::replace(&mut self.map.get_mut(old).content, Content::Found(value));
            self.policy_used(old);
            return Some(Gone { key, content, _extra: None, cause: Cause::Replaced });
        }
        let mut gone = None;
        if let Plan::AddInPlaceOf(victim) = plan {
            self.stats.evictions += 1;
            gone = Some(self.take_out(victim, Cause::Evicted));
        }
        self.weight += 1;
        self.place_in(Entry::new(hash, key, Content::Found(value), NEVER), budget);
        gone
    }

    #[inline]
    fn place_in(&mut self, entry: Entry<K, V>, budget: &Budget) -> At {
        let hash = entry.hash();
        // Shards get about the same share of a bound on entries; of other bounds nothing follows.
        let expected = if self.weights.is_none() { budget.share() as usize } else { 0 };
        let Self { map, extras, weights, policy, deadlines, .. } = self;
        let at = map.insert(entry, expected, &mut Company { extras, weights, policy, deadlines });
        self.policy_inserted(at, hash, budget.is_roomy());
        at
    }

    /// Takes out an entry with nothing beside it any more.
    #[inline]
    fn take_out(&mut self, at: At, cause: Cause) -> Gone<K, V> {
        self.policy_removed(at);
        self.weight -= u64::from(self.weight_of(at));
        let Entry { key, content, .. } = self.map.remove(at);
        Gone { key, content, _extra: None, cause }
    }

    fn add(&mut self, coming: Coming<K, V>, budget: &Budget) {
        let Coming { hash, key, content, deadline, extra, weight } = coming;
        let at = self.place_in(Entry::new(hash, key, content, deadline), budget);
        self.furnish(at, extra, weight);
    }

    fn replace(&mut self, old: At, coming: Coming<K, V>, trash: &mut Trash<K, V>) {
        let extra = if self.entry(old).is_plain() { None } else { self.unfurnish(old) };
        self.weight -= u64::from(self.weight_of(old));
        let entry = self.map.get_mut(old);
        entry.set_deadline(coming.deadline);
        let content = std::mem::replace(&mut entry.content, coming.content);
        trash.push(Gone { key: coming.key, content, _extra: extra, cause: Cause::Replaced });
        self.policy_used(old);
        self.furnish(old, coming.extra, coming.weight);
    }

    /// Notes what lies beside an entry: its extra, its weight, its deadline in the wheel.
    fn furnish(&mut self, at: At, extra: Option<Box<Extra>>, weight: u32) {
        self.weight += u64::from(weight);
        if let Some(weights) = &mut self.weights {
            *weights.place(at) = weight;
        }
        if extra.is_some() {
            *self.extras.place(at) = extra;
            self.map.get_mut(at).set_has_extra(true);
        }
        if !self.entry(at).is_plain() {
            self.arm(at);
        }
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, at: At, cause: Cause, trash: &mut Trash<K, V>) {
        match cause {
            Cause::Evicted => self.stats.evictions += 1,
            Cause::Expired => self.stats.expiries += 1,
            Cause::Invalidated => self.stats.invalidations += 1,
            Cause::Replaced => {}
        }
        let extra = if self.entry(at).is_plain() { None } else { self.unfurnish(at) };
        trash.push(Gone { _extra: extra, ..self.take_out(at, cause) });
    }

    /// Gives back what is granted and not used, but for a lot, and memory that stands empty.
    pub(super) fn settle(&mut self, budget: &Budget) {
        let Self { map, extras, weights, policy, deadlines, .. } = self;
        map.condense(&mut Company { extras, weights, policy, deadlines });
        let unused = self.granted - self.weight;
        let lot = budget.lot();
        if unused > 2 * lot {
            self.granted -= unused - lot;
            budget.give_back(unused - lot);
        }
    }

    /// Sees to it that so much more fits, if that can be.
    fn make_room(&mut self, more: u64, budget: &Budget, trash: &mut Trash<K, V>) -> bool {
        loop {
            let need = (self.weight + more).saturating_sub(self.granted);
            if need == 0 {
                return true;
            }
            if let Some(granted) = budget.grant(need) {
                self.granted += granted;
            } else if !self.evict(trash) {
                return false;
            }
        }
    }

    /// Takes over what was granted on its behalf.
    pub(super) fn endow(&mut self, granted: u64) {
        self.granted += granted;
    }

    /// Gives back as much as is asked for, if need be by throwing entries away. What was given back.
    pub(super) fn shed(&mut self, wanted: u64, budget: &Budget, trash: &mut Trash<K, V>) -> u64 {
        while self.granted - self.weight < wanted && self.evict(trash) {}
        let gives = (self.granted - self.weight).min(wanted);
        self.granted -= gives;
        budget.give_back(gives);
        gives
    }

    fn evict(&mut self, trash: &mut Trash<K, V>) -> bool {
        let Some(victim) = self.victim() else { return false };
        self.remove(victim, Cause::Evicted, trash);
        true
    }

    /// Throws everything away.
    pub(super) fn clear(&mut self, budget: &Budget) -> Cleared<K, V> {
        self.flights.invalidate_all();
        self.stats.invalidations += self.map.len() as u64;
        let cleared = Cleared {
            map: std::mem::take(&mut self.map),
            _extras: std::mem::replace(&mut self.extras, Beside::new()),
        };
        self.weights = self.weights.is_some().then(Beside::new);
        self.policy.clear();
        self.deadlines = Deadlines::new();
        budget.give_back(self.granted);
        self.weight = 0;
        self.granted = 0;
        cleared
    }

    fn weight_of(&self, at: At) -> u32 {
        self.weights.as_ref().map_or(1, |weights| weights.get(at).copied().unwrap_or(0))
    }

    /// Takes away what lies beside an entry that is not plain.
    fn unfurnish(&mut self, at: At) -> Option<Box<Extra>> {
        if !self.entry(at).has_extra() {
            return None;
        }
        self.map.get_mut(at).set_has_extra(false);
        self.extras.take(at)
    }

    /// Sees to it that an entry is met when it is over.
    fn arm(&mut self, at: At) {
        let entry = self.map.get(at);
        let (home, end) = (self.map.home(entry.hash()), end(entry, at, &self.extras));
        let note = self.map.note(home);
        if end < NEVER && end < note {
            self.deadlines.file(self.map.end(home), note, end);
            self.map.set_note(home, end);
        }
    }

    /// Throws away what has expired, in at most so many homes. Whether there is more to do.
    pub(super) fn expire(&mut self, now: Millis, budget: usize, trash: &mut Trash<K, V>) -> bool {
        if !self.deadlines.is_due(now) {
            return false;
        }
        // Taken out so that it and the rest can both be changed.
        let mut deadlines = std::mem::replace(&mut self.deadlines, Deadlines::new());
        let mut more = deadlines.advance(now, budget, |filed| {
            let home = self.home_of(filed)?;
            if self.map.note(home) <= now {
                let next = self.expire_home(home, now, trash);
                self.map.set_note(home, if next < NEVER { next } else { NO_NOTE });
                return Some(next);
            }
            Some(self.map.note(home))
        });
        more |= deadlines.sweep(budget, |filed| self.home_of(filed).is_some());
        self.deadlines = deadlines;
        more
    }

    /// The home that was filed, if it is there and was not filed anew.
    fn home_of(&self, filed: &Filed) -> Option<Home> {
        self.map.homes_with_end(filed.hashes()).find(|&home| filed.agrees(self.map.note(home)))
    }

    /// Throws away what has expired in a home. The next end there.
    fn expire_home(&mut self, home: Home, now: Millis, trash: &mut Trash<K, V>) -> Millis {
        let mut next = NEVER;
        let mut over = SmallVec::<[At; LANES]>::new();
        self.map.scan_home(home, |at, entry| match end(entry, at, &self.extras) {
            end if end <= now => over.push(at),
            end => next = next.min(end),
        });
        for at in over {
            self.remove(at, Cause::Expired, trash);
        }
        next
    }

    /// The counts, with what there is now.
    pub(super) fn stats(&self) -> Stats {
        let bytes = self.map.memory_bytes()
            + self.policy.memory_bytes()
            + self.deadlines.memory_bytes()
            + self.extras.memory_bytes()
            + self.weights.as_ref().map_or(0, Beside::memory_bytes);
        Stats {
            hits: self.hits,
            entries: self.map.len() as u64,
            weight: self.weight,
            bytes: bytes as u64,
            ..self.stats
        }
    }

    /// Asserts that all parts agree; what is granted.
    #[cfg(test)]
    pub(super) fn check(&self) -> u64 {
        let weights: u64 = self.map.iter().map(|(at, _)| u64::from(self.weight_of(at))).sum();
        assert_eq!(self.weight, weights);
        assert!(self.granted >= self.weight);
        let mut homes = std::collections::BTreeSet::new();
        for (at, entry) in self.map.iter() {
            assert_eq!(self.map.find(entry.hash(), |other| std::ptr::eq(other, entry)), Some(at));
            assert_eq!(entry.has_extra(), self.extras.get(at).is_some_and(Option::is_some));
            let end = end(entry, at, &self.extras);
            let home = self.map.home(entry.hash());
            let note = self.map.note(home);
            assert!(end == NEVER || note <= end, "filed under {note}, over at {end}");
            if note != NO_NOTE {
                homes.insert(self.map.end(home));
            }
        }
        let records = self.deadlines.len();
        assert!(records >= homes.len(), "{records} records for {} homes", homes.len());
        self.granted
    }
}

/// When an entry is over, if nobody uses it before.
#[inline]
fn end<K, V>(entry: &Entry<K, V>, at: At, extras: &Beside<Option<Box<Extra>>>) -> Millis {
    if !entry.has_extra() {
        return entry.deadline();
    }
    let extra = extras.get(at).and_then(Option::as_deref);
    entry.deadline().min(extra.map_or(NEVER, Extra::idle_deadline))
}

/// All that was in a shard, to be dropped after the lock is released.
pub(super) struct Cleared<K, V> {
    pub(super) map: Flat<Entry<K, V>>,
    _extras: Beside<Option<Box<Extra>>>,
}
