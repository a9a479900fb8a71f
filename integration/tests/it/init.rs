//! The daemon as PID 1 of a PID namespace, as in a container: what loses its parent becomes its
//! child, and no signal has a default.

use std::fs;
use std::io::Write as _;

use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};
use nix::sys::stat::Mode;
use nix::unistd::{Pid, geteuid, mkfifo};

use super::old_kernel::MISSING;

for_each_subject![
    every_signal_means_what_it_means_elsewhere,
    strangers_are_reaped_and_children_never_twice,
    a_child_from_before_is_a_stranger,
];

/// Orphans that end in the same moment: several times what one look may take.
const ORPHANS: usize = 350;

/// Each waits for the same pipe to end, and has lost its parent by then.
const LEAVE_ORPHANS: &str = "\
for i in $(seq $2); do ( (read nothing < $1; exit 3) & ); done
( sh -c 'read nothing < $0; kill -9 $$' $1 & )
echo ready
";

/// Starts the daemon as the first process of a namespace; `None`, and a word about it, where that
/// is not allowed.
fn first_of_its_kind(mut host: Host) -> Option<(Daemon, Pid)> {
    if !geteuid().is_root() {
        println!("not looked at: only root may make a PID namespace");
        return None;
    }
    host.start_with(&["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]);
    let daemon = Daemon::start_on(host);
    let children = format!("/proc/{0}/task/{0}/children", daemon.pid());
    let child = fs::read_to_string(children).unwrap();
    let init = Pid::from_raw(child.trim().parse().unwrap());
    assert_eq!(daemon.home().read("main.pid"), "1\n");
    Some((daemon, init))
}

fn every_signal_means_what_it_means_elsewhere(subject: Subject) {
    let one = "{head}[program:one]\ncommand={child} forever\nstartsecs=0\n";
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let Some((mut daemon, init)) = first_of_its_kind(Host::new(subject, one)) else { return };
        daemon.wait_state("one", "RUNNING");
        if signal == Signal::SIGTERM {
            kill(init, Signal::SIGHUP).unwrap();
            wait::until(PATIENCE, "the second life", || {
                let log = daemon.log();
                let lives = log.matches("supervisord started with pid PID").count();
                if lives == 2 { Ok(()) } else { Err(log) }
            });
            daemon.wait_answering();
            daemon.wait_state("one", "RUNNING");
        }
        kill(init, Signal::SIGUSR2).unwrap();
        daemon.wait_log("supervisord logreopen");
        kill(init, signal).unwrap();
        assert_eq!(daemon.wait_end(), 0);
        let log = daemon.log();
        assert!(
            log.contains(&format!("WARN received {signal} indicating exit request\n")),
            "{log}"
        );
        assert!(log.contains("WARN stopped: one (terminated by SIGTERM)\n"), "{log}");
    }
}

fn strangers_are_reaped_and_children_never_twice(subject: Subject) {
    strangers_are_reaped(subject, &[]);
}

/// Ours and strangers announce themselves by the same signal there.
#[test]
fn strangers_are_reaped_without_pidfds_too() {
    strangers_are_reaped(Subject::Ours, &MISSING);
}

fn strangers_are_reaped(subject: Subject, missing: &[&str]) {
    let mut host = Host::new(
        subject,
        "{head}
[program:leaves]
command=/bin/sh {dir}/orphans.sh {dir}/pipe {orphans}
startsecs=0
autorestart=false
stdout_logfile={dir}/leaves.log
[program:busy]
command={child} sleep:0.05 exit:7
process_name=%(program_name)s_%(process_num)s
numprocs=3
startsecs=0
autorestart=true
"
        .replace("{orphans}", &ORPHANS.to_string())
        .as_str(),
    );
    if !missing.is_empty() {
        host.confine(missing);
    }
    host.home().write("orphans.sh", LEAVE_ORPHANS);
    mkfifo(&host.home().join("pipe"), Mode::S_IRWXU).unwrap();
    let Some((mut daemon, init)) = first_of_its_kind(host) else { return };
    wait_text(&daemon.path("leaves.log"), "ready");
    daemon.wait_state("leaves", "EXITED");
    let mut pipe = fs::OpenOptions::new().write(true).open(daemon.path("pipe")).unwrap();
    wait::until(PATIENCE, "orphans that read", || {
        let children = children_of(init).len();
        if children > ORPHANS { Ok(()) } else { Err(children) }
    });
    pipe.flush().unwrap();
    drop(pipe);
    wait::until(PATIENCE, "the last orphan", || {
        let log = daemon.log();
        let reaped = |how: &str| {
            let line = format!("INFO reaped unknown pid PID ({how})\n");
            log.matches(line.as_str()).count()
        };
        let all = (reaped("exit status 3"), reaped("terminated by SIGKILL"));
        if all == (ORPHANS, 1) { Ok(()) } else { Err(format!("{all:?}")) }
    });
    kill(init, Signal::SIGTERM).unwrap();
    assert_eq!(daemon.wait_end(), 0);
    let log = daemon.log();
    for line in log.lines().filter(|line| line.contains("exited: busy")) {
        assert!(line.ends_with("(exit status 7; not expected)"), "{line}");
    }
    let of_three = ["busy_0", "busy_1", "busy_2"];
    assert!(of_three.iter().all(|name| log.contains(&format!("exited: {name}"))), "{log}");
    assert!(!log.contains("waitpid error"), "{log}");
    assert_eq!(log.matches("reaped unknown pid").count(), ORPHANS + 1, "{log}");
}

/// The program that started the daemon has become it, and left a child.
fn a_child_from_before_is_a_stranger(subject: Subject) {
    let mut host = Host::new(subject, "{head}[program:one]\ncommand={child} forever\n");
    let leave = "(until test -e {dir}/go; do sleep 0.1; done; exit 5) & exec \"$0\" \"$@\"";
    host.start_with(&["/bin/sh", "-c", leave]);
    let daemon = Daemon::start_on(host);
    daemon.wait_state("one", "RUNNING");
    daemon.home().write("go", "");
    daemon.wait_log("reaped unknown pid");
    let log = daemon.log();
    assert!(log.contains("INFO reaped unknown pid PID (exit status 5)\n"), "{log}");
}

fn children_of(pid: Pid) -> Vec<String> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let children =
        tasks.filter_map(|task| fs::read_to_string(task.ok()?.path().join("children")).ok());
    children
        .flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}
