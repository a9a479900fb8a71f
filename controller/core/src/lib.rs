//! What the controller decides: which hosts there are, what an operation means for them, in which
//! order, and what came of it.
//!
//! Pure: no clock, no descriptor, no await, no log. The shell's loop hands in [`Input`]s with the
//! time and performs the [`Effect`]s in order. Nothing here opens a store or a stream.

mod effect;
mod fleet;
mod input;
mod inventory;
mod operation;
mod outcome;
mod plan;
mod request;
mod select;

pub use effect::{
    Answer, AuditLine, Effect, Happening, HappeningKind, HostSay, LinkRefusal, News, Order,
    OrderBatch, OrderVerb,
};
pub use fleet::{Fleet, OPERATIONS_KEPT_MAX, OPERATIONS_RUNNING_MAX, Settings};
pub use input::{Ask, Asked, Hello, Input, Said, SessionId, StateEvent, Ticket};
pub use inventory::{Host, Inventory, Liveness, Position};
pub use operation::{
    Entry, Moment, OpenedWave, Operation, OrderDone, Target, TargetResult, TargetState,
};
pub use outcome::{ExitCode, exit_code};
pub use plan::{Half, Plan, PlanRefused, PlannedTarget, Wave, plan};
pub use request::{
    Barrier, OnFailure, OnUnreachable, Policy, Request, RestartOrder, Selection, Verb,
};
pub use select::{HostView, SelectError, Selector};
