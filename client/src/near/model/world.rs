//! The server, the connections and the caches, and what each step does to them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use redis::{PushInfo, PushKind, Value};
use scrubjay::Cache;
use scrubjay::cache::{Claim, Outcome, Ticket};
use scrubjay::random::Random;
use scrubjay::time::ManualClock;

use super::super::held::{Good, Held, Known, NEVER};
use super::super::local::{self, Hearing, Local, Reading, Times, Wanted};
use super::super::stats::Mode;
use super::{NOTHING, Scope, Step, Variant};
use crate::wire::{Event, Life, Node, Reason};

/// Microseconds between two ticks.
const TICK: u64 = 1000;

enum Message {
    Notice {
        key: usize,
        version: u8,
    },
    /// With the versions it left.
    Flush(Vec<u8>),
    Reply {
        job: usize,
        version: u8,
        is_there: bool,
        left: u64,
    },
}

struct Connection {
    cache: usize,
    is_up: bool,
    requests: VecDeque<(usize, usize, Kind)>,
    messages: VecDeque<Message>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Read,
    Write,
    /// A read that turns into a fill if there is nothing.
    Load,
    /// A write, unless there is something.
    Fill,
}

struct Key {
    version: u8,
    is_there: bool,
    expires: u64,
    listeners: Vec<usize>,
}

/// A request under way, and who waits for it.
struct Job {
    id: usize,
    key: usize,
    kind: Kind,
    ticket: Option<Ticket<local::Key, Held<u8>>>,
    began: u64,
    /// The one that it was sent in, once it was.
    life: Option<Arc<Life>>,
    answer: Answer,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Answer {
    Unsent,
    Awaited,
    Come { version: u8, is_there: bool, left: u64, at: u64 },
    Lost,
}

struct Holder {
    local: Local<u8>,
    connection: usize,
    life: Arc<Life>,
    jobs: Vec<Job>,
    /// By key: nothing older may be read.
    told: Vec<u8>,
    reads: usize,
    writes: usize,
    loads: usize,
}

pub(super) struct World {
    scope: Scope,
    variant: Variant,
    clock: ManualClock,
    keys: Vec<Key>,
    connections: Vec<Connection>,
    holders: Vec<Holder>,
    /// When which version of which key is over.
    deadlines: Vec<(usize, u8, u64)>,
    spent: Scope,
    jobs: usize,
}

fn name(key: usize) -> local::Key {
    Box::new([b'a' + key as u8])
}

impl World {
    pub(super) fn new(scope: Scope, variant: Variant) -> Self {
        let clock = ManualClock::new(1_000_000);
        let key = || Key { version: 1, is_there: scope.loads == 0, expires: NEVER, listeners: Vec::new() };
        let mut world = Self {
            scope,
            variant,
            clock,
            keys: (0..scope.keys).map(|_| key()).collect(),
            connections: Vec::new(),
            holders: Vec::new(),
            deadlines: Vec::new(),
            spent: NOTHING,
            jobs: 0,
        };
        for cache in 0..scope.caches {
            let times = Times {
                ttl: NEVER,
                refresh_after: NEVER,
                absent_ttl: NEVER,
                untracked_ttl: NEVER,
                stale: 0,
                jitter: 0.0,
            };
            let hearing = Hearing {
                mode: Mode::Tracking,
                prefixes: Vec::new(),
                sender: Vec::new(),
                channel: Vec::new(),
            };
            let clock = world.clock.clock();
            let entries = Cache::builder().shards(1).seed(1).clock(clock.clone()).build();
            let local = Local::new(entries, clock, times, hearing, Random::seeded(1));
            world.holders.push(Holder {
                local,
                connection: cache,
                life: life(0),
                jobs: Vec::new(),
                told: vec![0; scope.keys],
                reads: 0,
                writes: 0,
                loads: 0,
            });
            world.connect(cache);
        }
        world
    }

    fn connect(&mut self, cache: usize) {
        let first: Vec<u8> = self.keys.iter().map(|key| key.version).collect();
        let holder = &mut self.holders[cache];
        holder.connection = self.connections.len();
        holder.life = life(holder.life.generation() + 1);
        holder.told = first;
        let (requests, messages) = Default::default();
        self.connections.push(Connection { cache, is_up: true, requests, messages });
    }

    fn now(&self) -> u64 {
        self.holders[0].local.now()
    }

