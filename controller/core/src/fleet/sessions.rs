//! Agents that come, speak, fall silent and go; and two that claim one name.

use std::collections::BTreeSet;

use proto_words::Now;

use super::Fleet;
use crate::effect::{Effect, Happening, HappeningKind, HostSay, LinkRefusal};
use crate::input::{Hello, Said, SessionId};
use crate::inventory::{Liveness, Position};
use crate::operation::{Operation, OrderDone};

/// Keepalives that may be missing before a host is called silent: one may be late.
const SILENT_AFTER: u64 = 2;

/// Keepalives that may be missing before its session is closed, so that the agent dials anew.
const CLOSED_AFTER: u64 = 3;

/// An agent that says it is alive is answered, but no more often than this (or twice in a busy
/// keepalive, if that is shorter), so that two sides that answer one another cannot make a storm.
const ANSWER_ALIVE_MS: u64 = 1000;

/// Processes of one host; more is a fault of the agent, and would fill our memory.
const ROWS_MAX: usize = 50_000;

const MS: u64 = 1_000_000;

/// A connected agent.
#[derive(Debug)]
pub(super) struct Session {
    pub id: SessionId,
    instance_id: String,
    heard_ns: u64,
    /// Since when the short keepalive counts.
    busy_ns: u64,
    answered_ns: u64,
}

/// A second instance, which waits for the first one's sign of life.
#[derive(Debug)]
pub(super) struct Candidate {
    session: SessionId,
    hello: Hello,
    until_ns: u64,
}

impl Session {
    pub(super) fn busy_from(&mut self, now: Now) {
        self.busy_ns = self.busy_ns.max(now.mono_ns);
    }
}

impl Fleet {
    pub(super) fn arrived(&mut self, now: Now, session: SessionId, host: &str, hello: Hello) {
        let Some(known) = self.sessions.get(host) else {
            return self.welcome(now, session, host, hello);
        };
        if known.instance_id == hello.instance_id {
            let old = known.id;
            self.close(old, "the same agent has dialled again");
            return self.welcome(now, session, host, hello);
        }
        if self.candidates.contains_key(host) {
            let text = "another agent with this name is being decided about; try again";
            return self.refuse(session, LinkRefusal::Busy, text);
        }
        self.effects.push(Effect::Say(known.id, HostSay::Alive));
        let until_ns = now.mono_ns + self.settings.probe_ms * MS;
        self.candidates.insert(host.to_owned(), Candidate { session, hello, until_ns });
    }

    fn welcome(&mut self, now: Now, session: SessionId, host: &str, hello: Hello) {
        self.raise_epoch(hello.controller_epoch_seen);
        let entry = self.inventory.entry(host);
        let have = entry.position;
        let is_new = entry.labels != hello.labels
            || entry.instance_id != hello.instance_id
            || entry.certificate_ends_ms != hello.certificate_ends_ms
            || entry.agent_version != hello.agent_version;
        entry.labels = hello.labels;
        entry.instance_id.clone_from(&hello.instance_id);
        entry.agent_version = hello.agent_version;
        entry.address = hello.address;
        entry.certificate_ends_ms = hello.certificate_ends_ms;
        entry.is_in_step = have == hello.position && have.epoch != 0;
        entry.last_contact_ms = now.wall_ms;
        if is_new {
            self.effects.push(Effect::RecordHost(Box::new(entry.clone())));
        }
        self.sessions.insert(
            host.to_owned(),
            Session {
                id: session,
                instance_id: hello.instance_id,
                heard_ns: now.mono_ns,
                busy_ns: now.mono_ns,
                answered_ns: 0,
            },
        );
        let epoch = self.epoch;
        self.effects.push(Effect::Say(session, HostSay::Welcome { epoch, have }));
        self.set_liveness(now, host, Liveness::Up, "connected");
        self.send_again(now, host);
    }

    /// An agent has obeyed a newer controller than this one: a backup was restored.
    fn raise_epoch(&mut self, seen: u64) {
        if seen > self.epoch {
            self.epoch = seen + 1;
            self.effects.push(Effect::RecordEpoch(self.epoch));
        }
    }

    /// Orders without a result go out again: nobody knows whether they had arrived.
    fn send_again(&mut self, now: Now, host: &str) {
        let running = self.operations.values().filter(|operation| !operation.is_done());
        let batches: Vec<_> = running.flat_map(|o| o.orders_again(host, now, self.epoch)).collect();
        for batch in batches {
            // Its record may still be on its way to the disk, and no order goes out before that.
            self.dirty.insert(batch.operation.clone());
            self.send(now, batch);
        }
    }

