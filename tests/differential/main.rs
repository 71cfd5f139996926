//! The same random bytes to Scrubjay and to Valkey, and every reply compared.
//!
//! Two tests run side by side, each against a pair of servers of its own: sequences of commands
//! (`commands.rs` says which), and streams of bytes that are only sometimes commands. Each runs for
//! `FUZZ_SECONDS` (default 5), from a random seed or from `SEED`, and prints the seed of a failure. Proptest
//! shrinks what fails to what still fails. `ONLY="zadd zrange"` sends no other commands.
//!
//! A sequence begins with the parameters that decide how values are held, mostly odd ones, so that a few
//! commands cross every threshold. It ends with what listeners were told of events and of keys to forget
//! (`heard.rs`), with a look at all that it has left behind, and with an exchange (`exchange.rs`): what
//! either server dumps, the other restores.
#![forbid(unsafe_code)]

mod commands;
mod compare;
mod exchange;
mod grammar;
mod heard;
mod pools;

use std::collections::BTreeSet;
use std::fmt::{self, Write as _};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::{Read, Write as _};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};
use scrubjay_tests::patience::{Deadline, GENEROUS, pause};
use scrubjay_tests::server::{Backend, Server, references};
use scrubjay_tests::wire::{Client, Reply, Silence, encode};
use scrubjay_tests::words;

use commands::{COMMANDS, NEVER_SENT, PARAMETERS};
use grammar::{Words, command, keys, undamaged};
use heard::{Cacher, Listener};

/// Sequences from one seed. A failure is shrunk within its seed, so few is better.
const CASES_PER_SEED: u32 = 8;
/// After a command whose deadline is one millisecond away.
const UNTIL_EXPIRED: Duration = Duration::from_millis(4);

/// Commands on one connection.
#[derive(Clone)]
struct Sequence {
    resp3: bool,
    /// How many commands are sent before their replies are read.
    batch: usize,
    /// `CONFIG SET` of all parameters that matter.
    parameters: Words,
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
struct Step {
    words: Words,
    expires: bool,
}

/// As a transcript would have it.
impl fmt::Debug for Sequence {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "in batches of {}", self.batch)?;
        if self.resp3 {
            writeln!(out, "@resp3")?;
        }
        writeln!(out, "> {}", typed(&self.parameters))?;
        for step in &self.steps {
            writeln!(out, "> {}", typed(&step.words))?;
            if step.expires {
                writeln!(out, "@sleep {}", UNTIL_EXPIRED.as_millis())?;
            }
        }
        Ok(())
    }
}

/// The command as a person would type it, unless it would take a long time.
fn typed(words: &Words) -> String {
    let shown = words.iter().map(|word| match word.split_at_checked(300) {
        Some((start, rest)) => format!("{}...and {} bytes", words::join(&[start]), rest.len()),
        None => words::join(&[word]),
    });
    shown.collect::<Vec<_>>().join(" ")
}

fn sequences(known: &BTreeSet<String>) -> impl Strategy<Value = Sequence> {
    let only = std::env::var("ONLY").unwrap_or_default().to_ascii_lowercase();
    let steps: Vec<_> = COMMANDS
        .iter()
        .filter_map(|line| {
            let (line, expires) = line.strip_prefix('~').map_or((*line, false), |line| (line, true));
            let (line, waits) = line.strip_prefix('!').map_or((line, false), |line| (line, true));
            let name = line.split(' ').next().expect("invariant: a line has a first word");
            // Commands of later days, listed already, are asked of both once we have them.
            let name = name.to_ascii_lowercase();
            let wanted = only.is_empty() || only.split_whitespace().any(|only| only == name);
            let ask = wanted && (known.contains(&name) || name == "word");
            ask.then(|| {
                let words = if waits { undamaged(line) } else { command(line) };
                (expires, words.prop_map(move |words| Step { words: followed(words), expires }).boxed())
            })
        })
        .collect();
    // What is queued runs when nobody pauses after it.
    let calm = steps.iter().filter(|(expires, _)| !expires).map(|(_, step)| step.clone());
    let calm = prop::strategy::Union::new(calm);
    let step = prop::strategy::Union::new(steps.into_iter().map(|(_, step)| step));
    let steps = prop_oneof![
        15 => step.prop_map(|step| vec![step]),
        1 => transaction(calm),
    ];
    let batch = select(vec![1, 1, 4, 32]);
    (any::<bool>(), batch, parameters(), prop::collection::vec(steps, 1..60)).prop_map(
        |(resp3, batch, parameters, steps)| Sequence { resp3, batch, parameters, steps: steps.concat() },
    )
}

