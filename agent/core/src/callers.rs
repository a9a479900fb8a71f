//! Those who wait: each caller gets exactly one reply, when what it waits for has come true or can
//! no longer come true. Nobody polls.

use std::collections::{BTreeMap, BTreeSet};

use proto_words::{Origin, ProcessState};
use serde::{Deserialize, Serialize};

use crate::command::{Refusal, Reply, TargetResult, Ticket};
use crate::effect::ProcessId;
use crate::supervisor::Turn;

/// What one caller waits for, of one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Goal {
    /// The command has been looked at; then it is started.
    Checked {
        /// Wait for RUNNING, or only for the child.
        wait: bool,
    },
    /// The child exists.
    Spawned,
    /// RUNNING.
    Up,
    /// Stopped.
    Gone,
    /// Stopped, and then up again.
    GoneThenUp {
        /// Wait for RUNNING, or only for the child.
        wait: bool,
    },
    /// The signal is sent.
    Signalled,
    /// The logs are cleared.
    LogsCleared,
}

/// One caller's wait for one process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// Who waits.
    pub ticket: Ticket,
    /// Whose intent it is.
    pub origin: Origin,
    /// For what.
    pub goal: Goal,
}

impl Goal {
    /// Whether a stop by somebody else makes it impossible.
    fn wants_it_up(&self) -> bool {
        match self {
            Self::Checked { .. } | Self::Spawned | Self::Up | Self::GoneThenUp { .. } => true,
            Self::Gone | Self::Signalled | Self::LogsCleared => false,
        }
    }

    fn wants_it_gone(&self) -> bool {
        match self {
            Self::Gone | Self::GoneThenUp { .. } => true,
            Self::Checked { .. }
            | Self::Spawned
            | Self::Up
            | Self::Signalled
            | Self::LogsCleared => false,
        }
    }

    /// What a change of state means for the goal; `None` when it says nothing yet. `why` is the
    /// process's error text.
    #[must_use]
    pub fn verdict(&self, name: &str, to: ProcessState, why: &str) -> Option<Result<(), Refusal>> {
        match self {
            Self::Checked { .. }
            | Self::Signalled
            | Self::LogsCleared
            | Self::GoneThenUp { .. } => None,
            Self::Spawned | Self::Up => match to {
                ProcessState::Starting => None,
                ProcessState::Running => Some(Ok(())),
                other => Some(Err(not_up(name, other, why))),
            },
            // Whoever waits for the end of what has become UNKNOWN is told why, where that is known.
            Self::Gone => (to.is_stopped() && to != ProcessState::Unknown).then_some(Ok(())),
        }
    }
}

fn not_up(name: &str, state: ProcessState, why: &str) -> Refusal {
    let name = name.to_owned();
    match state {
        ProcessState::Stopping | ProcessState::Stopped => Refusal::Superseded(name),
        ProcessState::Backoff | ProcessState::Fatal | ProcessState::Exited if !why.is_empty() => {
            Refusal::SpawnError { name, why: why.to_owned() }
        }
        ProcessState::Starting
        | ProcessState::Running
        | ProcessState::Backoff
        | ProcessState::Fatal
        | ProcessState::Exited
        | ProcessState::Unknown => Refusal::AbnormalTermination(name),
    }
}

/// supervisord looks at what has come true once a second at least, in the order of the targets: so
/// results of the same second are told in that order, and those of a later one after them.
const PASS_NS: u64 = 1_000_000_000;

/// Results of a command about many processes, until the last one is in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
struct Collection {
    begun_mono_ns: u64,
    /// The place of each in supervisord's order.
    targets: BTreeMap<ProcessId, usize>,
    /// With the pass in which each came true, and the target's place.
    results: Vec<(u64, usize, TargetResult)>,
}

/// Everybody who waits.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Callers {
    pending: BTreeMap<ProcessId, Vec<Pending>>,
    collections: BTreeMap<Ticket, Collection>,
    /// Whoever waits for a hand alone: for stdin, the activity log, a group to be prepared.
    owed: BTreeSet<Ticket>,
}