    fn refuse(&mut self, session: SessionId, why: LinkRefusal, text: &str) {
        self.effects.push(Effect::Say(session, HostSay::Refused(why, text.to_owned())));
        self.close(session, text);
    }

    fn close(&mut self, session: SessionId, why: &str) {
        self.effects.push(Effect::Close(session, why.to_owned()));
    }

    pub(super) fn left(&mut self, now: Now, session: SessionId, host: &str, why: &str) {
        if self.candidates.get(host).is_some_and(|candidate| candidate.session == session) {
            self.candidates.remove(host);
            return;
        }
        if self.sessions.get(host).is_none_or(|known| known.id != session) {
            return;
        }
        self.sessions.remove(host);
        if let Some(entry) = self.inventory.get_mut(host) {
            entry.is_in_step = false;
        }
        self.set_liveness(now, host, Liveness::Down, why);
        if let Some(candidate) = self.candidates.remove(host) {
            self.welcome(now, candidate.session, host, candidate.hello);
        }
    }

    pub(super) fn said(&mut self, now: Now, session: SessionId, host: &str, said: Said) {
        let Some(known) = self.sessions.get_mut(host).filter(|known| known.id == session) else {
            return; // a session that has been replaced
        };
        known.heard_ns = now.mono_ns;
        self.inventory.entry(host).last_contact_ms = now.wall_ms;
        self.set_liveness(now, host, Liveness::Up, "heard again");
        self.refuse_candidate(host);
        match said {
            Said::Snapshot(position, rows) => {
                self.inventory.entry(host).apply_snapshot(position, rows);
                self.in_step(now, host);
            }
            Said::Deltas(position, rows) => {
                if self.inventory.entry(host).apply_deltas(position, rows) {
                    self.in_step(now, host);
                } else {
                    self.effects.push(Effect::Say(session, HostSay::SnapshotWanted));
                }
            }
            Said::TableDiffers => {
                let text =
                    format!("the table of {host} differs from ours; a snapshot is asked for");
                self.effects.push(Effect::Log(text));
                self.effects.push(Effect::Say(session, HostSay::SnapshotWanted));
            }
            Said::Events(events, dropped) => self.publish_events(now, host, events, dropped),
            Said::Result(done) => self.result(now, session, host, *done),
            Said::Accepted { operation, is_unrecorded, .. } => {
                if is_unrecorded {
                    self.effects.push(Effect::Log(format!(
                        "{host} does operation {operation} without its ledger: its disk is full"
                    )));
                }
            }
            Said::Alive => self.answer_alive(now, host),
        }
    }

    /// The connected agent has shown life: the other one that claims its name is refused.
    fn refuse_candidate(&mut self, host: &str) {
        if let Some(candidate) = self.candidates.remove(host) {
            let text = format!(
                "another agent is connected as {host} and answers: give this one its own name and \
                 certificate, or stop the other one (it dialled from {})",
                self.inventory.entry(host).address
            );
            self.effects.push(Effect::Log(format!(
                "refused a second agent as {host} from {}: the first one answers",
                candidate.hello.address
            )));
            self.refuse(candidate.session, LinkRefusal::Duplicate, &text);
        }
    }

    fn in_step(&mut self, now: Now, host: &str) {
        let entry = self.inventory.entry(host);
        entry.is_in_step = true;
        if entry.table.len() > ROWS_MAX {
            return self.overfull(now, host);
        }
        let Some(entry) = self.inventory.get(host) else {
            return;
        };
        for operation in self.operations.values_mut() {
            if operation.amend_from_state(entry, now) {
                self.dirty.insert(operation.id.clone());
            }
        }
    }

    fn overfull(&mut self, now: Now, host: &str) {
        self.inventory.entry(host).apply_snapshot(Position::default(), Vec::new());
        if let Some(session) = self.sessions.get(host).map(|session| session.id) {
            let why = format!("it reports more than {ROWS_MAX} processes, which nobody can run");
            self.close(session, &why);
            self.left(now, session, host, &why);
        }
    }

    fn result(&mut self, now: Now, session: SessionId, host: &str, done: OrderDone) {
        let (id, order) = (done.operation.clone(), done.order);
        let kind = done.outcome.kind;
        if let Some(operation) = self.operations.get_mut(&id) {
            let was_over = operation.is_done();
            if operation.on_result(host, done, now) {
                self.dirty.insert(id.clone());
                if was_over {
                    let text =
                        format!("operation {id}: order {order} at {host} was UNKNOWN, is {kind}");
                    self.effects.push(Effect::Log(text));
                }
            }
        }
        // Also what was known, or is about an operation that is forgotten: the agent may forget it.
        self.acknowledge.entry((id, session)).or_default().push(order);
    }

