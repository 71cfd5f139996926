//! SORT and SORT_RO.

use std::cmp::Ordering;
use std::ops::Range;

use scrubjay::shard::change::Event;
use scrubjay::types::hash::Hash;
use scrubjay::types::list::List;
use scrubjay::types::set::Set;
use scrubjay::types::sorted_set::SortedSet;
use scrubjay::{Kind, Lookup, Text};
use smallvec::SmallVec;

use crate::command::Ctx;
use crate::command::args::Args;
use crate::command::spec::{Acl, Arg, Command, Flags, Key, Locks};
use crate::error::Error;
use crate::resp::{Reply, number};

pub(super) static SORT: Command = Command {
    name: "sort",
    summary: "Sorts the elements in a list, a set, or a sorted set, optionally storing the result.",
    since: "1.0.0",
    complexity: "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the \
        number of returned elements. When the elements are not sorted, complexity is O(N).",
    arity: -2,
    flags: Flags::WRITE.or(Flags::DENYOOM),
    acl: Acl::SET.or(Acl::SORTEDSET).or(Acl::LIST).or(Acl::DANGEROUS),
    keys: &[
        Key::at(1).ro().access(),
        Key::unknown().ro().access().note(
            "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the \
             content of the key we sort",
        ),
        Key::unknown().ow().update().note(
            "For the optional STORE keyword. It is marked 'unknown' because the keyword can appear anywhere in \
             the argument array",
        ),
    ],
    args: &[
        Arg::key("key"),
        Arg::pattern("by-pattern").token("BY").display("pattern").key_spec(1).optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional(),
        Arg::pattern("get-pattern")
            .token("GET")
            .display("pattern")
            .key_spec(1)
            .optional()
            .multiple()
            .multiple_token(),
        Arg::one_of("order", &[Arg::pure_token("asc", "ASC"), Arg::pure_token("desc", "DESC")]).optional(),
        Arg::pure_token("sorting", "ALPHA").optional(),
        Arg::key("destination").token("STORE").key_spec(2).optional(),
    ],
    locks: Locks::AllIf(touches_any_key),
    handler: sort,
    ..Command::BASE
}
.checked();

pub(super) static SORT_RO: Command = Command {
    name: "sort_ro",
    summary: "Returns the sorted elements of a list, a set, or a sorted set.",
    since: "7.0.0",
    complexity: "O(N+M*log(M)) where N is the number of elements in the list or set to sort, and M the \
        number of returned elements. When the elements are not sorted, complexity is O(N).",
    arity: -2,
    flags: Flags::READONLY,
    acl: Acl::SET.or(Acl::SORTEDSET).or(Acl::LIST).or(Acl::DANGEROUS),
    keys: &[
        Key::at(1).ro().access(),
        Key::unknown().ro().access().note(
            "For the optional BY/GET keyword. It is marked 'unknown' because the key names derive from the \
             content of the key we sort",
        ),
    ],
    args: &[
        Arg::key("key"),
        Arg::pattern("by-pattern").token("BY").display("pattern").key_spec(1).optional(),
        Arg::block("limit", &[Arg::integer("offset"), Arg::integer("count")]).token("LIMIT").optional(),
        Arg::pattern("get-pattern")
            .token("GET")
            .display("pattern")
            .key_spec(1)
            .optional()
            .multiple()
            .multiple_token(),
        Arg::one_of("order", &[Arg::pure_token("asc", "ASC"), Arg::pure_token("desc", "DESC")]).optional(),
        Arg::pure_token("sorting", "ALPHA").optional(),
    ],
    locks: Locks::AllIf(touches_any_key),
    handler: sort_ro,
    ..Command::BASE
}
.checked();

/// Whether the words alone do not say which keys are touched: patterns lead to some that nobody knows before
/// the elements are read. And a destination that is named like an option hides what follows from whoever
/// looks for keys, as Valkey does, but not from the command.
fn touches_any_key(args: &Args<'_>) -> bool {
    (2..args.len().saturating_sub(1)).any(|at| {
        let leads_on = || args.get(at + 1).is_some_and(|pattern| Pattern::parse(pattern).is_some());
        let is_option = || ["LIMIT", "GET", "BY", "STORE"].iter().any(|option| args.is(at + 1, option));
        (args.is(at, "BY") || args.is(at, "GET")) && leads_on() || args.is(at, "STORE") && is_option()
    })
}

