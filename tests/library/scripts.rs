//! Scripts that the program runs itself.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

use scrubjay::Store;
use scrubjay_server::config::Config;
use scrubjay_server::{Scripts, TestServer, Value};
use scrubjay_tests::patience::{GENEROUS, poll};
use scrubjay_tests::wire::Reply;

use super::{ask, bulk, connect, info};

fn scripts() -> (Arc<Store>, Scripts) {
    let store = Arc::new(Store::default());
    let scripts = Scripts::new(&store);
    (store, scripts)
}

#[test]
fn scripts_run_on_a_store_that_nobody_serves() {
    let (store, scripts) = scripts();
    let answer = scripts
        .eval("server.call('SET', KEYS[1], ARGV[1]) return {KEYS[2], #ARGV, 1.9, false, redis.status_reply('FINE')}")
        .key("a")
        .key(b"\xff")
        .arg("x")
        .arg("y")
        .run();
    let wanted = vec![
        Value::Bytes(vec![0xff]),
        Value::Integer(2),
        Value::Integer(1),
        Value::Null,
        Value::Status(b"FINE".to_vec()),
    ];
    assert_eq!(answer, Ok(Value::Array(wanted)));
    assert_eq!(store.get("a").expect("a string").as_deref(), Some(&b"x"[..]));
    let answer = scripts.eval("server.setresp(3) return {double = 0.5}").run();
    assert_eq!(answer, Ok(Value::Double(0.5)));
}

#[test]
fn scripts_are_known_by_their_digests() {
    let (_, scripts) = scripts();
    let sha1 = scripts.load("return ARGV[1]").expect("it compiles");
    assert_eq!(sha1, "098e0f0d1448c0a81dafe820f66d460eb09263da");
    assert!(scripts.knows(&sha1) && !scripts.knows("nonsense"));
    let answer = scripts.eval_sha(&sha1).arg("x").run().expect("it is known");
    assert_eq!(answer.as_str(), Some("x"));
    scripts.forget();
    let error = scripts.eval_sha(&sha1).run().expect_err("it is forgotten");
    assert_eq!(error.message(), "NOSCRIPT No matching script.");
    let error = scripts.load("return (").expect_err("it is no Lua");
    assert!(error.message().starts_with("ERR Error compiling script"), "{error}");
}

#[test]
fn what_fails_says_why() {
    let (store, scripts) = scripts();
    store.sorted_set("l").add("x", 1.0).expect("there is nothing yet");
    let error = scripts.eval("return server.call('GET', KEYS[1])").key("l").run().expect_err("no string");
    assert_eq!(error.code(), "WRONGTYPE");
    let error = scripts.eval("error({err = 'MINE is this'})").run().expect_err("it says so");
    assert_eq!(error.code(), "MINE");
    let call = scripts.eval("return server.call('SET', KEYS[1], 1)").key("k");
    let error = call.clone().read_only().run().expect_err("it writes");
    assert!(error.message().contains("Write commands are not allowed from read-only scripts"), "{error}");
    assert!(!store.contains("k"));
    call.run().expect("it may write");
    assert!(store.contains("k"));
}

#[test]
fn functions_stay_until_they_are_deleted() {
    let (_, scripts) = scripts();
    let code =
        "#!lua name=math\nserver.register_function('add', function(keys, args) return args[1] + args[2] end)";
    assert_eq!(scripts.load_library(code).as_deref(), Ok("math"));
    assert!(scripts.load_library(code).is_err());
    assert_eq!(scripts.replace_library(code).as_deref(), Ok("math"));
    assert_eq!(scripts.call("add").arg("1").arg("2").run(), Ok(Value::Integer(3)));
    scripts.delete_library("math").expect("it is there");
    assert_eq!(scripts.call("add").run().expect_err("it is gone").message(), "ERR Function not found");
    assert!(scripts.delete_library("math").is_err());
}

#[test]
fn each_database_is_its_own() {
    let store = Arc::new(Store::builder().databases(4).build());
    let scripts = Scripts::new(&store).in_database(3);
    scripts.eval("server.call('SELECT', 1) server.call('SET', 'one', 1)").run().expect("it is there");
    scripts.eval("server.call('SET', 'three', 1)").run().expect("it is where it was");
    let view = |script: &str, db| Scripts::new(&store).in_database(db).eval(script).run();
    assert_eq!(
        view("return server.call('KEYS', '*')", 1),
        Ok(Value::Array(vec![Value::Bytes(b"one".into())]))
    );
    assert_eq!(
        view("return server.call('KEYS', '*')", 3),
        Ok(Value::Array(vec![Value::Bytes(b"three".into())]))
    );
}

#[test]
fn a_script_that_runs_too_long_is_ended_unless_it_has_written() {
    let (store, scripts) = scripts();
    let scripts = scripts.with_time_limit(Duration::from_millis(20));
    let error = scripts.eval("\nwhile true do pcall(function() while true do end end) end").run();
    let error = error.expect_err("it is too slow");
    assert_eq!(error.message(), "ERR Script ran for longer than its time limit. script: on @user_script:2.");
    let slow = "for i = 1, 100000 do server.call('INCR', KEYS[1]) end return 'done'";
    let answer = scripts.eval(slow).key("n").run().expect("half of its work would be worse");
    assert_eq!(answer.as_str(), Some("done"));
    assert_eq!(store.get("n").expect("a string").as_deref(), Some(&b"100000"[..]));
}

