//! Configuration files: lines of a name and words, quoted where a word has spaces, `#` for comments,
//! `include`.

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::table::{self, Body, Named, Settings};
use super::value::Reason;
use crate::glob::{self, Case};

/// How deep files may include each other.
const INCLUDES_MAX: usize = 32;

/// Names that older versions knew and that are read over, each with one word.
const FORGOTTEN: &[&str] = &[
    "dynamic-hz",
    "events-per-io-thread",
    "io-threads-do-reads",
    "list-max-ziplist-entries",
    "list-max-ziplist-value",
    "lua-replicate-commands",
];

/// What Valkey knows in a file but not as a parameter, and why it is refused here.
const REFUSED: &[(&str, &str)] = &[
    ("loadmodule", "loadmodule is not supported by Scrubjay: it has no modules"),
    ("rename-command", "rename-command is not supported by Scrubjay"),
    ("sentinel", "sentinel directive while not in sentinel mode"),
    ("user", "user is not supported by Scrubjay: there is the default user alone, with requirepass"),
];

const BAD_DIRECTIVE: &str = "Bad directive or wrong number of arguments";

/// Why a configuration could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadError {
    /// A line is wrong.
    Line {
        /// The line's number in its file, from 1.
        number: usize,
        /// The line, without the spaces around it.
        line: String,
        /// What is wrong with it.
        reason: Reason,
    },
    /// A file could not be read.
    Open {
        /// Its path.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The configuration as a whole does not work.
    Whole {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line { number, line, reason } => {
                write!(f, "Reading the configuration file, at line {number}\n>>> '{line}'\n{reason}")
            }
            Self::Open { path, reason } => {
                write!(f, "Fatal error, can't open config file '{}': {reason}", path.display())
            }
            Self::Whole { reason } => f.write_str(reason),
        }
    }
}

impl std::error::Error for LoadError {}

/// Reads the text of a configuration into settings.
pub(super) fn load(settings: &mut Settings, text: &[u8]) -> Result<(), LoadError> {
    load_nested(settings, text, 0)
}

fn load_nested(settings: &mut Settings, text: &[u8], depth: usize) -> Result<(), LoadError> {
    for (at, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = significant(line);
        if line.is_empty() || line.starts_with(b"#") {
            continue;
        }
        let wrong = |reason: Reason| LoadError::Line {
            number: at + 1,
            line: String::from_utf8_lossy(line).into_owned(),
            reason,
        };
        let words =
            split_words(line).ok_or_else(|| wrong("Unbalanced quotes in configuration line".into()))?;
        let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
        match words.as_slice() {
            [] => {}
            [name, path] if name.eq_ignore_ascii_case(b"include") => {
                if depth == INCLUDES_MAX {
                    return Err(wrong("files include each other too deeply".into()));
                }
                for path in settings.path(path).iter().flat_map(|path| expand(path)) {
                    let text = read(&path)?;
                    load_nested(settings, &text, depth + 1)?;
                }
            }
            [name, rest @ ..] => load_line(settings, name, rest).map_err(wrong)?,
        }
    }
    Ok(())
}

/// Sets one parameter as a line of a file does.
pub(super) fn load_line(settings: &mut Settings, name: &[u8], words: &[&[u8]]) -> Result<(), Reason> {
    let lower = name.to_ascii_lowercase();
    if let Some((_, reason)) = REFUSED.iter().find(|(refused, _)| refused.as_bytes() == lower) {
        return Err((*reason).into());
    }
    if FORGOTTEN.iter().any(|forgotten| forgotten.as_bytes() == lower) && words.len() == 1 {
        return Ok(());
    }
    let named = table::find(name).ok_or(BAD_DIRECTIVE)?;
    put(settings, named, words)
}

/// Gives a parameter the value that these words mean, if it accepts it.
pub(super) fn put(settings: &mut Settings, named: Named, words: &[&[u8]]) -> Result<(), Reason> {
    let parameter = named.parameter;
    let value = parameter.kind.parse(words, &parameter.get(settings))?;
    if let Body::Fixed { accepted } = parameter.body {
        let text = parameter.kind.text(&value);
        let default = parameter.kind.text(&parameter.default_value());
        let fits = text == default || accepted.iter().any(|word| word.as_bytes() == text);
        if !fits {
            let default = String::from_utf8_lossy(&default);
            let values = std::iter::once(&*default).chain(accepted.iter().copied());
            let values: Vec<String> = values.map(|word| format!("'{word}'")).collect();
            let (values, verb) = (values.join(" or "), if values.len() == 1 { "is" } else { "are" });
            return Err(format!(
                "{} is not supported by Scrubjay; only {values} {verb} accepted",
                named.name
            )
            .into());
        }
    }
    parameter.put(settings, value);
    Ok(())
}