    /// What could happen next.
    pub(super) fn steps(&self) -> Vec<Step> {
        let (scope, spent) = (&self.scope, &self.spent);
        let mut steps = Vec::new();
        for (at, holder) in self.holders.iter().enumerate() {
            for key in 0..scope.keys {
                if holder.reads < scope.reads {
                    steps.push(Step::Read(at, key));
                }
                if holder.loads < scope.loads {
                    steps.push(Step::Load(at, key));
                }
                if holder.writes < scope.writes {
                    steps.push(Step::Write(at, key));
                }
            }
            if !self.connections[holder.connection].messages.is_empty() {
                steps.push(Step::Hear(at));
            }
            if spent.cuts < scope.cuts {
                steps.push(Step::Cut(at));
            }
            for (number, job) in holder.jobs.iter().enumerate() {
                match job.answer {
                    Answer::Unsent => steps.push(Step::Send(at, number)),
                    Answer::Awaited => {}
                    Answer::Come { .. } | Answer::Lost => steps.push(Step::Wake(at, number)),
                }
                if spent.cancels < scope.cancels {
                    steps.push(Step::Cancel(at, number));
                }
            }
        }
        for (at, connection) in self.connections.iter().enumerate() {
            if !connection.requests.is_empty() {
                steps.push(Step::Execute(at));
            }
        }
        if spent.foreign < scope.foreign {
            steps.extend((0..scope.keys).map(Step::Foreign));
        }
        if spent.flushes < scope.flushes {
            steps.push(Step::Flush);
        }
        if spent.ticks < scope.ticks {
            steps.push(Step::Tick);
        }
        steps
    }

    pub(super) fn take(&mut self, step: Step) {
        match step {
            Step::Read(cache, key) => self.claim(cache, key, Kind::Read),
            Step::Load(cache, key) => self.claim(cache, key, Kind::Load),
            Step::Write(cache, key) => self.claim(cache, key, Kind::Write),
            Step::Send(cache, job) => {
                let holder = &mut self.holders[cache];
                let job = &mut holder.jobs[job];
                job.life = Some(Arc::clone(&holder.life));
                job.answer = Answer::Awaited;
                let requests = &mut self.connections[holder.connection].requests;
                requests.push_back((job.id, job.key, job.kind));
            }
            Step::Foreign(key) => {
                self.spent.foreign += 1;
                // Where it is loaded what is not there, they remove what they find there.
                let is_there = self.scope.loads == 0 || !self.keys[key].is_there;
                self.change(key, is_there, None);
                if let Some(ttl) = self.scope.ttl {
                    let expires = self.now() + ttl * TICK;
                    self.keys[key].expires = expires;
                    self.deadlines.push((key, self.keys[key].version, expires));
                }
            }
            Step::Flush => {
                self.spent.flushes += 1;
                for key in &mut self.keys {
                    *key = Key {
                        version: key.version + 1,
                        is_there: false,
                        expires: NEVER,
                        listeners: Vec::new(),
                    };
                }
                let left: Vec<u8> = self.keys.iter().map(|key| key.version).collect();
                for connection in self.connections.iter_mut().filter(|connection| connection.is_up) {
                    connection.messages.push_back(Message::Flush(left.clone()));
                }
            }
            Step::Execute(connection) => self.execute(connection),
            Step::Hear(cache) => self.hear(cache),
            Step::Wake(cache, job) => self.wake(cache, job),
            Step::Cancel(cache, job) => {
                self.spent.cancels += 1;
                let holder = &mut self.holders[cache];
                let Job { key, kind, ticket, answer, .. } = holder.jobs.remove(job);
                drop(ticket);
                // The loader of a fill that is not sent yet is still at work.
                if kind == Kind::Write || kind == Kind::Fill && answer != Answer::Unsent {
                    holder.local.forget(&name(key));
                }
            }
            Step::Cut(cache) => {
                self.spent.cuts += 1;
                let now = self.now();
                let holder = &mut self.holders[cache];
                holder.life.finish(Reason::Lost, now);
                holder.local.hear(&Event::Ended { life: &holder.life });
                for job in holder.jobs.iter_mut().filter(|job| job.answer == Answer::Awaited) {
                    job.answer = Answer::Lost;
                }
                let old = &mut self.connections[holder.connection];
                old.is_up = false;
                old.messages.clear();
                self.connect(cache);
            }
            Step::Tick => {
                self.spent.ticks += 1;
                self.clock.advance(Duration::from_micros(TICK));
            }
        }
    }

