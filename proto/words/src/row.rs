//! One process as the fleet sees it.

use serde::{Deserialize, Serialize};

use crate::{Incarnation, Origin, ProcessState};

/// One process as the fleet sees it. Last write wins, by `seq`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Row {
    /// The change that made it so; every change of the host has the next number.
    pub seq: u64,
    /// Whose intent it was.
    pub origin: Origin,
    /// The group.
    pub group: String,
    /// The process.
    pub name: String,
    /// Where it is in its life; `None` says that the row is gone.
    pub state: Option<ProcessState>,
    /// Which life; spawn 0 when it never had one.
    pub incarnation: Incarnation,
    /// Its pid; 0 when it does not run.
    pub pid: i32,
    /// The group's priority.
    pub group_priority: i64,
    /// Its own.
    pub priority: i64,
    /// `startsecs`, for the planner's least time.
    pub startsecs: i64,
    /// Why it failed; empty when it did not.
    pub spawnerr: String,
    /// Its last exit code, 0 when there is none, -1 when a signal ended it.
    pub exitstatus: i32,
    /// When it last started, milliseconds since the epoch; 0 never.
    pub started_ms: i64,
    /// When it last ended, likewise.
    pub stopped_ms: i64,
    /// When this state began, likewise.
    pub since_ms: i64,
}
