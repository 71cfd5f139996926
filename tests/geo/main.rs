//! Places and distances are Valkey's to the last digit, and so is the order of what is not sorted: the same
//! thousands of places on both, and the same searches, at the poles and across the date line too.
//!
//! `SEED=...` runs one seed again, `FUZZ_SECONDS` runs as many as fit in that time.
#![forbid(unsafe_code)]

use std::env;
use std::time::Duration;

use scrubjay::random::Random;
use scrubjay_tests::patience::Deadline;
use scrubjay_tests::server::{Backend, Server, references};
use scrubjay_tests::wire::{Client, Reply};

const PLACES: usize = 3000;
const SEARCHES: usize = 300;

struct Pair {
    clients: [Client; 2],
    /// What was searched last.
    about: String,
}

impl Pair {
    fn ask(&mut self, words: &[String], seed: u64) -> Reply {
        let [valkey, scrubjay] =
            self.clients.each_mut().map(|client| client.command(words).expect("a reply"));
        if valkey != scrubjay {
            let shown = words.join(" ");
            let shown = if shown.len() > 400 { &shown[..400] } else { &shown };
            panic!("SEED={seed}: {shown}\n({})\n{}", self.about, difference(&valkey, &scrubjay));
        }
        valkey
    }
}

/// Where two replies part.
fn difference(valkey: &Reply, scrubjay: &Reply) -> String {
    if let (Some(ours), Some(theirs)) = (scrubjay.elements(), valkey.elements()) {
        let at = ours.iter().zip(theirs).position(|(ours, theirs)| ours != theirs);
        let at = at.unwrap_or(ours.len().min(theirs.len()));
        return format!(
            "element {at} of {} and {}: {:?} of Valkey, {:?} of Scrubjay",
            theirs.len(),
            ours.len(),
            theirs.get(at),
            ours.get(at)
        );
    }
    format!("{valkey:?} of Valkey, {scrubjay:?} of Scrubjay")
}

fn words(line: &str) -> Vec<String> {
    line.split(' ').map(str::to_owned).collect()
}

/// Degrees: often somewhere, sometimes at an edge or on a round number.
fn degrees(random: &mut Random, limit: f64) -> f64 {
    match random.below(12) {
        0 => limit,
        1 => -limit,
        2 => 0.0,
        3 => (random.f64() * 2.0 - 1.0) * 1e-3,
        4 => limit - random.f64() * 2.0,
        5 => -limit + random.f64() * 2.0,
        6 => ((random.f64() * 2.0 - 1.0) * limit).round(),
        _ => (random.f64() * 2.0 - 1.0) * limit,
    }
}

fn place(random: &mut Random) -> String {
    let longitude = degrees(random, 180.0);
    let latitude = degrees(random, 85.05112878);
    format!("{longitude} {latitude}")
}

/// From nothing to more than once around the earth, every order of magnitude alike.
fn length(random: &mut Random) -> String {
    if random.below(20) == 0 {
        return "0".to_owned();
    }
    format!("{}", 10f64.powf(random.f64() * 8.5 - 0.5))
}

fn search(random: &mut Random) -> String {
    let unit = ["m", "km", "ft", "mi"][random.below(4) as usize];
    let scale = if unit == "m" || unit == "ft" { 1.0 } else { 1e-3 };
    let scaled = |text: String| format!("{}", text.parse::<f64>().unwrap_or_default() * scale);
    let from = match random.below(2) {
        0 => format!("FROMLONLAT {}", place(random)),
        _ => format!("FROMMEMBER {}", random.below(PLACES as u64)),
    };
    match random.below(3) {
        0 => format!("{from} BYRADIUS {} {unit}", scaled(length(random))),
        1 => format!("{from} BYBOX {} {} {unit}", scaled(length(random)), scaled(length(random))),
        _ => {
            let corners = 3 + random.below(5);
            let (longitude, latitude) = (degrees(random, 179.0), degrees(random, 84.0));
            let reach = 10f64.powf(random.f64() * 5.0 - 3.0);
            let corner = |random: &mut Random| {
                let longitude = (longitude + (random.f64() - 0.5) * reach).clamp(-180.0, 180.0);
                let latitude = (latitude + (random.f64() - 0.5) * reach).clamp(-85.05, 85.05);
                format!(" {longitude} {latitude}")
            };
            format!("BYPOLYGON {corners}{}", (0..corners).map(|_| corner(random)).collect::<String>())
        }
    }
}

fn compare(pair: &mut Pair, seed: u64) {
    let mut random = Random::seeded(seed);
    pair.ask(&words("FLUSHALL"), seed);
    // Some of them close to each other, so that a small circle finds several.
    for member in 0..PLACES {
        let at = match random.below(3) {
            0 => format!("{} {}", 13.0 + random.f64() * 0.2, 52.4 + random.f64() * 0.2),
            _ => place(&mut random),
        };
        pair.ask(&words(&format!("GEOADD places {at} {member}")), seed);
    }
    pair.ask(&words("ZRANGE places 0 -1 WITHSCORES"), seed);
    let all: String = (0..PLACES).map(|member| format!(" {member}")).collect();
    pair.ask(&words(&format!("GEOPOS places{all}")), seed);
    pair.ask(&words(&format!("GEOHASH places{all}")), seed);
    for _ in 0..PLACES {
        let (a, b) = (random.below(PLACES as u64), random.below(PLACES as u64));
        let unit = ["", " m", " km", " ft", " mi"][random.below(5) as usize];
        pair.ask(&words(&format!("GEODIST places {a} {b}{unit}")), seed);
    }
    for number in 0..SEARCHES {
        let what = search(&mut random);
        pair.about.clone_from(&what);
        // Places at the same distance may come in any order, so nothing is sorted here but what is stored.
        pair.ask(&words(&format!("GEOSEARCH places {what} WITHDIST WITHCOORD WITHHASH")), seed);
        pair.ask(&words(&format!("GEOSEARCH places {what} COUNT {} ANY", 1 + number % 40)), seed);
        pair.ask(&words(&format!("GEOSEARCHSTORE found places {what} STOREDIST")), seed);
        pair.ask(&words("ZRANGE found 0 -1 WITHSCORES"), seed);
    }
}

#[test]
fn places_and_searches_are_valkeys() {
    let Some(valkey) = references().into_iter().find(|backend| *backend == Backend::Valkey) else { return };
    let servers = [valkey, Backend::Scrubjay].map(|backend| Server::start(backend).expect("a server"));
    let mut pair = Pair { clients: servers.each_ref().map(Server::connect), about: String::new() };
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse().ok());
    if let Some(seed) = number("SEED") {
        return compare(&mut pair, seed);
    }
    let end = Deadline::after(Duration::from_secs(number("FUZZ_SECONDS").unwrap_or(0)));
    loop {
        compare(&mut pair, Random::from_os().next_u64());
        if end.is_over() {
            break;
        }
    }
}
