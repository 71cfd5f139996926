//! Transcripts: what a client types and what the wire answers, as files that a person can read and write.
//!
//! The format is explained in `tests/README.md`. A transcript is held as its lines and the steps among them,
//! so that recording replaces the replies and leaves everything else, comments included, as its author wrote
//! it. Replies are compared as text, in the form [`Reply`] shows them; nothing here parses a reply that was
//! written down.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use crate::patience::{Deadline, GENEROUS, pause};
use crate::server::{Backend, Server};
use crate::wire::{Client, Reply, Silence};
use crate::words;

/// How long a connection must stay silent before `(nothing)` is believed.
const SILENCE: Duration = Duration::from_millis(60);
/// How long recording waits for a reply, and for more replies to the same bytes.
const RECORD_FIRST: Duration = Duration::from_secs(2);
const RECORD_MORE: Duration = Duration::from_millis(8);
const RECORD_MORE_RAW: Duration = Duration::from_millis(150);
/// A file with more failures than this is so wrong that the rest says nothing new.
const FAILURES_SHOWN: usize = 12;

/// A parsed file.
#[derive(Debug)]
pub struct Transcript {
    lines: Vec<String>,
    steps: Vec<Step>,
    /// What `@server` adds to the command line.
    arguments: Vec<String>,
}

#[derive(Debug)]
struct Step {
    /// The index of the line that says what to do.
    line: usize,
    act: Act,
    how: How,
    only: Option<Backend>,
    /// The lines of the reply: `line + 1 ..` this many.
    expected: usize,
}

#[derive(Debug)]
enum Act {
    /// `> COMMAND`, unparsed, since it may name what an earlier reply said.
    Command(String),
    /// `>> "bytes"`
    Raw(String),
    /// `@read`
    Read,
    /// `@resp2` and `@resp3`
    Protocol(u8),
    /// `@connection NAME`
    Connection(String),
    /// `@sleep MS`
    Sleep(Duration),
}

/// How a reply is compared with the one written down.
#[derive(Clone, Debug, Default)]
struct How {
    rule: Rule,
    /// Ask again until the reply is right, for this long.
    retry: Option<Duration>,
}

#[derive(Clone, Debug, Default)]
enum Rule {
    /// To the byte.
    #[default]
    Exact,
    /// Not at all.
    Any,
    /// Elements of arrays, sets and maps in any order, at every level.
    Unordered,
    /// Numbers may differ by this much.
    Near(f64),
    /// `...` stands for anything in a line, and alone on a line for any lines.
    Like,
    /// Not at all, but later lines may name it.
    Let(String),
}

