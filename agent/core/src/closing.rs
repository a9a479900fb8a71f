//! The way down: groups are stopped one at a time, the highest priority number first, and each
//! only when the one before is gone.

use std::sync::Arc;

use proto_words::{ProcessState, Signal, SupervisorState};
use serde::{Deserialize, Serialize};

use crate::command::{Refusal, Reply, Ticket};
use crate::effect::{Effect, Event, Finish, ProcessId};
use crate::machine;
use crate::spec::Level;
use crate::supervisor::{Supervisor, Turn};

/// How often the log says whom the host waits for; supervisord's three seconds.
const CLOSING_REPORT_SECS: i64 = 3;

/// How long a pool goes on with events that it has when its turn comes: one pass of supervisord's
/// loop at its longest, which other groups give it there (COMPAT-94).
const LAST_EVENTS_SECS: i64 = 1;

/// A shutdown or restart on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closing {
    /// What to do at the end.
    finish: Finish,
    /// The groups that are still to be stopped, the next one last.
    groups: Vec<Arc<str>>,
    /// The next one has been told to stop: once is enough, since nothing starts any more.
    told: bool,
    /// The next one still has events, and is not told to stop before then.
    listens_until: Option<u64>,
    /// When the log is due to say whom the host waits for.
    report_at: u64,
    /// The end has been announced; only another kind of end can follow.
    finished: bool,
}

impl Closing {
    /// When it wants to be told that time has passed.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        let next = self.listens_until.map_or(self.report_at, |at| at.min(self.report_at));
        (!self.finished).then_some(next)
    }
}

impl Supervisor {
    /// A Unix signal to the agent itself.
    pub(crate) fn signalled(&mut self, turn: &mut Turn, signal: Signal) {
        match signal.number() {
            2 | 3 | 15 => {
                turn.log(Level::Warn, format!("received {signal} indicating exit request"));
                self.close(turn, Finish::Exit);
            }
            1 if self.mood == SupervisorState::Shutdown => turn.log(
                Level::Warn,
                "ignored SIGHUP indicating restart request (shutdown in progress)",
            ),
            1 => {
                turn.log(Level::Warn, "received SIGHUP indicating restart request");
                if self.mood == SupervisorState::Running {
                    // Looked at before anything is stopped: a broken file must not end a host.
                    turn.effects.push(Effect::ReadConfiguration { ticket: None, to_restart: true });
                }
            }
            12 => {
                turn.log(Level::Info, "received SIGUSR2 indicating log reopen request");
                turn.log(Level::Info, "supervisord logreopen");
                turn.effects.push(Effect::ReopenLogs);
            }
            _ => turn.log(Level::Blather, format!("received {signal} indicating nothing")),
        }
    }

    pub(crate) fn shut_down(&mut self, turn: &mut Turn, ticket: Ticket) {
        turn.answer(ticket, Reply::Done);
        self.close(turn, Finish::Exit);
    }

