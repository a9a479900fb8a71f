//! What becomes of an order that was accepted and has no result, when the agent comes back. Pure.

use proto::v1::order::Verb;
use proto::v1::{Order, RestartOrder};
use proto_words::{FaultCode, Incarnation, Outcome, OutcomeKind, ProcessState, Row};

/// How such an order goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum Recovered {
    /// It is decided.
    Decided(Outcome),
    /// The goal is not reached, the deadline is not over, and doing it cannot do it twice.
    Again,
}

/// Whether an order has a goal that the state of a process shows: only such orders may be done
/// without the ledger, and done again after a crash.
#[must_use]
pub fn has_goal(verb: &Verb) -> bool {
    match verb {
        Verb::Start(_) | Verb::Stop(_) | Verb::Restart(_) => true,
        Verb::Signal(_)
        | Verb::Stdin(_)
        | Verb::Clear(_)
        | Verb::Reread(_)
        | Verb::Update(_)
        | Verb::Add(_)
        | Verb::Remove(_)
        | Verb::Reload(_)
        | Verb::Shutdown(_)
        | Verb::ReopenLogs(_)
        | Verb::Tail(_) => false,
    }
}

/// Decides one order. `row` is the process as it is now, `epoch` this agent's, `digest` that of
/// the configuration that it has read (empty when not known), `overdue` whether the batch's
/// deadline is over.
#[must_use]
pub fn recover(
    order: &Order,
    row: Option<&Row>,
    epoch: u64,
    digest: &[u8],
    overdue: bool,
) -> Recovered {
    match &order.verb {
        Some(Verb::Start(_)) => by_state(row, overdue, |row| {
            row.state.is_some_and(|state| state == ProcessState::Running)
        }),
        Some(Verb::Stop(_)) => {
            by_state(row, overdue, |row| row.state.is_none_or(ProcessState::is_stopped))
        }
        Some(Verb::Restart(restart)) => {
            by_state(row, overdue, |row| is_new_life(restart, row, epoch))
        }
        Some(Verb::Update(update)) => by_digest(&update.digest, digest),
        Some(Verb::Add(add)) => by_digest(&add.digest, digest),
        Some(Verb::Remove(remove)) => by_digest(&remove.digest, digest),
        None
        | Some(
            Verb::Signal(_)
            | Verb::Stdin(_)
            | Verb::Clear(_)
            | Verb::Reread(_)
            | Verb::Reload(_)
            | Verb::Shutdown(_)
            | Verb::ReopenLogs(_)
            | Verb::Tail(_),
        ) => Recovered::Decided(Outcome::new(OutcomeKind::Unknown, DIED)),
    }
}

const DIED: &str = "the agent ended between accepting this and recording its result; \
                    it is not done again, look at the host";

const FOUND: &str = "the agent ended meanwhile; decided from the state that it found";

fn by_state(row: Option<&Row>, overdue: bool, reached: impl Fn(&Row) -> bool) -> Recovered {
    let Some(row) = row else {
        return Recovered::Again; // the core says that there is no such process
    };
    if reached(row) {
        return Recovered::Decided(Outcome::new(OutcomeKind::Ok, FOUND));
    }
    if !overdue {
        return Recovered::Again;
    }
    let state = row.state.map_or("gone", ProcessState::name);
    Recovered::Decided(Outcome::failed(
        FaultCode::Failed.number(),
        format!("the agent ended meanwhile and came back after the deadline; it is {state}"),
    ))
}

/// The life that a restart wanted: running, and later than the one that it names. Without a name,
/// every life of this agent is later than the order, which an earlier one has accepted.
fn is_new_life(restart: &RestartOrder, row: &Row, epoch: u64) -> bool {
    let life = row.incarnation;
    let is_later = match restart.replaces.map(Incarnation::from) {
        Some(replaced) if replaced.epoch == life.epoch => life.spawn > replaced.spawn,
        Some(_) | None => life.epoch == epoch && life.spawn > 0,
    };
    is_later && row.state == Some(ProcessState::Running)
}

fn by_digest(wanted: &[u8], found: &[u8]) -> Recovered {
    let outcome = if wanted.is_empty() || found.is_empty() {
        Outcome::new(OutcomeKind::Unknown, DIED)
    } else if wanted == found {
        Outcome::new(OutcomeKind::Ok, FOUND)
    } else {
        Outcome::failed(
            FaultCode::Failed.number(),
            "the agent ended meanwhile and has read another configuration than this leads to",
        )
    };
    Recovered::Decided(outcome)
}