/// The part of a line that counts: up to a NUL, without the spaces around it.
pub(super) fn significant(line: &[u8]) -> &[u8] {
    let end = memchr::memchr(0, line).unwrap_or(line.len());
    line.get(..end).unwrap_or_default().trim_ascii()
}

/// Splits a line into words as a shell does, roughly: Valkey's rules. `None` where a quote is not closed, or
/// is closed in the middle of a word.
pub(crate) fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii_start();
    while !rest.is_empty() {
        let mut word = Vec::new();
        rest = loop {
            match rest {
                [] => break rest,
                [b' ' | b'\n' | b'\r' | b'\t' | 0, rest @ ..] => break rest,
                [b'"', quoted @ ..] => break double_quoted(quoted, &mut word)?,
                [b'\'', quoted @ ..] => break single_quoted(quoted, &mut word)?,
                [byte, behind @ ..] => {
                    word.push(*byte);
                    rest = behind;
                }
            }
        };
        words.push(word);
        rest = rest.trim_ascii_start();
    }
    Some(words)
}

/// Reads up to the closing quote, which ends the word; gives what follows.
fn double_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'\\', b'x', high, low, behind @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                let digits = [*high, *low];
                word.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
                behind
            }
            [b'\\', escaped, behind @ ..] => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => *other,
                });
                behind
            }
            [b'"', behind @ ..] => return ends_word(behind),
            [byte, behind @ ..] => {
                word.push(*byte);
                behind
            }
        };
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], word: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        rest = match rest {
            [] => return None,
            [b'\\', b'\'', behind @ ..] => {
                word.push(b'\'');
                behind
            }
            [b'\'', behind @ ..] => return ends_word(behind),
            [byte, behind @ ..] => {
                word.push(*byte);
                behind
            }
        };
    }
}

fn ends_word(behind: &[u8]) -> Option<&[u8]> {
    behind.first().is_none_or(u8::is_ascii_whitespace).then_some(behind)
}

/// The word between double quotes, in printable ASCII, so that [`split_words`] gives it back.
pub(crate) fn quote(word: &[u8]) -> String {
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('"');
    for &byte in word {
        match byte {
            b'\\' | b'"' => quoted.extend(['\\', char::from(byte)]),
            b'\n' => quoted.push_str("\\n"),
            b'\r' => quoted.push_str("\\r"),
            b'\t' => quoted.push_str("\\t"),
            7 => quoted.push_str("\\a"),
            8 => quoted.push_str("\\b"),
            b' '..=b'~' => quoted.push(char::from(byte)),
            _ => quoted.push_str(&format!("\\x{byte:02x}")),
        }
    }
    quoted.push('"');
    quoted
}

/// The whole of a configuration file.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, LoadError> {
    std::fs::read(path)
        .map_err(|error| LoadError::Open { path: path.to_owned(), reason: system_text(&error) })
}

/// The files a path with `*`, `?` and `[...]` stands for, in order; a path without them is itself.
fn expand(path: &Path) -> Vec<PathBuf> {
    let is_pattern = |part: &OsStr| glob::has_wildcard(&bytes_of(Path::new(part)));
    if !path.iter().any(is_pattern) {
        return vec![path.to_owned()];
    }
    let mut found = vec![PathBuf::new()];
    for part in path {
        if !is_pattern(part) {
            for path in &mut found {
                path.push(part);
            }
            continue;
        }
        let pattern = bytes_of(Path::new(part));
        found = found
            .iter()
            .flat_map(|folder| {
                let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
                let mut names: Vec<_> = entries.map(|entry| entry.file_name()).collect();
                // A name that begins with a dot is only found by a pattern that does.
                names.retain(|name| {
                    let name = bytes_of(Path::new(name));
                    (name.starts_with(b".") == pattern.starts_with(b"."))
                        && glob::matches(&pattern, &name, Case::Sensitive)
                });
                names.sort();
                names.into_iter().map(|name| folder.join(name)).collect::<Vec<_>>()
            })
            .collect();
    }
    found.retain(|path| path.exists());
    found
}

/// The bytes of a path.
pub(super) fn bytes_of(path: &Path) -> Bytes {
    Bytes::copy_from_slice(path.as_os_str().as_encoded_bytes())
}

/// The path of these bytes; where paths are Unicode, as far as the bytes are.
pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    let path = <OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes);
    #[cfg(not(unix))]
    let path = &*String::from_utf8_lossy(bytes);
    PathBuf::from(path)
}

