//! What the fleet is told of this host: the rows as they are, and which of them changed lately.
//! Pure: events go in, snapshots and deltas come out.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use agent_core::command::Table;
use agent_core::effect::Event;
use proto::v1;
use proto_words::Row;

/// Changes that are remembered for an agent that redials: some minutes of a busy host. Who needs
/// more gets a snapshot, which is never larger than the table.
pub(crate) const CHANGES_KEPT_MAX: usize = 1024;

/// Events that wait for a session, for watchers; the oldest are dropped, and counted.
pub(crate) const EVENTS_KEPT_MAX: usize = 1024;

type Key = (String, String);

/// A change: a row that is in the table, or one that is gone.
#[derive(Debug)]
enum Change {
    Row(Key),
    Gone(Box<Row>),
}

/// The table, the changes that led to it, and the events that nobody has heard yet.
#[derive(Debug)]
pub(crate) struct History {
    epoch: u64,
    seq: u64,
    rows: BTreeMap<Key, Row>,
    changes: VecDeque<(u64, Change)>,
    /// Every change after this one is in `changes`.
    complete_after: u64,
    events: VecDeque<v1::StateEvent>,
    dropped: u64,
}

impl History {
    /// A history that begins with this table.
    pub(crate) fn new(table: Table) -> Self {
        let mut history = Self {
            epoch: 0,
            seq: 0,
            rows: BTreeMap::new(),
            changes: VecDeque::new(),
            complete_after: 0,
            events: VecDeque::new(),
            dropped: 0,
        };
        history.replace(table);
        history
    }

    /// Where it is.
    pub(crate) fn position(&self) -> v1::Position {
        v1::Position { epoch: self.epoch, seq: self.seq }
    }

    /// The process as it is.
    pub(crate) fn row(&self, group: &str, process: &str) -> Option<&Row> {
        self.rows.get(&(group.to_owned(), process.to_owned()))
    }

    /// Takes one event in; what a table has told already changes nothing but what watchers hear.
    pub(crate) fn take_in(&mut self, event: &Event) {
        match event {
            Event::Process { row, from, tries: _, expected, pid: _ } => {
                self.change(row);
                self.remember(v1::StateEvent {
                    row: Some(row.as_ref().clone().into()),
                    from: proto::state_to_wire(*from).into(),
                    expected: *expected,
                });
            }
            Event::GroupAdded(_, rows) | Event::GroupRemoved(_, rows) => {
                for row in rows {
                    self.change(row);
                }
            }
            Event::SupervisorRunning | Event::SupervisorStopping | Event::Remote { .. } => {}
        }
    }

    /// So many events were missed, and this is the table now.
    pub(crate) fn missed(&mut self, count: u64, table: Table) {
        self.dropped = self.dropped.saturating_add(count);
        self.replace(table);
    }

    /// Begins anew with a table.
    fn replace(&mut self, table: Table) {
        self.epoch = table.epoch;
        self.seq = table.seq;
        self.complete_after = table.seq;
        self.changes.clear();
        let keyed = table.rows.into_iter().map(|row| (key(&row), row));
        self.rows = keyed.collect();
    }

    fn change(&mut self, row: &Row) {
        if row.seq <= self.seq {
            return;
        }
        self.seq = row.seq;
        let change = if row.state.is_some() {
            self.rows.insert(key(row), row.clone());
            Change::Row(key(row))
        } else {
            self.rows.remove(&key(row));
            Change::Gone(Box::new(row.clone()))
        };
        self.changes.push_back((row.seq, change));
        if self.changes.len() > CHANGES_KEPT_MAX
            && let Some((seq, _)) = self.changes.pop_front()
        {
            self.complete_after = seq;
        }
    }

    fn remember(&mut self, event: v1::StateEvent) {
        self.events.push_back(event);
        if self.events.len() > EVENTS_KEPT_MAX {
            self.events.pop_front();
            self.dropped = self.dropped.saturating_add(1);
        }
    }

    /// Everything, at this position.
    pub(crate) fn snapshot(&self, now_ms: i64) -> v1::Snapshot {
        v1::Snapshot {
            position: Some(self.position()),
            rows: self.rows.values().cloned().map(Into::into).collect(),
            now_ms,
        }
    }

