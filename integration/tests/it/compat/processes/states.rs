//! The states by their codes and classes, and what moves a process from one to another.

use std::process::Command;

use integration::facts::shown;
use integration::oracle;
use integration::ran::Ran;
use integration::rpc::member;
use integration::subject::{Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};
use proto_words::SupervisorState;

use super::{Differences, HEARS, Info, ask, code, lines, moves, wait_lines, wait_way};

for_each_subject![
    states_have_their_codes_and_classes_until_the_host_goes_down,
    a_signal_that_fails_leaves_unknown,
    sigkill_comes_again_until_the_child_is_gone,
    hosts_have_states_too,
];

const EVERY_STATE: &str = "{head}
{hears}
[supervisord]
loglevel=debug
[program:never]
command={child} forever
autostart=false
priority=1
[program:starting]
command={child} forever
startsecs=3600
priority=1
[program:steady]
command={child} forever
startsecs=0
priority=1
[program:backoff]
command={dir}/missing
startretries=99
priority=1
[program:stopping]
command={child} ignore:TERM print:deaf forever
startsecs=0
stopwaitsecs=3600
stdout_logfile={dir}/stopping.log
priority=1
[program:exited]
command={child} until:{dir}/exit
startsecs=0
priority=1
[program:fatal]
command={dir}/missing-too forever
startretries=0
startsecs=1
priority=1
[program:late]
command={child} forever
startsecs=2
autostart=false
priority=1
[program:again]
command={child} forever
startsecs=0
autorestart=true
priority=1
[program:deaf]
command={child} ignore:TERM print:deaf forever
startsecs=0
stopwaitsecs=1
stdout_logfile={dir}/deaf.log
priority=1
[program:holder]
command={child} ignore:TERM print:deaf until:{dir}/end
startsecs=0
stdout_logfile={dir}/holder.log
";

const NOT_RUNNING: i32 = 70;
const ALREADY_STARTED: i32 = 60;
const ABNORMAL_TERMINATION: i32 = 40;
const STILL_RUNNING: i32 = 91;
const FAILED: i32 = 30;

