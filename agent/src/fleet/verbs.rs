//! Orders → commands, replies → results. Tables only: what is refused here is what this version
//! cannot understand, everything else is the core's to say.

use agent_core::command::{Diff, Scope};
use agent_core::{Command, Refusal, Reply};
use proto::v1::order::Verb;
use proto::v1::{Barrier, Order, RestartOrder};
use proto_words::{FaultCode, Namespec, Outcome, OutcomeKind, Signal};

/// A result, and which groups a reread or update was about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub outcome: Outcome,
    pub diff: Diff,
}

impl From<Outcome> for Told {
    fn from(outcome: Outcome) -> Self {
        Self { outcome, diff: Diff::default() }
    }
}

/// The command that an order means, or why there is none.
pub(crate) fn command(order: &Order) -> Result<Command, Outcome> {
    let Some(verb) = &order.verb else {
        return Err(refused("this agent does not know this order; upgrade it"));
    };
    match verb {
        Verb::Start(start) => {
            Ok(Command::Start { scope: Scope::Named(one(order)?), wait: waits(start.barrier) })
        }
        Verb::Stop(_) => Ok(Command::Stop { scope: Scope::Named(one(order)?), wait: true }),
        Verb::Restart(restart) => restart_command(order, restart),
        Verb::Signal(signal) => {
            let number = signal.signal;
            let signal = Signal::from_number(number)
                .ok_or_else(|| failed(FaultCode::BadSignal, format!("{number} is not a signal")))?;
            Ok(Command::Signal { scope: Scope::Named(one(order)?), signal })
        }
        Verb::Stdin(stdin) => {
            Ok(Command::WriteStdin { name: one(order)?, bytes: stdin.data.clone() })
        }
        Verb::Clear(_) if order.group.is_empty() => Ok(Command::ClearAllLogs),
        Verb::Clear(_) => Ok(Command::ClearLogs(one(order)?)),
        Verb::Reread(_) => Ok(Command::Reread),
        Verb::Update(update) => Ok(Command::Update { groups: update.groups.clone() }),
        Verb::Add(_) => Ok(Command::AddGroup(order.group.clone())),
        Verb::Remove(_) => Ok(Command::RemoveGroup(order.group.clone())),
        Verb::Reload(_) => Ok(Command::Reload),
        Verb::Shutdown(_) => Ok(Command::Shutdown),
        Verb::ReopenLogs(_) => Ok(Command::ReopenLogs),
        Verb::Tail(_) => {
            Err(refused("this agent does not send logs to the fleet; ask the host itself"))
        }
    }
}

fn restart_command(order: &Order, restart: &RestartOrder) -> Result<Command, Outcome> {
    Ok(Command::Restart {
        name: one(order)?,
        replaces: restart.replaces.map(Into::into),
        wait: waits(restart.barrier),
    })
}

/// The one process that an order is for.
fn one(order: &Order) -> Result<Namespec, Outcome> {
    if order.group.is_empty() || order.process.is_empty() {
        return Err(refused("the order names no process"));
    }
    Ok(Namespec::one(&order.group, &order.process))
}

/// Whether a start is waited for beyond its spawn. An unknown barrier is the strictest.
pub(crate) fn waits(barrier: i32) -> bool {
    match Barrier::try_from(barrier) {
        Ok(Barrier::Spawned | Barrier::None) => false,
        Ok(Barrier::Running | Barrier::Unspecified) | Err(_) => true,
    }
}

/// What a reply means for this verb.
pub(crate) fn told(verb: &Verb, reply: Reply) -> Told {
    match reply {
        Reply::Done
        | Reply::State(_)
        | Reply::Infos(_)
        | Reply::Configs(_)
        | Reply::Rows(_)
        | Reply::Files(_) => Outcome::ok().into(),
        Reply::Diff(diff) | Reply::Updated(diff) => Told { outcome: Outcome::ok(), diff },
        Reply::Results(results) => {
            let failures: Vec<_> = results
                .into_iter()
                .filter_map(|one| one.result.err())
                .map(|refusal| refusal.to_string())
                .collect();
            match failures.as_slice() {
                [] => Outcome::ok().into(),
                some => failed(FaultCode::Failed, some.join("; ")).into(),
            }
        }
        Reply::Refused(refusal) => refusal_outcome(verb, &refusal).into(),
    }
}

