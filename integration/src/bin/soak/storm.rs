//! Everything at once and in any order: kills, stops, starts, signals and updates. Between two
//! rounds everything is brought to rest, sometimes through a restart, and looked at.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::time::Duration;

use integration::journal::Journal;
use integration::processes::Seen;
use integration::rpc::{CallError, Door, member};
use integration::subject::{Daemon, Host, Subject};
use integration::wait;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{RngExt as _, SeedableRng as _};

/// How long thousands of programs may take to come to a state, on a machine that does other things.
pub const LONG: Duration = Duration::from_mins(5);

/// So many groups, each with so many programs.
const GROUPS: usize = 20;
const IN_A_GROUP: usize = 10;

/// The storm is looked at so often; the first rounds are for memory to find its size.
const ROUNDS: u32 = 10;
const WARM_ROUNDS: u32 = 3;

/// How far memory may stray from where it was when it was warm.
const DRIFT_KIB: u64 = 1024;

/// Between two deeds of the same hand: many, and yet not so many that nothing else happens.
const PAUSE_MS_MAX: u64 = 8;

/// What a method may answer instead of yes in such weather: no such process, already running, not
/// running, spawn error, abnormal termination, still running, already added, failed.
const FAULTS: &[i32] = &[10, 60, 70, 50, 40, 91, 90, 30];

/// Rages for so long.
pub fn storm(length: Duration, seed: u64) {
    println!("a storm of {} s; --seed {seed} repeats its deeds", length.as_secs());
    let mut host = Host::new(Subject::Ours, &configuration(&mut None));
    host.copy_program();
    let mut daemon = Daemon::start_on(host);
    let mut look = Look::first(&daemon);
    for round in 0..ROUNDS {
        let until = wait::mono() + length / ROUNDS;
        let hand = |number: u64| Hand::new(&daemon, seed, round, number, until);
        let deeds = std::thread::scope(|scope| {
            let hands = [
                scope.spawn(|| hand(0).rage(Hand::kill_somebody)),
                scope.spawn(|| hand(1).rage(Hand::ask)),
                scope.spawn(|| hand(2).rage(Hand::ask)),
                scope.spawn(|| hand(3).rage(Hand::update)),
            ];
            hands.map(|hand| hand.join().expect("a hand that did its work"))
        });
        if round % 2 == 1 {
            live_again(&daemon);
        }
        calm_down(&daemon);
        look.again(&daemon, round);
        println!("  round {round}: {deeds:?} kills, orders (two hands) and updates; {look}");
    }
    daemon.signal(Signal::SIGTERM);
    let code = wait::until(LONG, "the end of the agent", || daemon.ended().ok_or("runs"));
    assert_eq!(code, 0, "the exit code");
    look.at_the_end(&daemon);
    println!("all of them are gone");
}

/// All groups, or a choice of them in which some have changed.
fn configuration(chance: &mut Option<&mut StdRng>) -> String {
    let mut text = "{head}\n[supervisord]\nlogfile_maxbytes=0\n".to_owned();
    for group in 0..GROUPS {
        let mut priority = 1;
        if let Some(random) = chance {
            if random.random_ratio(1, 10) {
                continue;
            }
            priority = random.random_range(1..4);
        }
        let _ = write!(
            text,
            "[program:g{group}]\ncommand={{sleeper}}\nprocess_name=g{group}-%(process_num)d\n\
             numprocs={IN_A_GROUP}\npriority={priority}\nstartsecs={}\nstartretries=1000\nstopwaitsecs=1\n\
             autorestart=true\nstdout_logfile=NONE\nstderr_logfile=NONE\n",
            group % 2
        );
    }
    text
}

/// One who does things.
struct Hand<'daemon> {
    daemon: &'daemon Daemon,
    random: StdRng,
    until: Duration,
}

