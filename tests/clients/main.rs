//! Every data type on redis-rs, as its documentation shows it, over RESP2 and RESP3: what a client library
//! makes of the replies is the same whoever sends them. Its twin on redis-py is `tests/python/test_types.py`.
#![forbid(unsafe_code)]

use std::collections::{BTreeSet, HashMap};

use redis::geo::{Coord, RadiusSearchResult};
use redis::streams::{StreamMaxlen, StreamRangeReply, StreamReadOptions, StreamReadReply};
use redis::{Commands, Connection, Direction, ErrorKind, RedisResult, ServerErrorKind};
use scrubjay_tests::server::{Backend, Server, references};

/// Runs against every server that can be had, with either protocol; each time it is empty.
fn everywhere(try_it: fn(&mut Connection) -> RedisResult<()>) {
    for backend in [Backend::Scrubjay].into_iter().chain(references()) {
        let server = Server::start(backend).unwrap_or_else(|why| panic!("{why}"));
        for protocol in ["resp2", "resp3"] {
            let url = format!("redis://{}/?protocol={protocol}", server.address());
            let client = redis::Client::open(url).expect("a well-formed address");
            let mut connection =
                client.get_connection().unwrap_or_else(|why| panic!("{why}\n{}", server.log()));
            redis::cmd("FLUSHALL").exec(&mut connection).expect("an empty server");
            try_it(&mut connection).unwrap_or_else(|why| panic!("{backend}, {protocol}: {why}"));
        }
    }
}

#[test]
fn lists() {
    everywhere(|connection| {
        let length: usize = connection.rpush("list", &["b", "c"])?;
        assert_eq!(length, 2);
        let length: usize = connection.lpush("list", "a")?;
        assert_eq!(length, 3);
        let all: Vec<String> = connection.lrange("list", 0, -1)?;
        assert_eq!(all, ["a", "b", "c"]);
        let moved: String = connection.lmove("list", "other", Direction::Left, Direction::Right)?;
        assert_eq!(moved, "a");
        let (first, none): (Option<String>, Option<String>) =
            (connection.lpop("other", None)?, connection.lpop("other", None)?);
        assert_eq!((first.as_deref(), none), (Some("a"), None));
        let popped: Option<(String, Vec<String>)> =
            connection.lmpop(2, &["other", "list"], Direction::Right, 5)?;
        assert_eq!(popped, Some(("list".to_owned(), vec!["c".to_owned(), "b".to_owned()])));
        Ok(())
    });
}

#[test]
fn sets() {
    everywhere(|connection| {
        let _: usize = connection.sadd("a", &["1", "2", "x"])?;
        let _: usize = connection.sadd("b", &["2", "y"])?;
        let all: BTreeSet<String> = connection.smembers("a")?;
        assert_eq!(all.into_iter().collect::<Vec<_>>(), ["1", "2", "x"]);
        let both: Vec<String> = connection.sinter(&["a", "b"])?;
        assert_eq!(both, ["2"]);
        let stored: usize = connection.sunionstore("c", &["a", "b"])?;
        assert_eq!(stored, 4);
        let (there, missing): (bool, bool) =
            (connection.sismember("c", "y")?, connection.sismember("c", "z")?);
        assert!(there && !missing);
        let walked: BTreeSet<String> = connection.sscan::<_, String>("c")?.collect::<RedisResult<_>>()?;
        assert_eq!(walked.len(), 4);
        Ok(())
    });
}

#[test]
fn sorted_sets() {
    everywhere(|connection| {
        let _: usize = connection.zadd_multiple("z", &[(1.0, "a"), (2.5, "b"), (f64::INFINITY, "c")])?;
        let ranked: Vec<(String, f64)> = connection.zrange_withscores("z", 0, -1)?;
        assert_eq!(ranked[1], ("b".to_owned(), 2.5));
        assert_eq!(ranked[2].1, f64::INFINITY);
        let score: Option<f64> = connection.zscore("z", "nobody")?;
        assert_eq!(score, None);
        let score: f64 = connection.zincr("z", "a", 0.5)?;
        assert_eq!(score, 1.5);
        let rank: Option<usize> = connection.zrevrank("z", "a")?;
        assert_eq!(rank, Some(2));
        let least: Vec<(String, f64)> = connection.zpopmin("z", 2)?;
        assert_eq!(least, [("a".to_owned(), 1.5), ("b".to_owned(), 2.5)]);
        Ok(())
    });
}

