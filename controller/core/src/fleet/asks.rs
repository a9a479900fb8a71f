//! What operators ask, and what they are told.

use std::collections::BTreeSet;

use proto_words::{Now, Target};

use super::{Fleet, OPERATIONS_RUNNING_MAX};
use crate::effect::{Answer, AuditLine, Effect, News};
use crate::input::{Ask, Asked};
use crate::inventory::{Host, Liveness};
use crate::operation::{Entry, Operation};
use crate::plan::{Plan, plan};
use crate::request::{Policy, Request, Selection};
use crate::select::{SelectError, Selector};

/// What a wave may take beyond its longest `startsecs` when nobody named a deadline: spawning and
/// the way there and back.
const DEADLINE_SPARE_MS: u64 = 30_000;

/// Targets that an audit line names; more are counted.
const AUDIT_TARGETS_MAX: usize = 1000;

impl Fleet {
    pub(super) fn asked(&mut self, now: Now, asked: &Asked) {
        let answer = match &asked.ask {
            Ask::Hosts(selection) => self.hosts(selection),
            Ask::Status(selection) => self.status(selection),
            Ask::Operate(id, request) => self.operate(now, id, request, asked),
            Ask::Follow(id, from) => {
                self.followers.push((asked.ticket, id.clone(), *from));
                return;
            }
            Ask::Operation(id) => self.record_of(id),
            Ask::Operations(most) => {
                Answer::Operations(self.operations.values().rev().take(*most).cloned().collect())
            }
            Ask::Cancel(id) => self.cancel(now, id, asked),
        };
        self.effects.push(Effect::Answer(asked.ticket, answer));
    }

    fn record_of(&self, id: &str) -> Answer {
        self.operations.get(id).map_or_else(
            || Answer::NoSuchOperation(id.to_owned()),
            |operation| Answer::Operation(Box::new(operation.clone())),
        )
    }

    fn hosts(&self, selection: &Selection) -> Answer {
        let found = Selector::parse(selection).map_err(SelectError::from).and_then(|selector| {
            Ok(selector.hosts(&self.inventory)?.into_iter().cloned().collect())
        });
        match found {
            Ok(hosts) => Answer::Hosts(hosts),
            Err(error) => Answer::BadSelection(error.to_string()),
        }
    }

    fn status(&self, selection: &Selection) -> Answer {
        let selector = match Selector::parse(selection) {
            Ok(selector) => selector,
            Err(error) => return Answer::BadSelection(error.to_string()),
        };
        let mut missing = selector.missing_hosts(&self.inventory);
        missing.extend(selector.missing_processes(&self.inventory));
        let hosts: Vec<Host> = self
            .inventory
            .hosts()
            .filter(|host| selector.matches_host((*host).into()))
            .map(|host| {
                let mut host = host.clone();
                let (labels, name) = (host.labels.clone(), host.name.clone());
                let view = crate::select::HostView {
                    name: &name,
                    labels: &labels,
                    liveness: host.liveness,
                };
                host.table.retain(|(group, process), _| selector.matches(view, group, process));
                host
            })
            .collect();
        Answer::Status { warnings: status_warnings(&hosts), hosts, missing }
    }

    fn operate(&mut self, now: Now, id: &str, request: &Request, asked: &Asked) -> Answer {
        let planned = match plan(&self.inventory, request, self.settings.guard_hosts) {
            Ok(planned) => planned,
            Err(refused) => {
                self.audit(asked, request, id, &Plan::default(), format!("refused: {refused}"));
                return Answer::Refused(refused);
            }
        };
        if request.dry_run {
            return Answer::Planned(Box::new(planned));
        }
        let running = self.operations.values().filter(|operation| !operation.is_done()).count();
        if running >= OPERATIONS_RUNNING_MAX {
            let text = format!("{running} operations run; wait until one has ended, or cancel one");
            self.audit(asked, request, id, &planned, format!("refused: {text}"));
            return Answer::Busy(text);
        }
        self.audit(asked, request, id, &planned, "accepted".to_owned());
        self.supersede_older(now, id, request, &planned);
        let policy = self.policy(request, &planned);
        let operation = Operation::new(
            id.to_owned(),
            asked.operator.clone(),
            self.epoch,
            request.clone(),
            policy,
            &planned,
            now,
        );
        self.operations.insert(id.to_owned(), operation);
        self.dirty.insert(id.to_owned());
        Answer::Planned(Box::new(planned))
    }

