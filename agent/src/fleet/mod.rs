//! The door to the controller: it dials out, tells the host's state, and turns orders into the
//! commands that every door sends.
//!
//! ```text
//!   ┌──────────┐ connected, welcomed  ┌─────────┐   orders  ┌────────┐ ACCEPTED ┌─────────┐
//!   │ dialling │ ───────────────────▶ │ session │ ────────▶ │ ledger │ ───────▶ │ perform │
//!   └──────────┘ ◀─────────────────── └─────────┘ ◀──────── └────────┘ ◀─────── └─────────┘
//!        lost, refused, silent: back off     results, also those      DONE       the mailbox
//!                                            of an earlier session
//! ```
//!
//! It starts nothing and stops nothing by itself. Without a controller it only waits: no decision
//! about a program is taken here, and orders that were accepted are done whether the link stands
//! or not. Called by `main`, inside the doors' runtime.

mod backoff;
mod door;
mod history;
mod instance;
mod last_lines;
mod line;
mod orders;
mod perform;
mod session;
mod settings;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
mod verbs;

use std::sync::Arc;

use agent_core::spec::Level;
use tokio::task::JoinHandle;

pub use settings::{CONTROLLER_PORT, FleetSettings, SettingsError};

use crate::mailbox::Mailbox;

/// Where lines for the activity log go.
pub type Log = Arc<dyn Fn(Level, String) + Send + Sync>;

/// What this run of the agent is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentIdentity {
    /// The epoch of the core's table: a new one at each start and HUP.
    pub epoch: u64,
    /// A digest of the configuration that was read, in the form that the controller names; empty
    /// when there is none. It decides what became of an update that a crash interrupted.
    pub configuration_digest: Vec<u8>,
}

/// Joins the fleet, for as long as the task lives: abort it to leave. Call it inside the doors'
/// runtime.
#[must_use]
pub fn spawn(
    settings: FleetSettings,
    mailbox: Mailbox,
    identity: AgentIdentity,
    log: Log,
) -> JoinHandle<()> {
    tokio::spawn(door::run(settings, mailbox, identity, log))
}
