//! `[eventlistener:x]` (KEL-01 to KEL-09): a pool of processes that are told of events.

use std::collections::BTreeSet;

use agent_core::spec::{GroupKind, GroupSpec, PoolSpec};

use super::group::group_priority;
use super::program::processes;
use super::rpcinterface::is_entry_point;
use super::{Build, Scope, after_colon};
use crate::error::ConfigError;
use crate::fault::Fault;
use crate::names::Names;
use crate::types::{boolean, integer, strings};

/// Listeners start first and stop last.
const DEFAULT_PRIORITY: i64 = -1;
const DEFAULT_BUFFER_SIZE: i64 = 10;
pub(crate) const DEFAULT_HANDLER: &str = "supervisor.dispatchers:default_handler";

/// Every event that can be asked for.
pub(crate) const EVENTS: [&str; 27] = [
    "EVENT",
    "PROCESS_COMMUNICATION",
    "PROCESS_COMMUNICATION_STDERR",
    "PROCESS_COMMUNICATION_STDOUT",
    "PROCESS_GROUP",
    "PROCESS_GROUP_ADDED",
    "PROCESS_GROUP_REMOVED",
    "PROCESS_LOG",
    "PROCESS_LOG_STDERR",
    "PROCESS_LOG_STDOUT",
    "PROCESS_STATE",
    "PROCESS_STATE_BACKOFF",
    "PROCESS_STATE_EXITED",
    "PROCESS_STATE_FATAL",
    "PROCESS_STATE_RUNNING",
    "PROCESS_STATE_STARTING",
    "PROCESS_STATE_STOPPED",
    "PROCESS_STATE_STOPPING",
    "PROCESS_STATE_UNKNOWN",
    "REMOTE_COMMUNICATION",
    "SUPERVISOR_STATE_CHANGE",
    "SUPERVISOR_STATE_CHANGE_RUNNING",
    "SUPERVISOR_STATE_CHANGE_STOPPING",
    "TICK",
    "TICK_3600",
    "TICK_5",
    "TICK_60",
];

/// The pool that a section makes. Its name is not judged here but with its processes.
pub(crate) fn read(
    build: &Build<'_>,
    section: &str,
    warnings: &mut Vec<String>,
) -> Result<GroupSpec, ConfigError> {
    let scope = build.scope(section);
    let names = build.names();
    let name = after_colon(section).to_owned();
    let priority = group_priority(build, scope, DEFAULT_PRIORITY)?;
    let pool = PoolSpec {
        buffer_size: buffer_size(scope, &names)?,
        result_handler: result_handler(scope, &names)?,
        events: events(scope, &names)?,
    };
    if scope.read("redirect_stderr", &names, false, boolean)? {
        let fault = Fault::ListenerRedirects(section.to_owned());
        return Err(scope.fails(Some("redirect_stderr"), fault));
    }
    let processes = processes(build, section, &name, warnings)?;
    Ok(GroupSpec { name, priority, kind: GroupKind::EventListeners(pool), processes })
}

fn buffer_size(scope: Scope<'_>, names: &Names) -> Result<i64, ConfigError> {
    scope.read("buffer_size", names, DEFAULT_BUFFER_SIZE, |text| {
        let size = integer(text)?;
        if size < 1 {
            let section = scope.section.to_owned();
            return Err(Fault::BadBufferSize { section, size });
        }
        Ok(size)
    })
}

/// Handlers are Python: only the default one can be had (KEL-03).
fn result_handler(scope: Scope<'_>, names: &Names) -> Result<String, ConfigError> {
    let spec = scope.text_or("result_handler", names, DEFAULT_HANDLER)?;
    if is_entry_point(&spec, DEFAULT_HANDLER) {
        return Ok(DEFAULT_HANDLER.to_owned());
    }
    let section = scope.section.to_owned();
    let fault = Fault::Unresolved { section, spec };
    Err(scope.fails(Some("result_handler"), fault))
}

fn events(scope: Scope<'_>, names: &Names) -> Result<Vec<String>, ConfigError> {
    let text = scope.text("events", names)?.unwrap_or_default();
    let mut events = BTreeSet::new();
    for event in strings(&text) {
        let event = event.to_uppercase();
        if !EVENTS.contains(&event.as_str()) {
            let section = scope.section.to_owned();
            let fault = Fault::UnknownEvent { section, event };
            return Err(scope.fails(Some("events"), fault));
        }
        events.insert(event);
    }
    if events.is_empty() {
        return Err(scope.fails(None, Fault::NoEvents(scope.section.to_owned())));
    }
    Ok(events.into_iter().collect())
}
