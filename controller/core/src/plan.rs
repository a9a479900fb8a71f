//! Selector × inventory → waves: who goes together, and in which order.
//!
//! Targets with equal (group priority, process priority) share a wave on all hosts; waves ascend
//! for start and restart and descend for stop. What a plan says is frozen in the operation's record.

use std::collections::{BTreeMap, BTreeSet};

use proto_words::{ProcessPart, ProcessSelector, ProcessState, Row, Target};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::inventory::{Host, Inventory};
use crate::request::{Barrier, Request, RestartOrder, Verb};
use crate::select::{Part, SelectError, Selector, is_named};

/// supervisord's default priority, for targets of which nothing is known and for whole hosts.
const PRIORITY_DEFAULT: i64 = 999;

/// What an operation would do.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Plan {
    /// In the order in which they open.
    pub waves: Vec<Wave>,
    /// The least time that it can take, in seconds: the sum over waves of the longest `startsecs`.
    pub least_secs: u64,
    /// What a person should know before.
    pub warnings: Vec<String>,
}

/// Targets that go together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// The groups' priority.
    pub group_priority: i64,
    /// The processes' own.
    pub priority: i64,
    /// Which half of a restart in two halves; `Whole` for everything else.
    pub half: Half,
    /// Sorted.
    pub targets: Vec<PlannedTarget>,
    /// The longest `startsecs` that this wave waits for, in seconds.
    pub least_secs: u64,
}

/// A restart that stops all before it starts all has two halves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Half {
    /// The verb as it is.
    Whole,
    /// Stop; the same targets come again.
    Stop,
    /// Start, what was stopped before.
    Start,
}

/// One target, and whether its host has told of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PlannedTarget {
    /// Which; group and process are empty for a whole host.
    pub target: Target,
    /// `false`: the host has not told its processes, so this one stands for what may be there.
    pub is_known: bool,
}

/// Why there is no plan.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanRefused {
    /// The selection cannot be read, or names what is not there.
    #[error(transparent)]
    Select(#[from] SelectError),
    /// The selection matches nothing.
    #[error("the selection matches nothing; --allow-empty takes that as done")]
    Empty,
    /// It is for more hosts than the guard lets through unasked.
    #[error("this is for {hosts} hosts, and more than {limit} need agreement: add --yes {hosts}")]
    Guard {
        /// How many hosts it is for.
        hosts: u32,
        /// `guard_hosts`.
        limit: u32,
    },
}

/// A target on its way into a wave.
struct Found {
    target: Target,
    is_known: bool,
    key: (i64, i64),
    waits_secs: u64,
}

/// Plans a request; `guard_hosts` is the number of hosts that need no agreement.
///
/// # Errors
///
/// [`PlanRefused`]; nothing has been done then.
pub fn plan(
    inventory: &Inventory,
    request: &Request,
    guard_hosts: u32,
) -> Result<Plan, PlanRefused> {
    let selector = Selector::parse(&request.selection).map_err(SelectError::from)?;
    selector.hosts(inventory)?;
    let found = if request.verb.is_for_hosts() {
        whole_hosts(&selector, inventory)
    } else {
        let missing = selector.missing_processes(inventory);
        if !missing.is_empty() {
            return Err(SelectError::NoSuchProcess(missing).into());
        }
        processes(&selector, inventory, &request.verb)
    };
    if found.is_empty() && !request.allow_empty {
        return Err(PlanRefused::Empty);
    }
    guard(&found, request, guard_hosts)?;
    let warnings = warnings(inventory, &found);
    let waves = arrange(found, &request.verb);
    Ok(Plan { least_secs: waves.iter().map(|wave| wave.least_secs).sum(), waves, warnings })
}

fn guard(found: &[Found], request: &Request, limit: u32) -> Result<(), PlanRefused> {
    let names: BTreeSet<_> = found.iter().map(|found| &found.target.host).collect();
    let hosts = u32::try_from(names.len()).unwrap_or(u32::MAX);
    if hosts > limit && request.yes != hosts && !request.dry_run {
        return Err(PlanRefused::Guard { hosts, limit });
    }
    Ok(())
}

fn whole_hosts(selector: &Selector, inventory: &Inventory) -> Vec<Found> {
    inventory
        .hosts()
        .filter(|host| selector.matches_host((*host).into()))
        .map(|host| Found {
            target: target(host, "", ""),
            is_known: true,
            key: (PRIORITY_DEFAULT, PRIORITY_DEFAULT),
            waits_secs: 0,
        })
        .collect()
}