#[test]
fn hashes() {
    everywhere(|connection| {
        let _: () = connection.hset_multiple("h", &[("name", "Ada"), ("born", "1815")])?;
        let all: HashMap<String, String> = connection.hgetall("h")?;
        assert_eq!((all.len(), all["name"].as_str()), (2, "Ada"));
        let year: i64 = connection.hincr("h", "born", 1)?;
        assert_eq!(year, 1816);
        let (name, none): (Option<String>, Option<String>) =
            (connection.hget("h", "name")?, connection.hget("h", "died")?);
        assert_eq!((name.as_deref(), none), (Some("Ada"), None));
        let gone: usize = connection.hdel("h", &["name", "died"])?;
        assert_eq!(gone, 1);
        let walked: Vec<(String, String)> =
            connection.hscan::<_, (String, String)>("h")?.collect::<RedisResult<_>>()?;
        assert_eq!(walked, [("born".to_owned(), "1816".to_owned())]);
        Ok(())
    });
}

#[test]
fn streams() {
    everywhere(|connection| {
        let first: String = connection.xadd("s", "1-1", &[("rider", "Castilla"), ("speed", "30.2")])?;
        let _: String = connection.xadd("s", "2-*", &[("rider", "Norem")])?;
        assert_eq!(first, "1-1");
        let all: StreamRangeReply = connection.xrange_all("s")?;
        assert_eq!(all.ids.iter().map(|entry| entry.id.as_str()).collect::<Vec<_>>(), ["1-1", "2-0"]);
        assert_eq!(all.ids[0].get::<f64>("speed"), Some(30.2));
        let _: () = connection.xgroup_create("s", "riders", "0")?;
        let options = StreamReadOptions::default().group("riders", "Alice").count(1);
        let read: Option<StreamReadReply> = connection.xread_options(&["s"], &[">"], &options)?;
        let read = read.expect("there is something to read");
        assert_eq!(read.keys[0].ids[0].id, "1-1");
        let acknowledged: usize = connection.xack("s", "riders", &["1-1"])?;
        assert_eq!(acknowledged, 1);
        let trimmed: usize = connection.xtrim("s", StreamMaxlen::Equals(1))?;
        assert_eq!(trimmed, 1);
        Ok(())
    });
}

#[test]
fn bits_counts_and_places() {
    everywhere(|connection| {
        let before: bool = connection.setbit("bits", 7, true)?;
        let count: usize = connection.bitcount("bits")?;
        assert_eq!((before, count), (false, 1));
        let _: bool = connection.pfadd("hll", &["a", "b", "c"])?;
        let count: usize = connection.pfcount("hll")?;
        assert_eq!(count, 3);
        let places = [
            (Coord::lon_lat(13.361389, 38.115556), "Palermo"),
            (Coord::lon_lat(15.087269, 37.502669), "Catania"),
        ];
        let _: usize = connection.geo_add("sicily", &places)?;
        let apart: f64 = connection.geo_dist("sicily", "Palermo", "Catania", redis::geo::Unit::Kilometers)?;
        assert!((166.0..167.0).contains(&apart), "{apart}");
        let options = redis::geo::RadiusOptions::default();
        let near: Vec<RadiusSearchResult> =
            connection.geo_radius("sicily", 15.0, 37.0, 100.0, redis::geo::Unit::Kilometers, options)?;
        assert_eq!(near.iter().map(|place| place.name.as_str()).collect::<Vec<_>>(), ["Catania"]);
        Ok(())
    });
}

/// Values travel as bytes, and a wrong type is told apart from any other error.
#[test]
fn values_of_every_type() {
    everywhere(|connection| {
        let numbers: Vec<String> = (0..1000).map(|number| number.to_string()).collect();
        let _: usize = connection.rpush("list", &numbers)?;
        let _: usize = connection.sadd("set", &numbers)?;
        let payload: Vec<u8> = redis::cmd("DUMP").arg("list").query(connection)?;
        let _: () = redis::cmd("RESTORE").arg("copy").arg(0).arg(payload).query(connection)?;
        let copy: Vec<String> = connection.lrange("copy", 0, -1)?;
        assert_eq!(copy, numbers);
        let wrong: RedisResult<i64> = connection.incr("set", 1);
        let kind = wrong.expect_err("a set is no number").kind();
        assert!(
            matches!(kind, ErrorKind::Extension | ErrorKind::Server(ServerErrorKind::ResponseError)),
            "{kind:?}"
        );
        let _: usize = connection.del(&["list", "copy", "set"])?;
        Ok(())
    });
}
