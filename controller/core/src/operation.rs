//! One operation: from waves to exactly one result per target.
//!
//! ```text
//! Pending ──its wave is open, there is a slot──▶ handed to a live session ──▶ Handed ──▶ Done(result)
//!    │                                         └ nobody there, but waited for ▶ Due ──▶ Handed | Done(UNREACHABLE)
//!    │                                                              Handed, its deadline passes ▶ Done(UNKNOWN),
//!    └ an earlier wave, an operator or a newer intent ends it ▶ Done(SKIPPED | CANCELLED | SUPERSEDED)   amended later
//! ```
//! Everything that happens only marks; [`Operation::advance`] then does all that has become
//! possible. It is called by `fleet`; it never sends anything itself.

mod advance;
mod amend;
mod orders;
#[cfg(test)]
mod tests;

use proto_words::{Incarnation, Now, Outcome, OutcomeKind, Target as Name};
use serde::{Deserialize, Serialize};

use crate::outcome::{ExitCode, exit_code};
use crate::plan::{Half, Plan};
use crate::request::{Policy, Request};

pub use amend::OrderDone;

/// After a restart of the controller, agents are given this long to dial again before they count
/// as not there: a full `redial_max` of 60 s and the handshake.
const RESUME_GRACE_MS: u64 = 65_000;

/// A deadline, on both clocks: the monotonic one decides, the other one survives a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moment {
    mono_ns: u64,
    wall_ms: i64,
}

/// An operation, and its record: all of it is kept in the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// A random id (`UUIDv7`), for ever.
    pub id: String,
    /// What was asked.
    pub request: Request,
    /// With every default filled in.
    pub policy: Policy,
    /// Who asked: the identity of the certificate.
    pub operator: String,
    /// When, milliseconds since the epoch.
    pub began_ms: i64,
    /// When its last target had its result; `None` while it runs.
    pub ended_ms: Option<i64>,
    /// The controller's epoch at its beginning.
    pub controller_epoch: u64,
    /// The waves, frozen.
    pub waves: Vec<OpenedWave>,
    /// The targets, frozen; a wave names them by their place here.
    pub targets: Vec<Target>,
    /// Ended early: later waves were SKIPPED.
    pub was_stopped: bool,
    /// What happened, in order, for those who follow.
    pub log: Vec<Entry>,
    /// The wave that is open.
    wave: usize,
    deadline: Moment,
    /// Until when hosts that are not there are waited for, after a restart of the controller.
    grace: Option<Moment>,
}

/// A wave of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenedWave {
    /// The groups' priority.
    pub group_priority: i64,
    /// The processes' own.
    pub priority: i64,
    /// Which half of a restart in two halves.
    pub half: Half,
    /// Places in [`Operation::targets`].
    pub targets: Vec<usize>,
    /// When it was opened, milliseconds since the epoch; `None` when it was not.
    pub opened_ms: Option<i64>,
}

/// A target of an operation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// Which.
    pub name: Name,
    /// Where it is.
    pub state: TargetState,
    /// `false`: it only stands for what may be on a host that has told nothing.
    is_known: bool,
    /// The first half of a restart in two halves is done.
    is_halfway: bool,
    /// The order that was last handed over.
    order: Option<u32>,
    /// The life that a restart replaces, as it was at the hand-over.
    replaces: Option<Incarnation>,
}

/// Where a target is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetState {
    /// Its turn has not come.
    Pending,
    /// Its turn has come, and its host is waited for.
    Due(Moment),
    /// A live session has its order.
    Handed(Moment),
    /// Over.
    Done(Box<TargetResult>),
}

/// What became of a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetResult {
    /// The word and the reason.
    pub outcome: Outcome,
    /// The wave in which it ended.
    pub wave: u32,
    /// When, milliseconds since the epoch, on the controller's clock.
    pub at_ms: i64,
    /// The life that the order led to.
    pub incarnation: Option<Incarnation>,
    /// What it was before it was amended.
    pub amended_from: Option<OutcomeKind>,
    /// What a reread or update found: groups that are new,
    pub added: Vec<String>,
    /// groups that are different,
    pub changed: Vec<String>,
    /// and groups that are gone.
    pub removed: Vec<String>,
}