fn sort(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    run(ctx, Store::Allowed)
}

fn sort_ro(ctx: &mut Ctx<'_, '_>) -> Result<(), Error> {
    run(ctx, Store::Refused)
}

fn run(ctx: &mut Ctx<'_, '_>, store: Store) -> Result<(), Error> {
    let mut options = Options::parse(ctx.args, store)?;
    let kind = ctx.view.meta(ctx.key(1), Lookup::Read).map(|meta| meta.kind);
    if kind == Some(Kind::SortedSet) {
        ctx.view.sorted_set_enlarge(ctx.key(1))?;
    }
    if options.store.is_some() && kind == Some(Kind::Set) && options.order == Order::AsItIs {
        // A set has no order of its own, and what is stored should not be left to chance.
        options.order = Order::Sorted;
        options.alpha = true;
        options.by = None;
    }
    let (elements, chosen) = match options.order {
        Order::AsItIs => as_it_is(ctx, kind, &options)?,
        Order::Sorted => {
            let elements = all(ctx, kind)?;
            let mut chosen = sorted(ctx, &elements, &options)?;
            chosen = chosen[options.window(chosen.len())].to_vec();
            (elements, chosen)
        }
    };
    match options.store {
        None => reply(ctx, &elements, &chosen, &options),
        Some(at) => {
            let mut stored = Texts::default();
            for index in chosen {
                options.results(ctx, elements.get(index), |_, result| stored.push(result.unwrap_or(b"")));
            }
            let count = ctx.view.list_store(ctx.key(at), stored.iter(), Event::SortStore);
            ctx.reply.count(count);
        }
    }
    Ok(())
}

fn reply(ctx: &mut Ctx<'_, '_>, elements: &Texts, chosen: &[usize], options: &Options<'_>) {
    ctx.reply.array(chosen.len() * options.gets.len().max(1));
    for &index in chosen {
        options.results(ctx, elements.get(index), |reply, result| reply.bulk_or_null(result));
    }
}

/// Whether the command knows the option STORE.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Allowed,
    Refused,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Sorted,
    /// As the elements lie: BY a pattern that leads nowhere says so.
    AsItIs,
}

/// Where a result comes from.
enum Get<'a> {
    /// `#`.
    Element,
    /// None if the pattern leads nowhere.
    Value(Option<Pattern<'a>>),
}

struct Options<'a> {
    order: Order,
    /// What elements are compared by; by themselves without one.
    by: Option<Pattern<'a>>,
    alpha: bool,
    descending: bool,
    /// LIMIT.
    offset: i64,
    count: i64,
    gets: SmallVec<[Get<'a>; 4]>,
    /// Which argument names the destination.
    store: Option<usize>,
}

impl<'a> Options<'a> {
    fn parse(args: Args<'a>, store: Store) -> Result<Self, Error> {
        let mut options = Self {
            order: Order::Sorted,
            by: None,
            alpha: false,
            descending: false,
            offset: 0,
            count: -1,
            gets: SmallVec::new(),
            store: None,
        };
        let mut at = 2;
        while at < args.len() {
            let behind = args.len() - at - 1;
            at += match () {
                () if args.is(at, "ASC") => {
                    options.descending = false;
                    1
                }
                () if args.is(at, "DESC") => {
                    options.descending = true;
                    1
                }
                () if args.is(at, "ALPHA") => {
                    options.alpha = true;
                    1
                }
                () if args.is(at, "LIMIT") && behind >= 2 => {
                    options.offset = args.integer(at + 1)?;
                    options.count = args.integer(at + 2)?;
                    3
                }
                () if args.is(at, "STORE") && behind >= 1 && store == Store::Allowed => {
                    options.store = Some(at + 1);
                    2
                }
                () if args.is(at, "BY") && behind >= 1 => {
                    options.by = Pattern::parse(args.at(at + 1));
                    // Another BY does not take this back.
                    if options.by.is_none() {
                        options.order = Order::AsItIs;
                    }
                    2
                }
                () if args.is(at, "GET") && behind >= 1 => {
                    options.gets.push(match args.at(at + 1) {
                        [b'#'] | [b'#', 0, ..] => Get::Element,
                        pattern => Get::Value(Pattern::parse(pattern)),
                    });
                    2
                }
                () => return Err(Error::Syntax),
            };
        }
        Ok(options)
    }

