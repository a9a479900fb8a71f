//! What is written to a program's stdin.

use integration::facts::shown;
use integration::rpc::CallError;
use integration::subject::{Daemon, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};

use super::{Differences, ask, code, wait_lines};

for_each_subject![bytes_reach_the_child_or_are_refused];

const PROGRAMS: &str = "{head}
[supervisord]
loglevel=debug
[program:slow]
command={child} until:{dir}/go save:{dir}/saved=200000 forever
startsecs=0
[program:never]
command={child} forever
autostart=false
[program:failed]
command={dir}/missing
startretries=0
[program:leaving]
command={child} ignore:TERM print:deaf forever
startsecs=0
stopwaitsecs=3600
stdout_logfile={dir}/leaving.log
[program:shut]
command={child} deaf print:shut forever
startsecs=0
stdout_logfile={dir}/shut.log
[program:shuts]
command={child} until:{dir}/shut-now save:{dir}/some=20000 deaf stamp:{dir}/is-shut forever
startsecs=0
[program:full]
command={child} until:{dir}/go save:{dir}/both=80000 forever
startsecs=0
[fcgi-program:served]
socket=unix://{dir}/served.sock
command={child} forever
startsecs=0
";

const NO_FILE: i32 = 20;
const NOT_RUNNING: i32 = 70;

fn bytes_reach_the_child_or_are_refused(subject: Subject) {
    let daemon = Daemon::start(subject, PROGRAMS);
    for name in ["slow", "leaving", "shut", "shuts", "full", "served"] {
        daemon.wait_state(name, "RUNNING");
    }
    // More than any pipe holds, and all of it arrives once the child reads.
    let words: Vec<_> = (0..20_000).map(|number| format!("{number:09}\n")).collect();
    let sent = words.concat();
    assert_eq!(code(send(&daemon, "slow", &sent)), 0);
    look_at_refusals(&daemon);
    look_at_a_full_pipe(&daemon);
    daemon.home().write("go", "");
    wait::until(PATIENCE, "all that was sent", || {
        let saved = daemon.home().read("saved");
        if saved == sent { Ok(()) } else { Err(saved.len()) }
    });
    shown(subject, &["STD-01"]);
}

fn send(daemon: &Daemon, name: &str, bytes: &str) -> Result<String, CallError> {
    daemon.door().call("supervisor.sendProcessStdin", &[name, bytes])
}

fn look_at_refusals(daemon: &Daemon) {
    let subject = daemon.host().subject();
    wait_text(&daemon.path("leaving.log"), "deaf");
    wait_text(&daemon.path("shut.log"), "shut");
    assert_eq!(ask(daemon, "stopProcess", "leaving"), 0);
    daemon.wait_state("failed", "FATAL");
    let mut differences = Differences::default();
    for (name, refused) in [
        ("never", NOT_RUNNING),
        ("failed", NOT_RUNNING),
        ("leaving", NOT_RUNNING),
        ("served", NO_FILE),
        ("shut", NO_FILE),
    ] {
        differences.look(name, code(send(daemon, name, "x")), refused);
    }
    differences.none(daemon);
    shown(subject, &["STD-02"]);
    // More than the pipe holds waits when the child closes its end: it is given up. The daemon is
    // held meanwhile, so that it finds room in the pipe and nobody at its end.
    assert_eq!(code(send(daemon, "shuts", &"x".repeat(100_000))), 0);
    let pid = daemon.wait_state("shuts", "RUNNING").pid;
    daemon.signal(Signal::SIGSTOP);
    daemon.home().write("shut-now", "");
    wait_text(&daemon.path("is-shut"), "\n");
    daemon.signal(Signal::SIGCONT);
    wait::until(PATIENCE, "a word about its stdin", || {
        let log = daemon.log();
        let mut told = log.lines().filter(|line| line.contains("DEBG fd "));
        let about = |line: &str| line.contains("shuts") && line.contains("(stdin)");
        if told.any(about) { Ok(()) } else { Err(log) }
    });
    wait::until(PATIENCE, "a stdin that is closed", || match code(send(daemon, "shuts", "x")) {
        NO_FILE => Ok(()),
        other => Err(other),
    });
    let process = daemon.wait_state("shuts", "RUNNING");
    assert_eq!(process.pid, pid);
    kill(pid, None::<Signal>).unwrap();
    shown(subject, &["STD-04"]);
}

/// While the pipe is full the original takes what is sent and fails nevertheless; ours takes it.
fn look_at_a_full_pipe(daemon: &Daemon) {
    assert_eq!(code(send(daemon, "full", &"a".repeat(79_999))), 0);
    let second = send(daemon, "full", "b");
    match daemon.host().subject() {
        Subject::Original => assert!(matches!(second, Err(CallError::Status(500))), "{second:?}"),
        Subject::Ours => assert_eq!(code(second), 0),
    }
    daemon.home().write("go", "");
    wait::until(PATIENCE, "both", || {
        let both = daemon.home().read("both");
        if both.len() == 80_000 && both.ends_with('b') { Ok(()) } else { Err(both.len()) }
    });
    let _ = wait_lines(daemon, "full", "spawned: ", 1);
}
