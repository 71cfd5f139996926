//! What a member of a group does: reads what is new, reads again what is pending of it, claims what is
//! pending of others.

use super::blocks::Blocks;
use super::group::{ConsumerNumber, Group, Pending};
use super::{Entry, Stream, StreamId, Tally};
use crate::time::Millis;

/// A consumer at work in its group, see [`Stream::as_member`].
#[derive(Debug)]
pub struct Member<'a> {
    group: &'a mut Group,
    blocks: &'a Blocks,
    tally: &'a Tally,
    number: ConsumerNumber,
    now: Millis,
}

/// How pending entries are claimed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// Only what was last delivered at least so many milliseconds ago.
    pub idle_min: Millis,
    /// When it is to have been delivered last.
    pub delivered: Millis,
    /// How often it is to have been delivered, if not once more than before.
    pub deliveries: Option<u64>,
    /// Whether an entry that is not pending becomes so.
    pub force: bool,
    /// Whether the entry itself is not asked for: that is no delivery, and is not counted as one.
    pub id_only: bool,
}

/// What came of a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claimed {
    /// The entry is the claimer's now.
    Yes,
    /// It stays as it was.
    No,
    /// It is no longer there, and so no longer pending.
    Gone,
}

/// What came of a walk over the pending entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Where to go on; nought at the end.
    pub next: StreamId,
    /// How many entries were claimed.
    pub claimed: u64,
    /// How many were no longer there.
    pub gone: u64,
}

/// How many pending entries are looked at for each that may be claimed.
const LOOKS_PER_CLAIM: u64 = 10;

impl Stream {
    /// Lends a group to one of its consumers, who joins it if need be: what `act` returned, and whether the
    /// consumer is new. `None` when there is no such group.
    pub fn as_member<R>(
        &mut self,
        group: &[u8],
        consumer: &[u8],
        now: Millis,
        act: impl FnOnce(&mut Member<'_>) -> R,
    ) -> Option<(R, bool)> {
        self.edit_group(group, |group, blocks, tally| {
            let (number, joined) = group.join(consumer, now);
            group.edit_consumer(number, |consumer| consumer.seen = now);
            (act(&mut Member { group, blocks, tally, number, now }), joined)
        })
    }

    /// Has a consumer join a group; whether it was not in it yet. `None` when there is no such group.
    pub fn create_consumer(&mut self, group: &[u8], consumer: &[u8], now: Millis) -> Option<bool> {
        self.edit_group(group, |group, _, _| group.join(consumer, now).1)
    }

    /// Takes a consumer out of a group, with what is pending of it: how much that was, if it was there.
    /// `None` when there is no such group.
    pub fn remove_consumer(&mut self, group: &[u8], consumer: &[u8]) -> Option<Option<usize>> {
        self.edit_group(group, |group, _, _| group.leave(consumer))
    }

    /// Has entries no longer pending; how many were. `None` when there is no such group.
    pub fn acknowledge(&mut self, group: &[u8], ids: impl IntoIterator<Item = StreamId>) -> Option<usize> {
        self.edit_group(group, |group, _, _| ids.into_iter().filter(|id| group.acknowledge(*id)).count())
    }
}

impl Member<'_> {
    /// Hands out up to `count` entries that nobody of the group has read; how many. They are pending then,
    /// unless they count as acknowledged at once.
    pub fn read_new(&mut self, count: u64, acknowledged: bool, mut each: impl FnMut(Entry<'_>)) -> u64 {
        let Some(from) = self.group.last().next() else { return 0 };
        let mut read = 0;
        let mut entries = self.blocks.range(from, StreamId::MAX);
        while read < count
            && let Some(entry) = entries.next()
        {
            let id = entry.id;
            each(entry);
            read += 1;
            self.group.advance(id, self.tally);
            if !acknowledged {
                let pending = Pending { id, delivered: self.now, deliveries: 1, consumer: self.number };
                self.group.set_pending(pending);
            }
        }
        if read > 0 && !acknowledged {
            self.set_active();
        }
        read
    }

    /// Hands out again up to `count` entries that are pending of the consumer, from behind `after` on. Of one
    /// that is gone there is only the id.
    pub fn read_again(
        &mut self,
        after: StreamId,
        count: u64,
        mut each: impl FnMut(StreamId, Option<Entry<'_>>),
    ) -> u64 {
        let mut read = 0;
        let mut from = after.next();
        while read < count
            && let Some(start) = from
        {
            let next = self.group.pending_between(start, StreamId::MAX, Some(self.number)).next();
            let Some(mut pending) = next else { break };
            let entry = self.blocks.entry(pending.id);
            if entry.is_some() {
                pending.delivered = self.now;
                pending.deliveries = pending.deliveries.wrapping_add(1);
                self.group.set_pending(pending);
            }
            each(pending.id, entry);
            read += 1;
            from = pending.id.next();
        }
        read
    }

    /// Claims one entry.
    pub fn claim(&mut self, id: StreamId, claim: &Claim) -> Claimed {
        let pending = self.group.find_pending(id);
        if !self.blocks.contains(id) {
            return if self.group.acknowledge(id) { Claimed::Gone } else { Claimed::No };
        }
        match pending {
            Some(pending) => self.take(pending, claim),
            None if claim.force => {
                let new = Pending { id, delivered: self.now, deliveries: 1, consumer: self.number };
                self.take(new, &Claim { idle_min: 0, ..*claim })
            }
            None => Claimed::No,
        }
    }

    /// Claims up to `count` pending entries from `start` on. Of one that is gone there is only the id; those
    /// count too.
    pub fn sweep(
        &mut self,
        start: StreamId,
        count: u64,
        claim: &Claim,
        mut each: impl FnMut(StreamId, Option<Entry<'_>>),
    ) -> Swept {
        let mut swept = Swept { next: StreamId::ZERO, claimed: 0, gone: 0 };
        let mut looks = count.saturating_mul(LOOKS_PER_CLAIM);
        let mut rank = self.group.pending().seek(|pending| pending.id.cmp(&start));
        while looks > 0
            && swept.claimed + swept.gone < count
            && let Some(&pending) = self.group.pending().get(rank)
        {
            looks -= 1;
            let Some(entry) = self.blocks.entry(pending.id) else {
                self.group.acknowledge(pending.id);
                swept.gone += 1;
                each(pending.id, None);
                continue;
            };
            if self.take(pending, claim) == Claimed::Yes {
                swept.claimed += 1;
                each(pending.id, Some(entry));
            }
            rank += 1;
        }
        swept.next = self.group.pending().get(rank).map_or(StreamId::ZERO, |pending| pending.id);
        swept
    }

    /// Moves the group on to `last`, unless it has come further; whether it moved.
    pub fn move_on(&mut self, last: StreamId) -> bool {
        self.group.move_on(last)
    }

    /// The entry of this id.
    pub fn entry(&self, id: StreamId) -> Option<Entry<'_>> {
        self.blocks.entry(id)
    }

    fn take(&mut self, mut pending: Pending, claim: &Claim) -> Claimed {
        if self.now.saturating_sub(pending.delivered) < claim.idle_min {
            return Claimed::No;
        }
        pending.consumer = self.number;
        pending.delivered = claim.delivered;
        pending.deliveries = match claim.deliveries {
            Some(deliveries) => deliveries,
            None if claim.id_only => pending.deliveries,
            None => pending.deliveries.wrapping_add(1),
        };
        self.group.set_pending(pending);
        self.set_active();
        Claimed::Yes
    }

    fn set_active(&mut self) {
        let now = self.now;
        self.group.edit_consumer(self.number, |consumer| consumer.active = Some(now));
    }
}
