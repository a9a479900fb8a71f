//! AUTO logs: names, lives, and what is cleared away at the next start.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use integration::facts::shown;
use integration::feed::Feed;
use integration::home::Home;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::Signal;

for_each_subject![
    auto_logs_are_named_and_kept,
    only_auto_logs_are_cleared_away,
    a_change_to_auto_is_not_seen,
];

/// `{{auto}}` is a directory of its own for AUTO logs.
const HEAD: &str = "[unix_http_server]
file={dir}/s.sock
[supervisord]
logfile={dir}/main.log
pidfile={dir}/main.pid
childlogdir={auto}
identifier=id-1
[rpcinterface:supervisor]
supervisor.rpcinterface_factory=supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl=unix://{dir}/s.sock
";

const PROGRAMS: &str = "
[program:both]
command={child} print:out complain:err forever
startsecs=0
[program:still]
command={child} forever
autostart=false
[program:one]
command={child} print:out complain:err forever
startsecs=0
redirect_stderr=true
[program:rotated]
command=cat {dir}/rotated.in
startsecs=0
stdout_logfile_maxbytes=4
stdout_logfile_backups=1
stderr_logfile=NONE
";

/// A host whose AUTO logs lie in `auto`.
fn host(subject: Subject, auto: &Path, programs: &str) -> Host {
    let text = HEAD.replace("{auto}", &auto.display().to_string()) + programs;
    Host::new(subject, &text)
}

/// The AUTO logs of a channel, by name.
fn logs(auto: &Path, process: &str, channel: &str) -> Vec<String> {
    let start = format!("{process}-{channel}---");
    names(auto).into_iter().filter(|name| name.starts_with(&start)).collect()
}

