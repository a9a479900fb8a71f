//! Which hosts and processes a selection means, among those that are known now.

use std::collections::{BTreeMap, BTreeSet};

use proto_words::{
    BadSelector, HostSelector, HostState, LabelTerm, NAMES_MAX, ProcessPart, ProcessSelector,
    TargetSelector, glob_matches,
};
use thiserror::Error;

use crate::inventory::{Host, Inventory, Liveness};
use crate::request::Selection;

/// Targets that one selection may name; each is looked for on each host.
const PARTS_MAX: usize = 1000;

/// What a host selector can see of a host.
#[derive(Debug, Clone, Copy)]
pub struct HostView<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its labels.
    pub labels: &'a BTreeMap<String, String>,
    /// Whether it can be spoken to.
    pub liveness: Liveness,
}

/// Why a selection means nothing that can be done.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SelectError {
    /// It cannot be read.
    #[error("{0}")]
    Bad(#[from] BadSelector),
    /// It names hosts that do not exist.
    #[error("no host is called {}; `hosts` lists them", .0.join(", "))]
    NoSuchHost(Vec<String>),
    /// It names processes that are on none of the hosts.
    #[error("{}: no such process or group on the selected hosts; `status` lists them", .0.join(", "))]
    NoSuchProcess(Vec<String>),
}

/// A selection that has been read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    /// All of these must hold.
    common: Vec<HostSelector>,
    /// The parts with their own hosts; `None` means the common ones. Never empty.
    parts: Vec<(Option<HostSelector>, ProcessSelector, String)>,
}

/// One (host, process part) of a selection.
pub(crate) struct Part<'a> {
    pub host: &'a Host,
    pub processes: &'a ProcessSelector,
}

impl<'a> From<&'a Host> for HostView<'a> {
    fn from(host: &'a Host) -> Self {
        Self { name: &host.name, labels: &host.labels, liveness: host.liveness }
    }
}

impl Selector {
    /// Reads a selection.
    ///
    /// # Errors
    ///
    /// [`BadSelector`] for the first text that cannot be read.
    pub fn parse(selection: &Selection) -> Result<Self, BadSelector> {
        let mut names = 0;
        let mut counted = |tree: HostSelector, text: &str| {
            names += tree.names();
            if names > NAMES_MAX {
                let why =
                    format!("the selection has more than {NAMES_MAX} names; use globs or labels");
                return Err(BadSelector { text: text.to_owned(), why });
            }
            Ok(tree)
        };
        let mut common = vec![counted(HostSelector::parse(&selection.hosts)?, &selection.hosts)?];
        for labels in &selection.labels {
            common.push(HostSelector::parse_labels(labels)?);
        }
        let mut parts = Vec::new();
        let mut texts = selection.processes.iter().chain(&selection.targets);
        if let Some(text) = texts.nth(PARTS_MAX) {
            let why =
                format!("the selection has more than {PARTS_MAX} targets; use globs or groups");
            return Err(BadSelector { text: text.clone(), why });
        }
        for text in &selection.processes {
            parts.push((None, ProcessSelector::parse(text)?, text.clone()));
        }
        for text in &selection.targets {
            let target = TargetSelector::parse(text)?;
            let hosts = target.hosts.map(|tree| counted(tree, text)).transpose()?;
            parts.push((hosts, target.processes, text.clone()));
        }
        if parts.is_empty() {
            parts.push((None, ProcessSelector::All, "all".to_owned()));
        }
        Ok(Self { common, parts })
    }

    /// Whether a host is meant at all.
    #[must_use]
    pub fn matches_host(&self, host: HostView<'_>) -> bool {
        self.parts.iter().any(|(hosts, ..)| self.part_matches(hosts.as_ref(), host))
    }

    /// Whether a process of a host is meant.
    #[must_use]
    pub fn matches(&self, host: HostView<'_>, group: &str, process: &str) -> bool {
        self.parts.iter().any(|(hosts, processes, _)| {
            is_named(processes, group, process) && self.part_matches(hosts.as_ref(), host)
        })
    }

    fn part_matches(&self, hosts: Option<&HostSelector>, host: HostView<'_>) -> bool {
        self.common.iter().chain(hosts).all(|tree| is_in(tree, host))
    }

    /// The hosts that are meant, by name.
    ///
    /// # Errors
    ///
    /// [`SelectError::NoSuchHost`] for literal names that are not known.
    pub fn hosts<'a>(&self, inventory: &'a Inventory) -> Result<Vec<&'a Host>, SelectError> {
        let missing = self.missing_hosts(inventory);
        if !missing.is_empty() {
            return Err(SelectError::NoSuchHost(missing));
        }
        Ok(inventory.hosts().filter(|host| self.matches_host((*host).into())).collect())
    }

    /// Literal names of hosts that are not known.
    #[must_use]
    pub fn missing_hosts(&self, inventory: &Inventory) -> Vec<String> {
        let mut names = BTreeSet::new();
        let own = self.parts.iter().filter_map(|(hosts, ..)| hosts.as_ref());
        for tree in self.common.iter().chain(own) {
            literals(tree, &mut names);
        }
        names.into_iter().filter(|name| inventory.get(name).is_none()).map(str::to_owned).collect()
    }

    /// Process parts that name nothing on any host that they are for, when all of those have told
    /// their tables.
    #[must_use]
    pub fn missing_processes(&self, inventory: &Inventory) -> Vec<String> {
        self.parts
            .iter()
            .filter(|(hosts, processes, _)| {
                let mut meant = inventory
                    .hosts()
                    .filter(|host| self.part_matches(hosts.as_ref(), (*host).into()))
                    .peekable();
                matches!(processes, ProcessSelector::Named(_))
                    && meant.peek().is_some()
                    && meant.all(|host| {
                        host.is_reported()
                            && !host.rows().any(|row| is_named(processes, &row.group, &row.name))
                    })
            })
            .map(|(.., text)| text.clone())
            .collect()
    }

    /// Each host with each part that is for it.
    pub(crate) fn parts<'a>(&'a self, inventory: &'a Inventory) -> Vec<Part<'a>> {
        let mut all = Vec::new();
        for (hosts, processes, _) in &self.parts {
            for host in inventory.hosts() {
                if self.part_matches(hosts.as_ref(), host.into()) {
                    all.push(Part { host, processes });
                }
            }
        }
        all
    }
}

