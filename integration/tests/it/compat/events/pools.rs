//! Pools: who gets which event, what a full buffer loses, and how events are counted.

use integration::ears::{Heard, heard, wait_heard};
use integration::facts::shown;
use integration::subject::{Daemon, Subject};

use super::super::in_order;
use super::send;

for_each_subject![
    a_full_buffer_loses_its_oldest,
    a_pool_shares_its_events_out,
    events_are_counted_where_somebody_listens,
];

/// The serials that were heard, in order.
fn serials(heard: &[Heard]) -> Vec<String> {
    heard.iter().map(|event| event.get("serial").to_owned()).collect()
}

/// `late` is ready when the buffer has overflowed; `fails` rejects while its buffer is full; `pair`
/// listens to nothing that comes.
const BUFFERS: &str = "{head}
[supervisord]
loglevel=debug
[eventlistener:late]
command={child} until:{dir}/go serve:{dir}/late
events=REMOTE_COMMUNICATION
buffer_size=3
startsecs=0
priority=1
[eventlistener:fails]
command={child} 'say:READY\\n' hear:{dir}/fails until:{dir}/no 'say:RESULT 4\\nFAIL' until:{dir}/go serve:{dir}/fails
events=REMOTE_COMMUNICATION
buffer_size=2
startsecs=0
priority=2
[eventlistener:small]
command={child} until:{dir}/go serve:{dir}/small
events=PROCESS_STATE,PROCESS_GROUP,SUPERVISOR_STATE_CHANGE
startsecs=0
priority=3
[program:many]
command={child} forever
process_name=%(process_num)d
numprocs=8
startsecs=0
";

fn a_full_buffer_loses_its_oldest(subject: Subject) {
    let daemon = Daemon::start(subject, BUFFERS);
    for name in ["late", "fails", "small", "many:7"] {
        daemon.wait_state(name, "RUNNING");
    }
    send(&daemon, "first", "");
    let first = wait_heard(&daemon, "fails", "the first event", |heard| heard.len() == 1);
    let first: i64 = first[0].get("serial").parse().expect("a number");
    for number in 1..6 {
        send(&daemon, "next", &number.to_string());
    }
    let lost = |pool: &str, after: i64| {
        let serial = first + after;
        format!("ERRO pool {pool} event buffer overflowed, discarding event {serial}\n")
    };
    daemon.wait_log(&lost("late", 2));
    daemon.wait_log(&lost("fails", 3));
    let log = daemon.log();
    in_order(&log, &[&lost("late", 0), &lost("late", 1), &lost("late", 2)]);
    assert!(!log.contains(&lost("late", 3)), "{log}");
    // One of its events is with its listener, and two may wait.
    in_order(&log, &[&lost("fails", 1), &lost("fails", 2), &lost("fails", 3)]);
    // A rejected one comes back to the front of the full buffer, and the oldest gives way once more.
    daemon.home().write("no", "");
    daemon.wait_log("WARN fails: event was rejected\n");
    daemon.wait_log(&lost("fails", 4));
    let back = format!("DEBG rebuffering event {first} for pool fails (buf size=2, max=2)\n");
    in_order(&daemon.log(), &[&lost("fails", 3), &back, &lost("fails", 4)]);
    daemon.home().write("go", "");
    let heard = wait_heard(&daemon, "late", "all that is left", |heard| heard.len() == 3);
    let left = |numbers: &[i64]| -> Vec<String> {
        numbers.iter().map(|number| (first + number).to_string()).collect()
    };
    assert_eq!(serials(&heard), left(&[3, 4, 5]));
    let heard = wait_heard(&daemon, "fails", "the rest", |heard| heard.len() == 3);
    assert_eq!(serials(&heard), left(&[0, 0, 5]));
    shown(subject, &["MSG-14", "E-91"]);
    // With ten, which is the default, the first events of a host with a dozen processes are lost.
    let heard =
        wait_heard(&daemon, "small", "what is left of the start", |heard| heard.len() == 10);
    assert!(heard[0].name() != "PROCESS_GROUP_ADDED", "{heard:#?}");
    in_order(&daemon.log(), &["ERRO pool small event buffer overflowed, discarding event 0\n"]);
    shown(subject, &["E-62", "E-66"]);
}

