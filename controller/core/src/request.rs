//! What an operator wants: which verb, for whom, and what to do when it goes wrong.

use proto_words::Signal;
use serde::{Deserialize, Serialize};

/// Whom it is for, in the words that were typed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Selection {
    /// A host selector; empty means every host.
    pub hosts: String,
    /// Label terms; all must hold.
    pub labels: Vec<String>,
    /// Process parts; with no target either, empty means all.
    pub processes: Vec<String>,
    /// `[hosts/]group:name`, each with its own host part.
    pub targets: Vec<String>,
}

/// Until when a start is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Barrier {
    /// Past `startsecs`.
    #[default]
    Running,
    /// The child exists.
    Spawned,
    /// Handed over.
    None,
}

/// How many processes are restarted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum RestartOrder {
    /// Stop and start per target, at the agent, in ascending waves.
    #[default]
    PerTarget,
    /// Stop all in descending waves, then start all in ascending ones, as supervisorctl does.
    StopThenStart,
}

/// The verb, with what only it needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Verb {
    /// Start what does not run.
    Start(Barrier),
    /// Stop what runs.
    Stop,
    /// Stop and start.
    Restart(Barrier, RestartOrder),
    /// Send a signal.
    Signal(Signal),
    /// Write to stdin.
    Stdin(Vec<u8>),
    /// Remove and reopen the logs.
    Clear,
    /// Read the host's configuration again, without applying it.
    Reread,
    /// Reread and apply; only these groups, or all.
    Update(Vec<String>),
    /// Stop everything on the host and begin anew.
    Reload,
    /// Stop everything on the host and end.
    Shutdown,
    /// Reopen the host's log files.
    ReopenLogs,
}

/// What a failure does to what is still to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum OnFailure {
    /// Nothing.
    Continue,
    /// The wave is finished, later ones are SKIPPED.
    Stop,
    /// What has not been handed over is SKIPPED at once.
    Abort,
}

/// What is done about hosts that are not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum OnUnreachable {
    /// UNREACHABLE at once; neither that nor UNKNOWN is a failure.
    #[default]
    Skip,
    /// UNREACHABLE at once; that and UNKNOWN are failures.
    Fail,
    /// The host is waited for until its deadline; then as with `Fail`.
    Wait,
}

/// How an operation is carried out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// What a failure does.
    pub on_failure: OnFailure,
    /// What a host does that is not there.
    pub on_unreachable: OnUnreachable,
    /// For each host, from the moment its orders are due, in milliseconds.
    pub host_deadline_ms: u64,
    /// For the whole operation, in milliseconds.
    pub deadline_ms: u64,
    /// Targets in flight at once; 0 is no limit within a wave.
    pub parallel: u32,
}

/// A request for an operation; everything left out has its default already, but the deadlines.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    /// Whom it is for.
    pub selection: Selection,
    /// What is to be done.
    pub verb: Verb,
    /// Only the plan is wanted.
    pub dry_run: bool,
    /// What a failure does; `None` is the verb's default.
    pub on_failure: Option<OnFailure>,
    /// What is done about hosts that are not there.
    pub on_unreachable: OnUnreachable,
    /// For each host; `None` is the settings' default, or longer where `startsecs` needs it.
    pub host_deadline_ms: Option<u64>,
    /// For the whole; `None` is the settings' default, or longer where the waves need it.
    pub deadline_ms: Option<u64>,
    /// Targets in flight at once; 0 is no limit within a wave.
    pub parallel: u32,
    /// A selection that matches nothing is fine.
    pub allow_empty: bool,
    /// The number of hosts that the caller has agreed to; 0 for none.
    pub yes: u32,
}

impl Verb {
    /// The word, as it is typed.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Start(_) => "start",
            Self::Stop => "stop",
            Self::Restart(..) => "restart",
            Self::Signal(_) => "signal",
            Self::Stdin(_) => "stdin",
            Self::Clear => "clear",
            Self::Reread => "reread",
            Self::Update(_) => "update",
            Self::Reload => "reload",
            Self::Shutdown => "shutdown",
            Self::ReopenLogs => "reopen-logs",
        }
    }

    /// Whether its targets are hosts, not processes.
    #[must_use]
    pub fn is_for_hosts(&self) -> bool {
        match self {
            Self::Reread | Self::Update(_) | Self::Reload | Self::Shutdown | Self::ReopenLogs => {
                true
            }
            Self::Start(_)
            | Self::Stop
            | Self::Restart(..)
            | Self::Signal(_)
            | Self::Stdin(_)
            | Self::Clear => false,
        }
    }

    /// Whether it says what should run, so that a newer one overtakes an older one.
    #[must_use]
    pub fn is_intent(&self) -> bool {
        matches!(self, Self::Start(_) | Self::Stop | Self::Restart(..))
    }

    /// What a failure does unless the caller says otherwise: what starts things ends after its
    /// wave, since later waves build on it; everything else goes on.
    #[must_use]
    pub fn on_failure(&self) -> OnFailure {
        match self {
            Self::Start(_) | Self::Restart(..) => OnFailure::Stop,
            Self::Stop
            | Self::Signal(_)
            | Self::Stdin(_)
            | Self::Clear
            | Self::Reread
            | Self::Update(_)
            | Self::Reload
            | Self::Shutdown
            | Self::ReopenLogs => OnFailure::Continue,
        }
    }
}
