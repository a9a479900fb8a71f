//! What signals to the daemon do.

use std::fs;
use std::os::unix::fs::OpenOptionsExt as _;

use integration::facts::shown;
use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};

for_each_subject![
    term_ends_it,
    int_ends_it,
    quit_ends_it,
    hup_restarts_it,
    usr2_reopens_logs,
    signals_on_the_way_down,
    usr1_kills_it,
    before_it_listens_it_dies_as_anybody
];

const TWO_PROGRAMS: &str = "{head}
[program:one]
command={child} forever
startsecs=0
[program:writer]
command={child} print:first until:{dir}/go print:second forever
startsecs=0
stdout_logfile={dir}/writer.log
";

/// One program that a shutdown must wait for, and one that ends when it is told.
const DEAF: &str = "{head}
[supervisord]
loglevel=debug
[program:deaf]
command={child} ignore:TERM stamp:{dir}/deaf until:{dir}/go
startsecs=0
stopwaitsecs=600
[program:brief]
command={child} until:{dir}/end
startsecs=0
autorestart=false
";

fn term_ends_it(subject: Subject) {
    ends(subject, Signal::SIGTERM);
}

fn int_ends_it(subject: Subject) {
    ends(subject, Signal::SIGINT);
}

fn quit_ends_it(subject: Subject) {
    ends(subject, Signal::SIGQUIT);
}

fn ends(subject: Subject, signal: Signal) {
    let mut daemon = Daemon::start(subject, TWO_PROGRAMS);
    let child = daemon.wait_state("one", "RUNNING").pid;
    assert_eq!(daemon.home().read("main.pid"), format!("{}\n", daemon.pid()));
    daemon.signal(signal);
    assert_eq!(daemon.wait_end(), 0);
    assert!(kill(child, None).is_err(), "the program outlived the daemon");
    let log = daemon.log();
    assert!(log.contains(&format!("WARN received {signal} indicating exit request\n")), "{log}");
    assert!(log.contains("INFO waiting for one, writer to die\n"), "{log}");
    assert!(log.contains("WARN stopped: one (terminated by SIGTERM)\n"), "{log}");
    assert!(!daemon.path("main.pid").exists(), "the pidfile is still there");
    assert!(!daemon.path("s.sock").exists(), "the socket is still there");
    shown(subject, &["SIG-01"]);
}

fn hup_restarts_it(subject: Subject) {
    let mut daemon = Daemon::start(subject, TWO_PROGRAMS);
    let before = daemon.wait_state("one", "RUNNING").pid;
    let more = format!("{TWO_PROGRAMS}[program:three]\ncommand={{child}} forever\nstartsecs=0\n");
    daemon.host().configure(&more);
    daemon.signal(Signal::SIGHUP);
    wait::until(PATIENCE, "the second start", || {
        let log = daemon.log();
        if log.matches("supervisord started with pid").count() == 2 { Ok(()) } else { Err(log) }
    });
    daemon.wait_answering();
    daemon.wait_state("three", "RUNNING");
    assert_ne!(daemon.wait_state("one", "RUNNING").pid, before);
    assert_eq!(daemon.home().read("main.pid"), format!("{}\n", daemon.pid()));
    let log = daemon.log();
    assert!(log.contains("WARN received SIGHUP indicating restart request\n"), "{log}");
    shown(subject, &["MSG-02"]);
    assert!(log.contains("WARN stopped: one (terminated by SIGTERM)\n"), "{log}");
    shown(subject, &["SIG-02"]);
}

fn usr2_reopens_logs(subject: Subject) {
    let daemon = Daemon::start(subject, TWO_PROGRAMS);
    let running = daemon.wait_state("one", "RUNNING");
    wait_text(&daemon.path("writer.log"), "first\n");
    for name in ["main.log", "writer.log"] {
        fs::rename(daemon.path(name), daemon.path(&format!("{name}.old"))).unwrap();
    }
    daemon.signal(Signal::SIGUSR2);
    wait::until(PATIENCE, "new log files", || {
        let missing =
            ["main.log", "writer.log"].into_iter().find(|name| !daemon.path(name).exists());
        missing.map_or(Ok(()), Err)
    });
    daemon.home().write("go", "");
    assert_eq!(wait_text(&daemon.path("writer.log"), "second"), "second\n");
    assert_eq!(daemon.home().read("writer.log.old"), "first\n");
    let old = daemon.host().normal(&daemon.home().read("main.log.old"));
    assert!(old.contains("INFO received SIGUSR2 indicating log reopen request\n"), "{old}");
    assert!(old.contains("INFO supervisord logreopen\n"), "{old}");
    assert_eq!(daemon.process("one").unwrap(), running, "programs do not notice");
    // Both lines go to the old file.
    assert!(!daemon.log().contains("logreopen"), "{}", daemon.log());
    shown(subject, &["MSG-05", "SIG-03"]);
}

