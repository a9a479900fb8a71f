//! The bytes thread: what programs write goes to their logs, what callers send goes to their
//! stdin, and the activity log gets its lines.
//!
//! `run.rs` is the only caller: it posts [`Order`]s and hears [`BytesReport`]s. One epoll loop
//! waits for pipes, for targets that could not take more, and for its mailbox; nothing polls, so
//! an idle host costs no system call. The thread decides nothing about programs.
//!
//! ```text
//! Attach ──> pipes are read, logs written ──Drain──> what is left is read, files closed ──> Drained
//! ```
//!
//! There is one such thread, until a file system hangs: then another goes on, and the one that hangs
//! keeps what lies there ([`crew`]).
//!
//! What event listeners say on their stdout is heard here, word by word ([`agent_core::listener`]);
//! what they may hear of output goes to the core, as it is written.

pub mod activity;
pub mod auto;
pub mod channel;
pub mod file;
pub mod mailbox;

mod ansi;
mod capture;
mod crew;
mod doing;
mod perform;
mod program;
mod pulse;
mod reactor;
mod stdin;
mod syslog;
mod thread;
mod timer;
mod watch;

use agent_core::effect::ProcessId;
use agent_core::input::Unwritten;
use agent_core::listener::Said;
use agent_core::spec::Level;
use agent_core::{Refusal, Ticket};

pub use activity::{ActivityLog, ActivitySettings, Place};
pub use channel::{Channels, Output, Use};
pub use file::{LogFile, Rotation};
pub use mailbox::{Line, Orders};
pub use thread::Bytes;

/// What the bytes thread is told to do.
#[derive(Debug)]
pub enum Order {
    /// A child was born: read its pipes, keep its stdin.
    Attach {
        /// Whose child.
        process: ProcessId,
        /// Its pid.
        pid: i32,
        /// Its pipes and logs.
        channels: Channels,
    },
    /// The child is gone: take what is in the pipes, without waiting for their end, since a
    /// grandchild may hold them open, and close everything. Answer: [`BytesReport::Drained`], also
    /// when nothing is attached.
    Drain {
        /// Whose child.
        process: ProcessId,
        /// Its pid; an attachment of another pid is left alone.
        pid: i32,
    },
    /// Write to a child's stdin. Answer: [`BytesReport::StdinWritten`].
    Stdin {
        /// Who waits.
        ticket: Ticket,
        /// To whom.
        process: ProcessId,
        /// What.
        bytes: Vec<u8>,
    },
    /// Write an event to a listener's stdin. Answer: [`BytesReport::EventWritten`].
    Event {
        /// To whom.
        process: ProcessId,
        /// Its pid; to another child it is not written.
        pid: i32,
        /// The event's number, for the answer.
        serial: i64,
        /// Header and payload.
        bytes: Vec<u8>,
    },
    /// Remove and reopen a process's logs. Answer: [`BytesReport::LogsCleared`]; without an
    /// attached child there is nothing to do, and that is a success.
    ClearLogs {
        /// Who waits.
        ticket: Ticket,
        /// Whose.
        process: ProcessId,
    },
    /// Reopen the activity log and all child logs by their paths.
    Reopen,
    /// A line for the activity log.
    Log(Line),
    /// Remove and reopen the activity log. Answer: [`BytesReport::MainLogCleared`].
    ClearMainLog {
        /// Who waits.
        ticket: Ticket,
    },
    /// `strip_ansi` has another value since a reread; it counts from the next chunk on.
    StripAnsi(bool),
}

/// What the bytes thread has done.
#[derive(Debug, PartialEq, Eq)]
pub enum BytesReport {
    /// Everything that a gone child had written is in its logs, and they are closed.
    Drained {
        /// Whose child.
        process: ProcessId,
        /// Its pid.
        pid: i32,
    },
    /// Bytes for stdin were taken, or why not.
    StdinWritten {
        /// Who waits.
        ticket: Ticket,
        /// [`Refusal::NoStdin`] with the process's name (empty when nothing is attached) or
        /// [`Refusal::Busy`].
        verdict: Result<(), Refusal>,
    },
    /// An event was taken for a listener's stdin, or why not.
    EventWritten {
        /// Which listener.
        process: ProcessId,
        /// The event's number.
        serial: i64,
        /// Why not.
        verdict: Result<(), Unwritten>,
    },
    /// A listener has said something.
    ListenerSaid {
        /// Which listener.
        process: ProcessId,
        /// Which child of it.
        pid: i32,
        /// What.
        said: Said,
    },
    /// A program has written something that listeners may hear.
    Wrote {
        /// Whose child.
        process: ProcessId,
        /// Which one.
        pid: i32,
        /// What.
        output: agent_core::input::Output,
    },
    /// Logs were removed and reopened, or why not.
    LogsCleared {
        /// Who waits.
        ticket: Ticket,
        /// Whose logs.
        process: ProcessId,
        /// [`Refusal::Failed`] with the process's name.
        verdict: Result<(), Refusal>,
    },
    /// The activity log was removed and reopened, or why not.
    MainLogCleared {
        /// Who waits.
        ticket: Ticket,
        /// [`Refusal::NoFile`] or [`Refusal::Failed`], both with an empty text.
        verdict: Result<(), Refusal>,
    },
}

/// Where [`BytesReport`]s go: called on the bytes thread, and may block it.
pub type Report = Box<dyn Fn(BytesReport) + Send + Sync>;

/// A line that something in here wants in the activity log.
type Note = (Level, String);
