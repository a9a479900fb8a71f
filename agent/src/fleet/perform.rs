//! One order from the command to its result, within its deadline. What the deadline ends is the
//! waiting: the core goes on with what it was asked.

use std::sync::Arc;
use std::time::Duration;

use agent_core::effect::Event;
use agent_core::{Command, Refusal, Reply};
use proto::v1::order::Verb;
use proto::v1::{Order, RestartOrder, StartOrder};
use proto_words::{FaultCode, Namespec, Origin, Outcome, OutcomeKind, ProcessState};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout, timeout_at};

use crate::fleet::last_lines::last_lines;
use crate::fleet::verbs::{Told, command, failed, told, waits};
use crate::mailbox::Mailbox;

/// How long the core may take to say how a process is, after the deadline: it answers at once, or
/// it is too busy to be waited for.
const LOOK_MAX: Duration = Duration::from_secs(1);

/// Does one order; `operation` is whose intent it is.
pub(crate) async fn perform(
    mailbox: Mailbox,
    operation: String,
    order: Order,
    deadline: Instant,
) -> Told {
    let asked = match command(&order) {
        Ok(asked) => asked,
        Err(outcome) => return outcome.into(),
    };
    let Some(verb) = &order.verb else {
        return Outcome::new(OutcomeKind::Refused, "the order is empty").into();
    };
    let task = Task {
        mailbox,
        origin: Origin::Fleet(operation),
        name: Namespec::one(&order.group, &order.process),
    };
    match timeout_at(deadline, task.done(verb, asked)).await {
        Ok(told) => told,
        Err(_) => task.overdue(verb).await.into(),
    }
}

struct Task {
    mailbox: Mailbox,
    origin: Origin,
    name: Namespec,
}

impl Task {
    async fn done(&self, verb: &Verb, asked: Command) -> Told {
        let events = self.mailbox.subscribe();
        let reply = self.mailbox.ask(self.origin.clone(), asked).await;
        match (verb, &reply) {
            (
                Verb::Start(StartOrder { barrier }) | Verb::Restart(RestartOrder { barrier, .. }),
                Reply::Refused(Refusal::AlreadyStarted(_)),
            ) if waits(*barrier) => self.settled(events).await.into(),
            (
                Verb::Start(_) | Verb::Restart(_),
                Reply::Refused(Refusal::SpawnError { .. } | Refusal::AbnormalTermination(_)),
            ) => self.explained(told(verb, reply).outcome).await.into(),
            _ => told(verb, reply),
        }
    }

    /// Somebody else has started it, or what a restart names has a successor already: that counts when
    /// it is past its gate, so wait until it is.
    async fn settled(&self, mut events: Receiver<Arc<Event>>) -> Outcome {
        let mut state = self.state().await;
        while let Some(ProcessState::Starting) = state {
            state = match events.recv().await {
                Ok(event) => self.state_in(&event).or(state),
                Err(RecvError::Lagged(_)) => self.state().await,
                Err(RecvError::Closed) => None,
            };
        }
        match state {
            Some(ProcessState::Running) => Outcome::new(OutcomeKind::Already, ""),
            Some(state @ (ProcessState::Stopping | ProcessState::Stopped)) => {
                let text = format!("a newer command has overtaken this one: {state}");
                Outcome::new(OutcomeKind::Superseded, text)
            }
            Some(state) => {
                let text = format!("{} was started by somebody else and is {state}", self.name);
                self.explained(failed(FaultCode::SpawnError, text)).await
            }
            None => Outcome::new(OutcomeKind::Unknown, "the agent is shutting down"),
        }
    }

    /// The state that an event tells of this process.
    fn state_in(&self, event: &Event) -> Option<ProcessState> {
        match event {
            Event::Process { row, .. } if Namespec::one(&row.group, &row.name) == self.name => {
                row.state
            }
            Event::GroupRemoved(group, _) if *group == self.name.group => {
                Some(ProcessState::Stopped)
            }
            Event::Process { .. }
            | Event::GroupAdded(..)
            | Event::GroupRemoved(..)
            | Event::SupervisorRunning
            | Event::SupervisorStopping
            | Event::Remote { .. } => None,
        }
    }

    /// A failed start: whether retries go on, and what the program wrote last.
    async fn explained(&self, mut outcome: Outcome) -> Outcome {
        if self.state().await == Some(ProcessState::Backoff) {
            outcome.text.push_str("; retries go on");
        }
        let asked = Command::Files(self.name.clone());
        if let Reply::Files(files) = self.mailbox.ask(self.origin.clone(), asked).await {
            let read = tokio::task::spawn_blocking(move || last_lines(&files));
            outcome.last_lines = read.await.unwrap_or_default();
        }
        outcome
    }

    async fn state(&self) -> Option<ProcessState> {
        let asked = Command::Info(self.name.clone());
        match self.mailbox.ask(self.origin.clone(), asked).await {
            Reply::Infos(infos) => infos.first().map(|info| info.state),
            _ => None,
        }
    }

    /// The deadline has passed, and what was asked goes on.
    async fn overdue(&self, verb: &Verb) -> Outcome {
        let state = timeout(LOOK_MAX, self.state()).await.ok().flatten();
        match (verb, state) {
            (Verb::Start(_) | Verb::Restart(_), Some(state)) => Outcome::new(
                OutcomeKind::NotReady,
                format!("{state}, but not past its gate by the deadline; it goes on"),
            ),
            // Nothing has failed: it is under way, and the state will tell what became of it.
            (Verb::Stop(_), Some(state)) => Outcome::new(
                OutcomeKind::Unknown,
                format!("still {state} at the deadline; what was asked goes on"),
            ),
            _ => Outcome::new(
                OutcomeKind::Unknown,
                "handed to the host's core, and not finished by the deadline; it may be done yet",
            ),
        }
    }
}
