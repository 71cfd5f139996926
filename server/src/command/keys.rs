//! Which words of a call are keys, and what happens to them: read from the declaration and the words.
//!
//! Locks, ACL and COMMAND GETKEYS all ask here, so there is one answer. Nearly every command takes one key at
//! a fixed place, or a run of them; that much is worked out once, as the command's [`Plan`]. The rest is the
//! general search of Valkey's key specifications, and for a few commands, whose specifications cannot say it
//! all, a function.
//!
//! A call may contradict its command's declaration (`LMPOP 5 onlyone LEFT`). What was found up to there is
//! reported all the same: that is enough to lock, since the handler will read the same words and refuse them,
//! or (PFMERGE without sources) be content with the keys that are there.

use scrubjay::Store;
use smallvec::SmallVec;

use super::args::Args;
use super::spec::{Begin, Command, Find, Key, KeyFlags};
use super::table::Entry;
use crate::resp::number::parse_i64;

/// A key among the words of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct KeyRef {
    /// Which word it is, the command's name being 0.
    pub(crate) index: usize,
    pub(crate) flags: KeyFlags,
}

/// The words contradict the declaration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Invalid;

/// The keys of a call, in the order of its words.
pub(crate) type CallKeys<'k> = SmallVec<[scrubjay::Key<'k>; 8]>;

/// The keys that a call touches in a database. A call that contradicts its declaration is the handler's to
/// refuse; it finds the keys there are.
pub(crate) fn touched<'k>(store: &Store, db: u16, command: &Entry, args: Args<'k>) -> CallKeys<'k> {
    let mut keys = CallKeys::new();
    let _ = for_each_touched(command, &args, |key| keys.push(store.key(db, args.at(key.index))));
    keys
}

/// The same keys in the database that a client has come to meanwhile. Their places are the same.
#[inline]
pub(crate) fn in_db<'a, 'k>(
    keys: &'a [scrubjay::Key<'k>],
    db: u16,
    moved: &'a mut CallKeys<'k>,
) -> &'a [scrubjay::Key<'k>] {
    match keys.first() {
        Some(key) if key.db() != db => all_in_db(keys, db, moved),
        _ => keys,
    }
}

#[cold]
fn all_in_db<'a, 'k>(
    keys: &[scrubjay::Key<'k>],
    db: u16,
    moved: &'a mut CallKeys<'k>,
) -> &'a [scrubjay::Key<'k>] {
    moved.extend(keys.iter().map(|key| key.in_db(db)));
    moved
}

/// Reports the keys of a call.
type Finder = fn(&Args<'_>, &mut dyn FnMut(KeyRef)) -> Result<(), Invalid>;

/// How to find a command's keys.
pub(crate) enum Plan {
    /// It has none.
    None,
    /// One, here.
    One(KeyRef),
    /// From the first on, every `step`th up to the last word.
    Run { first: KeyRef, step: usize },
    /// As the specifications say.
    Specs,
    /// As this function says: the specifications cannot say it all.
    By(Finder),
    /// As the specifications say, to whoever asks; but a group may be called STREAMS, and then its handler
    /// finds others.
    Streams,
}

impl Plan {
    pub(crate) fn of(command: &Command, full_name: &str) -> Self {
        match full_name {
            "bitfield" => return Self::By(bitfield),
            "georadius" | "georadiusbymember" => return Self::By(georadius),
            "migrate" => return Self::By(migrate),
            "set" => return Self::By(set),
            "sort" => return Self::By(sort),
            "xread" | "xreadgroup" => return Self::Streams,
            _ => {}
        }
        let mut keys = command.keys.iter().filter(|key| !key.flags.has(KeyFlags::NOT_KEY));
        let (Some(key), None) = (keys.next(), keys.next()) else {
            return if command.keys.iter().all(|key| key.flags.has(KeyFlags::NOT_KEY)) {
                Self::None
            } else {
                Self::Specs
            };
        };
        match (key.begin, key.find) {
            (Begin::At(at), Find::Range { last: 0, .. }) => {
                Self::One(KeyRef { index: usize::from(at), flags: key.flags })
            }
            (Begin::At(at), Find::Range { last: -1, step, limit: 0 }) => Self::Run {
                first: KeyRef { index: usize::from(at), flags: key.flags },
                step: usize::from(step),
            },
            _ => Self::Specs,
        }
    }

    pub(crate) fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }
}