/// One line of what happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// A wave was opened.
    Wave(u32),
    /// A target has its result, or another one.
    Result(usize),
}

impl Moment {
    fn after(now: Now, ms: u64) -> Self {
        Self {
            mono_ns: now.mono_ns.saturating_add(ms.saturating_mul(1_000_000)),
            wall_ms: now.wall_ms.saturating_add_unsigned(ms),
        }
    }

    fn is_past(self, now: Now) -> bool {
        now.mono_ns >= self.mono_ns
    }

    fn left_ms(self, now: Now) -> u64 {
        self.mono_ns.saturating_sub(now.mono_ns) / 1_000_000
    }

    /// The same moment on the monotonic clock of a new process; never more than `most_ms` away.
    fn rebased(self, now: Now, most_ms: u64) -> Self {
        let left = u64::try_from(self.wall_ms.saturating_sub(now.wall_ms)).unwrap_or(0);
        Self::after(now, left.min(most_ms))
    }
}

impl TargetResult {
    fn new(outcome: Outcome, wave: usize, now: Now) -> Self {
        Self {
            outcome,
            wave: number(wave),
            at_ms: now.wall_ms,
            incarnation: None,
            amended_from: None,
            added: Vec::new(),
            changed: Vec::new(),
            removed: Vec::new(),
        }
    }
}

impl Operation {
    /// A planned operation, not yet begun: [`Self::advance`] opens its first wave.
    #[must_use]
    pub fn new(
        id: String,
        operator: String,
        epoch: u64,
        request: Request,
        policy: Policy,
        plan: &Plan,
        now: Now,
    ) -> Self {
        let mut targets: Vec<Target> = Vec::new();
        let mut waves = Vec::new();
        for wave in &plan.waves {
            let places = wave.targets.iter().map(|planned| {
                let again = (wave.half == Half::Start)
                    .then(|| targets.iter().position(|known| known.name == planned.target))
                    .flatten();
                again.unwrap_or_else(|| {
                    targets.push(Target::pending(planned.target.clone(), planned.is_known));
                    targets.len() - 1
                })
            });
            waves.push(OpenedWave {
                group_priority: wave.group_priority,
                priority: wave.priority,
                half: wave.half,
                targets: places.collect(),
                opened_ms: None,
            });
        }
        Self {
            deadline: Moment::after(now, policy.deadline_ms),
            id,
            request,
            policy,
            operator,
            began_ms: now.wall_ms,
            ended_ms: None,
            controller_epoch: epoch,
            waves,
            targets,
            was_stopped: false,
            log: Vec::new(),
            wave: 0,
            grace: None,
        }
    }

    /// Whether every target has its result.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.ended_ms.is_some()
    }

    /// The results, each with its target.
    pub fn results(&self) -> impl Iterator<Item = (&Name, &TargetResult)> {
        self.targets.iter().filter_map(|target| Some((&target.name, target.result()?)))
    }

    /// The code that a client ends with, as far as the results are known.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        exit_code(self.results().map(|(_, result)| result.outcome.kind), self.was_stopped)
    }

    /// Hosts that have orders of it without a result; one may come several times.
    pub fn hosts_in_flight(&self) -> impl Iterator<Item = &str> {
        let handed = self.targets.iter().filter(|target| target.is_handed());
        handed.map(|target| target.name.host.as_str())
    }

    /// When it must be looked at again, on the monotonic clock; `None` when it is done.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        if self.is_done() {
            return None;
        }
        let each = self.targets.iter().filter_map(|target| match &target.state {
            TargetState::Due(until) | TargetState::Handed(until) => Some(until.mono_ns),
            TargetState::Pending | TargetState::Done(_) => None,
        });
        each.chain([self.deadline.mono_ns]).min()
    }
}

/// A wave's number on the wire. More than 2³² waves cannot be planned: a wave has a target.
fn number(wave: usize) -> u32 {
    u32::try_from(wave).unwrap_or(u32::MAX)
}
