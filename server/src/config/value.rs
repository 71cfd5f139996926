//! What a parameter can hold: its kind, and how words become a value and a value words again.
//!
//! The words come from a line of a configuration file, from the command line or from `CONFIG SET`. The texts
//! of the errors are Valkey's, which a client reads behind `CONFIG SET failed (possibly related to argument
//! '...') - `.

use std::borrow::Cow;

use bytes::Bytes;

use super::types::{EventClasses, OutputLimits, Percentiles};

/// Why a value was refused, as a client or the console reads it.
pub type Reason = Cow<'static, str>;

/// Addresses a server listens on, at most: Valkey's limit.
const ADDRESSES_MAX: usize = 16;

/// The values a parameter accepts.
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    /// `yes` or `no`.
    Bool,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any number of these words together; the first is what an empty set is called.
    Choices(&'static [&'static str]),
    /// A whole number between the two, both included.
    Integer(i64, i64),
    /// A number of times a second: 0 to 2147483647, of which 1 to 500 are used.
    Frequency,
    /// Bytes: a number, and after it perhaps a unit. At least the first; at most the second.
    Memory(i64, u64),
    /// Bytes as in `Memory`, or a share of `maxmemory` such as `5%`.
    MemoryOrPercent,
    /// Permissions of a file, as an octal number.
    Octal,
    /// Anything.
    Text,
    /// Anything; where it is empty, `CONFIG REWRITE` leaves the line out.
    OptionalText,
    /// Anything, in any number of words.
    Words,
    /// Addresses to listen on.
    Addresses,
    /// A name without folders, with what is said of one that has some, and of an empty one.
    FileName { path: &'static str, empty: &'static str },
    /// A folder that exists.
    Directory,
    /// Pairs of seconds and changes.
    SavePoints,
    /// Class, hard limit, soft limit and seconds, again and again.
    OutputLimits,
    /// Letters that stand for classes of keyspace events.
    EventClasses,
    /// Numbers between 0 and 100.
    Percentiles,
    /// Three numbers for the kernel's choice of whom to kill.
    OomScores,
    /// `host port`, or `no one`.
    Primary,
}

/// A parameter's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Bool(bool),
    /// An index into the words of the kind.
    Choice(usize),
    /// A count or a number of bytes; wide enough for both `u64` and `i64`.
    Number(i128),
    Percent(u8),
    Text(Bytes),
    Words(Vec<Bytes>),
    OutputLimits(OutputLimits),
    EventClasses(EventClasses),
    Percentiles(Percentiles),
}

impl Kind {
    /// The words of one `CONFIG SET` value.
    pub(super) fn words_of_set(self, value: &[u8]) -> Vec<&[u8]> {
        match self.takes_many() {
            true if value.is_empty() => Vec::new(),
            // Split at every space, so that two spaces enclose an empty word: Valkey does.
            true => value.split(|&byte| byte == b' ').collect(),
            false => vec![value],
        }
    }

    /// Makes a value of the words of a line. `current` is what the parameter holds now: some lines change a
    /// part.
    pub(super) fn parse(self, words: &[&[u8]], current: &Value) -> Result<Value, Reason> {
        if self.takes_many() {
            return match words {
                // `save "900 1 300 10"` is as good as `save 900 1 300 10`.
                [one] => self.parse_many(&self.words_of_set(one), current),
                _ => self.parse_many(words, current),
            };
        }
        match words {
            [one] => self.parse_one(one),
            _ => Err("wrong number of arguments".into()),
        }
    }

    fn takes_many(self) -> bool {
        matches!(
            self,
            Self::Choices(_)
                | Self::Words
                | Self::Addresses
                | Self::SavePoints
                | Self::OutputLimits
                | Self::Percentiles
                | Self::OomScores
                | Self::Primary
        )
    }

