//! What is known of the hosts: who they are, when they were last heard, and their processes.
//!
//! Observation is soft: it is rebuilt from the agents. Only names and labels outlive a restart of
//! the controller, so that a host that has gone is shown as down and not as unheard of.

use std::collections::BTreeMap;

use proto_words::{Row, Target};
use serde::{Deserialize, Serialize};

/// A place in an agent's history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub struct Position {
    /// New at each start and HUP of the agent; 0 says that nothing is known.
    pub epoch: u64,
    /// Counts its changes.
    pub seq: u64,
}

/// Whether a host can be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Liveness {
    /// Connected, and heard lately.
    Up,
    /// Connected, but silent for longer than it should be.
    Silent,
    /// Not connected.
    Down,
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Its fleet-wide name: its certificate's.
    pub name: String,
    /// Whether it can be spoken to.
    pub liveness: Liveness,
    /// Its labels, as its hello said them.
    pub labels: BTreeMap<String, String>,
    /// Its agent's version.
    pub agent_version: String,
    /// The instance that was last welcomed.
    pub instance_id: String,
    /// When it was last heard, milliseconds since the epoch, on the controller's clock; 0 never.
    pub last_contact_ms: i64,
    /// When its certificate ends, likewise; 0 when it is not known.
    pub certificate_ends_ms: i64,
    /// Where it last dialled from.
    pub address: String,
    /// What of its history is in `table`; epoch 0 is nothing.
    pub position: Position,
    /// A session is open and `table` is what its agent has: orders may go out.
    #[serde(skip)]
    pub is_in_step: bool,
    /// Its processes by (group, name).
    #[serde(skip)]
    pub table: BTreeMap<(String, String), Row>,
}

/// All hosts that are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Inventory {
    hosts: BTreeMap<String, Host>,
}

impl Host {
    /// A host of which nothing but the name is known.
    #[must_use]
    pub fn unheard(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            liveness: Liveness::Down,
            labels: BTreeMap::new(),
            agent_version: String::new(),
            instance_id: String::new(),
            last_contact_ms: 0,
            certificate_ends_ms: 0,
            address: String::new(),
            position: Position::default(),
            is_in_step: false,
            table: BTreeMap::new(),
        }
    }

    /// Whether its processes have been told since the controller started.
    #[must_use]
    pub fn is_reported(&self) -> bool {
        self.position.epoch != 0
    }

    /// Its processes, sorted by group and name.
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.table.values()
    }

    /// One of its processes.
    #[must_use]
    pub fn row(&self, group: &str, name: &str) -> Option<&Row> {
        self.table.get(&(group.to_owned(), name.to_owned()))
    }

    /// Replaces the whole table: what is not in the snapshot does not exist.
    pub fn apply_snapshot(&mut self, position: Position, rows: Vec<Row>) {
        self.position = position;
        self.table.clear();
        for row in rows {
            self.put(row);
        }
    }

    /// Takes rows that have changed; an older one than what is known is passed over. `false` says
    /// that they are of another history and a snapshot is needed.
    #[must_use]
    pub fn apply_deltas(&mut self, position: Position, rows: Vec<Row>) -> bool {
        if position.epoch != self.position.epoch {
            return false;
        }
        self.position.seq = self.position.seq.max(position.seq);
        for row in rows {
            let known = self.row(&row.group, &row.name).map_or(0, |row| row.seq);
            if row.seq >= known {
                self.put(row);
            }
        }
        true
    }

    fn put(&mut self, row: Row) {
        let key = (row.group.clone(), row.name.clone());
        if row.state.is_some() {
            self.table.insert(key, row);
        } else {
            self.table.remove(&key);
        }
    }
}

impl Inventory {
    /// The host with this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Host> {
        self.hosts.get(name)
    }

    /// The host with this name, made known if it was not.
    pub fn entry(&mut self, name: &str) -> &mut Host {
        self.hosts.entry(name.to_owned()).or_insert_with(|| Host::unheard(name))
    }

    /// The host with this name, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut Host> {
        self.hosts.get_mut(name)
    }

    /// All hosts by name.
    pub fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.values()
    }

    /// The row of a target.
    #[must_use]
    pub fn row(&self, target: &Target) -> Option<&Row> {
        self.get(&target.host)?.row(&target.group, &target.process)
    }
}

#[cfg(test)]
mod tests {
    use super::{Host, Position};
    use crate::fleet::testing::row;

    fn names(host: &Host) -> String {
        let all: Vec<_> =
            host.rows().map(|row| format!("{}:{}@{}", row.group, row.name, row.seq)).collect();
        all.join(" ")
    }

    fn at(epoch: u64, seq: u64) -> Position {
        Position { epoch, seq }
    }

    #[test]
    fn rows_are_last_write_wins_and_gone_rows_leave() {
        let mut host = Host::unheard("web-1");
        host.apply_snapshot(
            at(1, 5),
            vec![row("g", "a", 3, "RUNNING"), row("g", "b", 5, "STOPPED")],
        );
        assert_eq!(names(&host), "g:a@3 g:b@5");
        assert!(
            host.apply_deltas(
                at(1, 7),
                vec![row("g", "a", 7, "EXITED"), row("g", "b", 4, "RUNNING")]
            )
        );
        assert_eq!(names(&host), "g:a@7 g:b@5");
        assert!(host.apply_deltas(at(1, 8), vec![row("g", "b", 8, "gone")]));
        assert_eq!((names(&host).as_str(), host.position.seq), ("g:a@7", 8));
    }

    #[test]
    fn rows_of_another_history_are_not_taken() {
        let mut host = Host::unheard("web-1");
        assert!(!host.apply_deltas(at(2, 1), vec![row("g", "a", 1, "RUNNING")]));
        host.apply_snapshot(at(2, 1), vec![]);
        assert!(!host.apply_deltas(at(3, 1), vec![row("g", "a", 1, "RUNNING")]));
        assert_eq!(names(&host), "");
    }
}