fn processes(selector: &Selector, inventory: &Inventory, verb: &Verb) -> Vec<Found> {
    let mut all = BTreeMap::new();
    for part in selector.parts(inventory) {
        if part.host.is_reported() {
            let rows = part.host.rows();
            for row in rows.filter(|row| is_named(part.processes, &row.group, &row.name)) {
                let found = known(part.host, row, verb);
                all.insert(found.target.clone(), found);
            }
        } else {
            let found = unreported(&part);
            all.insert(found.target.clone(), found);
        }
    }
    all.into_values().collect()
}

fn known(host: &Host, row: &Row, verb: &Verb) -> Found {
    let waits = match verb {
        Verb::Start(Barrier::Running) => row.state != Some(ProcessState::Running),
        Verb::Restart(Barrier::Running, _) => true,
        _ => false,
    };
    let startsecs = u64::try_from(row.startsecs).unwrap_or(0);
    Found {
        target: target(host, &row.group, &row.name),
        is_known: true,
        key: if is_ordered(verb) {
            (row.group_priority, row.priority)
        } else {
            (PRIORITY_DEFAULT, PRIORITY_DEFAULT)
        },
        waits_secs: if waits { startsecs } else { 0 },
    }
}

/// The host has not told its processes: one target stands for what may be there, so that the host
/// is not forgotten in the result.
fn unreported(part: &Part<'_>) -> Found {
    let (group, process) = match part.processes {
        ProcessSelector::All => ("", ""),
        ProcessSelector::Named(name) => match &name.process {
            ProcessPart::Every => (name.group.as_str(), ""),
            ProcessPart::One(one) => (name.group.as_str(), one.as_str()),
        },
    };
    Found {
        target: target(part.host, group, process),
        is_known: false,
        key: (PRIORITY_DEFAULT, PRIORITY_DEFAULT),
        waits_secs: 0,
    }
}

fn target(host: &Host, group: &str, process: &str) -> Target {
    Target { host: host.name.clone(), group: group.to_owned(), process: process.to_owned() }
}

fn is_ordered(verb: &Verb) -> bool {
    matches!(verb, Verb::Start(_) | Verb::Stop | Verb::Restart(..))
}

fn arrange(found: Vec<Found>, verb: &Verb) -> Vec<Wave> {
    let mut by_key: BTreeMap<(i64, i64), Vec<Found>> = BTreeMap::new();
    for found in found {
        by_key.entry(found.key).or_default().push(found);
    }
    let ascending = |half| by_key.iter().map(move |(key, found)| wave(*key, found, half));
    let descending = |half| by_key.iter().rev().map(move |(key, found)| wave(*key, found, half));
    match verb {
        Verb::Stop => descending(Half::Whole).collect(),
        Verb::Restart(_, RestartOrder::StopThenStart) => {
            descending(Half::Stop).chain(ascending(Half::Start)).collect()
        }
        _ => ascending(Half::Whole).collect(),
    }
}

fn wave((group_priority, priority): (i64, i64), found: &[Found], half: Half) -> Wave {
    let least = found.iter().map(|found| found.waits_secs).max().unwrap_or(0);
    Wave {
        group_priority,
        priority,
        half,
        targets: found
            .iter()
            .map(|found| PlannedTarget { target: found.target.clone(), is_known: found.is_known })
            .collect(),
        least_secs: if half == Half::Stop { 0 } else { least },
    }
}

/// Hosts that disagree about a group's priority, and hosts of which nothing is known.
fn warnings(inventory: &Inventory, found: &[Found]) -> Vec<String> {
    let mut groups: BTreeMap<&str, BTreeMap<i64, BTreeSet<&str>>> = BTreeMap::new();
    let mut unreported = BTreeSet::new();
    for found in found {
        if let Some(row) = inventory.row(&found.target) {
            let hosts = groups.entry(&found.target.group).or_default();
            hosts.entry(row.group_priority).or_default().insert(&found.target.host);
        } else if !found.is_known {
            unreported.insert(found.target.host.as_str());
        }
    }
    let disagreeing = groups.iter().filter(|(_, by)| by.len() > 1).map(|(group, by)| {
        let each: Vec<_> =
            by.iter().map(|(priority, hosts)| format!("{priority} on {}", join(hosts))).collect();
        format!(
            "group {group} has different priorities, each host keeps its own: {}",
            each.join("; ")
        )
    });
    let unheard = unreported
        .iter()
        .map(|host| format!("{host} has not told its processes since the controller started"));
    disagreeing.chain(unheard).collect()
}

