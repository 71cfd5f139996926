//! What a view does to lists.

use smallvec::SmallVec;

use super::collection::{Missing, Tools};
use super::{Deadline, View};
use crate::WrongType;
use crate::collections::deque::{End, Side};
use crate::collections::packed::{Digits, Element};
use crate::shard::change::Event;
use crate::store::{Key, Lookup};
use crate::types::list::{List, ListRef, range_of};

/// Elements that are about to be taken off one end of a list, lent while they still lie in it.
#[derive(Debug, Clone, Copy)]
pub struct Popped<'a> {
    list: ListRef<'a>,
    end: End,
    count: usize,
}

impl Popped<'_> {
    /// How many they are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Shows them, the outermost first.
    #[inline]
    pub fn for_each(&self, act: impl FnMut(Element<'_>)) {
        self.list.for_each_at(self.end, self.count, act);
    }
}

impl View<'_> {
    /// Puts a list of these elements at `key`, whatever was there, which is as many changes as there are
    /// elements; that many. Without any, the key goes.
    pub fn list_store<T: AsRef<[u8]>>(
        &mut self,
        key: Key<'_>,
        elements: impl IntoIterator<Item = T>,
        event: Event,
    ) -> usize {
        // Valkey fills blocks from the first element on, and makes the list small at the end if it is: so its
        // blocks, which a dump shows, are those of a list that has grown.
        let limits = self.limits(key);
        let mut deque = List::new_deque(limits);
        for element in elements {
            deque.push(End::Right, element.as_ref(), limits.list_packed_threshold);
        }
        let list = List::from_deque(deque, limits);
        let len = list.len();
        if self.put(key, list, Deadline::Clear, event) {
            // One of them is counted.
            self.log.count(len as u64 - 1);
        }
        len
    }

    /// Puts texts at one end of the list at `key`, one after the other; its new length, or `None` when it is
    /// not there and is not to be made.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn list_push<'t>(
        &mut self,
        key: Key<'_>,
        end: End,
        texts: impl ExactSizeIterator<Item = &'t [u8]> + Clone,
        missing: Missing,
    ) -> Result<Option<usize>, WrongType> {
        self.edit::<List, _>(key, missing, |list, tools| {
            let count = texts.len() as u64;
            list.push(end, texts, tools.limits);
            if count > 0 {
                tools.changed_times(pushed(end), count);
            }
            list.len()
        })
    }

    /// Takes up to `count` elements off one end of the list at `key`; what `read` makes of them, or `None`
    /// when the list is not there.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn list_pop<R>(
        &mut self,
        key: Key<'_>,
        end: End,
        count: usize,
        read: impl FnOnce(Popped<'_>) -> R,
    ) -> Result<Option<R>, WrongType> {
        self.edit::<List, _>(key, Missing::Skip, |list, tools| {
            let count = count.min(list.len());
            let result = read(Popped { list: list.borrow(), end, count });
            if count > 0 {
                list.remove_end(end, count, tools.limits);
                tools.changed_times(popped(end), count as u64);
            }
            result
        })
    }

    /// Takes an element off one end of the list at `from` and puts it at one end of the list at `to`, which
    /// is made if it is not there; what `read` makes of it, or `None` when there is nothing at `from`.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives at `from`, or, if there is a list at `from`, at `to`.
    pub fn list_move<R>(
        &mut self,
        (from, take): (Key<'_>, End),
        (to, put): (Key<'_>, End),
        read: impl FnOnce(&[u8]) -> R,
    ) -> Result<Option<R>, WrongType> {
        if from == to {
            return self.edit::<List, _>(from, Missing::Skip, |list, tools| {
                let element = outermost(list.borrow(), take);
                list.rotate(take, put, &element, tools.limits);
                moved(tools, put, take);
                read(&element)
            });
        }
        let Some(list) = self.read::<List>(from, Lookup::Write)? else { return Ok(None) };
        let element = outermost(list, take);
        // First to where it goes: that is the order in which it is told.
        self.edit::<List, _>(to, Missing::Create, |list, tools| {
            list.push_moved(put, &element, tools.limits);
            tools.happened(pushed(put));
        })?;
        self.edit::<List, _>(from, Missing::Skip, |list, tools| {
            list.remove_end(take, 1, tools.limits);
            tools.changed(popped(take));
        })?;
        Ok(Some(read(&element)))
    }

    /// Puts a text beside the first element that is `pivot`, in the list at `key`; the list's new length, or
    /// `Some(None)` without such an element and `None` without a list.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn list_insert(
        &mut self,
        key: Key<'_>,
        pivot: &[u8],
        side: Side,
        text: &[u8],
    ) -> Result<Option<Option<usize>>, WrongType> {
        self.edit::<List, _>(key, Missing::Skip, |list, tools| {
            keeping_form(list, tools, |list, tools| {
                list.insert(pivot, side, text, tools.limits).then(|| {
                    tools.changed(Event::LInsert);
                    list.len()
                })
            })
        })
    }

    /// Puts a text in place of the element of an index, which counts from the last one if it is negative;
    /// whether there is such an element, or `None` without a list.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn list_set(&mut self, key: Key<'_>, index: i64, text: &[u8]) -> Result<Option<bool>, WrongType> {
        self.edit::<List, _>(key, Missing::Skip, |list, tools| {
            keeping_form(list, tools, |list, tools| {
                let set = list.set(index, text, tools.limits);
                if set {
                    tools.changed(Event::LSet);
                }
                set
            })
        })
    }

    /// Removes elements that are `text` from the list at `key`: the first `count`, the last if it is
    /// negative, all if it is nought. How many there were.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn list_remove(&mut self, key: Key<'_>, count: i64, text: &[u8]) -> Result<usize, WrongType> {
        let from = if count < 0 { End::Right } else { End::Left };
        let max = match count {
            0 => usize::MAX,
            _ => usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX),
        };
        let removed = self.edit::<List, _>(key, Missing::Skip, |list, tools| {
            let removed = list.remove(text, max, from, tools.limits);
            if removed > 0 {
                tools.changed_times(Event::LRem, removed as u64);
            }
            removed
        })?;
        Ok(removed.unwrap_or(0))
    }

    /// Removes all elements from the list at `key` but those from one index to another, both of them stay;
    /// negative ones count from the end.
    ///
    /// # Errors
    /// [`WrongType`] when another type lives there.
    pub fn list_trim(&mut self, key: Key<'_>, start: i64, stop: i64) -> Result<(), WrongType> {
        self.edit::<List, _>(key, Missing::Skip, |list, tools| {
            let (start, count) = range_of(start, stop, list.len());
            let removed = list.trim(start, count, tools.limits);
            // Told even if nothing was removed, as in Valkey.
            match removed {
                0 => tools.told(Event::LTrim),
                _ => tools.changed_times(Event::LTrim, removed as u64),
            }
        })?;
        Ok(())
    }
}

