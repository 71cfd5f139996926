//! The notation of `commands.rs`, read into proptest strategies.

use proptest::prelude::*;
use proptest::sample::select;

use crate::exchange;
use crate::pools::{JUNK, POOLS};

/// A command: its words.
pub(crate) type Words = Vec<Vec<u8>>;

/// The commands that a line of the notation stands for, most of them well-formed.
pub(crate) fn command(line: &str) -> BoxedStrategy<Words> {
    (undamaged(line), damage()).prop_map(|(words, damage)| damage.done_to(words)).boxed()
}

/// Those that it stands for by its own rules alone.
pub(crate) fn undamaged(line: &str) -> BoxedStrategy<Words> {
    let mut parser = Parser { rest: line };
    let strategy = parser.sequence();
    assert!(parser.rest.is_empty(), "unbalanced: {line}");
    strategy
}

/// The keys that commands are about.
pub(crate) fn keys() -> impl Iterator<Item = Vec<u8>> {
    let (_, keys) = POOLS.iter().find(|(pool, _)| *pool == "key").expect("a pool of keys");
    keys.iter().map(|key| key.as_bytes().to_vec())
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    /// Items until a bracket closes or the next alternative begins.
    fn sequence(&mut self) -> BoxedStrategy<Words> {
        let mut items = Vec::new();
        loop {
            self.rest = self.rest.trim_start();
            match self.rest.chars().next() {
                None | Some('|' | ')' | ']' | '}') => break,
                Some('(') => items.push(self.group(')')),
                Some('[') => items.push(prop_oneof![Just(Vec::new()), self.group(']')].boxed()),
                Some('{') => {
                    let several = prop::collection::vec(self.group('}'), 0..=3);
                    items.push(several.prop_map(|parts| parts.concat()).boxed());
                }
                Some(_) => items.push(self.word()),
            }
            if let Some(rest) = self.rest.strip_prefix("...") {
                self.rest = rest;
                let item = items.pop().expect("invariant: an item was just read");
                let several = prop::collection::vec(item, 1..=4);
                items.push(several.prop_map(|parts| parts.concat()).boxed());
            }
        }
        items.prop_map(|parts: Vec<Words>| parts.concat()).boxed()
    }

    fn group(&mut self, close: char) -> BoxedStrategy<Words> {
        let mut alternatives = Vec::new();
        loop {
            self.rest = &self.rest[1..];
            alternatives.push(self.sequence());
            if !self.rest.starts_with('|') {
                break;
            }
        }
        assert!(self.rest.starts_with(close), "a {close} is missing before {:?}", self.rest);
        self.rest = &self.rest[1..];
        prop::strategy::Union::new(alternatives).boxed()
    }

    fn word(&mut self) -> BoxedStrategy<Words> {
        let end = self.rest.find([' ', '|', ')', ']', '}', '.']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        let strategy = if word.starts_with(|letter: char| letter.is_ascii_lowercase()) && in_pool(word) {
            pool(word)
        } else {
            Just(word.as_bytes().to_vec()).boxed()
        };
        strategy.prop_map(|word| vec![word]).boxed()
    }
}

/// Names of parameters are in lower case too; they stand for themselves.
fn in_pool(word: &str) -> bool {
    word == "payload" || POOLS.iter().any(|(name, _)| *name == word)
}

fn pool(name: &str) -> BoxedStrategy<Vec<u8>> {
    if name == "payload" {
        return exchange::payload().boxed();
    }
    let (_, words) = POOLS.iter().find(|(pool, _)| *pool == name).expect("invariant: asked `in_pool`");
    let listed = select(*words).prop_map(|word| word.as_bytes().to_vec());
    match name {
        "value" => prop_oneof![
            4 => listed,
            2 => prop::collection::vec(any::<u8>(), 0..80),
            1 => prop::collection::vec(any::<u8>(), 0..5000),
        ]
        .boxed(),
        "word" => prop_oneof![8 => listed, 1 => prop::collection::vec(any::<u8>(), 0..20)].boxed(),
        _ => listed.boxed(),
    }
}

/// What goes wrong with a command on its way to the server: mostly nothing.
#[derive(Clone, Debug)]
enum Damage {
    None,
    Drop(prop::sample::Index),
    Repeat(prop::sample::Index),
    Replace(prop::sample::Index, &'static str),
    Extend(&'static str),
    Lower,
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        20 => Just(Damage::None),
        1 => any::<prop::sample::Index>().prop_map(Damage::Drop),
        1 => any::<prop::sample::Index>().prop_map(Damage::Repeat),
        1 => (any::<prop::sample::Index>(), select(JUNK)).prop_map(|(at, junk)| Damage::Replace(at, junk)),
        1 => select(JUNK).prop_map(Damage::Extend),
        1 => Just(Damage::Lower),
    ]
}

impl Damage {
    /// The name of the command stays, or most would only be unknown. So does the count of a SPOP: without it
    /// chance decides what is left. And so does the score that all members of a sorted set have which are
    /// asked for by their bytes: of others Valkey finds some by chance.
    fn done_to(self, mut words: Words) -> Words {
        let arguments = words.len() - 1;
        match self {
            Self::Drop(at) if arguments > 0 && words[0] != b"SPOP" => {
                drop(words.remove(1 + at.index(arguments)))
            }
            Self::Repeat(at) if arguments > 0 => {
                let at = 1 + at.index(arguments);
                words.insert(at, words[at].clone());
            }
            Self::Replace(at, junk) if arguments > 0 && !levels(&words) => {
                words[1 + at.index(arguments)] = junk.as_bytes().to_vec();
            }
            Self::Extend(junk) => words.push(junk.as_bytes().to_vec()),
            Self::Lower => words.iter_mut().for_each(|word| word.make_ascii_lowercase()),
            _ => {}
        }
        words
    }
}

/// Whether a command gives all members of a sorted set the same score.
fn levels(words: &Words) -> bool {
    words[0] == b"ZADD" && words.get(1).is_some_and(|key| key.starts_with(b"level:"))
}