/// Something queued and run, with more or less between what it depends on and its end.
fn transaction(step: impl Strategy<Value = Step> + Clone + 'static) -> impl Strategy<Value = Vec<Step>> {
    let line = |line: &str| undamaged(line).prop_map(|words| Step { words, expires: false });
    let watch = prop::collection::vec(line("WATCH key..."), 0..2);
    let before = prop::collection::vec(step.clone(), 0..3);
    let queued = prop::collection::vec(step, 0..8);
    (watch, before, line("MULTI"), queued, line("(EXEC|EXEC|EXEC|DISCARD)")).prop_map(
        |(watch, before, multi, queued, end)| {
            watch.into_iter().chain(before).chain([multi]).chain(queued).chain([end]).collect()
        },
    )
}

/// A third of the time the defaults, which a failure is shrunk to as well.
fn parameters() -> impl Strategy<Value = Words> {
    let words = |values: Vec<&'static str>| {
        let names = PARAMETERS.iter().map(|(name, _)| *name);
        let pairs = names.zip(values).flat_map(|(name, value)| [name, value]);
        ["CONFIG", "SET"].into_iter().chain(pairs).map(|word| word.as_bytes().to_vec()).collect()
    };
    let defaults: Vec<_> = PARAMETERS.iter().map(|(_, values)| values[0]).collect();
    let odd: Vec<_> = PARAMETERS.iter().map(|(_, values)| select(*values)).collect();
    prop_oneof![1 => Just(defaults), 2 => odd].prop_map(words)
}

/// The words, but for three that no other server could follow. XADD is not asked for an id of the server's
/// own clock, which nothing after it would agree on. HSETEX is not given a key that reads as one of its
/// options: Valkey 9.1.2 then drops the key with the option, and tells its event of the next word. SORT does
/// not look keys up of some elements alone: which those are hangs on the order of a set, and misses are told.
fn followed(mut words: Words) -> Words {
    const CONDITIONS: [&[u8]; 4] = [b"NX", b"XX", b"FNX", b"FXX"];
    if words[0].eq_ignore_ascii_case(b"XADD") {
        words.iter_mut().filter(|word| *word == b"*").for_each(|word| *word = b"1-*".to_vec());
    }
    if words[0].eq_ignore_ascii_case(b"HSETEX") {
        let key = words.get_mut(1).filter(|key| CONDITIONS.iter().any(|word| key.eq_ignore_ascii_case(word)));
        key.into_iter().for_each(|key| *key = b"a".to_vec());
    }
    let is = |word: &[u8], name: &[u8]| word.eq_ignore_ascii_case(name);
    if (is(&words[0], b"SORT") || is(&words[0], b"SORT_RO")) && words.iter().any(|word| is(word, b"LIMIT")) {
        for at in 1..words.len() {
            if is(&words[at - 1], b"GET") {
                words[at] = b"#".to_vec();
            }
        }
    }
    words
}

#[test]
fn commands_are_answered_as_valkey_answers_them() {
    let Some(pair) = Pair::start() else { return };
    let known = match pair.ours.connect().typed("COMMAND LIST") {
        Ok(Reply::Array(names) | Reply::Set(names)) => names.iter().filter_map(Reply::text).collect(),
        other => panic!("COMMAND LIST answers {other:?}"),
    };
    search("command sequences", sequences(&known), |sequence| pair.run(sequence));
}

