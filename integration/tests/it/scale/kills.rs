//! SIGKILL to any child at any moment, a thousand times.

use std::collections::{BTreeSet, HashSet};

use integration::journal::Journal;
use integration::processes::Seen;
use integration::subject::{Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

use super::{HEAD, wait_up};

/// Some of them are not up before they have lived for a second: killed before, they wait.
const PATIENT: usize = 5;
const PROGRAMS: usize = 50;

/// The first measure is taken when everything has happened often enough to have taken its memory.
const KILLS_BEFORE: usize = 200;
const KILLS: usize = 1000;

/// How far memory may grow, or shrink, between the two measures.
const DRIFT_KIB: u64 = 512;

#[test]
fn a_thousand_kills_in_any_order_leave_states_lines_descriptors_and_memory_right() {
    let seed = std::env::var("SEED").ok().and_then(|text| text.parse().ok());
    let seed = seed.unwrap_or_else(|| rand::rng().random());
    println!("SEED={seed} repeats this order");
    let mut host = Host::new(Subject::Ours, &configuration());
    host.copy_program();
    let daemon = Daemon::start_on(host);
    let mut journal = Journal::of(&daemon.path("main.log"));
    wait_up(&mut journal, PROGRAMS, PROGRAMS);

    let mut storm =
        Storm { daemon: &daemon, random: StdRng::seed_from_u64(seed), killed: HashSet::new() };
    storm.rage(KILLS_BEFORE);
    wait_up(&mut journal, PROGRAMS, PROGRAMS + KILLS_BEFORE);
    let agent = Seen::of(daemon.pid());
    let (descriptors, memory) = (agent.open_descriptors(), agent.memory_kib());
    storm.rage(KILLS - KILLS_BEFORE);
    wait_up(&mut journal, PROGRAMS, PROGRAMS + KILLS);

    assert_eq!(journal.faults, [""; 0]);
    let sums = [
        journal.sum(|lives| lives.exited),
        journal.sum(|lives| lives.killed),
        journal.sum(|lives| lives.stopped),
    ];
    assert_eq!(sums, [KILLS, KILLS, 0], "each death has its line, and its cause");
    let known: BTreeSet<Pid> = journal.programs.values().filter_map(|lives| lives.pid).collect();
    let children: BTreeSet<Pid> = agent.children().into_iter().collect();
    assert_eq!(known, children, "nobody is unknown, and nobody is missing");
    for (name, lives) in &journal.programs {
        let process =
            daemon.process(&format!("s:{name}")).or_else(|_| daemon.process(&format!("p:{name}")));
        let process = process.unwrap();
        assert_eq!((process.state.as_str(), Some(process.pid)), ("RUNNING", lives.pid), "{name}");
    }
    wait::until(PATIENCE, "as many descriptors as before", || {
        let now = agent.open_descriptors();
        if now == descriptors { Ok(()) } else { Err(format!("{now}, not {descriptors}")) }
    });
    let after = agent.memory_kib();
    println!("{descriptors} descriptors; {memory} KiB, then {after} KiB");
    assert!(after.abs_diff(memory) <= DRIFT_KIB, "{memory} KiB became {after} KiB");
}

fn configuration() -> String {
    let quick = PROGRAMS - PATIENT;
    format!(
        "{HEAD}
[program:s]
command={{sleeper}}
process_name=quick%(process_num)d
numprocs={quick}
startsecs=0
autorestart=true
stdout_logfile=NONE
stderr_logfile=NONE
[program:p]
command={{sleeper}}
process_name=patient%(process_num)d
numprocs={PATIENT}
startsecs=1
startretries=1000
autorestart=true
"
    )
}

/// Who kills.
struct Storm<'daemon> {
    daemon: &'daemon Daemon,
    random: StdRng,
    /// Each with the moment at which it was born: a pid alone may come again.
    killed: HashSet<(Pid, u64)>,
}

impl Storm<'_> {
    /// Kills so many, each once.
    fn rage(&mut self, kills: usize) {
        for number in 0..kills {
            let victim = wait::until(PATIENCE, &format!("somebody for kill {number}"), || {
                // The list of children is not exact while children come and go.
                let children = Seen::of(self.daemon.pid()).children();
                let pid = children.choose(&mut self.random).copied().ok_or("nobody")?;
                let born = Seen::of(pid).born().ok_or("gone")?;
                if self.killed.insert((pid, born)) { Ok(pid) } else { Err("killed already") }
            });
            kill(victim, Signal::SIGKILL).expect("a child of the agent, seen just now");
        }
    }
}
