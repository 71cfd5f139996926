//! The command line: what to print and end with, or which configuration to run.
//!
//! `scrubjay [file] [--name word...]... [-]`. The options are turned into lines of a configuration file and
//! read after the file and, for `-`, after standard input; so everything that a line can say an option can,
//! in the same words. How the words are told apart is Valkey's way, word for word, since scripts rely on all
//! of it: an option takes whatever follows as its value, even if that begins with `--`; `--save` takes
//! nothing when an option follows.

use std::ffi::OsString;
use std::io::Read;
use std::path::PathBuf;

use super::Config;
use super::file::{self, LoadError};
use super::identity::VALKEY_VERSION;
use super::table::Settings;

const HELP: &str = "\
Usage: scrubjay [/path/to/scrubjay.conf] [options] [-]
       scrubjay - (read config from stdin)
       scrubjay -v or --version
       scrubjay -h or --help

Examples:
       scrubjay (run the server with default conf)
       echo 'maxmemory 128mb' | scrubjay -
       scrubjay /etc/scrubjay/6379.conf
       scrubjay --port 7777
       scrubjay --compat redis-8.0
       scrubjay --port 7777 --maxmemory 100mb --maxmemory-policy allkeys-lru
       scrubjay /etc/myscrubjay.conf --loglevel verbose -
       scrubjay /etc/myscrubjay.conf --loglevel verbose
";

/// What the command line asks for.
#[derive(Debug)]
pub enum Startup {
    /// Run the server.
    Run(Box<Config>),
    /// Print a text and end.
    Print {
        /// The text, with its last newline.
        text: String,
        /// Where to print it.
        stream: Stream,
        /// The exit code.
        code: u8,
    },
}

/// Where a text is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

impl Startup {
    /// Reads the arguments of the command line, without the program's name. `stdin` is read for `-` only.
    pub fn from_args(args: impl IntoIterator<Item = OsString>, stdin: &mut dyn Read) -> Self {
        let args: Vec<Vec<u8>> = args.into_iter().map(OsString::into_encoded_bytes).collect();
        match args.first().map(Vec::as_slice) {
            Some(b"-v" | b"--version") => return Self::print(version(), 0),
            Some(b"-h" | b"--help") => return Self::print(HELP.to_owned(), 0),
            Some(b"--test-memory") => {
                return Self::print("--test-memory is not supported by Scrubjay.\n".to_owned(), 1);
            }
            Some(b"--check-system") => {
                return Self::print("--check-system is not supported by Scrubjay.\n".to_owned(), 1);
            }
            _ => {}
        }
        match configure(&args, stdin) {
            Ok(config) => Self::Run(Box::new(config)),
            Err(error @ LoadError::Open { .. }) => Self::print(format!("{error}\n"), 1),
            Err(error) => Self::Print {
                text: format!("\n*** FATAL CONFIG FILE ERROR (Version {VALKEY_VERSION}) ***\n{error}\n"),
                stream: Stream::Error,
                code: 1,
            },
        }
    }

    fn print(text: String, code: u8) -> Self {
        Self::Print { text, stream: Stream::Output, code }
    }
}

/// What `--version` prints; harnesses parse it.
fn version() -> String {
    let ours = env!("CARGO_PKG_VERSION");
    format!("Valkey server v={VALKEY_VERSION} sha=00000000:0 malloc=libc bits=64 build=0 scrubjay={ours}\n")
}

fn configure(args: &[Vec<u8>], stdin: &mut dyn Read) -> Result<Config, LoadError> {
    let mut options = args;
    let mut path: Option<PathBuf> = None;
    let mut from_stdin = false;
    if let Some((first, rest)) = args.split_first() {
        if first == b"-" {
            (from_stdin, options) = (true, rest);
        } else if !first.starts_with(b"-") {
            let named = file::path_of(first);
            (path, options) = (Some(std::path::absolute(&named).unwrap_or(named)), rest);
        }
    }
    if let Some((last, rest)) = options.split_last()
        && last == b"-"
    {
        (from_stdin, options) = (true, rest);
    }

    let mut text = match &path {
        Some(path) => file::read(path)?,
        None => Vec::new(),
    };
    if from_stdin {
        let failed = |error: std::io::Error| LoadError::Whole { reason: file::system_text(&error) };
        stdin.read_to_end(&mut text).map_err(failed)?;
    }
    text.push(b'\n');
    text.extend_from_slice(&option_lines(options));

    let mut settings = Settings::default();
    file::load(&mut settings, &text)?;
    if let Some(log) = settings.path(&settings.logfile)
        && let Err(error) = std::fs::OpenOptions::new().append(true).create(true).open(log)
    {
        return Err(LoadError::Whole {
            reason: format!("Can't open the log file: {}", file::system_text(&error)),
        });
    }
    Ok(Config::new(settings, path))
}

