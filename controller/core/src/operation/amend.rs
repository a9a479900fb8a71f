//! What changes an operation from outside: results, operators, newer intents, a restart of the
//! controller, and the truth that comes after the deadline.

use std::collections::BTreeSet;

use proto_words::{Incarnation, Now, Origin, Outcome, OutcomeKind, ProcessState, Target as Name};

use super::{Entry, Moment, Operation, RESUME_GRACE_MS, TargetResult, TargetState};
use crate::inventory::Host;
use crate::request::{RestartOrder, Verb};

/// What an agent says of one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderDone {
    /// Which operation.
    pub operation: String,
    /// Which order of it.
    pub order: u32,
    /// What became of it.
    pub outcome: Outcome,
    /// The life that it led to.
    pub incarnation: Option<Incarnation>,
    /// What a reread or update found: groups that are new,
    pub added: Vec<String>,
    /// groups that are different,
    pub changed: Vec<String>,
    /// and groups that are gone.
    pub removed: Vec<String>,
}

impl Operation {
    /// Takes a result. `false`: it was known already, or is about nothing that this host was asked.
    pub fn on_result(&mut self, host: &str, done: OrderDone, now: Now) -> bool {
        let at = done.order as usize % self.targets.len().max(1);
        let Some(target) = self.targets.get(at) else {
            return false;
        };
        if target.name.host != host || target.order != Some(done.order) {
            return false;
        }
        let is_first_half = self.is_in_halves() && !target.is_halfway;
        match &target.state {
            TargetState::Handed(_) if is_first_half && done.outcome.kind.is_success() => {
                self.targets[at].is_halfway = true;
                self.targets[at].state = TargetState::Pending;
            }
            TargetState::Handed(_) => {
                let result = self.result_of(at, done, now);
                self.settle(at, result);
            }
            // An agent may send one result twice; that it does not know is no news the second time.
            TargetState::Done(known) if known.outcome == done.outcome => return false,
            TargetState::Done(known) if known.outcome.kind == OutcomeKind::Unknown => {
                let mut result = self.result_of(at, done, now);
                if is_first_half && result.outcome.kind.is_success() {
                    let text = "stopped after the deadline, and not started again";
                    result.outcome = Outcome::new(OutcomeKind::Failed, text);
                }
                self.amend(at, result);
            }
            TargetState::Pending | TargetState::Due(_) | TargetState::Done(_) => return false,
        }
        true
    }

    fn result_of(&self, at: usize, done: OrderDone, now: Now) -> TargetResult {
        TargetResult {
            incarnation: done.incarnation,
            added: done.added,
            changed: done.changed,
            removed: done.removed,
            ..TargetResult::new(done.outcome, self.wave_of(at), now)
        }
    }

    /// UNKNOWN gives way to the truth, or to an UNKNOWN that says more.
    fn amend(&mut self, at: usize, mut result: TargetResult) {
        let is_known = result.outcome.kind != OutcomeKind::Unknown;
        result.amended_from = is_known.then_some(OutcomeKind::Unknown);
        self.settle(at, result);
    }

    fn is_in_halves(&self) -> bool {
        matches!(self.request.verb, Verb::Restart(_, RestartOrder::StopThenStart))
    }

    /// Amends UNKNOWN where a host's rows prove that the goal was reached because of this operation.
    /// Returns whether anything changed. What they do not prove stays UNKNOWN.
    pub fn amend_from_state(&mut self, host: &Host, now: Now) -> bool {
        let mut has_changed = false;
        for at in 0..self.targets.len() {
            let target = &self.targets[at];
            let is_open = target.name.host == host.name
                && target.result().is_some_and(|r| r.outcome.kind == OutcomeKind::Unknown);
            let row = host.row(&target.name.group, &target.name.process);
            let Some(row) = row.filter(|_| is_open) else {
                continue;
            };
            let goal = match self.request.verb {
                Verb::Start(_) | Verb::Restart(..) => Some(ProcessState::Running),
                Verb::Stop => Some(ProcessState::Stopped),
                _ => None,
            };
            if goal.is_some() && row.state == goal && row.origin == Origin::Fleet(self.id.clone()) {
                let text = "its state shows that the order was carried out";
                let mut result =
                    TargetResult::new(Outcome::new(OutcomeKind::Ok, text), self.wave_of(at), now);
                result.incarnation = Some(row.incarnation);
                self.amend(at, result);
                has_changed = true;
            }
        }
        has_changed
    }

    /// It could not be recorded, and these orders were kept back for that: they and all that is
    /// still to come are CANCELLED.
    pub fn not_recorded(&mut self, unsent: &[u32], now: Now) {
        for target in &mut self.targets {
            if target.is_handed() && target.order.is_some_and(|order| unsent.contains(&order)) {
                target.state = TargetState::Pending;
            }
        }
        self.cancel("the controller, which could not record it", now);
    }

    /// An operator ends it: what has not been handed over is CANCELLED.
    pub fn cancel(&mut self, by: &str, now: Now) {
        for at in 0..self.targets.len() {
            if self.targets[at].is_waiting() {
                self.not_executed(at, OutcomeKind::Cancelled, &format!("cancelled by {by}"), now);
            }
        }
    }

    /// A newer operation wants something else of these: what has not been handed over is
    /// SUPERSEDED. What has been is the agent's to say. Returns whether anything changed.
    pub fn supersede(&mut self, newer: &BTreeSet<Name>, by: &str, now: Now) -> bool {
        let mut has_changed = false;
        for at in 0..self.targets.len() {
            if self.targets[at].is_waiting() && newer.contains(&self.targets[at].name) {
                let text = format!("operation {by} is newer");
                self.not_executed(at, OutcomeKind::Superseded, &text, now);
                has_changed = true;
            }
        }
        has_changed
    }

    /// The record has been read back by a new process: deadlines move to its clock, and agents get
    /// time to dial again.
    pub fn resume(&mut self, now: Now) {
        self.deadline = self.deadline.rebased(now, self.policy.deadline_ms);
        self.grace = Some(Moment::after(now, RESUME_GRACE_MS));
        let most = self.policy.host_deadline_ms;
        for target in &mut self.targets {
            match &mut target.state {
                TargetState::Due(until) | TargetState::Handed(until) => {
                    *until = until.rebased(now, most);
                }
                TargetState::Pending | TargetState::Done(_) => {}
            }
        }
    }

    /// What happened since the first `from` entries, as targets and waves.
    #[must_use]
    pub fn entries_since(&self, from: usize) -> &[Entry] {
        self.log.get(from..).unwrap_or_default()
    }
}
