//! What may be asked of a host, and what it answers. Doors make commands out of their words and
//! their words out of replies; they decide nothing.

use std::collections::BTreeMap;

use proto_words::{Incarnation, Namespec, Origin, ProcessState, Row, Signal, SupervisorState};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::spec::GroupSpec;

/// A caller that waits: the shell keeps its address, the core gives it exactly one reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Ticket(pub u64);

/// A command, with who is behind it and who waits for the reply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Whose intent it is: what changes because of it carries this.
    pub origin: Origin,
    /// Where the reply goes.
    pub ticket: Ticket,
    /// What is asked.
    pub command: Command,
}

/// Which processes a start, stop or signal is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Scope {
    /// Every process of the host.
    All,
    /// Every process of one group, by its bare name.
    Group(String),
    /// What a namespec names: one process, or a group written `group:*`.
    Named(Namespec),
}

/// The closed set of what a host can be asked.
///
/// While the host shuts down or restarts, everything is refused with
/// [`Refusal::ShuttingDown`] but [`Command::Rows`], [`Command::State`] and [`Command::Files`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// supervisord's own state. Reply: [`Reply::State`].
    State,
    /// One process, described. Reply: [`Reply::Infos`] with one entry.
    Info(Namespec),
    /// All processes, sorted by group name, then process name. Reply: [`Reply::Infos`].
    Infos,
    /// Each configured process as last read, active or not, sorted by process name.
    /// Reply: [`Reply::Configs`].
    Configs,
    /// The rows that the fleet shows. Reply: [`Reply::Rows`].
    Rows,
    /// Where the logs of one process are. Reply: [`Reply::Files`].
    Files(Namespec),
    /// Start. Of a scope of many, only what is not RUNNING, STARTING or BACKOFF is started, and the
    /// reply is [`Reply::Results`]; of one process, the reply is [`Reply::Done`] or a refusal.
    Start {
        /// What to start.
        scope: Scope,
        /// Answer only when RUNNING (or failed); otherwise as soon as it is spawned.
        wait: bool,
    },
    /// Stop. Of a scope of many, only what is RUNNING, STARTING or BACKOFF is stopped, and the
    /// reply is [`Reply::Results`]; of one process, [`Reply::Done`] or a refusal.
    Stop {
        /// What to stop.
        scope: Scope,
        /// Answer only when it is gone.
        wait: bool,
    },
    /// Stop if it runs, then start, one process: the fleet's restart. Reply: [`Reply::Done`].
    Restart {
        /// The process.
        name: Namespec,
        /// The life that it replaces: when the process is past it, the goal is reached already.
        replaces: Option<Incarnation>,
        /// Answer only when RUNNING (or failed).
        wait: bool,
    },
    /// Send a signal, to the processes only, never to their groups. Reply as for a stop.
    Signal {
        /// Which processes.
        scope: Scope,
        /// Which signal.
        signal: Signal,
    },
    /// Write to a process's stdin. Reply: [`Reply::Done`].
    WriteStdin {
        /// The process.
        name: Namespec,
        /// The bytes, as they are.
        bytes: Vec<u8>,
    },
    /// Remove and reopen the logs of one process. Reply: [`Reply::Done`].
    ClearLogs(Namespec),
    /// The same for all. Reply: [`Reply::Results`].
    ClearAllLogs,
    /// Read the configuration again, without applying it. Reply: [`Reply::Diff`].
    Reread,
    /// Activate a configured group. Reply: [`Reply::Done`].
    AddGroup(String),
    /// Forget a group whose processes are all stopped. Reply: [`Reply::Done`].
    RemoveGroup(String),
    /// Reread, then stop and remove what is gone, replace what changed, add what is new: what
    /// `supervisorctl update` does, in one go. Reply: [`Reply::Updated`].
    Update {
        /// Only these groups; empty means all.
        groups: Vec<String>,
    },
    /// Stop everything and end. Reply: [`Reply::Done`], at once.
    Shutdown,
    /// Stop everything and begin anew. Reply: [`Reply::Done`], at once.
    Reload,
    /// Reopen all log files. Reply: [`Reply::Done`].
    ReopenLogs,
    /// Remove and reopen the activity log. Reply: [`Reply::Done`].
    ClearMainLog,
    /// A remote communication event from a client. Reply: [`Reply::Done`], in every state.
    RemoteEvent {
        /// The event's type.
        kind: String,
        /// Its data.
        data: String,
    },
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// Done; `true` in XML-RPC.
    Done,
    /// [`Command::State`].
    State(SupervisorState),
    /// [`Command::Info`] and [`Command::Infos`].
    Infos(Vec<ProcessInfo>),
    /// [`Command::Configs`].
    Configs(Vec<ProcessConfig>),
    /// [`Command::Rows`].
    Rows(Table),
    /// [`Command::Files`].
    Files(LogFiles),
    /// One result for each process that was concerned, in order of completion.
    Results(Vec<TargetResult>),
    /// [`Command::Reread`].
    Diff(Diff),
    /// [`Command::Update`]: what was done to each group.
    Updated(Diff),
    /// No.
    Refused(Refusal),
}

