//! What the shell must do, in this order.

use std::collections::BTreeMap;

use proto_words::{Incarnation, ProcessState, Row, Signal, Target};

use crate::input::{SessionId, Ticket};
use crate::inventory::{Host, Liveness, Position};
use crate::operation::{Operation, TargetResult};
use crate::plan::{Plan, PlanRefused};
use crate::request::Barrier;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Say this to an agent; a session that cannot take it is closed.
    Say(SessionId, HostSay),
    /// End a session, after what has been said to it.
    Close(SessionId, String),
    /// Tell the watchers.
    Publish(Box<Happening>),
    /// Answer a caller.
    Answer(Ticket, Answer),
    /// Write an operation's record, and only then do the rest.
    Record(Box<Operation>, Vec<Effect>),
    /// Remove an old record.
    Forget(String),
    /// Write down that this host is known.
    RecordHost(Box<Host>),
    /// Write down the controller's epoch.
    RecordEpoch(u64),
    /// Write a line for those who ask later who did what.
    Audit(AuditLine),
    /// Tell the controller's own log.
    Log(String),
}

/// What is said to an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostSay {
    /// It is in.
    Welcome {
        /// The controller's epoch.
        epoch: u64,
        /// What we have of its history.
        have: Position,
    },
    /// It is not, and why.
    Refused(LinkRefusal, String),
    /// Orders.
    Orders(OrderBatch),
    /// These results are in the record: the agent may forget them.
    Acknowledged(String, Vec<u32>),
    /// We are alive; are you?
    Alive,
    /// Send everything.
    SnapshotWanted,
}

/// Why a session is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkRefusal {
    /// Another instance of this host is connected and answers.
    Duplicate,
    /// Not now.
    Busy,
}

/// Orders for one host, of one wave of one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBatch {
    /// The host.
    pub host: String,
    /// The operation.
    pub operation: String,
    /// The wave.
    pub wave: u32,
    /// The controller's epoch.
    pub controller_epoch: u64,
    /// What is left for it, in milliseconds.
    pub deadline_ms: u64,
    /// Who asked.
    pub operator: String,
    /// They have been handed over before, and nobody knows whether they arrived.
    pub is_again: bool,
    /// The orders.
    pub orders: Vec<Order>,
}

/// One order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// Its number within the operation, for ever.
    pub id: u32,
    /// The group; empty for a host.
    pub group: String,
    /// The process; empty for a host.
    pub process: String,
    /// What to do.
    pub verb: OrderVerb,
}

/// What an order says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the verbs'")]
pub enum OrderVerb {
    Start(Barrier),
    Stop,
    Restart {
        barrier: Barrier,
        /// The life that it replaces; past it, the goal is reached already.
        replaces: Option<Incarnation>,
    },
    Signal(Signal),
    Stdin(Vec<u8>),
    Clear,
    Reread,
    Update(Vec<String>),
    Reload,
    Shutdown,
    ReopenLogs,
}

/// Something that watchers hear of, with what their selections look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happening {
    /// The host.
    pub host: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its liveness, after it.
    pub liveness: Liveness,
    /// When, milliseconds since the epoch, on the controller's clock.
    pub at_ms: i64,
    /// What.
    pub kind: HappeningKind,
}

/// What watchers hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HappeningKind {
    /// A host came, fell silent or went; why.
    Host(String),
    /// A process changed its state.
    Process {
        /// As it is since.
        row: Box<Row>,
        /// What it was before.
        from: Option<ProcessState>,
        /// An exit that was expected.
        is_expected: bool,
    },
    /// So many changes were lost on the way from the agent.
    Dropped(u64),
}

/// The answer to a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The hosts, with their tables.
    Hosts(Vec<Host>),
    /// What was asked about.
    Status {
        /// The hosts that were meant; their tables hold only the rows that were.
        hosts: Vec<Host>,
        /// Names that are not there.
        missing: Vec<String>,
        /// What a person should know.
        warnings: Vec<String>,
    },
    /// A selection cannot be read, or names hosts that are not there.
    BadSelection(String),
    /// The plan; the operation runs, unless this was a dry run.
    Planned(Box<Plan>),
    /// There is no plan.
    Refused(PlanRefused),
    /// Too many operations run.
    Busy(String),
    /// What happened, and the record when it is over.
    News {
        /// In order.
        news: Vec<News>,
        /// What to ask from next time.
        next: usize,
        /// The record, when there will be no more.
        finished: Option<Box<Operation>>,
    },
    /// A record.
    Operation(Box<Operation>),
    /// Records, newest first.
    Operations(Vec<Operation>),
    /// There is no operation with this id.
    NoSuchOperation(String),
}

/// What happened in an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// A wave was opened.
    WaveOpened {
        /// Which.
        wave: u32,
        /// When, milliseconds since the epoch.
        at_ms: i64,
    },
    /// A target has its result, or another one.
    Result {
        /// Which.
        target: Target,
        /// What.
        result: Box<TargetResult>,
    },
}

/// Who did what, from where, to whom, and what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditLine {
    /// The identity of the certificate.
    pub who: String,
    /// Where from; empty for what goes on by itself.
    pub from: String,
    /// The verb and the selection, or the operation.
    pub what: String,
    /// The operation, when there is one.
    pub operation: String,
    /// The resolved targets.
    pub targets: Vec<String>,
    /// What came of it.
    pub result: String,
}
