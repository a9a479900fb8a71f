//! An operator's messages → what the core is asked.

use controller_core::{Barrier, OnFailure, OnUnreachable, Request, RestartOrder, Selection, Verb};
use proto::v1::{self, operate_request};
use proto_words::Signal;
use tonic::Status;

/// What is written to stdin in one order; larger things do not belong into a record.
const STDIN_MAX_BYTES: usize = 64 * 1024;

/// A selection; without one, everything.
pub(super) fn selection(message: Option<v1::Selection>) -> Selection {
    let message = message.unwrap_or_default();
    Selection {
        hosts: message.hosts,
        labels: message.labels,
        processes: message.processes,
        targets: message.targets,
    }
}

/// A request for an operation.
pub(super) fn operate(message: v1::OperateRequest) -> Result<Request, Status> {
    let restart_order = match message.restart_order() {
        v1::RestartOrderKind::Unspecified => RestartOrder::PerTarget,
        v1::RestartOrderKind::StopThenStart => RestartOrder::StopThenStart,
    };
    Ok(Request {
        on_failure: match message.on_failure() {
            v1::OnFailure::Unspecified => None,
            v1::OnFailure::Continue => Some(OnFailure::Continue),
            v1::OnFailure::Stop => Some(OnFailure::Stop),
            v1::OnFailure::Abort => Some(OnFailure::Abort),
        },
        on_unreachable: match message.on_unreachable() {
            v1::OnUnreachable::Unspecified | v1::OnUnreachable::Skip => OnUnreachable::Skip,
            v1::OnUnreachable::Fail => OnUnreachable::Fail,
            v1::OnUnreachable::Wait => OnUnreachable::Wait,
        },
        host_deadline_ms: message.host_deadline.map(|d| ms("host_deadline", d)).transpose()?,
        deadline_ms: message.deadline.map(|d| ms("deadline", d)).transpose()?,
        dry_run: message.dry_run,
        parallel: message.parallel,
        allow_empty: message.allow_empty,
        yes: message.yes,
        verb: verb(message.verb, restart_order)?,
        selection: selection(message.selection),
    })
}

fn ms(key: &str, length: prost_types::Duration) -> Result<u64, Status> {
    let length = std::time::Duration::try_from(length).unwrap_or_default();
    match u64::try_from(length.as_millis()) {
        Ok(ms @ 1..) => Ok(ms),
        _ => Err(Status::invalid_argument(format!("{key} must be longer than nothing"))),
    }
}

fn verb(message: Option<operate_request::Verb>, order: RestartOrder) -> Result<Verb, Status> {
    use operate_request::Verb as Message;
    let message = message.ok_or_else(|| {
        Status::invalid_argument("the request has no verb that this version knows")
    })?;
    Ok(match message {
        Message::Start(start) => Verb::Start(barrier(start.barrier())),
        Message::Stop(_) => Verb::Stop,
        Message::Restart(restart) => Verb::Restart(barrier(restart.barrier()), order),
        Message::Signal(signal) => {
            Verb::Signal(Signal::from_number(signal.signal).ok_or_else(|| {
                Status::invalid_argument(format!("{} is no signal", signal.signal))
            })?)
        }
        Message::Stdin(stdin) if stdin.data.len() > STDIN_MAX_BYTES => {
            return Err(Status::invalid_argument(format!(
                "stdin takes {STDIN_MAX_BYTES} bytes in one order"
            )));
        }
        Message::Stdin(stdin) => Verb::Stdin(stdin.data),
        Message::Clear(_) => Verb::Clear,
        Message::Reread(_) => Verb::Reread,
        Message::Update(update) => Verb::Update(update.groups),
        Message::Reload(_) => Verb::Reload,
        Message::Shutdown(_) => Verb::Shutdown,
        Message::ReopenLogs(_) => Verb::ReopenLogs,
        Message::Add(_) | Message::Remove(_) => {
            return Err(Status::unimplemented(
                "add and remove are not carried out for a fleet; update GROUP does what both are for",
            ));
        }
    })
}

fn barrier(message: v1::Barrier) -> Barrier {
    match message {
        v1::Barrier::Unspecified | v1::Barrier::Running => Barrier::Running,
        v1::Barrier::Spawned => Barrier::Spawned,
        v1::Barrier::None => Barrier::None,
    }
}