/// A new command needs a line in `commands.rs`.
#[test]
fn every_command_is_sent() {
    let server = Server::start(Backend::Scrubjay).unwrap_or_else(|why| panic!("{why}"));
    let commands = server.connect().typed("COMMAND LIST").expect("a reply");
    let commands = commands.elements().expect("a list of names").iter().filter_map(Reply::text);
    let sent: BTreeSet<String> = COMMANDS
        .iter()
        .chain(&["MULTI", "EXEC", "DISCARD"])
        .filter_map(|line| line.trim_start_matches(['~', '!']).split(' ').next())
        .map(str::to_ascii_lowercase)
        .collect();
    let missing: Vec<String> = commands
        .filter(|command| !command.contains('|') && !sent.contains(command))
        .filter(|command| !NEVER_SENT.contains(&command.as_str()))
        .collect();
    assert!(missing.is_empty(), "no line of commands.rs sends {missing:?}");
}

#[test]
fn bytes_are_answered_as_valkey_answers_them() {
    let Some(pair) = Pair::start() else { return };
    search("streams of bytes", streams(), |Stream(bytes)| pair.feed(bytes));
}

/// Two servers, empty at the start of each case.
struct Pair {
    ours: Server,
    theirs: Server,
}

impl Pair {
    fn start() -> Option<Self> {
        if !references().contains(&Backend::Valkey) {
            return None;
        }
        // On a busy machine any command may be slow, and the log of those is asked for by chance.
        let arguments = ["--hz", "500", "--slowlog-log-slower-than", "-1"];
        let start = |backend| Server::start_with(backend, &arguments).unwrap_or_else(|why| panic!("{why}"));
        Some(Self { ours: start(Backend::Scrubjay), theirs: start(Backend::Valkey) })
    }

    fn run(&self, sequence: &Sequence) -> Result<usize, String> {
        let mut ours = self.ours.connect();
        let mut theirs = self.theirs.connect();
        let hello = ["HELLO", if sequence.resp3 { "3" } else { "2" }];
        for client in [&mut ours, &mut theirs] {
            for line in ["FLUSHALL", "SCRIPT FLUSH", "FUNCTION FLUSH"] {
                client.typed(line).map_err(|why| why.to_string())?;
            }
            client.command(&hello).map_err(|why| why.to_string())?;
        }
        let mut listeners = [Listener::subscribe(&self.ours)?, Listener::subscribe(&self.theirs)?];
        let mut cachers = [Cacher::track(&self.ours)?, Cacher::track(&self.theirs)?];
        let mut talk = Talk { ours, theirs, queued: Vec::new() };
        let parameters = Step { words: sequence.parameters.clone(), expires: false };
        talk.answer_alike(&[&parameters])?;
        let mut waiting: Vec<&Step> = Vec::new();
        for (index, step) in sequence.steps.iter().enumerate() {
            waiting.push(step);
            if step.expires || waiting.len() >= sequence.batch || index + 1 == sequence.steps.len() {
                talk.answer_alike(&waiting)?;
                waiting.clear();
                if step.expires {
                    pause(UNTIL_EXPIRED);
                    // Valkey counts a dead key until someone asks for it (or its sampling comes by).
                    let look = Step {
                        words: [b"EXISTS".to_vec()].into_iter().chain(keys()).collect(),
                        expires: false,
                    };
                    talk.answer_alike(&[&look])?;
                }
            }
        }
        let [ours, theirs] = &mut listeners;
        // In this order: whatever is over by the end of the first is told by the second.
        let [our, their] = &mut cachers;
        let (our_stale, their_stale) = (our.stale()?, their.stale()?);
        let (ours, theirs) = (ours.heard()?, theirs.heard()?);
        heard::alike(&ours, &theirs)?;
        heard::stale_alike(&our_stale, &their_stale, [&ours, &theirs])?;
        talk.hold_alike()?;
        Ok(sequence.steps.len())
    }

