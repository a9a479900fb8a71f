//! What moves an operation on: deadlines, hand-overs, waves, and what a failure does.

use proto_words::{Now, Outcome, OutcomeKind};

use super::{
    Entry, Half, Moment, OpenedWave, Operation, Target, TargetResult, TargetState, number,
};
use crate::effect::OrderBatch;
use crate::inventory::{Inventory, Liveness};
use crate::request::{OnFailure, OnUnreachable};

impl Operation {
    /// Does all that is possible now, and returns the orders that must go out.
    #[must_use = "orders that are marked as handed over must be sent"]
    pub fn advance(&mut self, now: Now, inventory: &Inventory, epoch: u64) -> Vec<OrderBatch> {
        let mut handed = Vec::new();
        while !self.is_done() {
            self.expire(now);
            if self.wave >= self.waves.len() {
                self.ended_ms = Some(now.wall_ms);
                break;
            }
            self.abort_on_failure(now);
            self.open(now);
            handed.extend(self.hand_over(now, inventory));
            self.abort_on_failure(now);
            if !self.is_wave_over() {
                break;
            }
            self.stop_on_failure(now);
            self.wave += 1;
        }
        self.batches(&handed, now, epoch)
    }

    fn open(&mut self, now: Now) {
        let wave = &mut self.waves[self.wave];
        if wave.opened_ms.is_none() {
            wave.opened_ms = Some(now.wall_ms);
            // A wave in which nothing is left to do was ended by an earlier one: nobody sees it open.
            if wave.targets.iter().any(|at| self.targets[*at].result().is_none()) {
                self.log.push(Entry::Wave(number(self.wave)));
            }
        }
    }

    /// Ends what has come to its deadline.
    fn expire(&mut self, now: Now) {
        let is_over = self.deadline.is_past(now);
        for at in 0..self.targets.len() {
            match self.targets[at].state {
                TargetState::Handed(until) if is_over || until.is_past(now) => {
                    let text = "handed over, and no result by the deadline; it may have been done";
                    self.finish(at, Outcome::new(OutcomeKind::Unknown, text), now);
                }
                TargetState::Due(until) if is_over || until.is_past(now) => {
                    self.not_executed(
                        at,
                        OutcomeKind::Unreachable,
                        "the host did not come by the deadline",
                        now,
                    );
                }
                TargetState::Pending if is_over => {
                    self.was_stopped = true;
                    let text = "the operation's deadline passed before its turn";
                    self.not_executed(at, OutcomeKind::Skipped, text, now);
                }
                TargetState::Pending
                | TargetState::Due(_)
                | TargetState::Handed(_)
                | TargetState::Done(_) => {}
            }
        }
    }

    /// Gives slots to targets of the open wave, and hands over what can be; their places.
    fn hand_over(&mut self, now: Now, inventory: &Inventory) -> Vec<usize> {
        let mut handed = Vec::new();
        let is_stop_half = self.waves[self.wave].half == Half::Stop;
        for at in self.waves[self.wave].targets.clone() {
            if is_stop_half && self.targets[at].is_halfway {
                continue;
            }
            let until = match self.targets[at].state {
                TargetState::Pending if self.has_slot() => {
                    Moment::after(now, self.policy.host_deadline_ms)
                }
                TargetState::Due(until) => until,
                TargetState::Pending | TargetState::Handed(_) | TargetState::Done(_) => continue,
            };
            if self.hand_over_one(at, until, now, inventory) {
                handed.push(at);
            }
        }
        handed
    }

    fn has_slot(&self) -> bool {
        let busy = self
            .targets
            .iter()
            .filter(|target| matches!(target.state, TargetState::Due(_) | TargetState::Handed(_)));
        self.policy.parallel == 0 || busy.count() < self.policy.parallel as usize
    }

