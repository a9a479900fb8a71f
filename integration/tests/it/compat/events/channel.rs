//! A listener's channels, its place among the groups, and the way down.

use integration::ears::{Heard, wait_heard};
use integration::facts::shown;
use integration::subject::{Daemon, Subject, wait_text};
use nix::sys::signal::Signal;

use super::super::in_order;
use super::send;

for_each_subject![a_listeners_channels_are_those_of_a_program, pools_begin_first_and_end_last,];

/// `reader` copies its stdin to a file; `other` has the default priorities, too.
const CHANNELS: &str = "{head}
[eventlistener:reader]
command={child} 'say:READY\\n' save:{dir}/stdin=127 'say:RESULT 2\\nOK' 'complain:to stderr' forever
events=REMOTE_COMMUNICATION
startsecs=0
stdout_logfile={dir}/out
stderr_logfile={dir}/err
";

fn a_listeners_channels_are_those_of_a_program(subject: Subject) {
    let daemon = Daemon::start(subject, CHANNELS);
    daemon.wait_state("reader", "RUNNING");
    wait_text(&daemon.path("out"), "READY\n");
    let stdin = |text: &str| {
        daemon.door().call("supervisor.sendProcessStdin", &["reader", text]).expect("it reads");
    };
    stdin("before\n");
    send(&daemon, "kind", "data");
    stdin("\nbehind\n");
    let header = "ver:3.0 server:supervisor serial:0 pool:reader poolserial:0 \
                  eventname:REMOTE_COMMUNICATION len:14\n";
    let all = format!("before\n{header}type:kind\ndata\nbehind\n");
    assert_eq!(all.len(), 127, "as many as the listener takes");
    assert_eq!(wait_text(&daemon.path("stdin"), "behind\n"), all);
    shown(subject, &["STD-05", "E-93"]);
    wait_text(&daemon.path("err"), "to stderr\n");
    assert_eq!(daemon.home().read("out"), "READY\nRESULT 2\nOK");
    shown(subject, &["E-92"]);
}

/// Whoever stops takes a second, in which the listener hears of it.
const PRIORITIES: &str = "{head}
[supervisord]
loglevel=debug
[program:a]
command={child} ignore:TERM stamp:{dir}/ready forever
priority=1
stopwaitsecs=1
startsecs=0
[program:b]
command={child} ignore:TERM stamp:{dir}/ready forever
priority=2
stopwaitsecs=1
startsecs=0
[eventlistener:ear]
command={child} serve:{dir}/heard
events=PROCESS_STATE,SUPERVISOR_STATE_CHANGE
buffer_size=100
startsecs=0
";

/// KEL-05: a pool's priority is -1, although its processes have 999.
fn pools_begin_first_and_end_last(subject: Subject) {
    let mut daemon = Daemon::start(subject, PRIORITIES);
    for name in ["ear", "a", "b"] {
        daemon.wait_state(name, "RUNNING");
    }
    wait_heard(&daemon, "heard", "all are up", |heard| {
        heard.iter().filter(|event| event.name() == "PROCESS_STATE_RUNNING").count() == 3
    });
    in_order(&daemon.log(), &["INFO spawned: 'ear'", "INFO spawned: 'a'", "INFO spawned: 'b'"]);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    in_order(
        &daemon.log(),
        &[
            "WARN stopped: b (terminated by SIGKILL)\n",
            "DEBG killing a (pid PID) with signal SIGTERM\n",
            "WARN stopped: a (terminated by SIGKILL)\n",
            "DEBG killing ear (pid PID) with signal SIGTERM\n",
            "WARN stopped: ear (terminated by SIGTERM)\n",
        ],
    );
    shown(subject, &["SHD-03"]);
    let heard = integration::ears::heard(daemon.home(), "heard");
    let at = heard.iter().position(|event| event.name() == "SUPERVISOR_STATE_CHANGE_STOPPING");
    let told: Vec<_> = heard[at.expect("it is told")..].iter().map(Heard::shown).collect();
    let of = |state: &str, name: &str, from: &str| {
        format!(
            "PROCESS_STATE_{state} processname:{name} groupname:{name} from_state:{from} pid:PID"
        )
    };
    // What happens last may find nobody to hear it any more.
    let wanted = [
        "SUPERVISOR_STATE_CHANGE_STOPPING ".to_owned(),
        of("STOPPING", "b", "RUNNING"),
        of("STOPPED", "b", "STOPPING"),
        of("STOPPING", "a", "RUNNING"),
    ];
    assert!(told.len() > 2, "a second is enough for the first of them: {told:?}");
    let both = wanted.len().min(told.len());
    assert_eq!(told[..both], wanted[..both]);
    shown(subject, &["E-96", "E-99"]);
}
