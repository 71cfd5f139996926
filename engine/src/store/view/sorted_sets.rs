//! What a view does to sorted sets.

use std::ops::Range;

use super::{Deadline, Lookup, Missing, View};
use crate::shard::change::Event;
use crate::store::Key;
use crate::types::Kind;
use crate::types::set::Set;
use crate::types::sorted_set::{
    self, AddOptions, Added, Aggregate, Builder, End, LexRange, NotANumber, Only, Pair, ScoreRange,
    SortedSet, SortedSetRef, Source, Weighted,
};
use crate::{SortedSetError, WrongType};

/// What an addition did to a sorted set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddCounts {
    /// Members that are new.
    pub added: usize,
    /// Members that were there and have another score now.
    pub changed: usize,
}

/// Members of a sorted set that go together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Span<'a> {
    /// Those of these ranks; negative ones count from the end, -1 being the last. Both ends belong to it.
    Ranks(i64, i64),
    /// Those with scores in this range.
    Scores(ScoreRange),
    /// Those with bytes in this range, where all scores are equal.
    Members(LexRange<'a>),
}

impl Span<'_> {
    /// The ranks from the lowest score up.
    pub fn ranks(self, set: SortedSetRef<'_>) -> Range<usize> {
        match self {
            Self::Ranks(start, stop) => ranks_between(start, stop, set.len()),
            Self::Scores(range) => set.score_ranks(&range),
            Self::Members(range) => set.lex_ranks(&range, false),
        }
    }

    fn event(self) -> Event {
        match self {
            Self::Ranks(..) => Event::ZRemRangeByRank,
            Self::Scores(_) => Event::ZRemRangeByScore,
            Self::Members(_) => Event::ZRemRangeByLex,
        }
    }
}

/// The ranks from `start` to `stop` among `len`; negative ones count from the end.
pub fn ranks_between(start: i64, stop: i64, len: usize) -> Range<usize> {
    let from_end = |rank: i64| if rank < 0 { rank.saturating_add_unsigned(len as u64) } else { rank };
    let start = usize::try_from(from_end(start)).unwrap_or(0).min(len);
    // What is before the first even so is before all of them.
    let end = usize::try_from(from_end(stop)).map_or(0, |stop| stop.saturating_add(1)).min(len);
    start..end.max(start)
}

/// What is made of several sorted sets, or sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combination {
    /// What is in any of them.
    Union(Aggregate),
    /// What is in all of them.
    Intersection(Aggregate),
    /// What is in the first and in no other.
    Difference,
}

impl Combination {
    fn event(self) -> Event {
        match self {
            Self::Union(_) => Event::ZUnionStore,
            Self::Intersection(_) => Event::ZInterStore,
            Self::Difference => Event::ZDiffStore,
        }
    }
}

