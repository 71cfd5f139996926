//! The types of the parameters that are more than a number or a word.

use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, Ordering::Relaxed,
};

use bytes::Bytes;
use parking_lot::RwLock;

use super::value::{Reason, Value, memory};

/// A type a parameter's value has in [`Settings`](super::Settings), and how many threads share it.
pub(super) trait Field: Sized {
    /// Where threads read it from: an atomic number wherever it is read for every request.
    type Cell;

    fn from_value(value: Value) -> Self;
    fn to_value(&self) -> Value;
    fn cell(&self) -> Self::Cell;
    fn load(cell: &Self::Cell) -> Self;
    fn store(&self, cell: &Self::Cell);
}

/// A declaration whose kind and type do not go together: the tests of the table try every one.
const MISMATCH: &str = "invariant: a parameter's kind gives values of its type";

macro_rules! number_fields {
    ($($number:ty, $cell:ty;)*) => {$(
        impl Field for $number {
            type Cell = $cell;

            fn from_value(value: Value) -> Self {
                match value {
                    Value::Number(number) => Self::try_from(number).expect(MISMATCH),
                    _ => unreachable!("{MISMATCH}"),
                }
            }

            fn to_value(&self) -> Value {
                Value::Number((*self).into())
            }

            fn cell(&self) -> $cell {
                <$cell>::new(*self)
            }

            fn load(cell: &$cell) -> Self {
                cell.load(Relaxed)
            }

            fn store(&self, cell: &$cell) {
                cell.store(*self, Relaxed);
            }
        }
    )*};
}

number_fields! {
    u16, AtomicU16;
    u32, AtomicU32;
    u64, AtomicU64;
    i64, AtomicI64;
}

impl Field for bool {
    type Cell = AtomicBool;

    fn from_value(value: Value) -> Self {
        match value {
            Value::Bool(yes) => yes,
            _ => unreachable!("{MISMATCH}"),
        }
    }

    fn to_value(&self) -> Value {
        Value::Bool(*self)
    }

    fn cell(&self) -> AtomicBool {
        AtomicBool::new(*self)
    }

    fn load(cell: &AtomicBool) -> Self {
        cell.load(Relaxed)
    }

    fn store(&self, cell: &AtomicBool) {
        cell.store(*self, Relaxed);
    }
}

/// Fields that are read seldom: behind a lock, cheap to clone.
macro_rules! locked_fields {
    ($($type:ty, $variant:ident;)*) => {$(
        impl Field for $type {
            type Cell = RwLock<Self>;

            fn from_value(value: Value) -> Self {
                match value {
                    Value::$variant(inner) => inner.into(),
                    _ => unreachable!("{MISMATCH}"),
                }
            }

            fn to_value(&self) -> Value {
                Value::$variant(self.clone().into())
            }

            fn cell(&self) -> Self::Cell {
                RwLock::new(self.clone())
            }

            fn load(cell: &Self::Cell) -> Self {
                cell.read().clone()
            }

            fn store(&self, cell: &Self::Cell) {
                *cell.write() = self.clone();
            }
        }
    )*};
}

locked_fields! {
    Bytes, Text;
    Addresses, Words;
    Percentiles, Percentiles;
}

/// Declares a choice between words once: the type, its words, and how a parameter holds it.
macro_rules! choices {
    ($(
        $(#[doc = $doc:literal])+
        $name:ident { $($(#[doc = $item_doc:literal])+ $item:ident = $word:literal,)+ }
    )*) => {$(
        $(#[doc = $doc])+
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[doc = $item_doc])+ $item,)+
        }

        impl $name {
            /// The words, in the order Valkey lists them when it meets another.
            pub const NAMES: &'static [&'static str] = &[$($word),+];
            const ALL: &'static [Self] = &[$(Self::$item),+];

            /// The one of this word.
            pub fn from_name(word: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|item| item.name() == word)
            }

            /// The word for it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$item => $word,)+
                }
            }
        }

        impl Field for $name {
            type Cell = AtomicU8;

            fn from_value(value: Value) -> Self {
                match value {
                    Value::Choice(at) => *Self::ALL.get(at).expect(MISMATCH),
                    _ => unreachable!("{MISMATCH}"),
                }
            }

            fn to_value(&self) -> Value {
                Value::Choice(*self as usize)
            }

            fn cell(&self) -> AtomicU8 {
                AtomicU8::new(*self as u8)
            }

            fn load(cell: &AtomicU8) -> Self {
                *Self::ALL.get(usize::from(cell.load(Relaxed))).expect(MISMATCH)
            }

            fn store(&self, cell: &AtomicU8) {
                cell.store(*self as u8, Relaxed);
            }
        }
    )*};
}