/// Reports each key of a call whose length the arity allows, in the order of the declaration.
#[inline]
pub(crate) fn for_each(
    entry: &Entry,
    args: &Args<'_>,
    mut report: impl FnMut(KeyRef),
) -> Result<(), Invalid> {
    match *entry.keys() {
        Plan::None => Ok(()),
        Plan::One(key) => {
            report(key);
            Ok(())
        }
        Plan::Run { first, step } => {
            for index in (first.index..args.len()).step_by(step) {
                report(KeyRef { index, ..first });
            }
            Ok(())
        }
        Plan::Specs | Plan::Streams => by_specs(entry, args, &mut report),
        Plan::By(function) => function(args, &mut report),
    }
}

/// Reports each key that the command's handler works on, and so which shards to lock.
#[inline]
pub(crate) fn for_each_touched(
    entry: &Entry,
    args: &Args<'_>,
    mut report: impl FnMut(KeyRef),
) -> Result<(), Invalid> {
    match *entry.keys() {
        Plan::Streams => {
            let flags = entry.keys.first().map_or(KeyFlags::NONE, |key| key.flags);
            streams(args, &mut |index| report(KeyRef { index, flags }))
        }
        _ => for_each(entry, args, report),
    }
}

fn by_specs(command: &Command, args: &Args<'_>, report: &mut dyn FnMut(KeyRef)) -> Result<(), Invalid> {
    let mut result = Ok(());
    for key in command.keys.iter().filter(|key| !key.flags.has(KeyFlags::NOT_KEY)) {
        match begin(key, args).map(|first| stretch(key, first, args)) {
            Some(Ok(indices)) => indices.for_each(|index| report(KeyRef { index, flags: key.flags })),
            Some(Err(invalid)) => result = Err(invalid),
            // A keyword that is not there: most are optional.
            None => {}
        }
    }
    result
}

/// The word that a specification begins at. A keyword with nothing behind it is none.
fn begin(key: &Key, args: &Args<'_>) -> Option<usize> {
    match key.begin {
        Begin::At(index) => Some(usize::from(index)),
        Begin::Keyword { word, from: from @ 0.. } => {
            let from = usize::from(from.unsigned_abs());
            (from..args.len().saturating_sub(1)).find(|index| args.is(*index, word)).map(|at| at + 1)
        }
        Begin::Keyword { word, from } => {
            let from = args.len().checked_sub(usize::from(from.unsigned_abs()))?;
            (1..=from).rev().find(|index| args.is(*index, word)).map(|at| at + 1)
        }
        Begin::Unknown => None,
    }
}

/// The keys of a specification that begins at word `first`.
fn stretch(key: &Key, first: usize, args: &Args<'_>) -> Result<impl Iterator<Item = usize> + use<>, Invalid> {
    let words = args.len();
    let (first, end, step) = match key.find {
        Find::Range { last, step, limit } => {
            let back = usize::from(last.unsigned_abs());
            let end = match last {
                0.. => first + back + 1,
                _ if limit > 1 => {
                    (first + words.saturating_sub(first) / usize::from(limit) + 1).saturating_sub(back)
                }
                _ => (words + 1).saturating_sub(back),
            };
            (first, end, usize::from(step))
        }
        Find::Counted { count, first: skip, step } => {
            let count = args.get(first + usize::from(count)).and_then(parse_i64).unwrap_or(0);
            let count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(Invalid)?;
            let (first, step) = (first + usize::from(skip), usize::from(step));
            // The last key may be the last word, whatever the step.
            let end = (count - 1).checked_mul(step).and_then(|length| length.checked_add(first + 1));
            (first, end.ok_or(Invalid)?, step)
        }
        Find::Unknown => return Err(Invalid),
    };
    if first >= end || end > words { Err(Invalid) } else { Ok((first..end).step_by(step.max(1))) }
}

const READ: KeyFlags = KeyFlags::RO.or(KeyFlags::ACCESS);
const OVERWRITE: KeyFlags = KeyFlags::OW.or(KeyFlags::UPDATE);
const CHANGE: KeyFlags = KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::UPDATE);

/// With GET it also reads. Valkey looks for that word alone, in whatever place.
fn set(args: &Args<'_>, report: &mut dyn FnMut(KeyRef)) -> Result<(), Invalid> {
    let reads = (3..args.len()).any(|index| args.is(index, "get"));
    report(KeyRef { index: 1, flags: if reads { CHANGE } else { OVERWRITE } });
    Ok(())
}

/// Only reads if it only GETs.
fn bitfield(args: &Args<'_>, report: &mut dyn FnMut(KeyRef)) -> Result<(), Invalid> {
    let mut index = 2;
    let mut flags = READ;
    while index < args.len() {
        let behind = args.len() - index - 1;
        index += match () {
            () if args.is(index, "get") && behind >= 2 => 3,
            () if args.is(index, "overflow") && behind >= 1 => 2,
            () => {
                flags = CHANGE;
                break;
            }
        };
    }
    report(KeyRef { index: 1, flags });
    Ok(())
}