/// What the system says of an error, without the number that Rust adds.
pub fn system_text(error: &io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None if error.kind() == io::ErrorKind::NotADirectory => "Not a directory".to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads a text and gives the value of `availability-zone`, or the reason.
    fn zone(text: &str) -> Result<String, String> {
        let mut settings = Settings::default();
        load(&mut settings, text.as_bytes()).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(settings.availability_zone.to_vec()).unwrap())
    }

    #[test]
    fn quotes_as_valkey() {
        for (line, expected) in [
            ("availability-zone \"a\\x41\\n\\tb\\q\\\"c\"\n", "aA\n\tbq\"c"),
            ("\t availability-zone   'a \"b\\'c'  \r\n", "a \"b'c"),
            ("AVAILABILITY-ZONE a\"b\"", "ab"),
            ("availability-zone a'b c'", "ab c"),
            ("\"availability-zone\" \"\"", ""),
            ("# availability-zone x\n\n  #\n", ""),
        ] {
            assert_eq!(zone(line).unwrap(), expected, "{line}");
        }
        for (line, reason) in [
            ("availability-zone \"a", "Unbalanced quotes in configuration line"),
            ("availability-zone 'a", "Unbalanced quotes in configuration line"),
            ("availability-zone \"a\"b", "Unbalanced quotes in configuration line"),
            ("availability-zone", "wrong number of arguments"),
            ("availability-zone a # comment", "wrong number of arguments"),
            ("foo bar", "Bad directive or wrong number of arguments"),
            ("include a b", "Bad directive or wrong number of arguments"),
            ("dynamic-hz", "Bad directive or wrong number of arguments"),
            ("dynamic-hz a b", "Bad directive or wrong number of arguments"),
            ("sentinel monitor", "sentinel directive while not in sentinel mode"),
            ("appendonly maybe", "argument must be 'yes' or 'no'"),
            ("appendonly yes", "appendonly is not supported by Scrubjay; only 'no' is accepted"),
            ("save 100 1", "save is not supported by Scrubjay; only '' is accepted"),
            ("save 100", "Invalid save parameters"),
        ] {
            let expected = format!("Reading the configuration file, at line 2\n>>> '{line}'\n{reason}");
            assert_eq!(zone(&format!("hz 1\n{line}\n")).unwrap_err(), expected);
        }
    }

    #[test]
    fn reads_what_valkey_reads_over() {
        let mut settings = Settings::default();
        let text = "dynamic-hz yes\nio-threads-do-reads maybe\nlist-max-ziplist-value 3\nsave\nsave \"\"\n\
            replicaof no one\nappendonly NO\nmaxmemory 100mb\nmaxmemory 200mb\nauto-aof-rewrite-min-size 64mb\nbind a \"b\"";
        load(&mut settings, text.as_bytes()).unwrap();
        assert_eq!(settings.maxmemory, 200 << 20);
        assert_eq!(settings.bind.iter().map(|(address, _)| address).collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn includes_files_from_the_current_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("a1.conf"), "hz 50\nport 1\n").unwrap();
        std::fs::write(folder.path().join("a2.conf"), "hz 60\n").unwrap();
        std::fs::write(folder.path().join("loop.conf"), "include loop.conf\n").unwrap();
        let with = |text: &str| {
            let mut settings = Settings::default();
            let text = format!("dir {}\n{text}", folder.path().display());
            load(&mut settings, text.as_bytes()).map(|()| settings)
        };
        let settings = with("include a*.conf\nport 2\ninclude none*.conf").unwrap();
        assert_eq!((settings.hz, settings.port), (60, 2));
        let Err(LoadError::Open { path, reason }) = with("include none.conf") else { panic!() };
        assert!(path.ends_with("none.conf"));
        assert_eq!(reason, "No such file or directory");
        assert!(with("include loop.conf").unwrap_err().to_string().ends_with("too deeply"));
    }

    proptest::proptest! {
        #[test]
        fn splits_what_it_quotes(words: Vec<Vec<u8>>) {
            let line = words.iter().map(|word| quote(word)).collect::<Vec<_>>().join(" ");
            proptest::prop_assert_eq!(split_words(line.as_bytes()), Some(words));
        }

        #[test]
        fn takes_any_text(text: Vec<u8>, more in ".*") {
            let _ = load(&mut Settings::default(), &text);
            let _ = load(&mut Settings::default(), more.as_bytes());
            let _ = load(&mut Settings::default(), format!("client-output-buffer-limit {more}").as_bytes());
        }
    }
}
