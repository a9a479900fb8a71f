//! The listener protocol, rule by rule: what a listener writes, and what the activity log says of it.
//!
//! A log is told in words: `A>R` is `NAME: ACKNOWLEDGED -> READY`, `sent N` the event with that
//! serial, `back N` its return to the buffer.

use std::fmt::Write as _;

use integration::ears::{heard, wait_heard};
use integration::facts::shown;
use integration::subject::{Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};

use super::super::in_order;
use super::send;

for_each_subject![listeners_are_heard_as_the_original_hears_them];

/// A listener: its name, what it does once both events wait for it, and what the log says. `hear` is
/// short for noting an event.
const LISTENERS: &[(&str, &str, &str)] = &[
    (
        "good",
        r"'say:READY\n' hear 'say:RESULT 2\nOK' 'say:READY\n' hear 'say:RESULT 2\nOK' forever",
        "A>R, sent 0, processed, B>A, A>R, sent 1, processed, B>A",
    ),
    (
        "pieces",
        r"'say:REA' sleep:0.3 'say:DY\n' hear 'say:RES' sleep:0.3 'say:ULT 2' sleep:0.3 'say:\nO' sleep:0.3 'say:K' forever",
        "A>R, sent 0, processed, B>A",
    ),
    (
        "joined",
        r"'say:READY\n' hear 'say:RESULT 2\nOKREADY\n' hear 'say:RESULT 2\nOKREADY\n' forever",
        "A>R, sent 0, processed, B>A, A>R, sent 1, processed, B>A, A>R",
    ),
    (
        "fails",
        r"'say:READY\n' hear 'say:RESULT 4\nFAIL' 'say:READY\n' hear 'say:RESULT 2\nOK' forever",
        "A>R, sent 0, rejected, B>A, back 0, A>R, sent 0, processed, B>A",
    ),
    (
        "three",
        r"'say:READY\n' hear 'say:RESULT 3\nOK\n' forever",
        "A>R, sent 0, rejected, B>A, back 0",
    ),
    (
        "newline",
        r"'say:READY\n' hear 'say:RESULT 2\nOK\nREADY\n' forever",
        "A>R, sent 0, processed, B>A, A>U, unknown",
    ),
    (
        "number",
        r"'say:READY\n' hear 'say:RESULT x\n' forever",
        "A>R, sent 0, bad 'RESULT x', B>U, unknown, back 0",
    ),
    (
        "chatter",
        r"'say:READY\n' hear 'say:it is\n' forever",
        "A>R, sent 0, bad 'it is', B>U, unknown, back 0",
    ),
    (
        "empty",
        r"'say:READY\n' hear 'say:RESULT 0\n' sleep:0.3 'say:READY\n' hear 'say:RESULT 2\nOK' forever",
        "A>R, sent 0, rejected, B>A, back 0, A>R, sent 0, processed, B>A",
    ),
    ("word", r"'say:READY\n' hear 'say:FOOBAR 2\nOK' forever", "A>R, sent 0, processed, B>A"),
    (
        "blanks",
        r"'say:READY\n' hear 'say:RESULT  +0_2 \nOK' forever",
        "A>R, sent 0, processed, B>A",
    ),
    ("noise", r"'say:hello world\n' forever", "A>U, unknown"),
    ("short", r"'say:hello' forever", ""),
    ("twice", r"'say:READY\nREADY\n' forever", "A>R, R>U, unknown"),
    (
        "dies",
        r"'say:READY\n' hear unless:{dir}/second=7 'say:RESULT 2\nOK' forever",
        "A>R, sent 0, back 0, A>R, sent 0, processed, B>A",
    ),
    ("deaf", r"deaf 'say:READY\n' forever", "A>R, epipe 0"),
];

/// One that writes what is no text, and one that is ready before it counts as started.
const OTHERS: &str = "
[eventlistener:binary]
command=/bin/sh -c \"until [ -e {dir}/go ]; do sleep 0.1; done; echo READY; read -r x; printf 'RESULT \\\\377\\\\n'; exec {child} forever\"
events=REMOTE_COMMUNICATION
startsecs=0
priority=98
[eventlistener:early]
command={child} 'say:READY\\n' hear:{dir}/early forever
events=REMOTE_COMMUNICATION
startsecs=3
priority=99
";

fn listeners_are_heard_as_the_original_hears_them(subject: Subject) {
    let mut configuration = "{head}\n[supervisord]\nloglevel=debug\n".to_owned() + OTHERS;
    for (number, (name, script, _)) in LISTENERS.iter().enumerate() {
        let script = script.replace("hear ", &format!("hear:{{dir}}/{name} "));
        // Each has a priority of its own: the original takes processes of one priority for one.
        let _ = write!(
            configuration,
            "[eventlistener:{name}]\ncommand={{child}} until:{{dir}}/go {script}\n\
             events=REMOTE_COMMUNICATION\nstartsecs=0\nautorestart=false\npriority={number}\n"
        );
    }
    let daemon = Daemon::start_on(Host::new(subject, &configuration));
    for (name, ..) in LISTENERS {
        daemon.wait_state(name, "RUNNING");
    }
    send(&daemon, "number", "one");
    send(&daemon, "number", "two");
    daemon.home().write("go", "");
    daemon.wait_state("dies", "EXITED");
    daemon.home().write("second", "");
    assert_eq!(daemon.ctl(&["start", "dies"]).code, 0);
    for (name, _, wanted) in LISTENERS {
        let told = wait::until(PATIENCE, &format!("{name} to be heard"), || {
            let told = told_of(&daemon, name);
            if told.len() < wanted.len() { Err(told) } else { Ok(told) }
        });
        assert_eq!(told, *wanted, "{name}");
    }
    for (name, _, wanted) in LISTENERS {
        assert_eq!(told_of(&daemon, name), *wanted, "{name}, when all have spoken");
    }
    numbers_stay(subject, &daemon);
    what_is_unknown_runs_on(subject, &daemon);
    only_the_running_are_told(subject, &daemon);
}