/// Name and code of a state, and the answers to start, signal, remove and stop; `None` is not asked,
/// since it would change something.
type StateRow = (&'static str, i32, Option<i32>, i32, Option<i32>, Option<i32>);

const STATES: &[(&str, StateRow)] = &[
    ("never", ("STOPPED", 0, None, NOT_RUNNING, None, Some(NOT_RUNNING))),
    ("starting", ("STARTING", 10, Some(ALREADY_STARTED), 0, Some(STILL_RUNNING), None)),
    ("steady", ("RUNNING", 20, Some(ALREADY_STARTED), 0, Some(STILL_RUNNING), None)),
    ("backoff", ("BACKOFF", 30, None, NOT_RUNNING, Some(STILL_RUNNING), None)),
    (
        "stopping",
        ("STOPPING", 40, Some(ABNORMAL_TERMINATION), 0, Some(STILL_RUNNING), Some(NOT_RUNNING)),
    ),
    ("exited", ("EXITED", 100, None, NOT_RUNNING, None, Some(NOT_RUNNING))),
    ("fatal", ("FATAL", 200, None, NOT_RUNNING, None, Some(NOT_RUNNING))),
];

fn states_have_their_codes_and_classes_until_the_host_goes_down(subject: Subject) {
    let mut daemon = Daemon::start(subject, &EVERY_STATE.replace("{hears}", HEARS));
    for name in ["stopping", "deaf", "holder", "again"] {
        daemon.wait_state(name, "RUNNING");
    }
    for name in ["stopping.log", "deaf.log", "holder.log"] {
        integration::subject::wait_text(&daemon.path(name), "deaf");
    }
    daemon.home().write("exit", "");
    assert_eq!(ask(&daemon, "stopProcess", "stopping"), 0);
    assert_eq!(ask(&daemon, "stopProcess", "deaf"), 0);
    look_at_states(&daemon);
    look_at_moves(&daemon);
    look_at_the_way_down(&mut daemon);
}

fn look_at_states(daemon: &Daemon) {
    let mut differences = Differences::default();
    for (name, (state, number, start, signal, remove, stop)) in STATES {
        daemon.wait_state(name, state);
        let info = Info::of(daemon, name);
        differences.look(name, info.number("state"), i64::from(*number));
        let door = daemon.door();
        if let Some(start) = start {
            let found = code(door.call("supervisor.startProcess", &[name]));
            differences.look(&format!("start {name}"), found, *start);
        }
        let found = code(door.call("supervisor.signalProcess", &[name, "CONT"]));
        differences.look(&format!("signal {name}"), found, *signal);
        if let Some(remove) = remove {
            let found = code(door.call("supervisor.removeProcessGroup", &[name]));
            differences.look(&format!("remove {name}"), found, *remove);
        }
        if let Some(stop) = stop {
            let found = code(door.call("supervisor.stopProcess", &[name]));
            differences.look(&format!("stop {name}"), found, *stop);
        }
    }
    // The path is told as missing whatever the state; with a file there, it is the state that counts.
    std::os::unix::fs::symlink(integration::places::binary("child"), daemon.path("missing"))
        .unwrap();
    let found = ask(daemon, "startProcess", "backoff");
    differences.look("start backoff", found, ALREADY_STARTED);
    std::fs::remove_file(daemon.path("missing")).unwrap();
    differences.none(daemon);
    let subject = daemon.host().subject();
    shown(subject, &["SM-01", "SM-02", "SM-03", "SM-04", "SM-05", "SM-06", "SM-07"]);
}

fn look_at_moves(daemon: &Daemon) {
    let subject = daemon.host().subject();
    // By request: from STOPPED, from EXITED, and from FATAL once its command is there.
    std::os::unix::fs::symlink(integration::places::binary("child"), daemon.path("missing-too"))
        .unwrap();
    std::fs::remove_file(daemon.path("exit")).unwrap();
    for name in ["never", "exited", "fatal"] {
        assert_eq!(ask(daemon, "startProcess", name), 0, "{name}");
    }
    daemon.wait_state("exited", "RUNNING");
    assert_eq!(lines(daemon, "starting").len(), 1, "it starts by itself, and only once");
    shown(subject, &["SM-10"]);
    daemon.wait_state("fatal", "RUNNING");
    let up = "has stayed up for > than 1 seconds (startsecs)";
    let success = |name: &str| format!("INFO success: {name} entered RUNNING state, process ");
    assert_eq!(wait_lines(daemon, "fatal", up, 1).last(), Some(&(success("fatal") + up)));
    let up = "has stayed up for > than 0 seconds (startsecs)";
    assert_eq!(lines(daemon, "steady")[1], success("steady") + up);
    shown(subject, &["SM-12"]);
    stops(daemon);
}

fn stops(daemon: &Daemon) {
    let subject = daemon.host().subject();
    // STARTING and RUNNING are signalled; BACKOFF has nobody to signal, and keeps its reason.
    for name in ["starting", "steady", "backoff"] {
        let answer = daemon.door().call("supervisor.stopProcess", &[name]);
        answer.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(Info::of(daemon, name).text("statename"), "STOPPED");
    }
    for name in ["starting", "steady"] {
        let last = format!("WARN stopped: {name} (terminated by SIGTERM)");
        assert_eq!(wait_lines(daemon, name, "stopped: ", 1).last(), Some(&last));
        daemon.wait_log(&format!("DEBG killing {name} (pid "));
    }
    shown(subject, &["SM-17"]);
    daemon.wait_log("DEBG Attempted to kill backoff, which is in BACKOFF state.");
    let error = format!("can't find command '{}'", daemon.path("missing").display());
    assert_eq!(Info::of(daemon, "backoff").text("spawnerr"), error);
    shown(subject, &["SM-20"]);
    // What was stopped by hand does not start by itself again, for all that `autostart` says.
    let info = Info::of(daemon, "steady");
    assert_eq!((info.text("statename").as_str(), info.number("pid")), ("STOPPED", 0));
    // STOPPING is SIGKILL's after `stopwaitsecs`.
    wait_lines(daemon, "deaf", "WARN stopped: deaf (terminated by SIGKILL)", 1);
    assert_eq!(lines(daemon, "deaf")[2], "WARN killing 'deaf' (PID) with SIGKILL");
    daemon.wait_log("with signal SIGKILL");
    assert_eq!(Info::of(daemon, "deaf").text("statename"), "STOPPED");
    for (name, way) in [
        ("never", ["STOPPED", "STARTING", "RUNNING"].as_slice()),
        ("starting", &["STOPPED", "STARTING", "STOPPING", "STOPPED"]),
        ("steady", &["STOPPED", "STARTING", "RUNNING", "STOPPING", "STOPPED"]),
        ("deaf", &["STOPPED", "STARTING", "RUNNING", "STOPPING", "STOPPED"]),
        ("exited", &["STOPPED", "STARTING", "RUNNING", "EXITED", "STARTING", "RUNNING"]),
        ("fatal", &["STOPPED", "STARTING", "BACKOFF", "FATAL", "STARTING", "RUNNING"]),
    ] {
        wait_way(daemon, name, way);
    }
    let last = moves(daemon, "backoff").pop();
    assert_eq!(last, Some(("BACKOFF".to_owned(), "STOPPED".to_owned())));
    shown(subject, &["SM-19"]);
}

fn look_at_the_way_down(daemon: &mut Daemon) {
    let subject = daemon.host().subject();
    let again = daemon.wait_state("again", "RUNNING").pid;
    let stopping = daemon.wait_state("stopping", "STOPPING").pid;
    // With a command that cannot be found it waits for a retry when the host goes down.
    let waits = format!(
        "[program:waits]\ncommand={}/missing\nstartretries=99\npriority=1\n",
        daemon.home().path().display()
    );
    daemon.host().configure(&(EVERY_STATE.replace("{hears}", HEARS) + &waits));
    daemon.door().call("supervisor.reloadConfig", &[]).unwrap();
    daemon.door().call("supervisor.addProcessGroup", &["waits"]).unwrap();
    daemon.wait_state("waits", "BACKOFF");
    assert_eq!(ask(daemon, "startProcess", "late"), 0);
    daemon.signal(Signal::SIGTERM);
    daemon.wait_log("WARN received SIGTERM indicating exit request");
    let down = "WARN received SIGTERM indicating exit request";
    kill(again, Signal::SIGKILL).unwrap();
    wait_lines(daemon, "again", "WARN exited: again (terminated by SIGKILL; not expected)", 1);
    wait_lines(daemon, "late", "INFO success: late entered RUNNING state", 1);
    let log = daemon.log();
    let (_, after) = log.split_once(down).expect("it was waited for");
    assert!(after.contains("INFO success: late entered RUNNING state"), "{after}");
    daemon.home().write("end", "");
    wait_lines(daemon, "holder", "INFO stopped: holder (exit status 0)", 1);
    wait::until(PATIENCE, "what waits to be given up", || {
        let last = moves(daemon, "waits").pop().unwrap_or_default();
        if last == ("BACKOFF".to_owned(), "FATAL".to_owned()) { Ok(()) } else { Err(last.1) }
    });
    wait_way(daemon, "late", &["STOPPED", "STARTING", "RUNNING"]);
    let last = moves(daemon, "again").pop();
    assert_eq!(last, Some(("RUNNING".to_owned(), "EXITED".to_owned())));
    // It ignores TERM for longer than this test lives.
    kill(stopping, Signal::SIGKILL).unwrap();
    assert_eq!(daemon.wait_end(), 0);
    let log = daemon.log();
    let (_, after) = log.split_once(down).expect("it was waited for");
    assert!(!after.contains("spawned:") && !after.contains("spawnerr:"), "{after}");
    shown(subject, &["SM-24"]);
    assert!(!log.contains("gave up: waits"), "{log}");
    shown(subject, &["SM-21"]);
}

const WITHOUT_KILL: &str = "{head}
{hears}
[program:ended]
command={child} forever
startsecs=0
[program:poked]
command={child} forever
startsecs=0
";

/// The kernel refuses every `kill`, as it would for a child that has become somebody else.
fn a_signal_that_fails_leaves_unknown(subject: Subject) {
    let mut host = Host::new(subject, &WITHOUT_KILL.replace("{hears}", HEARS));
    host.confine(&[&format!("kill={}", libc::EPERM)]);
    let daemon = Daemon::start_on(host);
    let running = daemon.wait_state("poked", "RUNNING");
    daemon.wait_state("ended", "RUNNING");
    let door = daemon.door();
    let stopped = door.call("supervisor.stopProcess", &["ended"]).unwrap_err().to_string();
    let says = |error: &str, what: &str| {
        assert!(
            error.starts_with(&format!("fault {FAILED}: FAILED: unknown problem {what}")),
            "{error}"
        );
        assert!(error.contains("[Errno 1] Operation not permitted"), "{error}");
    };
    says(&stopped, "killing ended (");
    let signalled = door.call("supervisor.signalProcess", &["poked", "HUP"]);
    says(&signalled.unwrap_err().to_string(), "sending sig poked (");
    for (name, what) in [("ended", "killing ended"), ("poked", "sending sig poked")] {
        let told = format!("CRIT unknown problem {what} (");
        let all = wait_lines(&daemon, name, &told, 1);
        assert_eq!(all.iter().filter(|line| line.starts_with(&told)).count(), 1, "{all:?}");
    }
    assert_eq!(daemon.log().matches("[Errno 1] Operation not permitted").count(), 2);
    wait_way(&daemon, "ended", &["STOPPED", "STARTING", "RUNNING", "STOPPING", "UNKNOWN"]);
    wait_way(&daemon, "poked", &["STOPPED", "STARTING", "RUNNING", "UNKNOWN"]);
    shown(subject, &["SM-22"]);
    let mut differences = Differences::default();
    for name in ["ended", "poked"] {
        let info = Info::of(&daemon, name);
        differences.look(name, info.text("statename"), "UNKNOWN".to_owned());
        differences.look(name, info.number("state"), 1000);
        differences.look(name, info.text("description"), String::new());
        let mut asked = |method: &str, extra: &[&str], wanted: i32| {
            let words = [&[name], extra].concat();
            let found = code(door.call(&format!("supervisor.{method}"), &words));
            differences.look(&format!("{method} {name}"), found, wanted);
        };
        asked("startProcess", &[], FAILED);
        asked("signalProcess", &["CONT"], NOT_RUNNING);
        asked("stopProcess", &[], NOT_RUNNING);
    }
    // It counts as stopped: the group goes, and the child stays behind.
    let removed = code(door.call("supervisor.removeProcessGroup", &["poked"]));
    differences.look("remove", removed, 0);
    differences.none(&daemon);
    assert!(kill(running.pid, None).is_ok(), "the child has been ended");
    shown(subject, &["SM-08"]);
}

/// The kernel says yes to every `kill` and does nothing, as it would for a child that it cannot end.
fn sigkill_comes_again_until_the_child_is_gone(subject: Subject) {
    let mut host = Host::new(
        subject,
        &WITHOUT_KILL.replace("{hears}", "").replace("startsecs=0", "startsecs=0\nstopwaitsecs=1"),
    );
    host.confine(&["kill=0"]);
    let daemon = Daemon::start_on(host);
    let pid = daemon.wait_state("ended", "RUNNING").pid;
    assert_eq!(ask(&daemon, "stopProcess", "ended"), 0);
    wait_lines(&daemon, "ended", "WARN killing 'ended' (PID) with SIGKILL", 2);
    assert_eq!(daemon.wait_state("ended", "STOPPING").pid, pid);
    kill(pid, Signal::SIGKILL).unwrap();
    daemon.wait_state("ended", "STOPPED");
    shown(subject, &["SM-18"]);
}

/// A host on its way down answers no question about itself, and a broken one is never seen at all; the
/// numbers are in the tables.
fn hosts_have_states_too(subject: Subject) {
    let daemon = Daemon::start(subject, "{head}");
    let xml = daemon.door().call("supervisor.getState", &[]).unwrap();
    assert_eq!(member(&xml, "statecode").as_deref(), Some("1"));
    assert_eq!(member(&xml, "statename").as_deref(), Some("RUNNING"));
    let known = ["FATAL 2", "RUNNING 1", "RESTARTING 0", "SHUTDOWN -1"];
    match subject {
        Subject::Ours => {
            use SupervisorState::{Fatal, Restarting, Running, Shutdown};
            let states = [Fatal, Running, Restarting, Shutdown];
            assert_eq!(states.map(|state| format!("{} {}", state.name(), state.code())), known);
        }
        Subject::Original => {
            let words = "from supervisor.states import SupervisorStates as S; \
                         [print(k, v) for k, v in vars(S).items() if k.isalpha()]";
            let mut python = Command::new(oracle::program("python"));
            let ran = Ran::of(python.args(["-c", words])).unwrap();
            assert_eq!(ran.stdout.lines().collect::<Vec<_>>(), known);
        }
    }
    shown(subject, &["SM-09"]);
}
