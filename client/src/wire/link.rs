//! One node: its connection, kept up by a task of its own, and the life that is going on.
//!
//! The order in which things happen is what a near cache stands on:
//!
//! - the life of a connection begins when its greeting was answered, so nothing was read over it before;
//! - a request takes the life first and is sent then: a life that ends meanwhile takes the answer with it;
//! - a life is over before the link tries to connect anew, so two lives of one link never go on at once.

use std::sync::{Arc, Weak};

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ConnectionInfo, Pipeline, PushInfo, PushKind, RedisError, Value};
use scrubjay::sync::Mutex;
use scrubjay::sync::atomic::{AtomicU64, Ordering::Relaxed};
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{sleep, timeout};
use tracing::{debug, info, warn};

use super::breaker::{Breaker, BreakerState};
use super::connector::{Event, Plan};
use super::error::Error;
use super::life::{Life, Node, Reason};

/// A node, for as long as this is held.
pub(crate) struct Link {
    core: Arc<Core>,
    keeper: AbortHandle,
}

struct Core {
    node: Node,
    info: ConnectionInfo,
    plan: Arc<Plan>,
    state: watch::Sender<State>,
    generation: AtomicU64,
    breaker: Mutex<Breaker>,
    /// Woken when the node could not be reached: in a cluster another may have taken its place.
    unreachable: Arc<Notify>,
}

#[derive(Clone)]
enum State {
    /// For the first time, or at once after a loss: worth waiting for.
    Connecting,
    Up(Up),
    /// It is tried again and again; not worth waiting for.
    Down(RedisError),
}

#[derive(Clone)]
struct Up {
    connection: MultiplexedConnection,
    lives: Arc<Lives>,
}

/// The lives of one connection.
#[derive(Default)]
struct Lives {
    /// None before the greeting was answered, and after the connection was lost.
    current: Mutex<Option<Arc<Life>>>,
    lost: Notify,
}

impl Link {
    /// Starts to connect. Whenever that fails, `unreachable` is woken.
    pub(crate) fn open(
        node: Node,
        info: ConnectionInfo,
        plan: Arc<Plan>,
        unreachable: Arc<Notify>,
    ) -> Arc<Self> {
        let breaker = Mutex::new(Breaker::new(plan.breaker_failures, plan.breaker_pause));
        let state = watch::Sender::new(State::Connecting);
        let core =
            Arc::new(Core { node, info, plan, state, generation: AtomicU64::new(0), breaker, unreachable });
        let keeper = tokio::spawn(Arc::clone(&core).keep()).abort_handle();
        Arc::new(Self { core, keeper })
    }

    pub(crate) fn node(&self) -> &Node {
        &self.core.node
    }

    pub(crate) fn breaker(&self) -> BreakerState {
        self.core.breaker.lock().state()
    }

    /// Waits until it is connected.
    pub(crate) async fn ready(&self) -> Result<(), Error> {
        self.core.up().await.map(drop)
    }

    /// Sends commands, with nothing of anyone else's between them. Their replies, errors of the server among
    /// them, and the life they were sent in, which may have ended meanwhile.
    pub(crate) async fn exchange(&self, commands: &Pipeline) -> Result<(Vec<Value>, Arc<Life>), Error> {
        let core = &*self.core;
        if !core.breaker.lock().admits(|| core.plan.clock.monotonic_micros()) {
            return Err(Error::BreakerOpen(core.node.clone()));
        }
        let answer = core.exchange(commands).await;
        match &answer {
            Ok(_) => core.breaker.lock().succeeded(),
            Err(_) => core.breaker.lock().failed(core.plan.clock.monotonic_micros()),
        }
        answer
    }

    /// Ends the life that is going on, and begins another on the same connection.
    pub(crate) fn renew(&self, reason: Reason) {
        if let Some(lives) = self.core.lives() {
            self.core.renew(&lives, reason);
        }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.keeper.abort();
        if let Some(lives) = self.core.lives() {
            self.core.finish(&lives, Reason::Asked);
        }
    }
}

impl Core {
    /// The lives of the connection, if there is one. No lock is held afterwards, so that who is told of their
    /// end may use the link.
    fn lives(&self) -> Option<Arc<Lives>> {
        match &*self.state.borrow() {
            State::Up(up) => Some(Arc::clone(&up.lives)),
            State::Connecting | State::Down(_) => None,
        }
    }

    async fn up(&self) -> Result<Up, Error> {
        if let State::Up(up) = &*self.state.borrow() {
            return Ok(up.clone());
        }
        let unreachable = |error| Error::Unreachable(self.node.clone(), error);
        let mut states = self.state.subscribe();
        let settled = states.wait_for(|state| !matches!(state, State::Connecting));
        // One attempt ends by itself within the timeout; a second may have begun in between.
        match timeout(self.plan.connect_timeout * 2, settled)
            .await
            .map(|state| state.map(|state| state.clone()))
        {
            Ok(Ok(State::Up(up))) => Ok(up),
            Ok(Ok(State::Down(error))) => Err(unreachable(error)),
            _ => Err(unreachable(RedisError::from((redis::ErrorKind::Io, "still connecting")))),
        }
    }

