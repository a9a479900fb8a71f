//! What event listeners are told: the type of each event and its text, to the byte (E-01 to E-36).
//!
//! `listening.rs` makes these texts when something happens and somebody listens for it, so they say
//! how it was then, however late they are delivered.

use proto_words::{ProcessState, repr_of_bytes};
use serde::{Deserialize, Serialize};

use crate::effect::Event;
use crate::input::Stream;

/// The name that hears everything.
const EVERYTHING: &str = "EVENT";

/// A concrete type of event. What a pool may listen for besides are its ancestors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventType {
    /// A process came into a state.
    ProcessState(ProcessState),
    /// A process wrote something between the capture mode's tokens.
    ProcessCommunication(Stream),
    /// A process wrote something.
    ProcessLog(Stream),
    /// A client sent an event of its own.
    RemoteCommunication,
    /// The host is at work.
    SupervisorRunning,
    /// The host is stopping everything.
    SupervisorStopping,
    /// A slice of time has begun.
    Tick(Period),
    /// A group became active.
    ProcessGroupAdded,
    /// A group was removed.
    ProcessGroupRemoved,
}

/// How long the slices of time are whose beginnings are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Period {
    /// Five seconds.
    Five,
    /// A minute.
    Sixty,
    /// An hour.
    Hour,
}

impl Period {
    /// In the order in which they are told when they begin together.
    pub const ALL: [Self; 3] = [Self::Five, Self::Sixty, Self::Hour];

    /// Its length in seconds.
    #[must_use]
    pub fn secs(self) -> i64 {
        match self {
            Self::Five => 5,
            Self::Sixty => 60,
            Self::Hour => 3600,
        }
    }
}

impl EventType {
    /// The name that listeners read.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ProcessState(ProcessState::Stopped) => "PROCESS_STATE_STOPPED",
            Self::ProcessState(ProcessState::Starting) => "PROCESS_STATE_STARTING",
            Self::ProcessState(ProcessState::Running) => "PROCESS_STATE_RUNNING",
            Self::ProcessState(ProcessState::Backoff) => "PROCESS_STATE_BACKOFF",
            Self::ProcessState(ProcessState::Stopping) => "PROCESS_STATE_STOPPING",
            Self::ProcessState(ProcessState::Exited) => "PROCESS_STATE_EXITED",
            Self::ProcessState(ProcessState::Fatal) => "PROCESS_STATE_FATAL",
            Self::ProcessState(ProcessState::Unknown) => "PROCESS_STATE_UNKNOWN",
            Self::ProcessCommunication(Stream::Stdout) => "PROCESS_COMMUNICATION_STDOUT",
            Self::ProcessCommunication(Stream::Stderr) => "PROCESS_COMMUNICATION_STDERR",
            Self::ProcessLog(Stream::Stdout) => "PROCESS_LOG_STDOUT",
            Self::ProcessLog(Stream::Stderr) => "PROCESS_LOG_STDERR",
            Self::RemoteCommunication => "REMOTE_COMMUNICATION",
            Self::SupervisorRunning => "SUPERVISOR_STATE_CHANGE_RUNNING",
            Self::SupervisorStopping => "SUPERVISOR_STATE_CHANGE_STOPPING",
            Self::Tick(Period::Five) => "TICK_5",
            Self::Tick(Period::Sixty) => "TICK_60",
            Self::Tick(Period::Hour) => "TICK_3600",
            Self::ProcessGroupAdded => "PROCESS_GROUP_ADDED",
            Self::ProcessGroupRemoved => "PROCESS_GROUP_REMOVED",
        }
    }

    /// Whether whoever listens for `name` hears it.
    #[must_use]
    pub fn is_a(self, name: &str) -> bool {
        is_within(self.name(), name)
    }

    /// What kind of thing has happened.
    #[must_use]
    pub fn of(event: &Event) -> Self {
        match event {
            // Only a row that is removed with its group has no state, and that is another event.
            Event::Process { row, .. } => {
                Self::ProcessState(row.state.unwrap_or(ProcessState::Unknown))
            }
            Event::GroupAdded(..) => Self::ProcessGroupAdded,
            Event::GroupRemoved(..) => Self::ProcessGroupRemoved,
            Event::SupervisorRunning => Self::SupervisorRunning,
            Event::SupervisorStopping => Self::SupervisorStopping,
            Event::Remote { .. } => Self::RemoteCommunication,
        }
    }
}

/// Whether a type is another one or descends from it: the names of its ancestors are the beginnings
/// of its own, word by word.
#[must_use]
pub fn is_within(name: &str, ancestor: &str) -> bool {
    let begins = |rest: &str| rest.is_empty() || rest.starts_with('_');
    ancestor == EVERYTHING || name.strip_prefix(ancestor).is_some_and(begins)
}

/// Who has written something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Writer<'a> {
    /// The process's name.
    pub process: &'a str,
    /// Its group's.
    pub group: &'a str,
    /// The pid of the child that wrote.
    pub pid: i32,
}

/// What is said of an event that everybody hears.
#[must_use]
pub fn of(event: &Event) -> String {
    match event {
        Event::Process { row, from, tries, expected, pid } => {
            let head =
                format!("processname:{} groupname:{} from_state:{from}", row.name, row.group);
            match row.state.unwrap_or(ProcessState::Unknown) {
                ProcessState::Starting | ProcessState::Backoff => format!("{head} tries:{tries}"),
                ProcessState::Running | ProcessState::Stopping | ProcessState::Stopped => {
                    format!("{head} pid:{pid}")
                }
                ProcessState::Exited => {
                    format!("{head} expected:{} pid:{pid}", u8::from(*expected))
                }
                ProcessState::Fatal | ProcessState::Unknown => head,
            }
        }
        Event::GroupAdded(group, _) | Event::GroupRemoved(group, _) => {
            format!("groupname:{group}\n")
        }
        Event::SupervisorRunning | Event::SupervisorStopping => String::new(),
        Event::Remote { kind, data } => format!("type:{kind}\n{data}"),
    }
}

/// What is said of a piece of output.
#[must_use]
pub fn log(writer: Writer<'_>, stream: Stream, bytes: &[u8]) -> String {
    let Writer { process, group, pid } = writer;
    let text = decoded(bytes);
    format!("processname:{process} groupname:{group} pid:{pid} channel:{}\n{text}", stream.name())
}

/// What is said of something that was captured.
#[must_use]
pub fn communication(writer: Writer<'_>, bytes: &[u8]) -> String {
    let Writer { process, group, pid } = writer;
    format!("processname:{process} groupname:{group} pid:{pid}\n{}", decoded(bytes))
}

/// What is said at the beginning of a slice of time.
#[must_use]
pub fn tick(slice_secs: i64) -> String {
    format!("when:{slice_secs}")
}

/// Bytes as text; those that are none as Python shows them, as a whole.
#[must_use]
pub fn decoded(bytes: &[u8]) -> String {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => format!("Undecodable: {}", repr_of_bytes(bytes)),
    }
}
