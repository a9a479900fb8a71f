//! Where we differ, and what must hold instead: a listener costs nobody but itself (COMPAT-90 to 94).

use std::fmt::Write as _;

use integration::ears::{Heard, heard, wait_heard};
use integration::subject::{Daemon, Subject};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::Signal;

use super::{about, send};

/// Two pools whose processes have one priority; one of them rejects. A third listens for a type and
/// for its parents.
const NEIGHBOURS: &str = "{head}
[eventlistener:rejects]
command={child} 'say:READY\\n' hear:{dir}/rejects 'say:RESULT 4\\nFAIL' serve:{dir}/rejects
events=REMOTE_COMMUNICATION
startsecs=0
[eventlistener:other]
command={child} serve:{dir}/other
events=PROCESS_GROUP
startsecs=0
[eventlistener:fond]
command={child} serve:{dir}/fond
events=EVENT,REMOTE_COMMUNICATION,PROCESS_GROUP,PROCESS_GROUP_ADDED
buffer_size=100
startsecs=0
[program:idle]
command={child} forever
autostart=false
";

#[test]
fn a_rejection_stays_in_its_pool_and_nobody_hears_a_thing_twice() {
    let daemon = Daemon::start(Subject::Ours, NEIGHBOURS);
    for name in ["rejects", "other", "fond"] {
        daemon.wait_state(name, "RUNNING");
    }
    send(&daemon, "x", "");
    wait_heard(&daemon, "rejects", "the event again", |heard| heard.len() == 2);
    assert_eq!(daemon.ctl(&["remove", "idle"]).code, 0);
    let last = |heard: &[Heard]| heard.iter().any(|event| event.name() == "PROCESS_GROUP_REMOVED");
    let other = wait_heard(&daemon, "other", "the group that went", last);
    assert!(other.iter().all(|event| event.name().starts_with("PROCESS_GROUP")), "{other:#?}");
    let fond = wait_heard(&daemon, "fond", "the group that went", last);
    let serials: Vec<_> = fond.iter().map(|event| event.get("serial").to_owned()).collect();
    let wanted: Vec<_> = (0..fond.len()).map(|number| number.to_string()).collect();
    assert_eq!(serials, wanted);
}

/// Listeners that write too much, or what has no end.
const LIARS: &[(&str, &str, &str)] = &[
    (
        "negative",
        r"'say:READY\n' hear:{dir}/n 'say:RESULT -1\nREADY\n' forever",
        "bad result line: 'RESULT -1'",
    ),
    (
        "greedy",
        r"'say:READY\n' hear:{dir}/g 'say:RESULT 99999999999\n' forever",
        "bad result line: 'RESULT 99999999999'",
    ),
    (
        "endless",
        r"'say:READY\n' hear:{dir}/e write-bytes:5 'say:{long}' forever",
        "bad result line: '",
    ),
    (
        "flood",
        r"'say:READY\n' hear:{dir}/f 'say:RESULT x\n' write-bytes:50000000",
        "bad result line: 'RESULT x'",
    ),
];

#[test]
fn whatever_a_listener_writes_it_harms_only_itself() {
    let mut configuration =
        "{head}\n[program:p]\ncommand={child} forever\nstartsecs=0\n".to_owned();
    for (name, script, _) in LIARS {
        let script = script.replace("{long}", &"x".repeat(5000));
        let _ = write!(
            configuration,
            "[eventlistener:{name}]\ncommand={{child}} {script}\nevents=REMOTE_COMMUNICATION\n\
             startsecs=0\nautorestart=false\nstdout_logfile=NONE\n"
        );
    }
    let mut daemon = Daemon::start(Subject::Ours, &configuration);
    for (name, ..) in LIARS {
        daemon.wait_state(name, "RUNNING");
    }
    send(&daemon, "x", "");
    for (name, _, said) in LIARS {
        daemon.wait_log(&format!("WARN {name}: {said}"));
        daemon.wait_log(&format!("WARN {name}: has entered the UNKNOWN state"));
    }
    // It has said all that it had to say, into the void.
    daemon.wait_state("flood", "EXITED");
    assert_eq!(daemon.ctl(&["restart", "p"]).code, 0);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
}

/// It says that it has dealt with events and reads none of them; its pipe is full soon.
const SLEEPER: &str = "{head}
[supervisord]
loglevel=debug
[eventlistener:liar]
command={child} 'say:READY\\n' until:{dir}/go 'say:RESULT 2\\nOKREADY\\n' until:{dir}/again 'say:RESULT 2\\nOKREADY\\n' forever
events=REMOTE_COMMUNICATION
startsecs=0
stopwaitsecs=1
[eventlistener:hangs]
command={child} 'say:READY\\n' ignore:TERM forever
events=REMOTE_COMMUNICATION
buffer_size=3
startsecs=0
stopwaitsecs=1
[eventlistener:ear]
command={child} serve:{dir}/heard
events=REMOTE_COMMUNICATION,PROCESS_STATE
buffer_size=100
startsecs=0
[program:p]
command={child} forever
startsecs=0
";

#[test]
fn a_listener_that_does_not_read_delays_nothing() {
    let mut daemon = Daemon::start(Subject::Ours, SLEEPER);
    for name in ["liar", "hangs", "ear", "p"] {
        daemon.wait_state(name, "RUNNING");
    }
    let large = "x".repeat(1 << 20);
    for number in 0..8 {
        send(&daemon, &number.to_string(), &large);
    }
    for (number, file) in ["ready", "go", "again"].into_iter().enumerate() {
        daemon.home().write(file, "");
        wait::until(PATIENCE, "an event for the liar", || {
            let sent = daemon.log().matches(" sent to listener liar\n").count();
            if sent > number { Ok(()) } else { Err(sent) }
        });
    }
    // Everybody else goes on: commands are answered, programs restarted, events delivered.
    assert_eq!(daemon.ctl(&["restart", "p"]).code, 0);
    let pid = daemon.process("p").expect("it runs").pid;
    nix::sys::signal::kill(pid, Signal::SIGKILL).expect("it runs");
    wait_heard(&daemon, "heard", "the end of p and its next start", |heard| {
        let last = ["PROCESS_STATE_EXITED", "PROCESS_STATE_STARTING", "PROCESS_STATE_RUNNING"];
        let all = about(heard, "p");
        all.len() > 3
            && all[all.len() - 3..].iter().zip(last).all(|(told, name)| told.starts_with(name))
    });
    daemon.wait_log("ERRO pool hangs event buffer overflowed, discarding event");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
}

/// A host on which nothing has to be waited for when it stops.
const QUICK: &str = "{head}
[eventlistener:ear]
command={child} serve:{dir}/heard
events=SUPERVISOR_STATE_CHANGE,PROCESS_STATE_STOPPED
startsecs=0
[program:p]
command={child} forever
startsecs=0
";

#[test]
fn the_last_events_of_a_host_are_heard() {
    let mut daemon = Daemon::start(Subject::Ours, QUICK);
    daemon.wait_state("p", "RUNNING");
    wait_heard(&daemon, "heard", "the beginning", |heard| heard.len() == 1);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    let heard = heard(daemon.home(), "heard");
    let names: Vec<_> = heard.iter().map(Heard::name).collect();
    let wanted = [
        "SUPERVISOR_STATE_CHANGE_RUNNING",
        "SUPERVISOR_STATE_CHANGE_STOPPING",
        "PROCESS_STATE_STOPPED",
    ];
    assert_eq!(names, wanted);
}