    /// What `NearCache` does before it sends anything.
    fn claim(&mut self, cache: usize, key: usize, kind: Kind) {
        let began = self.now();
        let holder = &mut self.holders[cache];
        if kind == Kind::Write {
            holder.writes += 1;
            holder.local.forget(&name(key));
        }
        let ticket = match holder.local.claim(&name(key), Wanted::Servers) {
            Claim::Load(ticket) | Claim::Refresh(_, ticket) => Some(ticket),
            _ => None,
        };
        if kind != Kind::Write {
            if ticket.is_none() {
                return;
            }
            holder.loads += usize::from(kind == Kind::Load);
            holder.reads += usize::from(kind == Kind::Read);
        }
        self.jobs += 1;
        let (id, life, answer) = (self.jobs, None, Answer::Unsent);
        holder.jobs.push(Job { id, key, kind, ticket, began, life, answer });
    }

    /// A key gets another value, by the connection `by` if that has a cache.
    fn change(&mut self, key: usize, is_there: bool, by: Option<usize>) {
        let state = &mut self.keys[key];
        state.version += 1;
        state.is_there = is_there;
        state.expires = NEVER;
        let version = state.version;
        let listeners = if self.scope.listed {
            std::mem::take(&mut state.listeners)
        } else {
            (0..self.connections.len()).collect()
        };
        for listener in listeners {
            let connection = &mut self.connections[listener];
            if connection.is_up && by != Some(listener) {
                connection.messages.push_back(Message::Notice { key, version });
            }
        }
    }

    fn execute(&mut self, at: usize) {
        let now = self.now();
        let Some((job, key, kind)) = self.connections[at].requests.pop_front() else { return };
        if self.keys[key].expires <= now {
            // It is noticed now that it is over, and told.
            self.change(key, false, None);
        }
        if kind == Kind::Write || kind == Kind::Fill && !self.keys[key].is_there {
            self.change(key, true, Some(at));
        }
        let state = &mut self.keys[key];
        if !state.listeners.contains(&at) {
            state.listeners.push(at);
        }
        let left = if state.expires == NEVER { NEVER } else { state.expires - now };
        let (version, is_there) = (state.version, state.is_there);
        let connection = &mut self.connections[at];
        if connection.is_up {
            connection.messages.push_back(Message::Reply { job, version, is_there, left });
        }
    }

    fn hear(&mut self, cache: usize) {
        let now = self.now();
        let holder = &mut self.holders[cache];
        let connection = &mut self.connections[holder.connection];
        match connection.messages.pop_front() {
            Some(Message::Notice { key, version }) => {
                let keys = Value::Array(vec![Value::BulkString(name(key).into_vec())]);
                let push = PushInfo { kind: PushKind::Invalidate, data: vec![keys] };
                holder.local.hear(&Event::Push { life: &holder.life, push: &push });
                holder.told[key] = holder.told[key].max(version);
            }
            Some(Message::Flush(left)) => {
                let next = life(holder.life.generation() + 1);
                let old = std::mem::replace(&mut holder.life, next);
                old.finish(Reason::Flushed, now);
                holder.local.hear(&Event::Ended { life: &old });
                for (told, left) in holder.told.iter_mut().zip(left) {
                    *told = (*told).max(left);
                }
            }
            Some(Message::Reply { job, version, is_there, left }) => {
                if let Some(job) = holder.jobs.iter_mut().find(|other| other.id == job) {
                    job.answer = Answer::Come { version, is_there, left, at: now };
                }
            }
            None => {}
        }
    }

    /// What `NearCache` does when it has its answer.
    fn wake(&mut self, cache: usize, number: usize) {
        let (variant, now) = (self.variant, self.now());
        let holder = &mut self.holders[cache];
        let local = &holder.local;
        let job = &mut holder.jobs[number];
        let is_missing = matches!(job.answer, Answer::Come { is_there: false, .. });
        if job.kind == Kind::Load && is_missing && job.ticket.as_ref().is_some_and(Ticket::is_live) {
            // The loader has brought something, and nobody has changed the key since.
            (job.kind, job.answer, job.began, job.life) = (Kind::Fill, Answer::Unsent, now, None);
            return;
        }
        let Job { key, kind, ticket, life, began, answer, .. } = holder.jobs.remove(number);
        // Whoever has written is not told of it, and whoever does not know may have written.
        let mut forgets = match kind {
            Kind::Read | Kind::Load => false,
            Kind::Write => variant != Variant::ForgetBeforeOnly,
            Kind::Fill => variant != Variant::ForgetNotAfterLoad,
        };
        if let Answer::Come { version, left, at, .. } = answer {
            let life =
                if variant == Variant::LifeOfTheAnswer { Some(Arc::clone(&holder.life)) } else { life };
            let began = if variant == Variant::TtlFromTheAnswer { at } else { began };
            let reading = Reading { known: Known::Value(version), life, began, left, is_loaders: false };
            if variant == Variant::FillWithoutTicket && kind == Kind::Read {
                let Reading { known, life, .. } = reading;
                let fresh_until = began.saturating_add(left);
                drop(ticket);
                let held = Held::new(known, life, Good { refresh_at: NEVER, fresh_until }, false);
                local.entries.insert(name(key), held);
            } else if let Some(ticket) = ticket {
                forgets &= !local.keep(ticket, reading).1;
            }
            if matches!(kind, Kind::Write | Kind::Fill) {
                holder.told[key] = holder.told[key].max(version);
            }
        }
        if forgets {
            holder.local.forget(&name(key));
        }
    }

