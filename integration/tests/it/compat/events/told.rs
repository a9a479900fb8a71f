//! What is told of processes and groups: every text, in its order, from the first event on.

use integration::ears::{self, Heard, python_listener, wait_heard};
use integration::facts::shown;
use integration::subject::{Daemon, Host, Subject};

use super::{about, send};

for_each_subject![
    everything_is_told_in_the_originals_words,
    a_process_of_which_nothing_is_known_is_told_too,
];

/// A listener in Python hears everything; programs do what processes can do.
const EVERYTHING: &str = "{head}
[supervisord]
loglevel=debug
[eventlistener:ear]
command={listener}
events=event
buffer_size=500
[program:first]
command={child} forever
priority=1
stopwaitsecs=60
[program:second]
command={child} forever
priority=2
startsecs=60
[program:odd]
command={child} exit:3
startsecs=0
autorestart=false
[program:fine]
command={child} exit:0
startsecs=0
autorestart=false
[program:never]
command=/no/such/file
startretries=1
[program:retries]
command=/no/such/file
startretries=100
[group:empty]
programs=
priority=3
";

fn everything_is_told_in_the_originals_words(subject: Subject) {
    let host = Host::new(subject, "");
    let listener = python_listener(&host, "heard");
    host.configure(&EVERYTHING.replace("{listener}", &listener));
    let daemon = Daemon::start_on(host);
    daemon.wait_state("never", "FATAL");
    daemon.wait_state("first", "RUNNING");
    let heard = wait_heard(&daemon, "heard", "the end of never", |heard| {
        heard.iter().any(|event| event.name() == "PROCESS_STATE_FATAL")
            && about(heard, "first").len() == 2
    });
    the_boot_is_told_from_the_pools_own_beginning(subject, &heard);
    numbers_and_headers_are_whole(&heard);
    ends_and_retries_are_told(&heard);
    commands_are_told(subject, &daemon);
    the_log_tells_of_it(subject, &daemon);
}

/// TCK-05: groups as they are created, then the host, then the starts.
fn the_boot_is_told_from_the_pools_own_beginning(subject: Subject, heard: &[Heard]) {
    let names: Vec<&str> = heard.iter().map(Heard::name).collect();
    let groups: Vec<&str> = heard
        .iter()
        .take_while(|event| event.name() == "PROCESS_GROUP_ADDED")
        .map(|event| event.payload.as_str())
        .collect();
    let created = ["ear", "first", "second", "empty", "fine", "never", "odd", "retries"];
    assert_eq!(groups, created.map(|name| format!("groupname:{name}\n")));
    assert_eq!(names[created.len()], "SUPERVISOR_STATE_CHANGE_RUNNING");
    assert_eq!(heard[created.len()].payload, "");
    let after = &heard[created.len() + 1..];
    let begun = |name: &str| {
        let of = |event: &&Heard| event.of_payload("processname") == name;
        after.iter().position(|event| of(&event)).unwrap_or_else(|| panic!("nothing of {name}"))
    };
    let order = ["ear", "first", "second", "fine", "never", "odd", "retries"].map(begun);
    assert!(order.is_sorted(), "starts in another order: {order:?}\n{heard:#?}");
    shown(subject, &["TCK-05", "E-21", "E-68", "E-95"]);
    // Nobody waits for anybody: the last is told to start before the first counts as started.
    let up = |event: &Heard| {
        event.name() == "PROCESS_STATE_RUNNING" && event.of_payload("processname") == "first"
    };
    let first_up = after.iter().position(up).expect("the first comes up");
    assert!(order[6] < first_up, "{heard:#?}");
    shown(subject, &["TCK-06"]);
}

fn numbers_and_headers_are_whole(heard: &[Heard]) {
    for (number, event) in heard.iter().enumerate() {
        let (name, length) = (event.name(), event.payload.chars().count());
        let header = format!(
            "ver:3.0 server:supervisor serial:{number} pool:ear poolserial:{number} \
             eventname:{name} len:{length}"
        );
        assert_eq!(event.header, header);
    }
}

fn ends_and_retries_are_told(heard: &[Heard]) {
    let of = |name: &str, told: &[&str]| {
        let told: Vec<_> =
            told.iter().map(|text| in_full(&text.replacen(' ', &format!(" {name} "), 1))).collect();
        let found = about(heard, name);
        assert_eq!(found[..told.len().min(found.len())], told[..], "{name}");
    };
    of(
        "odd",
        &[
            "STARTING from_state:STOPPED tries:0",
            "RUNNING from_state:STARTING pid:PID",
            "EXITED from_state:RUNNING expected:0 pid:PID",
        ],
    );
    of(
        "fine",
        &[
            "STARTING from_state:STOPPED tries:0",
            "RUNNING from_state:STARTING pid:PID",
            "EXITED from_state:RUNNING expected:1 pid:PID",
        ],
    );
    of(
        "never",
        &[
            "STARTING from_state:STOPPED tries:0",
            "BACKOFF from_state:STARTING tries:1",
            "STARTING from_state:BACKOFF tries:1",
            "BACKOFF from_state:STARTING tries:2",
            "FATAL from_state:BACKOFF",
        ],
    );
    let pids: Vec<_> = heard
        .iter()
        .filter(|event| event.of_payload("processname") == "odd")
        .map(|event| event.of_payload("pid"))
        .collect();
    assert_eq!(pids[1], pids[2], "an end is told with the pid that ended");
}

/// What is heard from now on, less what goes on by itself.
struct News<'a> {
    daemon: &'a Daemon,
    known: usize,
}