choices! {
    /// How much is logged.
    LogLevel {
        /// All there is to say.
        Debug = "debug",
        /// Much that is seldom of use.
        Verbose = "verbose",
        /// What a person in charge wants to read.
        Notice = "notice",
        /// Only what is wrong.
        Warning = "warning",
        /// Nothing at all.
        Nothing = "nothing",
    }
    /// Which keys go when memory is full.
    MaxmemoryPolicy {
        /// Of those with a TTL, the least recently used.
        VolatileLru = "volatile-lru",
        /// Of those with a TTL, the least often used.
        VolatileLfu = "volatile-lfu",
        /// Of those with a TTL, any.
        VolatileRandom = "volatile-random",
        /// Those that expire soonest.
        VolatileTtl = "volatile-ttl",
        /// The least recently used.
        AllkeysLru = "allkeys-lru",
        /// The least often used.
        AllkeysLfu = "allkeys-lfu",
        /// Any.
        AllkeysRandom = "allkeys-random",
        /// None: writes that need memory fail.
        Noeviction = "noeviction",
        /// Those that S3-FIFO lets go: Scrubjay's own addition.
        AllkeysS3fifo = "allkeys-s3fifo",
    }
    /// Which server this one passes for.
    ///
    /// ```
    /// use scrubjay_server::{TestServer, config::Config};
    ///
    /// let redis = TestServer::with_config(Config::default().with("compat", "redis-8.0")?);
    /// # drop(redis);
    /// # Ok::<_, Box<dyn std::error::Error>>(())
    /// ```
    Compat {
        /// Valkey 9.1.
        Valkey91 = "valkey-9.1",
        /// Redis 8.0.
        Redis80 = "redis-8.0",
    }
    /// Which versions of payloads are taken.
    VersionCheck {
        /// Those that Valkey knows.
        Strict = "strict",
        /// All.
        Relaxed = "relaxed",
    }
    /// Who may use something dangerous.
    Access {
        /// Nobody.
        No = "no",
        /// Everybody.
        Yes = "yes",
        /// Clients on this machine.
        Local = "local",
    }
}

/// The addresses to listen on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Addresses(Arc<[Bytes]>);

impl Addresses {
    /// Each address as it was written, and whether it is left out in silence when this machine does not have
    /// it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Presence)> {
        self.0.iter().map(|word| match word.strip_prefix(b"-") {
            Some(word) => (std::str::from_utf8(word).unwrap_or_default(), Presence::Optional),
            None => (std::str::from_utf8(word).unwrap_or_default(), Presence::Required),
        })
    }
}

/// Whether a server starts without an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It does not.
    Required,
    /// It does: the address was written with a leading `-`.
    Optional,
}

impl From<Vec<Bytes>> for Addresses {
    fn from(words: Vec<Bytes>) -> Self {
        Self(words.into())
    }
}

impl From<Addresses> for Vec<Bytes> {
    fn from(addresses: Addresses) -> Self {
        addresses.0.to_vec()
    }
}

/// A number of bytes, or a share of `maxmemory`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemoryLimit {
    /// So many bytes; 0 for no limit.
    Bytes(u64),
    /// So many hundredths of `maxmemory`, 1 to 100.
    Percent(u8),
}

impl MemoryLimit {
    /// The limit in bytes under this `maxmemory`; 0 for no limit.
    pub fn bytes(self, maxmemory: u64) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Percent(share) => (u128::from(maxmemory) * u128::from(share) / 100) as u64,
        }
    }
}

impl Field for MemoryLimit {
    type Cell = RwLock<Self>;

    fn from_value(value: Value) -> Self {
        match value {
            Value::Number(bytes) => Self::Bytes(u64::try_from(bytes).expect(MISMATCH)),
            Value::Percent(share) => Self::Percent(share),
            _ => unreachable!("{MISMATCH}"),
        }
    }

