//! A Valkey Cluster of three nodes on this machine, each with a third of the slots and no replicas.

use std::net::{Ipv4Addr, TcpListener};

use crate::patience::{GENEROUS, poll};
use crate::server::{Backend, Server};
use crate::wire::Client;

/// A cluster, running until dropped.
#[derive(Debug)]
pub struct Cluster {
    nodes: Vec<Server>,
}

impl Cluster {
    /// Starts three nodes, lets them meet, and waits until each knows who owns what.
    ///
    /// # Errors
    /// What went wrong, with a node's own words.
    pub fn start() -> Result<Self, String> {
        let mut nodes = Vec::new();
        let mut bus = Vec::new();
        for _ in 0..3 {
            let (node, port) = start_node()?;
            nodes.push(node);
            bus.push(port);
        }
        let cluster = Self { nodes };
        for (index, node) in cluster.nodes.iter().enumerate() {
            let mut client = node.connect();
            // Each its own, so that they need not settle it among themselves.
            say(&mut client, &format!("CLUSTER SET-CONFIG-EPOCH {}", index + 1))?;
            let [first, last] = [index, index + 1].map(|third| third * 16_384 / 3);
            say(&mut client, &format!("CLUSTER ADDSLOTSRANGE {first} {}", last - 1))?;
        }
        let mut first = cluster.nodes[0].connect();
        for (node, bus) in cluster.nodes.iter().zip(bus).skip(1) {
            say(&mut first, &format!("CLUSTER MEET 127.0.0.1 {} {bus}", node.port()))?;
        }
        let settled = poll(GENEROUS, || cluster.nodes.iter().all(knows_all).then_some(()));
        settled.ok_or_else(|| format!("the cluster does not settle:\n{}", cluster.nodes[0].log()))?;
        Ok(cluster)
    }

    /// The nodes, in the order of their slots.
    pub fn nodes(&self) -> &[Server] {
        &self.nodes
    }

    /// The URL of each node.
    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("redis://{}", node.address())).collect()
    }
}

/// A node and the port of its bus. The usual one, 10000 above its port, may be beyond the last there is.
fn start_node() -> Result<(Server, u16), String> {
    let mut last = String::new();
    for _ in 0..5 {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
        let bus = free.map_err(|error| error.to_string())?.port();
        let arguments = [
            "--cluster-enabled",
            "yes",
            "--cluster-port",
            &bus.to_string(),
            "--cluster-node-timeout",
            "5000",
        ];
        match Server::start_with(Backend::Valkey, &arguments) {
            Ok(server) => return Ok((server, bus)),
            Err(why) => last = why,
        }
    }
    Err(last)
}

fn say(client: &mut Client, line: &str) -> Result<(), String> {
    let reply = client.typed(line).map_err(|silence| format!("{line}: {silence}"))?;
    if reply.is_error() { Err(format!("{line}: {reply:?}")) } else { Ok(()) }
}

/// Whether a node holds the cluster for whole, and knows the owners of all slots.
fn knows_all(node: &Server) -> bool {
    let mut client = node.connect();
    let info = client.typed("CLUSTER INFO").ok().and_then(|reply| reply.text()).unwrap_or_default();
    let says = |line: &str| info.lines().any(|said| said.trim_end() == line);
    says("cluster_state:ok") && says("cluster_slots_assigned:16384") && says("cluster_known_nodes:3")
}