impl Transcript {
    /// Reads a file.
    ///
    /// # Errors
    /// The line that is not understood.
    pub fn parse(text: &str) -> Result<Self, String> {
        let lines: Vec<String> = text.lines().map(|line| line.trim_end().to_owned()).collect();
        let mut transcript = Self { lines: Vec::new(), steps: Vec::new(), arguments: Vec::new() };
        let (mut how, mut only) = (How::default(), None);
        let mut open = false;
        for (index, line) in lines.iter().enumerate() {
            let wrong = |what: &str| format!("line {}: {what}: {line}", index + 1);
            let act = if line.is_empty() || line == "#" || line.starts_with("# ") {
                open = false;
                continue;
            } else if let Some(command) = line.strip_prefix("> ") {
                Act::Command(command.to_owned())
            } else if let Some(bytes) = line.strip_prefix(">> ") {
                Act::Raw(bytes.to_owned())
            } else if let Some(directive) = line.strip_prefix('@') {
                let (name, rest) = directive.split_once(' ').unwrap_or((directive, ""));
                let rest = rest.trim();
                let millis =
                    || rest.parse().map(Duration::from_millis).map_err(|_| wrong("milliseconds wanted"));
                open = false;
                match name {
                    "read" => Act::Read,
                    "resp2" => Act::Protocol(2),
                    "resp3" => Act::Protocol(3),
                    "connection" => Act::Connection(rest.to_owned()),
                    "sleep" => Act::Sleep(millis()?),
                    modifier => {
                        match modifier {
                            "any" => how.rule = Rule::Any,
                            "unordered" => how.rule = Rule::Unordered,
                            "near" => {
                                how.rule = Rule::Near(rest.parse().map_err(|_| wrong("number wanted"))?)
                            }
                            "like" => how.rule = Rule::Like,
                            "let" => how.rule = Rule::Let(rest.to_owned()),
                            "retry" => how.retry = Some(millis()?),
                            "scrubjay" | "valkey" => {
                                let reason = rest.strip_prefix("only:").map(str::trim);
                                if reason.is_none_or(str::is_empty) {
                                    return Err(wrong("`only: ` and a reason wanted"));
                                }
                                only =
                                    Some(if name == "valkey" { Backend::Valkey } else { Backend::Scrubjay });
                            }
                            "server" if transcript.steps.is_empty() => {
                                let words = words::split(rest).map_err(|what| wrong(&what))?;
                                let words = words.into_iter().map(String::from_utf8);
                                let words: Result<Vec<_>, _> = words.collect();
                                transcript.arguments.extend(words.map_err(|_| wrong("text wanted"))?);
                            }
                            "server" => return Err(wrong("@server stands before the first step")),
                            _ => return Err(wrong("no such directive")),
                        }
                        continue;
                    }
                }
            } else if open {
                let step = transcript.steps.last_mut().expect("invariant: an open step exists");
                step.expected += 1;
                continue;
            } else {
                return Err(wrong("neither a command, a directive nor a comment"));
            };
            open = matches!(act, Act::Command(_) | Act::Raw(_) | Act::Read);
            let (how, only) = if open { (std::mem::take(&mut how), only.take()) } else { Default::default() };
            transcript.steps.push(Step { line: index, act, how, only, expected: 0 });
        }
        transcript.lines = lines;
        Ok(transcript)
    }

    /// The commands that are typed in it, as words, without those that name an earlier reply.
    pub fn commands(&self) -> impl Iterator<Item = Vec<Vec<u8>>> {
        self.steps.iter().filter_map(|step| match &step.act {
            Act::Command(line) if !line.contains("${") => words::split(line).ok(),
            _ => None,
        })
    }

    /// Runs it against a fresh server.
    ///
    /// # Errors
    /// Every reply that is not as written, with its line.
    pub fn check(&self, path: &Path, backend: Backend) -> Result<(), String> {
        let server = Server::start_with(backend, &self.arguments)?;
        let mut run = Run::new(&server);
        let (mut report, mut failures) = (String::new(), 0);
        for step in self.steps.iter().filter(|step| step.only.is_none_or(|only| only == backend)) {
            let expected = &self.lines[step.line + 1..][..step.expected];
            let Err(actual) = run.check(step, expected) else { continue };
            failures += 1;
            if failures > FAILURES_SHOWN {
                continue;
            }
            let (file, number) = (path.display(), step.line + 1);
            let _ = writeln!(report, "{file}:{number}: {}", cut(&self.lines[step.line]));
            let _ = writeln!(report, "  expected");
            list(&mut report, expected);
            let _ = writeln!(report, "  {backend} says");
            list(&mut report, &actual);
        }
        for (name, surplus) in run.surplus() {
            failures += 1;
            let _ = writeln!(report, "{}: connection {name} says more than is written down", path.display());
            list(&mut report, &[surplus.to_string()]);
        }
        if failures > FAILURES_SHOWN {
            let _ = writeln!(report, "... and {} more", failures - FAILURES_SHOWN);
        }
        if failures == 0 { Ok(()) } else { Err(report) }
    }

    /// Runs it against the reference and returns the text with the replies it gave.
    ///
    /// # Errors
    /// When the server does not start.
    pub fn record(&self) -> Result<String, String> {
        let server = Server::start_with(Backend::Valkey, &self.arguments)?;
        let mut run = Run::new(&server);
        let mut recorded = Vec::new();
        let mut next = 0;
        for step in &self.steps {
            recorded.extend_from_slice(&self.lines[next..=step.line]);
            next = step.line + 1 + step.expected;
            let expected = &self.lines[step.line + 1..next];
            if step.only == Some(Backend::Scrubjay) {
                recorded.extend_from_slice(expected);
            } else {
                recorded.extend(run.record(step, expected));
            }
        }
        recorded.extend_from_slice(&self.lines[next..]);
        Ok(recorded.join("\n") + "\n")
    }
}