    /// What changed after a position, each row once as it is now; `None` when that is not known
    /// any more, or never was.
    pub(crate) fn since(&self, have: v1::Position) -> Option<v1::Deltas> {
        if have.epoch != self.epoch || have.seq < self.complete_after || have.seq > self.seq {
            return None;
        }
        let mut seen = BTreeSet::new();
        let mut rows = Vec::new();
        let newest_first = self.changes.iter().rev();
        for (_, change) in newest_first.take_while(|(seq, _)| *seq > have.seq) {
            let (key, row) = match change {
                Change::Row(key) => (key.clone(), self.rows.get(key)),
                Change::Gone(row) => (key(row), Some(row.as_ref())),
            };
            if seen.insert(key) {
                rows.extend(row.cloned().map(v1::Row::from));
            }
        }
        rows.sort_by_key(|row| row.seq);
        Some(v1::Deltas { position: Some(self.position()), rows })
    }

    /// The events that nobody has heard yet; they are not told again.
    pub(crate) fn take_events(&mut self) -> Option<v1::Events> {
        if self.events.is_empty() && self.dropped == 0 {
            return None;
        }
        Some(v1::Events {
            events: std::mem::take(&mut self.events).into(),
            dropped: std::mem::take(&mut self.dropped),
        })
    }
}

fn key(row: &Row) -> Key {
    (row.group.clone(), row.name.clone())
}

#[cfg(test)]
mod tests {
    use agent_core::command::Table;
    use agent_core::effect::Event;
    use proto::v1;
    use proto_words::{ProcessState, Row};

    use super::{CHANGES_KEPT_MAX, EVENTS_KEPT_MAX, History};
    use crate::fleet::testing::row;

    fn history(rows: Vec<Row>, seq: u64) -> History {
        History::new(Table { epoch: 5, seq, rows })
    }

    fn changed(row: Row) -> Event {
        Event::Process {
            row: Box::new(row),
            from: ProcessState::Starting,
            tries: 0,
            expected: true,
            pid: 0,
        }
    }

    fn since(history: &History, seq: u64) -> Option<Vec<(String, u64, bool)>> {
        let deltas = history.since(v1::Position { epoch: 5, seq })?;
        let short = |row: v1::Row| (row.name, row.seq, row.gone);
        Some(deltas.rows.into_iter().map(short).collect())
    }

    #[test]
    fn deltas_are_merged_and_old_positions_need_a_snapshot() {
        let running = Some(ProcessState::Running);
        let mut history = history(vec![row("web", "a", running, 3)], 10);
        history.take_in(&changed(row("web", "a", running, 10))); // told by the table
        history.take_in(&changed(row("web", "a", running, 11)));
        history.take_in(&changed(row("web", "b", running, 12)));
        history.take_in(&changed(row("web", "a", running, 13)));
        let gone = vec![row("web", "b", None, 14)];
        history.take_in(&Event::GroupRemoved("web".into(), gone));
        let both = vec![("a".into(), 13, false), ("b".into(), 14, true)];
        assert_eq!(since(&history, 10), Some(both));
        assert_eq!(since(&history, 13), Some(vec![("b".into(), 14, true)]));
        assert_eq!(since(&history, 14), Some(vec![]));
        assert_eq!(since(&history, 9), None);
        assert_eq!(since(&history, 15), None);
        assert!(history.since(v1::Position { epoch: 4, seq: 12 }).is_none());
        assert_eq!(history.snapshot(0).rows.len(), 1);
        assert_eq!(history.take_events().map(|events| events.events.len()), Some(4));
        assert!(history.take_events().is_none());
    }

    #[test]
    fn nothing_grows_without_bound_and_what_is_lost_is_counted() {
        let running = Some(ProcessState::Running);
        let mut history = history(vec![], 0);
        let many = u64::try_from(CHANGES_KEPT_MAX.max(EVENTS_KEPT_MAX)).unwrap() + 7;
        for seq in 1..=many {
            history.take_in(&changed(row("web", "a", running, seq)));
        }
        assert_eq!(since(&history, 6), None);
        assert_eq!(since(&history, 7), Some(vec![("a".into(), many, false)]));
        let events = history.take_events().unwrap();
        assert_eq!((events.events.len(), events.dropped), (EVENTS_KEPT_MAX, 7));
        history.missed(9, Table { epoch: 5, seq: 5000, rows: vec![] });
        assert_eq!(history.take_events().unwrap().dropped, 9);
        assert_eq!(since(&history, many), None);
    }
}