    /// Begins to stop everything; a shutdown overrides a restart, never the other way round.
    pub(crate) fn close(&mut self, turn: &mut Turn, finish: Finish) {
        if self.mood == SupervisorState::Shutdown {
            return;
        }
        self.mood = match finish {
            Finish::Exit => SupervisorState::Shutdown,
            Finish::Restart => SupervisorState::Restarting,
        };
        if let Some(closing) = &mut self.closing {
            let other = std::mem::replace(&mut closing.finish, finish) != finish;
            if closing.finished && other {
                turn.effects.push(Effect::Finish(finish));
            }
            return;
        }
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|group| group.configured.priority);
        let groups = groups.into_iter().map(|group| Arc::clone(&group.name)).collect();
        let report_at = turn.now.mono_ns;
        self.closing = Some(Closing {
            finish,
            groups,
            told: false,
            listens_until: None,
            report_at,
            finished: false,
        });
        self.announce(turn, Event::SupervisorStopping);
        self.rearm_all();
    }

    /// Goes on as far as it can: the next group, the end, or a line that says who is waited for.
    pub(crate) fn advance_closing(&mut self, turn: &mut Turn) {
        while let Some((group, told)) = self.next_to_stop() {
            if !told {
                if self.still_listens(turn, &group) {
                    break;
                }
                self.stop_for_good(turn, &group);
            }
            let gone = !self.has_unstopped(&group);
            if let Some(closing) = &mut self.closing {
                closing.told = !gone;
                if gone {
                    closing.groups.pop();
                }
            }
            if !gone {
                break;
            }
        }
        let Some(closing) = &self.closing else { return };
        if closing.finished {
            return;
        }
        if self.unstopped == 0 {
            self.finish(turn);
        } else if turn.now.mono_ns >= closing.report_at {
            self.report_closing(turn);
        }
    }

    fn finish(&mut self, turn: &mut Turn) {
        self.refuse_the_rest(turn);
        if let Some(closing) = &mut self.closing {
            closing.finished = true;
            turn.effects.push(Effect::Finish(closing.finish));
        }
    }

    fn report_closing(&mut self, turn: &mut Turn) {
        let waiting: Vec<_> = self.unstopped().collect();
        let names: Vec<_> = waiting.iter().map(|(name, _)| *name).collect();
        turn.log(Level::Info, format!("waiting for {} to die", names.join(", ")));
        for (name, state) in waiting {
            turn.log(Level::Blather, format!("{name} state: {state}"));
        }
        if let Some(closing) = &mut self.closing {
            closing.report_at = turn.now.after_secs(CLOSING_REPORT_SECS);
        }
    }

    fn next_to_stop(&self) -> Option<(Arc<str>, bool)> {
        let closing = self.closing.as_ref()?;
        Some((Arc::clone(closing.groups.last()?), closing.told))
    }

    /// All of a group are signalled together, the highest priority number first.
    fn stop_for_good(&mut self, turn: &mut Turn, group: &str) {
        let members = self.group(group).map(|group| group.members.clone()).unwrap_or_default();
        let mut order: Vec<ProcessId> = self.by_priority(&members);
        order.reverse();
        for id in order {
            self.overtake(turn, id);
            self.tell(turn, id, machine::Event::ShutdownAsked, None);
        }
    }

    /// Whether a pool is to deal with its last events first. A listener that does not answer gains
    /// [`LAST_EVENTS_SECS`] and no more.
    fn still_listens(&mut self, turn: &Turn, group: &str) -> bool {
        let has_events = self.has_events(group);
        let Some(closing) = &mut self.closing else { return false };
        if has_events {
            let until = turn.now.after_secs(LAST_EVENTS_SECS);
            if turn.now.mono_ns < *closing.listens_until.get_or_insert(until) {
                return true;
            }
        }
        closing.listens_until = None;
        false
    }

    fn has_unstopped(&self, group: &str) -> bool {
        self.group(group)
            .is_some_and(|group| group.members.iter().any(|id| !self.state(*id).is_stopped()))
    }

    /// The names of all that still runs, in the order of creation.
    fn unstopped(&self) -> impl Iterator<Item = (&str, ProcessState)> {
        let members = self.groups.iter().flat_map(|group| &group.members);
        members
            .map(|id| (*id, self.state(*id)))
            .filter(|(_, state)| !state.is_stopped())
            .filter_map(|(id, state)| Some((self.processes.get(&id)?.spec.name.as_str(), state)))
    }

    fn refuse_the_rest(&mut self, turn: &mut Turn) {
        let mut tickets = self.callers.drain();
        tickets.extend(std::mem::take(&mut self.reading).into_keys());
        tickets.extend(std::mem::take(&mut self.updating).into_keys());
        for ticket in tickets {
            turn.refuse(ticket, Refusal::ShuttingDown);
        }
    }
}
