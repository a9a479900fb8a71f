//! What signals to the daemon do.

use std::fs;

use integration::facts::shown;
use integration::subject::{Daemon, Subject, wait_text};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};

for_each_subject![term_ends_it, int_ends_it, quit_ends_it, hup_restarts_it, usr2_reopens_logs];

const TWO_PROGRAMS: &str = "{head}
[program:one]
command={child} forever
startsecs=0
[program:writer]
command={child} print:first until:{dir}/go print:second forever
startsecs=0
stdout_logfile={dir}/writer.log
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
}