/// The connections and names of one run.
struct Run<'a> {
    server: &'a Server,
    clients: HashMap<String, Client>,
    current: String,
    names: HashMap<String, String>,
}

impl<'a> Run<'a> {
    fn new(server: &'a Server) -> Self {
        Self { server, clients: HashMap::new(), current: "1".to_owned(), names: HashMap::new() }
    }

    /// Does one step; `Err` holds what was answered instead of what is expected.
    fn check(&mut self, step: &Step, expected: &[String]) -> Result<(), Vec<String>> {
        let expected: Vec<String> = expected.iter().map(|line| self.named(line)).collect();
        let deadline = step.how.retry.map(Deadline::after);
        loop {
            let asks = self.act(step)?;
            if !asks {
                return Ok(());
            }
            let actual = self.answers(step, &expected);
            if step.how.rule.accepts(&expected, &actual) {
                return Ok(());
            }
            if deadline.is_none_or(Deadline::is_over) {
                return Err(actual);
            }
            pause(Duration::from_millis(10));
        }
    }

    /// Reads as many replies as are written down (one, when its content is not compared).
    fn answers(&mut self, step: &Step, expected: &[String]) -> Vec<String> {
        let whole = expected.iter().filter(|line| !line.starts_with(' ')).count();
        let count = match &step.how.rule {
            Rule::Any | Rule::Let(_) | Rule::Like => whole.max(1),
            _ => whole,
        };
        let mut actual = Vec::new();
        for index in 0..count {
            let wait = match expected.get(index).map(String::as_str) {
                Some("(nothing)") => SILENCE,
                _ => GENEROUS,
            };
            match self.client().read(wait) {
                Ok(reply) => {
                    self.learn(step, &reply);
                    actual.extend(reply.to_string().lines().map(str::to_owned));
                }
                Err(silence) => {
                    self.unanswered(&silence);
                    actual.push(silence.to_string());
                    break;
                }
            }
        }
        if count == 0 {
            actual.push("(no reply is written down: RECORD=1 fills it in)".to_owned());
        }
        actual
    }

    /// Does one step and returns the reply as it is to be written down.
    fn record(&mut self, step: &Step, expected: &[String]) -> Vec<String> {
        let by_hand = matches!(step.how.rule, Rule::Any | Rule::Let(_) | Rule::Like)
            || step.how.retry.is_some()
            || matches!(step.how.rule, Rule::Near(_)) && !expected.is_empty();
        if by_hand {
            // What its author wrote stays, whether it is right or not: a check will tell.
            let _ = self.check(step, expected);
            return expected.to_vec();
        }
        match self.act(step) {
            Ok(true) => {}
            Ok(false) => return Vec::new(),
            Err(what) => return what,
        }
        let more = if matches!(step.act, Act::Raw(_)) { RECORD_MORE_RAW } else { RECORD_MORE };
        let mut actual = Vec::new();
        let mut wait = RECORD_FIRST;
        loop {
            match self.client().read(wait) {
                Ok(reply) => actual.extend(reply.to_string().lines().map(str::to_owned)),
                Err(Silence::Quiet) if !actual.is_empty() => return actual,
                Err(silence) => {
                    self.unanswered(&silence);
                    actual.push(silence.to_string());
                    return actual;
                }
            }
            wait = more;
        }
    }

