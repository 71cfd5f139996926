//! A Valkey Cluster of three nodes, each a [`Server`] of its own, that ends when it is dropped.
//!
//! What `valkey-cli --cluster create` and `reshard` do is done here by the commands they are made of, so that
//! a test can stop in the middle of a move.

use crate::patience::{GENEROUS, poll};
use crate::server::{Backend, Server, free_address};
use crate::wire::{Client, Reply};

/// How many slots a cluster has.
const SLOTS: usize = 16384;

/// See the [module](self).
pub struct Cluster {
    nodes: Vec<Node>,
}

/// One of its nodes, all of them primaries.
pub struct Node {
    /// The process.
    pub server: Server,
    /// What the others call it.
    pub id: String,
    /// The port at which the nodes talk to each other.
    bus: String,
}

impl Cluster {
    /// Three nodes that share the slots out evenly, in their order. `Err` when there is no Valkey.
    ///
    /// # Errors
    /// One line that says why it cannot be had.
    pub fn start() -> Result<Self, String> {
        let nodes = (0..3).map(|number| node(number + 1)).collect::<Result<Vec<_>, _>>()?;
        let cluster = Self { nodes };
        let count = cluster.nodes.len();
        for (number, node) in cluster.nodes.iter().enumerate() {
            let (first, end) = (number * SLOTS / count, (number + 1) * SLOTS / count);
            node.says(&format!("CLUSTER ADDSLOTSRANGE {first} {}", end - 1))?;
            if number > 0 {
                let meet = format!("CLUSTER MEET 127.0.0.1 {} {}", node.server.port(), node.bus);
                cluster.nodes[0].says(&meet)?;
            }
        }
        let is_whole = || {
            cluster.nodes.iter().all(|node| {
                let info = node.says("CLUSTER INFO").unwrap_or_default();
                info.contains("cluster_state:ok") && info.contains(&format!("cluster_known_nodes:{count}"))
            })
        };
        poll(GENEROUS, || is_whole().then_some(())).ok_or("the nodes do not form a cluster")?;
        Ok(cluster)
    }

    /// The nodes.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Where the nodes listen, as URLs.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("redis://{}", node.server.address())).collect()
    }

    /// The node that owns a slot at the beginning.
    pub fn first_owner(&self, slot: u16) -> usize {
        (0..self.nodes.len())
            .find(|number| usize::from(slot) < (number + 1) * SLOTS / self.nodes.len())
            .expect("invariant: all slots are shared out")
    }

    /// Begins to move a slot: each of its keys is on either node from now on.
    ///
    /// # Errors
    /// What a node says to it.
    pub fn begin_move(&self, slot: u16, from: usize, to: usize) -> Result<(), String> {
        let (from, to) = (&self.nodes[from], &self.nodes[to]);
        to.says(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", from.id))?;
        from.says(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", to.id)).map(drop)
    }

    /// Moves some of the slot's keys; how many.
    ///
    /// # Errors
    /// What a node says to it.
    pub fn move_keys(&self, slot: u16, from: usize, to: usize, count: usize) -> Result<usize, String> {
        let mut client = self.nodes[from].server.connect();
        let reply = client.typed(&format!("CLUSTER GETKEYSINSLOT {slot} {count}"));
        let reply = reply.map_err(|silence| silence.to_string())?;
        let keys: Vec<String> = reply.elements().unwrap_or_default().iter().filter_map(Reply::text).collect();
        if keys.is_empty() {
            return Ok(0);
        }
        let port = self.nodes[to].server.port().to_string();
        let mut migrate = vec!["MIGRATE", "127.0.0.1", &port, "", "0", "5000", "KEYS"];
        migrate.extend(keys.iter().map(String::as_str));
        let reply = client.command(&migrate).map_err(|silence| silence.to_string())?;
        if reply.is_error() { Err(reply.to_string()) } else { Ok(keys.len()) }
    }

    /// Ends the move of a slot: it belongs to the other node now, and all are told.
    ///
    /// # Errors
    /// What a node says to it.
    pub fn end_move(&self, slot: u16, from: usize, to: usize) -> Result<(), String> {
        let id = &self.nodes[to].id;
        let others = (0..self.nodes.len()).filter(|&other| other != to && other != from);
        for node in [to, from].into_iter().chain(others) {
            self.nodes[node].says(&format!("CLUSTER SETSLOT {slot} NODE {id}"))?;
        }
        Ok(())
    }
}

impl Node {
    fn says(&self, line: &str) -> Result<String, String> {
        says(self.server.connect(), line)
    }
}

fn says(mut client: Client, line: &str) -> Result<String, String> {
    let reply = client.typed(line).map_err(|silence| format!("{line}: {silence}"))?;
    if reply.is_error() {
        Err(format!("{line}: {reply}"))
    } else {
        Ok(reply.text().unwrap_or(reply.to_string()))
    }
}

fn node(epoch: usize) -> Result<Node, String> {
    // The bus is by default at the port and 10,000, which may be no port at all.
    let bus = free_address().map_err(|error| error.to_string())?.port().to_string();
    let arguments = ["--cluster-enabled", "yes", "--cluster-node-timeout", "2000", "--cluster-port", &bus];
    let server = Server::start_with(Backend::Valkey, &arguments)?;
    says(server.connect(), &format!("CLUSTER SET-CONFIG-EPOCH {epoch}"))?;
    let id = says(server.connect(), "CLUSTER MYID")?;
    Ok(Node { server, id, bus })
}
