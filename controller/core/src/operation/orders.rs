//! From targets to batches of orders, one per host.

use std::collections::BTreeMap;

use proto_words::{Now, Target as Name};

use super::{Half, Moment, Operation, Target, TargetResult, TargetState, number};
use crate::effect::{Order, OrderBatch, OrderVerb};
use crate::request::Verb;

/// The agent's deadline is this much before ours, but at most a tenth of it: so that its own
/// `NOT_READY` arrives before we call it UNKNOWN.
const RESULT_TRAVEL_MS: u64 = 2000;

impl Target {
    pub(super) fn pending(name: Name, is_known: bool) -> Self {
        Self {
            name,
            state: TargetState::Pending,
            is_known,
            is_halfway: false,
            order: None,
            replaces: None,
        }
    }

    /// Its result, once it has one.
    #[must_use]
    pub fn result(&self) -> Option<&TargetResult> {
        match &self.state {
            TargetState::Done(result) => Some(result),
            TargetState::Pending | TargetState::Due(_) | TargetState::Handed(_) => None,
        }
    }

    /// A session has its order, and there is no result.
    #[must_use]
    pub fn is_handed(&self) -> bool {
        matches!(self.state, TargetState::Handed(_))
    }

    /// No session has its order, and there is no result.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        matches!(self.state, TargetState::Pending | TargetState::Due(_))
    }

    /// Something to order is known: one process, or a host for a verb for hosts.
    pub(super) fn can_be_ordered(&self, verb: &Verb) -> bool {
        self.is_known || verb.is_for_hosts() || !self.name.process.is_empty()
    }
}

impl Operation {
    /// The number of a target's order: its place, and after all places the second halves.
    pub(super) fn order_of(&self, at: usize) -> u32 {
        let count = self.targets.len();
        number(if self.targets[at].is_halfway { at + count } else { at })
    }

    /// The orders that a host has without a result: sent again with the same numbers after a redial,
    /// since nobody knows whether they arrived. The agent does none of them twice.
    #[must_use]
    pub fn orders_again(&self, host: &str, now: Now, epoch: u64) -> Vec<OrderBatch> {
        let is_here = |at: &usize| {
            let target = &self.targets[*at];
            target.name.host == host && target.is_handed()
        };
        let handed: Vec<usize> = (0..self.targets.len()).filter(is_here).collect();
        let mut batches = self.batches(&handed, now, epoch);
        for batch in &mut batches {
            batch.is_again = true;
        }
        batches
    }

    pub(super) fn batches(&self, handed: &[usize], now: Now, epoch: u64) -> Vec<OrderBatch> {
        let mut batches: BTreeMap<(&str, u32), OrderBatch> = BTreeMap::new();
        for at in handed {
            let target = &self.targets[*at];
            let TargetState::Handed(until) = target.state else {
                continue;
            };
            let wave = number(self.wave_of(*at));
            batches
                .entry((&target.name.host, wave))
                .or_insert_with(|| self.batch(&target.name.host, wave, until, now, epoch))
                .orders
                .push(self.order(target));
        }
        batches.into_values().collect()
    }

    fn batch(&self, host: &str, wave: u32, until: Moment, now: Now, epoch: u64) -> OrderBatch {
        let left_ms = until.left_ms(now).min(self.deadline.left_ms(now));
        OrderBatch {
            host: host.to_owned(),
            operation: self.id.clone(),
            wave,
            controller_epoch: epoch,
            deadline_ms: left_ms - (left_ms / 10).min(RESULT_TRAVEL_MS),
            operator: self.operator.clone(),
            is_again: false,
            orders: Vec::new(),
        }
    }

    fn order(&self, target: &Target) -> Order {
        let half = match &self.request.verb {
            Verb::Restart(_, crate::request::RestartOrder::StopThenStart) if target.is_halfway => {
                Half::Start
            }
            Verb::Restart(_, crate::request::RestartOrder::StopThenStart) => Half::Stop,
            _ => Half::Whole,
        };
        Order {
            id: target.order.unwrap_or(0),
            group: target.name.group.clone(),
            process: target.name.process.clone(),
            verb: match (&self.request.verb, half) {
                (Verb::Restart(barrier, _), Half::Start) | (Verb::Start(barrier), Half::Whole) => {
                    OrderVerb::Start(*barrier)
                }
                (_, Half::Stop | Half::Start) | (Verb::Stop, Half::Whole) => OrderVerb::Stop,
                (Verb::Restart(barrier, _), Half::Whole) => {
                    OrderVerb::Restart { barrier: *barrier, replaces: target.replaces }
                }
                (Verb::Signal(signal), Half::Whole) => OrderVerb::Signal(*signal),
                (Verb::Stdin(data), Half::Whole) => OrderVerb::Stdin(data.clone()),
                (Verb::Clear, Half::Whole) => OrderVerb::Clear,
                (Verb::Reread, Half::Whole) => OrderVerb::Reread,
                (Verb::Update(groups), Half::Whole) => OrderVerb::Update(groups.clone()),
                (Verb::Reload, Half::Whole) => OrderVerb::Reload,
                (Verb::Shutdown, Half::Whole) => OrderVerb::Shutdown,
                (Verb::ReopenLogs, Half::Whole) => OrderVerb::ReopenLogs,
            },
        }
    }
}