fn join(names: &BTreeSet<&str>) -> String {
    names.iter().copied().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::{Half, Plan, PlanRefused, plan};
    use crate::fleet::testing::{inventory, request};
    use crate::select::SelectError;

    const SHOP: &str = "
        db-1 role=db | shop:db 1/1 STOPPED, cat:cat 999/999 RUNNING
        web-1 role=web | shop:api 1/5 STOPPED, shop:web 1/9 STOPPED
        web-2 role=web | shop:api 1/5 STOPPED, shop:web 1/9 STOPPED
    ";

    fn waves(plan: &Plan) -> String {
        let one = |wave: &super::Wave| {
            let names: Vec<_> = wave.targets.iter().map(|t| t.target.to_string()).collect();
            let half = match wave.half {
                Half::Whole => "",
                Half::Stop => "stop ",
                Half::Start => "start ",
            };
            format!("{half}{}/{}: {}", wave.group_priority, wave.priority, names.join(" "))
        };
        plan.waves.iter().map(one).collect::<Vec<_>>().join("\n")
    }

    fn planned(words: &str) -> Result<Plan, PlanRefused> {
        plan(&inventory(SHOP), &request(words), 10)
    }

    #[test]
    fn equal_keys_share_a_wave_and_a_stop_goes_down() {
        let start = planned("start all").unwrap();
        assert_eq!(
            waves(&start),
            "1/1: db-1/shop:db\n\
             1/5: web-1/shop:api web-2/shop:api\n\
             1/9: web-1/shop:web web-2/shop:web\n\
             999/999: db-1/cat"
        );
        assert_eq!(start.least_secs, 3, "cat runs already");
        assert_eq!(
            waves(&planned("stop shop:*").unwrap()),
            "1/9: web-1/shop:web web-2/shop:web\n\
             1/5: web-1/shop:api web-2/shop:api\n\
             1/1: db-1/shop:db"
        );
    }

    #[test]
    fn a_restart_may_stop_all_before_it_starts_all() {
        assert_eq!(
            waves(&planned("stop-then-start web-1/all").unwrap()),
            "stop 1/9: web-1/shop:web\nstop 1/5: web-1/shop:api\n\
             start 1/5: web-1/shop:api\nstart 1/9: web-1/shop:web"
        );
    }

    #[test]
    fn verbs_for_hosts_name_hosts_and_signals_need_no_order() {
        assert_eq!(waves(&planned("reread web-*/all").unwrap()), "999/999: web-1/ web-2/");
        assert_eq!(planned("signal all").unwrap().waves.len(), 1);
    }

    #[test]
    fn hosts_that_disagree_are_named_and_keep_their_own_key() {
        let known = inventory(
            "
            db-1 | shop:db 1/1 STOPPED
            web-1 | shop:api 7/1 STOPPED
        ",
        );
        let plan = plan(&known, &request("start all"), 10).unwrap();
        assert_eq!(
            plan.warnings,
            ["group shop has different priorities, each host keeps its own: 1 on db-1; 7 on web-1"]
        );
        assert_eq!(plan.waves.len(), 2);
    }

    #[test]
    fn a_host_that_has_told_nothing_is_not_forgotten() {
        let known = inventory(
            "
            db-1 | shop:db 1/1 STOPPED
            web-1 unheard
        ",
        );
        let plan = plan(&known, &request("start shop:"), 10).unwrap();
        assert_eq!(waves(&plan), "1/1: db-1/shop:db\n999/999: web-1/shop:");
        assert!(plan.warnings[0].starts_with("web-1 has not told its processes"));
    }

    #[test]
    fn a_plan_is_refused_for_what_is_not_there_for_nothing_and_for_too_many() {
        let missing = SelectError::NoSuchProcess(vec!["shop:cache".to_owned()]);
        assert_eq!(planned("start shop:cache"), Err(PlanRefused::Select(missing)));
        assert_eq!(planned("start x*/all"), Err(PlanRefused::Empty));
        let known = inventory(SHOP);
        let guard = PlanRefused::Guard { hosts: 3, limit: 2 };
        let mut asked = request("start all");
        assert_eq!(plan(&known, &asked, 2), Err(guard));
        asked.yes = 3;
        assert!(plan(&known, &asked, 2).is_ok());
    }
}
