//! All groups: `[group:x]` (KGR-01 to KGR-07), then those that a program, a listener or a FastCGI
//! section makes by itself, in supervisord's order (GRP-01).

use std::collections::HashSet;

use agent_core::spec::{GroupKind, GroupSpec, ProcessSpec};

use super::program::{DEFAULT_PRIORITY, processes};
use super::{Build, Scope, after_colon, eventlistener, fcgi};
use crate::error::ConfigError;
use crate::fault::Fault;
use crate::known::nearest;
use crate::types::{integer, name, strings};

/// Reads every group and sorts them by priority and name.
pub(crate) fn read(
    build: &Build<'_>,
    warnings: &mut Vec<String>,
) -> Result<Vec<GroupSpec>, ConfigError> {
    let mut groups = vec![];
    let mut members = HashSet::new();
    for section in build.sections("group:") {
        groups.push(group(build, section, &mut members, warnings)?);
    }
    let alone = |section: &&str| !members.contains(*section);
    for section in build.sections("program:").into_iter().filter(alone) {
        groups.push(program(build, section, warnings)?);
    }
    for section in build.sections("eventlistener:") {
        groups.push(eventlistener::read(build, section, warnings)?);
    }
    for section in build.sections("fcgi-program:").into_iter().filter(alone) {
        groups.push(fcgi::read(build, section, warnings)?);
    }
    groups.sort_by(|a, b| (a.priority, &a.name).cmp(&(b.priority, &b.name)));
    Ok(groups)
}

/// The group's name from its section; the fault has no suffix (KEY-E04).
pub(crate) fn group_name(scope: Scope<'_>) -> Result<String, ConfigError> {
    name(after_colon(scope.section)).map_err(|fault| scope.fails(None, fault))
}

/// The group's priority.
pub(crate) fn group_priority(
    build: &Build<'_>,
    scope: Scope<'_>,
    default: i64,
) -> Result<i64, ConfigError> {
    scope.read("priority", &build.names(), default, integer)
}

fn program(
    build: &Build<'_>,
    section: &str,
    warnings: &mut Vec<String>,
) -> Result<GroupSpec, ConfigError> {
    let scope = build.scope(section);
    let name = group_name(scope)?;
    let priority = group_priority(build, scope, DEFAULT_PRIORITY)?;
    let processes = processes(build, section, &name, warnings)?;
    Ok(GroupSpec { name, priority, kind: GroupKind::Programs, processes })
}

fn group(
    build: &Build<'_>,
    section: &str,
    members: &mut HashSet<String>,
    warnings: &mut Vec<String>,
) -> Result<GroupSpec, ConfigError> {
    let scope = build.scope(section);
    let name = group_name(scope)?;
    let programs = scope.text("programs", &build.names())?.unwrap_or_default();
    let priority = group_priority(build, scope, DEFAULT_PRIORITY)?;
    let mut all: Vec<ProcessSpec> = vec![];
    // Supervisord shows the section it looked at last, not the group's (KGR-03).
    let mut shown = section.to_owned();
    for program in strings(&programs) {
        let member = member(build, &shown, &program)
            .map_err(|fault| scope.fails(Some("programs"), fault))?;
        all.extend(processes(build, &member, &name, warnings)?);
        members.insert(member.clone());
        shown = member;
    }
    Ok(GroupSpec { name, priority, kind: GroupKind::Programs, processes: all })
}

/// The section of a member; a FastCGI program becomes an ordinary one in a group (KGR-06).
fn member(build: &Build<'_>, shown: &str, program: &str) -> Result<String, Fault> {
    let sections = [format!("program:{program}"), format!("fcgi-program:{program}")];
    let [plain, fcgi] = &sections;
    let exists = |name: &str| build.ini.section(name).is_some();
    match (exists(plain), exists(fcgi)) {
        (true, false) => Ok(plain.clone()),
        (false, true) => Ok(fcgi.clone()),
        (false, false) => {
            let known = ["program:", "fcgi-program:"].map(|prefix| build.sections(prefix));
            let known = known.iter().flatten().map(|section| after_colon(section));
            let near = nearest(program, known).map(ToOwned::to_owned);
            let (section, program) = (shown.to_owned(), program.to_owned());
            Err(Fault::UnknownMember { section, program, near })
        }
        (true, true) => {
            Err(Fault::AmbiguousMember { section: shown.to_owned(), program: program.to_owned() })
        }
    }
}
