//! In which order everything is stopped, and what is answered and said meanwhile.

use std::path::PathBuf;

use integration::facts::shown;
use integration::nobody::are_root;
use integration::rpc::CallError;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};

use super::{EAR, in_order};

for_each_subject![
    one_group_after_the_other,
    with_nothing_to_stop_it_ends_at_once_and_silently,
    what_cannot_be_signalled_is_left_running
];

/// Created in the order of priority and name: ear, early, twin1 to twin3, g, stubborn1, stubborn2, late.
const GROUPS: &str = "{head}
[inet_http_server]
port=127.0.0.1:{port}
[supervisord]
loglevel=debug
[eventlistener:ear]
command=/bin/sh {dir}/ear.sh
events=SUPERVISOR_STATE_CHANGE
startsecs=0
[program:late]
command={child} forever
startsecs=0
priority=90
[program:stubborn1]
command={child} ignore:TERM stamp:{dir}/ready forever
startsecs=0
priority=80
stopwaitsecs=1
[program:stubborn2]
command={child} ignore:TERM stamp:{dir}/ready forever
startsecs=0
priority=80
stopwaitsecs=1
[program:idle1]
command={child} forever
autostart=false
priority=70
[program:idle2]
command={child} exit:0
startsecs=0
autorestart=false
priority=70
[group:g]
programs=high,low,tie1,tie2
priority=60
[program:high]
command={child} forever
startsecs=0
priority=9
[program:low]
command={child} forever
startsecs=0
priority=1
[program:tie1]
command={child} forever
startsecs=0
priority=5
[program:tie2]
command={child} ignore:TERM stamp:{dir}/ready until:{dir}/tie
startsecs=0
priority=5
stopwaitsecs=600
[program:twin1]
command={child} forever
startsecs=0
priority=20
[program:twin2]
command={child} forever
startsecs=0
priority=20
[program:twin3]
command={child} ignore:TERM stamp:{dir}/ready until:{dir}/twin
startsecs=0
priority=20
stopwaitsecs=600
[program:early]
command={child} forever
startsecs=0
priority=1
";

fn one_group_after_the_other(subject: Subject) {
    let host = Host::new(subject, GROUPS);
    host.home().write("ear.sh", &host.expand(EAR));
    let mut daemon = Daemon::start_on(host);
    wait::until(PATIENCE, "all to be ready", || {
        let lines = daemon.home().read("ready");
        if lines.lines().count() == 4 { Ok(()) } else { Err(lines) }
    });
    daemon.wait_state("idle2", "EXITED");
    wait_text(&daemon.path("heard"), "eventname:SUPERVISOR_STATE_CHANGE_RUNNING len:0\n");
    daemon.signal(Signal::SIGTERM);

    daemon.wait_log("stopped: high");
    daemon.wait_log("stopped: tie1");
    let log = daemon.log();
    let whom = "ear, early, twin1, twin2, twin3, high, low, tie1, tie2, stubborn1, stubborn2, late";
    let waiting = format!("INFO waiting for {whom} to die\n");
    in_order(&log, &[&killing("late"), &waiting, "WARN stopped: late "]);
    shown(subject, &["SHD-07"]);
    in_order(
        &log,
        &[
            "WARN stopped: late (terminated by SIGTERM)\n",
            &killing("stubborn2"),
            "WARN killing 'stubborn2' (PID) with SIGKILL\n",
            "WARN stopped: stubborn2 (terminated by SIGKILL)\n",
            &killing("stubborn1"),
            "WARN killing 'stubborn1' (PID) with SIGKILL\n",
            "WARN stopped: stubborn1 (terminated by SIGKILL)\n",
            &killing("high"),
            &killing("tie2"),
            &killing("tie1"),
            &killing("low"),
        ],
    );
    shown(subject, &["SHD-06"]);
    // Of the group one is still there: nobody else is told anything.
    let first_gone = log.find("stopped: high").min(log.find("stopped: tie1"));
    assert!(log.find(&killing("low")) < first_gone, "all of a group are told together: {log}");
    for name in ["idle", "twin", "early"] {
        assert!(!log.contains(&format!("killing {name}")), "{name}: {log}");
    }
    shown(subject, &["SHD-04"]);
    answers(subject, &daemon);

    daemon.home().write("tie", "");
    daemon.wait_log("killing twin3");
    let log = daemon.log();
    in_order(&log, &["INFO stopped: tie2 (exit status 0)\n", &killing("twin3")]);
    assert!(!log.contains("killing twin2") && !log.contains("killing early"), "{log}");
    daemon.home().write("twin", "");
    assert_eq!(daemon.wait_end(), 0);
    at_the_end(subject, &daemon);
}

fn killing(name: &str) -> String {
    format!("DEBG killing {name} (pid PID) with signal SIGTERM\n")
}