/// The last STORE wins, wherever it stands behind the words that other options take.
fn sort(args: &Args<'_>, report: &mut dyn FnMut(KeyRef)) -> Result<(), Invalid> {
    report(KeyRef { index: 1, flags: READ });
    let mut index = 2;
    let mut destination = None;
    while index < args.len() {
        index += match () {
            () if args.is(index, "limit") => 3,
            () if args.is(index, "get") || args.is(index, "by") => 2,
            () => {
                if args.is(index, "store") && index + 1 < args.len() {
                    destination = Some(index + 1);
                }
                1
            }
        };
    }
    if let Some(index) = destination {
        report(KeyRef { index, flags: OVERWRITE });
    }
    Ok(())
}

/// Of STORE and STOREDIST the last one wins.
fn georadius(args: &Args<'_>, report: &mut dyn FnMut(KeyRef)) -> Result<(), Invalid> {
    report(KeyRef { index: 1, flags: READ });
    let mut index = 5;
    let mut destination = None;
    while index < args.len() {
        if (args.is(index, "store") || args.is(index, "storedist")) && index + 1 < args.len() {
            destination = Some(index + 1);
            index += 1;
        }
        index += 1;
    }
    if let Some(index) = destination {
        report(KeyRef { index, flags: OVERWRITE });
    }
    Ok(())
}

/// One key, or an empty word there and many keys behind KEYS. What counts as KEYS is decided from the front,
/// as AUTH may be followed by any word, but only if there is such a word before the last at all.
fn migrate(args: &Args<'_>, report: &mut dyn FnMut(KeyRef)) -> Result<(), Invalid> {
    let flags = KeyFlags::RW.or(KeyFlags::ACCESS).or(KeyFlags::DELETE);
    let mut index = if (1..args.len() - 1).any(|index| args.is(index, "keys")) { 6 } else { args.len() };
    while index < args.len() {
        index += match () {
            () if args.is(index, "keys") => {
                if args.get(3).is_some_and(|key| !key.is_empty()) {
                    return Err(Invalid);
                }
                (index + 1..args.len()).for_each(|index| report(KeyRef { index, flags }));
                return Ok(());
            }
            () if args.is(index, "auth") => 2,
            () if args.is(index, "auth2") => 3,
            () => 1,
        };
    }
    report(KeyRef { index: 3, flags });
    Ok(())
}

/// The range of keys as old clients ask for it, (first, last, step), from the specifications that have a
/// fixed place; noughts if there are none. The last is negative when counted from the end.
pub(crate) fn legacy_range(command: &Command) -> (i64, i64, i64) {
    if let [Key { begin: Begin::At(at), find: Find::Range { last, step, .. }, .. }] = command.keys {
        let last = if *last < 0 { i64::from(*last) } else { i64::from(*at) + i64::from(*last) };
        return (i64::from(*at), last, i64::from(*step));
    }
    let mut range = None;
    for (first, last) in fixed_ranges(command) {
        // As Valkey compares them: what counts from the end is farther than all that counts from the start.
        range = Some(match range {
            Some((least, most)) if (most as u64) > (last as u64) => (first.min(least), most),
            Some((least, _)) => (first.min(least), last),
            None => (first, last),
        });
    }
    range.map_or((0, 0, 0), |(first, last)| (first, last, 1))
}

/// Whether [`legacy_range`] does not tell all keys, so that clients must ask COMMAND GETKEYS.
pub(crate) fn is_movable(command: &Command) -> bool {
    if command.keys.iter().any(|key| key.flags.has(KeyFlags::INCOMPLETE)) {
        return true;
    }
    if let [Key { begin: Begin::At(_), find: Find::Range { .. }, .. }] = command.keys {
        return false;
    }
    let mut end = None;
    for (first, last) in fixed_ranges(command) {
        if end.is_some_and(|end| end != first) {
            return true;
        }
        end = Some(last + 1);
    }
    fixed_ranges(command).count() != command.keys.len()
}

/// The specifications with a fixed place and without gaps, as (first, last).
fn fixed_ranges(command: &Command) -> impl Iterator<Item = (i64, i64)> {
    command.keys.iter().filter_map(|key| match (key.begin, key.find) {
        (Begin::At(at), Find::Range { last, step: 1, .. }) => {
            let first = i64::from(at);
            Some((first, if last < 0 { i64::from(last) } else { first + i64::from(last) }))
        }
        _ => None,
    })
}

