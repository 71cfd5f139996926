//! Which clients CLIENT LIST and KILL mean: their options, and the same with `NOT-` in front.

use std::collections::HashSet;
use std::sync::atomic::Ordering::Relaxed;

use super::line::{capabilities, flags};
use crate::command::Ctx;
use crate::command::connection::auth::DEFAULT_USER;
use crate::config::Config;
use crate::error::Error;
use crate::resp::number;
use crate::session::clients::Client;

/// The clients that one call means.
#[derive(Debug, Default)]
pub(super) struct Filter<'a> {
    /// All that is given here must hold.
    only: Criteria<'a>,
    /// None that is given here may hold: the `NOT-` forms.
    not: Criteria<'a>,
    /// `SKIPME`; what holds without it depends on the command.
    pub(super) skip_me: Option<bool>,
    /// How many options were given.
    pub(super) options: usize,
}

/// How the report names several numbers after one ID.
pub(super) const SEVERAL_IDS: &str = "ID with several";
/// What a server was called a master before.
const PRIMARY: &[u8] = b"PRIMARY";

/// What can be asked of a client. Given twice, the later one counts; ids are added up.
#[derive(Debug, Default)]
struct Criteria<'a> {
    ids: Option<HashSet<u64>>,
    class: Option<Class>,
    user: Option<&'a [u8]>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    ip: Option<&'a [u8]>,
    flags: Option<&'a [u8]>,
    name: Option<&'a [u8]>,
    lib_name: Option<&'a [u8]>,
    lib_ver: Option<&'a [u8]>,
    db: Option<u16>,
    capabilities: Option<&'a [u8]>,
    age_seconds: Option<u64>,
    idle_seconds: Option<u64>,
}

/// What a client is to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Normal,
    Primary,
    Replica,
    PubSub,
}

impl Class {
    fn of(client: &Client) -> Self {
        if client.is_subscriber() { Self::PubSub } else { Self::Normal }
    }
}

impl<'a> Filter<'a> {
    /// Reads the options behind the subcommand.
    pub(super) fn parse(ctx: &Ctx<'a, '_>) -> Result<Self, Error> {
        let (args, config) = (ctx.args, &ctx.shared.config);
        let mut filter = Self::default();
        let mut index = 2;
        while let Some(option) = args.get(index) {
            // Every option has a value; one without is not known.
            let value = args.get(index + 1).ok_or(Error::Syntax)?;
            if !ctx.has(option) {
                return Err(Error::Syntax);
            }
            let option = option.to_ascii_lowercase();
            index += 2;
            filter.options += 1;
            let (name, negated) = match option.strip_prefix(b"not-") {
                Some(name) => (name, true),
                None => (option.as_slice(), false),
            };
            let criteria = if negated { &mut filter.not } else { &mut filter.only };
            match name {
                b"skipme" if !negated => filter.skip_me = Some(yes_or_no(value)?),
                b"maxage" if !negated => criteria.age_seconds = Some(seconds(value, "maxage")?),
                b"idle" if !negated => criteria.idle_seconds = Some(seconds(value, "idle")?),
                b"id" => {
                    let ids = criteria.ids.get_or_insert_default();
                    ids.insert(id(value).ok_or(Error::Syntax)??);
                    while let Some(next) = args.get(index).and_then(id) {
                        if !ctx.has(SEVERAL_IDS) {
                            return Err(Error::Syntax);
                        }
                        ids.insert(next?);
                        index += 1;
                    }
                }
                b"type" if value.eq_ignore_ascii_case(PRIMARY) && !ctx.has(PRIMARY) => {
                    return Err(unknown_class(value));
                }
                name => criteria.put(name, value, negated, config)?,
            }
        }
        Ok(filter)
    }

    /// Whether it means this client; `skip_me` is the caller's to see to.
    pub(super) fn matches(&self, client: &Client, now: u64) -> bool {
        self.only.hold(client, now).into_iter().flatten().all(|holds| holds)
            && !self.not.hold(client, now).into_iter().flatten().any(|holds| holds)
    }
}

impl<'a> Criteria<'a> {
    /// Reads one of the options that there are with and without `NOT-`.
    fn put(&mut self, name: &[u8], value: &'a [u8], negated: bool, config: &Config) -> Result<(), Error> {
        match name {
            b"type" => self.class = Some(class(value)?),
            b"user" if value == DEFAULT_USER => self.user = Some(value),
            b"user" => return Err(Error::quoting("ERR No such user '", value, "'")),
            b"addr" => self.address = Some(value),
            b"laddr" => self.local_address = Some(value),
            b"ip" => self.ip = Some(value),
            b"name" => self.name = Some(value),
            b"lib-name" => self.lib_name = Some(value),
            b"lib-ver" => self.lib_ver = Some(value),
            b"db" => self.db = Some(db(value, negated, config)?),
            b"flags" => self.flags = Some(letters(value, FLAGS, "flags", negated)?),
            b"capa" => self.capabilities = Some(letters(value, CAPABILITIES, "capa", negated)?),
            _ => return Err(Error::Syntax),
        }
        Ok(())
    }