/// What the log has about one listener. That the next event is looked at and put back is left out:
/// how often that is, is a matter of when.
fn told_of(daemon: &Daemon, name: &str) -> String {
    const UNKNOWN: &str = "has entered the UNKNOWN state and will no longer receive events, this \
                           usually indicates the process violated the eventlistener protocol";
    let mut told: Vec<String> = Vec::new();
    for line in daemon.log().lines() {
        let line = line.strip_prefix("WHEN ").unwrap_or(line);
        let (level, text) = line.split_once(' ').unwrap_or_default();
        let said = match text.strip_prefix(&format!("{name}: ")) {
            Some(said) => said,
            None if text.contains(&format!(" {name} (")) && text.starts_with("rebuffering") => text,
            None if text.contains(&format!("to listener {name}")) => text,
            None => continue,
        };
        let serial = || said.split(' ').find(|word| word.parse::<u64>().is_ok()).unwrap_or("?");
        let word = match (level, said) {
            ("DEBG", "event was processed") => "processed".to_owned(),
            ("WARN", "event was rejected") => "rejected".to_owned(),
            ("WARN", UNKNOWN) => "unknown".to_owned(),
            ("WARN", bad) if bad.starts_with("bad result line: ") => {
                bad.replacen("bad result line:", "bad", 1)
            }
            ("DEBG", sent) if sent.ends_with(&format!("sent to listener {name}")) => {
                format!("sent {}", serial())
            }
            ("DEBG", epipe) if epipe.ends_with("listener state unchanged") => {
                format!("epipe {}", serial())
            }
            ("DEBG", back) if back.starts_with("rebuffering") => format!("back {}", serial()),
            ("DEBG", change) => match change.split_once(" -> ") {
                Some((from, to)) => format!("{}>{}", &from[..1], &to[..1]),
                None => panic!("{line}"),
            },
            _ => panic!("{line}"),
        };
        let is_again = told.last() == Some(&word);
        let was_sent = told.contains(&word.replace("back", "sent"));
        if !is_again && (was_sent || !word.starts_with("back")) {
            told.push(word);
        }
    }
    told.join(", ")
}

/// An event that is sent again has the numbers that it had.
fn numbers_stay(subject: Subject, daemon: &Daemon) {
    let numbers = |name: &str| -> Vec<(String, String)> {
        let of = |event: &integration::ears::Heard| {
            (event.get("serial").to_owned(), event.get("poolserial").to_owned())
        };
        heard(daemon.home(), name).iter().map(of).collect()
    };
    let pair = |number: u8| (number.to_string(), number.to_string());
    assert_eq!(numbers("good"), [pair(0), pair(1)]);
    assert_eq!(numbers("fails"), [pair(0), pair(0)]);
    assert_eq!(numbers("dies"), [pair(0), pair(0)]);
    let ids = ["E-56", "E-70", "E-71", "E-72", "E-73", "E-74", "E-75", "E-76", "E-77", "E-78"];
    shown(subject, &ids);
    shown(subject, &["E-80", "E-81", "E-83", "E-85", "E-86", "E-87", "E-88"]);
    // That a handler of one's own may raise is COMPAT-8's matter.
    shown(subject, &["MSG-10", "MSG-12", "MSG-13", "MSG-15"]);
    let log = wait::until(PATIENCE, "what is no text", || {
        let log = daemon.log();
        if log.contains("WARN binary: bad") { Ok(log) } else { Err(log) }
    });
    let line = r"WARN binary: bad result line: 'Undecodable: b'RESULT \xff''";
    assert!(log.contains(line), "{log}");
}

fn what_is_unknown_runs_on(subject: Subject, daemon: &Daemon) {
    for name in ["newline", "number", "chatter", "noise", "twice", "binary"] {
        daemon.wait_state(name, "RUNNING");
    }
    send(daemon, "number", "three");
    assert!(heard(daemon.home(), "number").len() == 1, "a listener in UNKNOWN was told something");
    // Only another life of it is heard again.
    assert_eq!(daemon.ctl(&["restart", "number"]).code, 0);
    wait_heard(daemon, "number", "the event that it left", |heard| heard.len() == 2);
    shown(subject, &["MSG-11", "E-79", "E-89"]);
}

/// E-65: ready is not enough.
fn only_the_running_are_told(subject: Subject, daemon: &Daemon) {
    wait_heard(daemon, "early", "the first event", |heard| !heard.is_empty());
    in_order(
        &daemon.log(),
        &[
            "DEBG early: ACKNOWLEDGED -> READY\n",
            "INFO success: early entered RUNNING state",
            "DEBG event 0 sent to listener early\n",
        ],
    );
    shown(subject, &["E-65"]);
}