    /// What is wrong, if anything is.
    pub(super) fn wrong(&self) -> Option<String> {
        for (cache, holder) in self.holders.iter().enumerate() {
            for key in 0..self.scope.keys {
                let Some(Some(version)) = holder.local.hit(&name(key), Wanted::Servers) else { continue };
                let told = holder.told[key];
                if version < told {
                    return Some(format!(
                        "cache {cache} reads version {version} of {key}, and was told {told}"
                    ));
                }
                let over = self
                    .deadlines
                    .iter()
                    .any(|&(of, which, deadline)| (of, which) == (key, version) && deadline <= self.now());
                if over {
                    return Some(format!("cache {cache} reads version {version} of {key}, which is over"));
                }
            }
        }
        None
    }

    /// Everything that what comes next depends on.
    pub(super) fn fingerprint(&self) -> Vec<u64> {
        let mut all = vec![self.now()];
        let Scope { foreign, ticks, cuts, flushes, cancels, .. } = self.spent;
        all.extend([foreign, ticks, cuts, flushes, cancels].map(|spent| spent as u64));
        for key in &self.keys {
            let is_there = u64::from(key.is_there);
            all.extend([u64::from(key.version), is_there, key.expires, key.listeners.len() as u64]);
            all.extend(key.listeners.iter().map(|&listener| listener as u64));
        }
        // A job is told by its place among those of its cache, not by its number.
        let place = |cache: usize, id: usize| {
            self.holders[cache].jobs.iter().position(|job| job.id == id).map_or(u64::MAX, |at| at as u64)
        };
        for connection in &self.connections {
            all.extend([u64::from(connection.is_up), connection.requests.len() as u64]);
            for &(job, key, kind) in &connection.requests {
                all.extend([place(connection.cache, job), key as u64, kind as u64]);
            }
            all.push(connection.messages.len() as u64);
            for message in &connection.messages {
                match message {
                    Message::Notice { key, version } => all.extend([1, *key as u64, u64::from(*version)]),
                    Message::Flush(left) => {
                        all.push(2);
                        all.extend(left.iter().map(|&version| u64::from(version)));
                    }
                    Message::Reply { job, version, is_there, left } => {
                        let [version, is_there] = [u64::from(*version), u64::from(*is_there)];
                        all.extend([3, place(connection.cache, *job), version, is_there, *left]);
                    }
                }
            }
        }
        for holder in &self.holders {
            let spent = [holder.reads, holder.writes, holder.loads].map(|spent| spent as u64);
            all.push(holder.life.generation());
            all.extend(spent);
            all.extend(holder.told.iter().map(|&told| u64::from(told)));
            for key in 0..self.scope.keys {
                match holder.local.entries.peek(&name(key)[..]) {
                    Outcome::Fresh { value: held, .. } | Outcome::Stale { value: held, .. } => {
                        let life = held.life.as_ref().map_or(0, |life| life.generation() + 1);
                        let version = held.known().into_value().map_or(0, |&version| u64::from(version));
                        all.extend([version, life, held.fresh_until.micros()]);
                    }
                    _ => all.push(u64::MAX),
                }
            }
            for job in &holder.jobs {
                let live = job.ticket.as_ref().map_or(2, |ticket| u64::from(ticket.is_live()));
                let life = job.life.as_ref().map_or(0, |life| life.generation() + 1);
                all.extend([job.key as u64, job.kind as u64, live, life, job.began]);
                all.extend(match job.answer {
                    Answer::Unsent => [3, 0, 0, 0],
                    Answer::Awaited => [0; 4],
                    Answer::Come { version, is_there, left, at } => {
                        [1 + 4 * u64::from(is_there), u64::from(version), left, at]
                    }
                    Answer::Lost => [2, 0, 0, 0],
                });
            }
        }
        all
    }
}

fn life(generation: u64) -> Arc<Life> {
    Arc::new(Life::new(Node::new("server"), generation, true))
}
