//! The first line of a script, if it begins with `#!`: the language, and what the script says of itself.

use crate::config::split_words;

/// What a script says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ScriptFlags {
    /// Whether it has such a line at all. One that has none may do anything, and each of its commands is
    /// looked at when it is called.
    pub declared: bool,
    /// It does not write.
    pub no_writes: bool,
    /// It may run while memory is short.
    pub allow_oom: bool,
}

/// Reads the first line, and returns the script without it. Errors tell lines by their numbers, so its end
/// stays.
///
/// # Errors
/// With the reply that Valkey gives to such a script.
pub(crate) fn read(script: &[u8]) -> Result<(ScriptFlags, &[u8]), Vec<u8>> {
    let mut flags = ScriptFlags::default();
    if !script.starts_with(b"#!") {
        return Ok((flags, script));
    }
    // As C looks for it: not behind a NUL.
    let end = memchr::memchr2(b'\n', 0, script).filter(|end| script[*end] == b'\n');
    let Some(end) = end else { return Err(b"ERR Invalid script shebang".to_vec()) };
    let (line, source) = script.split_at(end);
    let Some(words) = split_words(line) else {
        return Err(b"ERR Invalid engine in script shebang".to_vec());
    };
    flags.declared = true;
    for option in words.iter().skip(1) {
        let Some(list) = option.strip_prefix(b"flags=") else {
            return Err([b"ERR Unknown lua shebang option: ", option.as_slice()].concat());
        };
        if list.is_empty() {
            continue;
        }
        for flag in list.split(|byte| *byte == b',') {
            match flag {
                b"no-writes" => flags.no_writes = true,
                b"allow-oom" => flags.allow_oom = true,
                // There is no stale data and there are no slots.
                b"allow-stale" | b"no-cluster" | b"allow-cross-slot-keys" => {}
                other => return Err([b"ERR Unexpected flag in script shebang: ", other].concat()),
            }
        }
    }
    let engine = words.first().and_then(|word| word.strip_prefix(b"#!")).unwrap_or_default();
    if !engine.eq_ignore_ascii_case(b"lua") {
        return Err([b"ERR Could not find scripting engine '", engine, b"'"].concat());
    }
    Ok((flags, source))
}
