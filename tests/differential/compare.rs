//! When two replies count as the same. Nearly always: when they are the same.

use scrubjay_tests::wire::Reply;

use crate::grammar::Words;

/// How far two clocks, read one after the other, may be apart.
const MILLIS_APART: i64 = 10_000;

/// Whether Scrubjay's reply to a command is what Valkey's asks for.
pub(crate) fn same(words: &Words, ours: &Reply, theirs: &Reply) -> bool {
    if ours == theirs {
        return true;
    }
    if ours.is_error() || theirs.is_error() {
        return false;
    }
    let word = |index: usize| {
        words.get(index).map(|word| String::from_utf8_lossy(word).to_ascii_uppercase()).unwrap_or_default()
    };
    match word(0).as_str() {
        // Whether a deadline of so many seconds from now is later than one of as many from a moment ago.
        "EXPIRE" | "PEXPIRE" if is_relative(words) => kind(ours) == kind(theirs),
        "HEXPIRE" | "HPEXPIRE" if is_relative(words) => kind(ours) == kind(theirs),
        // Deadlines that were given as a time from now.
        "HTTL" | "HEXPIRETIME" => all_near(ours, theirs, MILLIS_APART / 1000),
        "HPTTL" | "HPEXPIRETIME" => all_near(ours, theirs, MILLIS_APART),
        "TTL" | "EXPIRETIME" => near(ours, theirs, MILLIS_APART / 1000),
        "PTTL" | "PEXPIRETIME" => near(ours, theirs, MILLIS_APART),
        // A WAIT has Valkey count what it would have sent to replicas.
        "ROLE" => kind(ours) == kind(theirs),
        "LASTSAVE" => near(ours, theirs, MILLIS_APART / 1000),
        // The order of keys is each server's own.
        "KEYS" => sorted(ours) == sorted(theirs),
        // And that of members, where it is not that of their coming.
        "SMEMBERS" | "SUNION" | "SINTER" | "SDIFF" | "SPOP" | "HKEYS" | "HVALS" => {
            sorted(ours) == sorted(theirs)
        }
        "HGETALL" => sorted_pairs(ours) == sorted_pairs(theirs),
        // What is equal to SORT stays in the order in which it was.
        "SORT" | "SORT_RO" => {
            let limited = words.iter().any(|word| word.eq_ignore_ascii_case(b"LIMIT"));
            sorted(ours) == sorted(theirs) || limited && kind(ours) == kind(theirs)
        }
        // Chance picks.
        "SRANDMEMBER" | "HRANDFIELD" | "ZRANDMEMBER" => kind(ours) == kind(theirs),
        // Moments, and how long ago they were.
        "XPENDING" => same_but(ours, theirs, &|row| matches!(row, [_, _, _, Reply::Integer(_)]).then_some(2)),
        "XINFO" if word(1) == "STREAM" => same_but(ours, theirs, &|row| match row {
            [_, _, Reply::Integer(_), Reply::Integer(_)] => Some(2),
            [_, Reply::Integer(_), Reply::Integer(_)] => Some(1),
            _ => None,
        }),
        "XINFO" => same_but(ours, theirs, &|_| None),
        // Which keys a partial scan comes by, and where it stands then, is too. Whole scans are compared at
        // the end.
        "SCAN" => kind(ours) == kind(theirs),
        "RANDOMKEY" | "TIME" => kind(ours) == kind(theirs),
        // A small one is handed out whole.
        "HSCAN" | "SSCAN" | "ZSCAN" => match (scanned_whole(ours), scanned_whole(theirs)) {
            (Some(ours), Some(theirs)) if word(2) == "0" => ours == theirs,
            _ => kind(ours) == kind(theirs),
        },
        // Compared at the end of a sequence, where it is restored too.
        "DUMP" => kind(ours) == kind(theirs),
        "OBJECT" if word(1) == "IDLETIME" => near(ours, theirs, MILLIS_APART / 1000),
        "CLIENT" if matches!(word(1).as_str(), "ID" | "INFO" | "LIST") => kind(ours) == kind(theirs),
        // Valkey measures what has expired too, until it finds it.
        "MEMORY" if word(1) == "USAGE" => {
            kind(ours) == kind(theirs) || ours.is_null() && theirs.integer().is_some()
        }
        // Without a subcommand: everything there is to say about every command, of which Valkey has more.
        "COMMAND" if words.len() == 1 => matches!((ours, theirs), (Reply::Array(_), Reply::Array(_))),
        // What a pattern finds comes in any order, and the port is found too.
        "CONFIG" if words.iter().any(|word| word.contains(&b'*')) => true,
        "CONFIG" => sorted_pairs(ours) == sorted_pairs(theirs),
        // The order of libraries.
        "FUNCTION" if word(1) == "LIST" => sorted(ours) == sorted(theirs),
        "HELLO" => greeting(ours) == greeting(theirs),
        // Valkey's scripting is a module since 9.1; we have none.
        "MODULE" => matches!((ours, theirs), (Reply::Array(_), Reply::Array(_))),
        _ => false,
    }
}