    fn parse_one(self, word: &[u8]) -> Result<Value, Reason> {
        match self {
            Self::Bool if word.eq_ignore_ascii_case(b"yes") => Ok(Value::Bool(true)),
            Self::Bool if word.eq_ignore_ascii_case(b"no") => Ok(Value::Bool(false)),
            Self::Bool => Err("argument must be 'yes' or 'no'".into()),
            Self::Choice(names) => position(names, word).map(Value::Choice).ok_or_else(|| one_of(names)),
            Self::Integer(min, max) => {
                let number = integer(word).ok_or("argument couldn't be parsed into an integer")?;
                if number < min || number > max {
                    return Err(between(min, max));
                }
                Ok(Value::Number(number.into()))
            }
            Self::Frequency => match Self::Integer(0, i64::from(i32::MAX)).parse_one(word)? {
                Value::Number(number) => Ok(Value::Number(number.clamp(1, 500))),
                other => Ok(other),
            },
            Self::Memory(min, max) => {
                if min < 0
                    && let Some(number) = integer(word).filter(|number| *number < 0)
                {
                    return if number < min {
                        Err(between(min, max))
                    } else {
                        Ok(Value::Number(number.into()))
                    };
                }
                let bytes = memory(word).ok_or("argument must be a memory value")?;
                if bytes > max || i64::try_from(bytes).is_ok_and(|bytes| bytes < min) {
                    return Err(between(min, max));
                }
                Ok(Value::Number(bytes.into()))
            }
            Self::MemoryOrPercent => {
                match word.strip_suffix(b"%").and_then(integer).filter(|share| *share >= 0) {
                    Some(0) => Ok(Value::Number(0)),
                    Some(share) => match u8::try_from(share) {
                        Ok(share) if share <= 100 => Ok(Value::Percent(share)),
                        _ => Err("percentage argument must be less or equal to 100".into()),
                    },
                    None => match memory(word) {
                        Some(bytes) => Ok(Value::Number(bytes.into())),
                        None => Err("argument must be a memory or percent value".into()),
                    },
                }
            }
            Self::Octal => {
                let text = std::str::from_utf8(word).unwrap_or("x");
                let number = if text.is_empty() { Some(0) } else { i64::from_str_radix(text, 8).ok() };
                match number {
                    Some(mode @ 0..=0o777) => Ok(Value::Number(mode.into())),
                    Some(_) => Err("argument must be between 0 and 777 inclusive".into()),
                    None => Err("argument couldn't be parsed as an octal number".into()),
                }
            }
            Self::EventClasses => EventClasses::parse(word).map(Value::EventClasses),
            Self::FileName { empty: reason, .. } if word.is_empty() => Err(reason.into()),
            Self::FileName { path: reason, .. } if word.iter().any(|byte| b"/\\".contains(byte)) => {
                Err(reason.into())
            }
            Self::Directory => directory(word).map(Value::Text),
            _ => Ok(Value::Text(Bytes::copy_from_slice(word))),
        }
    }