/// The options as lines of a configuration file.
fn option_lines(options: &[Vec<u8>]) -> Vec<u8> {
    let mut lines = Vec::new();
    // Whether the last option still waits for its value.
    let mut waits = false;
    for (at, word) in options.iter().enumerate() {
        match word.strip_prefix(b"--") {
            Some(name) if !waits => {
                if !lines.is_empty() {
                    lines.push(b'\n');
                }
                lines.extend_from_slice(name);
                lines.push(b' ');
                let next_is_option = options.get(at + 1).is_some_and(|next| next.starts_with(b"--"));
                // `--hz 20` in one word has its value; `--save` without a value is an empty one.
                let count = file::split_words(file::significant(name)).map_or(2, |words| words.len());
                let complete = name.eq_ignore_ascii_case(b"save") && next_is_option
                    || name.eq_ignore_ascii_case(b"sentinel");
                waits = count < 2 && !complete;
            }
            _ => {
                lines.extend_from_slice(file::quote(word).as_bytes());
                lines.push(b' ');
                waits = false;
            }
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(args: &[&str], stdin: &str) -> Startup {
        Startup::from_args(args.iter().map(OsString::from), &mut stdin.as_bytes())
    }

    fn config(args: &[&str], stdin: &str) -> Config {
        match start(args, stdin) {
            Startup::Run(config) => *config,
            Startup::Print { text, .. } => panic!("{text}"),
        }
    }

    fn get(config: &Config, name: &str) -> String {
        let found = config.get(&[name.as_bytes()]);
        String::from_utf8(found.into_iter().next().unwrap().1).unwrap()
    }

    #[test]
    fn options_as_valkey() {
        for (args, name, value) in [
            (&["--maxmemory", "100mb"][..], "maxmemory", "104857600"),
            (&["--port", "1", "--port", "2"], "port", "2"),
            (&["--HZ", "20"], "hz", "20"),
            (&["--hz 20"], "hz", "20"),
            (&["--hz \"20\""], "hz", "20"),
            (&["--hz 20", "--timeout", "5"], "timeout", "5"),
            (&["--save", "--hz", "20"], "hz", "20"),
            (&["--SAVE", "--hz", "20"], "hz", "20"),
            (&["--save", "", "--hz", "20"], "hz", "20"),
            (&["--save", "--save", "--hz", "7"], "hz", "7"),
            (&["--hz", "7", "--save"], "hz", "7"),
            (&["--hz", "7", "--"], "hz", "7"),
            (&["--bind", "127.0.0.1", "::1"], "bind", "127.0.0.1 ::1"),
            (&["--bind 127.0.0.1", "::1"], "bind", "127.0.0.1 ::1"),
            (&["--bind", "127.0.0.1 ::1"], "bind", "127.0.0.1 ::1"),
            (&["--availability-zone", "--port", "--port", "7"], "availability-zone", "--port"),
            (&["--availability-zone", "--foo"], "availability-zone", "--foo"),
            (&["--availability-zone", "-foo"], "availability-zone", "-foo"),
            (&["--availability-zone", "it's \" q\n x"], "availability-zone", "it's \" q\n x"),
            (&["--availability-zone", "\"a b\""], "availability-zone", "\"a b\""),
            (&["--unixsocketperm", "0700"], "unixsocketperm", "700"),
            (&["--shutdown-on-sigterm", "nosave now"], "shutdown-on-sigterm", "nosave now"),
            (&["--dynamic-hz", "no", "--hz", "8"], "hz", "8"),
            (&["--replicaof no one", "--hz", "11"], "hz", "11"),
            (&["--slave-read-only", "no"], "replica-read-only", "no"),
            (&["--enable-debug-command", "LOCAL"], "enable-debug-command", "local"),
        ] {
            assert_eq!(get(&config(args, ""), name), value, "{args:?}");
        }
    }

    #[test]
    fn stdin_as_valkey() {
        for args in [&["-", "--port", "7"][..], &["--port", "7", "-"]] {
            let config = config(args, "hz 33");
            assert_eq!((config.hz(), config.port()), (33, 7));
        }
    }

    #[test]
    fn refuses_as_valkey() {
        let arguments = "wrong number of arguments";
        let directive = "Bad directive or wrong number of arguments";
        for (args, stdin, number, line, reason) in [
            (&["--port=7"][..], "", 2, "port=7", directive),
            (
                &["--port", "7", "--hz", "20 30"],
                "",
                3,
                "hz \"20 30\"",
                "argument couldn't be parsed into an integer",
            ),
            (&["--port", "7", "--hz"], "", 3, "hz", arguments),
            (&["--port", "7", "--nope", "zz"], "", 3, "nope \"zz\"", directive),
            (&["--port", "7", "foo.conf"], "", 2, "port \"7\" \"foo.conf\"", arguments),
            (&["--port", "7", "--", "x"], "", 3, "\"x\"", directive),
            (&["--", "--port", "7"], "", 2, "\"--port\" \"7\"", directive),
            (&["--hz", "--port", "7"], "", 2, "hz \"--port\" \"7\"", arguments),
            (&["--port", "7", "-hz", "20"], "", 2, "port \"7\" \"-hz\" \"20\"", arguments),
            (&["-x", "1"], "", 2, "\"-x\" \"1\"", directive),
            (&["--\"hz 20", "--port", "7"], "", 2, "\"hz 20", "Unbalanced quotes in configuration line"),
            (&["--hz 20", "30"], "", 2, "hz 20 \"30\"", arguments),
            (&["--port", "7", ""], "", 2, "port \"7\" \"\"", arguments),
            (&["--save", "", "100", "1"], "", 2, "save \"\" \"100\" \"1\"", "Invalid save parameters"),
            (&["-"], "hz x\n", 1, "hz x", "argument couldn't be parsed into an integer"),
            (&["-", "x"], "hz 1", 2, "\"x\"", directive),
            (&["--port", "7", "-"], "hz x\n", 1, "hz x", "argument couldn't be parsed into an integer"),
            (&["--port", "99999"], "", 2, "port \"99999\"", "argument must be between 0 and 65535 inclusive"),
            (&["--dir", "/nope/nope"], "", 2, "dir \"/nope/nope\"", "No such file or directory"),
            (&["--port", "7", "--version"], "", 3, "version", directive),
            (
                &["--sentinel", "--hz", "9"],
                "",
                2,
                "sentinel",
                "sentinel directive while not in sentinel mode",
            ),
            (
                &["--appendonly", "yes"],
                "",
                2,
                "appendonly \"yes\"",
                "appendonly is not supported by Scrubjay; only 'no' is accepted",
            ),
        ] {
            let Startup::Print { text, stream, code } = start(args, stdin) else { panic!("{args:?} runs") };
            let expected = format!(
                "\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\nReading the configuration file, at line {number}\n\
                >>> '{line}'\n{reason}\n"
            );
            assert_eq!(text, expected, "{args:?}");
            assert_eq!((stream, code), (Stream::Error, 1));
        }
    }

    #[test]
    fn a_file_comes_before_the_options() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("s.conf");
        std::fs::write(&path, "hz 20\ntimeout 5\n").unwrap();
        let path = path.to_str().unwrap();
        let read = config(&[path, "--hz", "30", "-"], "timeout 6\n");
        assert_eq!((read.hz(), read.timeout()), (30, 6));
        assert_eq!(read.file().unwrap().to_str().unwrap(), path);
        let Startup::Print { text, .. } = start(&[path, "-", "--hz", "30"], "") else { panic!() };
        assert!(text.contains("at line 4\n>>> '\"-\"'\nBad directive"), "{text}");
        let missing = folder.path().join("none.conf");
        let Startup::Print { text, code, .. } = start(&[missing.to_str().unwrap()], "") else { panic!() };
        let expected = format!(
            "Fatal error, can't open config file '{}': No such file or directory\n",
            missing.display()
        );
        assert_eq!((text, code), (expected, 1));
    }

    #[test]
    fn a_log_file_is_tried_before_the_start() {
        let Startup::Print { text, .. } = start(&["--logfile", "/nope/x"], "") else { panic!() };
        let expected = "\n*** FATAL CONFIG FILE ERROR (Version 9.1.2) ***\n\
            Can't open the log file: No such file or directory\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn prints_and_ends() {
        for (args, begins, expected) in [
            (
                &["-v", "x"][..],
                "Valkey server v=9.1.2 sha=00000000:0 malloc=libc bits=64 build=0 scrubjay=",
                0,
            ),
            (&["--version"], "Valkey server v=9.1.2 ", 0),
            (&["--help", "x"], "Usage: scrubjay ", 0),
            (&["-h"], "Usage: scrubjay ", 0),
            (&["--check-system"], "--check-system is not supported", 1),
            (&["--test-memory", "1"], "--test-memory is not supported", 1),
        ] {
            let Startup::Print { text, stream, code } = start(args, "") else { panic!("{args:?}") };
            assert!(text.starts_with(begins) && text.ends_with('\n'), "{text}");
            assert_eq!((stream, code), (Stream::Output, expected));
        }
    }
}