    /// Sends what there is to send. `Ok(true)` when a reply is to be read after it.
    fn act(&mut self, step: &Step) -> Result<bool, Vec<String>> {
        let sent = match &step.act {
            Act::Command(line) => {
                let words = words::split(&self.named(line)).map_err(|what| vec![what])?;
                self.client().send(&words)
            }
            Act::Raw(line) => {
                let words = words::split(&self.named(line)).map_err(|what| vec![what])?;
                self.client().send_bytes(&words.concat())
            }
            Act::Read => Ok(()),
            Act::Protocol(version) => {
                let reply = self.client().command(&["HELLO", &version.to_string()]);
                return match reply {
                    Ok(reply) if !reply.is_error() => Ok(false),
                    Ok(reply) => Err(vec![reply.to_string()]),
                    Err(silence) => Err(vec![silence.to_string()]),
                };
            }
            Act::Connection(name) => {
                self.current.clone_from(name);
                // Opened now, so that it is there for CLIENT LIST whether or not it says anything.
                self.client();
                return Ok(false);
            }
            Act::Sleep(wait) => {
                pause(*wait);
                return Ok(false);
            }
        };
        // A server that has closed says so when it is read from.
        drop(sent);
        Ok(true)
    }

    fn client(&mut self) -> &mut Client {
        self.clients.entry(self.current.clone()).or_insert_with(|| self.server.connect())
    }

    /// Forgets a connection that is of no more use, so that the next step opens a new one.
    fn unanswered(&mut self, silence: &Silence) {
        if *silence != Silence::Quiet {
            self.clients.remove(&self.current);
        }
    }

    /// What the connections have still to say at the end, which should be nothing.
    fn surplus(&mut self) -> Vec<(String, Reply)> {
        let more = |(name, client): (&String, &mut Client)| {
            client.read(Duration::from_millis(1)).ok().map(|reply| (name.clone(), reply))
        };
        self.clients.iter_mut().filter_map(more).collect()
    }

    fn learn(&mut self, step: &Step, reply: &Reply) {
        if let Rule::Let(name) = &step.how.rule {
            let value = match reply {
                Reply::Integer(number) => number.to_string(),
                other => other.bytes().map(words::escape).unwrap_or_else(|| other.to_string()),
            };
            self.names.insert(name.clone(), value);
        }
    }

    fn named(&self, line: &str) -> String {
        let replace =
            |line: String, (name, value): (&String, &String)| line.replace(&format!("${{{name}}}"), value);
        self.names.iter().fold(line.to_owned(), replace)
    }
}

impl Rule {
    fn accepts(&self, expected: &[String], actual: &[String]) -> bool {
        match self {
            Self::Exact => expected == actual,
            Self::Any | Self::Let(_) => {
                actual.first().is_none_or(|line| line != "(closed)" && line != "(nothing)")
            }
            Self::Unordered => sorted(expected) == sorted(actual),
            Self::Near(distance) => {
                expected.len() == actual.len()
                    && expected.iter().zip(actual).all(|(left, right)| near(left, right, *distance))
            }
            Self::Like => like(expected, actual),
        }
    }
}

/// The lines with the children of every line sorted, deepest first.
fn sorted(lines: &[String]) -> Vec<String> {
    let depth = |line: &String| line.len() - line.trim_start_matches(' ').len();
    let Some(top) = lines.iter().map(depth).min() else { return Vec::new() };
    let mut blocks: Vec<Vec<String>> = Vec::new();
    for line in lines {
        match blocks.last_mut() {
            Some(block) if depth(line) > top => block.push(line.clone()),
            _ => blocks.push(vec![line.clone()]),
        }
    }
    for block in &mut blocks {
        let children = sorted(&block[1..]);
        block.splice(1.., children);
    }
    // The replies of one step keep their order; only elements lose it.
    if top > 0 {
        blocks.sort();
    }
    blocks.concat()
}

/// Whether two lines are the same but for numbers that differ by no more than `distance`.
fn near(expected: &str, actual: &str, distance: f64) -> bool {
    let pieces = |line: &str| {
        let mut pieces: Vec<String> = vec![String::new()];
        let mut in_number = false;
        for letter in line.chars() {
            let number = letter.is_ascii_digit() || letter == '.' && in_number;
            if number != in_number {
                pieces.push(String::new());
                in_number = number;
            }
            pieces.last_mut().expect("invariant: never empty").push(letter);
        }
        pieces
    };
    let (expected, actual) = (pieces(expected), pieces(actual));
    expected.len() == actual.len()
        && expected.iter().zip(&actual).all(|(left, right)| {
            left == right
                || matches!((left.parse::<f64>(), right.parse::<f64>()),
                    (Ok(left), Ok(right)) if (left - right).abs() <= distance)
        })
}

