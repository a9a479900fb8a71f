//! The register of children, looked at from outside after the agent was killed: every program that
//! runs stands in it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;

use integration::subject::{Daemon, Subject};
use integration::wait::{self, PATIENCE};
use nix::unistd::Pid;

/// Programs that are born all the time, and some that stay.
const STORM: &str = "{head}
[program:quick]
command={child} sleep:0.02 exit:0
process_name=%(program_name)s_%(process_num)02d
numprocs=12
autorestart=true
startsecs=0
[program:stays]
command={child} forever
process_name=%(program_name)s_%(process_num)02d
numprocs=4
startsecs=0
";

/// One line: whose (8 bytes), the pid (4), and whether it is taken (4).
const LINE_BYTES: usize = 16;

/// More than these programs ever take.
const LINES: usize = 256;

#[test]
fn no_program_runs_unlisted_when_the_agent_is_killed() {
    let mut daemon = Daemon::start(Subject::Ours, STORM);
    for round in 0..6 {
        let births = 40 + round * 17;
        let before = spawned(&daemon);
        wait::until(PATIENCE, "some more births", || {
            let now = spawned(&daemon) - before;
            if now >= births { Ok(()) } else { Err(now) }
        });
        let register = register_of(daemon.pid());
        daemon.kill();
        let running = programs(&daemon);
        assert!(running.len() >= 4, "round {round}: {running:?}");
        let listed = listed_in(&register);
        let unlisted: Vec<_> = running.difference(&listed).collect();
        assert!(unlisted.is_empty(), "round {round}: {unlisted:?} not in {listed:?}");
        for pid in running {
            let _ = nix::sys::signal::kill(Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
        daemon.start_again();
    }
}

fn spawned(daemon: &Daemon) -> usize {
    daemon.home().read("main.log").matches("spawned: 'quick").count()
}

fn register_of(agent: Pid) -> File {
    let links = fs::read_dir(format!("/proc/{agent}/fd")).unwrap();
    let found = links.map(|entry| entry.unwrap().path()).find(|path| {
        fs::read_link(path).is_ok_and(|to| to.display().to_string().contains("fleetvisor-children"))
    });
    File::open(found.expect("the agent has a register")).unwrap()
}

/// The programs that run by now, past their exec.
fn programs(daemon: &Daemon) -> BTreeSet<i32> {
    let is_program = |pid: &Pid| {
        let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        words.contains("/child\0")
    };
    daemon.home().processes().into_iter().filter(is_program).map(Pid::as_raw).collect()
}

fn listed_in(register: &File) -> BTreeSet<i32> {
    let mut bytes = vec![0; LINES * LINE_BYTES];
    register.read_exact_at(&mut bytes, 0).unwrap();
    let lines = bytes.chunks_exact(LINE_BYTES).filter(|line| line[12] == 1);
    lines.map(|line| i32::from_ne_bytes([line[8], line[9], line[10], line[11]])).collect()
}
