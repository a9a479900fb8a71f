//! The listening socket of a FastCGI group: made before the first child, closed after the last.
//!
//! ```text
//!            a spawn                listens
//!  Closed ───────────▶ Opening ────────────▶ Open, a place for each child
//!     ▲                   │ cannot be made      │ the last child is gone
//!     └───────────────────┴─────────────────────┘
//! ```

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::effect::{Effect, ProcessId, Stdin};
use crate::machine;
use crate::spec::{GroupKind, Level, SocketSpec};
use crate::supervisor::{Supervisor, Turn};

/// Where the socket of a group is in its life; a group of another kind never leaves `Closed`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Socket {
    /// Nobody holds it.
    #[default]
    Closed,
    /// The spawn hand is at work; these wait for it.
    Opening {
        /// In the order in which they are to be spawned.
        waiting: Vec<ProcessId>,
    },
    /// It listens.
    Open {
        /// Whose children hold it: a process stands here once for each child that is being made
        /// or lives.
        holders: Vec<ProcessId>,
    },
}

impl Supervisor {
    /// What a child that is to be made finds at descriptor 0; `None` when it must wait until its
    /// group's socket listens.
    pub(crate) fn hold_socket(&mut self, turn: &mut Turn, id: ProcessId) -> Option<Stdin> {
        let name = Arc::clone(&self.processes.get(&id)?.group);
        let group = self.groups.get_mut(&name)?;
        let spec = match &group.configured.kind {
            GroupKind::Programs => return Some(Stdin::Pipe),
            GroupKind::EventListeners(_) => return Some(Stdin::Events),
            GroupKind::FastCgi(spec) => spec,
        };
        match &mut group.socket {
            Socket::Closed => {
                let spec = spec.clone();
                turn.log(Level::Info, creating(&spec));
                group.socket = Socket::Opening { waiting: vec![id] };
                turn.effects.push(Effect::OpenSocket { group: name, spec });
                None
            }
            Socket::Opening { waiting } => {
                waiting.push(id);
                None
            }
            Socket::Open { holders } => {
                holders.push(id);
                Some(Stdin::Socket)
            }
        }
    }

    /// Spawns those who have waited, or has each fail as if it could not be spawned.
    pub(crate) fn socket_opened(
        &mut self,
        turn: &mut Turn,
        group: &str,
        verdict: Result<(), String>,
    ) {
        let Some(group) = self.groups.get_mut(group) else {
            return;
        };
        let Socket::Opening { waiting } = &mut group.socket else {
            return;
        };
        let waiting = std::mem::take(waiting);
        match verdict {
            Ok(()) => {
                group.socket = Socket::Open { holders: waiting.clone() };
                for id in waiting {
                    self.order_spawn(turn, id, Stdin::Socket);
                }
            }
            Err(why) => {
                group.socket = Socket::Closed;
                for id in waiting {
                    let why = why.clone();
                    self.tell(turn, id, machine::Event::SpawnFailed { why }, None);
                }
            }
        }
    }

    /// A child is gone or could not be made. The last one closes the socket; the path stays.
    pub(crate) fn let_go_of_socket(&mut self, turn: &mut Turn, id: ProcessId) {
        let Some(name) = self.processes.get(&id).map(|process| Arc::clone(&process.group)) else {
            return;
        };
        let Some(group) = self.groups.get_mut(&name) else {
            return;
        };
        let GroupKind::FastCgi(spec) = &group.configured.kind else {
            return;
        };
        let Socket::Open { holders } = &mut group.socket else {
            return;
        };
        if let Some(at) = holders.iter().position(|holder| *holder == id) {
            holders.remove(at);
        }
        if holders.is_empty() {
            turn.log(Level::Info, closing(spec));
            group.socket = Socket::Closed;
            turn.effects.push(Effect::CloseSocket { group: name });
        }
    }
}

/// What the log says before a socket is made, in supervisord's words.
#[must_use]
pub fn creating(spec: &SocketSpec) -> String {
    format!("Creating socket {}", spec.address)
}

/// What the log says before it is closed.
#[must_use]
pub fn closing(spec: &SocketSpec) -> String {
    format!("Closing socket {}", spec.address)
}
