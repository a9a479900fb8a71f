//! What a decision makes hands do. In the imperative; performed in order; handed over, not awaited.

use std::sync::Arc;

use proto_words::{ProcessState, Row, Signal};
use serde::{Deserialize, Serialize};

use crate::command::{Reply, Ticket};
use crate::spec::{GroupSpec, Level, ProcessSpec, SocketSpec};

/// One activation of one process: a new one when its group is removed and added. Never used again
/// within an epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct ProcessId(pub u64);

/// One socket of a FastCGI group, from its making to its closing. Never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct SocketId(pub u64);

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "an effect nobody performs is a lost signal or a lost child"]
pub enum Effect {
    /// Write a line to the activity log.
    Log(Level, String),
    /// Look whether the command can be run. Hand: spawn. Answer: `Input::CommandChecked`.
    CheckCommand {
        /// Who asked for the start.
        ticket: Ticket,
        /// The process.
        process: ProcessId,
        /// Its specification.
        spec: Arc<ProcessSpec>,
    },
    /// Fork and exec. Hand: spawn. Answer: `Input::Spawned` or `Input::SpawnFailed`.
    Spawn(SpawnOrder),
    /// Make no child after all, if that is still possible: nobody wants it any more. Done at once.
    /// Answer: `Input::SpawnFailed` if none will come; otherwise the answer to the spawn.
    CancelSpawn {
        /// Whose child.
        process: ProcessId,
    },
    /// Make a FastCGI group's listening socket. Hand: spawn. Answer: `Input::SocketOpened`.
    OpenSocket {
        /// Which.
        socket: SocketId,
        /// Whose.
        group: Arc<str>,
        /// Where and how it listens.
        spec: SocketSpec,
    },
    /// Close it: nobody of the group lives any more. Done at once, and its path stays.
    CloseSocket {
        /// Which.
        socket: SocketId,
    },
    /// Send a signal. The shell does it at once; ESRCH and EPERM come back as
    /// `Input::SignalFailed`, and a success as `Input::SignalSent` when somebody waits for it.
    Signal {
        /// To whom.
        process: ProcessId,
        /// Its pid when the core decided: never signalled once it was reaped.
        pid: i32,
        /// Which signal; 0 sends nothing.
        signal: Signal,
        /// To its whole process group.
        group: bool,
        /// Who waits for the result of a plain signal.
        ticket: Option<Ticket>,
    },
    /// Write to a child's stdin. Hand: bytes. Answer: `Input::StdinWritten`.
    WriteStdin {
        /// Who waits.
        ticket: Ticket,
        /// To whom.
        process: ProcessId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Write an event to a listener's stdin, if this child is still there. Hand: bytes. Answer:
    /// `Input::EventWritten`.
    SendEvent {
        /// To whom.
        process: ProcessId,
        /// To which child.
        pid: i32,
        /// Which event.
        serial: i64,
        /// Header and payload.
        bytes: Vec<u8>,
    },
    /// Remove and reopen the logs of a running process. Hand: bytes. Answer: `Input::LogsCleared`.
    ClearLogs {
        /// Who waits.
        ticket: Ticket,
        /// Whose.
        process: ProcessId,
    },
    /// Remove and reopen the activity log. Hand: bytes. Answer: `Input::MainLogCleared`.
    ClearMainLog {
        /// Who waits.
        ticket: Ticket,
    },
    /// Reopen the activity log and all child logs. Hand: bytes.
    ReopenLogs,
    /// Read the configuration again. Hand: spawn, since files and name services may hang.
    /// Answer: `Input::ConfigurationRead`.
    ReadConfiguration {
        /// Who waits; `None` when a signal asked.
        ticket: Option<Ticket>,
        /// A restart is to follow: what else it needs is looked at too, while all still runs.
        to_restart: bool,
    },
    /// Make the AUTO log files of a group, and try its socket. Hand: spawn. Answer: `Input::GroupPrepared`.
    PrepareGroup {
        /// Who waits.
        ticket: Ticket,
        /// The group as configured.
        group: Box<GroupSpec>,
    },
    /// Tell the doors. Event listeners have been told already.
    Announce(Event),
    /// Give a caller its one reply.
    Answer(Ticket, Reply),
    /// Everything is stopped: end, or begin anew.
    Finish(Finish),
}

/// What to do when nothing runs any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Finish {
    /// End with exit code 0.
    Exit,
    /// Read everything again and begin anew, same pid.
    Restart,
}

/// Everything that the spawn hand needs for one child.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpawnOrder {
    /// Whose child.
    pub process: ProcessId,
    /// Its group's name, for its environment.
    pub group: Arc<str>,
    /// Its specification; AUTO log files are [`crate::spec::LogFile::Path`] here.
    pub spec: Arc<ProcessSpec>,
    /// What it finds at descriptor 0.
    pub stdin: Stdin,
}

/// What a child finds at descriptor 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stdin {
    /// A pipe that callers may write to.
    Pipe,
    /// Its group's listening socket; callers have nothing to write to.
    Socket(SocketId),
    /// A pipe on which it reads events; its stdout answers them.
    Events,
}

/// Something that happened, for those who listen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Event {
    /// A process changed its state.
    Process {
        /// How it is now, with the change's number and provenance.
        row: Box<Row>,
        /// How it was before.
        from: ProcessState,
        /// For STARTING and BACKOFF: how often it has failed.
        tries: i64,
        /// For EXITED: whether the exit was expected.
        expected: bool,
        /// The pid that the event speaks of: of the ended child for EXITED and STOPPED.
        pid: i32,
    },
    /// A group became active; its rows, each with its own new number.
    GroupAdded(String, Vec<Row>),
    /// A group was removed; its rows, each with its own new number and no state.
    GroupRemoved(String, Vec<Row>),
    /// The host is at work.
    SupervisorRunning,
    /// The host is stopping everything.
    SupervisorStopping,
    /// A client's own event.
    Remote {
        /// Its type.
        kind: String,
        /// Its data.
        data: String,
    },
}