    fn feed(&self, bytes: &[u8]) -> Result<usize, String> {
        let answer = |server: &Server| {
            // What arrives is not kept from the next case.
            server.connect().typed("FLUSHALL").map_err(|why| why.to_string())?;
            let mut stream = TcpStream::connect(server.address()).map_err(|why| why.to_string())?;
            stream.set_read_timeout(Some(GENEROUS)).map_err(|why| why.to_string())?;
            stream.write_all(bytes).map_err(|why| why.to_string())?;
            // The end of the stream tells the server that there is no more, and so tells us when it has said
            // all.
            drop(stream.shutdown(Shutdown::Write));
            let mut said = Vec::new();
            match stream.read_to_end(&mut said) {
                Err(why) if why.kind() == std::io::ErrorKind::WouldBlock => {
                    Err(format!("{} does not close the connection", server.backend))
                }
                _ => Ok(said),
            }
        };
        let (ours, theirs) = (answer(&self.ours)?, answer(&self.theirs)?);
        if ours == theirs {
            return Ok(1);
        }
        Err(format!(
            "Scrubjay says \"{}\"\nValkey says   \"{}\"",
            words::escape(&ours),
            words::escape(&theirs)
        ))
    }
}

/// Whether this asks for a value's references: in Valkey the queue of a transaction has one of each argument.
fn is_refcount(words: &Words) -> bool {
    let is = |index: usize, name: &[u8]| words.get(index).is_some_and(|word| word.eq_ignore_ascii_case(name));
    is(0, b"OBJECT") && is(1, b"REFCOUNT")
}

/// A connection to each of the two.
struct Talk {
    ours: Client,
    theirs: Client,
    /// What both have queued for EXEC.
    queued: Vec<Words>,
}

impl Talk {
    /// Whether two replies count as the same; those of EXEC, one by one.
    fn same(&mut self, words: &Words, ours: &Reply, theirs: &Reply) -> bool {
        if words[0].eq_ignore_ascii_case(b"MULTI") {
            self.queued.clear();
        }
        if theirs.text().as_deref() == Some("QUEUED") {
            self.queued.push(words.clone());
        }
        if !words[0].eq_ignore_ascii_case(b"EXEC") {
            return compare::same(words, ours, theirs);
        }
        match (ours.elements(), theirs.elements()) {
            (Some(ours), Some(theirs)) => {
                ours.len() == theirs.len()
                    && theirs.len() == self.queued.len()
                    && self.queued.iter().zip(ours.iter().zip(theirs)).all(|(words, (ours, theirs))| {
                        is_refcount(words) || compare::same(words, ours, theirs)
                    })
            }
            _ => ours == theirs,
        }
    }

    /// Sends commands to both and compares what they say.
    fn answer_alike(&mut self, steps: &[&Step]) -> Result<(), String> {
        let bytes: Vec<u8> = steps.iter().flat_map(|step| encode(&step.words)).collect();
        let sent = |client: &mut Client| client.send_bytes(&bytes).map_err(|_| Silence::Closed.to_string());
        sent(&mut self.ours)?;
        sent(&mut self.theirs)?;
        for step in steps {
            let (our, their) = (self.ours.read(GENEROUS), self.theirs.read(GENEROUS));
            let alike = match (&our, &their) {
                (Ok(our), Ok(their)) => self.same(&step.words, our, their),
                (our, their) => our == their,
            };
            if !alike {
                let shown = |reply: Result<Reply, Silence>| {
                    reply.map_or_else(|silence| silence.to_string(), |reply| reply.to_string())
                };
                let typed = typed(&step.words);
                return Err(format!(
                    "> {typed}\nScrubjay says\n{}\nValkey says\n{}",
                    shown(our),
                    shown(their)
                ));
            }
        }
        Ok(())
    }

