//! A command as a person types it into `valkey-cli`, to bytes and back.
//!
//! Words are separated by blanks. `"double quotes"` keep blanks and know `\n \r \t \b \a \\ \" \xHH`;
//! `'single quotes'` know only `\'`. Bytes that are not printable ASCII are always shown as `\xHH`, so that
//! what is shown is exact.

/// Splits a typed line into the arguments of a command.
///
/// # Errors
/// A quote that is not closed, or not followed by a blank.
pub fn split(line: &str) -> Result<Vec<Vec<u8>>, String> {
    let mut words = Vec::new();
    let mut rest = line.as_bytes();
    loop {
        rest = rest.trim_ascii_start();
        let Some(&first) = rest.first() else { return Ok(words) };
        let mut word = Vec::new();
        if first == b'"' || first == b'\'' {
            rest = quoted(rest, &mut word)?;
            if rest.first().is_some_and(|byte| !byte.is_ascii_whitespace()) {
                return Err(format!("a blank must follow the closing quote: {line}"));
            }
        } else {
            let length = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
            word.extend_from_slice(&rest[..length]);
            rest = &rest[length..];
        }
        words.push(word);
    }
}

/// Reads one quoted word at the start of `text` and returns what follows it.
fn quoted<'a>(text: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], String> {
    let quote = text[0];
    let mut at = 1;
    while let Some(&byte) = text.get(at) {
        at += 1;
        match (byte, text.get(at).copied()) {
            (b'\\', Some(b'x')) if quote == b'"' && hex(text, at + 1).is_some() => {
                word.extend(hex(text, at + 1));
                at += 3;
            }
            (b'\\', Some(escaped)) if quote == b'"' => {
                word.push(match escaped {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'b' => 8,
                    b'a' => 7,
                    other => other,
                });
                at += 1;
            }
            (b'\\', Some(b'\'')) if quote == b'\'' => {
                word.push(b'\'');
                at += 1;
            }
            _ if byte == quote => return Ok(&text[at..]),
            _ => word.push(byte),
        }
    }
    Err(format!("a quote is not closed: {}", String::from_utf8_lossy(text)))
}

fn hex(text: &[u8], at: usize) -> Option<u8> {
    let digits = text.get(at..at + 2)?;
    u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Bytes as text on one line: printable ASCII stays, everything else becomes an escape.
pub fn escape(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        match byte {
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            b'\\' => text.push_str("\\\\"),
            b'"' => text.push_str("\\\""),
            b' '..=b'~' => text.push(byte.into()),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text
}

/// A command as it would be typed, with quotes where they are needed.
pub fn join<W: AsRef<[u8]>>(words: &[W]) -> String {
    let plain = |word: &[u8]| {
        !word.is_empty() && word.iter().all(|byte| byte.is_ascii_graphic() && !b"\"'\\".contains(byte))
    };
    let shown = words.iter().map(|word| match word.as_ref() {
        word if plain(word) => escape(word),
        word => format!("\"{}\"", escape(word)),
    });
    shown.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_they_are_typed() {
        let line = r#"SET "a b\x00\n\"" 'it\'s' "" plain\x41"#;
        let words = split(line).unwrap();
        assert_eq!(words, [&b"SET"[..], b"a b\0\n\"", b"it's", b"", b"plain\\x41"]);
        assert_eq!(split("").unwrap(), Vec::<Vec<u8>>::new());
        assert!(split("GET \"a").is_err());
        assert!(split("GET \"a\"b").is_err());
    }

    #[test]
    fn a_joined_command_splits_into_the_same_words() {
        let words: Vec<Vec<u8>> = vec![b"SET".to_vec(), (0..=255).collect(), Vec::new(), b"'".to_vec()];
        assert_eq!(split(&join(&words)).unwrap(), words);
    }
}
