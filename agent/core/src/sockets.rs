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

use crate::effect::{Effect, ProcessId, SocketId, Stdin};
use crate::groups::Group;
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
        /// Which.
        socket: SocketId,
        /// In the order in which they are to be spawned.
        waiting: Vec<ProcessId>,
    },
    /// It listens.
    Open {
        /// Which.
        socket: SocketId,
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
                let (spec, socket) = (spec.clone(), SocketId(self.next_socket));
                self.next_socket += 1;
                turn.log(Level::Info, creating(&spec));
                group.socket = Socket::Opening { socket, waiting: vec![id] };
                turn.effects.push(Effect::OpenSocket { socket, group: name, spec });
                None
            }
            Socket::Opening { waiting, .. } => {
                waiting.push(id);
                None
            }
            Socket::Open { socket, holders } => {
                holders.push(id);
                Some(Stdin::Socket(*socket))
            }
        }
    }

    /// A process that waits for its group's socket does so no longer; whether it did.
    pub(crate) fn leave_socket(&mut self, id: ProcessId) -> bool {
        let group = self.processes.get(&id).map(|process| Arc::clone(&process.group));
        let Some(group) = group.and_then(|name| self.groups.get_mut(&name)) else {
            return false;
        };
        let Socket::Opening { waiting, .. } = &mut group.socket else {
            return false;
        };
        let found = waiting.iter().position(|waits| *waits == id);
        found.is_some_and(|at| waiting.remove(at) == id)
    }

    /// Spawns those who have waited, or has each fail as if it could not be spawned. A socket that
    /// nobody waits for any more is closed again.
    pub(crate) fn socket_opened(
        &mut self,
        turn: &mut Turn,
        socket: SocketId,
        group: &str,
        verdict: &Result<(), String>,
    ) {
        let waiting = match self.groups.get_mut(group).map(|group| &mut group.socket) {
            Some(Socket::Opening { socket: opening, waiting }) if *opening == socket => {
                std::mem::take(waiting)
            }
            Some(Socket::Closed | Socket::Opening { .. } | Socket::Open { .. }) | None => {
                if verdict.is_ok() {
                    turn.effects.push(Effect::CloseSocket { socket });
                }
                return;
            }
        };
        let is_open = verdict.is_ok();
        if let Some(group) = self.groups.get_mut(group) {
            let holders = waiting.clone();
            group.socket = if is_open { Socket::Open { socket, holders } } else { Socket::Closed };
        }
        for id in &waiting {
            match verdict.clone() {
                Ok(()) => self.order_spawn(turn, *id, Stdin::Socket(socket)),
                Err(why) => self.tell(turn, *id, machine::Event::SpawnFailed { why }, None),
            }
        }
        self.close_if_unheld(turn, group);
    }

    /// A child is gone or could not be made. The last one closes the socket; the path stays.
    pub(crate) fn let_go_of_socket(&mut self, turn: &mut Turn, id: ProcessId) {
        let Some(name) = self.processes.get(&id).map(|process| Arc::clone(&process.group)) else {
            return;
        };
        let socket = self.groups.get_mut(&name).map(|group| &mut group.socket);
        if let Some(Socket::Open { holders, .. }) = socket
            && let Some(at) = holders.iter().position(|holder| *holder == id)
        {
            holders.remove(at);
            self.close_if_unheld(turn, &name);
        }
    }

    fn close_if_unheld(&mut self, turn: &mut Turn, group: &str) {
        let Some(group) = self.groups.get_mut(group) else {
            return;
        };
        if let Socket::Open { socket, holders } = &group.socket
            && let GroupKind::FastCgi(spec) = &group.configured.kind
            && holders.is_empty()
        {
            turn.log(Level::Info, closing(spec));
            turn.effects.push(Effect::CloseSocket { socket: *socket });
            group.socket = Socket::Closed;
        }
    }
}

/// A group goes. Its socket may still be open for a child in UNKNOWN, which is nobody's from now on.
pub(crate) fn forget(turn: &mut Turn, group: &Group) {
    if let (GroupKind::FastCgi(spec), Socket::Open { socket, .. }) =
        (&group.configured.kind, &group.socket)
    {
        turn.log(Level::Info, closing(spec));
        turn.effects.push(Effect::CloseSocket { socket: *socket });
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