/// What came of one process in a command about many.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetResult {
    /// Its group.
    pub group: String,
    /// Its name.
    pub name: String,
    /// Done, or why not.
    pub result: Result<(), Refusal>,
}

/// Which groups a reread found.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Diff {
    /// Configured, not active.
    pub added: Vec<String>,
    /// Active, and configured differently.
    pub changed: Vec<String>,
    /// Active, not configured any more.
    pub removed: Vec<String>,
}

/// One process as `getProcessInfo` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessInfo {
    /// The process's name.
    pub name: String,
    /// Its group's.
    pub group: String,
    /// When it was last started, in seconds since the epoch; 0 never.
    pub start: i64,
    /// When it last ended, likewise.
    pub stop: i64,
    /// Now, likewise.
    pub now: i64,
    /// Where it is in its life.
    pub state: ProcessState,
    /// Why it failed; empty when it did not.
    pub spawnerr: String,
    /// Its last exit code; 0 when there is none, -1 when a signal ended it.
    pub exitstatus: i32,
    /// Where stdout goes; empty for nowhere.
    pub stdout_logfile: String,
    /// Where stderr goes; empty for nowhere or to stdout.
    pub stderr_logfile: String,
    /// Its pid; 0 when it does not run.
    pub pid: i32,
}

/// One configured process as `getAllConfigInfo` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessConfig {
    /// Its group's name.
    pub group: String,
    /// Its group's priority.
    pub group_priority: i64,
    /// Whether the group is active.
    pub in_use: bool,
    /// Everything else; AUTO log files of an active group are real paths here.
    pub spec: crate::spec::ProcessSpec,
}

/// Where the logs of a process are, `None` for nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFiles {
    /// stdout.
    pub stdout: Option<String>,
    /// stderr; `None` when redirected.
    pub stderr: Option<String>,
}

/// All rows at one moment: a snapshot for the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// The agent's epoch.
    pub epoch: u64,
    /// The number of the newest change in it.
    pub seq: u64,
    /// The rows, sorted by (group, name).
    pub rows: Vec<Row>,
}

/// Why not. Each door has one table from these to its own codes.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum Refusal {
    /// The host is shutting down or restarting.
    #[error("the host is shutting down")]
    ShuttingDown,
    /// No such process or group; the name as it was given.
    #[error("no such process or group: {0}")]
    BadName(String),
    /// It runs already.
    #[error("{0} is running already")]
    AlreadyStarted(String),
    /// It does not run.
    #[error("{0} is not running")]
    NotRunning(String),
    /// The command's file is not there; supervisord's text.
    #[error("{0}")]
    NoFile(String),
    /// The command cannot be run; supervisord's text.
    #[error("{0}")]
    NotExecutable(String),
    /// It ended before it counted as started, or could not be spawned.
    #[error("{name}: {why}")]
    SpawnError {
        /// The process.
        name: String,
        /// supervisord's `spawnerr`.
        why: String,
    },
    /// It left STARTING for a state that has no error text.
    #[error("{0} did not reach RUNNING")]
    AbnormalTermination(String),
    /// A newer intent overtook this one.
    #[error("{0}: a newer command has overtaken this one")]
    Superseded(String),
    /// The state is unknown, or a system call failed; supervisord's text.
    #[error("{0}")]
    Failed(String),
    /// stdin is closed, or there is none.
    #[error("{0} takes no input")]
    NoStdin(String),
    /// The group is active already.
    #[error("group {0} is active already")]
    AlreadyAdded(String),
    /// Something of the group still runs.
    #[error("group {0} still runs")]
    StillRunning(String),
    /// The configuration cannot be read.
    #[error("{}", .0.text)]
    CantReread(BadConfiguration),
    /// A limit is reached; which one, and what to do.
    #[error("{0}")]
    Busy(String),
}

/// A configuration that cannot be used, told twice.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BadConfiguration {
    /// supervisord's text, to the letter, for supervisord's clients.
    pub text: String,
    /// The place, the fault and what would be right, on one line: for the log and the fleet.
    pub diagnosis: String,
}

/// How a group of a configuration is prepared for activation: AUTO log files have been made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreparedGroup {
    /// The group as configured, AUTO included: what a reread compares with.
    pub configured: GroupSpec,
    /// The AUTO files by (process name, `stdout` or `stderr`).
    pub auto_logs: BTreeMap<(String, String), String>,
    /// Why it cannot work yet: its socket could not be made.
    pub fault: Option<String>,
}