/// Whether a deadline is only taken if it is later, or earlier, than the one there is.
fn is_relative(words: &Words) -> bool {
    words.iter().any(|word| word.eq_ignore_ascii_case(b"GT") || word.eq_ignore_ascii_case(b"LT"))
}

fn near(ours: &Reply, theirs: &Reply, apart: i64) -> bool {
    match (ours.integer(), theirs.integer()) {
        // Below zero the number says that there is no deadline, or no key.
        (Some(ours), Some(theirs)) => {
            ours >= 0 && theirs >= 0 && ours.abs_diff(theirs) <= apart.unsigned_abs()
        }
        _ => false,
    }
}

/// Whether replies of stream commands are the same but for what `moment` says is one in an array, and for
/// those that are called so in a map. A moment that never was is none.
fn same_but(ours: &Reply, theirs: &Reply, moment: &dyn Fn(&[Reply]) -> Option<usize>) -> bool {
    const MOMENTS: [&[u8]; 4] = [b"idle", b"inactive", b"seen-time", b"active-time"];
    let is_moment = |name: &Reply| name.bytes().is_some_and(|name| MOMENTS.contains(&name));
    match (ours, theirs) {
        (Reply::Array(ours), Reply::Array(theirs)) => {
            let skipped = moment(theirs);
            ours.len() == theirs.len()
                && ours.iter().zip(theirs).enumerate().all(|(index, (our, their))| {
                    let named = index % 2 == 1 && is_moment(&theirs[index - 1]);
                    (named && near(our, their, MILLIS_APART))
                        || (skipped == Some(index) && near(our, their, MILLIS_APART))
                        || same_but(our, their, moment)
                })
        }
        (Reply::Map(ours), Reply::Map(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|((our_name, our), (name, their))| {
                    our_name == name
                        && ((is_moment(name) && near(our, their, MILLIS_APART))
                            || same_but(our, their, moment))
                })
        }
        _ => ours == theirs,
    }
}

/// Of each element of two arrays.
fn all_near(ours: &Reply, theirs: &Reply, apart: i64) -> bool {
    match (ours.elements(), theirs.elements()) {
        (Some(ours), Some(theirs)) => {
            let pairs = || ours.iter().zip(theirs);
            ours.len() == theirs.len()
                && pairs().all(|(ours, theirs)| ours == theirs || near(ours, theirs, apart))
        }
        _ => false,
    }
}

fn kind(reply: &Reply) -> String {
    match reply {
        Reply::Array(elements) => format!("array of {}", elements.len()),
        other => other.to_string().chars().take(1).collect(),
    }
}

fn sorted(reply: &Reply) -> Reply {
    let mut reply = reply.clone();
    if let Reply::Array(elements) | Reply::Set(elements) = &mut reply {
        elements.sort();
    }
    reply
}

/// What a scan has handed out that is at its end.
fn scanned_whole(reply: &Reply) -> Option<Vec<Reply>> {
    match reply.elements()? {
        [cursor, found] if cursor.bytes() == Some(b"0") => {
            let mut found = found.elements()?.to_vec();
            found.sort();
            Some(found)
        }
        _ => None,
    }
}

/// The greeting without the connection's number and the modules, of which Valkey has one.
fn greeting(reply: &Reply) -> Vec<(Reply, Reply)> {
    let differs = |key: &Reply| matches!(key.bytes(), Some(b"id" | b"modules"));
    sorted_pairs(reply).into_iter().filter(|(key, _)| !differs(key)).collect()
}

/// A map, as either protocol writes it, in one order.
fn sorted_pairs(reply: &Reply) -> Vec<(Reply, Reply)> {
    let mut pairs: Vec<(Reply, Reply)> = match reply {
        Reply::Map(pairs) => pairs.clone(),
        Reply::Array(elements) => {
            elements.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
        }
        _ => Vec::new(),
    };
    pairs.sort();
    pairs
}
