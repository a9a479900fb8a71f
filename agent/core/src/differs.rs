//! Whether a group is configured differently from how it runs, as supervisord judges it.
//!
//! Owner, mode and backlog of a FastCGI socket are not compared, and a log that is AUTO in the new
//! file equals anything: both as in the original (COMPAT-5).

use crate::spec::{GroupKind, GroupSpec, LogFile, LogSpec, ProcessSpec};

/// Compares an active group, as it was configured, with the same group as it is configured now.
#[must_use]
pub fn differs(active: &GroupSpec, fresh: &GroupSpec) -> bool {
    active.name != fresh.name
        || active.priority != fresh.priority
        || kind_differs(&active.kind, &fresh.kind)
        || active.processes.len() != fresh.processes.len()
        || active
            .processes
            .iter()
            .zip(&fresh.processes)
            .any(|(a, f)| process_differs(a, f))
}

fn kind_differs(active: &GroupKind, fresh: &GroupKind) -> bool {
    match (active, fresh) {
        (GroupKind::FastCgi(active), GroupKind::FastCgi(fresh)) => active.url != fresh.url,
        (GroupKind::Programs, GroupKind::Programs) => false,
        (GroupKind::EventListeners(active), GroupKind::EventListeners(fresh)) => active != fresh,
        (
            GroupKind::Programs | GroupKind::EventListeners(_) | GroupKind::FastCgi(_),
            GroupKind::Programs | GroupKind::EventListeners(_) | GroupKind::FastCgi(_),
        ) => true,
    }
}

fn process_differs(active: &ProcessSpec, fresh: &ProcessSpec) -> bool {
    let seen = |log: &LogSpec, other: &LogSpec| match other.file {
        LogFile::Auto => LogSpec {
            file: LogFile::Auto,
            ..log.clone()
        },
        LogFile::None | LogFile::Path(_) => log.clone(),
    };
    let active = ProcessSpec {
        stdout: seen(&active.stdout, &fresh.stdout),
        stderr: seen(&active.stderr, &fresh.stderr),
        ..active.clone()
    };
    active != *fresh
}
