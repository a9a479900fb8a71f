//! What can happen to a host: commands of people, and reports of hands. In the past tense.

use std::sync::Arc;

use proto_words::Signal;
use serde::{Deserialize, Serialize};

use crate::command::{Ask, BadConfiguration, PreparedGroup, Refusal, Ticket};
use crate::effect::{ProcessId, SocketId};
use crate::listener::Said;
use crate::spec::Configuration;

/// One thing that happened. The shell hands it over together with the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// Everything is open: autostart may begin.
    Started,
    /// Somebody asked for something.
    Asked(Ask),
    /// The agent itself got a signal: TERM, INT, QUIT, HUP or USR2.
    Signalled(Signal),
    /// The next deadline may have passed.
    Woke,
    /// A program's command was looked at, before a start: runnable, or why not.
    CommandChecked {
        /// Who asked for the start.
        ticket: Ticket,
        /// The process.
        process: ProcessId,
        /// [`Refusal::NoFile`] or [`Refusal::NotExecutable`].
        verdict: Result<(), Refusal>,
    },
    /// A child was born.
    Spawned {
        /// Whose.
        process: ProcessId,
        /// Its pid.
        pid: i32,
    },
    /// No child could be born; supervisord's `spawnerr`.
    SpawnFailed {
        /// Whose.
        process: ProcessId,
        /// Why.
        why: String,
    },
    /// A FastCGI group's socket listens, or why it does not.
    SocketOpened {
        /// Which.
        socket: SocketId,
        /// Whose.
        group: Arc<str>,
        /// supervisord's text of the failure.
        verdict: Result<(), String>,
    },
    /// A child is gone, and what it had written is in its logs.
    ChildExited {
        /// Whose.
        process: ProcessId,
        /// Which one.
        pid: i32,
        /// How it ended.
        exit: Exit,
        /// When it was reaped, on the monotonic clock in nanoseconds: "too quick" is judged by it.
        at_mono_ns: u64,
    },
    /// A child that is not ours was reaped.
    StrangerExited {
        /// Its pid.
        pid: i32,
        /// How it ended.
        exit: Exit,
    },
    /// A signal that the core asked for could not be sent.
    SignalFailed {
        /// To whom.
        process: ProcessId,
        /// The caller that waits for it, when a plain signal was asked for.
        ticket: Option<Ticket>,
        /// The error number.
        errno: i32,
        /// The error as Python shows it: `[Errno 1] Operation not permitted`.
        text: String,
    },
    /// A signal that a caller waits for was sent.
    SignalSent {
        /// To whom.
        process: ProcessId,
        /// Who waits.
        ticket: Ticket,
    },
    /// Bytes for stdin were taken, or why not.
    StdinWritten {
        /// Who waits.
        ticket: Ticket,
        /// [`Refusal::NoStdin`] or [`Refusal::Busy`].
        verdict: Result<(), Refusal>,
    },
    /// An event was taken for a listener's stdin, or why not.
    EventWritten {
        /// Which listener.
        process: ProcessId,
        /// Which event.
        serial: i64,
        /// Why not.
        verdict: Result<(), Unwritten>,
    },
    /// A listener has said something on its stdout.
    ListenerSaid {
        /// Which listener.
        process: ProcessId,
        /// Which child of it.
        pid: i32,
        /// What.
        said: Said,
    },
    /// A process has written something.
    Wrote {
        /// Whose child.
        process: ProcessId,
        /// Which one.
        pid: i32,
        /// What.
        output: Output,
    },
    /// A process's logs were removed and reopened, or why not.
    LogsCleared {
        /// Who waits.
        ticket: Ticket,
        /// Whose logs.
        process: ProcessId,
        /// [`Refusal::Failed`].
        verdict: Result<(), Refusal>,
    },
    /// The activity log was removed and reopened, or why not.
    MainLogCleared {
        /// Who waits.
        ticket: Ticket,
        /// [`Refusal::NoFile`] or [`Refusal::Failed`].
        verdict: Result<(), Refusal>,
    },
    /// The configuration was read again, or the text of what is wrong with it.
    ConfigurationRead {
        /// Who waits; `None` for the check before a restart on HUP.
        ticket: Option<Ticket>,
        /// The new one.
        configuration: Result<Box<Configuration>, BadConfiguration>,
    },
    /// A group is ready to be activated.
    GroupPrepared {
        /// Who waits.
        ticket: Ticket,
        /// The group.
        group: Box<PreparedGroup>,
    },
}

/// What a process has written that event listeners may hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// A piece of its output, as it is logged.
    Logged(Stream, Vec<u8>),
    /// What stood between the capture mode's tokens.
    Captured(Stream, Vec<u8>),
}

/// Why an event could not be written to a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unwritten {
    /// The child has closed its stdin, or is gone.
    Closed,
    /// Too much waits for it, or for the bytes thread, already.
    Full,
}

/// An output of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Stream {
    /// Its stdout, and its stderr when that is redirected.
    Stdout,
    /// Its stderr.
    Stderr,
}

impl Stream {
    /// As supervisord calls the channel.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Exit {
    /// By itself, with this code.
    Code(i32),
    /// By this signal.
    Signal {
        /// The signal's number.
        number: i32,
        /// Whether it left a core file.
        core_dumped: bool,
    },
}
