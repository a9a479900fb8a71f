//! Signals by number or name, as supervisord accepts them (Linux numbers).

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::repr;

/// A signal number that supervisord would take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Signal(i32);

/// Why a text is not a signal; the texts are supervisord's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadSignal {
    /// A word that is no signal's name.
    #[error("value {} is not a valid signal name", repr(.0))]
    Name(String),
    /// A number that is no signal's.
    #[error("value {} is not a valid signal number", repr(.0))]
    Number(String),
}

/// Name and number; the first name of a number is the one that is shown. The last five are no
/// signals, yet supervisord takes them for some.
const TABLE: [(&str, i32); 41] = [
    ("SIGHUP", 1),
    ("SIGINT", 2),
    ("SIGQUIT", 3),
    ("SIGILL", 4),
    ("SIGTRAP", 5),
    ("SIGABRT", 6),
    ("SIGIOT", 6),
    ("SIGBUS", 7),
    ("SIGFPE", 8),
    ("SIGKILL", 9),
    ("SIGUSR1", 10),
    ("SIGSEGV", 11),
    ("SIGUSR2", 12),
    ("SIGPIPE", 13),
    ("SIGALRM", 14),
    ("SIGTERM", 15),
    ("SIGSTKFLT", 16),
    ("SIGCHLD", 17),
    ("SIGCLD", 17),
    ("SIGCONT", 18),
    ("SIGSTOP", 19),
    ("SIGTSTP", 20),
    ("SIGTTIN", 21),
    ("SIGTTOU", 22),
    ("SIGURG", 23),
    ("SIGXCPU", 24),
    ("SIGXFSZ", 25),
    ("SIGVTALRM", 26),
    ("SIGPROF", 27),
    ("SIGWINCH", 28),
    ("SIGPOLL", 29),
    ("SIGIO", 29),
    ("SIGPWR", 30),
    ("SIGSYS", 31),
    ("SIGRTMIN", 34),
    ("SIGRTMAX", 64),
    ("SIG_DFL", 0),
    ("SIG_IGN", 1),
    ("SIG_BLOCK", 0),
    ("SIG_UNBLOCK", 1),
    ("SIG_SETMASK", 2),
];

impl Signal {
    /// SIGTERM, the default `stopsignal`.
    pub const TERM: Self = Self(15);
    /// SIGKILL, the last word.
    pub const KILL: Self = Self(9);

    /// Reads a number, or a name with or without `SIG`, in any case, blanks around it ignored.
    /// `0` is taken, as supervisord takes it: nothing is sent.
    ///
    /// # Errors
    ///
    /// [`BadSignal`], with supervisord's text.
    pub fn parse(text: &str) -> Result<Self, BadSignal> {
        let trimmed = text.trim();
        if let Ok(number) = trimmed.parse::<i32>() {
            return Self::from_number(number).ok_or_else(|| BadSignal::Number(text.to_owned()));
        }
        let upper = trimmed.to_ascii_uppercase();
        let name = if upper.starts_with("SIG") { upper } else { format!("SIG{upper}") };
        TABLE
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, number)| Self(*number))
            .ok_or_else(|| BadSignal::Name(text.to_owned()))
    }

    /// The signal with this number, if supervisord would take it.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        TABLE.iter().any(|(_, known)| *known == number).then_some(Self(number))
    }

    /// The number for `kill(2)`.
    #[must_use]
    pub fn number(self) -> i32 {
        self.0
    }

    /// The name with `SIG`, or `signal <n>` for a number without one: the latter can only come
    /// from a wait status.
    #[must_use]
    pub fn name_of(number: i32) -> String {
        TABLE
            .iter()
            .find(|(_, known)| *known == number)
            .map_or_else(|| format!("signal {number}"), |(name, _)| (*name).to_owned())
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&Self::name_of(self.0))
    }
}

#[cfg(test)]
mod tests {
    use super::Signal;

    #[test]
    fn names_and_numbers_are_read_as_supervisord_reads_them() {
        for (text, number) in [
            ("TERM", 15),
            ("sigterm", 15),
            (" hup ", 1),
            ("9", 9),
            ("CLD", 17),
            ("RTMIN", 34),
            ("0", 0),
            ("_IGN", 1),
        ] {
            assert_eq!(Signal::parse(text).map(Signal::number), Ok(number), "{text:?}");
        }
    }

    #[test]
    fn what_is_no_signal_is_said_in_supervisords_words() {
        assert_eq!(
            Signal::parse("nope").unwrap_err().to_string(),
            "value 'nope' is not a valid signal name"
        );
        assert_eq!(
            Signal::parse("99").unwrap_err().to_string(),
            "value '99' is not a valid signal number"
        );
        assert!(Signal::parse("").is_err() && Signal::parse("-9").is_err());
    }
}
