//! Glob patterns as `KEYS`, `SCAN MATCH`, `CONFIG GET` and channel patterns understand them.
//!
//! `*` is any run of bytes, `?` any byte, `[a-z]` and `[^a-z]` one byte of a class, and a backslash takes the
//! next byte literally. Everything is bytes: `?` is half of an `é`.
//!
//! The matcher keeps one place to return to, the last `*`: an earlier star never needs to take more, because
//! what the later star may swallow includes it. So the work is at most pattern times text, and no pattern is
//! exponential.

/// Stars, with more pattern behind them, beyond which nothing matches: Valkey's limit on nesting.
const STARS_MAX: usize = 1000;

/// Whether letters of either case are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// `a` is not `A`.
    Sensitive,
    /// `a` is `A`, for ASCII letters.
    Insensitive,
}

/// Whether all of `text` matches `pattern`. As in Valkey nothing matches the empty text but the empty
/// pattern; commands that take `*` for *all* do not ask.
pub fn matches(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let mut rest = pattern;
    let mut unread = text;
    // The pattern behind the last star, and the text from which it is tried next.
    let mut retry: Option<(&[u8], &[u8])> = None;
    let mut stars = 0;
    loop {
        if let Some((b'*', behind)) = rest.split_first() {
            rest = skip_stars(behind);
            if rest.is_empty() {
                return true;
            }
            if unread.is_empty() {
                return false;
            }
            stars += 1;
            if stars > STARS_MAX {
                return false;
            }
            retry = Some((rest, unread));
            continue;
        }
        let matched = match (rest.is_empty(), unread.split_first()) {
            (true, None) => return true,
            // Only a star could match nothing, and whatever the last star gives back makes the text no
            // longer.
            (false, None) => return false,
            (true, Some(_)) => None,
            (false, Some((&byte, behind))) => match_one(rest, byte, case).map(|rest| (rest, behind)),
        };
        match (matched, retry) {
            (Some((pattern, text)), _) => (rest, unread) = (pattern, text),
            (None, Some((pattern, text))) => {
                let text = text.get(1..).unwrap_or_default();
                (rest, unread) = (pattern, text);
                retry = Some((pattern, text));
            }
            (None, None) => return false,
        }
    }
}

/// Whether `pattern` has a `*`, `?` or `[`: without them Valkey takes names for names, backslashes and all.
pub fn has_wildcard(pattern: &[u8]) -> bool {
    memchr::memchr3(b'*', b'?', b'[', pattern).is_some()
}

fn skip_stars(pattern: &[u8]) -> &[u8] {
    let stars = pattern.iter().take_while(|&&byte| byte == b'*').count();
    &pattern[stars..]
}

/// Matches one byte with the first item of `pattern`, which is not empty; gives what follows the item.
fn match_one(pattern: &[u8], byte: u8, case: Case) -> Option<&[u8]> {
    let (&first, behind) = pattern.split_first()?;
    match first {
        b'?' => Some(behind),
        b'[' => match_class(behind, byte, case),
        // A backslash at the very end stands for itself.
        b'\\' if !behind.is_empty() => {
            let (&literal, behind) = behind.split_first()?;
            same(literal, byte, case).then_some(behind)
        }
        _ => same(first, byte, case).then_some(behind),
    }
}

