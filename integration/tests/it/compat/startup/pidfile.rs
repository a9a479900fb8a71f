//! The pidfile, two daemons on one host, and what a daemon leaves behind at its end.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use integration::facts::shown;
use integration::subject::{Daemon, Host, Subject};
use nix::sys::signal::Signal;

use super::BARE;

for_each_subject![
    it_holds_the_pid_and_follows_the_umask,
    one_that_cannot_be_written_is_told,
    one_that_is_there_is_overwritten,
    without_servers_two_run_side_by_side,
    however_the_loop_ends_its_files_go,
];

fn it_holds_the_pid_and_follows_the_umask(subject: Subject) {
    for (umask, mode) in [("027", 0o640), ("000", 0o666)] {
        let mut host = Host::new(subject, "{head}");
        host.start_with(&["sh", "-c", &format!("umask {umask}; exec \"$@\""), "-"]);
        let mut daemon = Daemon::start_on(host);
        assert_eq!(daemon.home().read("main.pid"), format!("{}\n", daemon.pid()));
        let found = fs::metadata(daemon.path("main.pid")).unwrap().permissions().mode();
        assert_eq!(found & 0o777, mode, "umask {umask}");
        let line = format!("INFO supervisord started with pid {}\n", daemon.pid());
        assert!(daemon.home().read("main.log").contains(&line));
        daemon.signal(Signal::SIGTERM);
        assert_eq!(daemon.wait_end(), 0);
        assert!(!daemon.path("main.pid").exists() && !daemon.path("s.sock").exists());
    }
    shown(subject, &["ST-12"]);
}

fn one_that_cannot_be_written_is_told(subject: Subject) {
    let mut host = Host::new(subject, "{head}[program:p]\ncommand=/bin/sleep 1000\nstartsecs=0\n");
    host.home().write("main.pid", "of somebody else");
    host.as_nobody();
    host.forbid("main.pid");
    let mut daemon = Daemon::start_on(host);
    daemon.wait_state("p", "RUNNING");
    let log = daemon.log();
    assert!(log.contains("CRIT could not write pidfile {dir}/main.pid\n"), "{log}");
    assert!(!log.contains("supervisord started with pid"), "{log}");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    assert!(!daemon.path("s.sock").exists());
    assert!(daemon.path("main.pid").exists(), "it was not written by this daemon");
    shown(subject, &["ST-11", "UP-15"]);
}

fn one_that_is_there_is_overwritten(subject: Subject) {
    let mut first = Daemon::start(subject, "{head}");
    let shared = first.path("main.pid").display().to_string();
    assert_eq!(first.home().read("main.pid"), format!("{}\n", first.pid()));
    let text = "{head}".replace("{head}", integration::subject::HEAD);
    let second = Daemon::start(subject, &text.replace("{dir}/main.pid", &shared));
    assert_eq!(first.home().read("main.pid"), format!("{}\n", second.pid()));
    first.door().call("supervisor.getState", &[]).unwrap();
    first.signal(Signal::SIGTERM);
    assert_eq!(first.wait_end(), 0);
    assert!(!first.path("main.pid").exists(), "the first to end removes it");
    second.door().call("supervisor.getState", &[]).unwrap();

    let host = Host::new(subject, "{head}");
    host.home().write("main.pid", "no number at all\n");
    let daemon = Daemon::start_on(host);
    assert_eq!(daemon.home().read("main.pid"), format!("{}\n", daemon.pid()));
    shown(subject, &["ST-13"]);
}

fn without_servers_two_run_side_by_side(subject: Subject) {
    let first = Daemon::launch(Host::new(subject, BARE));
    first.wait_log("supervisord started with pid");
    let mut host = Host::new(subject, "");
    host.type_configuration(&first.path("supervisord.conf").display().to_string());
    let second = Daemon::launch(host);
    first.wait_log(&format!("supervisord started with pid {}\n", second.pid()));
    for daemon in [first, second] {
        let mut daemon = daemon;
        daemon.signal(Signal::SIGTERM);
        assert_eq!(daemon.wait_end(), 0);
    }
    shown(subject, &["ST-14"]);
}

fn however_the_loop_ends_its_files_go(subject: Subject) {
    // What the loop cannot do without, taken away once it has begun: the original's poll, our threads.
    let inject = match subject {
        Subject::Original => "inject=poll:error=EIO:when=3+",
        Subject::Ours => "inject=clone,clone3:error=EAGAIN",
    };
    let mut host = Host::new(subject, "{head}");
    host.start_with(&["strace", "-f", "-o", "{dir}/calls.txt", "-e", inject, "--"]);
    let ran = host.run_daemon(&["-n"]);
    assert_eq!(ran.code, 1, "{ran}");
    assert!(!ran.stderr.is_empty(), "it says why");
    let log = host.normal(&host.home().read("main.log"));
    assert!(log.contains("INFO supervisord started with pid PID\n"), "{log}");
    assert!(!host.home().join("main.pid").exists() && !host.home().join("s.sock").exists());
    shown(subject, &["UP-15", "UP-18"]);
}
