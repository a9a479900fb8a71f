//! What the core says → messages for operators.

use controller_core::{
    Answer, Half, Happening, HappeningKind, Host, Liveness, News, Operation, Plan, PlanRefused,
    TargetResult,
};
use proto::v1::{self, operate_message, watch_message};
use proto::{kind_to_wire, state_to_wire};
use proto_words::{ProcessState, Target};

use super::requests;

pub(super) fn host(host: &Host) -> v1::Host {
    let running = host.rows().filter(|row| row.state == Some(ProcessState::Running)).count();
    v1::Host {
        name: host.name.clone(),
        liveness: liveness(host.liveness),
        labels: host.labels.clone().into_iter().collect(),
        agent_version: host.agent_version.clone(),
        last_contact_ms: host.last_contact_ms,
        certificate_ends_ms: host.certificate_ends_ms,
        address: host.address.clone(),
        processes: count(host.table.len()),
        running: count(running),
        position: Some(v1::Position { epoch: host.position.epoch, seq: host.position.seq }),
        instance_id: host.instance_id.clone(),
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn liveness(word: Liveness) -> i32 {
    match word {
        Liveness::Up => v1::HostLiveness::Up,
        Liveness::Silent => v1::HostLiveness::Silent,
        Liveness::Down => v1::HostLiveness::Down,
    }
    .into()
}

pub(super) fn status(
    hosts: &[Host],
    missing: Vec<String>,
    warnings: Vec<String>,
) -> v1::StatusReply {
    let rows = hosts.iter().flat_map(|host| {
        let is_stale = host.liveness != Liveness::Up;
        host.rows().map(move |row| v1::ProcessStatus {
            host: host.name.clone(),
            row: Some(row.clone().into()),
            stale: is_stale,
            stale_since_ms: if is_stale { host.last_contact_ms } else { 0 },
        })
    });
    v1::StatusReply {
        processes: rows.collect(),
        warnings,
        missing,
        hosts: hosts.iter().map(host).collect(),
    }
}

fn target(word: &Target) -> v1::TargetName {
    v1::TargetName {
        host: word.host.clone(),
        group: word.group.clone(),
        process: word.process.clone(),
    }
}

fn half(word: Half) -> String {
    match word {
        Half::Whole => "",
        Half::Stop => "stop",
        Half::Start => "start",
    }
    .to_owned()
}

/// The first message of an operation's stream.
pub(super) fn planned(
    id: &str,
    is_dry_run: bool,
    answer: &Answer,
) -> Option<operate_message::Body> {
    match answer {
        Answer::Planned(planned) => {
            let id = if is_dry_run { "" } else { id };
            Some(operate_message::Body::Plan(plan(id, planned)))
        }
        Answer::Refused(refused) => {
            let (reason, hosts) = match refused {
                PlanRefused::Select(_) => (v1::OperateRefusal::Selection, 0),
                PlanRefused::Empty => (v1::OperateRefusal::Empty, 0),
                PlanRefused::Guard { hosts, .. } => (v1::OperateRefusal::Guard, *hosts),
            };
            Some(refusal(reason, refused.to_string(), hosts))
        }
        Answer::Busy(text) => Some(refusal(v1::OperateRefusal::Busy, text.clone(), 0)),
        _ => None,
    }
}

fn refusal(reason: v1::OperateRefusal, text: String, hosts: u32) -> operate_message::Body {
    operate_message::Body::Refused(v1::OperateRefused { reason: reason.into(), text, hosts })
}

fn plan(id: &str, plan: &Plan) -> v1::Plan {
    let waves = plan.waves.iter().enumerate().map(|(at, wave)| v1::PlannedWave {
        wave: count(at),
        group_priority: wave.group_priority,
        priority: wave.priority,
        targets: wave.targets.iter().map(|planned| target(&planned.target)).collect(),
        half: half(wave.half),
    });
    v1::Plan {
        operation: id.to_owned(),
        waves: waves.collect(),
        least: prost_types::Duration::try_from(std::time::Duration::from_secs(plan.least_secs))
            .ok(),
        warnings: plan.warnings.clone(),
    }
}

/// One piece of news of an operation.
pub(super) fn news(id: &str, news: &News) -> operate_message::Body {
    match news {
        News::WaveOpened { wave, at_ms } => operate_message::Body::WaveOpened(v1::WaveOpened {
            operation: id.to_owned(),
            wave: *wave,
            at_ms: *at_ms,
        }),
        News::Result { target, result: known } => {
            operate_message::Body::Result(result(target, known))
        }
    }
}

fn result(name: &Target, result: &TargetResult) -> v1::TargetResult {
    v1::TargetResult {
        target: Some(target(name)),
        wave: result.wave,
        outcome: Some(result.outcome.clone().into()),
        at_ms: result.at_ms,
        incarnation: result.incarnation.map(Into::into),
        amended_from: result.amended_from.map_or(v1::OutcomeKind::Unspecified, kind_to_wire).into(),
        added: result.added.clone(),
        changed: result.changed.clone(),
        removed: result.removed.clone(),
    }
}

/// All that is known of an operation.
pub(super) fn record(operation: &Operation) -> v1::OperationRecord {
    let waves = operation.waves.iter().enumerate().map(|(at, wave)| v1::PlannedWave {
        wave: count(at),
        group_priority: wave.group_priority,
        priority: wave.priority,
        targets: wave.targets.iter().map(|at| target(&operation.targets[*at].name)).collect(),
        half: half(wave.half),
    });
    v1::OperationRecord {
        operation: operation.id.clone(),
        verb: operation.request.verb.name().to_owned(),
        operator: operation.operator.clone(),
        began_ms: operation.began_ms,
        ended_ms: operation.ended_ms.unwrap_or(0),
        state: if operation.is_done() {
            v1::OperationState::Done
        } else {
            v1::OperationState::Running
        }
        .into(),
        results: operation.results().map(|(name, known)| result(name, known)).collect(),
        stopped_by_threshold: operation.was_stopped,
        controller_epoch: operation.controller_epoch,
        request: Some(requests::shown(&operation.request)),
        waves: waves.collect(),
        exit_code: operation.exit_code().into(),
    }
}

/// What a watcher hears of a change, when `is_meant` says that it is about what it watches.
pub(super) fn happening(
    happening: &Happening,
    states: &[i32],
    is_meant: impl Fn(Option<(&str, &str)>) -> bool,
) -> Option<watch_message::Body> {
    match &happening.kind {
        HappeningKind::Host(text) if is_meant(None) && states.is_empty() => {
            Some(watch_message::Body::HostEvent(v1::HostEvent {
                host: happening.host.clone(),
                liveness: liveness(happening.liveness),
                at_ms: happening.at_ms,
                text: text.clone(),
            }))
        }
        HappeningKind::Process { row, from, is_expected } => {
            let into = row.state.map_or(v1::ProcessState::Unspecified, state_to_wire).into();
            let is_wanted = states.is_empty() || states.contains(&into);
            (is_wanted && is_meant(Some((&row.group, &row.name)))).then(|| {
                watch_message::Body::ProcessEvent(v1::ProcessEvent {
                    host: happening.host.clone(),
                    event: Some(v1::StateEvent {
                        row: Some(v1::Row::from((**row).clone())),
                        from: from.map_or(v1::ProcessState::Unspecified, state_to_wire).into(),
                        expected: *is_expected,
                    }),
                    at_ms: happening.at_ms,
                })
            })
        }
        HappeningKind::Dropped(number) if is_meant(None) => {
            Some(watch_message::Body::Dropped(*number))
        }
        HappeningKind::Host(_) | HappeningKind::Dropped(_) => None,
    }
}