impl<'daemon> Hand<'daemon> {
    fn new(daemon: &'daemon Daemon, seed: u64, round: u32, number: u64, until: Duration) -> Self {
        let own = seed ^ (u64::from(round) << 32) ^ number;
        Self { daemon, random: StdRng::seed_from_u64(own), until }
    }

    /// Does it again and again, and says how often.
    fn rage(mut self, deed: impl Fn(&mut Self)) -> usize {
        let mut deeds = 0;
        while wait::mono() < self.until {
            deed(&mut self);
            deeds += 1;
            let pause = self.random.random_range(0..=PAUSE_MS_MAX);
            wait::pass(Duration::from_millis(pause));
        }
        deeds
    }

    fn kill_somebody(&mut self) {
        if let Some(pid) = Seen::of(self.daemon.pid()).children().choose(&mut self.random) {
            // Only as long as it is a child does the pid mean that one; nobody else has such a parent.
            if Seen::of(*pid).is_child_of(self.daemon.pid()) {
                let _ = kill(*pid, Signal::SIGKILL);
            }
        }
    }

    /// An order to one program or to a group.
    fn ask(&mut self) {
        let group = self.random.random_range(0..GROUPS);
        let name = match self.random.random_range(0..=IN_A_GROUP) {
            IN_A_GROUP => format!("g{group}:*"),
            number => format!("g{group}:g{group}-{number}"),
        };
        let name = format!("<string>{name}</string>");
        let wait = format!("<boolean>{}</boolean>", u8::from(self.random.random_bool(0.5)));
        let signals = ["TERM", "KILL", "STOP", "CONT", "HUP", "USR1"];
        let signal = signals.choose(&mut self.random).expect("there are some");
        let door = self.daemon.door();
        let answer = match self.random.random_range(0..4) {
            0 => door.call_with("supervisor.startProcess", &[name, wait]),
            1 => door.call_with("supervisor.stopProcess", &[name, wait]),
            2 => door.call_with(
                "supervisor.signalProcess",
                &[name, format!("<string>{signal}</string>")],
            ),
            _ => door.call("supervisor.getAllProcessInfo", &[]),
        };
        tolerate(answer);
    }

    /// Another configuration, taken over as `supervisorctl update` does.
    fn update(&mut self) {
        let text = configuration(&mut Some(&mut self.random));
        self.daemon.host().configure(&text);
        update(&self.daemon.door());
        self.daemon.signal(Signal::SIGUSR2);
        wait::pass(Duration::from_millis(100));
    }
}

/// A refusal is part of the storm; anything else is not.
fn tolerate(answer: Result<String, CallError>) {
    match answer {
        Ok(_) => {}
        Err(CallError::Fault(fault)) if FAULTS.contains(&fault.code) => {}
        Err(error) => panic!("{error}"),
    }
}

fn update(door: &Door) {
    let xml = door.call("supervisor.reloadConfig", &[]).expect("the configuration is good");
    let lists: Vec<Vec<String>> = xml.split("<data>").skip(3).map(strings).collect();
    let [added, changed, removed] = lists.as_slice() else {
        panic!("three lists: {xml}");
    };
    for group in removed.iter().chain(changed) {
        tolerate(door.call("supervisor.stopProcessGroup", &[group]));
        tolerate(door.call("supervisor.removeProcessGroup", &[group]));
    }
    for group in changed.iter().chain(added) {
        tolerate(door.call("supervisor.addProcessGroup", &[group]));
    }
}

fn strings(list: &str) -> Vec<String> {
    let list = list.split("</data>").next().unwrap_or_default();
    let texts = list.split("<string>").skip(1);
    texts.filter_map(|text| Some(text.split_once("</string>")?.0.to_owned())).collect()
}

/// A restart, until nobody of the life before is left.
fn live_again(daemon: &Daemon) {
    daemon.host().configure(&configuration(&mut None));
    let before = listed(daemon).expect("an answer");
    daemon.signal(Signal::SIGHUP);
    wait::until(LONG, "another life", || match listed(daemon) {
        Ok(now) if now.is_disjoint(&before) => Ok(()),
        Ok(_) => Err("the same life".to_owned()),
        Err(error) => Err(error.to_string()),
    });
}