/// What COMMAND GETKEYS says of a call that contradicts the specifications: Valkey then asks the command's
/// older function, which says nothing of what is done to the keys and is lenient in other ways.
pub(crate) fn by_old_rules(
    entry: &Entry,
    args: &Args<'_>,
    report: &mut dyn FnMut(KeyRef),
) -> Result<(), Invalid> {
    let mut report = |index| report(KeyRef { index, flags: KeyFlags::NONE });
    for key in entry.keys {
        match (key.begin, key.find) {
            (Begin::At(at), Find::Counted { count, first, step: 1 }) => {
                // Reads `01`, `1a` and 2^32 + 1 as 1, and puts a destination last.
                let first = usize::from(at) + usize::from(first);
                let count = atoi(args.get(usize::from(at) + usize::from(count)).unwrap_or_default());
                let room = args.len().saturating_sub(first);
                let count =
                    usize::try_from(count).ok().filter(|count| (1..=room).contains(count)).ok_or(Invalid)?;
                (first..first + count).for_each(&mut report);
                let is_destination = |key: &&Key| matches!(key.find, Find::Range { .. });
                if let Some(Key { begin: Begin::At(at), .. }) = entry.keys.iter().find(is_destination) {
                    report(usize::from(*at));
                }
                return Ok(());
            }
            (Begin::Keyword { word: "STREAMS", .. }, _) => {
                return streams(args, &mut report);
            }
            _ => {}
        }
    }
    Err(Invalid)
}

/// The keys of XREAD and XREADGROUP: the first half of what stands behind STREAMS, which is looked for where
/// an option may stand.
fn streams(args: &Args<'_>, report: &mut dyn FnMut(usize)) -> Result<(), Invalid> {
    let mut index = 1;
    while index < args.len() && !args.is(index, "streams") {
        index += match () {
            () if args.is(index, "block") || args.is(index, "count") => 2,
            () if args.is(index, "group") => 3,
            () if args.is(index, "noack") => 1,
            () => return Err(Invalid),
        };
    }
    let words = args.len().saturating_sub(index + 1);
    if words == 0 || !words.is_multiple_of(2) {
        return Err(Invalid);
    }
    (index + 1..index + 1 + words / 2).for_each(report);
    Ok(())
}