fn names(auto: &Path) -> Vec<String> {
    let names = fs::read_dir(auto).unwrap().map(|file| file.unwrap().file_name());
    let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

/// The one AUTO log of a channel.
fn log(auto: &Path, process: &str, channel: &str) -> String {
    let found = logs(auto, process, channel);
    let [name] = &found[..] else { panic!("{process} {channel}: {found:?}") };
    let random = name
        .strip_prefix(&format!("{process}-{channel}---id-1-"))
        .and_then(|rest| rest.strip_suffix(".log"))
        .unwrap_or_else(|| panic!("{name}"));
    let is_random = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    assert!(random.len() == 8 && random.chars().all(is_random), "{name}");
    name.clone()
}

fn auto_logs_are_named_and_kept(subject: Subject) {
    let place = Home::new();
    let auto = place.path();
    let host = host(subject, auto, PROGRAMS);
    let feed = Feed::new(&host.home().join("rotated.in"));
    let mut daemon = Daemon::start_on(host);
    for name in ["both", "one", "rotated"] {
        daemon.wait_state(name, "RUNNING");
    }
    let (out, err) = (log(auto, "both", "stdout"), log(auto, "both", "stderr"));
    assert_eq!(wait_text(&auto.join(&out), "\n"), "out\n");
    assert_eq!(wait_text(&auto.join(&err), "\n"), "err\n");
    for name in [&out, &log(auto, "still", "stderr")] {
        let mode = fs::metadata(auto.join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{name}");
    }
    shown(subject, &["LOG-40"]);
    let still = log(auto, "still", "stdout");
    assert_eq!(place.read(&still), "");
    assert_eq!(logs(auto, "one", "stderr"), [""; 0]);
    assert_eq!(wait_text(&auto.join(log(auto, "one", "stdout")), "err"), "out\nerr\n");
    assert_eq!(logs(auto, "rotated", "stderr"), [""; 0]);
    shown(subject, &["LOG-41"]);

    // The path stays for the group's life, and a process goes on where it was.
    assert_eq!(daemon.ctl(&["restart", "both"]).code, 0);
    assert_eq!(wait_text(&auto.join(&out), "out\nout\n"), "out\nout\n");
    assert_eq!(log(auto, "both", "stdout"), out);
    assert_eq!(daemon.ctl(&["stop", "both"]).code, 0);
    assert_eq!(daemon.ctl(&["remove", "both"]).code, 0);
    assert_eq!(daemon.ctl(&["reread"]).code, 0);
    assert_eq!(daemon.ctl(&["add", "both"]).code, 0);
    daemon.wait_state("both", "RUNNING");
    let after = logs(auto, "both", "stdout");
    assert_eq!(after.len(), 2, "{after:?}");
    let new = after.iter().find(|name| **name != out).unwrap();
    assert_eq!(wait_text(&auto.join(new), "\n"), "out\n");
    assert_eq!(place.read(&out), "out\nout\n");

    let rotated = log(auto, "rotated", "stdout");
    feed.say("1234");
    wait_text(&auto.join(format!("{rotated}.1")), "1234");
    wait_text(&auto.join(&rotated), "");
    shown(subject, &["LOG-46"]);

    // At the end they stay; a restart begins with new ones.
    let before = names(auto);
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    assert_eq!(names(auto), before);
    daemon.start_again();
    daemon.wait_state("both", "RUNNING");
    let after = names(auto);
    assert!(before.iter().all(|name| !after.contains(name)), "{before:?} {after:?}");
    log(auto, "both", "stdout");
    daemon.signal(Signal::SIGHUP);
    wait::until(PATIENCE, "new logs", || {
        let now = names(auto);
        if after.iter().any(|name| now.contains(name)) || now.len() < after.len() {
            Err(format!("{now:?}"))
        } else {
            Ok(())
        }
    });
    shown(subject, &["LOG-42", "LOG-43"]);
}

/// Names in the directory before a start, and whether they are removed.
const NAMES: &[(&str, bool)] = &[
    ("gone-stdout---id-1-abcd_123.log", true),
    ("gone-stderr---id-1-________.log.1", true),
    ("gone-stdout---id-1-abcd_123.log.12", true),
    ("a-b---c-stdout---id-1-abcd_123.log.9999", true),
    ("---id-1-a.log", false),
    ("y---id-1-.log", false),
    ("x-stdout---id-1-abcd 123.log", false),
    ("x-stdout---id-2-abcd_123.log", false),
    ("x-stdout---id-1.log", false),
    ("x-stdout--id-1-abcd_123.log", false),
    ("supervisord.log", false),
];

fn only_auto_logs_are_cleared_away(subject: Subject) {
    let place = Home::new();
    let auto = place.path();
    for (name, _) in NAMES {
        place.write(name, "before");
    }
    // What cannot be removed is said, and stays.
    let stuck = "stuck-stdout---id-1-abcd_123.log";
    fs::create_dir(auto.join(stuck)).unwrap();
    let host =
        host(subject, auto, "[program:p]\ncommand={child} print:words forever\nstartsecs=0\n");
    let kept = |wanted: bool| {
        NAMES.iter().filter(move |(_, removed)| *removed != wanted).map(|(name, _)| *name)
    };
    let nocleanup = fs::read_to_string(host.home().join("supervisord.conf")).unwrap();
    let nocleanup = nocleanup.replace("[supervisord]\n", "[supervisord]\nnocleanup=true\n");
    host.configure(&nocleanup);
    let mut daemon = Daemon::start_on(host);
    assert!(NAMES.iter().all(|(name, _)| auto.join(name).exists()));
    daemon.host().configure(&nocleanup.replace("nocleanup=true\n", ""));
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    daemon.start_again();
    for name in kept(true) {
        assert_eq!(place.read(name), "before", "{name}");
    }
    for name in kept(false) {
        assert!(!auto.join(name).exists(), "{name}");
    }
    let shown_path = proto_words::repr(&auto.join(stuck).display().to_string());
    let log_text = daemon.home().read("main.log");
    assert!(log_text.contains(&format!("WARN Failed to clean up {shown_path}\n")), "{log_text}");
    shown(subject, &["LOG-43"]);

    // Another daemon of the same name takes this one's away, too; it goes on writing nowhere.
    daemon.wait_state("p", "RUNNING");
    let first = log(auto, "p", "stdout");
    let other = self::host(subject, auto, "[program:q]\ncommand={child} forever\nstartsecs=0\n");
    let other = Daemon::start_on(other);
    other.wait_state("q", "RUNNING");
    assert!(!auto.join(&first).exists());
    log(auto, "q", "stdout");
    assert_eq!(daemon.ctl(&["restart", "p"]).code, 0);
    assert_eq!(wait_text(&auto.join(&first), "words\n"), "words\n");
    shown(subject, &["LOG-45"]);
}

const BEFORE: &str = "
[program:path-auto]
command=cat
stdout_logfile={dir}/a.log
[program:path-none]
command=cat
stdout_logfile={dir}/b.log
[program:path-gone]
command=cat
stdout_logfile={dir}/c.log
[program:none-auto]
command=cat
stdout_logfile=NONE
[program:auto-none]
command=cat
stdout_logfile=AUTO
[program:auto-path]
command=cat
[program:stderr-auto]
command=cat
stderr_logfile={dir}/d.log
[program:auto-auto]
command=cat
stdout_logfile=AUTO
";

const AFTER: &str = "
[program:path-auto]
command=cat
stdout_logfile=AUTO
[program:path-none]
command=cat
stdout_logfile=NONE
[program:path-gone]
command=cat
[program:none-auto]
command=cat
stdout_logfile=AUTO
[program:auto-none]
command=cat
stdout_logfile=NONE
[program:auto-path]
command=cat
stdout_logfile={dir}/e.log
[program:stderr-auto]
command=cat
stderr_logfile=AUTO
[program:auto-auto]
command=cat
";

fn a_change_to_auto_is_not_seen(subject: Subject) {
    let place = Home::new();
    let daemon = Daemon::start_on(host(subject, place.path(), BEFORE));
    let head = HEAD.replace("{auto}", &place.path().display().to_string());
    daemon.host().configure(&(head + AFTER));
    let ran = daemon.ctl(&["reread"]);
    let mut lines: Vec<_> = ran.stdout.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["auto-none: changed", "auto-path: changed", "path-none: changed"], "{ran}");
    shown(subject, &["LOG-47"]);
}