/// Brings the host to its first configuration, everything running.
fn calm_down(daemon: &Daemon) {
    daemon.host().configure(&configuration(&mut None));
    let door = daemon.door();
    wait::until(LONG, "the first configuration", || {
        update(&door);
        let xml = door.call("supervisor.reloadConfig", &[]).map_err(|error| error.to_string())?;
        if xml.contains("<string>") { Err(xml) } else { Ok(()) }
    });
    wait::until(LONG, "everything to run", || {
        tolerate(door.call("supervisor.signalAllProcesses", &["CONT"]));
        tolerate(door.call("supervisor.startAllProcesses", &[]));
        let all = door.call("supervisor.getAllProcessInfo", &[]).map_err(|e| e.to_string())?;
        let running = all.matches("<string>RUNNING</string>").count();
        if running == GROUPS * IN_A_GROUP { Ok(()) } else { Err(format!("{running} run")) }
    });
}

/// What is looked at when it is calm.
struct Look {
    journal: Journal,
    descriptors: usize,
    memory: u64,
    warm: Option<u64>,
}

impl Look {
    fn first(daemon: &Daemon) -> Self {
        calm_down(daemon);
        let agent = Seen::of(daemon.pid());
        let journal = Journal::of(&daemon.path("main.log"));
        let descriptors = agent.open_descriptors();
        Self { journal, descriptors, memory: agent.memory_kib(), warm: None }
    }

    fn again(&mut self, daemon: &Daemon, round: u32) {
        let agent = Seen::of(daemon.pid());
        self.journal.follow();
        assert_eq!(self.journal.faults, [""; 0]);
        let told = listed(daemon).expect("an answer");
        let lives = self.journal.programs.values();
        let known: BTreeSet<Pid> = lives.filter_map(|lives| lives.pid).collect();
        let children: BTreeSet<Pid> = agent.children().into_iter().collect();
        assert_eq!(children, told, "no child is unlisted, and none is missing");
        assert_eq!(known, told, "the log tells of the same");
        let descriptors = self.descriptors;
        // A connection of ours may still have been open when they were first counted.
        wait::until(LONG, "no more descriptors than at first", || {
            let now = agent.open_descriptors();
            if now <= descriptors { Ok(()) } else { Err(format!("{now}, not {descriptors}")) }
        });
        self.memory = agent.memory_kib();
        if round + 1 < WARM_ROUNDS {
            return;
        }
        let warm = *self.warm.get_or_insert(self.memory);
        let drift = self.memory.abs_diff(warm);
        assert!(drift <= DRIFT_KIB, "{warm} KiB became {} KiB", self.memory);
    }

    fn at_the_end(mut self, daemon: &Daemon) {
        self.journal.follow();
        assert_eq!(self.journal.faults, [""; 0]);
        let begun = self.journal.sum(|lives| lives.begun);
        assert_eq!(self.journal.sum(|lives| lives.exited + lives.stopped), begun);
        assert_eq!(daemon.home().processes(), [], "processes that outlived their agent");
    }
}

/// The pids that the agent tells of.
fn listed(daemon: &Daemon) -> Result<BTreeSet<Pid>, CallError> {
    let all = daemon.door().call("supervisor.getAllProcessInfo", &[])?;
    let pids = all.split("<struct>").skip(1).filter_map(|xml| member(xml, "pid")?.parse().ok());
    Ok(pids.filter(|pid| *pid != 0).map(Pid::from_raw).collect())
}

impl std::fmt::Display for Look {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let begun = self.journal.sum(|lives| lives.begun);
        let killed = self.journal.sum(|lives| lives.killed);
        let Self { descriptors, memory, .. } = self;
        write!(f, "{begun} births, {killed} killed, {descriptors} descriptors, {memory} KiB")
    }
}
