//! What reaches the core: agents that come, speak and go, operators that ask, and time.

use std::collections::BTreeMap;

use proto_words::{ProcessState, Row};

use crate::inventory::Position;
use crate::operation::OrderDone;
use crate::request::{Request, Selection};

/// A session of an agent: never used twice while the controller runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(pub u64);

/// A caller that waits: the shell keeps its address, the core gives it exactly one answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// An agent has said hello, with a certificate for this host and a protocol that we speak.
    Arrived {
        /// Its session.
        session: SessionId,
        /// The certificate's host.
        host: String,
        /// What it said.
        hello: Hello,
    },
    /// An agent has said something else.
    Said {
        /// Its session.
        session: SessionId,
        /// The certificate's host.
        host: String,
        /// What.
        said: Said,
    },
    /// A session is over.
    Left {
        /// Which.
        session: SessionId,
        /// The certificate's host.
        host: String,
        /// Why, for the log.
        why: String,
    },
    /// An operator asks.
    Asked(Asked),
    /// A record of an operation could not be written.
    NotRecorded {
        /// Which operation.
        operation: String,
        /// Its orders that waited for that, and have gone out to nobody.
        unsent: Vec<u32>,
    },
    /// A deadline may have passed.
    Woke,
}

/// What an agent's hello says, and what its certificate and connection do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Tells two machines with one name apart.
    pub instance_id: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its version.
    pub agent_version: String,
    /// Where its history is.
    pub position: Position,
    /// The newest controller epoch that it has obeyed.
    pub controller_epoch_seen: u64,
    /// Where it dialled from.
    pub address: String,
    /// When its certificate ends, milliseconds since the epoch.
    pub certificate_ends_ms: i64,
}

/// What an agent says in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// Its whole table.
    Snapshot(Position, Vec<Row>),
    /// Rows that have changed.
    Deltas(Position, Vec<Row>),
    /// Single changes of state, for watchers, and how many were lost.
    Events(Vec<StateEvent>, u64),
    /// What became of an order.
    Result(Box<OrderDone>),
    /// A batch is in its ledger, or (`true`) could not be written there.
    Accepted {
        /// The operation.
        operation: String,
        /// The wave.
        wave: u32,
        /// Accepted without the ledger.
        is_unrecorded: bool,
    },
    /// That it is alive.
    Alive,
    /// The hash of its table is not that of ours, at the same position.
    TableDiffers,
}

/// One change of state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateEvent {
    /// The process as it is since.
    pub row: Row,
    /// What it was before.
    pub from: Option<ProcessState>,
    /// An exit that was expected.
    pub is_expected: bool,
}

/// A question, who asks it and who waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// Where the answer goes.
    pub ticket: Ticket,
    /// The identity of the certificate.
    pub operator: String,
    /// Where it was asked from.
    pub address: String,
    /// What is asked.
    pub ask: Ask,
}

/// What an operator can ask.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ask {
    /// The hosts. Answer: `Hosts` or `BadSelection`.
    Hosts(Selection),
    /// Their processes. Answer: `Status` or `BadSelection`.
    Status(Selection),
    /// An operation, under this new id. Answer: `Planned` or `Refused`.
    Operate(String, Box<Request>),
    /// What happened in an operation since the first so many entries of its log; waits until there
    /// is something. Answer: `News` or `NoSuchOperation`.
    Follow(String, usize),
    /// A record. Answer: `Operation` or `NoSuchOperation`.
    Operation(String),
    /// The newest records. Answer: `Operations`.
    Operations(usize),
    /// The end of an operation. Answer: `Operation` or `NoSuchOperation`.
    Cancel(String),
}