    fn to_value(&self) -> Value {
        match *self {
            Self::Bytes(bytes) => Value::Number(bytes.into()),
            Self::Percent(share) => Value::Percent(share),
        }
    }

    fn cell(&self) -> Self::Cell {
        RwLock::new(*self)
    }

    fn load(cell: &Self::Cell) -> Self {
        *cell.read()
    }

    fn store(&self, cell: &Self::Cell) {
        *cell.write() = *self;
    }
}

/// What may wait for a client of one class before it is disconnected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputLimit {
    /// Bytes that are too many at any moment; 0 for no limit.
    pub hard_bytes: u64,
    /// Bytes that are too many for longer than `soft_seconds`; 0 for no limit.
    pub soft_bytes: u64,
    /// How long the soft limit may be exceeded.
    pub soft_seconds: u64,
}

/// [`OutputLimit`]s of all classes of clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutputLimits {
    /// Clients that send commands and read replies.
    pub normal: OutputLimit,
    /// Replicas. There are none yet.
    pub replica: OutputLimit,
    /// Clients that are subscribed to a channel or pattern.
    pub pubsub: OutputLimit,
}

impl OutputLimits {
    /// Changes the classes that the words name, all or none.
    pub(super) fn change(&mut self, words: &[&[u8]]) -> Result<(), Reason> {
        let (lines, odd) = words.as_chunks::<4>();
        if !odd.is_empty() {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        let mut limits = *self;
        for [class, hard, soft, seconds] in lines {
            let limit = match class.to_ascii_lowercase().as_slice() {
                b"normal" => &mut limits.normal,
                b"slave" | b"replica" => &mut limits.replica,
                b"pubsub" => &mut limits.pubsub,
                _ => return Err("Invalid client class specified in buffer limit configuration.".into()),
            };
            let parsed = memory(hard).zip(memory(soft)).zip(soft_seconds(seconds));
            let Some(((hard_bytes, soft_bytes), soft_seconds)) = parsed else {
                let text = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
                return Err(text.into());
            };
            *limit = OutputLimit { hard_bytes, soft_bytes, soft_seconds };
        }
        *self = limits;
        Ok(())
    }

    /// The three classes with the names that `CONFIG REWRITE` gives them.
    pub(super) fn classes(&self) -> [(&'static str, OutputLimit); 3] {
        [("normal", self.normal), ("replica", self.replica), ("pubsub", self.pubsub)]
    }

    pub(super) fn text(&self) -> String {
        let line = |name: &str, limit: OutputLimit| {
            format!("{name} {} {} {}", limit.hard_bytes, limit.soft_bytes, limit.soft_seconds)
        };
        // `slave`, for the programs that read it: Valkey kept the word here.
        [line("normal", self.normal), line("slave", self.replica), line("pubsub", self.pubsub)].join(" ")
    }
}

/// Seconds as Valkey keeps them: cut to 32 bits, and an empty word is 0.
fn soft_seconds(word: &[u8]) -> Option<u64> {
    let word = word.strip_prefix(b"+").unwrap_or(word);
    if !word.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let seconds: i64 = if word.is_empty() { 0 } else { std::str::from_utf8(word).ok()?.parse().ok()? };
    Some(u64::from(seconds as u32))
}

impl Field for OutputLimits {
    type Cell = [AtomicU64; 9];

    fn from_value(value: Value) -> Self {
        match value {
            Value::OutputLimits(limits) => limits,
            _ => unreachable!("{MISMATCH}"),
        }
    }

    fn to_value(&self) -> Value {
        Value::OutputLimits(*self)
    }

    fn cell(&self) -> Self::Cell {
        let cell = Self::Cell::default();
        self.store(&cell);
        cell
    }

    fn load(cell: &Self::Cell) -> Self {
        let [a, b, c, d, e, f, g, h, i] = cell.each_ref().map(|number| number.load(Relaxed));
        let limit =
            |hard_bytes, soft_bytes, soft_seconds| OutputLimit { hard_bytes, soft_bytes, soft_seconds };
        Self { normal: limit(a, b, c), replica: limit(d, e, f), pubsub: limit(g, h, i) }
    }

    fn store(&self, cell: &Self::Cell) {
        let numbers = [self.normal, self.replica, self.pubsub]
            .into_iter()
            .flat_map(|limit| [limit.hard_bytes, limit.soft_bytes, limit.soft_seconds]);
        for (cell, number) in cell.iter().zip(numbers) {
            cell.store(number, Relaxed);
        }
    }
}

/// The classes of keyspace events that are published, one bit each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EventClasses(u32);

/// The letters, in the order they are shown. `A` stands for the first ten together.
const EVENT_LETTERS: &[u8; 14] = b"g$lshzxetdnKEm";
/// `g$lshzxetd`: all classes of events but those about keys that are missed or new.
const EVENTS_ALL: u32 = (1 << 10) - 1;

impl EventClasses {
    /// Whether the class of this letter is published; `K` and `E` are the two kinds of channel.
    pub fn has(self, letter: u8) -> bool {
        EVENT_LETTERS.iter().position(|known| *known == letter).is_some_and(|at| self.0 & (1 << at) != 0)
    }

    /// Whether anything is published: some class, on some kind of channel.
    pub fn any(self) -> bool {
        (self.has(b'K') || self.has(b'E')) && self.text().bytes().any(|letter| !matches!(letter, b'K' | b'E'))
    }

    /// The classes by their letters, `A` for the ten that it stands for.
    pub(super) fn parse(word: &[u8]) -> Result<Self, Reason> {
        let mut bits = 0;
        for &letter in word {
            bits |= match EVENT_LETTERS.iter().position(|known| *known == letter) {
                Some(at) => 1 << at,
                None if letter == b'A' => EVENTS_ALL,
                None => return Err("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.".into()),
            };
        }
        Ok(Self(bits))
    }

    pub(super) fn text(self) -> String {
        let all = self.0 & EVENTS_ALL == EVENTS_ALL;
        // Behind `A`, Valkey does not show `n`.
        let shown = EVENT_LETTERS.iter().skip(if all { 11 } else { 0 });
        let letters = shown.filter(|letter| self.has(**letter)).map(|letter| char::from(*letter));
        all.then_some('A').into_iter().chain(letters).collect()
    }
}

impl Field for EventClasses {
    type Cell = AtomicU32;

    fn from_value(value: Value) -> Self {
        match value {
            Value::EventClasses(classes) => classes,
            _ => unreachable!("{MISMATCH}"),
        }
    }

    fn to_value(&self) -> Value {
        Value::EventClasses(*self)
    }

    fn cell(&self) -> AtomicU32 {
        AtomicU32::new(self.0)
    }

    fn load(cell: &AtomicU32) -> Self {
        Self(cell.load(Relaxed))
    }

    fn store(&self, cell: &AtomicU32) {
        cell.store(self.0, Relaxed);
    }
}

/// Which percentiles of latency `INFO` shows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Percentiles(Arc<[f64]>);

impl Percentiles {
    /// The percentiles, in the order they were given.
    pub fn iter(&self) -> impl Iterator<Item = f64> {
        self.0.iter().copied()
    }

    pub(super) fn parse(words: &[&[u8]]) -> Result<Self, Reason> {
        let words = if words == [b""] { &[] } else { words };
        let number = |word: &&[u8]| match number(word) {
            None => Err("Invalid latency-tracking-info-percentiles parameters"),
            Some(number) if (0.0..=100.0).contains(&number) => Ok(number),
            Some(_) => Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"),
        };
        Ok(Self(words.iter().map(number).collect::<Result<_, _>>()?))
    }

    pub(super) fn text(&self) -> String {
        self.iter().map(six_digits).collect::<Vec<_>>().join(" ")
    }
}

/// A decimal number as `strtod` reads it, without its hexadecimal and not-a-number forms.
fn number(word: &[u8]) -> Option<f64> {
    let number: f64 = std::str::from_utf8(word).ok()?.parse().ok()?;
    let overflown = number.is_infinite() && word.iter().any(u8::is_ascii_digit);
    (!number.is_nan() && !overflown).then_some(number)
}

/// The number as C's `%g` prints it: at most six significant digits. Only for numbers from 0 to 100.
fn six_digits(number: f64) -> String {
    if number == 0.0 {
        return if number.is_sign_negative() { "-0" } else { "0" }.to_owned();
    }
    // Rounding can carry into one more digit before the point, so the exponent is read off the rounded
    // number.
    let scientific = format!("{number:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let trim = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    match usize::try_from(5 - exponent) {
        Ok(decimals) if exponent >= -4 => trim(&format!("{number:.decimals$}")),
        _ => format!("{}e-{:02}", trim(digits), -exponent),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<&[u8]> {
        if text.is_empty() { Vec::new() } else { text.split(' ').map(str::as_bytes).collect() }
    }

    #[test]
    fn event_classes_as_valkey() {
        for (given, shown) in [
            ("KEA", "AKE"),
            ("Kg$", "g$K"),
            ("g$lshzxetdnm", "Am"),
            ("KEAmn", "AKEm"),
            ("", ""),
            ("Kxx", "xK"),
            ("mK", "Km"),
            ("ng$", "g$n"),
            ("KEdn", "dnKE"),
            ("nKEm", "nKEm"),
            ("An", "A"),
            ("KEg$lshzxetd", "AKE"),
            ("KEg$lshzxet", "g$lshzxetKE"),
        ] {
            assert_eq!(EventClasses::parse(given.as_bytes()).unwrap().text(), shown, "{given}");
        }
        let reason = EventClasses::parse(b"Kq").unwrap_err();
        assert_eq!(reason, "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.");
        assert!(EventClasses::parse(b"Kg").unwrap().any());
        assert!(!EventClasses::parse(b"g").unwrap().any());
        assert!(!EventClasses::parse(b"KE").unwrap().any());
    }

    #[test]
    fn output_limits_as_valkey() {
        let mut limits = OutputLimits::default();
        let mut change = |text: &str| limits.change(&words(text)).map(|()| limits.text());
        assert_eq!(change("").unwrap(), "normal 0 0 0 slave 0 0 0 pubsub 0 0 0");
        assert_eq!(change("NORMAL 1 2 3").unwrap(), "normal 1 2 3 slave 0 0 0 pubsub 0 0 0");
        assert_eq!(
            change("replica 1mb 2mb 3 pubsub 4 5 6").unwrap(),
            "normal 1 2 3 slave 1048576 2097152 3 pubsub 4 5 6"
        );
        let wrapped = "normal 1073741824 1073741824 1215752191 slave 1048576 2097152 3 pubsub 4 5 6";
        assert_eq!(change("normal 1gb 1gb 99999999999").unwrap(), wrapped);
        let number = "Error in hard, soft or soft_seconds setting in buffer limit configuration.";
        let count = "Wrong number of arguments in buffer limit configuration.";
        for (text, reason) in [
            ("normal 1 2", count),
            ("normal  1 2 3", count),
            ("master 1 2 3", "Invalid client class specified in buffer limit configuration."),
            ("normal a 2 3", number),
            ("normal 1 2 -3", number),
            ("normal 1 2 3x", number),
            ("normal 7 7 7 normal 50% 0 0", number),
        ] {
            assert_eq!(change(text).unwrap_err(), reason, "{text}");
        }
        assert_eq!(change("").unwrap(), wrapped, "a refused line changes nothing");
    }

    #[test]
    fn percentiles_as_valkey() {
        let shown = |text: &str| Percentiles::parse(&words(text)).map(|percentiles| percentiles.text());
        for (given, expected) in [
            ("50 99 99.9", "50 99 99.9"),
            ("50.0 99.90000", "50 99.9"),
            ("1e1", "10"),
            ("0 100 -0", "0 100 -0"),
            ("99.9999999", "100"),
            ("0.00001", "1e-05"),
            ("", ""),
        ] {
            assert_eq!(shown(given).unwrap(), expected, "{given}");
        }
        let range = "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]";
        let invalid = "Invalid latency-tracking-info-percentiles parameters";
        for (given, reason) in
            [("101", range), ("-1", range), ("inf", range), ("a", invalid), ("nan", invalid)]
        {
            assert_eq!(shown(given).unwrap_err(), reason, "{given}");
        }
        for given in ["1e400", "0x10", "50  99"] {
            assert_eq!(shown(given).unwrap_err(), invalid, "{given}");
        }
    }
}
