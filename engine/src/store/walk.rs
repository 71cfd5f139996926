//! Operations on whole databases. In a view that has locked everything they are one step for everybody; in
//! one of [`Scope::Walk`](super::Scope) they lock one shard after another as they come to it.

use std::ops::ControlFlow;

use super::route::{cursor, cursor_parts};
use super::view::{Meta, View, meta_of};
use crate::collections::table::Figures;
use crate::time::Millis;

/// How a flush gives memory back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flush {
    /// Before the view closes.
    Sync,
    /// Soon, by [`Store::maintain`](super::Store::maintain).
    Async,
}

impl View<'_> {
    /// How many keys `db` holds, and how many of them have a deadline. Expired keys that nobody has met yet
    /// count.
    pub fn len(&mut self, db: u16) -> (usize, usize) {
        let mut sum = (0, 0);
        for index in 0..self.shards() {
            let (keys, volatile) = self.with_shard(index, |locked, _| locked.shard.len(db));
            sum = (sum.0 + keys, sum.1 + volatile);
        }
        sum
    }

    /// How many keys of `db` hold values with parts that perish: hashes with fields that have a deadline.
    pub fn perishing(&mut self, db: u16) -> usize {
        (0..self.shards()).map(|index| self.with_shard(index, |locked, _| locked.shard.perishing(db))).sum()
    }

    /// How the tables of `db` are filled, all together.
    pub fn table_figures(&mut self, db: u16) -> Figures {
        let mut figures = Figures::default();
        for index in 0..self.shards() {
            self.with_shard(index, |locked, _| locked.shard.add_figures(db, &mut figures));
        }
        figures
    }

    /// The mean of the deadlines in `db`, in milliseconds since the epoch; none where no key has one.
    pub fn mean_deadline(&mut self, db: u16) -> Option<Millis> {
        let (mut sum, mut count) = (0, 0);
        for index in 0..self.shards() {
            let (deadlines, volatile) =
                self.with_shard(index, |locked, _| (locked.shard.deadlines(db), locked.shard.len(db).1));
            sum += deadlines;
            count += volatile as u128;
        }
        sum.checked_div(count).map(|mean| mean as Millis)
    }

    /// One step of a walk over the live keys of `db`: shows those of one bucket and returns the cursor of the
    /// next step, 0 at the end. Every key that is there from the first step, with cursor 0, to the last is
    /// shown at least once, whatever is added, removed, grown or shrunk in between. Cursors are below 2^53.
    pub fn scan(&mut self, db: u16, at: u64, mut show: impl FnMut(&[u8], Meta)) -> u64 {
        let (mut index, mut position) = cursor_parts(at);
        let now = self.now();
        let mut shown = false;
        while index < self.shards() {
            let next = self.with_shard(index, |locked, _| {
                locked.shard.scan_step(db, position, now, |found, entry| {
                    shown = true;
                    show(entry.key(), meta_of(&locked.shard, found, now));
                })
            });
            match next {
                Some(position) => return cursor(index, position),
                // An empty shard is no bucket: a walk over a few keys should not take as many steps as there
                // are shards.
                None if !shown => (index, position) = (index + 1, 0),
                None if index + 1 < self.shards() => return cursor(index + 1, 0),
                None => return 0,
            }
        }
        0
    }

    /// Shows all live keys of `db` until told to stop.
    pub fn for_each_key(&mut self, db: u16, mut show: impl FnMut(&[u8], Meta) -> ControlFlow<()>) {
        let now = self.now();
        for index in 0..self.shards() {
            let stopped = self.with_shard(index, |locked, _| {
                let mut flow = ControlFlow::Continue(());
                let mut from = Some(0);
                while let Some(position) = from
                    && flow.is_continue()
                {
                    from = locked.shard.scan_step(db, position, now, |found, entry| {
                        if flow.is_continue() {
                            flow = show(entry.key(), meta_of(&locked.shard, found, now));
                        }
                    });
                }
                flow.is_break()
            });
            if stopped {
                return;
            }
        }
    }

    /// A live key of `db`, chosen at random. Where nothing but expired keys is left, and those are
    /// [kept](super::Store::keep_expired), one of them, as in Valkey.
    pub fn random_key(&mut self, db: u16) -> Option<Vec<u8>> {
        let live = self.random_key_at(db, self.now());
        match live {
            None if self.keeps_expired => self.random_key_at(db, 0),
            live => live,
        }
    }

    /// A key of `db` that was live at the moment `now`.
    fn random_key_at(&mut self, db: u16, now: Millis) -> Option<Vec<u8>> {
        let shards = self.shards();
        let all = self.len(db).0 as u64;
        if all == 0 {
            return None;
        }
        // A shard with the probability of its share, and the others after it in case all of its keys have
        // expired.
        let mut chosen = self.random_below(all);
        let mut first = 0;
        for index in 0..shards {
            let keys = self.with_shard(index, |locked, _| locked.shard.len(db).0) as u64;
            match chosen.checked_sub(keys) {
                Some(rest) => chosen = rest,
                None => {
                    first = index;
                    break;
                }
            }
        }
        (0..shards).find_map(|step| {
            self.with_shard((first + step) % shards, |locked, _| {
                let found = locked.shard.random_entry(db, now)?;
                Some(locked.shard.entry(found).key().to_vec())
            })
        })
    }

    /// Empties one database, or all of them; how many keys there were.
    pub fn flush(&mut self, db: Option<u16>, how: Flush) -> usize {
        let databases = db.map_or(0..self.databases(), |db| db..db + 1);
        let (mut count, store, now) = (0, self.store(), self.now());
        for index in 0..self.shards() {
            let databases = databases.clone();
            count += self.with_shard(index, |locked, _| {
                databases.clone().for_each(|db| locked.touch_databases(store, &[db], now));
                let count = locked.shard.clear(databases.clone());
                databases.for_each(|db| locked.offer_database(store, db));
                count
            });
        }
        self.flushed(db, count, how);
        count
    }

    /// Exchanges two databases. The view must have locked everything.
    pub fn swap(&mut self, a: u16, b: u16) {
        let (store, now) = (self.store(), self.now());
        for index in 0..self.shards() {
            self.with_shard(index, |locked, _| {
                locked.touch_databases(store, &[a, b], now);
                locked.shard.swap(a, b);
                locked.offer_database(store, a);
                locked.offer_database(store, b);
            });
        }
        self.swapped(a, b);
    }
}
