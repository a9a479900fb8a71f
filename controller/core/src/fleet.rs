//! The controller's core: all hosts, all sessions, all operations, one line of inputs.

mod asks;
mod sessions;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use proto_words::Now;

use crate::effect::{Answer, AuditLine, Effect, HostSay};
use crate::input::{Input, SessionId, Ticket};
use crate::inventory::{Host, Inventory};
use crate::operation::Operation;

use sessions::{Candidate, Session};

/// Operations that are over and still kept, in memory and in the store; the oldest go first.
pub const OPERATIONS_KEPT_MAX: usize = 500;

/// Targets of operations that are over and still kept: each takes about a kilobyte of memory, so
/// that five hundred operations of a large fleet would take gigabytes.
pub const TARGETS_KEPT_MAX: usize = 100_000;

/// Operations at one time. Each holds its targets in memory; nobody runs more on purpose.
pub const OPERATIONS_RUNNING_MAX: usize = 64;

/// What the configuration says. Milliseconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// More hosts than this need the caller's agreement.
    pub guard_hosts: u32,
    /// For each host, from the moment its orders are due.
    pub host_deadline_ms: u64,
    /// For a whole operation.
    pub deadline_ms: u64,
    /// How often an agent says that it is alive when nothing else is said.
    pub keepalive_idle_ms: u64,
    /// The same while it has orders.
    pub keepalive_busy_ms: u64,
    /// How long a connected agent has to show life when another instance claims its name.
    pub probe_ms: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            guard_hosts: 50,
            host_deadline_ms: 60_000,
            deadline_ms: 600_000,
            keepalive_idle_ms: 45_000,
            keepalive_busy_ms: 5_000,
            probe_ms: 5_000,
        }
    }
}

/// All that the controller knows and decides.
#[derive(Debug)]
pub struct Fleet {
    settings: Settings,
    epoch: u64,
    inventory: Inventory,
    sessions: BTreeMap<String, Session>,
    candidates: BTreeMap<String, Candidate>,
    operations: BTreeMap<String, Operation>,
    followers: Vec<(Ticket, String, usize)>,
    /// Gathered while inputs are taken: what to do, what to write, and what only after writing.
    effects: Vec<Effect>,
    dirty: BTreeSet<String>,
    /// Operations whose record on disk is old, since the disk failed: written with the next one.
    unrecorded: BTreeSet<String>,
    after: BTreeMap<String, Vec<Effect>>,
    acknowledge: BTreeMap<(String, SessionId), Vec<u32>>,
}

impl Fleet {
    /// A core with what the store remembers: the epoch is already the new one, and operations that
    /// were not over go on.
    #[must_use]
    pub fn new(
        settings: Settings,
        epoch: u64,
        hosts: Vec<Host>,
        operations: Vec<Operation>,
        now: Now,
    ) -> Self {
        let mut inventory = Inventory::default();
        for host in hosts {
            let labels = host.labels.clone();
            let entry = inventory.entry(&host.name);
            entry.labels = labels;
            entry.last_contact_ms = host.last_contact_ms;
            entry.certificate_ends_ms = host.certificate_ends_ms;
            entry.address = host.address;
            entry.agent_version = host.agent_version;
            entry.instance_id = host.instance_id;
        }
        let mut operations: BTreeMap<_, _> =
            operations.into_iter().map(|operation| (operation.id.clone(), operation)).collect();
        for operation in operations.values_mut().filter(|operation| !operation.is_done()) {
            operation.resume(now);
        }
        Self {
            settings,
            epoch,
            inventory,
            sessions: BTreeMap::new(),
            candidates: BTreeMap::new(),
            operations,
            followers: Vec::new(),
            effects: Vec::new(),
            dirty: BTreeSet::new(),
            unrecorded: BTreeSet::new(),
            after: BTreeMap::new(),
            acknowledge: BTreeMap::new(),
        }
    }

    /// Takes one input.
    #[must_use = "effects that nobody performs are lost orders"]
    pub fn on_input(&mut self, now: Now, input: Input) -> Vec<Effect> {
        self.on_inputs(now, [input])
    }

    /// Takes inputs that came together; what they change is written once.
    #[must_use = "effects that nobody performs are lost orders"]
    pub fn on_inputs(&mut self, now: Now, inputs: impl IntoIterator<Item = Input>) -> Vec<Effect> {
        for input in inputs {
            self.take(now, input);
        }
        self.expire_sessions(now);
        self.advance_operations(now);
        self.answer_followers();
        self.forget_old();
        self.write_down();
        std::mem::take(&mut self.effects)
    }

    fn take(&mut self, now: Now, input: Input) {
        match input {
            Input::Arrived { session, host, hello } => self.arrived(now, session, &host, hello),
            Input::Said { session, host, said } => self.said(now, session, &host, said),
            Input::Left { session, host, why } => self.left(now, session, &host, &why),
            Input::Asked(asked) => self.asked(now, &asked),
            Input::NotRecorded { operation, unsent } => {
                self.not_recorded(now, &operation, &unsent);
            }
            Input::Woke => {}
        }
    }

