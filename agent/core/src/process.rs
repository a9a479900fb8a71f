//! One process of an active group: its machine, and how it is shown.

use std::sync::Arc;

use proto_words::{Incarnation, Now, Origin, Row};
use serde::{Deserialize, Serialize};

use crate::command::{LogFiles, ProcessInfo};
use crate::effect::ProcessId;
use crate::machine::{Context, Event, Machine, Step};
use crate::spec::{LogFile, LogSpec, ProcessSpec};

/// A process, from the activation of its group to its removal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Which activation.
    pub id: ProcessId,
    /// Its group's name.
    pub group: Arc<str>,
    /// Its group's priority.
    pub group_priority: i64,
    /// What it is; AUTO log files are paths here.
    pub spec: Arc<ProcessSpec>,
    /// Where it is in its life.
    pub machine: Machine,
    /// Whose intent brought it there.
    pub origin: Origin,
    /// Which life it is in, or was in last.
    pub incarnation: Incarnation,
    /// The number of its newest change.
    pub seq: u64,
    /// When its state began, wall clock, milliseconds.
    pub since_ms: i64,
    /// The deadline that stands in the host's list for it.
    pub armed: Option<u64>,
    /// The log has said that its stop is waited for, and is to say so again.
    pub stop_reported: bool,
}

impl Process {
    /// Tells the machine.
    pub fn on_event(&mut self, now: Now, respawn: bool, event: Event) -> Vec<Step> {
        let spec = Arc::clone(&self.spec);
        self.machine.on_event(Context { now, spec: &spec, respawn }, event)
    }

    /// As the fleet sees it.
    #[must_use]
    pub fn row(&self) -> Row {
        Row {
            seq: self.seq,
            origin: self.origin.clone(),
            group: self.group.to_string(),
            name: self.spec.name.clone(),
            state: Some(self.machine.state()),
            incarnation: self.incarnation,
            pid: self.machine.pid(),
            group_priority: self.group_priority,
            priority: self.spec.priority,
            startsecs: self.spec.startsecs,
            spawnerr: self.machine.spawnerr.clone(),
            exitstatus: self.machine.exitstatus.unwrap_or(0),
            started_ms: self.machine.started_ms,
            stopped_ms: self.machine.stopped_ms,
            since_ms: self.since_ms,
        }
    }

    /// As `getProcessInfo` shows it.
    #[must_use]
    pub fn info(&self, now: Now) -> ProcessInfo {
        let files = self.files();
        ProcessInfo {
            name: self.spec.name.clone(),
            group: self.group.to_string(),
            start: self.machine.shown_start_ms(now, self.spec.startsecs).div_euclid(1000),
            stop: self.machine.stopped_ms.div_euclid(1000),
            now: now.wall_secs(),
            state: self.machine.state(),
            spawnerr: self.machine.spawnerr.clone(),
            exitstatus: self.machine.exitstatus.unwrap_or(0),
            stdout_logfile: files.stdout.unwrap_or_default(),
            stderr_logfile: files.stderr.unwrap_or_default(),
            pid: self.machine.pid(),
        }
    }

    /// Where its logs are.
    #[must_use]
    pub fn files(&self) -> LogFiles {
        let path = |log: &LogSpec| match &log.file {
            LogFile::Path(path) => Some(path.clone()).filter(|path| !path.is_empty()),
            LogFile::None | LogFile::Auto => None,
        };
        LogFiles {
            stdout: path(&self.spec.stdout),
            stderr: if self.spec.redirect_stderr { None } else { path(&self.spec.stderr) },
        }
    }
}