/// Whether a process part means a process.
pub(crate) fn is_named(part: &ProcessSelector, group: &str, process: &str) -> bool {
    match part {
        ProcessSelector::All => true,
        ProcessSelector::Named(name) => {
            name.group == group
                && match &name.process {
                    ProcessPart::Every => true,
                    ProcessPart::One(one) => one == process,
                }
        }
    }
}

fn is_in(tree: &HostSelector, host: HostView<'_>) -> bool {
    match tree {
        HostSelector::Every => true,
        HostSelector::Name(name) => host.name == name,
        HostSelector::Glob(pattern) => glob_matches(pattern, host.name),
        HostSelector::Label(term) => holds(term, host.labels),
        HostSelector::State(HostState::Up) => host.liveness == Liveness::Up,
        HostSelector::State(HostState::Down) => host.liveness == Liveness::Down,
        HostSelector::State(HostState::Stale) => host.liveness != Liveness::Up,
        HostSelector::Union(terms) => terms.iter().any(|term| is_in(term, host)),
        HostSelector::Intersection(terms) => terms.iter().all(|term| is_in(term, host)),
        HostSelector::Difference(terms) => {
            let mut each = terms.iter().map(|term| is_in(term, host));
            each.next().unwrap_or(false) && !each.any(|is| is)
        }
        HostSelector::Exclusive(terms) => {
            terms.iter().filter(|term| is_in(term, host)).count() % 2 == 1
        }
    }
}

fn holds(term: &LabelTerm, labels: &BTreeMap<String, String>) -> bool {
    match term {
        LabelTerm::Is(key, value) => labels.get(key) == Some(value),
        LabelTerm::IsNot(key, value) => labels.get(key) != Some(value),
        LabelTerm::Has(key) => labels.contains_key(key),
        LabelTerm::HasNot(key) => !labels.contains_key(key),
        LabelTerm::In(key, values) => labels.get(key).is_some_and(|v| values.contains(v)),
        LabelTerm::NotIn(key, values) => !labels.get(key).is_some_and(|v| values.contains(v)),
    }
}

fn literals<'a>(tree: &'a HostSelector, names: &mut BTreeSet<&'a str>) {
    match tree {
        HostSelector::Name(name) => {
            names.insert(name);
        }
        HostSelector::Every
        | HostSelector::Glob(_)
        | HostSelector::Label(_)
        | HostSelector::State(_) => {}
        HostSelector::Union(terms)
        | HostSelector::Intersection(terms)
        | HostSelector::Difference(terms)
        | HostSelector::Exclusive(terms) => {
            for term in terms {
                literals(term, names);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{SelectError, Selector};
    use crate::fleet::testing::inventory;
    use crate::request::Selection;

    fn hosts(hosts: &str, labels: &[&str]) -> Result<String, SelectError> {
        let selection = Selection {
            hosts: hosts.to_owned(),
            labels: labels.iter().map(ToString::to_string).collect(),
            ..Selection::default()
        };
        let known = inventory(
            "
            db-1 role=db zone=a | shop:db 1/1 RUNNING
            web-1 role=web zone=a | shop:api 2/5 STOPPED
            web-2 role=web zone=b | shop:api 2/5 STOPPED
        ",
        );
        let found = Selector::parse(&selection)?.hosts(&known)?;
        Ok(found.iter().map(|host| host.name.as_str()).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn hosts_are_chosen_by_name_glob_range_label_and_operator() {
        for (text, labels, expected) in [
            ("", &[][..], "db-1 web-1 web-2"),
            ("web-*", &[], "web-1 web-2"),
            ("web-[1-2]", &[], "web-1 web-2"),
            ("web-2,db-1", &[], "db-1 web-2"),
            ("web-*!zone=b", &[], "web-1"),
            ("web-* & zone=b", &[], "web-2"),
            ("zone=a ^ role=web", &[], "db-1 web-2"),
            ("", &["role=web"], "web-1 web-2"),
            ("", &["role!=web"], "db-1"),
            ("web-*", &["zone=a", "!ssd"], "web-1"),
            ("x*", &[], ""),
            ("~down", &[], ""),
            ("~up & role in (db,cache)", &[], "db-1"),
        ] {
            assert_eq!(hosts(text, labels), Ok(expected.to_owned()), "{text:?} {labels:?}");
        }
    }

    #[test]
    fn a_literal_host_must_exist_also_out_of_a_range() {
        let missing = |names: &[&str]| {
            Err(SelectError::NoSuchHost(names.iter().map(ToString::to_string).collect()))
        };
        assert_eq!(hosts("web-1,web-9", &[]), missing(&["web-9"]));
        assert_eq!(hosts("web-[2-4]", &[]), missing(&["web-3", "web-4"]));
        assert!(matches!(hosts("a,b&c", &[]), Err(SelectError::Bad(_))));
    }
}