/// Three processes in one pool, each of which answers when its file is there.
const SHARED: &str = "{head}
[supervisord]
loglevel=debug
[eventlistener:shared]
command={child} 'say:READY\\n' hear:{dir}/heard_%(process_num)d until:{dir}/go_%(process_num)d 'say:RESULT 2\\nOK' serve:{dir}/heard_%(process_num)d
process_name=%(program_name)s_%(process_num)d
numprocs=3
events=REMOTE_COMMUNICATION
startsecs=0
autorestart=false
";

fn a_pool_shares_its_events_out(subject: Subject) {
    let daemon = Daemon::start(subject, SHARED);
    for number in 0..3 {
        let name = format!("shared_{number}");
        daemon.wait_state(&format!("shared:{name}"), "RUNNING");
        daemon.wait_log(&format!("DEBG {name}: ACKNOWLEDGED -> READY\n"));
    }
    // Each goes to the first that is free, and they are at work side by side.
    for number in 0..3 {
        send(&daemon, "event", &number.to_string());
        let file = format!("heard_{number}");
        let heard = wait_heard(&daemon, &file, "its event", |heard| !heard.is_empty());
        assert_eq!(serials(&heard), [number.to_string()], "{file}");
        shown(subject, &["E-63"]);
    }
    send(&daemon, "event", "3");
    // Whoever dies leaves its event to the next that is free.
    let pid = daemon.process("shared:shared_1").expect("it runs").pid;
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("it runs");
    daemon.wait_log("DEBG rebuffering event 1 for pool shared (buf size=1, max=10)\n");
    daemon.home().write("go_2", "");
    let heard_2 = wait_heard(&daemon, "heard_2", "what was left", |heard| heard.len() >= 3);
    assert_eq!(serials(&heard_2)[..3], ["2", "1", "3"]);
    assert_eq!(serials(&heard(daemon.home(), "heard_0")), ["0"]);
    let numbers: Vec<_> = heard_2.iter().map(|event| event.get("poolserial")).collect();
    assert_eq!(numbers[..3], ["2", "1", "3"]);
    shown(subject, &["E-67"]);
}

/// Two pools that listen for different things, and a third that is removed and added.
const COUNTED: &str = "{head}
[eventlistener:groups]
command={child} serve:{dir}/groups
events=PROCESS_GROUP_ADDED,PROCESS_GROUP_REMOVED
startsecs=0
priority=-3
[eventlistener:remote]
command={child} serve:{dir}/remote
events=REMOTE_COMMUNICATION
startsecs=0
priority=-2
[program:idle]
command={child} forever
autostart=false
";

fn events_are_counted_where_somebody_listens(subject: Subject) {
    let mut daemon = Daemon::start(subject, COUNTED);
    daemon.wait_state("remote", "RUNNING");
    // Groups that are created after its own: itself, the other pool, and a program.
    let heard = wait_heard(&daemon, "groups", "three groups", |heard| heard.len() == 3);
    assert_eq!(serials(&heard), ["0", "1", "2"]);
    send(&daemon, "one", "");
    let heard = wait_heard(&daemon, "remote", "an event", |heard| heard.len() == 1);
    let numbers =
        |event: &Heard| (event.get("serial").to_owned(), event.get("poolserial").to_owned());
    let pair = |serial: &str, in_pool: &str| (serial.to_owned(), in_pool.to_owned());
    // Starts and states of processes were nobody's business and got no number.
    assert_eq!(numbers(&heard[0]), pair("3", "0"));
    assert_eq!((heard[0].get("pool"), heard[0].get("server")), ("remote", "supervisor"));
    // A pool that comes anew counts anew, the host does not.
    for words in [["stop", "remote"], ["remove", "remote"], ["add", "remote"]] {
        assert_eq!(daemon.ctl(&words).code, 0, "{words:?}");
    }
    wait_heard(&daemon, "groups", "it went and came", |heard| heard.len() == 5);
    send(&daemon, "two", "");
    let heard = wait_heard(&daemon, "remote", "another event", |heard| heard.len() == 2);
    assert_eq!(numbers(&heard[1]), pair("6", "0"));
    // So it is with a reload.
    assert_eq!(daemon.ctl(&["reload"]).code, 0);
    let heard = wait_heard(&daemon, "groups", "another life", |heard| heard.len() == 8);
    assert_eq!(numbers(&heard[5]), pair("7", "0"));
    assert_eq!(heard[5].payload, "groupname:groups\n");
    daemon.wait_answering();
    shown(subject, &["E-54", "E-55", "E-97"]);
}