/// The one table from refusals to results; the XML-RPC door has its twin.
fn refusal_outcome(verb: &Verb, refusal: &Refusal) -> Outcome {
    let text = refusal.to_string();
    let code = match refusal {
        Refusal::ShuttingDown | Refusal::Busy(_) => return refused(&text),
        Refusal::Superseded(_) => return Outcome::new(OutcomeKind::Superseded, text),
        Refusal::AlreadyStarted(_) if matches!(verb, Verb::Start(_) | Verb::Restart(_)) => {
            return already();
        }
        Refusal::NotRunning(_) if matches!(verb, Verb::Stop(_)) => return already(),
        Refusal::AlreadyAdded(_) if matches!(verb, Verb::Add(_)) => return already(),
        Refusal::BadName(_) => FaultCode::BadName,
        Refusal::AlreadyStarted(_) => FaultCode::AlreadyStarted,
        Refusal::NotRunning(_) => FaultCode::NotRunning,
        Refusal::NoFile(_) | Refusal::NoStdin(_) => FaultCode::NoFile,
        Refusal::NotExecutable(_) => FaultCode::NotExecutable,
        Refusal::SpawnError { .. } => FaultCode::SpawnError,
        Refusal::AbnormalTermination(_) => FaultCode::AbnormalTermination,
        Refusal::Failed(_) => FaultCode::Failed,
        Refusal::AlreadyAdded(_) => FaultCode::AlreadyAdded,
        Refusal::StillRunning(_) => FaultCode::StillRunning,
        Refusal::CantReread(bad) => return failed(FaultCode::CantReread, bad.diagnosis.clone()),
    };
    failed(code, text)
}

fn already() -> Outcome {
    Outcome::new(OutcomeKind::Already, "")
}

pub(crate) fn refused(text: &str) -> Outcome {
    Outcome::new(OutcomeKind::Refused, text)
}

pub(crate) fn failed(code: FaultCode, text: impl Into<String>) -> Outcome {
    Outcome::failed(code.number(), text)
}

#[cfg(test)]
mod tests {
    use agent_core::command::{Diff, Scope, TargetResult};
    use agent_core::{Command, Refusal, Reply};
    use proto::v1::order::Verb;
    use proto::v1::{
        AddOrder, Barrier, ClearOrder, Order, RestartOrder, SignalOrder, StartOrder, StopOrder,
        TailOrder, UpdateOrder,
    };
    use proto_words::{Incarnation, Namespec, OutcomeKind};

    use super::{command, told};

    fn order(group: &str, process: &str, verb: Verb) -> Order {
        Order { id: 1, group: group.into(), process: process.into(), verb: Some(verb) }
    }

    fn start(barrier: Barrier) -> Verb {
        Verb::Start(StartOrder { barrier: barrier.into() })
    }

    #[test]
    fn an_order_becomes_the_command_that_every_door_sends() {
        let scope = || Scope::Named(Namespec::one("web", "api"));
        for (barrier, wait) in [
            (Barrier::Unspecified, true),
            (Barrier::Running, true),
            (Barrier::Spawned, false),
            (Barrier::None, false),
        ] {
            let expected = Command::Start { scope: scope(), wait };
            assert_eq!(command(&order("web", "api", start(barrier))), Ok(expected));
        }
        let restart = Verb::Restart(RestartOrder {
            barrier: 0,
            replaces: Some(Incarnation { epoch: 1, spawn: 2 }.into()),
        });
        let expected = Command::Restart {
            name: Namespec::one("web", "api"),
            replaces: Some(Incarnation { epoch: 1, spawn: 2 }),
            wait: true,
        };
        assert_eq!(command(&order("web", "api", restart)), Ok(expected));
        assert_eq!(command(&order("", "", Verb::Clear(ClearOrder {}))), Ok(Command::ClearAllLogs));
        assert_eq!(
            command(&order("web", "", Verb::Add(AddOrder::default()))),
            Ok(Command::AddGroup("web".into()))
        );
    }

