//! Messages ⇄ words. The only place besides the doors that sees both.

use proto_words::{Incarnation, Origin, Outcome, OutcomeKind, ProcessState, Row};
use thiserror::Error;

use crate::v1;

/// What is wrong with a message that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadMessage {
    /// A field that must be there is not.
    #[error("the message has no {0}")]
    Missing(&'static str),
    /// A field has a value that this version does not know.
    #[error("{field} has the unknown value {value}")]
    Unknown {
        /// The field.
        field: &'static str,
        /// What it was.
        value: String,
    },
}

/// The message's number of a state.
#[must_use]
pub fn state_to_wire(state: ProcessState) -> v1::ProcessState {
    match state {
        ProcessState::Stopped => v1::ProcessState::Stopped,
        ProcessState::Starting => v1::ProcessState::Starting,
        ProcessState::Running => v1::ProcessState::Running,
        ProcessState::Backoff => v1::ProcessState::Backoff,
        ProcessState::Stopping => v1::ProcessState::Stopping,
        ProcessState::Exited => v1::ProcessState::Exited,
        ProcessState::Fatal => v1::ProcessState::Fatal,
        ProcessState::Unknown => v1::ProcessState::Unknown,
    }
}

/// The state behind a message's number.
///
/// # Errors
///
/// [`BadMessage::Unknown`] for UNSPECIFIED and for numbers of a later version.
pub fn state_from_wire(number: i32) -> Result<ProcessState, BadMessage> {
    ProcessState::ALL
        .into_iter()
        .find(|state| state_to_wire(*state) as i32 == number)
        .ok_or_else(|| BadMessage::Unknown { field: "state", value: number.to_string() })
}

/// The message's number of a result.
#[must_use]
pub fn kind_to_wire(kind: OutcomeKind) -> v1::OutcomeKind {
    match kind {
        OutcomeKind::Ok => v1::OutcomeKind::Ok,
        OutcomeKind::Already => v1::OutcomeKind::Already,
        OutcomeKind::Failed => v1::OutcomeKind::Failed,
        OutcomeKind::NotReady => v1::OutcomeKind::NotReady,
        OutcomeKind::Refused => v1::OutcomeKind::Refused,
        OutcomeKind::Unreachable => v1::OutcomeKind::Unreachable,
        OutcomeKind::Unknown => v1::OutcomeKind::Unknown,
        OutcomeKind::Skipped => v1::OutcomeKind::Skipped,
        OutcomeKind::Cancelled => v1::OutcomeKind::Cancelled,
        OutcomeKind::Superseded => v1::OutcomeKind::Superseded,
    }
}

/// The result behind a message's number.
///
/// # Errors
///
/// [`BadMessage::Unknown`] for UNSPECIFIED and for numbers of a later version.
pub fn kind_from_wire(number: i32) -> Result<OutcomeKind, BadMessage> {
    OutcomeKind::ALL
        .into_iter()
        .find(|kind| kind_to_wire(*kind) as i32 == number)
        .ok_or_else(|| BadMessage::Unknown { field: "outcome", value: number.to_string() })
}

/// A state in a row: one that only a later version knows is UNKNOWN to us, so that its host stays in
/// step; none at all is an error.
fn row_state(number: i32) -> Result<ProcessState, BadMessage> {
    match state_from_wire(number) {
        Err(_) if number > 0 => Ok(ProcessState::Unknown),
        known => known,
    }
}

impl From<Incarnation> for v1::Incarnation {
    fn from(word: Incarnation) -> Self {
        Self { epoch: word.epoch, spawn: word.spawn }
    }
}

impl From<v1::Incarnation> for Incarnation {
    fn from(message: v1::Incarnation) -> Self {
        Self { epoch: message.epoch, spawn: message.spawn }
    }
}

impl From<Outcome> for v1::Outcome {
    fn from(word: Outcome) -> Self {
        Self {
            kind: kind_to_wire(word.kind).into(),
            code: word.code,
            text: word.text,
            last_lines: word.last_lines,
        }
    }
}

