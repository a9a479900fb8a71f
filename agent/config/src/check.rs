//! `fleetvisord check`: what is wrong, and what is merely suspicious, with the place of each.

use std::collections::HashSet;
use std::fmt;

use agent_core::spec::{Configuration, GroupSpec, Level};

use crate::World;
use crate::disk::Disk;
use crate::error::{ConfigError, Place};
use crate::fault::Fault;
use crate::ini::Ini;
use crate::known::{Keys, keys, nearest_key, nearest_section};
use crate::load::{LoadRequest, Sources, load, read_files};
use crate::users::Users;

/// What there is to say about a configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Why it cannot be used; `None` if it can.
    pub error: Option<ConfigError>,
    /// What is allowed and probably not meant.
    pub warnings: Vec<Warning>,
}

/// Something that is allowed and probably not meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Warning {
    /// Where, as far as known.
    pub place: Place,
    /// What.
    pub text: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, self.text)
    }
}

/// Reads a configuration for a person: the error that [`load`] would give, and warnings.
#[must_use]
pub fn check(request: &LoadRequest, disk: &dyn Disk, users: &dyn Users) -> Report {
    let world = World { surroundings: &request.surroundings, disk, users };
    let mut report = Report::default();
    if let Ok(Sources { ini, .. }) = read_files(request, &world) {
        unread(&ini, &mut report.warnings);
    }
    match load(request, disk, users) {
        Ok(configuration) => {
            said(&configuration, &mut report.warnings);
            report.error = not_started(&configuration, request, &world);
        }
        Err(error) => report.error = Some(error),
    }
    report
}

/// What [`load`] lets pass, as supervisord's reread does, and what ends a start.
fn not_started(
    configuration: &Configuration,
    request: &LoadRequest,
    world: &World<'_>,
) -> Option<ConfigError> {
    let interfaces = &configuration.rpc_interfaces;
    let (name, key) =
        interfaces.iter().find_map(|one| Some((&one.name, one.unexpected_key.as_ref()?)))?;
    if configuration.servers.is_empty() {
        return None;
    }
    let sources = read_files(request, world).ok()?;
    let place = sources.ini.place(&format!("rpcinterface:{name}"), Some(key));
    Some(ConfigError::new(Fault::UnexpectedKey(name.clone()), place))
}

/// Sections and keys that nobody reads (INI-26).
fn unread(ini: &Ini, warnings: &mut Vec<Warning>) {
    for section in ini.sections() {
        let known = match keys(&section.name) {
            Keys::Any => continue,
            Keys::Only(known) => known,
            Keys::Unread => {
                warnings.push(Warning {
                    place: ini.place(&section.name, None),
                    text: format!(
                        "nobody reads this section{}",
                        hint(nearest_section(&section.name))
                    ),
                });
                continue;
            }
        };
        for entry in &section.entries {
            if !known.contains(&entry.key.as_str()) {
                warnings.push(Warning {
                    place: ini.place(&section.name, Some(&entry.key)),
                    text: format!("nobody reads this key{}", hint(nearest_key(&entry.key, &known))),
                });
            }
        }
    }
}

fn hint(near: Option<&str>) -> String {
    near.map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

/// What the log would say, and names that stand twice.
fn said(configuration: &Configuration, warnings: &mut Vec<Warning>) {
    let logged = configuration.messages.iter();
    for (_, text) in logged.filter(|(level, _)| *level >= Level::Warn) {
        warnings.push(unplaced(text.clone()));
    }
    let mut groups = HashSet::new();
    for group in &configuration.groups {
        if !groups.insert(&group.name) {
            warnings.push(unplaced(format!(
                "group {} stands twice; only the first by priority is used",
                group.name
            )));
        }
        doubles(group, warnings);
    }
}

/// GRP-05.
fn doubles(group: &GroupSpec, warnings: &mut Vec<Warning>) {
    let mut names = HashSet::new();
    for process in &group.processes {
        if !names.insert(&process.name) {
            warnings.push(unplaced(format!(
                "process {}:{} stands twice; only the last is used",
                group.name, process.name
            )));
        }
    }
}

fn unplaced(text: String) -> Warning {
    Warning { place: Place::default(), text }
}