    /// Compares what a sequence has left behind: the keys as KEYS and as a whole SCAN have them, and each
    /// entry.
    fn hold_alike(&mut self) -> Result<(), String> {
        let step = |line: &str, key: Option<&[u8]>| {
            let mut words = words::split(line).expect("invariant: well-formed");
            words.extend(key.map(<[u8]>::to_vec));
            Step { words, expires: false }
        };
        let steps = [step("HELLO 2", None), step("KEYS *", None)];
        self.answer_alike(&steps.iter().collect::<Vec<_>>())?;

        let keys = scan(&mut self.theirs)?;
        let scanned = scan(&mut self.ours)?;
        if keys != scanned {
            let shown = |keys: &BTreeSet<Vec<u8>>| words::join(&keys.iter().collect::<Vec<_>>());
            return Err(format!(
                "a whole SCAN\nScrubjay has {}\nValkey has   {}",
                shown(&scanned),
                shown(&keys)
            ));
        }
        // Valkey counts what has expired until it meets it, which it has now.
        self.answer_alike(&[&step("DBSIZE", None)])?;
        for key in &keys {
            let facts = ["TYPE", "PTTL", "OBJECT ENCODING"].map(|question| step(question, Some(key)));
            self.answer_alike(&facts.iter().collect::<Vec<_>>())?;
            let kind = self.theirs.command(&[b"TYPE", &key[..]]).map_err(|why| why.to_string())?;
            let name = words::join(&[key]);
            let whole = match kind.text().as_deref() {
                Some("string") => vec![format!("GET {name}")],
                Some("list") => vec![format!("LRANGE {name} 0 -1")],
                Some("set") => vec![format!("SMEMBERS {name}")],
                Some("zset") => vec![format!("ZRANGE {name} 0 -1 WITHSCORES")],
                Some("hash") => vec![format!("HGETALL {name}")],
                Some("stream") => vec![
                    format!("XRANGE {name} - +"),
                    format!("XINFO STREAM {name}"),
                    format!("XINFO GROUPS {name}"),
                ],
                other => return Err(format!("{name} has the type {other:?}")),
            };
            for question in whole {
                self.answer_alike(&[&step(&question, None)])?;
            }
            exchange::exchange(&mut self.ours, &mut self.theirs, key)?;
        }
        Ok(())
    }
}

fn scan(client: &mut Client) -> Result<BTreeSet<Vec<u8>>, String> {
    let (mut keys, mut cursor) = (BTreeSet::new(), "0".to_owned());
    loop {
        let reply = client.command(&["SCAN", &cursor]).map_err(|why| why.to_string())?;
        let parts = reply.elements().filter(|parts| parts.len() == 2);
        let [next, found] = parts.ok_or_else(|| format!("SCAN answers {reply}"))? else { unreachable!() };
        keys.extend(
            found.elements().unwrap_or_default().iter().filter_map(|key| key.bytes().map(<[u8]>::to_vec)),
        );
        cursor = next.text().ok_or_else(|| format!("SCAN answers {reply}"))?;
        if cursor == "0" {
            return Ok(keys);
        }
    }
}

/// A stream of bytes, shown as one line.
#[derive(Clone)]
struct Stream(Vec<u8>);

impl fmt::Debug for Stream {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, ">> \"{}\"", words::escape(&self.0))
    }
}