/// Does what may turn out to change nothing, after the list was given the form to take it in.
fn keeping_form<R>(
    list: &mut List,
    tools: &mut Tools<'_>,
    act: impl FnOnce(&mut List, &mut Tools<'_>) -> R,
) -> R {
    let was_large = list.is_large();
    let result = act(list, tools);
    if list.is_large() != was_large {
        tools.rearranged();
    }
    result
}

fn outermost(list: ListRef<'_>, end: End) -> SmallVec<[u8; 64]> {
    let mut copy = SmallVec::new();
    list.for_each_at(end, 1, |element| copy.extend_from_slice(element.text(&mut Digits::default())));
    copy
}

fn moved(tools: &mut Tools<'_>, put: End, take: End) {
    tools.happened(pushed(put));
    tools.changed(popped(take));
}

fn pushed(end: End) -> Event {
    match end {
        End::Left => Event::LPush,
        End::Right => Event::RPush,
    }
}

fn popped(end: End) -> Event {
    match end {
        End::Left => Event::LPop,
        End::Right => Event::RPop,
    }
}

#[cfg(all(test, not(shuttle)))]
mod tests {
    use super::*;
    use crate::store::heard::Heard;
    use crate::types::{Encoding, Limits};
    use crate::{Scope, Store};

    fn words(words: &'static str) -> impl ExactSizeIterator<Item = &'static [u8]> + Clone {
        words.split(' ').map(str::as_bytes).collect::<Vec<_>>().into_iter()
    }

    fn done<T>(result: Result<T, WrongType>) {
        assert!(result.is_ok());
    }

    fn all(view: &mut View<'_>, key: Key<'_>) -> String {
        let mut all = Vec::new();
        if let Some(list) = view.read::<List>(key, Lookup::Peek).unwrap() {
            list.for_each(0, list.len(), |element| all.push(String::from_utf8(element.to_vec()).unwrap()));
        }
        all.join(" ")
    }

    /// Recorded from Valkey 9.1.2 with `notify-keyspace-events KEA`, and `rdb_changes_since_last_save`.
    #[test]
    fn tells_what_happened() {
        let store = Store::builder().shards(1).build();
        let heard = Heard::of(&store);
        let (l, m) = (store.key(0, b"l"), store.key(0, b"m"));
        let keys = [l, m];
        let mut dirty = 0;
        let mut step = |act: &dyn Fn(&mut View<'_>), times: u64, told: &str| {
            let mut view = store.view(Scope::Keys(&keys), 1000);
            act(&mut view);
            dirty += times;
            assert_eq!(view.dirty(), times, "{told}");
            drop(view);
            let heard = heard.take_with_keys().into_iter();
            let heard: Vec<_> = heard.map(|(key, event)| format!("{} {key}", event.name())).collect();
            assert_eq!(heard.join(", "), told);
        };
        let (left, right) = (End::Left, End::Right);

        step(&|v| done(v.list_push(l, right, words("a b c"), Missing::Create)), 3, "rpush l");
        step(&|v| done(v.list_push(l, left, words("x"), Missing::Skip)), 1, "lpush l");
        step(&|v| assert_eq!(v.list_push(m, left, words("x"), Missing::Skip), Ok(None)), 0, "");
        step(&|v| done(v.list_move((l, left), (m, right), |_| ())), 1, "rpush m, lpop l");
        step(&|v| done(v.list_move((l, left), (l, right), |_| ())), 1, "rpush l, lpop l");
        step(&|v| done(v.list_move((m, left), (m, right), |_| ())), 1, "rpush m, lpop m");
        step(&|v| done(v.list_move((m, left), (l, left), |_| ())), 1, "lpush l, lpop m, del m");
        step(&|v| assert_eq!(v.list_move((m, left), (l, left), |_| ()), Ok(None)), 0, "");
        step(&|v| assert_eq!(all(v, l), "x b c a"), 0, "");
        step(&|v| assert_eq!(v.list_insert(l, b"b", Side::Before, b"z"), Ok(Some(Some(5)))), 1, "linsert l");
        step(&|v| assert_eq!(v.list_insert(l, b"?", Side::Before, b"z"), Ok(Some(None))), 0, "");
        step(&|v| assert_eq!(v.list_insert(m, b"b", Side::Before, b"z"), Ok(None)), 0, "");
        step(&|v| assert_eq!(v.list_set(l, 0, b"q"), Ok(Some(true))), 1, "lset l");
        step(&|v| assert_eq!(v.list_set(l, 5, b"q"), Ok(Some(false))), 0, "");
        step(&|v| assert_eq!(v.list_set(l, i64::MIN, b"q"), Ok(Some(false))), 0, "");
        step(&|v| done(v.list_trim(l, 0, -1)), 0, "ltrim l");
        step(&|v| done(v.list_trim(l, 1, 2)), 3, "ltrim l");
        step(&|v| assert_eq!(all(v, l), "z b"), 0, "");
        step(&|v| done(v.list_trim(l, 5, 9)), 2, "ltrim l, del l");
        step(&|v| done(v.list_trim(l, i64::MIN, i64::MAX)), 0, "");
        step(&|v| done(v.list_push(l, right, words("a b a c a"), Missing::Create)), 5, "rpush l");
        step(&|v| assert_eq!(v.list_remove(l, 2, b"a"), Ok(2)), 2, "lrem l");
        step(&|v| assert_eq!(v.list_remove(l, i64::MIN, b"?"), Ok(0)), 0, "");
        step(&|v| assert_eq!(v.list_remove(l, -1, b"a"), Ok(1)), 1, "lrem l");
        step(&|v| assert_eq!(v.list_pop(l, left, 0, |popped| popped.len()), Ok(Some(0))), 0, "");
        step(
            &|v| assert_eq!(v.list_pop(l, right, 9, |popped| popped.len()), Ok(Some(2))),
            2,
            "rpop l, del l",
        );
        step(&|v| assert_eq!(v.list_pop(l, right, 9, |popped| popped.len()), Ok(None)), 0, "");
    }

    #[test]
    fn another_type_is_refused_and_stays() {
        let store = Store::builder().shards(1).build();
        let (s, l) = (store.key(0, b"s"), store.key(0, b"l"));
        store.set("s", "text").expect("no limit");
        let mut view = store.view(Scope::All, 1000);
        let left = End::Left;
        assert_eq!(view.list_push(s, left, words("a"), Missing::Create), Err(WrongType));
        assert_eq!(view.list_pop(s, left, 1, |_| ()), Err(WrongType));
        assert_eq!(view.list_move((l, left), (s, left), |_| ()), Ok(None), "nothing to move");
        assert_eq!(view.list_move((s, left), (l, left), |_| ()), Err(WrongType));
        view.list_push(l, left, words("a"), Missing::Create).unwrap();
        assert_eq!(view.list_move((l, left), (s, left), |_| ()), Err(WrongType));
        assert_eq!(all(&mut view, l), "a");
        assert_eq!(view.list_insert(s, b"a", Side::After, b"b"), Err(WrongType));
        assert_eq!(view.list_set(s, 0, b"b"), Err(WrongType));
        assert_eq!(view.list_remove(s, 0, b"b"), Err(WrongType));
        assert_eq!(view.list_trim(s, 0, 0), Err(WrongType));
        assert_eq!(view.dirty(), 1);
    }

    /// A list that is given its large form for what is then not put in stays large: so Valkey reports it.
    #[test]
    fn an_attempt_may_change_the_form() {
        let limits = Limits { list_max_listpack_size: 2, ..Limits::default() };
        let store = Store::builder().shards(1).limits(limits).build();
        let key = store.key(0, b"l");
        let mut view = store.view(Scope::Key(&key), 1000);
        let encoding = |view: &mut View<'_>| view.meta(key, Lookup::Peek).map(|meta| meta.encoding);
        view.list_push(key, End::Left, words("a b"), Missing::Create).unwrap();
        assert_eq!(encoding(&mut view), Some(Encoding::Listpack));
        assert_eq!(view.list_insert(key, b"?", Side::Before, b"x"), Ok(Some(None)));
        assert_eq!(encoding(&mut view), Some(Encoding::Quicklist));
        view.list_pop(key, End::Left, 1, |_| ()).unwrap();
        assert_eq!(encoding(&mut view), Some(Encoding::Listpack));
        assert_eq!(view.dirty(), 3);
    }
}
