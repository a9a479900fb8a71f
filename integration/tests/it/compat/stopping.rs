//! How one process is stopped: which signals, to whom, how often, and what is said meanwhile.

use std::fs;
use std::thread;
use std::time::Duration;

use super::in_order;
use integration::facts::shown;
use integration::rpc::{CallError, member};
use integration::subject::{Daemon, Subject};
use integration::wait::{self, PATIENCE};
use nix::sys::ptrace;
use nix::sys::signal::Signal;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

for_each_subject![every_way_to_stop];

/// A program for each way.
const PROGRAMS: &str = "{head}
[supervisord]
loglevel=debug
[program:clean]
command={child} catch:TERM=0 stamp:{dir}/ready forever
startsecs=0
[program:lone]
command={child} fork:600 stamp:{dir}/ready forever
startsecs=0
[program:herd]
command={child} fork:600 stamp:{dir}/ready forever
startsecs=0
stopasgroup=true
[program:deaf]
command={child} ignore:INT stamp:{dir}/ready forever
startsecs=0
stopsignal=INT
stopwaitsecs=5
[program:deafherd]
command={child} fork:600 ignore:TERM stamp:{dir}/ready forever
startsecs=0
stopwaitsecs=1
killasgroup=true
[program:deafparent]
command={child} fork:600 ignore:TERM stamp:{dir}/ready forever
startsecs=0
stopwaitsecs=1
[program:frozen]
command={child} stamp:{dir}/ready forever
startsecs=0
stopwaitsecs=1
[program:held]
command={child} stamp:{dir}/ready forever
startsecs=0
stopwaitsecs=1
[program:heldatonce]
command={child} stamp:{dir}/ready forever
startsecs=0
stopwaitsecs=0
[program:elsewhere]
command={child} leave-group stamp:{dir}/ready until:{dir}/go
startsecs=0
stopwaitsecs=600
stopasgroup=true
[program:hung]
command={child} fork:600 catch:HUP=3 stamp:{dir}/ready forever
startsecs=0
stopasgroup=true
autorestart=false
[program:never]
command={child} forever
autostart=false
[group:two]
programs=x,y
[program:x]
command={child} ignore:TERM stamp:{dir}/ready forever
startsecs=0
autostart=false
stopwaitsecs=5
[program:y]
command={child} stamp:{dir}/ready forever
startsecs=0
autostart=false
";

/// So many start by themselves.
const PRESENT: usize = 11;

fn every_way_to_stop(subject: Subject) {
    let mut daemon = Daemon::start(subject, PROGRAMS);
    ready(&daemon, PRESENT);
    let pid = |name: &str| daemon.wait_state(name, "RUNNING").pid;
    let offspring = ["lone", "herd", "deafherd", "deafparent"].map(|name| only_child(pid(name)));
    let [of_lone, of_herd, of_deafherd, of_deafparent] = offspring;
    let held = [pid("held"), pid("heldatonce")];
    plain_signals(subject, &daemon);
    for pid in held {
        ptrace::seize(pid, ptrace::Options::empty()).unwrap();
    }
    let (door, begun) = (daemon.door(), daemon.log().len());
    let stopping = thread::spawn(move || door.call("supervisor.stopAllProcesses", &[]));
    for name in ["held", "heldatonce"] {
        let line = format!("WARN killing '{name}' (PID) with SIGKILL\n");
        wait::until(PATIENCE, &format!("the third SIGKILL for {name}"), || {
            let log = daemon.log();
            if log.matches(&line).count() >= 3 { Ok(()) } else { Err(log) }
        });
        assert_eq!(daemon.process(name).unwrap().state, "STOPPING");
    }
    shown(subject, &["STP-04"]);
    while_it_stops(subject, &daemon);
    // The debugger lets go, and what left its group hears of its end.
    for pid in held {
        waitpid(pid, None).unwrap();
    }
    daemon.home().write("go", "");
    let results = stopping.join().unwrap().unwrap();
    let ok = results.matches("<string>OK</string>").count();
    assert_eq!(ok, PRESENT - 1, "all but the one that hung up: {results}");

    let whole = daemon.log();
    let log = &whole[begun..];
    first_signals(subject, log);
    forced(subject, log);
    statuses(subject, &daemon);
    for (pid, lives) in
        [(of_lone, true), (of_herd, false), (of_deafherd, false), (of_deafparent, true)]
    {
        wait::until(PATIENCE, "the grandchildren's fate", || match (lives, is_alive(pid)) {
            (true, true) | (false, false) => Ok(()),
            other => Err(format!("{pid}: {other:?}")),
        });
    }
    shown(subject, &["STP-01", "STP-11"]);
    waits(subject, &daemon);
    on_the_way_down(subject, &mut daemon);
}

