//! What clients use that not every Redis and Valkey has, counted: in all, and by each client.
//!
//! Nothing of it grows without bound. There are as many uses (`command/apart.rs`) as the table of commands
//! makes, a hundred or so, and each client has a count for those that it has come to. Of clients that have
//! left the last few are remembered, since a test that ends is what one wants to know of.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::command::apart::UseId;
use crate::command::table;
use crate::session::clients::{Client, Names};

/// How many clients are remembered that have left.
const PAST_MAX: usize = 128;
/// How much of each of their names.
const NAME_BYTES_MAX: usize = 64;

/// What all clients have used.
#[derive(Debug)]
pub struct Portability {
    /// Of each use, how often.
    totals: Box<[AtomicU64]>,
    past: Mutex<VecDeque<Past>>,
}

/// What one client has used, in the order of the table.
#[derive(Debug, Clone, Default)]
pub struct Tally(Vec<(UseId, u64)>);

/// A client that has left.
#[derive(Debug, Clone)]
pub(crate) struct Past {
    pub(crate) id: u64,
    pub(crate) names: Names,
    pub(crate) tally: Tally,
}

impl Default for Portability {
    fn default() -> Self {
        Self { totals: table::uses().iter().map(|_| AtomicU64::new(0)).collect(), past: Mutex::default() }
    }
}

impl Portability {
    /// Counts a use.
    #[cold]
    pub(crate) fn note(&self, client: &Client, id: UseId) {
        self.totals[usize::from(id.0)].fetch_add(1, Relaxed);
        client.tally.lock().note(id);
    }

    /// How often each of the uses was seen that were seen at all.
    pub(crate) fn totals(&self) -> Vec<(UseId, u64)> {
        let totals = (0..).map(UseId).zip(&self.totals).map(|(id, total)| (id, total.load(Relaxed)));
        totals.filter(|(_, total)| *total > 0).collect()
    }

    /// Remembers a client that leaves, if there is anything to be told of it.
    pub(crate) fn part_with(&self, client: &Client) {
        let tally = std::mem::take(&mut *client.tally.lock());
        if tally.0.is_empty() {
            return;
        }
        let cut = |name: &[u8]| name[..name.len().min(NAME_BYTES_MAX)].to_vec();
        let names = client.names.lock();
        let names =
            Names { name: cut(&names.name), lib_name: cut(&names.lib_name), lib_ver: cut(&names.lib_ver) };
        let mut past = self.past.lock();
        if past.len() == PAST_MAX {
            past.pop_front();
        }
        past.push_back(Past { id: client.id, names, tally });
    }

    /// The clients that have left, the last of them last.
    pub(crate) fn past(&self) -> Vec<Past> {
        self.past.lock().iter().cloned().collect()
    }
}

impl Tally {
    fn note(&mut self, id: UseId) {
        match self.0.binary_search_by_key(&id, |(known, _)| *known) {
            Ok(at) => self.0[at].1 += 1,
            Err(at) => self.0.insert(at, (id, 1)),
        }
    }

    /// What was used, and how often.
    pub(crate) fn uses(&self) -> &[(UseId, u64)] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::clients::Peer;

    fn client(id: u64) -> Client {
        Client::new(id, Peer::Unix("/tmp/s".into()), 0, 0, 0)
    }

    #[test]
    fn the_last_who_left_are_remembered_and_no_more() {
        let portability = Portability::default();
        for id in 0..PAST_MAX as u64 + 10 {
            let client = client(id);
            client.names.lock().name = vec![b'n'; 1000];
            portability.note(&client, UseId(1));
            portability.note(&client, UseId(0));
            portability.note(&client, UseId(1));
            portability.part_with(&client);
        }
        portability.part_with(&client(1000));
        let past = portability.past();
        assert_eq!(past.len(), PAST_MAX);
        assert_eq!(past.first().map(|past| past.id), Some(10));
        let last = past.last().expect("one");
        assert_eq!(last.tally.uses(), [(UseId(0), 1), (UseId(1), 2)]);
        assert_eq!(last.names.name.len(), NAME_BYTES_MAX);
        assert_eq!(portability.totals(), [(UseId(0), 138), (UseId(1), 276)]);
    }
}
