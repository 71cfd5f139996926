//! The program as an operator meets it: its command line, its banner, the signals that end it, and a system
//! that has no more to give.
#![forbid(unsafe_code)]

mod info;

use std::fs::File;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use scrubjay_tests::patience::{GENEROUS, pause, poll};
use scrubjay_tests::server::{Backend, target};
use scrubjay_tests::wire::{Client, Reply};
use tempfile::TempDir;

fn program() -> PathBuf {
    Backend::Scrubjay.program().unwrap_or_else(|why| panic!("{why}"))
}

/// A server started by hand, ended by force if the test does not end it.
struct Process {
    child: Child,
    folder: TempDir,
}

impl Process {
    /// Starts the program in a folder of its own, through a shell that first does what `before` says.
    fn start(before: &str, arguments: &[&str], input: &str) -> Self {
        let scratch = target().join("tmp");
        std::fs::create_dir_all(&scratch).expect("the target folder is writable");
        let folder = tempfile::tempdir_in(scratch).expect("a folder");
        let log = File::create(folder.path().join("log")).expect("a file");
        let mut child = Command::new("sh")
            .args(["-c", &format!("{before}\nexec \"$@\""), "sh"])
            .arg(program())
            .args(arguments)
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(log.try_clone().expect("a file"))
            .stderr(log)
            .spawn()
            .expect("a shell");
        let mut stdin = child.stdin.take().expect("a pipe");
        stdin.write_all(input.as_bytes()).expect("the program reads its input");
        Self { child, folder }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// Waits until it says that it serves, and returns the port that its banner names.
    fn port(&self) -> u16 {
        let log =
            poll(GENEROUS, || Some(self.log()).filter(|log| log.contains("Ready to accept connections")));
        let log = log.unwrap_or_else(|| panic!("it does not start:\n{}", self.log()));
        let (_, after) = log.split_once("port").expect("the banner names the port");
        let digits = after.trim_start_matches([' ', ':', '=']);
        let digits: String = digits.chars().take_while(char::is_ascii_digit).collect();
        digits.parse().unwrap_or_else(|_| panic!("no port in the banner:\n{log}"))
    }

    fn connect(&self) -> Client {
        Client::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, self.port()))).expect("it accepts")
    }

    fn signal(&self, name: &str) {
        let sent = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    fn end(&mut self) -> ExitStatus {
        let ended = poll(GENEROUS, || self.child.try_wait().expect("our child"));
        ended.unwrap_or_else(|| panic!("it does not end:\n{}", self.log()))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Fails only if it has ended, which is what is wanted.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn pong() -> Result<Reply, scrubjay_tests::wire::Silence> {
    Ok(Reply::Simple(b"PONG".to_vec()))
}

fn run(arguments: &[&str]) -> Output {
    Command::new(program()).args(arguments).stdin(Stdio::null()).output().expect("it runs")
}

#[test]
fn its_version_is_one_that_harnesses_parse() {
    for argument in ["--version", "-v"] {
        let output = run(&[argument]);
        let version = env!("CARGO_PKG_VERSION");
        let expected =
            format!("Valkey server v=9.1.2 sha=00000000:0 malloc=libc bits=64 build=0 scrubjay={version}\n");
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        assert!(output.status.success());
    }
}

#[test]
fn the_kernel_picks_a_port_and_the_banner_names_it() {
    let process = Process::start("", &["--port", "0"], "");
    assert_eq!(process.connect().typed("PING"), pong());
    for name in ["Scrubjay", env!("CARGO_PKG_VERSION"), "memory"] {
        assert!(process.log().to_lowercase().contains(&name.to_lowercase()), "no {name}:\n{}", process.log());
    }
}

#[test]
fn signals_end_it_cleanly() {
    for signal in ["TERM", "INT"] {
        let mut process = Process::start("", &["--port", "0"], "");
        let mut client = process.connect();
        assert_eq!(client.typed("PING"), pong());
        process.signal(signal);
        assert!(process.end().success(), "SIG{signal}:\n{}", process.log());
    }
}

#[test]
fn parameters_come_from_a_file_from_standard_input_and_from_the_command_line() {
    let ask = |process: &Process, parameter: &str| {
        let reply = process.connect().typed(&format!("CONFIG GET {parameter}")).expect("a reply");
        reply.elements().and_then(|pair| pair.last()).and_then(Reply::text).expect("a pair")
    };
    let from_input = Process::start("", &["-"], "port 0\nmaxmemory 100mb\n# a comment\nlfu-decay-time 7\n");
    assert_eq!(ask(&from_input, "maxmemory"), "104857600");
    assert_eq!(ask(&from_input, "lfu-decay-time"), "7");

    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("scrubjay.conf");
    std::fs::write(&file, "port 1\nmaxmemory-policy \"allkeys-lru\"\nsave \"\"\n").expect("a file");
    let file = file.to_str().expect("a plain path");
    // What stands on the command line wins.
    let from_file = Process::start("", &[file, "--port", "0", "--maxmemory", "1gb", "--save", ""], "");
    assert_eq!(ask(&from_file, "maxmemory-policy"), "allkeys-lru");
    assert_eq!(ask(&from_file, "maxmemory"), "1073741824");
}

#[test]
fn what_it_does_not_know_it_refuses_by_name() {
    for arguments in [["--no-such-parameter", "1"], ["--cluster-enabled", "yes"], ["--maxmemory", "lots"]] {
        let output = run(&arguments);
        assert!(!output.status.success(), "{arguments:?}");
        let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(arguments[0].trim_start_matches('-')), "{arguments:?}: {said}");
    }
}

#[test]
fn a_port_in_use_is_an_error_that_says_so() {
    let process = Process::start("", &["--port", "0"], "");
    let port = process.port().to_string();
    let output = run(&["--port", &port]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr) + String::from_utf8_lossy(&output.stdout);
    assert!(said.contains("in use"), "{said}");
}

/// When accepting fails for want of file descriptors, the server goes on serving those it has, does not burn
/// a processor meanwhile, and accepts again once there is room.
#[test]
#[cfg(target_os = "linux")]
fn running_out_of_files_neither_ends_nor_spins() {
    let process = Process::start("", &["--port", "0"], "");
    // Taken away after the start: a server that knows of it from the start lets in fewer clients instead.
    let pid = process.child.id().to_string();
    process.port();
    let limited = Command::new("prlimit").args(["--nofile=64:64", "--pid", &pid]).status();
    assert!(limited.expect("prlimit runs").success());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, process.port()));
    // The kernel completes connections that the server has not accepted: only some of these are answered.
    let mut clients: Vec<Client> = (0..100).map_while(|_| Client::connect(address).ok()).collect();
    clients.iter_mut().for_each(|client| drop(client.send(&["PING"])));
    assert_eq!(clients[0].read(GENEROUS), pong());
    let unanswered =
        clients.iter_mut().skip(1).filter_map(|client| client.read(Duration::from_millis(20)).err());
    assert!(unanswered.count() > 10, "the limit was meant to be met");

    let ticks = || {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.child.id())).expect("it runs");
        let fields: Vec<&str> =
            stat.rsplit(')').next().expect("a name in brackets").split_whitespace().collect();
        // User and system time, in hundredths of a second.
        fields[11].parse::<u64>().expect("a number") + fields[12].parse::<u64>().expect("a number")
    };
    let before = ticks();
    pause(Duration::from_secs(1));
    let spent = ticks() - before;
    assert!(spent < 50, "waiting for files takes {spent} % of a processor");

    clients[0].send(&["PING"]).expect("still connected");
    assert_eq!(clients[0].read(GENEROUS), pong());
    drop(clients);
    let again = poll(GENEROUS, || {
        let mut client = Client::connect(address).ok()?;
        client.send(&["PING"]).ok()?;
        client.read(Duration::from_millis(500)).ok()
    });
    assert_eq!(again, pong().ok());
}