    /// What is known of the hosts.
    #[must_use]
    pub fn inventory(&self) -> &Inventory {
        &self.inventory
    }

    /// One operation, as long as it is kept.
    #[must_use]
    pub fn operation(&self, id: &str) -> Option<&Operation> {
        self.operations.get(id)
    }

    /// The controller's epoch.
    #[must_use]
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// When [`Input::Woke`] is due, on the monotonic clock.
    #[must_use]
    pub fn next_deadline(&self) -> Option<u64> {
        let operations = self.operations.values().filter_map(Operation::next_deadline);
        operations.chain(self.session_deadlines()).min()
    }

    fn advance_operations(&mut self, now: Now) {
        let mut sends = Vec::new();
        for operation in self.operations.values_mut().filter(|operation| !operation.is_done()) {
            let seen = (operation.log.len(), operation.is_done());
            let batches = operation.advance(now, &self.inventory, self.epoch);
            if seen != (operation.log.len(), operation.is_done()) || !batches.is_empty() {
                self.dirty.insert(operation.id.clone());
            }
            if operation.is_done() {
                self.effects.push(Effect::Audit(ended(operation)));
            }
            sends.extend(batches);
        }
        for batch in sends {
            self.send(now, batch);
        }
    }

    fn send(&mut self, now: Now, batch: crate::effect::OrderBatch) {
        let Some(session) = self.sessions.get_mut(&batch.host) else {
            return; // it has just gone; the orders go out again when it is back
        };
        session.busy_from(now);
        let say = Effect::Say(session.id, HostSay::Orders(batch.clone()));
        self.after.entry(batch.operation).or_default().push(say);
    }

    fn answer_followers(&mut self) {
        let mut waiting = Vec::new();
        for (ticket, id, from) in std::mem::take(&mut self.followers) {
            let Some(operation) = self.operations.get(&id) else {
                self.effects.push(Effect::Answer(ticket, Answer::NoSuchOperation(id)));
                continue;
            };
            if operation.log.len() > from || operation.is_done() {
                let answer = asks::news(operation, from);
                self.effects.push(Effect::Answer(ticket, answer));
            } else {
                waiting.push((ticket, id, from));
            }
        }
        self.followers = waiting;
    }

    fn forget_old(&mut self) {
        let (mut operations, mut targets) = (0, 0);
        let newest_first = self.operations.values().rev();
        let surplus: Vec<_> = newest_first
            .filter(|operation| operation.is_done())
            .filter(|operation| {
                let is_newest = operations == 0; // it is kept, however large
                operations += 1;
                targets += operation.targets.len();
                !is_newest && (operations > OPERATIONS_KEPT_MAX || targets > TARGETS_KEPT_MAX)
            })
            .map(|operation| operation.id.clone())
            .collect();
        for id in surplus {
            self.operations.remove(&id);
            self.dirty.remove(&id);
            self.unrecorded.remove(&id);
            self.effects.push(Effect::Forget(id));
        }
    }

    /// Records what has changed, with what may only happen once it is recorded.
    fn write_down(&mut self) {
        for ((operation, session), orders) in std::mem::take(&mut self.acknowledge) {
            let say = Effect::Say(session, HostSay::Acknowledged(operation.clone(), orders));
            self.after.entry(operation).or_default().push(say);
        }
        let mut after = std::mem::take(&mut self.after);
        if !self.dirty.is_empty() {
            self.dirty.append(&mut self.unrecorded);
        }
        for id in std::mem::take(&mut self.dirty) {
            if let Some(operation) = self.operations.get(&id) {
                let then = after.remove(&id).unwrap_or_default();
                self.effects.push(Effect::Record(Box::new(operation.clone()), then));
            }
        }
        self.effects.extend(after.into_values().flatten());
    }

    /// A record of it could not be written, so the orders that waited for that have not gone out.
    fn not_recorded(&mut self, now: Now, id: &str, unsent: &[u32]) {
        if let Some(operation) = self.operations.get_mut(id) {
            operation.not_recorded(unsent, now);
            self.unrecorded.insert(id.to_owned());
            self.effects.push(Effect::Log(format!(
                "operation {id} could not be recorded: what had not been handed over is cancelled; \
                 look at the store's disk"
            )));
        }
    }
}

fn ended(operation: &Operation) -> AuditLine {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, result) in operation.results() {
        *counts.entry(result.outcome.kind.name()).or_default() += 1;
    }
    let counts: Vec<_> = counts.iter().map(|(kind, count)| format!("{kind} {count}")).collect();
    AuditLine {
        who: operation.operator.clone(),
        from: String::new(),
        what: format!("{} has ended", operation.request.verb.name()),
        operation: operation.id.clone(),
        targets: Vec::new(),
        result: if counts.is_empty() { "nothing to do".to_owned() } else { counts.join(", ") },
    }
}
