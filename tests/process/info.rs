//! INFO's sections and names are Valkey's, but for what stands here.

use std::collections::BTreeMap;

use scrubjay_tests::server::{Backend, Server};
use scrubjay_tests::wire::Reply;

/// Fields that only one of the two has, and why.
const DIFFERENCES: &[(&str, &str, &str)] = &[
    ("Server", "scrubjay_version", "our own version; the others are those that clients ask for"),
    ("Modules", "module", "Valkey's Lua is a module, and there are none here"),
    ("Scripting Engines", "engine_0", "there are no scripts yet"),
];

/// The names of the fields of each section, in order.
fn names(server: &Server, call: &[&str]) -> Vec<(String, Vec<String>)> {
    let mut client = server.connect();
    // So that statistics of commands and errors are about the same.
    for command in [&["CONFIG", "RESETSTAT"][..], &["ECHO", "x"], &["SET", "k", "v"], &["GET"]] {
        client.command(command).expect("a reply");
    }
    let Ok(Reply::Bulk(text)) = client.command(call) else { panic!("INFO is a bulk string") };
    let text = String::from_utf8(text).expect("text");
    let mut sections: Vec<(String, Vec<String>)> = Vec::new();
    for line in text.split("\r\n").filter(|line| !line.is_empty()) {
        match line.strip_prefix("# ") {
            Some(title) => sections.push((title.to_owned(), Vec::new())),
            None => {
                let (name, _) = line.split_once(':').unwrap_or_else(|| panic!("no field: {line}"));
                sections.last_mut().expect("a title comes first").1.push(name.to_owned());
            }
        }
    }
    for (_, fields) in &mut sections {
        if fields.iter().any(|name| name.starts_with("cmdstat_") || name.starts_with("latency_")) {
            // In the order of a table of commands, which is nobody's business.
            fields.sort();
        }
    }
    sections
}

#[test]
fn its_names_are_valkeys() {
    if let Err(why) = Backend::Valkey.program() {
        println!("not compared with Valkey: {why}");
        return;
    }
    let start = |backend| Server::start(backend).unwrap_or_else(|why| panic!("{why}"));
    let (ours, theirs) = (start(Backend::Scrubjay), start(Backend::Valkey));
    for call in
        [&["INFO"][..], &["INFO", "everything"], &["INFO", "default", "commandstats"], &["INFO", "debug"]]
    {
        let strip = |sections: Vec<(String, Vec<String>)>| {
            let known = |section: &str, field: &str| {
                DIFFERENCES.iter().any(|(in_section, name, _)| (*in_section, *name) == (section, field))
            };
            let mut stripped = Vec::new();
            for (title, mut fields) in sections {
                fields.retain(|field| !known(&title, field));
                stripped.push((title, fields));
            }
            stripped
        };
        assert_eq!(strip(names(&ours, call)), strip(names(&theirs, call)), "{call:?}");
    }
}

#[test]
fn its_figures_are_true() {
    let server = Server::start(Backend::Scrubjay).unwrap_or_else(|why| panic!("{why}"));
    let mut client = server.connect();
    let mut figures = |command: &[&str]| {
        client.command(command).expect("a reply");
        let Ok(Reply::Bulk(text)) = client.command(&["INFO", "everything"]) else { panic!("a bulk string") };
        let text = String::from_utf8(text).expect("text");
        let fields = text.split("\r\n").filter_map(|line| line.split_once(':'));
        fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>()
    };
    let number = |figures: &BTreeMap<String, String>, name: &str| -> f64 {
        figures[name].parse().unwrap_or_else(|_| panic!("{name} is no number"))
    };
    let before = figures(&["PING"]);
    let filled = figures(&["DEBUG", "POPULATE", "10000", "key", "1000"]);
    let grown = |name| number(&filled, name) - number(&before, name);
    assert!((10_000_000.0..20_000_000.0).contains(&grown("used_memory")), "{}", grown("used_memory"));
    assert!((8_000_000.0..30_000_000.0).contains(&grown("used_memory_rss")), "{}", grown("used_memory_rss"));
    assert!(number(&filled, "used_memory_peak") >= number(&filled, "used_memory"));
    assert!(number(&filled, "rdb_changes_since_last_save") >= 10_000.0);
    assert_eq!(filled["db0"], "keys=10000,expires=0,avg_ttl=0,keys_with_volatile_items=0");

    figures(&["SET", "a", "1", "PX", "100000"]);
    let timed = figures(&["SET", "b", "1", "PX", "300000"]);
    let (_, mean) = timed["db0"].split_once("avg_ttl=").expect("a mean");
    let mean: u64 = mean.split(',').next().expect("a number").parse().expect("a number");
    assert!((190_000..=200_000).contains(&mean), "{}", timed["db0"]);

    figures(&["GET", "a"]);
    let looked = figures(&["GET", "nothing"]);
    assert_eq!((looked["keyspace_hits"].as_str(), looked["keyspace_misses"].as_str()), ("1", "1"));
    assert!(looked["cmdstat_get"].starts_with("calls=2,"), "{}", looked["cmdstat_get"]);
    assert!(number(&looked, "used_cpu_user") + number(&looked, "used_cpu_sys") > 0.0);
    for moving in ["eventloop_cycles", "eventloop_duration_sum", "eventloop_duration_cmd_sum"] {
        assert!(number(&looked, moving) > 0.0, "{moving}");
    }
    assert!(number(&looked, "eventloop_cycles") > number(&filled, "eventloop_cycles"));
    let failed = figures(&["DEBUG", "ERROR", "OOPS here"]);
    assert_eq!(failed["errorstat_OOPS"], "count=1");
    let reset = figures(&["CONFIG", "RESETSTAT"]);
    assert_eq!(reset["keyspace_hits"], "0");
    assert!(number(&reset, "eventloop_cycles") < number(&failed, "eventloop_cycles"));
    assert!(!reset.contains_key("errorstat_OOPS") && !reset.contains_key("cmdstat_get"));
}
