//! The closed vocabulary of results: what became of one target of one operation.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The one word that every target ends in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OutcomeKind {
    /// Reached the goal because of us.
    Ok,
    /// Was there before.
    Already,
    /// The agent tried and did not succeed.
    Failed,
    /// Running, but not past its gate by the deadline.
    NotReady,
    /// Somebody who may say no said no.
    Refused,
    /// Never handed to a live session: certainly not executed.
    Unreachable,
    /// Handed over, and no word came back by the deadline; amended when the truth is known.
    Unknown,
    /// An earlier wave ended the operation: certainly not executed.
    Skipped,
    /// Ended by an operator.
    Cancelled,
    /// Overtaken by a newer intent.
    Superseded,
}

impl OutcomeKind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Ok,
        Self::Already,
        Self::Failed,
        Self::NotReady,
        Self::Refused,
        Self::Unreachable,
        Self::Unknown,
        Self::Skipped,
        Self::Cancelled,
        Self::Superseded,
    ];

    /// The word in capitals.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Already => "ALREADY",
            Self::Failed => "FAILED",
            Self::NotReady => "NOT_READY",
            Self::Refused => "REFUSED",
            Self::Unreachable => "UNREACHABLE",
            Self::Unknown => "UNKNOWN",
            Self::Skipped => "SKIPPED",
            Self::Cancelled => "CANCELLED",
            Self::Superseded => "SUPERSEDED",
        }
    }

    /// Whether the goal is reached.
    #[must_use]
    pub fn is_success(self) -> bool {
        matches!(self, Self::Ok | Self::Already)
    }
}

impl fmt::Display for OutcomeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A result: the word, and what there is to say about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The word.
    pub kind: OutcomeKind,
    /// supervisord's fault number where there is one (`FAILED` of a start: 50), else 0.
    pub code: i32,
    /// One line for a person: why, and what goes on. Empty when there is nothing to add.
    pub text: String,
    /// The last lines that the program wrote, when a start failed.
    pub last_lines: Vec<String>,
}

impl Outcome {
    /// A result with a reason.
    #[must_use]
    pub fn new(kind: OutcomeKind, text: impl Into<String>) -> Self {
        Self { kind, code: 0, text: text.into(), last_lines: Vec::new() }
    }

    /// The plain success.
    #[must_use]
    pub fn ok() -> Self {
        Self::new(OutcomeKind::Ok, "")
    }

    /// The agent tried; `code` is supervisord's fault number.
    #[must_use]
    pub fn failed(code: i32, text: impl Into<String>) -> Self {
        Self { kind: OutcomeKind::Failed, code, text: text.into(), last_lines: Vec::new() }
    }
}
