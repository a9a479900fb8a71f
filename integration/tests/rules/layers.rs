//! Inside a shell: doors send commands, hands perform effects, and none knows another.

use super::none;
use super::tree::{Source, sources};

/// One shell's areas. A file of a door names no other door and no hand; a file of a hand no door.
struct Shell {
    root: &'static str,
    doors: &'static [&'static str],
    hands: &'static [&'static str],
    /// A door and the hand that serves it alone: no effect of the core reaches that hand.
    served: &'static [(&'static str, &'static str)],
}

const SHELLS: &[Shell] = &[
    Shell {
        root: "agent/src/",
        doors: &["http", "xmlrpc", "fleet", "web", "events"],
        hands: &["spawn", "logs", "ledger"],
        served: &[("fleet", "ledger")],
    },
    Shell {
        root: "controller/src/",
        doors: &["link", "api", "http"],
        hands: &["store"],
        served: &[],
    },
];

#[test]
fn doors_and_hands_do_not_know_one_another() {
    let sources = sources();
    let mut offences = Vec::new();
    for shell in SHELLS {
        for source in sources.iter().filter(|source| source.path.starts_with(shell.root)) {
            offences.extend(shell.offences(source));
        }
    }
    none("door → command → run.rs → core → effect → hand", &offences);
}

impl Shell {
    fn offences(&self, source: &Source) -> Vec<String> {
        let inside = source.path.trim_start_matches(self.root).trim_end_matches(".rs");
        let area = inside.split('/').next().unwrap_or_default();
        let forbidden = self.forbidden(area);
        let names = |line: &str| forbidden.iter().find(|other| mentions(line, other)).copied();
        source
            .code()
            .filter_map(|(number, line)| Some((number, names(line)?)))
            .map(|(number, other)| format!("{}:{number}: {area} uses {other}", source.path))
            .collect()
    }

    fn forbidden(&self, area: &str) -> Vec<&'static str> {
        let others = |all: &[&'static str]| -> Vec<&'static str> {
            all.iter().copied().filter(|other| *other != area).collect()
        };
        if self.doors.contains(&area) {
            let mut forbidden = [others(self.doors), others(self.hands)].concat();
            forbidden.retain(|other| !self.served.contains(&(area, other)));
            forbidden
        } else if self.hands.contains(&area) {
            self.doors.to_vec()
        } else {
            vec![]
        }
    }
}

/// `crate::other::…`, `crate::other;`, or `other` in a list after `use crate::{`.
fn mentions(line: &str, other: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_');
    let direct = line
        .match_indices(&format!("crate::{other}"))
        .any(|(at, text)| is_end(&line[at + text.len()..]));
    let listed = line.split_once("use crate::{").is_some_and(|(_, list)| {
        list.split([',', '}', ' ']).any(|word| word.split("::").next() == Some(other))
    });
    direct || listed
}

#[test]
fn mentions_are_recognised() {
    assert!(mentions("use crate::spawn::Order;", "spawn"));
    assert!(mentions("    crate::spawn::now()", "spawn"));
    assert!(mentions("use crate::{mailbox, spawn::Order};", "spawn"));
    assert!(!mentions("use crate::spawning;", "spawn"));
    assert!(!mentions("use tokio::spawn;", "spawn"));
}

/// Where generated messages may be named: where they are translated, and at the doors.
const MESSAGES: &[&str] = &[
    "proto/",
    "agent/src/fleet",
    // The ledger keeps orders and results as they were sent, so that old bytes stay readable by
    // the same rules on disk as on the wire.
    "agent/src/ledger",
    "controller/src/link",
    "controller/src/api",
    // The queue from the loop to a session carries what is sent; nothing in it is looked at there.
    "controller/src/mailbox.rs",
    "cli/src/fleet",
    "cli/src/reach",
    "integration/",
];

#[test]
fn messages_stop_at_the_doors() {
    let mut offences = Vec::new();
    for source in sources() {
        let at_a_door = MESSAGES.iter().any(|place| source.path.starts_with(place));
        // A test that plays an agent or an operator speaks as they do.
        if at_a_door || source.path.contains("/tests/") {
            continue;
        }
        let named = source.code().filter(|(_, line)| line.contains("proto::v1"));
        offences.extend(named.map(|(number, _)| format!("{}:{number}", source.path)));
    }
    none("a message is translated where it comes in", &offences);
}
