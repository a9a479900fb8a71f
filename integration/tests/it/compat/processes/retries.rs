//! Starts that fail and are tried again, and ends that are followed by a start.

use std::os::unix::fs::symlink;
use std::time::Duration;

use integration::facts::shown;
use integration::places;
use integration::stamps;
use integration::subject::{Daemon, Subject};
use nix::sys::signal::{Signal, kill};

use super::{Differences, Info, ask, count, lines, wait_lines};

for_each_subject![failed_starts_are_counted_and_ended_programs_started_again];

/// `startsecs=9` where an exit is to be too quick: the original may be a second late to notice it.
const PROGRAMS: &str = "{head}
[program:two]
command={child} stamp:{dir}/stamps:two exit:1
startretries=2
startsecs=9
[program:none]
command={child} exit:1
startretries=0
startsecs=9
[program:minus]
command={child} exit:1
startretries=-1
startsecs=9
[program:absent]
command={dir}/absent
startretries=1
autorestart=false
[program:zero]
command={child} exit:0
startretries=1
autorestart=false
startsecs=9
[program:waits]
command={dir}/waits
startretries=2
startsecs=9
[program:young]
command={child} unless:{dir}/young=1 forever
startretries=1
startsecs=3600
[program:comes]
command={dir}/comes forever
startretries=1
startsecs=0
[program:yes0]
command={child} sleep:0.2 exit:0
autorestart=true
startsecs=0
[program:no2]
command={child} sleep:0.2 exit:2
autorestart=false
startsecs=0
[program:may0]
command={child} sleep:0.2 exit:0
startsecs=0
[program:may2]
command={child} sleep:0.2 exit:2
startsecs=0
[program:may2ok]
command={child} sleep:0.2 exit:2
exitcodes=0,2
startsecs=0
[program:maykill]
command={child} sleep:0.2 die:KILL
autorestart=unexpected
exitcodes=0,1,255
startsecs=0
";

const QUICK: &str = "Exited too quickly (process log may have details)";

fn failed_starts_are_counted_and_ended_programs_started_again(subject: Subject) {
    let daemon = Daemon::start(subject, PROGRAMS);
    stopped_in_between(&daemon);
    started_again(&daemon);
    given_up(&daemon);
    forgotten(&daemon);
}

/// The failures of before a stop count, be it a stop out of BACKOFF or out of STARTING.
fn stopped_in_between(daemon: &Daemon) {
    wait_lines(daemon, "waits", "spawnerr: ", 1);
    assert_eq!(ask(daemon, "stopProcess", "waits"), 0);
    wait_lines(daemon, "young", "exited: ", 1);
    daemon.home().write("young", "");
    let child = wait_lines(daemon, "young", "spawned: ", 2);
    assert_eq!(count(&child, "WARN exited: young (exit status 1; not expected)"), 1, "{child:?}");
    assert_eq!(ask(daemon, "stopProcess", "young"), 0);
    daemon.wait_state("young", "STOPPED");
    std::fs::remove_file(daemon.path("young")).unwrap();
    for name in ["waits", "young"] {
        if name == "waits" {
            daemon.home().write("waits", "#!/bin/sh\nexit 1\n");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(daemon.path("waits"), mode).unwrap();
        }
        assert_eq!(daemon.process(name).unwrap().state, "STOPPED");
        start(daemon, name);
    }
}

/// The original's answer depends on whether it sees the child's end before it answers.
fn start(daemon: &Daemon, name: &str) {
    const SPAWN_ERROR: i32 = 50;
    let answer = ask(daemon, "startProcess", name);
    assert!([0, SPAWN_ERROR].contains(&answer), "{name}: {answer}");
}

fn started_again(daemon: &Daemon) {
    let subject = daemon.host().subject();
    for name in ["yes0", "may2", "maykill"] {
        let all = wait_lines(daemon, name, "spawned: ", 3);
        assert_eq!(count(&all, "gave up") + count(&all, "too quick"), 0, "{all:?}");
    }
    shown(subject, &["SM-27"]);
    for name in ["no2", "may0", "may2ok"] {
        daemon.wait_state(name, "EXITED");
        assert_eq!(count(&lines(daemon, name), "spawned: "), 1, "{name}");
    }
    let killed = lines(daemon, "maykill");
    assert!(count(&killed, "WARN exited: maykill (terminated by SIGKILL; not expected)") > 1);
    shown(subject, &["SM-29"]);
    for name in ["yes0", "may2", "maykill"] {
        // It may just be EXITED, on its way to the next start.
        integration::wait::until(integration::wait::PATIENCE, "a stop between two exits", || {
            match ask(daemon, "stopProcess", name) {
                0 => Ok(()),
                refused => Err(refused),
            }
        });
    }
}

fn given_up(daemon: &Daemon) {
    let subject = daemon.host().subject();
    let mut differences = Differences::default();
    let gave_up = |name: &str| {
        format!("INFO gave up: {name} entered FATAL state, too many start retries too quickly")
    };
    let absent = format!("can't find command '{}'", daemon.path("absent").display());
    for (name, attempts, why) in [
        ("two", 3, QUICK),
        ("none", 1, QUICK),
        ("minus", 1, QUICK),
        ("absent", 2, absent.as_str()),
        ("zero", 2, QUICK),
        ("waits", 3, QUICK),
        ("young", 2, QUICK),
    ] {
        daemon.wait_state(name, "FATAL");
        let all = wait_lines(daemon, name, "gave up: ", 1);
        let failures = count(&all, "exited: ") + count(&all, "spawnerr: ");
        differences.look(name, failures, attempts);
        differences.look(name, all.last().cloned(), Some(gave_up(name)));
        differences.look(name, Info::of(daemon, name).text("spawnerr"), why.to_owned());
    }
    differences.none(daemon);
    shown(subject, &["SM-13", "SM-15", "SM-25", "SM-28"]);
    let starts = stamps::read(&daemon.home().read("stamps"));
    let gaps: Vec<_> =
        starts.windows(2).map(|pair| pair[1].at.saturating_sub(pair[0].at)).collect();
    assert!(gaps[0] >= Duration::from_secs(1) && gaps[1] >= Duration::from_secs(2), "{gaps:?}");
    shown(subject, &["SM-14"]);
}

/// RUNNING and FATAL begin the count anew; a stop did not.
fn forgotten(daemon: &Daemon) {
    let subject = daemon.host().subject();
    let comes = daemon.path("comes");
    daemon.wait_state("comes", "FATAL");
    symlink(places::binary("child"), &comes).unwrap();
    assert_eq!(ask(daemon, "startProcess", "comes"), 0);
    let pid = daemon.wait_state("comes", "RUNNING").pid;
    start(daemon, "zero");
    std::fs::remove_file(&comes).unwrap();
    let before = count(&lines(daemon, "comes"), "spawnerr: ");
    kill(pid, Signal::SIGKILL).unwrap();
    wait_lines(daemon, "comes", "gave up: ", 2);
    assert_eq!(count(&lines(daemon, "comes"), "spawnerr: "), before + 2);
    let all = wait_lines(daemon, "zero", "gave up: ", 2);
    assert_eq!(count(&all, "exited: "), 4, "{all:?}");
    shown(subject, &["SM-26", "SM-11"]);
}
