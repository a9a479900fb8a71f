//! The states of a process and of a supervisord, with supervisord's codes and names.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a process is in its life. Codes and names are supervisord's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ProcessState {
    /// 0: not running, because nobody started it or somebody stopped it.
    Stopped,
    /// 10: spawned, not yet up for `startsecs`.
    Starting,
    /// 20: up.
    Running,
    /// 30: ended too soon; it is tried again later.
    Backoff,
    /// 40: asked to stop, not gone yet.
    Stopping,
    /// 100: ended by itself.
    Exited,
    /// 200: could not be started, and is not tried again.
    Fatal,
    /// 1000: a signal to it failed, so nothing is known.
    Unknown,
}

impl ProcessState {
    /// Every state, in the order of the codes.
    pub const ALL: [Self; 8] = [
        Self::Stopped,
        Self::Starting,
        Self::Running,
        Self::Backoff,
        Self::Stopping,
        Self::Exited,
        Self::Fatal,
        Self::Unknown,
    ];

    /// The number that XML-RPC clients compare.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Stopped => 0,
            Self::Starting => 10,
            Self::Running => 20,
            Self::Backoff => 30,
            Self::Stopping => 40,
            Self::Exited => 100,
            Self::Fatal => 200,
            Self::Unknown => 1000,
        }
    }

    /// The name in capitals that people and scripts read.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stopped => "STOPPED",
            Self::Starting => "STARTING",
            Self::Running => "RUNNING",
            Self::Backoff => "BACKOFF",
            Self::Stopping => "STOPPING",
            Self::Exited => "EXITED",
            Self::Fatal => "FATAL",
            Self::Unknown => "UNKNOWN",
        }
    }

    /// The state with this code.
    #[must_use]
    pub fn from_code(code: i32) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The state with this name, in any case.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name().eq_ignore_ascii_case(name))
    }

    /// STOPPED, EXITED, FATAL, UNKNOWN: nothing of it runs that we know of.
    #[must_use]
    pub fn is_stopped(self) -> bool {
        matches!(self, Self::Stopped | Self::Exited | Self::Fatal | Self::Unknown)
    }

    /// RUNNING, STARTING, BACKOFF: a start is refused, a stop is taken.
    #[must_use]
    pub fn is_running(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Backoff)
    }

    /// RUNNING, STARTING, STOPPING: there is somebody to signal.
    #[must_use]
    pub fn is_signallable(self) -> bool {
        matches!(self, Self::Starting | Self::Running | Self::Stopping)
    }
}

impl fmt::Display for ProcessState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The mood of a whole supervisord.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SupervisorState {
    /// 2: broken; never seen by clients.
    Fatal,
    /// 1: at work.
    Running,
    /// 0: stopping everything, to start again.
    Restarting,
    /// -1: stopping everything, to end.
    Shutdown,
}

impl SupervisorState {
    /// The number of `getState`.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Fatal => 2,
            Self::Running => 1,
            Self::Restarting => 0,
            Self::Shutdown => -1,
        }
    }

    /// The name of `getState`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fatal => "FATAL",
            Self::Running => "RUNNING",
            Self::Restarting => "RESTARTING",
            Self::Shutdown => "SHUTDOWN",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ProcessState;

    #[test]
    fn codes_and_names_lead_back_to_their_state() {
        for state in ProcessState::ALL {
            assert_eq!(ProcessState::from_code(state.code()), Some(state));
            assert_eq!(ProcessState::from_name(&state.name().to_lowercase()), Some(state));
        }
        assert_eq!(ProcessState::from_code(7), None);
    }
}
