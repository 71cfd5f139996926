//! Commands to whoever owns their key.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, OnceLock, Weak};

use redis::{Cmd, ConnectionAddr, ConnectionInfo, Pipeline, RedisError, Value};
use scrubjay::sync::RwLock;
use tokio::sync::Notify;
use tokio::task::AbortHandle;
use tokio::time::sleep;
use tracing::{debug, warn};

use super::breaker::BreakerState;
use super::connector::{Event, Plan};
use super::error::Error;
use super::life::{Life, Node, Reason};
use super::link::Link;
use super::slots::{self, Owned, SLOTS, slot_of};

/// Connections to a server or to a cluster. A handle: clones of it use the same connections.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

/// What some commands were answered with.
#[derive(Debug)]
#[non_exhaustive]
pub struct Answer {
    /// One for each command; errors of the server among them.
    pub values: Vec<Value>,
    /// The life in which the request went out: while that goes on, notices of changes reach this client.
    /// None if the node is not, or not any more, the owner of the slot, so that none may come.
    pub life: Option<Arc<Life>>,
}

struct Inner {
    plan: Arc<Plan>,
    /// What is common to all nodes, and where one is that does not know its own address.
    seeds: Vec<ConnectionInfo>,
    is_cluster: bool,
    routes: RwLock<Routes>,
    /// Held by who asks the cluster who owns what.
    refreshing: tokio::sync::Mutex<()>,
    unreachable: Arc<Notify>,
    refresher: OnceLock<AbortHandle>,
}

#[derive(Default)]
struct Routes {
    links: HashMap<Node, Arc<Link>>,
    /// By slot; one for all if it is no cluster.
    owners: Vec<Option<Arc<Link>>>,
}

impl Client {
    pub(super) async fn connect(
        plan: Arc<Plan>,
        seeds: Vec<ConnectionInfo>,
        is_cluster: bool,
    ) -> Result<Self, Error> {
        let client = Self(Arc::new(Inner {
            plan,
            seeds,
            is_cluster,
            routes: RwLock::default(),
            refreshing: tokio::sync::Mutex::default(),
            unreachable: Arc::default(),
            refresher: OnceLock::new(),
        }));
        let inner = &client.0;
        let first = inner.seeds.first().ok_or_else(|| Error::Address("none is given".to_owned()))?;
        if is_cluster {
            inner.routes.write().owners.resize(usize::from(SLOTS), None);
            inner.refresh(None).await?;
            let task = tokio::spawn(refresh_now_and_then(Arc::downgrade(inner))).abort_handle();
            inner.refresher.get_or_init(|| task);
        } else {
            let link = inner.link_to(&node_of(first));
            inner.routes.write().owners.push(Some(Arc::clone(&link)));
            link.ready().await?;
        }
        Ok(client)
    }

    /// Sends a command to the node that owns the key.
    ///
    /// # Errors
    /// See [`Error`]; [`Error::Refused`] when the server answers with an error.
    pub async fn send(&self, key: &[u8], command: Cmd) -> Result<Value, Error> {
        let mut commands = Pipeline::with_capacity(1);
        commands.add_command(command);
        let answer = self.exchange(key, &commands).await?;
        single(answer.values)
    }

    /// Sends commands, all of this key (or of none), to the node that owns the key, with nothing of anyone
    /// else's between them on the connection. MOVED, ASK, TRYAGAIN and CLUSTERDOWN are seen to, within
    /// [limits](super::Connector::tries), by sending all of them again.
    ///
    /// # Errors
    /// See [`Error`]. Other errors of the server are among the values of the answer.
    pub async fn exchange(&self, key: &[u8], commands: &Pipeline) -> Result<Answer, Error> {
        let inner = &*self.0;
        let slot = if inner.is_cluster { slot_of(key) } else { 0 };
        let mut last = None;
        for attempt in 0..inner.plan.tries {
            let Some(link) = inner.owner(slot) else {
                inner.refresh(None).await?;
                sleep(inner.plan.pause(attempt)).await;
                continue;
            };
            let (values, life) = match link.exchange(commands).await {
                Ok(answer) => answer,
                // It was not sent. If another node has taken over, that one will do.
                Err(error @ Error::Unreachable(..)) if inner.is_cluster => {
                    inner.refresh(None).await?;
                    if attempt > 0 || inner.owner(slot).is_some_and(|owner| owner.node() == link.node()) {
                        return Err(error);
                    }
                    continue;
                }
                Err(error) => return Err(error),
            };
            match Direction::of(&values, link.node()) {
                _ if !inner.is_cluster => return Ok(inner.answer(slot, &link, values, life)),
                Direction::Here => return Ok(inner.answer(slot, &link, values, life)),
                Direction::Moved(node, error) => {
                    last = Some(error);
                    inner.moved(slot, &node).await;
                }
                Direction::Ask(node, error) => {
                    let values = inner.ask(&node, commands).await?;
                    if matches!(Direction::of(&values, &node), Direction::Here) {
                        return Ok(Answer { values, life: None });
                    }
                    last = Some(error);
                    sleep(inner.plan.pause(attempt)).await;
                }
                Direction::Later(error) => {
                    last = Some(error);
                    sleep(inner.plan.pause(attempt)).await;
                }
            }
        }
        Err(Error::Unsettled { slot, last })
    }