/// A number as C reads it from the start of a text: nought if there is none, cut to 32 bits if there is more.
fn atoi(text: &[u8]) -> i32 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let number = digits
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .fold(0i64, |number, byte| number.saturating_mul(10).saturating_add(i64::from(byte - b'0')));
    (if negative { -number } else { number }) as i32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resp::{ArgList, Limits, Outcome, RequestParser};

    /// The keys of a call as `index:flags`, by the plan that a command with these specifications gets;
    /// `invalid` in the end if the call contradicts them.
    fn keys_of(specs: &'static [Key], call: &str) -> String {
        let request = format!("{call}\r\n");
        let mut list = ArgList::new();
        let outcome = RequestParser::new().parse(request.as_bytes(), &Limits::default(), &mut list);
        assert!(matches!(outcome, Outcome::Complete { .. }), "{call}");
        let args = Args::from(list.view(request.as_bytes()));

        let mut found: Vec<String> = Vec::new();
        let mut report = |key: KeyRef| {
            let flags: Vec<_> = key.flags.names().collect();
            found.push(format!("{}:{}", key.index, flags.join("+")));
        };
        let command = Command { keys: specs, ..Command::BASE };
        let result = match Plan::of(&command, call.split(' ').next().unwrap_or_default()) {
            Plan::By(function) => function(&args, &mut report),
            _ => by_specs(&command, &args, &mut report),
        };
        if result.is_err() {
            found.push("invalid".into());
        }
        found.join(" ")
    }

    /// Recorded from Valkey's COMMAND GETKEYSANDFLAGS.
    #[test]
    fn a_few_commands_have_rules_of_their_own() {
        for (call, keys) in [
            ("set a b", "1:OW+update"),
            ("set a get", "1:OW+update"),
            ("set a b ex 10 GET", "1:RW+access+update"),
            ("set a b ifeq get", "1:RW+access+update"),
            ("bitfield a", "1:RO+access"),
            ("bitfield a overflow wrap get u8 0", "1:RO+access"),
            ("bitfield a overflow", "1:RW+access+update"),
            ("bitfield a get u8 0 get u8", "1:RW+access+update"),
            ("bitfield a get u8 0 set u8 0 1", "1:RW+access+update"),
            ("sort x", "1:RO+access"),
            ("sort x by w_* get # store d", "1:RO+access 7:OW+update"),
            ("sort x store a store b", "1:RO+access 5:OW+update"),
            ("sort x limit store b store c", "1:RO+access 6:OW+update"),
            ("sort x get store store", "1:RO+access"),
            ("georadius a 1 2 3 m", "1:RO+access"),
            ("georadius a 1 2 3 m store x storedist y", "1:RO+access 9:OW+update"),
            ("georadius a 1 2 3 m withcoord store store z", "1:RO+access 8:OW+update"),
            ("georadiusbymember a b 1 m store", "1:RO+access"),
            ("migrate h 1 k 0 10", "3:RW+access+delete"),
            ("migrate h 1 k 0 10 keys", "3:RW+access+delete"),
            ("migrate h 1 k 0 10 foo keys a", "invalid"),
            ("migrate h 1 '' 0 10 auth keys keys a b", "9:RW+access+delete 10:RW+access+delete"),
            ("migrate h 1 '' 0 10 auth2 a keys a", "3:RW+access+delete"),
        ] {
            // The specifications do not matter for these.
            assert_eq!(keys_of(&[], call), keys, "{call}");
        }
    }

    #[test]
    fn specifications_find_keys_by_place_keyword_and_count() {
        const FROM_TWO: &[Key] = &[Key::at(1).rw(), Key::at(2).to(-1).ro()];
        const BEFORE_LAST: &[Key] = &[Key::at(1).to(-2).rw()];
        const PAIRS: &[Key] = &[Key::at(1).range(-1, 2, 0).ow()];
        const STREAMS: &[Key] = &[Key::after("STREAMS", 1).range(-1, 1, 2).ro()];
        const COUNTED: &[Key] = &[Key::at(1).ow(), Key::at(2).counted().ro()];
        const COUNTED_PAIRS: &[Key] = &[Key::at(1).counted_at(0, 1, 2).ow()];
        const CHANNELS: &[Key] = &[Key::at(1).to(-1).not_key()];
        for (specs, call, keys) in [
            (FROM_TWO, "pfmerge d a b", "1:RW 2:RO 3:RO"),
            (FROM_TWO, "pfmerge d", "1:RW invalid"),
            (BEFORE_LAST, "blpop a b 0", "1:RW 2:RW"),
            (PAIRS, "mset a 1 b 2", "1:OW 3:OW"),
            (PAIRS, "mset a 1 b", "1:OW 3:OW"),
            (STREAMS, "xread count 1 streams a b 0 0", "4:RO 5:RO"),
            (STREAMS, "xread streams a b 0", "2:RO"),
            (STREAMS, "xread count 1 streams a", "invalid"),
            (STREAMS, "xread a b streams", ""),
            (COUNTED, "zunionstore d 2 a b c", "1:OW 3:RO 4:RO"),
            (COUNTED, "zunionstore d 3 a b", "1:OW invalid"),
            (COUNTED, "zunionstore d 0 a", "1:OW invalid"),
            (COUNTED, "zunionstore d -1 a", "1:OW invalid"),
            (COUNTED, "zunionstore d 9223372036854775807 a", "1:OW invalid"),
            (COUNTED, "zunionstore d x a", "1:OW invalid"),
            (COUNTED_PAIRS, "msetex 2 a 1 b 2", "2:OW 4:OW"),
            (COUNTED_PAIRS, "msetex 3 a 1 b 2", "invalid"),
            (CHANNELS, "ssubscribe a b", ""),
        ] {
            assert_eq!(keys_of(specs, call), keys, "{call}");
        }
    }

    /// From Valkey's COMMAND INFO.
    #[test]
    fn old_clients_get_one_range() {
        let range = |keys| {
            let command = Command { keys, ..Command::BASE };
            (legacy_range(&command), is_movable(&command))
        };
        assert_eq!(range(&[]), ((0, 0, 0), false));
        assert_eq!(range(const { &[Key::at(1).range(-1, 2, 0).ow()] }), ((1, -1, 2), false), "MSET");
        assert_eq!(range(const { &[Key::at(1).ro(), Key::at(2).ow()] }), ((1, 2, 1), false), "COPY");
        assert_eq!(range(const { &[Key::at(2).ow(), Key::at(3).to(-1).ro()] }), ((2, -1, 1), false), "BITOP");
        assert_eq!(
            range(const { &[Key::at(1).ow(), Key::at(2).counted().ro()] }),
            ((1, 1, 1), true),
            "ZUNIONSTORE"
        );
        assert_eq!(range(const { &[Key::after("STREAMS", 1).ro()] }), ((0, 0, 0), true), "XREAD");
    }
}