/// A request as the record shows it.
pub(super) fn shown(request: &Request) -> v1::OperateRequest {
    let span = |ms: u64| prost_types::Duration::try_from(std::time::Duration::from_millis(ms)).ok();
    v1::OperateRequest {
        selection: Some(v1::Selection {
            hosts: request.selection.hosts.clone(),
            labels: request.selection.labels.clone(),
            processes: request.selection.processes.clone(),
            targets: request.selection.targets.clone(),
        }),
        verb: Some(shown_verb(&request.verb)),
        dry_run: request.dry_run,
        on_failure: match request.on_failure {
            None => v1::OnFailure::Unspecified,
            Some(OnFailure::Continue) => v1::OnFailure::Continue,
            Some(OnFailure::Stop) => v1::OnFailure::Stop,
            Some(OnFailure::Abort) => v1::OnFailure::Abort,
        }
        .into(),
        on_unreachable: match request.on_unreachable {
            OnUnreachable::Skip => v1::OnUnreachable::Skip,
            OnUnreachable::Fail => v1::OnUnreachable::Fail,
            OnUnreachable::Wait => v1::OnUnreachable::Wait,
        }
        .into(),
        host_deadline: request.host_deadline_ms.and_then(span),
        deadline: request.deadline_ms.and_then(span),
        parallel: request.parallel,
        restart_order: match request.verb {
            Verb::Restart(_, RestartOrder::StopThenStart) => v1::RestartOrderKind::StopThenStart,
            _ => v1::RestartOrderKind::Unspecified,
        }
        .into(),
        allow_empty: request.allow_empty,
        yes: request.yes,
    }
}

fn shown_verb(verb: &Verb) -> operate_request::Verb {
    use operate_request::Verb as Message;
    match verb {
        Verb::Start(at) => Message::Start(v1::StartOrder { barrier: shown_barrier(*at) }),
        Verb::Stop => Message::Stop(v1::StopOrder {}),
        Verb::Restart(at, _) => {
            Message::Restart(v1::RestartOrder { barrier: shown_barrier(*at), replaces: None })
        }
        Verb::Signal(signal) => Message::Signal(v1::SignalOrder { signal: signal.number() }),
        Verb::Stdin(data) => Message::Stdin(v1::StdinOrder { data: data.clone() }),
        Verb::Clear => Message::Clear(v1::ClearOrder {}),
        Verb::Reread => Message::Reread(v1::RereadOrder {}),
        Verb::Update(groups) => {
            Message::Update(v1::UpdateOrder { groups: groups.clone(), digest: Vec::new() })
        }
        Verb::Reload => Message::Reload(v1::ReloadOrder {}),
        Verb::Shutdown => Message::Shutdown(v1::ShutdownOrder {}),
        Verb::ReopenLogs => Message::ReopenLogs(v1::ReopenLogsOrder {}),
    }
}

fn shown_barrier(word: Barrier) -> i32 {
    match word {
        Barrier::Running => v1::Barrier::Running,
        Barrier::Spawned => v1::Barrier::Spawned,
        Barrier::None => v1::Barrier::None,
    }
    .into()
}

#[cfg(test)]
mod tests {
    use proto::v1;
    use proto::v1::operate_request::Verb;

    use super::{operate, shown};

    #[test]
    fn a_request_survives_the_way_into_the_core_and_back() {
        let message = v1::OperateRequest {
            selection: Some(v1::Selection { hosts: "web-*".into(), ..Default::default() }),
            verb: Some(Verb::Restart(v1::RestartOrder {
                barrier: v1::Barrier::Spawned.into(),
                replaces: None,
            })),
            on_failure: v1::OnFailure::Abort.into(),
            on_unreachable: v1::OnUnreachable::Wait.into(),
            host_deadline: Some(prost_types::Duration { seconds: 3, nanos: 0 }),
            parallel: 2,
            restart_order: v1::RestartOrderKind::StopThenStart.into(),
            yes: 9,
            ..Default::default()
        };
        assert_eq!(shown(&operate(message.clone()).unwrap()), message);
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        let with = |verb| v1::OperateRequest { verb, ..Default::default() };
        let bad = [
            with(None),
            with(Some(Verb::Signal(v1::SignalOrder { signal: 99 }))),
            with(Some(Verb::Stdin(v1::StdinOrder { data: vec![0; 70_000] }))),
            with(Some(Verb::Add(v1::AddOrder::default()))),
            v1::OperateRequest {
                deadline: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
                ..with(Some(Verb::Stop(v1::StopOrder {})))
            },
        ];
        for message in bad {
            assert!(operate(message.clone()).is_err(), "{message:?}");
        }
    }
}