    /// Sends a command to every node (in a cluster: every primary that owns slots). What each has said.
    pub async fn send_to_all(&self, command: &Cmd) -> Vec<(Node, Result<Value, Error>)> {
        let mut commands = Pipeline::with_capacity(1);
        commands.add_command(command.clone());
        let mut answers = Vec::new();
        for link in self.0.owners() {
            let answer = link.exchange(&commands).await;
            answers.push((link.node().clone(), answer.and_then(|(values, _)| single(values))));
        }
        answers
    }

    /// The nodes that own something, and how their breakers stand.
    pub fn nodes(&self) -> Vec<(Node, BreakerState)> {
        self.0.owners().iter().map(|link| (link.node().clone(), link.breaker())).collect()
    }

    /// Ends the lives of all nodes that are going on: what was kept of them is over.
    pub fn renew_all(&self) {
        self.0.owners().iter().for_each(|link| link.renew(Reason::Asked));
    }
}

impl Inner {
    fn owner(&self, slot: u16) -> Option<Arc<Link>> {
        self.routes.read().owners[usize::from(slot)].clone()
    }

    fn owners(&self) -> Vec<Arc<Link>> {
        let routes = self.routes.read();
        let mut owners: Vec<_> = routes.owners.iter().flatten().cloned().collect();
        owners.sort_by(|a, b| a.node().cmp(b.node()));
        owners.dedup_by(|a, b| a.node() == b.node());
        owners
    }

    /// The answer of an owner. If it has ceased to be that while it answered, then the end of its life may
    /// have come before the answer's life was taken, so that nothing would end that.
    fn answer(&self, slot: u16, link: &Arc<Link>, values: Vec<Value>, life: Arc<Life>) -> Answer {
        let owns = self.routes.read().owners[usize::from(slot)]
            .as_ref()
            .is_some_and(|owner| Arc::ptr_eq(owner, link));
        Answer { values, life: owns.then_some(life) }
    }

    /// The link to a node, which is opened if there is none.
    fn link_to(&self, node: &Node) -> Arc<Link> {
        if let Some(link) = self.routes.read().links.get(node) {
            return Arc::clone(link);
        }
        let mut routes = self.routes.write();
        let open = || {
            Link::open(
                node.clone(),
                self.info_of(node),
                Arc::clone(&self.plan),
                Arc::clone(&self.unreachable),
            )
        };
        Arc::clone(routes.links.entry(node.clone()).or_insert_with(open))
    }

    /// How to connect to a node: as to the first, at another address.
    fn info_of(&self, node: &Node) -> ConnectionInfo {
        if let Some(seed) = self.seeds.iter().find(|seed| node_of(seed) == *node) {
            return seed.clone();
        }
        let (host, port) = node.address().rsplit_once(':').unwrap_or((node.address(), ""));
        let (host, port) = (host.to_owned(), port.parse().unwrap_or(6379));
        let first = self.seeds[0].clone();
        let address = match first.addr() {
            ConnectionAddr::TcpTls { insecure, tls_params, .. } => {
                let (insecure, tls_params) = (*insecure, tls_params.clone());
                ConnectionAddr::TcpTls { host, port, insecure, tls_params }
            }
            _ => ConnectionAddr::Tcp(host, port),
        };
        first.set_addr(address)
    }

    /// Sends each command to a node that does not own its slot yet. ASKING holds for one command, and for all
    /// of a transaction when it stands before that.
    async fn ask(&self, node: &Node, commands: &Pipeline) -> Result<Vec<Value>, Error> {
        let mut asking = Pipeline::with_capacity(commands.len() * 2);
        let mut is_wanted = Vec::new();
        let mut in_transaction = false;
        for command in commands.cmd_iter() {
            if !in_transaction {
                asking.cmd("ASKING");
                is_wanted.push(false);
            }
            match command.args_iter().next() {
                Some(redis::Arg::Simple(name)) if name.eq_ignore_ascii_case(b"MULTI") => {
                    in_transaction = true
                }
                Some(redis::Arg::Simple(name)) if name.eq_ignore_ascii_case(b"EXEC") => {
                    in_transaction = false
                }
                _ => {}
            }
            asking.add_command(command.clone());
            is_wanted.push(true);
        }
        let (values, _) = self.link_to(node).exchange(&asking).await?;
        Ok(values.into_iter().zip(is_wanted).filter(|(_, wanted)| *wanted).map(|(value, _)| value).collect())
    }

    /// A slot belongs to another node than was thought.
    async fn moved(&self, slot: u16, node: &Node) {
        if self.owner(slot).is_some_and(|owner| owner.node() == node) {
            return;
        }
        if let Err(error) = self.refresh(Some(node)).await {
            warn!(%error, "the slot map cannot be read");
        }
        // What was just read may be older than what the owner of old has said.
        self.apply(&[Owned { first: slot, last: slot, node: node.clone() }], false);
    }