fn at_the_end(subject: Subject, daemon: &Daemon) {
    let log = daemon.log();
    let stopped = |name| format!("WARN stopped: {name} (terminated by SIGTERM)\n");
    in_order(
        &log,
        &[
            &killing("twin3"),
            "INFO stopped: twin3 (exit status 0)\n",
            &killing("twin2"),
            &stopped("twin2"),
            &killing("twin1"),
            &stopped("twin1"),
            &killing("early"),
            &stopped("early"),
        ],
    );
    assert!(!log.contains("killing idle"), "{log}");
    shown(subject, &["SHD-02"]);
    let heard = daemon.home().read("heard");
    let stopping = "eventname:SUPERVISOR_STATE_CHANGE_STOPPING len:0\n";
    assert_eq!((heard.lines().count(), heard.matches(stopping).count()), (2, 1), "{heard}");
    shown(subject, &["SHD-01"]);
}

/// Methods are refused on the way down, and HTTP answers until the end.
fn answers(subject: Subject, daemon: &Daemon) {
    let methods: &[(&str, &[&str])] = &[
        ("getAPIVersion", &[]),
        ("getSupervisorVersion", &[]),
        ("getIdentification", &[]),
        ("getState", &[]),
        ("getPID", &[]),
        ("clearLog", &[]),
        ("shutdown", &[]),
        ("restart", &[]),
        ("reloadConfig", &[]),
        ("addProcessGroup", &["early"]),
        ("removeProcessGroup", &["early"]),
        ("startProcess", &["early"]),
        ("startProcessGroup", &["early"]),
        ("startAllProcesses", &[]),
        ("stopProcess", &["early"]),
        ("stopProcessGroup", &["early"]),
        ("stopAllProcesses", &[]),
        ("signalProcess", &["early", "HUP"]),
        ("signalProcessGroup", &["early", "HUP"]),
        ("signalAllProcesses", &["HUP"]),
        ("getAllConfigInfo", &[]),
        ("getProcessInfo", &["early"]),
        ("getAllProcessInfo", &[]),
        ("clearProcessLogs", &["early"]),
        ("clearAllProcessLogs", &[]),
        ("sendProcessStdin", &["early", "x"]),
    ];
    for door in [daemon.door(), daemon.tcp()] {
        for (method, parameters) in methods {
            match door.call(&format!("supervisor.{method}"), parameters) {
                Err(CallError::Fault(fault)) => assert_eq!(fault.code, 6, "{method}: {fault}"),
                other => panic!("{method}: {other:?}"),
            }
        }
        assert!(door.call("system.listMethods", &[]).is_ok());
        let page = door.exchange(b"GET /nowhere HTTP/1.1\r\nConnection: close\r\n\r\n").unwrap();
        assert_eq!(page.status, 404);
    }
    shown(subject, &["SHD-09"]);
}

fn with_nothing_to_stop_it_ends_at_once_and_silently(subject: Subject) {
    let programs = "{head}
[supervisord]
loglevel=debug
[program:never]
command={child} forever
autostart=false
[program:ended]
command={child} exit:0
startsecs=0
autorestart=false
[program:failed]
command={dir}/nothing
startretries=0
";
    let mut daemon = Daemon::start(subject, programs);
    daemon.wait_state("ended", "EXITED");
    daemon.wait_state("failed", "FATAL");
    daemon.door().call("supervisor.shutdown", &[]).unwrap();
    assert_eq!(daemon.wait_end(), 0);
    let log = daemon.log();
    for word in ["waiting for", "killing", "stopped:", "received SIGTERM"] {
        assert!(!log.contains(word), "{word}: {log}");
    }
    shown(subject, &["SHD-08"]);
}

/// Root without the right to signal others starts a program of somebody else's.
fn what_cannot_be_signalled_is_left_running(subject: Subject) {
    assert!(are_root(), "only root can make a child that it may not signal");
    let mut host = Host::new(
        subject,
        "{head}
[program:other]
command=/bin/sleep 600
user=nobody
startsecs=0
priority=9
[program:own]
command=/bin/sleep 600
startsecs=0
priority=1
",
    );
    let words = ["setpriv", "--bounding-set=-kill", "--"].map(PathBuf::from);
    host.set_program([&words, [subject.program()].as_slice()].concat());
    let mut daemon = Daemon::start_on(host);
    let other = daemon.wait_state("other", "RUNNING").pid;
    let own = daemon.wait_state("own", "RUNNING").pid;
    wait_text(format!("/proc/{other}/status").as_ref(), "Uid:\t65534\t");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    assert_eq!(kill(other, None), Ok(()), "it runs on");
    assert!(kill(own, None).is_err());
    let log = daemon.log();
    in_order(&log, &["CRIT unknown problem killing other (", "WARN stopped: own "]);
    assert!(!log.contains("stopped: other"), "{log}");
    shown(subject, &["SHD-10"]);
}
