//! What each level of the activity log lets through.

use std::collections::BTreeSet;
use std::thread;

use integration::facts::shown;
use integration::feed::Feed;
use integration::subject::{Daemon, Host, Subject, wait_text};
use nix::sys::signal::Signal;

for_each_subject![each_level_lets_through_what_is_as_important];

const HOST: &str = "{head}
[program:p]
command=cat {dir}/p.in
startsecs=0
stdout_logfile={dir}/p.log
";

/// The words of a configuration, the codes in the log, most important first, and a signal that ends
/// a daemon.
const LEVELS: [(&str, &str, Signal); 7] = [
    ("critical", "CRIT", Signal::SIGTERM),
    ("error", "ERRO", Signal::SIGINT),
    ("warn", "WARN", Signal::SIGQUIT),
    ("info", "INFO", Signal::SIGTERM),
    ("debug", "DEBG", Signal::SIGINT),
    ("trace", "TRAC", Signal::SIGQUIT),
    ("blather", "BLAT", Signal::SIGTERM),
];

fn each_level_lets_through_what_is_as_important(subject: Subject) {
    thread::scope(|scope| {
        for (number, (word, _, signal)) in LEVELS.into_iter().enumerate() {
            scope.spawn(move || {
                let log = a_life(subject, word, signal);
                let wanted = LEVELS[..=number].iter().map(|(_, code, _)| (*code).to_owned());
                assert_eq!(codes(&log), wanted.collect(), "{word}:\n{log}");
                if word == "warn" {
                    let line = format!("WARN received {signal} indicating exit request\n");
                    assert!(log.contains(&line), "{log}");
                }
                if word == "blather" {
                    // http's lines: those with `error` in them are errors, others are not.
                    assert_eq!(level_of(&log, "\"GET /an-Error HTTP/1.1\" 404 "), "ERRO", "{log}");
                    assert_eq!(level_of(&log, "\"GET /nothing HTTP/1.1\" 404 "), "TRAC", "{log}");
                    assert_eq!(level_of(&log, "p state: STOPPING"), "BLAT", "{log}");
                }
            });
        }
    });
    shown(subject, &["LOG-02", "LOG-03", "MSG-01", "MSG-19"]);
}

/// A daemon lives with this `loglevel`, says something of each level, and ends; its log.
fn a_life(subject: Subject, level: &str, signal: Signal) -> String {
    let head = integration::subject::HEAD;
    let head = head.replace("[supervisord]\n", &format!("[supervisord]\nloglevel={level}\n"));
    let host = Host::new(subject, &HOST.replace("{head}", &head));
    let feed = Feed::new(&host.home().join("p.in"));
    let mut daemon = Daemon::start_on(host);
    daemon.wait_state("p", "RUNNING");
    for page in ["an-Error", "nothing"] {
        let request = format!("GET /{page} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        assert_eq!(daemon.door().exchange(request.as_bytes()).unwrap().status, 404);
    }
    feed.say("said\n");
    wait_text(&daemon.path("p.log"), "said\n");
    daemon.signal(signal);
    assert_eq!(daemon.wait_end(), 0);
    let log = daemon.home().read("main.log");
    assert_eq!(daemon.home().read("stdout.txt"), log, "{level}: stdout is as the file");
    log
}

/// The codes of all lines that have one.
fn codes(log: &str) -> BTreeSet<String> {
    log.lines().filter_map(code).map(str::to_owned).collect()
}

/// What stands behind the stamp; lines of a message after its first have none.
fn code(line: &str) -> Option<&str> {
    line.starts_with("20").then(|| line.split(' ').nth(2)).flatten()
}

fn level_of<'a>(log: &'a str, phrase: &str) -> &'a str {
    let line = log.lines().find(|line| line.contains(phrase));
    line.and_then(code).unwrap_or_else(|| panic!("{phrase:?} is not in the log:\n{log}"))
}