    #[test]
    fn what_cannot_be_understood_is_refused_and_never_guessed() {
        for (order, kind, code) in [
            (order("", "", start(Barrier::Running)), OutcomeKind::Refused, 0),
            (order("web", "", Verb::Stop(StopOrder {})), OutcomeKind::Refused, 0),
            (Order::default(), OutcomeKind::Refused, 0),
            (order("web", "api", Verb::Tail(TailOrder::default())), OutcomeKind::Refused, 0),
            (
                order("web", "api", Verb::Signal(SignalOrder { signal: 99 })),
                OutcomeKind::Failed,
                11,
            ),
        ] {
            let outcome = command(&order).unwrap_err();
            assert_eq!((outcome.kind, outcome.code), (kind, code), "{order:?}");
            assert!(!outcome.text.is_empty());
        }
    }

    #[test]
    fn a_refusal_becomes_one_word_and_supervisords_number() {
        let stop = || Verb::Stop(StopOrder {});
        let starting = || start(Barrier::Running);
        let name = || "web:api".to_owned();
        let spawn_error = Refusal::SpawnError { name: name(), why: "Exited too quickly".into() };
        for (verb, refusal, kind, code) in [
            (starting(), Refusal::AlreadyStarted(name()), OutcomeKind::Already, 0),
            // The life that it names has a successor already.
            (
                Verb::Restart(RestartOrder::default()),
                Refusal::AlreadyStarted(name()),
                OutcomeKind::Already,
                0,
            ),
            (
                Verb::Restart(RestartOrder::default()),
                Refusal::AlreadyStarted(name()),
                OutcomeKind::Already,
                0,
            ),
            (stop(), Refusal::NotRunning(name()), OutcomeKind::Already, 0),
            (starting(), Refusal::NotRunning(name()), OutcomeKind::Failed, 70),
            (starting(), Refusal::BadName(name()), OutcomeKind::Failed, 10),
            (starting(), spawn_error, OutcomeKind::Failed, 50),
            (starting(), Refusal::NoFile(name()), OutcomeKind::Failed, 20),
            (starting(), Refusal::AbnormalTermination(name()), OutcomeKind::Failed, 40),
            (stop(), Refusal::Superseded(name()), OutcomeKind::Superseded, 0),
            (stop(), Refusal::ShuttingDown, OutcomeKind::Refused, 0),
            (
                Verb::Add(AddOrder::default()),
                Refusal::AlreadyAdded(name()),
                OutcomeKind::Already,
                0,
            ),
        ] {
            let outcome = told(&verb, Reply::Refused(refusal.clone())).outcome;
            assert_eq!((outcome.kind, outcome.code), (kind, code), "{refusal:?}");
        }
    }

    #[test]
    fn an_update_tells_the_groups_and_many_results_become_one() {
        let diff = Diff { added: vec!["new".into()], ..Diff::default() };
        let update = Verb::Update(UpdateOrder::default());
        assert_eq!(told(&update, Reply::Updated(diff.clone())).diff, diff);
        let results = |failure: Option<Refusal>| {
            Reply::Results(vec![TargetResult {
                group: "web".into(),
                name: "api".into(),
                result: failure.map_or(Ok(()), Err),
            }])
        };
        let clear = Verb::Clear(ClearOrder {});
        assert_eq!(told(&clear, results(None)).outcome.kind, OutcomeKind::Ok);
        let outcome = told(&clear, results(Some(Refusal::Failed("no".into())))).outcome;
        assert_eq!((outcome.kind, outcome.text.as_str()), (OutcomeKind::Failed, "no"));
    }
}
