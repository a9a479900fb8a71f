//! The spawn thread: it resolves commands and gives birth to children.
//!
//! `run.rs` is the only caller: it posts [`Job`]s and hears [`SpawnReport`]s. Whatever may hang (a
//! mount, a name service, an exec) hangs this thread and never the core. It never reaps, never
//! signals, never decides.
//!
//! ```text
//! Job::Spawn ──resolve──pipes, logs──clone──> Born { pid, pidfd, channels }
//!                └──────────┴──────────┴────> Failed { why }: supervisord's spawnerr
//! ```
//!
//! This directory holds all unsafe code of the agent: `birth.rs` (clone), `child.rs` (between clone
//! and exec), `register.rs` (memory that children write to) and `reap.rs` (signals and waiting).

pub mod memory;
pub mod reap;
pub mod register;
pub mod socket;

mod birth;
mod child;
mod desk;
mod environment;
mod errno;
mod pipes;
mod plan;
mod resolve;
mod slots;
mod thread;

use std::os::fd::OwnedFd;

use agent_core::effect::{ProcessId, SocketId, SpawnOrder};
use agent_core::spec::{ProcessSpec, SocketSpec};
use agent_core::{Refusal, Ticket};
use std::sync::Arc;

use self::reap::Watch;
use self::register::Listed;
use crate::descriptors::Entry;
use crate::logs::Channels;

pub use desk::{HUNG_WAITING_MAX, JOBS_WAITING_MAX, LATE, THREADS_MAX};
pub use errno::{errno_name, errno_text};
pub use thread::{Jobs, Spawner};

/// What the spawn thread is asked to do; one after the other.
pub enum Job {
    /// Give birth. Answer: [`SpawnReport::Born`] or [`SpawnReport::Failed`]. AUTO log files must be
    /// paths by now.
    Spawn {
        /// Whose child.
        order: SpawnOrder,
        /// What is descriptor 0 of the child, when its order says that it is a socket.
        socket: Option<Arc<OwnedFd>>,
    },
    /// Make a listening socket. Answer: [`SpawnReport::SocketOpened`].
    OpenSocket {
        /// Which.
        socket: SocketId,
        /// The group that is to share it.
        group: Arc<str>,
        /// Where and how it listens.
        spec: SocketSpec,
    },
    /// Only look whether the command can be run. Answer: [`SpawnReport::Checked`].
    Check {
        /// Who waits.
        ticket: Ticket,
        /// The process.
        process: ProcessId,
        /// Its specification.
        spec: Arc<ProcessSpec>,
    },
    /// Any other work that may block; it reports by itself.
    Run(Box<dyn FnOnce() + Send>),
}

/// What came of a job.
#[derive(Debug)]
pub enum SpawnReport {
    /// A child was born, and its program runs (or has already failed with 127).
    Born {
        /// Whose child.
        process: ProcessId,
        /// The child.
        child: Child,
    },
    /// No child was born.
    Failed {
        /// Whose.
        process: ProcessId,
        /// supervisord's `spawnerr`.
        why: String,
    },
    /// A socket listens, or why not.
    SocketOpened {
        /// Which.
        socket: SocketId,
        /// The group.
        group: Arc<str>,
        /// The socket, or supervisord's text.
        opened: Result<OwnedFd, String>,
    },
    /// The command was looked at.
    Checked {
        /// Who waits.
        ticket: Ticket,
        /// The process.
        process: ProcessId,
        /// [`Refusal::NoFile`] or [`Refusal::NotExecutable`] with supervisord's text.
        verdict: Result<(), Refusal>,
    },
    /// A [`Job::Run`] panicked with this text; the thread goes on.
    Panicked(String),
}

/// A child, just born. It is in its own process group.
#[derive(Debug)]
pub struct Child {
    /// Its pid.
    pub pid: i32,
    /// Its pidfd's line in the table of descriptors; to be dropped first.
    pub entry: Option<Entry>,
    /// What tells of its end.
    pub watch: Watch,
    /// Its line in the register, until it is reaped.
    pub listed: Listed,
    /// For the bytes thread.
    pub channels: Channels,
}

impl Job {
    /// Whose child is to be born, if any.
    fn child_of(&self) -> Option<ProcessId> {
        match self {
            Self::Spawn { order, .. } => Some(order.process),
            Self::Check { .. } | Self::OpenSocket { .. } | Self::Run(_) => None,
        }
    }
}

/// Where [`SpawnReport`]s go: called on a spawn thread, and may block it.
pub type Report = Box<dyn Fn(SpawnReport) + Send + Sync>;

/// What the spawn thread knows of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnSettings {
    /// What programs without a `serverurl` of their own get as `SUPERVISOR_SERVER_URL`.
    pub server_url: Option<String>,
    /// `minfds`: without `close_range`, descriptors below this are closed in the child.
    pub minfds: i64,
}