/// Whether the lines match, where `...` stands for anything.
fn like(expected: &[String], actual: &[String]) -> bool {
    match (expected.split_first(), actual.split_first()) {
        (None, None) => true,
        (None, Some(_)) => false,
        (Some((first, rest)), _) if first.trim() == "..." => {
            (0..=actual.len()).any(|skipped| like(rest, &actual[skipped..]))
        }
        (Some(_), None) => false,
        (Some((first, rest)), Some((line, lines))) => line_like(first, line) && like(rest, lines),
    }
}

fn line_like(pattern: &str, line: &str) -> bool {
    let Some((before, after)) = pattern.split_once("...") else { return pattern == line };
    let Some(rest) = line.strip_prefix(before) else { return false };
    (0..=rest.len())
        .filter(|&skipped| rest.is_char_boundary(skipped))
        .any(|skipped| line_like(after, &rest[skipped..]))
}

/// Adds lines to a report, indented.
fn list(report: &mut String, lines: &[String]) {
    for line in lines {
        let _ = writeln!(report, "    {}", cut(line));
    }
}

/// A line short enough for a report.
fn cut(line: &str) -> String {
    const ROOM: usize = 1000;
    match line.char_indices().nth(ROOM) {
        Some((end, _)) => format!("{}... ({} bytes)", &line[..end], line.len()),
        None => line.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_reply_belongs_to_the_line_above_it() {
        let text = "# why\n@server --maxmemory 1mb\n@near 2\n> TTL k\n:10\n\n>> \"PING\\r\\n\"\n+PONG\n#t\n@sleep 1\n";
        let transcript = Transcript::parse(text).unwrap();
        assert_eq!(transcript.arguments, ["--maxmemory", "1mb"]);
        let steps: Vec<_> = transcript.steps.iter().map(|step| (step.line, step.expected)).collect();
        assert_eq!(steps, [(3, 1), (6, 2), (9, 0)]);
        assert!(matches!(transcript.steps[0].how.rule, Rule::Near(2.0)));
        assert!(matches!(transcript.steps[1].how.rule, Rule::Exact));
    }

    #[test]
    fn what_is_not_understood_names_its_line() {
        for (text, line) in
            [("GET k", 1), ("> GET k\n\n:1", 3), ("@no", 1), ("@sleep x", 1), ("@valkey only:", 1)]
        {
            let wrong = Transcript::parse(text).unwrap_err();
            assert!(wrong.starts_with(&format!("line {line}:")), "{wrong}");
        }
    }

    #[test]
    fn elements_may_come_in_any_order_at_any_depth() {
        let one = lines("*2\n  \"0\"\n  *2\n    \"a\"\n    \"b\"\n+OK");
        let two = lines("*2\n  *2\n    \"b\"\n    \"a\"\n  \"0\"\n+OK");
        assert!(Rule::Unordered.accepts(&one, &two));
        assert!(!Rule::Unordered.accepts(&one, &lines("*2\n  \"0\"\n  *2\n    \"a\"\n    \"c\"\n+OK")));
        assert!(!Rule::Unordered.accepts(&lines("+OK\n:1"), &lines(":1\n+OK")));
    }

    #[test]
    fn near_and_like_allow_what_they_say_and_no_more() {
        assert!(near(":100", ":98", 2.0) && !near(":100", ":97", 2.0) && !near(":100", ":-100", 200.0));
        assert!(near("\"x 1.5 y\"", "\"x 1.25 y\"", 0.5) && !near("a1", "b1", 9.0));
        assert!(line_like("a...c...", "abcd") && !line_like("a...x", "abcd") && line_like("...", ""));
        assert!(like(&lines("*2\n...\n  :2"), &lines("*2\n  :1\n  :2")));
        assert!(!like(&lines("*2\n...\n  :3"), &lines("*2\n  :1\n  :2")));
    }
}