/// Matches one byte with a class; `class` begins behind the `[`. A class that the pattern's end cuts off is
/// whole.
fn match_class(class: &[u8], byte: u8, case: Case) -> Option<&[u8]> {
    let (negated, mut rest) = match class {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    let behind = loop {
        rest = match rest {
            [] => break rest,
            [b']', behind @ ..] => break behind,
            [b'\\', literal, behind @ ..] => {
                // Case counts here even where it does not elsewhere: it is so in Valkey.
                found |= *literal == byte;
                behind
            }
            [low, b'-', high, behind @ ..] => {
                found |= within(*low, *high, byte, case);
                behind
            }
            [literal, behind @ ..] => {
                found |= same(*literal, byte, case);
                behind
            }
        };
    };
    (found != negated).then_some(behind)
}

fn within(low: u8, high: u8, byte: u8, case: Case) -> bool {
    let (low, high) = (low.min(high), low.max(high));
    match case {
        Case::Sensitive => (low..=high).contains(&byte),
        Case::Insensitive => {
            (low.to_ascii_lowercase()..=high.to_ascii_lowercase()).contains(&byte.to_ascii_lowercase())
        }
    }
}

fn same(one: u8, other: u8, case: Case) -> bool {
    match case {
        Case::Sensitive => one == other,
        Case::Insensitive => one.eq_ignore_ascii_case(&other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pattern, text, and whether Valkey 9.1.2 lists a key named so for `KEYS pattern`.
    const RECORDED: &[(&str, &str, bool)] = &[
        ("h?llo", "hello", true),
        ("h?llo", "hllo", false),
        ("h*llo", "heeeello", true),
        ("h[ae]llo", "hello", true),
        ("h[^e]llo", "hallo", true),
        ("h[^e]llo", "hello", false),
        ("h[a-b]llo", "hbllo", true),
        ("h[b-a]llo", "hallo", true),
        ("h[a-", "ha", true),
        ("h[a-", "h-", true),
        ("[a", "a", true),
        ("[a", "b", false),
        ("[", "[", false),
        ("[]", "a", false),
        ("[]a", "a", false),
        ("[]a]", "a", false),
        ("[]a]", "]", false),
        ("[^]", "a", true),
        ("[^]a", "a", false),
        ("[^", "a", true),
        ("[^", "^", true),
        ("a\\*b", "a*b", true),
        ("a\\*b", "axb", false),
        ("a\\", "a\\", true),
        ("a\\", "a", false),
        ("\\", "\\", true),
        ("[\\]]", "]", true),
        ("[\\a-c]", "b", false),
        ("[a\\-c]", "b", false),
        ("[a\\-c]", "-", true),
        ("[a-\\c]", "b", false),
        ("[a-\\c]", "c", true),
        ("[-a]", "-", true),
        ("[a-]", "-", false),
        ("[a-]", "a", true),
        ("[a-]", "]", true),
        ("[a-]b", "-b", false),
        ("[a-]b]", "^", true),
        ("**", "x", true),
        ("*?*", "x", true),
        ("*?*", "", false),
        ("a**b", "ab", true),
        ("?", "é", false),
        ("??", "é", true),
        ("*a*b", "xaxb", true),
        ("*a", "ba", true),
        ("*a", "bab", false),
        ("[!a]", "b", false),
        ("[!a]", "!", true),
        ("{a,b}", "a", false),
        ("H*", "hello", false),
        ("a[", "a", false),
        ("a[b", "ab", true),
        ("a[b", "abc", false),
        ("a[^b", "ac", true),
        ("***a", "a", true),
        ("*\\", "a\\", true),
        ("*[", "a[", false),
        ("[*]", "*", true),
        ("[*]", "a", false),
        ("[?]", "?", true),
        ("[[]", "[", true),
        ("[a^]", "^", true),
        ("[\\^a]", "^", true),
        ("[c-a]", "b", true),
        ("[a-c-e]", "-", true),
        ("[a-c-e]", "e", true),
        ("[a-c-e]", "d", false),
        ("", "a", false),
        ("a", "", false),
        ("*", "", false),
        ("**", "", false),
        ("", "", true),
        ("a*", "a", true),
        ("?", "", false),
        ("a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false),
        ("[z-a]*", "mm", true),
        ("\\h", "h", true),
        ("\\\\", "\\", true),
        ("h[a-zA-Z0-9]", "hZ", true),
        ("[0-9]*[a-z]", "1x", true),
        ("[\\", "\\", true),
        ("[\\", "a", false),
        ("a[\\", "a\\", true),
        ("[\\\\]", "\\", true),
        ("[a-\\]]", "]", false),
        ("[a-\\]]", "b", false),
    ];

    #[test]
    fn matches_as_valkey() {
        for &(pattern, text, expected) in RECORDED {
            let got = matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive);
            assert_eq!(got, expected, "pattern {pattern:?}, text {text:?}");
        }
    }

    /// Seen through `CONFIG GET`, whose patterns do not care about case.
    #[test]
    fn ignores_case_as_valkey() {
        let recorded = [
            ("TIMEOU[t]", true),
            ("TIMEOU[\\t]", true),
            ("TIMEOU[\\T]", false),
            ("TIMEOU[S-U]", true),
            ("\\TIMEOU?", true),
            ("TIMEOU[a-T]", false),
            ("timeou[T-U]", true),
            ("timeou[Z-a]", false),
            ("timeou[a-Z]", false),
        ];
        for (pattern, expected) in recorded {
            assert_eq!(matches(pattern.as_bytes(), b"timeout", Case::Insensitive), expected, "{pattern}");
        }
    }

    /// The counts are Valkey's, seen with `KEYS` and a key of 3,000 `a`.
    #[test]
    fn stops_at_a_thousand_stars() {
        let text = [b'a'; 3000];
        for (pattern, count, expected) in [
            ("*a", 1000, true),
            ("*a", 1001, false),
            ("a*", 1001, true),
            ("a*", 1002, false),
            ("*", 1400, true),
        ] {
            let pattern = pattern.repeat(count);
            assert_eq!(matches(pattern.as_bytes(), &text, Case::Sensitive), expected, "{count} times");
        }
    }

    #[test]
    fn no_pattern_is_exponential() {
        let text = [b'a'; 20_000];
        let pattern = "*a".repeat(900) + "b";
        assert!(!matches(pattern.as_bytes(), &text, Case::Sensitive));
    }

    /// What a pattern means, written without any cleverness.
    fn naive(pattern: &[u8], text: &[u8]) -> bool {
        match pattern {
            [] => text.is_empty(),
            [b'*', rest @ ..] => (0..=text.len()).any(|taken| naive(rest, &text[taken..])),
            _ => text.split_first().is_some_and(|(&byte, behind)| {
                match_one(pattern, byte, Case::Sensitive).is_some_and(|rest| naive(rest, behind))
            }),
        }
    }

    proptest::proptest! {
        #[test]
        fn agrees_with_the_naive_matcher(pattern in r"[ab*?\[\]^\\-]{0,9}", text in r"[ab\[\]^\\-]{0,9}") {
            let expected = match text.is_empty() {
                true => pattern.is_empty(),
                false => naive(pattern.as_bytes(), text.as_bytes()),
            };
            let found = matches(pattern.as_bytes(), text.as_bytes(), Case::Sensitive);
            proptest::prop_assert_eq!(found, expected);
        }

        #[test]
        fn takes_any_bytes(pattern: Vec<u8>, text: Vec<u8>) {
            matches(&pattern, &text, Case::Sensitive);
            matches(&pattern, &text, Case::Insensitive);
            proptest::prop_assert!(matches(b"*", &text, Case::Sensitive) != text.is_empty());
        }
    }
}