/// So many children have done what they do at their beginning.
fn ready(daemon: &Daemon, count: usize) {
    wait::until(PATIENCE, "all to be ready", || {
        let lines = daemon.home().read("ready");
        if lines.lines().count() == count { Ok(()) } else { Err(lines) }
    });
}

fn only_child(pid: Pid) -> Pid {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap();
    Pid::from_raw(children.trim().parse().unwrap_or_else(|_| panic!("one child: {children:?}")))
}

fn is_alive(pid: Pid) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// A signal that is only sent: to the process alone, and it means no stop.
fn plain_signals(subject: Subject, daemon: &Daemon) {
    let door = daemon.door();
    let signal = |name, signal| door.call("supervisor.signalProcess", &[name, signal]);
    let frozen = daemon.process("frozen").unwrap();
    signal("frozen", "STOP").unwrap();
    wait::until(PATIENCE, "a stopped child", || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", frozen.pid)).unwrap();
        if stat.contains(") T ") { Ok(()) } else { Err(stat) }
    });
    assert_eq!(daemon.process("frozen").unwrap(), frozen);
    let of_hung = only_child(daemon.process("hung").unwrap().pid);
    signal("hung", "HUP").unwrap();
    daemon.wait_log("WARN exited: hung (exit status 3; not expected)\n");
    assert!(is_alive(of_hung), "a signal is for one, also with stopasgroup");
    for name in ["never", "two:x"] {
        assert_eq!(code(signal(name, "TERM")), 70, "{name}");
        assert_eq!(code(door.call("supervisor.stopProcess", &[name])), 70, "{name}");
    }
    let log = daemon.log();
    for line in ["sending frozen (pid PID) sig SIGSTOP", "sending hung (pid PID) sig SIGHUP"] {
        assert!(log.contains(&format!("DEBG {line}\n")), "{line}: {log}");
    }
    for word in ["sending never", "killing", "sending x"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
    shown(subject, &["STP-06", "STP-12"]);
}

fn code(answer: Result<String, CallError>) -> i32 {
    match answer {
        Err(CallError::Fault(fault)) => fault.code,
        other => panic!("not a fault: {other:?}"),
    }
}

/// What is refused and what is seen of a process between its signal and its end.
fn while_it_stops(subject: Subject, daemon: &Daemon) {
    let call = |method, parameters: &[&str]| daemon.door().call(method, parameters);
    assert_eq!(code(call("supervisor.sendProcessStdin", &["held", "x"])), 70);
    shown(subject, &["STP-10"]);
    let before = daemon.process("elsewhere").unwrap();
    assert_eq!(before.state, "STOPPING");
    let lost = "DEBG unable to signal elsewhere (pid PID), it probably just exited on its own: \
                [Errno 3] No such process\n";
    assert!(daemon.log().contains(lost), "{}", daemon.log());
    assert!(is_alive(before.pid));
    shown(subject, &["STP-05"]);
}

/// The first signal of each, and to whom.
fn first_signals(subject: Subject, log: &str) {
    for (name, whom, signal) in [
        ("clean", "", "SIGTERM"),
        ("lone", "", "SIGTERM"),
        ("herd", "process group ", "SIGTERM"),
        ("deaf", "", "SIGINT"),
        ("deafherd", "", "SIGTERM"),
        ("deafparent", "", "SIGTERM"),
        ("elsewhere", "process group ", "SIGTERM"),
    ] {
        let line = format!("DEBG killing {name} (pid PID) {whom}with signal {signal}\n");
        let all = format!("DEBG killing {name} (pid PID)");
        assert!(log.contains(&line), "{line}: {log}");
        assert_eq!(log.find(&line), log.find(&all), "it is the first: {line}: {log}");
    }
    shown(subject, &["STP-03"]);
}

