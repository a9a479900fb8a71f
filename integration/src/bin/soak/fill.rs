//! Many programs at once: as many in one agent as its descriptors allow, the rest in further ones.

use std::fs;

use integration::journal::Journal;
use integration::processes::Seen;
use integration::rpc::member;
use integration::subject::{Daemon, Host, Subject};
use integration::wait;
use nix::sys::resource::{Resource, getrlimit};
use nix::sys::signal::Signal;

use super::storm::LONG;

/// A pidfd, stdin, stdout and stderr.
const DESCRIPTORS_EACH: usize = 4;

/// For everything else that an agent has open: its servers, logs, threads, and who asks it things.
const DESCRIPTORS_BESIDES: usize = 60;

/// One agent must hold so many, or the machine is no place for a soak.
const IN_ONE_AGENT_MIN: usize = 3000;

/// Pids that are left to everybody else.
const PIDS_BESIDES: usize = 5000;

/// Starts them all, counts them in every way, and stops them all.
pub fn fill(wanted: usize) {
    let limit = descriptors();
    let in_one = (limit - DESCRIPTORS_BESIDES) / DESCRIPTORS_EACH;
    let room = free_pids();
    let programs = wanted.min(room);
    println!(
        "{limit} descriptors an agent at most: {in_one} programs; {room} pids to take; {programs} \
         programs of {wanted}"
    );
    assert!(
        in_one.min(programs) >= IN_ONE_AGENT_MIN,
        "one agent could hold {} programs, fewer than {IN_ONE_AGENT_MIN}: raise the hard limit of \
         open files, or pid_max",
        in_one.min(programs)
    );
    let mut agents = Vec::new();
    let mut left = programs;
    while left > 0 {
        let count = left.min(in_one);
        agents.push(Full::start(count, limit));
        left -= count;
    }
    for agent in &mut agents {
        agent.wait_running();
    }
    let counts: Vec<_> = agents.iter().map(|agent| agent.programs).collect();
    println!("{programs} programs run, in agents of {counts:?}");
    for agent in &mut agents {
        agent.stop_and_start_again();
    }
    println!("{programs} programs were stopped and run again");
    for agent in agents {
        agent.end();
    }
    println!("all of them are gone");
}

fn descriptors() -> usize {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is such a limit");
    let most = fs::read_to_string("/proc/sys/fs/nr_open").expect("the system's own limit");
    let most: u64 = most.trim().parse().expect("a number");
    usize::try_from(hard.min(most)).expect("a number of descriptors")
}

/// How many processes this machine has room for, some being left to others.
fn free_pids() -> usize {
    let most = fs::read_to_string("/proc/sys/kernel/pid_max").expect("the system's limit");
    let most: usize = most.trim().parse().expect("a number");
    // A thread takes a pid too: `4/321` in the load, behind the slash.
    let load = fs::read_to_string("/proc/loadavg").expect("the system's load");
    let taken = load.split(['/', ' ']).nth(4).and_then(|text| text.parse::<usize>().ok());
    most.saturating_sub(taken.expect("a number of threads") + PIDS_BESIDES)
}

/// An agent and its programs.
struct Full {
    daemon: Daemon,
    journal: Journal,
    programs: usize,
    /// What it has open when none of them runs.
    idle: usize,
}

impl Full {
    fn start(programs: usize, descriptors: usize) -> Self {
        let configuration = format!(
            "{{head}}
[supervisord]
logfile_maxbytes=0
minfds={descriptors}
[program:s]
command={{sleeper}}
process_name=%(process_num)d
numprocs={programs}
stdout_logfile=NONE
stderr_logfile=NONE
"
        );
        let daemon = Daemon::start_on(Host::new(Subject::Ours, &configuration));
        let journal = Journal::of(&daemon.path("main.log"));
        Self { daemon, journal, programs, idle: 0 }
    }

    fn wait_running(&mut self) {
        let begun = self.programs;
        self.wait_up(begun);
        let agent = Seen::of(self.daemon.pid());
        assert_eq!(agent.children().len(), self.programs, "children");
        assert_eq!(self.states("RUNNING"), self.programs, "RUNNING");
        let (used, memory) = (agent.open_descriptors(), agent.memory_kib());
        println!("  {} programs: {used} descriptors, {memory} KiB", self.programs);
        self.idle = used - self.programs * DESCRIPTORS_EACH;
    }

    fn wait_up(&mut self, begun: usize) {
        let (journal, programs) = (&mut self.journal, self.programs);
        wait::until(LONG, "all programs to run", || {
            let seen = (journal.follow().up(), journal.sum(|lives| lives.begun));
            if seen == (programs, begun) { Ok(()) } else { Err(format!("{seen:?}")) }
        });
    }

    fn states(&self, state: &str) -> usize {
        let all = self.daemon.door().call("supervisor.getAllProcessInfo", &[]).expect("an answer");
        all.matches(&format!("<string>{state}</string>")).count()
    }

    fn stop_and_start_again(&mut self) {
        let agent = Seen::of(self.daemon.pid());
        for (method, state) in [("stopAllProcesses", "STOPPED"), ("startAllProcesses", "RUNNING")] {
            let method = format!("supervisor.{method}");
            let results = self.daemon.door().call(&method, &[]).expect("an answer");
            let done = results.matches("<string>OK</string>").count();
            assert_eq!(done, self.programs, "{method}: {}", refusals(&results));
            assert_eq!(self.states(state), self.programs, "{state}");
            if state == "STOPPED" {
                assert_eq!(agent.children(), [], "children after a stop");
                let idle = self.idle;
                wait::until(LONG, "the descriptors to be closed", || {
                    let now = agent.open_descriptors();
                    if now <= idle { Ok(()) } else { Err(format!("{now}, not {idle}")) }
                });
            }
        }
        self.wait_up(2 * self.programs);
    }

    fn end(mut self) {
        self.daemon.signal(Signal::SIGTERM);
        let code = wait::until(LONG, "the end of an agent", || self.daemon.ended().ok_or("runs"));
        assert_eq!(code, 0, "the exit code");
        assert_eq!(self.journal.follow().sum(|lives| lives.stopped), 2 * self.programs);
        assert_eq!(self.journal.faults, [""; 0]);
        assert_eq!(self.daemon.home().processes(), [], "processes that outlived their agent");
    }
}

/// What was answered instead of OK, the first of it.
fn refusals(results: &str) -> String {
    let all = results.split("<struct>").skip(1).filter(|one| !one.contains("<string>OK</string>"));
    let texts: Vec<_> = all.take(3).filter_map(|one| member(one, "description")).collect();
    texts.join(", ")
}