    /// For each thing that is asked, whether it holds of this client.
    fn hold(&self, client: &Client, now: u64) -> [Option<bool>; 14] {
        let names = client.names.lock();
        // A name that was not given is none, and not the empty one.
        let is = |name: &[u8], asked: &[u8]| !name.is_empty() && name == asked;
        let all_in = |letters: &[u8], asked: &[u8]| asked.iter().all(|letter| letters.contains(letter));
        [
            self.ids.as_ref().map(|ids| ids.contains(&client.id)),
            self.class.map(|class| class == Class::of(client)),
            self.user.map(|user| user == DEFAULT_USER),
            self.address.map(|asked| client.peer.address().as_bytes() == asked),
            self.local_address.map(|asked| client.peer.local_address().as_bytes() == asked),
            self.ip.map(|asked| client.peer.ip().is_some_and(|ip| ip.as_bytes() == asked)),
            self.flags.map(|asked| all_in(flags(client).as_bytes(), asked)),
            self.name.map(|asked| is(&names.name, asked)),
            self.lib_name.map(|asked| is(&names.lib_name, asked)),
            self.lib_ver.map(|asked| is(&names.lib_ver, asked)),
            self.db.map(|asked| client.db.load(Relaxed) == asked),
            self.capabilities.map(|asked| all_in(capabilities(client).as_bytes(), asked)),
            self.age_seconds.map(|least| client.age_seconds(now) >= least),
            self.idle_seconds.map(|least| client.idle_seconds(now) >= least),
        ]
    }
}

/// The letters that Valkey knows, whether or not a client of ours can ever have them.
const FLAGS: &[u8] = b"ABEIMNOPRSTUbcdeirtux";
const CAPABILITIES: &[u8] = b"r";

/// A number is an id, or an error when no client can have it.
fn id(value: &[u8]) -> Option<Result<u64, Error>> {
    let number = number::parse_i64(value)?;
    let id = u64::try_from(number).ok().filter(|id| *id > 0);
    Some(id.ok_or(Error::Text("ERR client-id should be greater than 0")))
}

fn yes_or_no(value: &[u8]) -> Result<bool, Error> {
    if value.eq_ignore_ascii_case(b"yes") {
        Ok(true)
    } else if value.eq_ignore_ascii_case(b"no") {
        Ok(false)
    } else {
        Err(Error::Syntax)
    }
}

fn seconds(value: &[u8], option: &str) -> Result<u64, Error> {
    let Some(number) = number::parse_i64(value) else {
        return Err(Error::Owned(format!("ERR {option} is not an integer or out of range")));
    };
    let seconds = u64::try_from(number).ok().filter(|seconds| *seconds > 0);
    seconds.ok_or_else(|| Error::Owned(format!("ERR {option} should be greater than 0")))
}

fn class(value: &[u8]) -> Result<Class, Error> {
    Ok(match value.to_ascii_lowercase().as_slice() {
        b"normal" => Class::Normal,
        b"primary" | b"master" => Class::Primary,
        b"replica" | b"slave" => Class::Replica,
        b"pubsub" => Class::PubSub,
        _ => return Err(unknown_class(value)),
    })
}

fn unknown_class(value: &[u8]) -> Error {
    Error::quoting("ERR Unknown client type '", value, "'")
}

fn db(value: &[u8], negated: bool, config: &Config) -> Result<u16, Error> {
    let option = if negated { "NOT-DB" } else { "DB" };
    let Some(number) = number::parse_i64(value).and_then(|number| i32::try_from(number).ok()) else {
        return Err(Error::Owned(format!("ERR {option} is not an integer or out of range")));
    };
    let count = config.databases();
    let db = u16::try_from(number).ok().filter(|db| u32::from(*db) < count);
    db.ok_or_else(|| {
        Error::Owned(format!("ERR {option} number should be between 0 and {}", count.saturating_sub(1)))
    })
}

/// Letters as C reads them: up to the first NUL.
fn letters<'a>(value: &'a [u8], known: &[u8], what: &str, negated: bool) -> Result<&'a [u8], Error> {
    let letters = value.split(|byte| *byte == 0).next().unwrap_or_default();
    if letters.iter().all(|letter| known.contains(letter)) {
        return Ok(letters);
    }
    let filter = match negated {
        true => format!("NOT-{} filter", what.to_ascii_uppercase()),
        false => "provided filter".to_owned(),
    };
    Err(Error::quoting(&format!("ERR Unknown {what} found in the {filter}: "), letters, ""))
}