    fn answer_alive(&mut self, now: Now, host: &str) {
        let pause_ms = ANSWER_ALIVE_MS.min(self.settings.keepalive_busy_ms / 2);
        if let Some(session) = self.sessions.get_mut(host)
            && now.mono_ns >= session.answered_ns.saturating_add(pause_ms * MS)
        {
            session.answered_ns = now.mono_ns;
            self.effects.push(Effect::Say(session.id, HostSay::Alive));
        }
    }

    fn publish_events(
        &mut self,
        now: Now,
        host: &str,
        events: Vec<crate::input::StateEvent>,
        dropped: u64,
    ) {
        for event in events {
            let kind = HappeningKind::Process {
                row: Box::new(event.row),
                from: event.from,
                is_expected: event.is_expected,
            };
            self.publish(now, host, kind);
        }
        if dropped > 0 {
            self.publish(now, host, HappeningKind::Dropped(dropped));
        }
    }

    fn publish(&mut self, now: Now, host: &str, kind: HappeningKind) {
        let entry = self.inventory.entry(host);
        let happening = Happening {
            host: host.to_owned(),
            labels: entry.labels.clone(),
            liveness: entry.liveness,
            at_ms: now.wall_ms,
            kind,
        };
        self.effects.push(Effect::Publish(Box::new(happening)));
    }

    fn set_liveness(&mut self, now: Now, host: &str, liveness: Liveness, why: &str) {
        let entry = self.inventory.entry(host);
        if entry.liveness != liveness {
            entry.liveness = liveness;
            self.publish(now, host, HappeningKind::Host(why.to_owned()));
        }
    }

    /// Hosts that have orders without a result.
    fn busy_hosts(&self) -> BTreeSet<&str> {
        let running = self.operations.values().filter(|operation| !operation.is_done());
        running.flat_map(Operation::hosts_in_flight).collect()
    }

    /// When a session counts as silent, and when as gone.
    fn patience(&self, session: &Session, is_busy: bool) -> (u64, u64) {
        let (keepalive_ms, from) = if is_busy {
            (self.settings.keepalive_busy_ms, session.heard_ns.max(session.busy_ns))
        } else {
            (self.settings.keepalive_idle_ms, session.heard_ns)
        };
        let after = |count: u64| from.saturating_add(keepalive_ms.saturating_mul(count * MS));
        (after(SILENT_AFTER), after(CLOSED_AFTER))
    }

    pub(super) fn session_deadlines(&self) -> impl Iterator<Item = u64> + '_ {
        let busy = self.busy_hosts();
        let sessions = self.sessions.iter().map(move |(host, session)| {
            let (silent, closed) = self.patience(session, busy.contains(host.as_str()));
            let is_silent =
                self.inventory.get(host).is_some_and(|h| h.liveness == Liveness::Silent);
            if is_silent { closed } else { silent }
        });
        sessions.chain(self.candidates.values().map(|candidate| candidate.until_ns))
    }

    pub(super) fn expire_sessions(&mut self, now: Now) {
        let busy = self.busy_hosts();
        let late: Vec<_> = self
            .sessions
            .iter()
            .map(|(host, session)| {
                (host.clone(), session.id, self.patience(session, busy.contains(host.as_str())))
            })
            .filter(|(.., (silent, _))| now.mono_ns >= *silent)
            .collect();
        for (host, session, (_, closed)) in late {
            if now.mono_ns >= closed {
                self.close(session, "it has been silent for too long");
                self.left(now, session, &host, "it has been silent for too long");
            } else {
                self.set_liveness(
                    now,
                    &host,
                    Liveness::Silent,
                    "it has not been heard as it should",
                );
            }
        }
        self.expire_candidates(now);
    }

    fn expire_candidates(&mut self, now: Now) {
        let due: Vec<_> = self
            .candidates
            .iter()
            .filter(|(_, candidate)| now.mono_ns >= candidate.until_ns)
            .map(|(host, _)| host.clone())
            .collect();
        for host in due {
            let Some(old) = self.sessions.get(&host).map(|session| session.id) else {
                continue;
            };
            let why = "another instance has taken its name, and it did not answer";
            self.effects.push(Effect::Log(format!("{host}: {why}")));
            self.close(old, why);
            self.left(now, old, &host, why);
        }
    }
}