impl Callers {
    /// Announces that the ticket waits for these processes; for none it is answered at once.
    pub(crate) fn collect(&mut self, turn: &mut Turn, ticket: Ticket, targets: &[ProcessId]) {
        if targets.is_empty() {
            turn.answer(ticket, Reply::Results(Vec::new()));
        } else {
            let begun_mono_ns = turn.now.mono_ns;
            let targets = targets.iter().enumerate().map(|(place, id)| (*id, place)).collect();
            let collection = Collection { begun_mono_ns, targets, results: Vec::new() };
            self.collections.insert(ticket, collection);
        }
    }

    /// One more wait for a hand alone.
    pub fn owe(&mut self, ticket: Ticket) {
        self.owed.insert(ticket);
    }

    /// The hand has answered; says whether anybody still waits.
    pub fn is_paid(&mut self, ticket: Ticket) -> bool {
        self.owed.remove(&ticket)
    }

    /// One more wait.
    pub fn wait(&mut self, process: ProcessId, pending: Pending) {
        self.pending.entry(process).or_default().push(pending);
    }

    /// Takes out the waits for this process that `wanted` picks.
    pub fn take(&mut self, process: ProcessId, wanted: impl Fn(&Pending) -> bool) -> Vec<Pending> {
        let Some(waiting) = self.pending.get_mut(&process) else {
            return Vec::new();
        };
        let taken = waiting.extract_if(.., |pending| wanted(pending)).collect();
        if waiting.is_empty() {
            self.pending.remove(&process);
        }
        taken
    }

    /// Takes out the waits that a stop by somebody else overtakes.
    pub fn overtaken(&mut self, process: ProcessId) -> Vec<Pending> {
        self.take(process, |pending| pending.goal.wants_it_up())
    }

    /// Takes out the waits that a failed signal has made hopeless.
    pub fn hopeless(&mut self, process: ProcessId) -> Vec<Pending> {
        self.take(process, |pending| pending.goal.wants_it_gone())
    }

    /// Whether somebody waits for this process to be gone.
    #[must_use]
    pub fn awaits_stop(&self, process: ProcessId) -> bool {
        let gone = |p: &Pending| p.goal.wants_it_gone();
        self.pending.get(&process).is_some_and(|waiting| waiting.iter().any(gone))
    }

    /// Gives a ticket what came of one process: the reply itself, or a part of it.
    pub(crate) fn settle(
        &mut self,
        turn: &mut Turn,
        ticket: Ticket,
        process: ProcessId,
        one: TargetResult,
    ) {
        let Some(collection) = self.collections.get_mut(&ticket) else {
            let reply = one.result.map_or_else(Reply::Refused, |()| Reply::Done);
            return turn.answer(ticket, reply);
        };
        let pass = turn.now.mono_ns.saturating_sub(collection.begun_mono_ns) / PASS_NS;
        let place = collection.targets.get(&process).copied().unwrap_or(usize::MAX);
        collection.results.push((pass, place, one));
        if collection.results.len() == collection.targets.len()
            && let Some(mut collection) = self.collections.remove(&ticket)
        {
            collection.results.sort_by_key(|(pass, place, _)| (*pass, *place));
            let results = collection.results.into_iter().map(|(_, _, one)| one);
            turn.answer(ticket, Reply::Results(results.collect()));
        }
    }

    /// Everybody who still waits, once each: for the end of the host.
    pub fn drain(&mut self) -> Vec<Ticket> {
        let mut tickets: Vec<_> = std::mem::take(&mut self.collections).into_keys().collect();
        tickets.extend(std::mem::take(&mut self.owed));
        let waiting = std::mem::take(&mut self.pending).into_values().flatten();
        tickets.extend(waiting.map(|pending| pending.ticket));
        tickets.sort_unstable();
        tickets.dedup();
        tickets
    }
}