impl View<'_> {
    /// The sorted set at `key`, lent to be read.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    #[inline]
    pub fn sorted_set(
        &mut self,
        key: Key<'_>,
        lookup: Lookup,
    ) -> Result<Option<SortedSetRef<'_>>, WrongType> {
        self.read::<SortedSet>(key, lookup)
    }

    /// Gives the sorted set at `key` its large form, whatever its size: Valkey's SORT does that to what it
    /// reads, and `OBJECT ENCODING` shows it.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn sorted_set_enlarge(&mut self, key: Key<'_>) -> Result<(), WrongType> {
        self.edit(key, Missing::Skip, |set: &mut SortedSet, tools| {
            if set.prepare_for(usize::MAX, 0, tools.limits, tools.seed) {
                tools.rearranged();
            }
        })?;
        Ok(())
    }

    /// Gives members of the sorted set at `key` scores, which are numbers; it is made when it is not there.
    ///
    /// # Errors
    /// [`SortedSetError::WrongType`]; [`SortedSetError::NotANumber`] when scores are to be added and the sum
    /// of two is none: those before stay changed.
    pub fn sorted_set_add<'m>(
        &mut self,
        key: Key<'_>,
        options: AddOptions,
        pairs: impl ExactSizeIterator<Item = (f64, &'m [u8])> + Clone,
    ) -> Result<AddCounts, SortedSetError> {
        let mut counts = AddCounts::default();
        let added = self.add_each(key, options, pairs, |added| match added {
            Added::New(_) => counts.added += 1,
            Added::Changed(_) => counts.changed += 1,
            Added::Same(_) | Added::Refused => {}
        });
        added.map(|()| counts)
    }

    /// Adds to the score of a member of the sorted set at `key`, both of which are made when they are not
    /// there; the new score, or none when the options did not allow it.
    ///
    /// # Errors
    /// [`SortedSetError::WrongType`]; [`SortedSetError::NotANumber`] when the sum is none.
    pub fn sorted_set_increment(
        &mut self,
        key: Key<'_>,
        options: AddOptions,
        by: f64,
        member: &[u8],
    ) -> Result<Option<f64>, SortedSetError> {
        let mut score = None;
        let options = AddOptions { increment: true, ..options };
        self.add_each(key, options, std::iter::once((by, member)), |added| {
            score = match added {
                Added::New(score) | Added::Changed(score) | Added::Same(score) => Some(score),
                Added::Refused => None,
            };
        })?;
        Ok(score)
    }

    fn add_each<'m>(
        &mut self,
        key: Key<'_>,
        options: AddOptions,
        pairs: impl ExactSizeIterator<Item = (f64, &'m [u8])> + Clone,
        mut each: impl FnMut(Added),
    ) -> Result<(), SortedSetError> {
        let missing = if options.only == Only::Existing { Missing::Skip } else { Missing::Create };
        let result = self.edit(key, missing, |set: &mut SortedSet, tools| {
            let seed = tools.seed;
            let longest = pairs.clone().map(|(_, member)| member.len()).max().unwrap_or(0);
            if set.prepare_for(pairs.len(), longest, tools.limits, seed) && !set.is_empty() {
                tools.rearranged();
            }
            let mut changes = 0;
            let mut result = Ok(());
            for (score, member) in pairs {
                match set.add(member, score, options, tools.limits, seed) {
                    Ok(added) => {
                        changes += u64::from(matches!(added, Added::New(_) | Added::Changed(_)));
                        each(added);
                    }
                    Err(NotANumber) => {
                        result = Err(SortedSetError::NotANumber);
                        break;
                    }
                }
            }
            if changes > 0 {
                tools.changed_times(if options.increment { Event::ZIncr } else { Event::ZAdd }, changes);
            }
            result
        })?;
        result.unwrap_or(Ok(()))
    }

    /// Removes members of the sorted set at `key`; how many of them were in it.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn sorted_set_remove<'m>(
        &mut self,
        key: Key<'_>,
        members: impl Iterator<Item = &'m [u8]>,
    ) -> Result<usize, WrongType> {
        let removed = self.edit(key, Missing::Skip, |set: &mut SortedSet, tools| {
            let removed = members.filter(|member| set.remove(member)).count();
            if removed > 0 {
                tools.changed_times(Event::ZRem, removed as u64);
            }
            removed
        })?;
        Ok(removed.unwrap_or(0))
    }

    /// Removes the members of a span of the sorted set at `key`; how many they were.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn sorted_set_remove_span(&mut self, key: Key<'_>, span: Span<'_>) -> Result<usize, WrongType> {
        let removed = self.edit(key, Missing::Skip, |set: &mut SortedSet, tools| {
            let ranks = span.ranks(set.as_ref());
            let removed = ranks.len();
            if removed > 0 {
                set.remove_ranks(ranks, |_| {});
                tools.changed_times(span.event(), removed as u64);
            }
            removed
        })?;
        Ok(removed.unwrap_or(0))
    }

    /// Removes up to `count` members from one end of the sorted set at `key` and hands them out, the
    /// outermost first; how many, or none when the key is not there.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn sorted_set_pop(
        &mut self,
        key: Key<'_>,
        end: End,
        count: usize,
        taken: impl FnMut(Pair<'_>),
    ) -> Result<Option<usize>, WrongType> {
        self.edit(key, Missing::Skip, |set: &mut SortedSet, tools| {
            let popped = set.pop(end, count, taken);
            if popped > 0 {
                let event = match end {
                    End::Min => Event::ZPopMin,
                    End::Max => Event::ZPopMax,
                };
                tools.changed_times(event, popped as u64);
            }
            popped
        })
    }

    /// Stores a sorted set at `key`, whatever was there; how many members it has. Without any, the key goes.
    pub fn sorted_set_store(&mut self, key: Key<'_>, members: Builder, event: Event) -> usize {
        let len = members.len();
        let set = members.finish(self.limits(key));
        self.put(key, set, Deadline::Clear, event);
        len
    }

    /// Looks at the sorted sets, or sets, at several keys as somebody does who reads them.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives at one of the keys.
    pub fn sorted_set_look_up(&mut self, keys: &[Key<'_>]) -> Result<(), WrongType> {
        for &key in keys {
            let kind = self.meta(key, Lookup::Read).map(|meta| meta.kind);
            if !matches!(kind, None | Some(Kind::SortedSet | Kind::Set)) {
                return Err(WrongType);
            }
        }
        Ok(())
    }

    /// The sorted sets, or sets, at several keys that have been looked up.
    fn sources(&self, keys: &[Key<'_>]) -> Result<Vec<Source<'_>>, WrongType> {
        let source = |&key: &Key<'_>| match self.peek::<SortedSet>(key) {
            Ok(set) => Ok(set.map_or(Source::Nothing, Source::SortedSet)),
            Err(WrongType) => Ok(self.peek::<Set>(key)?.map_or(Source::Nothing, Source::Set)),
        };
        keys.iter().map(source).collect()
    }

    /// How many members the sorted sets, or sets, at several keys have in common, counted up to `limit`,
    /// which is not nought. They have been [looked up](Self::sorted_set_look_up).
    ///
    /// # Errors
    /// [`WrongType`] when another type lives at one of the keys.
    pub fn sorted_set_common(&self, keys: &[Key<'_>], limit: usize) -> Result<usize, WrongType> {
        Ok(sorted_set::intersection_count(&self.sources(keys)?, limit))
    }

    /// What is made of the sorted sets, or sets, at several keys. Each has a weight, or counts as it is. They
    /// have been [looked up](Self::sorted_set_look_up).
    ///
    /// # Errors
    /// [`WrongType`] when another type lives at one of the keys.
    pub fn sorted_set_combine(
        &self,
        keys: &[Key<'_>],
        weights: &[f64],
        combination: Combination,
    ) -> Result<Builder, WrongType> {
        let seed = keys.first().map_or(0, |&key| self.seed(key));
        self.combine(keys, weights, combination, seed)
    }

    /// The same, stored at `to`, whatever was there; how many members it has.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives at one of `keys`.
    pub fn sorted_set_combine_into(
        &mut self,
        to: Key<'_>,
        keys: &[Key<'_>],
        weights: &[f64],
        combination: Combination,
    ) -> Result<usize, WrongType> {
        let members = self.combine(keys, weights, combination, self.seed(to))?;
        Ok(self.sorted_set_store(to, members, combination.event()))
    }

    fn combine(
        &self,
        keys: &[Key<'_>],
        weights: &[f64],
        combination: Combination,
        seed: u64,
    ) -> Result<Builder, WrongType> {
        let sources = self.sources(keys)?;
        let weights = weights.iter().copied().chain(std::iter::repeat(1.0));
        let weighted = || -> Vec<Weighted<'_>> {
            sources.iter().zip(weights).map(|(&source, weight)| Weighted { source, weight }).collect()
        };
        Ok(match combination {
            Combination::Union(aggregate) => sorted_set::union(&weighted(), aggregate, seed),
            Combination::Intersection(aggregate) => sorted_set::intersection(&weighted(), aggregate, seed),
            Combination::Difference => sorted_set::difference(&sources, seed),
        })
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::store::heard::Heard;
    use crate::{Scope, Store};

    /// As Valkey 9.1.2 notifies with `notify-keyspace-events KEA`, and counts in
    /// `rdb_changes_since_last_save`.
    #[test]
    fn tells_what_happened() {
        let store = Store::builder().build();
        let heard = Heard::of(&store);
        let (key, other) = (store.key(0, b"k"), store.key(0, b"o"));
        let mut view = store.view(Scope::All, 1000);
        let any = AddOptions::default();
        let existing = AddOptions { only: Only::Existing, ..any };

        let pairs = || [(1.0, &b"a"[..]), (2.0, b"b"), (3.0, b"c")].into_iter();
        assert_eq!(view.sorted_set_add(key, existing, pairs()), Ok(AddCounts::default()));
        assert_eq!(view.sorted_set_add(key, any, pairs()), Ok(AddCounts { added: 3, changed: 0 }));
        assert_eq!(view.sorted_set_add(key, any, pairs()), Ok(AddCounts::default()));
        assert_eq!(view.sorted_set_increment(key, any, 1.0, b"c"), Ok(Some(4.0)));
        assert_eq!(view.sorted_set_increment(key, any, f64::INFINITY, b"c"), Ok(Some(f64::INFINITY)));
        let minus = view.sorted_set_increment(key, any, f64::NEG_INFINITY, b"c");
        assert_eq!(minus, Err(SortedSetError::NotANumber));
        assert_eq!(view.dirty(), 5);
        assert_eq!(view.sorted_set_remove_span(key, Span::Ranks(5, 9)), Ok(0));
        assert_eq!(view.sorted_set_remove_span(key, Span::Ranks(-1, -1)), Ok(1));
        assert_eq!(view.sorted_set_combine_into(other, &[key], &[], Combination::Difference), Ok(2));
        assert_eq!(view.sorted_set_pop(other, End::Max, 0, |_| {}), Ok(Some(0)));
        assert_eq!(view.sorted_set_pop(other, End::Max, 1, |_| {}), Ok(Some(1)));
        assert_eq!(view.dirty(), 8);
        assert_eq!(view.sorted_set_pop(other, End::Min, 7, |_| {}), Ok(Some(1)));
        assert_eq!(view.sorted_set_remove(key, [&b"a"[..], b"b", b"x"].into_iter()), Ok(2));
        let union = Combination::Union(Aggregate::Sum);
        assert_eq!(view.sorted_set_combine_into(other, &[key], &[], union), Ok(0));
        drop(view);
        assert_eq!(store.view(Scope::All, 1000).len(0).0, 0);

        use Event::{Del, ZAdd, ZDiffStore, ZIncr, ZPopMax, ZPopMin, ZRem, ZRemRangeByRank};
        assert_eq!(
            heard.take(),
            [ZAdd, ZIncr, ZIncr, ZRemRangeByRank, ZDiffStore, ZPopMax, ZPopMin, Del, ZRem, Del]
        );
    }

    #[test]
    fn ranks_count_from_either_end() {
        for (start, stop, wanted) in [
            (0, -1, 0..5),
            (1, 3, 1..4),
            (-2, 99, 3..5),
            (-99, 0, 0..1),
            (3, 2, 3..3),
            (0, -9, 0..0),
            (5, 9, 5..5),
            (i64::MIN, i64::MAX, 0..5),
            (i64::MAX, i64::MIN, 5..5),
        ] {
            assert_eq!(ranks_between(start, stop, 5), wanted, "{start} {stop}");
        }
        assert_eq!(ranks_between(0, -1, 0), 0..0);
    }
}
