//! Runs every transcript under `tests/commands/` against Scrubjay and against Valkey.
//!
//! `cargo test -p scrubjay-tests --test commands -- string/set` runs those whose name holds `string/set`;
//! `RECORD=1` before it fills in the replies that the reference gives. The format is explained in
//! `tests/README.md`.
#![forbid(unsafe_code)]

use std::fs;
use std::path::{Path, PathBuf};

use libtest_mimic::{Arguments, Failed, Trial};
use scrubjay_tests::server::{Backend, references, workspace};
use scrubjay_tests::transcript::Transcript;

/// The Valkey the transcripts were recorded from.
const RECORDED_FROM: &str = "9.1.2";

fn main() {
    let arguments = Arguments::from_args();
    let root = workspace().join("tests/commands");
    let mut files = Vec::new();
    find(&root, &mut files);
    files.sort();

    let record = std::env::var_os("RECORD").is_some();
    let valkey = references().contains(&Backend::Valkey);
    let mut trials = Vec::new();
    for file in files {
        let name = file.strip_prefix(&root).expect("invariant: found below it").with_extension("");
        let name = name.to_string_lossy().replace('\\', "/");
        if record {
            trials.push(trial(format!("record {name}"), file, write));
            continue;
        }
        if valkey {
            trials.push(trial(format!("valkey {name}"), file.clone(), check_reference));
        }
        trials.push(trial(format!("scrubjay {name}"), file, |file| check(file, Backend::Scrubjay)));
    }
    libtest_mimic::run(&arguments, trials).exit();
}

fn trial(name: String, file: PathBuf, run: impl Fn(&Path) -> Result<(), String> + Send + 'static) -> Trial {
    Trial::test(name, move || run(&file).map_err(Failed::from))
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("tests/commands is readable").flatten() {
        let path = entry.path();
        if path.is_dir() {
            find(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            files.push(path);
        }
    }
}

fn parse(file: &Path) -> Result<Transcript, String> {
    let text = fs::read_to_string(file).map_err(|error| error.to_string())?;
    Transcript::parse(&text).map_err(|why| format!("{}: {why}", file.display()))
}

fn shown(file: &Path) -> &Path {
    file.strip_prefix(workspace()).unwrap_or(file)
}

fn check(file: &Path, backend: Backend) -> Result<(), String> {
    parse(file)?.check(shown(file), backend)
}

/// Another Valkey than the one we reproduce may well answer otherwise: that is news, but no failure of ours.
fn check_reference(file: &Path) -> Result<(), String> {
    let version = Backend::Valkey.version()?;
    match check(file, Backend::Valkey) {
        Err(why) if version != RECORDED_FROM => {
            eprintln!("note: Valkey {version} differs from {RECORDED_FROM}:\n{why}");
            Ok(())
        }
        other => other,
    }
}

fn write(file: &Path) -> Result<(), String> {
    let text = parse(file)?.record()?;
    fs::write(file, text).map_err(|error| error.to_string())
}