    fn parse_many(self, words: &[&[u8]], current: &Value) -> Result<Value, Reason> {
        match self {
            Self::Choices(names) => {
                if words.is_empty() {
                    return Err(one_of(names));
                }
                let mut chosen = vec![false; names.len()];
                for word in words {
                    let at = position(names, word).ok_or_else(|| one_of(names))?;
                    chosen[at] = true;
                }
                let chosen =
                    |name: &str| names.iter().zip(&chosen).any(|(known, chosen)| *known == name && *chosen);
                if chosen("save") && chosen("nosave") {
                    return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
                }
                let words: Vec<Bytes> = names
                    .iter()
                    .skip(1)
                    .filter(|name| chosen(name))
                    .map(|name| Bytes::from_static(name.as_bytes()))
                    .collect();
                match (words.is_empty(), names.first()) {
                    (true, Some(empty)) => Ok(Value::Words(vec![Bytes::from_static(empty.as_bytes())])),
                    _ => Ok(Value::Words(words)),
                }
            }
            Self::Addresses if words.len() > ADDRESSES_MAX => {
                Err("Too many bind addresses specified.".into())
            }
            Self::SavePoints => {
                let words = if words == [b""] { &[] } else { words };
                let (pairs, odd) = words.as_chunks::<2>();
                let valid = |[seconds, changes]: &[&[u8]; 2]| {
                    integer(seconds).is_some_and(|n| n >= 1) && integer(changes).is_some_and(|n| n >= 0)
                };
                if !odd.is_empty() || !pairs.iter().all(valid) {
                    return Err("Invalid save parameters".into());
                }
                Ok(owned(words))
            }
            Self::OutputLimits => {
                let mut limits = match current {
                    Value::OutputLimits(limits) => *limits,
                    _ => OutputLimits::default(),
                };
                limits.change(words)?;
                Ok(Value::OutputLimits(limits))
            }
            Self::Percentiles => Percentiles::parse(words).map(Value::Percentiles),
            Self::OomScores => {
                if words.len() != 3 {
                    return Err("wrong number of arguments".into());
                }
                let score = |word: &&[u8]| {
                    let text = std::str::from_utf8(word).ok()?;
                    text.parse::<i64>().ok().filter(|score| (-2000..=2000).contains(score))
                };
                let scores: Option<Vec<Bytes>> = words
                    .iter()
                    .map(|word| score(word).map(|score| Bytes::from(score.to_string())))
                    .collect();
                scores
                    .map(Value::Words)
                    .ok_or("Invalid oom-score-adj-values, elements must be between -2000 and 2000.".into())
            }
            Self::Primary => match words {
                [] => Ok(Value::Words(Vec::new())),
                [no, one] if no.eq_ignore_ascii_case(b"no") && one.eq_ignore_ascii_case(b"one") => {
                    Ok(Value::Words(Vec::new()))
                }
                [_, port] if integer(port).is_some_and(|port| (0..=65535).contains(&port)) => {
                    Ok(owned(words))
                }
                [_, _] => Err("Invalid primary port".into()),
                _ => Err("wrong number of arguments".into()),
            },
            _ => Ok(owned(words)),
        }
    }

    /// The value as `CONFIG GET` shows it.
    pub(super) fn text(self, value: &Value) -> Vec<u8> {
        match (value, self) {
            (Value::Bool(yes), _) => if *yes { "yes" } else { "no" }.into(),
            (Value::Choice(at), Self::Choice(names)) => names.get(*at).copied().unwrap_or_default().into(),
            (Value::Choice(at), _) => at.to_string().into(),
            (Value::Number(mode), Self::Octal) => format!("{mode:o}").into(),
            (Value::Number(number), _) => number.to_string().into(),
            (Value::Percent(share), _) => format!("{share}%").into(),
            (Value::Text(text), _) => text.to_vec(),
            (Value::Words(words), _) => words.join(&b' '),
            (Value::OutputLimits(limits), _) => limits.text().into(),
            (Value::EventClasses(classes), _) => classes.text().into(),
            (Value::Percentiles(percentiles), _) => percentiles.text().into(),
        }
    }
}

fn owned(words: &[&[u8]]) -> Value {
    Value::Words(words.iter().map(|word| Bytes::copy_from_slice(word)).collect())
}

fn position(names: &[&str], word: &[u8]) -> Option<usize> {
    names.iter().position(|name| name.as_bytes().eq_ignore_ascii_case(word))
}

fn one_of(names: &[&str]) -> Reason {
    format!("argument(s) must be one of the following: {}", names.join(", ")).into()
}

fn between(min: impl std::fmt::Display, max: impl std::fmt::Display) -> Reason {
    format!("argument must be between {min} and {max} inclusive").into()
}

