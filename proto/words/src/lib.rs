//! The words of Fleetvisor: names, numbers and states that more than one program says.
//!
//! Plain data and its text forms. Nothing in here opens, waits or decides; the cores, the doors
//! and the client all speak these words, so that none of them has to know another.

mod fault;
mod identity;
mod namespec;
mod origin;
mod outcome;
mod repr;
mod row;
mod selector;
mod signal;
mod state;
mod target;
mod time;

pub use fault::FaultCode;
pub use identity::{BadIdentity, Identity, Role};
pub use namespec::{Namespec, ProcessPart};
pub use origin::Origin;
pub use outcome::{Outcome, OutcomeKind};
pub use repr::{repr, repr_of_bytes};
pub use row::Row;
pub use selector::{
    BadSelector, HostSelector, HostState, LabelTerm, NAMES_MAX, ProcessSelector, TargetSelector,
    glob_matches,
};
pub use signal::{BadSignal, Signal};
pub use state::{ProcessState, SupervisorState};
pub use target::{BadTarget, Incarnation, Target};
pub use time::Now;
