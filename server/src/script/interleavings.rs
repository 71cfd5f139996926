//! Model checks of what ends a script against its own end: shuttle runs each of these under thousands of
//! interleavings of its threads.
//!
//! `RUSTFLAGS='--cfg shuttle' cargo test -p scrubjay-server --lib script`; a failure prints the schedule that
//! repeats it.

use std::sync::Arc;

use shuttle::thread;

use super::running::{Killer, Program, Running};
use crate::config::Compat;
use crate::error::Error;
use crate::shared::{self, Busy};

const SCHEDULES: usize = 3_000;

fn function() -> Program {
    Program::Function { name: b"f"[..].into(), command: Vec::new() }
}

/// What became of a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Fate {
    killed: bool,
    wrote: bool,
}

/// A script that writes at its second step, if it gets there, and has a third one.
fn run(running: &Running, busy: &Busy, writes: bool) -> Fate {
    let guard = running.begin(function(), 0);
    let mut wrote = false;
    for step in 0..3 {
        if running.is_killed() {
            assert!(!wrote, "it was killed after it had written");
            break;
        }
        busy.set(Some(shared::Program::Function));
        if writes && step == 1 {
            wrote = running.note_write();
        }
    }
    Fate { killed: guard.finish(busy), wrote }
}

/// What a kill was answered with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Done,
    NothingRuns,
    HasWritten,
}

fn kill(running: &Running) -> Answer {
    match running.kill(Killer::Function, Compat::Valkey91.identity()) {
        Ok(()) => Answer::Done,
        Err(Error::Text(text)) if text.starts_with("NOTBUSY") => Answer::NothingRuns,
        Err(Error::Text(text)) if text.starts_with("UNKILLABLE") => Answer::HasWritten,
        Err(other) => panic!("{other:?}"),
    }
}

#[test]
fn a_kill_ends_the_script_that_it_found_and_no_other() {
    let check = || {
        let world = Arc::new((Running::default(), Busy::default()));
        let killing = {
            let world = Arc::clone(&world);
            thread::spawn(move || kill(&world.0))
        };
        let fates = [true, false, false].map(|writes| run(&world.0, &world.1, writes));
        let killed = fates.iter().filter(|fate| fate.killed).count();
        match killing.join().expect("it does not panic") {
            Answer::Done => assert_eq!(killed, 1, "{fates:?}"),
            Answer::NothingRuns => assert_eq!(killed, 0, "{fates:?}"),
            Answer::HasWritten => assert!(killed == 0 && fates[0].wrote, "{fates:?}"),
        }
        assert!(fates.iter().all(|fate| !(fate.killed && fate.wrote)), "{fates:?}");
    };
    shuttle::check_random(check, SCHEDULES);
}

#[test]
fn two_kills_of_one_script_agree() {
    let check = || {
        let world = Arc::new((Running::default(), Busy::default()));
        let killings = [0, 1].map(|_| {
            let world = Arc::clone(&world);
            thread::spawn(move || kill(&world.0))
        });
        let fate = run(&world.0, &world.1, true);
        let answers = killings.map(|killing| killing.join().expect("it does not panic"));
        assert_eq!(fate.killed, answers.contains(&Answer::Done), "{answers:?}");
        assert!(!(fate.killed && answers.contains(&Answer::HasWritten)), "{answers:?}");
    };
    shuttle::check_random(check, SCHEDULES);
}

#[test]
fn nobody_is_busy_once_nothing_runs() {
    let check = || {
        let world = Arc::new((Running::default(), Busy::default()));
        let asking = {
            let world = Arc::clone(&world);
            thread::spawn(move || {
                let busy_before = world.1.with().is_some();
                let answer = kill(&world.0);
                (busy_before, answer, world.1.with().is_some())
            })
        };
        run(&world.0, &world.1, false);
        let (busy_before, answer, busy_after) = asking.join().expect("it does not panic");
        // Nothing runs: it has not begun, or it is over. Who was told before that it runs knows which.
        if busy_before && answer == Answer::NothingRuns {
            assert!(!busy_after);
        }
        assert_eq!(world.1.with(), None);
        assert_eq!(kill(&world.0), Answer::NothingRuns);
    };
    shuttle::check_random(check, SCHEDULES);
}