/// Commands, inline and not, with pieces between them that are neither. Each stream is read in one go by
/// either server, so that where a reader's buffer ends makes no difference.
fn streams() -> impl Strategy<Value = Stream> {
    const PIECES: &[&str] = &[
        "PING\r\n",
        "PING\n",
        "\r\n",
        "\n",
        "SET a \"b c\"\r\n",
        "SET a 'b'\r\n",
        "SET a \"b\r\n",
        "SET a \"b\"c\r\n",
        "GET a\r\n",
        "   \r\n",
        "PING \"\\x41\\n\"\r\n",
        "*1\r\n$4\r\nPING\r\n",
        "*2\r\n$3\r\nGET\r\n$1\r\na\r\n",
        "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$5\r\nhowdy\r\n",
        "*0\r\n",
        "*-1\r\n",
        "*-10\r\n",
        "*1\r\n",
        "*x\r\n",
        "*\r\n",
        "* 1\r\n",
        "*+1\r\n",
        "*01\r\n",
        "*1\n",
        "*2147483648\r\n",
        "*9223372036854775807\r\n",
        "*99999999999999999999\r\n",
        "*1048577\r\n",
        "$4\r\n",
        "$-1\r\n",
        "$x\r\n",
        "$\r\n",
        "$536870913\r\n",
        "$99999999999999999999\r\n",
        "PING",
        "PINGPING",
        ":1\r\n",
        "+OK\r\n",
        "-ERR\r\n",
        "_\r\n",
        "%1\r\n",
        "*1\r\nPING\r\n",
        "*1\r\n:1\r\n",
        "*1\r\n$4\r\nPINGxx",
        "*1\r\n$0\r\n\r\n",
        "\0\0\r\n",
        "*1\r\n$3\r\nPING\r\n",
        "GET / HTTP/1.1\r\n",
        "POST / HTTP/1.1\r\n",
        "Host: localhost\r\n",
        "*2\r\n$4\r\nECHO\r\n$3\r\na\r\n\r\n",
    ];
    let piece = prop_oneof![
        12 => select(PIECES).prop_map(|piece| piece.as_bytes().to_vec()),
        // No letters: before a piece that begins with one they would spell commands that only Valkey has.
        1 => prop::collection::vec(any::<u8>(), 0..20)
            .prop_map(|bytes| bytes.into_iter().filter(|byte| !byte.is_ascii_alphabetic()).collect()),
        1 => prop::collection::vec(select(b"*$:+-%_0123456789\r\n PINGET\"'\\x".to_vec()), 0..30),
    ];
    prop::collection::vec(piece, 1..12).prop_map(|pieces| Stream(pieces.concat()))
}

/// Tries cases until the time is over or one fails.
fn search<S: Strategy>(what: &str, strategy: S, run: impl Fn(&S::Value) -> Result<usize, String>)
where
    S::Value: Clone + fmt::Debug,
{
    let variable = |name: &str| {
        let value = std::env::var(name).ok()?;
        Some(value.parse::<u64>().unwrap_or_else(|_| panic!("{name} is a number")))
    };
    let seconds = variable("FUZZ_SECONDS").unwrap_or(5);
    let first = variable("SEED").unwrap_or_else(|| RandomState::new().build_hasher().finish() >> 16);
    eprintln!("{what}: SEED={first} for {seconds} s");
    let deadline = Deadline::after(Duration::from_secs(seconds));
    let (mut cases, mut answers) = (0, 0);
    for seed in first.. {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        let config = Config {
            cases: CASES_PER_SEED,
            max_shrink_iters: 2000,
            failure_persistence: None,
            ..Config::default()
        };
        let counted = std::cell::Cell::new(0);
        let outcome = TestRunner::new_with_rng(config, rng).run(&strategy, |case| {
            let count = run(&case).map_err(TestCaseError::fail)?;
            counted.set(counted.get() + count);
            Ok(())
        });
        if let Err(proptest::test_runner::TestError::Fail(why, case)) = outcome {
            let mut report = String::new();
            let version = Backend::Valkey.version().unwrap_or_default();
            let _ =
                writeln!(report, "{what}: Valkey {version} answers otherwise; SEED={seed} shows it again");
            let _ = writeln!(report, "{case:?}\n{why}");
            panic!("{report}");
        }
        cases += CASES_PER_SEED;
        answers += counted.get();
        if deadline.is_over() {
            break;
        }
    }
    eprintln!("{what}: {cases} of them, {answers} in all, answered alike");
}