/// A whole number, written in the one way it is written: no `+5`, no `05`, no spaces.
pub(super) fn integer(word: &[u8]) -> Option<i64> {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    match digits {
        [] => return None,
        [b'0'] => return (word.len() == 1).then_some(0),
        [b'0' | b'+', ..] => return None,
        _ => {}
    }
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// A number of bytes: digits and perhaps a unit, where `k` is 1,000 and `kb` is 1,024.
///
/// Without any digit it is 0, a product that does not fit wraps, and what is behind a zero byte is not seen,
/// all as in Valkey: a test of this file holds it.
pub(super) fn memory(word: &[u8]) -> Option<u64> {
    // C reads no further than a NUL.
    let word = word.split(|byte| *byte == 0).next().unwrap_or_default();
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (number, unit) = word.split_at(digits);
    let factor: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number: u64 = if number.is_empty() { 0 } else { std::str::from_utf8(number).ok()?.parse().ok()? };
    Some(number.wrapping_mul(factor))
}

/// A folder as the system calls it, links resolved.
fn directory(word: &[u8]) -> Result<Bytes, Reason> {
    let path = super::file::path_of(word);
    let found = std::fs::canonicalize(&path).and_then(|path| match path.is_dir() {
        true => Ok(path),
        false => Err(std::io::ErrorKind::NotADirectory.into()),
    });
    match found {
        Ok(path) => Ok(super::file::bytes_of(&path)),
        Err(error) => Err(super::file::system_text(&error).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(kind: Kind, word: &str) -> Result<String, String> {
        let value = kind.parse(&kind.words_of_set(word.as_bytes()), &Value::Bool(false));
        match value {
            Ok(value) => Ok(String::from_utf8(kind.text(&value)).unwrap()),
            Err(reason) => Err(reason.into_owned()),
        }
    }

    fn check(kind: Kind, cases: &[(&str, Result<&str, &str>)]) {
        for (word, expected) in cases {
            let got = parse(kind, word);
            assert_eq!(got.as_deref().map_err(String::as_str), *expected, "{kind:?} of {word:?}");
        }
    }

    #[test]
    fn memory_as_valkey() {
        let bad = Err("argument must be a memory value");
        check(
            Kind::Memory(0, u64::MAX),
            &[
                ("0", Ok("0")),
                ("1kb", Ok("1024")),
                ("1K", Ok("1000")),
                ("1m", Ok("1000000")),
                ("1mB", Ok("1048576")),
                ("20gb", Ok("21474836480")),
                ("b", Ok("0")),
                ("", Ok("0")),
                ("05", Ok("5")),
                ("10B", Ok("10")),
                ("5k\0b", Ok("5000")),
                ("\x005", Ok("0")),
                ("18446744073709551615", Ok("18446744073709551615")),
                ("18446744073709551616", bad),
                ("9999999999gb", Ok("10737418238926258176")),
                ("99999999999gb", Ok("15140462030378500096")),
                ("-1", bad),
                ("50%", bad),
                ("1.5gb", bad),
                ("1 gb", bad),
                ("0x10", bad),
                ("1tb", bad),
                ("+5", bad),
                (" 5", bad),
                ("5 ", bad),
            ],
        );
        let range = Err("argument must be between 1048576 and 9223372036854775807 inclusive");
        check(Kind::Memory(1 << 20, i64::MAX as u64), &[("1kb", range), ("9223372036854775808", range)]);
        check(
            Kind::Memory(-1, i64::MAX as u64),
            &[
                ("-1", Ok("-1")),
                ("1kb", Ok("1024")),
                ("-5", Err("argument must be between -1 and 9223372036854775807 inclusive")),
            ],
        );
    }

    #[test]
    fn memory_or_percent_as_valkey() {
        let bad = Err("argument must be a memory or percent value");
        let high = Err("percentage argument must be less or equal to 100");
        check(
            Kind::MemoryOrPercent,
            &[
                ("5%", Ok("5%")),
                ("100%", Ok("100%")),
                ("101%", high),
                ("99999%", high),
                ("0%", Ok("0")),
                ("-5%", bad),
                ("5.5%", bad),
                ("5%%", bad),
                ("%", bad),
                ("05%", bad),
                ("-1", bad),
                ("1mb", Ok("1048576")),
            ],
        );
    }

    #[test]
    fn integers_as_valkey() {
        let bad = Err("argument couldn't be parsed into an integer");
        let range = Err("argument must be between 0 and 2147483647 inclusive");
        check(
            Kind::Integer(0, i64::from(i32::MAX)),
            &[
                ("0", Ok("0")),
                ("2147483647", Ok("2147483647")),
                ("2147483648", range),
                ("-1", range),
                ("-0", bad),
                ("+5", bad),
                ("05", bad),
                (" 5", bad),
                ("5 ", bad),
                ("1e3", bad),
                ("", bad),
                ("99999999999999999999999", bad),
            ],
        );
    }

    #[test]
    fn words_as_valkey() {
        check(
            Kind::Bool,
            &[
                ("YES", Ok("yes")),
                ("no", Ok("no")),
                ("1", Err("argument must be 'yes' or 'no'")),
                ("", Err("argument must be 'yes' or 'no'")),
            ],
        );
        check(
            Kind::Choice(&["debug", "notice"]),
            &[
                ("NOTICE", Ok("notice")),
                ("notice debug", Err("argument(s) must be one of the following: debug, notice")),
            ],
        );
        let octal = Err("argument couldn't be parsed as an octal number");
        let range = Err("argument must be between 0 and 777 inclusive");
        check(
            Kind::Octal,
            &[("0700", Ok("700")), ("", Ok("0")), ("999", octal), ("1000", range), ("-1", range)],
        );
        let save = Err("Invalid save parameters");
        check(
            Kind::SavePoints,
            &[
                ("", Ok("")),
                ("100 1 200 2", Ok("100 1 200 2")),
                ("1 0", Ok("1 0")),
                ("0 1", save),
                ("100", save),
                (" 100 1", save),
                ("1 1 ", save),
                ("10 -1", save),
            ],
        );
        let names = &["default", "save", "nosave", "now"];
        check(
            Kind::Choices(names),
            &[
                ("now nosave", Ok("nosave now")),
                ("NOW now", Ok("now")),
                ("default", Ok("default")),
                ("default now", Ok("now")),
                ("", Err("argument(s) must be one of the following: default, save, nosave, now")),
                ("save nosave", Err("shutdown options SAVE and NOSAVE can't be used simultaneously")),
            ],
        );
        check(
            Kind::OomScores,
            &[
                ("+1 2 3", Ok("1 2 3")),
                ("1 2", Err("wrong number of arguments")),
                ("", Err("wrong number of arguments")),
                ("0 0 2001", Err("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")),
            ],
        );
        check(
            Kind::Primary,
            &[
                ("no ONE", Ok("")),
                ("localhost 1", Ok("localhost 1")),
                ("localhost x", Err("Invalid primary port")),
                ("localhost", Err("wrong number of arguments")),
            ],
        );
        let many = "a ".repeat(16) + "a";
        check(Kind::Addresses, &[("127.0.0.1 -::1", Ok("127.0.0.1 -::1")), ("", Ok(""))]);
        check(Kind::Addresses, &[(&many, Err("Too many bind addresses specified."))]);
        check(Kind::Directory, &[("/nope/nope", Err("No such file or directory"))]);
        let name = Kind::FileName { path: "a path", empty: "empty" };
        let wrong = Err("a path");
        check(name, &[("a.rdb", Ok("a.rdb")), ("/a", wrong), ("a\\b", wrong), ("", Err("empty"))]);
    }

    proptest::proptest! {
        #[test]
        fn takes_any_bytes(word: Vec<u8>) {
            for parameter in super::super::table::parameters() {
                let kind = parameter.kind;
                let _ = kind.parse(&kind.words_of_set(&word), &Value::Bool(false));
            }
        }
    }
}