    /// Which of `len` elements, in the order of the reply, are in it.
    fn window(&self, len: usize) -> Range<usize> {
        let start = usize::try_from(self.offset.max(0)).unwrap_or(usize::MAX).min(len);
        let rest = len - start;
        let count = usize::try_from(self.count).map_or(rest, |count| count.min(rest));
        start..start + count
    }

    /// Hands out what an element contributes to the reply, each with the writer of that.
    fn results(
        &self,
        ctx: &mut Ctx<'_, '_>,
        element: &[u8],
        mut take: impl FnMut(&mut Reply, Option<&[u8]>),
    ) {
        if self.gets.is_empty() {
            take(ctx.reply, Some(element));
        }
        for get in &self.gets {
            match get {
                Get::Element => take(ctx.reply, Some(element)),
                Get::Value(None) => take(ctx.reply, None),
                Get::Value(Some(pattern)) => {
                    pattern.follow(ctx, element, &mut take);
                }
            }
        }
    }
}

/// `prefix*suffix` or `prefix*suffix->field`: what a star stands in for an element leads to a key.
///
/// As C reads it: neither star nor arrow is seen behind a zero byte.
struct Pattern<'a> {
    before: &'a [u8],
    after: &'a [u8],
    field: Option<&'a [u8]>,
}

impl<'a> Pattern<'a> {
    /// None without a star.
    fn parse(text: &'a [u8]) -> Option<Self> {
        let seen = text.split(|byte| *byte == 0).next().unwrap_or_default();
        let star = memchr::memchr(b'*', seen)?;
        let (before, after) = (&text[..star], &text[star + 1..]);
        let seen = &seen[star + 1..];
        Some(match seen.windows(2).position(|pair| pair == b"->") {
            Some(arrow) if arrow + 2 < seen.len() => {
                Self { before, after: &after[..arrow], field: Some(&after[arrow + 2..]) }
            }
            _ => Self { before, after, field: None },
        })
    }

    /// Lends the string that the pattern leads to for an element, if there is one.
    fn follow(&self, ctx: &mut Ctx<'_, '_>, element: &[u8], mut take: impl FnMut(&mut Reply, Option<&[u8]>)) {
        let name: SmallVec<[u8; 64]> =
            [self.before, element, self.after].into_iter().flatten().copied().collect();
        let key = ctx.shared.store.key(ctx.session.db, &name);
        let Some(field) = self.field else {
            let value = ctx.view.string(key, Lookup::Read).ok().flatten();
            return take(ctx.reply, value.as_ref().map(Text::bytes));
        };
        let now = ctx.now();
        let hash = ctx.view.read::<Hash>(key, Lookup::Read).ok().flatten();
        let value = hash.and_then(|hash| hash.get(field, now));
        let mut digits = Default::default();
        take(ctx.reply, value.map(|value| value.text(&mut digits)));
    }
}

/// Texts, one behind the other.
#[derive(Default)]
struct Texts {
    bytes: Vec<u8>,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Texts {
    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    fn get(&self, index: usize) -> &[u8] {
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start..self.ends[index]]
    }

    fn len(&self) -> usize {
        self.ends.len()
    }

    fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|index| self.get(index))
    }
}

/// All elements.
fn all(ctx: &Ctx<'_, '_>, kind: Option<Kind>) -> Result<Texts, Error> {
    let key = ctx.key(1);
    let mut texts = Texts::default();
    let mut digits = Default::default();
    match kind {
        None => {}
        Some(Kind::List) => {
            if let Some(list) = ctx.view.peek::<List>(key)? {
                list.for_each(0, list.len(), |element| texts.push(element.text(&mut digits)));
            }
        }
        Some(Kind::Set) => {
            if let Some(set) = ctx.view.peek::<Set>(key)? {
                set.for_each(|member| texts.push(member.text(&mut digits)));
            }
        }
        Some(Kind::SortedSet) => {
            if let Some(set) = ctx.view.peek::<SortedSet>(key)? {
                set.iter().for_each(|pair| texts.push(pair.member.text(&mut digits)));
            }
        }
        Some(_) => return Err(Error::WrongType),
    }
    Ok(texts)
}