/// Sends `signal` and waits until the daemon has said `phrase` so often.
fn said(daemon: &Daemon, signal: Signal, phrase: &str, times: usize) {
    daemon.signal(signal);
    wait::until(PATIENCE, &format!("{phrase:?} {times} times"), || {
        let log = daemon.log();
        if log.matches(phrase).count() == times { Ok(()) } else { Err(log) }
    });
}

fn signals_on_the_way_down(subject: Subject) {
    let mut daemon = Daemon::start(subject, DEAF);
    wait_text(&daemon.path("deaf"), "\n");
    let deaf = daemon.wait_state("deaf", "RUNNING");
    daemon.signal(Signal::SIGPIPE);
    daemon.home().write("end", "");
    daemon.wait_log("DEBG received SIGCHLD indicating a child quit\n");
    assert_eq!(daemon.process("deaf").unwrap(), deaf, "SIGPIPE is nothing to it");
    shown(subject, &["SIG-04", "SIG-06"]);

    // What comes while it cannot look waits, each kind once.
    daemon.signal(Signal::SIGSTOP);
    wait_stopped(daemon.pid());
    for signal in [Signal::SIGUSR2, Signal::SIGUSR2, Signal::SIGHUP, Signal::SIGUSR2] {
        daemon.signal(signal);
    }
    said(&daemon, Signal::SIGCONT, "INFO supervisord logreopen\n", 1);
    daemon.wait_log("INFO waiting for deaf to die\n");
    let log = daemon.log();
    for phrase in ["SIGHUP indicating restart", "SIGUSR2 indicating log reopen", "killing deaf"] {
        assert_eq!(log.matches(phrase).count(), 1, "{phrase}: {log}");
    }
    shown(subject, &["SIG-07"]);

    said(&daemon, Signal::SIGHUP, "WARN received SIGHUP indicating restart request\n", 2);
    shown(subject, &["SIG-12"]);
    said(&daemon, Signal::SIGTERM, "WARN received SIGTERM indicating exit request\n", 1);
    let ignored = "WARN ignored SIGHUP indicating restart request (shutdown in progress)\n";
    said(&daemon, Signal::SIGHUP, ignored, 1);
    shown(subject, &["SIG-10"]);
    said(&daemon, Signal::SIGTERM, "WARN received SIGTERM indicating exit request\n", 2);
    said(&daemon, Signal::SIGINT, "WARN received SIGINT indicating exit request\n", 1);
    assert_eq!(kill(deaf.pid, None), Ok(()), "nothing is hurried");
    daemon.home().write("go", "");
    assert_eq!(daemon.wait_end(), 0, "the restart has become a shutdown");
    let log = daemon.log();
    assert!(log.contains("INFO stopped: deaf (exit status 0)\n"), "{log}");
    assert_eq!(log.matches("killing deaf").count(), 1, "{log}");
    assert_eq!(log.matches("supervisord started with pid").count(), 1, "{log}");
    shown(subject, &["SIG-09", "SIG-11"]);
}

fn wait_stopped(pid: nix::unistd::Pid) {
    wait::until(PATIENCE, "a stopped daemon", || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        if stat.contains(") T ") { Ok(()) } else { Err(stat) }
    });
}

fn usr1_kills_it(subject: Subject) {
    let mut daemon = Daemon::start(subject, TWO_PROGRAMS);
    let child = daemon.wait_state("one", "RUNNING").pid;
    daemon.signal(Signal::SIGUSR1);
    assert_eq!(daemon.wait_end(), 128 + 10);
    assert_eq!(kill(child, None), Ok(()), "its programs live on");
    assert!(daemon.path("main.pid").exists() && daemon.path("s.sock").exists());
    shown(subject, &["SIG-05"]);
}

/// The configuration is a pipe that nobody writes to, so that it is still being read.
fn before_it_listens_it_dies_as_anybody(subject: Subject) {
    let host = Host::new(subject, "");
    let file = host.home().join("supervisord.conf");
    fs::remove_file(&file).unwrap();
    nix::unistd::mkfifo(&file, nix::sys::stat::Mode::S_IRWXU).unwrap();
    let mut daemon = Daemon::launch(host);
    // Can be opened as soon as somebody reads.
    let _held = wait::until(PATIENCE, "a reader of the configuration", || {
        fs::File::options().write(true).custom_flags(libc::O_NONBLOCK).open(&file)
    });
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 128 + 15);
    assert!(!daemon.path("main.pid").exists() && !daemon.path("main.log").exists());
    shown(subject, &["SIG-13"]);
}