impl TryFrom<v1::Outcome> for Outcome {
    type Error = BadMessage;

    fn try_from(message: v1::Outcome) -> Result<Self, BadMessage> {
        Ok(Self {
            kind: kind_from_wire(message.kind)?,
            code: message.code,
            text: message.text,
            last_lines: message.last_lines,
        })
    }
}

impl From<Row> for v1::Row {
    fn from(word: Row) -> Self {
        Self {
            seq: word.seq,
            origin: word.origin.to_string(),
            group: word.group,
            name: word.name,
            state: word.state.map_or(v1::ProcessState::Unspecified, state_to_wire).into(),
            gone: word.state.is_none(),
            incarnation: Some(word.incarnation.into()),
            pid: word.pid,
            group_priority: word.group_priority,
            priority: word.priority,
            startsecs: word.startsecs,
            spawnerr: word.spawnerr,
            exitstatus: word.exitstatus,
            started_ms: word.started_ms,
            stopped_ms: word.stopped_ms,
            since_ms: word.since_ms,
        }
    }
}

impl TryFrom<v1::Row> for Row {
    type Error = BadMessage;

    fn try_from(message: v1::Row) -> Result<Self, BadMessage> {
        let origin = Origin::parse(&message.origin);
        Ok(Self {
            seq: message.seq,
            origin,
            group: message.group,
            name: message.name,
            state: if message.gone { None } else { Some(row_state(message.state)?) },
            incarnation: message.incarnation.ok_or(BadMessage::Missing("incarnation"))?.into(),
            pid: message.pid,
            group_priority: message.group_priority,
            priority: message.priority,
            startsecs: message.startsecs,
            spawnerr: message.spawnerr,
            exitstatus: message.exitstatus,
            started_ms: message.started_ms,
            stopped_ms: message.stopped_ms,
            since_ms: message.since_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use proto_words::{Incarnation, Origin, OutcomeKind, ProcessState, Row};

    use super::{kind_from_wire, kind_to_wire, state_from_wire, state_to_wire};
    use crate::v1;

    #[test]
    fn every_word_survives_the_wire() {
        for state in ProcessState::ALL {
            assert_eq!(state_from_wire(state_to_wire(state).into()), Ok(state));
        }
        for kind in OutcomeKind::ALL {
            assert_eq!(kind_from_wire(kind_to_wire(kind).into()), Ok(kind));
        }
        assert!(state_from_wire(0).is_err() && kind_from_wire(99).is_err());
    }

    #[test]
    fn a_row_of_a_later_version_is_read_as_far_as_it_is_known() {
        let row = v1::Row {
            state: 77,
            origin: "cron".into(),
            incarnation: Some(v1::Incarnation::default()),
            ..v1::Row::default()
        };
        let read = Row::try_from(row.clone()).unwrap();
        assert_eq!(read.state, Some(ProcessState::Unknown));
        assert_eq!(read.origin, Origin::Other("cron".into()));
        assert!(Row::try_from(v1::Row { state: 0, ..row }).is_err());
    }

    #[test]
    fn a_row_survives_the_wire_also_when_it_is_gone() {
        for state in [Some(ProcessState::Backoff), None] {
            let row = Row {
                seq: 7,
                origin: Origin::Fleet("0192".into()),
                group: "shop".into(),
                name: "api".into(),
                state,
                incarnation: Incarnation { epoch: 3, spawn: 9 },
                pid: 42,
                group_priority: -1,
                priority: 999,
                startsecs: 1,
                spawnerr: "Exited too quickly (process log may have details)".into(),
                exitstatus: -1,
                started_ms: 1,
                stopped_ms: 2,
                since_ms: 3,
            };
            assert_eq!(Row::try_from(v1::Row::from(row.clone())), Ok(row));
        }
    }
}