    async fn exchange(&self, commands: &Pipeline) -> Result<(Vec<Value>, Arc<Life>), Error> {
        let Up { mut connection, lives } = self.up().await?;
        let Some(life) = lives.current.lock().clone() else {
            let error = RedisError::from((redis::ErrorKind::Io, "the connection has just been lost"));
            return Err(Error::Unreachable(self.node.clone(), error));
        };
        match connection.send_packed_commands(commands, 0, commands.len()).await {
            Ok(values) => Ok((values, life)),
            Err(error) => {
                // The reader has told already if it knows; a timeout alone is no loss.
                if error.is_unrecoverable_error() && !error.is_timeout() {
                    self.finish(&lives, Reason::Lost);
                }
                Err(Error::Interrupted(self.node.clone(), error))
            }
        }
    }

    /// Keeps the connection up, for ever.
    async fn keep(self: Arc<Self>) {
        let mut failures = 0;
        loop {
            match self.connect().await {
                Ok(up) => {
                    info!(node = %self.node, "connected");
                    failures = 0;
                    self.state.send_replace(State::Up(up.clone()));
                    self.watch_over(up).await;
                    self.state.send_replace(State::Connecting);
                }
                Err(error) => {
                    let pause = self.plan.pause(failures);
                    warn!(node = %self.node, %error, ?pause, "cannot connect");
                    failures = failures.saturating_add(1);
                    self.state.send_replace(State::Down(error));
                    self.unreachable.notify_one();
                    sleep(pause).await;
                }
            }
        }
    }

    async fn connect(self: &Arc<Self>) -> Result<Up, RedisError> {
        let lives = Arc::new(Lives::default());
        let hear = {
            // The reader must not keep alive what owns its connection.
            let (core, lives) = (Arc::downgrade(self), Arc::downgrade(&lives));
            move |push: PushInfo| {
                hear(&core, &lives, &push);
                Ok::<_, RedisError>(())
            }
        };
        let Plan { connect_timeout, response_timeout, .. } = *self.plan;
        let config = AsyncConnectionConfig::new()
            .set_connection_timeout(Some(connect_timeout))
            .set_response_timeout(Some(response_timeout))
            .set_push_sender(hear);
        let client = redis::Client::open(self.info.clone())?;
        let mut connection = client.get_multiplexed_async_connection_with_config(&config).await?;
        let mut refused = None;
        for command in &self.plan.greeting {
            let reply = connection.send_packed_command(command).await;
            match reply.and_then(Value::extract_error) {
                Ok(_) => {}
                Err(error) if is_from_server(&error) => {
                    warn!(node = %self.node, %error, "a greeting was refused");
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        let life = self.begin(refused.is_none());
        *lives.current.lock() = Some(Arc::clone(&life));
        self.plan.tell(Event::Connected { life: &life, refused: refused.as_ref() });
        Ok(Up { connection, lives })
    }

    /// Returns when the connection is lost, having ended its life.
    async fn watch_over(&self, mut up: Up) {
        let ping = redis::cmd("PING");
        loop {
            tokio::select! {
                () = up.lives.lost.notified() => break,
                () = sleep(self.plan.heartbeat) => {}
            }
            if let Err(error) = up.connection.send_packed_command(&ping).await
                && !is_from_server(&error)
            {
                warn!(node = %self.node, %error, "no sign of life");
                break;
            }
        }
        self.finish(&up.lives, Reason::Lost);
    }

    fn begin(&self, greeted: bool) -> Arc<Life> {
        let generation = self.generation.fetch_add(1, Relaxed) + 1;
        Arc::new(Life::new(self.node.clone(), generation, greeted))
    }

    fn renew(&self, lives: &Lives, reason: Reason) {
        let mut current = lives.current.lock();
        let Some(old) = current.take() else { return };
        *current = Some(self.begin(old.is_greeted()));
        let ended = old.finish(reason, self.plan.clock.monotonic_micros());
        drop(current);
        self.told_end(&old, ended);
    }

    /// Ends the last life of a connection.
    fn finish(&self, lives: &Lives, reason: Reason) {
        let Some(old) = lives.current.lock().take() else { return };
        let ended = old.finish(reason, self.plan.clock.monotonic_micros());
        lives.lost.notify_one();
        self.told_end(&old, ended);
    }

    fn told_end(&self, life: &Arc<Life>, ended: bool) {
        if ended {
            debug!(node = %self.node, generation = life.generation(), end = ?life.end(), "a life has ended");
            self.plan.tell(Event::Ended { life });
        }
    }
}

/// Whether a server said this, so that the connection works.
fn is_from_server(error: &RedisError) -> bool {
    error.code().is_some()
}

/// In the task of the reader, in the order of the stream.
fn hear(core: &Weak<Core>, lives: &Weak<Lives>, push: &PushInfo) {
    let (Some(core), Some(lives)) = (core.upgrade(), lives.upgrade()) else { return };
    if push.kind == PushKind::Disconnection {
        core.finish(&lives, Reason::Lost);
        // Even before its first life it may be lost; whoever watches over it then must know.
        lives.lost.notify_one();
        return;
    }
    // Before the first life nothing has been read that could be outdated.
    let Some(life) = lives.current.lock().clone() else { return };
    if push.kind == PushKind::Invalidate && matches!(push.data[..], [Value::Nil]) {
        core.renew(&lives, Reason::Flushed);
    }
    core.plan.tell(Event::Push { life: &life, push });
}