/// The elements of the reply as they lie, and their order in it. Lists and sorted sets have an order, which
/// DESC turns round; of a set there is none to turn.
fn as_it_is(
    ctx: &Ctx<'_, '_>,
    kind: Option<Kind>,
    options: &Options<'_>,
) -> Result<(Texts, Vec<usize>), Error> {
    let key = ctx.key(1);
    let mut texts = Texts::default();
    let mut digits = Default::default();
    let turned = options.descending && kind != Some(Kind::Set);
    let window = |len: usize| {
        let window = options.window(len);
        if turned { len - window.end..len - window.start } else { window }
    };
    match kind {
        None => {}
        Some(Kind::List) => {
            if let Some(list) = ctx.view.peek::<List>(key)? {
                let window = window(list.len());
                list.for_each(window.start, window.len(), |element| texts.push(element.text(&mut digits)));
            }
        }
        Some(Kind::Set) => {
            if let Some(set) = ctx.view.peek::<Set>(key)? {
                let window = window(set.len());
                let mut index = 0;
                set.for_each(|member| {
                    if window.contains(&index) {
                        texts.push(member.text(&mut digits));
                    }
                    index += 1;
                });
            }
        }
        Some(Kind::SortedSet) => {
            if let Some(set) = ctx.view.peek::<SortedSet>(key)? {
                set.range(window(set.len())).for_each(|pair| texts.push(pair.member.text(&mut digits)));
            }
        }
        Some(_) => return Err(Error::WrongType),
    }
    let mut order: Vec<usize> = (0..texts.len()).collect();
    if turned {
        order.reverse();
    }
    Ok((texts, order))
}

/// The order of all elements.
fn sorted(ctx: &mut Ctx<'_, '_>, elements: &Texts, options: &Options<'_>) -> Result<Vec<usize>, Error> {
    // What each is compared by, where that is not the element.
    let mut weights = Texts::default();
    let mut has_weight = Vec::new();
    if let Some(pattern) = &options.by {
        for element in elements.iter() {
            pattern.follow(ctx, element, |_, weight| {
                weights.push(weight.unwrap_or(b""));
                has_weight.push(weight.is_some());
            });
        }
    }
    let by_weight = options.by.is_some();
    let mut order: Vec<usize> = (0..elements.len()).collect();
    let turn = |ordering: Ordering| if options.descending { ordering.reverse() } else { ordering };

    if options.alpha {
        // What is shown is compared as C's `strcoll` does it, what is stored byte by byte.
        let whole = options.store.is_some();
        let collate = |a, b| if whole { Ord::cmp(a, b) } else { before_nul(a).cmp(before_nul(b)) };
        if by_weight {
            let weight = |index: usize| (has_weight[index], weights.get(index));
            order.sort_by(|&a, &b| {
                let ((has_a, a), (has_b, b)) = (weight(a), weight(b));
                turn(has_a.cmp(&has_b).then_with(|| collate(a, b)))
            });
        } else {
            order.sort_by(|&a, &b| turn(collate(elements.get(a), elements.get(b))));
        }
        return Ok(order);
    }

    let score = |index: usize| -> Option<f64> {
        match by_weight {
            // What has no weight weighs nothing.
            true if !has_weight[index] => Some(0.0),
            true => number::parse_f64(before_nul(weights.get(index))),
            false => number::parse_f64(before_nul(elements.get(index))),
        }
    };
    let scores: Option<Vec<f64>> = (0..elements.len()).map(score).collect();
    let scores = scores.ok_or(Error::Text("ERR One or more scores can't be converted into double"))?;
    order.sort_by(|&a, &b| {
        let by_score = scores[a].partial_cmp(&scores[b]).expect("invariant: no score is NaN");
        turn(by_score.then_with(|| elements.get(a).cmp(elements.get(b))))
    });
    Ok(order)
}

/// As far as C sees a text.
fn before_nul(text: &[u8]) -> &[u8] {
    &text[..memchr::memchr(0, text).unwrap_or(text.len())]
}