#[test]
fn any_thread_may_end_what_another_one_runs() {
    let (store, scripts) = scripts();
    assert!(scripts.kill().expect_err("nothing runs").message().starts_with("NOTBUSY"));
    scripts
        .load_library("#!lua name=l\nserver.register_function('spin', function() while true do end end)")
        .expect("it loads");
    thread::scope(|scope| {
        for call in [scripts.eval("while true do end"), scripts.call("spin")] {
            let running = scope.spawn(move || call.run());
            poll(GENEROUS, || scripts.kill().ok()).expect("it runs");
            let error = running.join().expect("it does not panic").expect_err("it was ended");
            assert!(error.message().starts_with("ERR Script killed by user with"), "{error}");
        }
    });
    assert!(store.is_empty());
}

#[test]
fn a_script_is_one_step_to_other_threads() {
    let (store, scripts) = scripts();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let script = "for i = 1, 50 do server.call('INCR', KEYS[1]) end \
                                  return server.call('INCRBY', KEYS[1], -50)";
                    for _ in 0..100 {
                        let answer = scripts.eval(script).key("n").run();
                        assert_eq!(answer, Ok(Value::Integer(0)));
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            while !over.load(SeqCst) {
                let seen = store.get("n").expect("a string");
                assert!(seen.as_deref().is_none_or(|seen| seen == b"0"), "{seen:?}");
            }
        });
        let ended: Vec<_> = writers.into_iter().map(|writer| writer.join()).collect();
        over.store(true, SeqCst);
        reader.join().expect("it sees no middle");
        ended.into_iter().for_each(|writer| writer.expect("all scripts ran"));
    });
}

#[test]
fn machines_count_until_their_threads_end() {
    let store = Arc::new(Store::default());
    let before = store.used_bytes();
    let scripts = Scripts::new(&store);
    thread::scope(|scope| {
        let caller = scope.spawn(|| {
            scripts.eval("return 1").run().expect("it runs");
            assert!(store.used_bytes() > before + 10_000);
        });
        // All of it has ended then, which a scope does not wait for.
        caller.join().expect("it counts");
    });
    assert_eq!(store.used_bytes(), before);
    scripts.eval("return 1").run().expect("it runs");
    drop(scripts);
    assert_eq!(store.used_bytes(), before);
}

#[test]
fn a_server_and_its_program_share_scripts() {
    let server = TestServer::start();
    let mut client = connect(&server);
    let scripts = server.scripts();
    let sha1 = scripts.load("return server.call('GET', KEYS[1])").expect("it compiles");
    ask(&mut client, "SET k v");
    assert_eq!(scripts.eval_sha(&sha1).key("k").run().expect("it is there").as_str(), Some("v"));
    assert_eq!(ask(&mut client, &format!("EVALSHA {sha1} 1 k")), bulk("v"));
    // What is loaded counts at once, not when it is first called.
    let held = |client: &mut _| info(client, "used_memory_lua").expect("it is told");
    let before = held(&mut client);
    let local = "local t = {} for i = 1, 1000 do t[i] = 'x' .. i end";
    let code = format!("#!lua name=l\n{local} server.register_function('f', function() return t[5] end)");
    thread::scope(|scope| {
        let load = scope.spawn(|| {
            scripts.load_library(&code).expect("it loads");
            assert!(held(&mut connect(&server)) > before + 10_000);
        });
        load.join().expect("it counts");
    });
    assert_eq!(ask(&mut client, "FCALL f 0"), bulk("x5"));
    // Who waits for its end is told so, and may end it.
    ask(&mut client, "CONFIG SET busy-reply-threshold 1");
    let running = thread::spawn({
        let scripts = scripts.clone();
        move || scripts.eval("while true do end").run()
    });
    let is_busy = |reply: &Reply| matches!(reply, Reply::Error(text) if text.starts_with(b"BUSY"));
    poll(GENEROUS, || is_busy(&ask(&mut client, "PING")).then_some(())).expect("it is told");
    assert_eq!(ask(&mut client, "SCRIPT KILL"), Reply::Simple(b"OK".to_vec()));
    assert!(running.join().expect("it does not panic").is_err());
    assert_eq!(ask(&mut client, "PING"), Reply::Simple(b"PONG".to_vec()));
}

#[test]
fn memory_that_is_short_is_short_for_scripts() {
    let server = TestServer::with_config(Config::default().with("maxmemory", "1").expect("a size"));
    server.scripts().eval("return 1").run().expect("it needs no room, and takes some");
    let error = server.scripts().eval("return server.call('SET', 'k', 'v')").run().expect_err("no room");
    assert_eq!(error.code(), "OOM");
}

#[test]
fn a_script_wakes_who_waits_and_who_listens() {
    let server = TestServer::start();
    let (mut waiting, mut listening) = (connect(&server), connect(&server));
    waiting.send(&["BLPOP", "l", "0"]).expect("it is sent");
    ask(&mut listening, "SUBSCRIBE c");
    poll(GENEROUS, || info(&mut connect(&server), "blocked_clients").filter(|waiting| *waiting == 1))
        .expect("it waits");
    let script = "server.call('RPUSH', 'l', 'x') return server.call('PUBLISH', 'c', 'm')";
    assert_eq!(server.scripts().eval(script).run(), Ok(Value::Integer(1)));
    assert_eq!(waiting.read(GENEROUS).expect("it is served"), Reply::Array(vec![bulk("l"), bulk("x")]));
    let message = Reply::Array(vec![bulk("message"), bulk("c"), bulk("m")]);
    assert_eq!(listening.read(GENEROUS).expect("it is told"), message);
}

#[test]
fn a_pause_of_clients_is_none_of_the_program() {
    let server = TestServer::start();
    ask(&mut connect(&server), "CLIENT PAUSE 1000000");
    assert_eq!(server.scripts().eval("return server.call('SET', 'k', 'v')").run().map(|_| ()), Ok(()));
    assert!(server.store().contains("k"));
}