    /// Reads the slot map, from this node first.
    async fn refresh(&self, from: Option<&Node>) -> Result<(), Error> {
        let _one_at_a_time = self.refreshing.lock().await;
        let mut nodes: Vec<Node> = from.into_iter().cloned().collect();
        nodes.extend(self.owners().iter().map(|link| link.node().clone()));
        nodes.extend(self.seeds.iter().map(node_of));
        let mut commands = Pipeline::with_capacity(1);
        commands.cmd("CLUSTER").arg("SLOTS");
        let mut wrong = None;
        for (at, node) in nodes.iter().enumerate() {
            if nodes[..at].contains(node) {
                continue;
            }
            let reply = self.link_to(node).exchange(&commands).await.and_then(|(values, _)| single(values));
            match reply.map(|reply| slots::parse(&reply, node)) {
                Ok(Some(owned)) if !owned.is_empty() => {
                    self.apply(&owned, true);
                    return Ok(());
                }
                Ok(_) => debug!(%node, "knows of no slots"),
                Err(error) => wrong = Some(error),
            }
        }
        Err(wrong.unwrap_or(Error::Unsettled { slot: 0, last: None }))
    }

    /// Notes who owns what, and ends the lives of those who have lost something. `whole`: these are all.
    fn apply(&self, owned: &[Owned], whole: bool) {
        let mut losses: HashMap<(Node, Node), (Arc<Link>, usize)> = HashMap::new();
        let links: Vec<_> = owned.iter().map(|owned| self.link_to(&owned.node)).collect();
        let mut routes = self.routes.write();
        let mut unused = Vec::new();
        for (Owned { first, last, node }, link) in owned.iter().zip(links) {
            for slot in *first..=*last {
                let owner = &mut routes.owners[usize::from(slot)];
                if let Some(old) = owner.as_ref().filter(|old| old.node() != node) {
                    let loss = losses.entry((old.node().clone(), node.clone()));
                    loss.or_insert_with(|| (Arc::clone(old), 0)).1 += 1;
                }
                *owner = Some(Arc::clone(&link));
            }
        }
        if whole {
            let used: Vec<&Node> = owned.iter().map(|owned| &owned.node).collect();
            unused.extend(routes.links.extract_if(|node, _| !used.contains(&node)));
        }
        drop(routes);
        for ((from, to), (link, slots)) in losses {
            warn!(%from, %to, slots, "slots have moved");
            link.renew(Reason::Moved);
            self.plan.tell(Event::SlotsMoved { from: &from, to: &to, slots });
        }
        // Their lives end, and tell of it, without a lock.
        drop(unused);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(refresher) = self.refresher.get() {
            refresher.abort();
        }
    }
}

/// Where the commands should have gone.
enum Direction {
    Here,
    Moved(Node, RedisError),
    Ask(Node, RedisError),
    /// Nowhere else; the cluster is busy with itself.
    Later(RedisError),
}

impl Direction {
    fn of(values: &[Value], asked: &Node) -> Self {
        for value in values {
            let Value::ServerError(error) = value else { continue };
            let error = RedisError::from(error.clone());
            let code = error.code().unwrap_or_default();
            match (code, error.redirect_node()) {
                ("MOVED" | "ASK", Some((address, _))) => {
                    let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
                    let node = slots::address(host, port.parse().unwrap_or(6379), asked);
                    return if code == "ASK" { Self::Ask(node, error) } else { Self::Moved(node, error) };
                }
                ("TRYAGAIN" | "CLUSTERDOWN", _) => return Self::Later(error),
                _ => {}
            }
        }
        Self::Here
    }
}

/// The one reply to one command.
fn single(values: Vec<Value>) -> Result<Value, Error> {
    let value = values.into_iter().next().unwrap_or(Value::Nil);
    value.extract_error().map_err(Error::Refused)
}

fn node_of(info: &ConnectionInfo) -> Node {
    match info.addr() {
        ConnectionAddr::Tcp(host, port) | ConnectionAddr::TcpTls { host, port, .. } => {
            Node::new(format!("{host}:{port}"))
        }
        other => Node::new(other.to_string()),
    }
}

/// Reads the slot map when a node could not be reached, and now and then in any case.
async fn refresh_now_and_then(inner: Weak<Inner>) {
    loop {
        let Some((unreachable, pause)) =
            inner.upgrade().map(|inner| (Arc::clone(&inner.unreachable), inner.plan.topology_refresh))
        else {
            return;
        };
        tokio::select! {
            () = unreachable.notified() => {}
            () = sleep(pause) => {}
        }
        let Some(inner) = inner.upgrade() else { return };
        if let Err(error) = inner.refresh(None).await {
            debug!(%error, "the slot map cannot be read");
        }
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("nodes", &self.nodes()).finish_non_exhaustive()
    }
}