impl News<'_> {
    /// Does something, and waits for what is told of it: this and nothing else.
    fn of(&mut self, command: &[&str], wanted: &[&str]) {
        let _ = self.daemon.ctl(command);
        self.told(&format!("{command:?}"), wanted);
    }

    fn told(&mut self, what: &str, wanted: &[&str]) {
        let wanted: Vec<String> = wanted.iter().map(|line| in_full(line)).collect();
        let is_ours = |event: &&Heard| {
            !event.name().starts_with("TICK") && event.of_payload("processname") != "retries"
        };
        let news = |heard: &[Heard]| -> Vec<String> {
            heard.iter().skip(self.known).filter(is_ours).map(Heard::shown).collect()
        };
        let heard =
            wait_heard(self.daemon, "heard", what, |heard| news(heard).len() >= wanted.len());
        assert_eq!(news(&heard), wanted, "{what}");
        self.known = heard.len();
    }
}

/// `STARTING first from_state:…` is `PROCESS_STATE_STARTING processname:first groupname:first
/// from_state:…`; other lines are as they are.
fn in_full(line: &str) -> String {
    match line.splitn(3, ' ').collect::<Vec<_>>().as_slice() {
        [state, name, rest] if rest.starts_with("from_state") => {
            format!("PROCESS_STATE_{state} processname:{name} groupname:{name} {rest}")
        }
        _ => line.to_owned(),
    }
}

/// Stops, starts and groups that go and come, each told as it happens.
fn commands_are_told(subject: Subject, daemon: &Daemon) {
    let known = ears::heard(daemon.home(), "heard").len();
    let mut news = News { daemon, known };
    let stopped =
        ["STOPPING first from_state:RUNNING pid:PID", "STOPPED first from_state:STOPPING pid:PID"];
    let started =
        ["STARTING first from_state:STOPPED tries:0", "RUNNING first from_state:STARTING pid:PID"];
    news.of(&["stop", "first"], &stopped);
    news.of(
        &["stop", "second"],
        &[
            "STOPPING second from_state:STARTING pid:PID",
            "STOPPED second from_state:STOPPING pid:PID",
        ],
    );
    news.of(
        &["start", "odd"],
        &[
            "STARTING odd from_state:EXITED tries:0",
            "RUNNING odd from_state:STARTING pid:PID",
            "EXITED odd from_state:RUNNING expected:0 pid:PID",
        ],
    );
    send(daemon, "ty", "da\nta\u{20ac}");
    news.told("a client's event", &["REMOTE_COMMUNICATION type:ty\nda\nta\u{20ac}"]);
    let (removed, added) =
        ("PROCESS_GROUP_REMOVED groupname:first\n", "PROCESS_GROUP_ADDED groupname:first\n");
    news.of(&["remove", "first"], &[removed]);
    news.of(&["add", "first"], &[added, started[0], started[1]]);
    let text = daemon.home().read("supervisord.conf");
    daemon.host().configure(&text.replace("stopwaitsecs=60", "stopwaitsecs=61"));
    news.of(&["update"], &[stopped[0], stopped[1], removed, added, started[0], started[1]]);
    let remote = ears::heard(daemon.home(), "heard");
    let remote = remote.iter().find(|event| event.name() == "REMOTE_COMMUNICATION");
    // Characters, not bytes: a listener in Python reads text.
    assert_eq!(remote.map(|event| event.get("len")), Some("14"));
    let ids = ["E-02", "E-03", "E-04", "E-05", "E-06", "E-07", "E-08", "E-09", "E-15", "E-16"];
    shown(subject, &ids);
    let ids = ["E-17", "E-20", "E-25", "E-26", "E-27", "E-28", "E-31", "E-50", "E-51", "E-52"];
    shown(subject, &ids);
    shown(subject, &["E-01", "E-53", "E-60", "E-98"]);
}

/// The kernel refuses every signal: so nobody knows what becomes of who is stopped.
fn a_process_of_which_nothing_is_known_is_told_too(subject: Subject) {
    let mut host = Host::new(
        subject,
        "{head}\n[program:lost]\ncommand={child} forever\nstartsecs=0\n[eventlistener:ear]\n\
         command={child} serve:{dir}/heard\nevents=PROCESS_STATE_UNKNOWN\nstartsecs=0\n",
    );
    host.confine(&[&format!("kill={}", libc::EPERM)]);
    let daemon = Daemon::start_on(host);
    daemon.wait_state("lost", "RUNNING");
    daemon.wait_state("ear", "RUNNING");
    let _ = daemon.door().call("supervisor.stopProcess", &["lost"]);
    let heard = wait_heard(&daemon, "heard", "the unknown", |heard| !heard.is_empty());
    let told = "PROCESS_STATE_UNKNOWN processname:lost groupname:lost from_state:STOPPING";
    assert_eq!(about(&heard, "lost"), [told]);
    shown(subject, &["E-10"]);
}

fn the_log_tells_of_it(subject: Subject, daemon: &Daemon) {
    let log = daemon.log();
    for line in [
        "DEBG ear: ACKNOWLEDGED -> READY\n",
        "DEBG event 0 sent to listener ear\n",
        "DEBG ear: event was processed\n",
        "DEBG ear: BUSY -> ACKNOWLEDGED\n",
        "DEBG 'ear' stdout output:\nb'READY\\n'\n",
    ] {
        assert!(log.contains(line), "no {line:?} in\n{log}");
    }
    shown(subject, &["LOG-10"]);
}