/// What is sent when a stop takes too long.
fn forced(subject: Subject, log: &str) {
    for (name, whom) in
        [("deaf", ""), ("deafherd", "process group "), ("deafparent", ""), ("frozen", "")]
    {
        in_order(
            log,
            &[
                &format!("WARN killing '{name}' (PID) with SIGKILL\n"),
                &format!("DEBG killing {name} (pid PID) {whom}with signal SIGKILL\n"),
                &format!("WARN stopped: {name} (terminated by SIGKILL)\n"),
            ],
        );
        assert_eq!(log.matches(&format!("killing '{name}'")).count(), 1, "{name}: {log}");
    }
    for name in ["clean", "lone", "herd", "elsewhere"] {
        assert!(!log.contains(&format!("killing '{name}'")), "{name}: {log}");
    }
    shown(subject, &["STP-02", "STP-13"]);
}

fn statuses(subject: Subject, daemon: &Daemon) {
    for (name, status) in [("clean", "0"), ("lone", "-1"), ("deaf", "-1"), ("elsewhere", "0")] {
        let info = daemon.door().call("supervisor.getProcessInfo", &[name]).unwrap();
        assert_eq!(member(&info, "exitstatus").as_deref(), Some(status), "{name}: {info}");
        assert_eq!(member(&info, "statename").as_deref(), Some("STOPPED"), "{name}");
    }
    shown(subject, &["STP-09"]);
}

/// Who waits for a stop is told of in the log: at once, and then every two seconds at most.
fn waits(subject: Subject, daemon: &Daemon) {
    let raw = daemon.home().read("main.log");
    let lines: Vec<&str> =
        raw.lines().filter(|line| line.ends_with("INFO waiting for deaf to stop")).collect();
    assert!(lines.len() >= 2, "{raw}");
    apart(&lines, Duration::from_secs(2));
    in_order(&raw, &[lines[0], "WARN killing 'deafherd'", lines[1], "WARN stopped: deaf "]);
    shown(subject, &["STP-07"]);
}

/// Whom a shutdown waits for: without their groups, at once, and then every three seconds at most.
fn on_the_way_down(subject: Subject, daemon: &mut Daemon) {
    let before = daemon.home().read("ready").lines().count();
    for name in ["two:x", "two:y", "clean"] {
        daemon.door().call("supervisor.startProcess", &[name]).unwrap();
    }
    ready(daemon, before + 3);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    let raw = daemon.home().read("main.log");
    let lines: Vec<&str> = raw.lines().filter(|line| line.ends_with(" to die")).collect();
    assert!(lines.len() >= 2, "{raw}");
    assert!(lines[0].ends_with("INFO waiting for clean, x, y to die"), "{raw}");
    assert!(lines[1].ends_with("INFO waiting for clean, x to die"), "{raw}");
    apart(&lines, Duration::from_secs(3));
    in_order(&raw, &[lines[0], lines[1], "WARN stopped: x (terminated by SIGKILL)"]);
    shown(subject, &["STP-08"]);
}

/// The lines of an activity log are at least this far apart.
fn apart(lines: &[&str], least: Duration) {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let millis = |line: &str| -> u64 {
        let number = |from: usize, to: usize| -> u64 { line[from..to].parse().unwrap() };
        let minutes = number(11, 13) * 60 + number(14, 16);
        (minutes * 60 + number(17, 19)) * 1000 + number(20, 23)
    };
    for pair in lines.windows(2) {
        let (from, to) = (millis(pair[0]), millis(pair[1]));
        let between = (to + DAY_MS - from) % DAY_MS;
        assert!(u128::from(between) >= least.as_millis(), "{between} ms: {pair:?}");
    }
}