    fn hand_over_one(&mut self, at: usize, until: Moment, now: Now, inventory: &Inventory) -> bool {
        let target = &self.targets[at];
        let host = inventory.get(&target.name.host);
        let is_there = host.is_some_and(|host| host.is_in_step);
        let is_coming = host.is_some_and(|host| host.liveness != Liveness::Down);
        if is_there && target.can_be_ordered(&self.request.verb) {
            let replaces = inventory.row(&target.name).map(|row| row.incarnation);
            let order = self.order_of(at);
            let target = &mut self.targets[at];
            target.replaces = replaces;
            target.order = Some(order);
            target.state = TargetState::Handed(until);
            return true;
        }
        let grace = self.grace.filter(|grace| !grace.is_past(now));
        match (self.policy.on_unreachable, grace) {
            _ if !target.can_be_ordered(&self.request.verb) => {
                let text =
                    "its processes are not known: it has told nothing since the controller started";
                self.not_executed(at, OutcomeKind::Unreachable, text, now);
            }
            _ if is_coming => self.targets[at].state = TargetState::Due(until),
            (OnUnreachable::Wait, _) => self.targets[at].state = TargetState::Due(until),
            (OnUnreachable::Skip | OnUnreachable::Fail, Some(grace)) => {
                let sooner = if grace.mono_ns < until.mono_ns { grace } else { until };
                self.targets[at].state = TargetState::Due(sooner);
            }
            (OnUnreachable::Skip | OnUnreachable::Fail, None) => {
                self.not_executed(at, OutcomeKind::Unreachable, "the host is not connected", now);
            }
        }
        false
    }

    /// Whether all targets of the open wave are through it.
    fn is_wave_over(&self) -> bool {
        let wave = &self.waves[self.wave];
        wave.targets.iter().all(|at| {
            let target = &self.targets[*at];
            target.result().is_some() || (wave.half == Half::Stop && target.is_halfway)
        })
    }

    fn abort_on_failure(&mut self, now: Now) {
        let has_failed = || self.targets.iter().any(|target| self.is_failure(target));
        if self.policy.on_failure == OnFailure::Abort && has_failed() {
            self.skip_the_rest("a failure ended the operation", now);
        }
    }

    fn stop_on_failure(&mut self, now: Now) {
        let has_failed =
            || self.waves[self.wave].targets.iter().any(|at| self.is_failure(&self.targets[*at]));
        if self.policy.on_failure == OnFailure::Stop && has_failed() {
            self.skip_the_rest("a failure in an earlier wave ended the operation", now);
        }
    }

    fn is_failure(&self, target: &Target) -> bool {
        target.result().is_some_and(|result| match result.outcome.kind {
            OutcomeKind::Failed | OutcomeKind::NotReady | OutcomeKind::Refused => true,
            OutcomeKind::Unreachable | OutcomeKind::Unknown => {
                self.policy.on_unreachable != OnUnreachable::Skip
            }
            OutcomeKind::Ok
            | OutcomeKind::Already
            | OutcomeKind::Skipped
            | OutcomeKind::Cancelled
            | OutcomeKind::Superseded => false,
        })
    }

    fn skip_the_rest(&mut self, why: &str, now: Now) {
        for at in 0..self.targets.len() {
            if self.targets[at].is_waiting() {
                self.was_stopped = true;
                self.not_executed(at, OutcomeKind::Skipped, why, now);
            }
        }
    }

    /// Ends a target whose order was never handed over. When the first half of its restart was,
    /// that is said, since the process has been stopped.
    pub(super) fn not_executed(&mut self, at: usize, kind: OutcomeKind, why: &str, now: Now) {
        let outcome = if self.targets[at].is_halfway {
            Outcome::new(OutcomeKind::Failed, format!("stopped, and not started again: {why}"))
        } else {
            Outcome::new(kind, why)
        };
        self.finish(at, outcome, now);
    }

    pub(super) fn finish(&mut self, at: usize, outcome: Outcome, now: Now) {
        let result = TargetResult::new(outcome, self.wave_of(at), now);
        self.settle(at, result);
    }

    pub(super) fn settle(&mut self, at: usize, result: TargetResult) {
        self.targets[at].state = TargetState::Done(Box::new(result));
        self.log.push(Entry::Result(at));
    }

    /// The wave that a target is in now, or will be in.
    pub(super) fn wave_of(&self, at: usize) -> usize {
        let half = if self.targets[at].is_halfway { Half::Start } else { Half::Stop };
        let is_its = |wave: &OpenedWave| {
            (wave.half == Half::Whole || wave.half == half) && wave.targets.contains(&at)
        };
        self.waves.iter().position(is_its).unwrap_or(self.wave)
    }
}
