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
        // Deadlines that were given as a time from now.
        "HTTL" | "HEXPIRETIME" => all_near(ours, theirs, MILLIS_APART / 1000),
        "HPTTL" | "HPEXPIRETIME" => all_near(ours, theirs, MILLIS_APART),
        "TTL" | "EXPIRETIME" => near(ours, theirs, MILLIS_APART / 1000),
        "PTTL" | "PEXPIRETIME" => near(ours, theirs, MILLIS_APART),
        "LASTSAVE" => near(ours, theirs, MILLIS_APART / 1000),
        // The order of keys is each server's own.
        "KEYS" => sorted(ours) == sorted(theirs),
        // And that of members, where it is not that of their coming.
        "SMEMBERS" | "SUNION" | "SINTER" | "SDIFF" | "SPOP" => sorted(ours) == sorted(theirs),
        "HKEYS" | "HVALS" => sorted(ours) == sorted(theirs),
        "HGETALL" => kind(ours) == kind(theirs) && sorted_pairs(ours) == sorted_pairs(theirs),
        "SSCAN" | "HSCAN" => match (ours.elements(), theirs.elements()) {
            (Some([our_cursor, ours]), Some([their_cursor, theirs])) => {
                our_cursor != their_cursor || sorted(ours) == sorted(theirs)
            }
            _ => false,
        },
        // Chance picks.
        "SRANDMEMBER" | "HRANDFIELD" => kind(ours) == kind(theirs),
        // Which keys a partial scan comes by, and where it stands then, is too. Whole scans are compared at
        // the end.
        "SCAN" => kind(ours) == kind(theirs),
        "RANDOMKEY" | "TIME" => kind(ours) == kind(theirs),
        "OBJECT" if word(1) == "IDLETIME" => near(ours, theirs, MILLIS_APART / 1000),
        "CLIENT" if matches!(word(1).as_str(), "ID" | "INFO" | "LIST") => kind(ours) == kind(theirs),
        "MEMORY" if word(1) == "USAGE" => kind(ours) == kind(theirs),
        // Without a subcommand: everything there is to say about every command, of which Valkey has more.
        "COMMAND" if words.len() == 1 => matches!((ours, theirs), (Reply::Array(_), Reply::Array(_))),
        // What a pattern finds comes in any order, and the port is found too.
        "CONFIG" if words.iter().any(|word| word.contains(&b'*')) => true,
        "CONFIG" => sorted_pairs(ours) == sorted_pairs(theirs),
        "HELLO" => greeting(ours) == greeting(theirs),
        // Valkey's scripting is a module since 9.1; we have none.
        "MODULE" => matches!((ours, theirs), (Reply::Array(_), Reply::Array(_))),
        _ => false,
    }
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