    /// The last intent wins: an older operation gives up what it has not handed over.
    fn supersede_older(&mut self, now: Now, id: &str, request: &Request, planned: &Plan) {
        if !request.verb.is_intent() {
            return;
        }
        let waves = planned.waves.iter();
        let newer: BTreeSet<_> =
            waves.flat_map(|wave| &wave.targets).map(|planned| planned.target.clone()).collect();
        for older in self.operations.values_mut() {
            if !older.is_done()
                && older.request.verb.is_intent()
                && older.supersede(&newer, id, now)
            {
                self.dirty.insert(older.id.clone());
            }
        }
    }

    fn policy(&self, request: &Request, planned: &Plan) -> Policy {
        let needs = |secs: u64| secs.saturating_mul(1000).saturating_add(DEADLINE_SPARE_MS);
        let longest = planned.waves.iter().map(|wave| wave.least_secs).max().unwrap_or(0);
        let host_ms = self.settings.host_deadline_ms.max(needs(longest));
        let all_ms = self.settings.deadline_ms.max(needs(planned.least_secs));
        Policy {
            on_failure: request.on_failure.unwrap_or_else(|| request.verb.on_failure()),
            on_unreachable: request.on_unreachable,
            host_deadline_ms: request.host_deadline_ms.unwrap_or(host_ms),
            deadline_ms: request.deadline_ms.unwrap_or(all_ms),
            parallel: request.parallel,
        }
    }

    fn cancel(&mut self, now: Now, id: &str, asked: &Asked) -> Answer {
        let Some(operation) = self.operations.get_mut(id) else {
            return Answer::NoSuchOperation(id.to_owned());
        };
        let result = if operation.is_done() { "it had ended" } else { "cancelled" };
        operation.cancel(&asked.operator, now);
        let answer = Answer::Operation(Box::new(operation.clone()));
        self.dirty.insert(id.to_owned());
        self.effects.push(Effect::Audit(AuditLine {
            who: asked.operator.clone(),
            from: asked.address.clone(),
            what: "cancel".to_owned(),
            operation: id.to_owned(),
            targets: Vec::new(),
            result: result.to_owned(),
        }));
        answer
    }

    fn audit(
        &mut self,
        asked: &Asked,
        request: &Request,
        id: &str,
        planned: &Plan,
        result: String,
    ) {
        let all = planned.waves.iter().flat_map(|wave| &wave.targets);
        let mut targets: Vec<_> = all.map(|planned| shown(&planned.target)).collect();
        let surplus = targets.len().saturating_sub(AUDIT_TARGETS_MAX);
        if surplus > 0 {
            targets.truncate(AUDIT_TARGETS_MAX);
            targets.push(format!("and {surplus} more"));
        }
        self.effects.push(Effect::Audit(AuditLine {
            who: asked.operator.clone(),
            from: asked.address.clone(),
            what: described(request),
            operation: id.to_owned(),
            targets,
            result,
        }));
    }
}

/// A target; a whole host by its name alone.
fn shown(target: &Target) -> String {
    if target.group.is_empty() {
        return target.host.clone();
    }
    target.to_string()
}

fn described(request: &Request) -> String {
    let mut words = vec![request.verb.name().to_owned()];
    words.extend(request.selection.processes.iter().cloned());
    words.extend(request.selection.targets.iter().cloned());
    if !request.selection.hosts.is_empty() {
        words.push(format!("--hosts {}", request.selection.hosts));
    }
    words.extend(request.selection.labels.iter().map(|label| format!("--label {label}")));
    words.join(" ")
}

fn status_warnings(hosts: &[Host]) -> Vec<String> {
    let of = |host: &Host| match (host.liveness, host.is_reported()) {
        (Liveness::Up, true) => None,
        (_, false) => Some(format!(
            "{} has told nothing since the controller started: its processes are not known",
            host.name
        )),
        (Liveness::Silent, true) => {
            Some(format!("{} is silent: this is how it was last seen", host.name))
        }
        (Liveness::Down, true) => {
            Some(format!("{} is not connected: this is how it was last seen", host.name))
        }
    };
    hosts.iter().filter_map(of).collect()
}

/// What happened in an operation after the first `from` entries of its log.
pub(super) fn news(operation: &Operation, from: usize) -> Answer {
    let one = |entry: &Entry| match entry {
        Entry::Wave(wave) => Some(News::WaveOpened {
            wave: *wave,
            at_ms: operation.waves.get(*wave as usize)?.opened_ms?,
        }),
        Entry::Result(at) => {
            let target = operation.targets.get(*at)?;
            Some(News::Result {
                target: target.name.clone(),
                result: Box::new(target.result()?.clone()),
            })
        }
    };
    Answer::News {
        news: operation.entries_since(from).iter().filter_map(one).collect(),
        next: operation.log.len(),
        finished: operation.is_done().then(|| Box::new(operation.clone())),
    }
}