#[test]
#[cfg(target_os = "linux")]
fn it_lets_in_as_many_clients_as_the_system_has_files_for() {
    let process = Process::start("ulimit -n 40", &["--port", "0"], "");
    let mut client = process.connect();
    let reply = client.typed("CONFIG GET maxclients").expect("a reply");
    let most = reply.elements().and_then(|pair| pair.last()).and_then(Reply::text).expect("a pair");
    assert_eq!(most, "8", "{}", process.log());
    let refused = client.typed("CONFIG SET maxclients 9").expect("a reply");
    let expected = "ERR CONFIG SET failed (possibly related to argument 'maxclients') - The operating system is not able \
        to handle the specified number of clients, try with 8";
    assert_eq!(refused, Reply::Error(expected.into()));
    let mut clients: Vec<Client> = (0..9).map(|_| process.connect()).collect();
    let replies: Vec<Reply> = clients.iter_mut().filter_map(|client| client.typed("PING").ok()).collect();
    assert!(replies.contains(&Reply::Error(b"ERR max number of clients reached".to_vec())), "{replies:?}");
}

#[test]
fn its_process_id_is_in_a_file_while_it_runs() {
    let mut process = Process::start("", &["--port", "0", "--pidfile", "its.pid"], "");
    process.port();
    let file = process.folder.path().join("its.pid");
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), format!("{}\n", process.child.id()));
    process.signal("TERM");
    assert!(process.end().success());
    assert!(!file.exists());
}

#[test]
fn a_log_file_has_it_all() {
    let mut process = Process::start("", &["--port", "0", "--logfile", "its.log", "--loglevel", "verbose"], "");
    let path = process.folder.path().join("its.log");
    let log = || std::fs::read_to_string(&path).unwrap_or_default();
    poll(GENEROUS, || log().contains("Ready to accept connections").then_some(())).expect("it starts");
    process.signal("INT");
    assert!(process.end().success());
    let log = log();
    for text in ["memory limit", "Received SIGINT", "bye bye"] {
        assert!(log.contains(text), "no {text}:\n{log}");
    }
    assert_eq!(process.log(), "");
}

#[test]
fn it_listens_elsewhere_when_told_to() {
    let process = Process::start("", &["--port", "0", "--bind", "127.0.0.1"], "");
    let mut client = process.connect();
    let taken = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = taken.local_addr().expect("an address").port();
    let refused = client.typed(&format!("CONFIG SET port {port}")).expect("a reply");
    let expected = "ERR CONFIG SET failed (possibly related to argument 'port') - Unable to listen on this port. Check \
        server logs.";
    assert_eq!(refused, Reply::Error(expected.into()));
    assert_eq!(process.connect().typed("PING"), pong());

    drop(taken);
    let moved = client.typed(&format!("CONFIG SET port {port}")).expect("a reply");
    assert_eq!(moved, Reply::Simple(b"OK".to_vec()));
    assert_eq!(client.typed("PING"), pong());
    let mut elsewhere = Client::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).expect("it listens");
    assert_eq!(elsewhere.typed("PING"), pong());
    assert!(Client::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, process.port()))).is_err());
}
