//! Kernels before 5.4, and seccomp profiles that know no newer calls: everything goes on without
//! pidfds and `close_range`.

use std::fs;

use integration::subject::{Daemon, Host, Subject, wait_text};
use integration::transcript::Scenario;
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};

/// What such a kernel does not know.
pub(crate) const MISSING: [&str; 2] = ["pidfd", "close-range"];

/// The transcripts that are about starts, ends and signals, as they are everywhere.
macro_rules! scenarios {
    ($($name:ident),* $(,)?) => {
        $(#[test] fn $name() { Scenario::named(stringify!($name)).play_confined(&MISSING); })*
    };
}

scenarios![logs, reload, shutdown, shutdown_order, signals, start_stop, status];

const MANY: &str = "{head}
[program:quick]
command={child} exit:3
process_name=%(program_name)s_%(process_num)02d
numprocs=40
autorestart=false
startsecs=0
exitcodes=3
[program:stays]
command={child} env:SUPERVISOR_PROCESS_NAME forever
autorestart=true
startsecs=0
stdout_logfile={dir}/stays.log
[program:grandchild]
command={child} fork:1000 exit:5
autorestart=false
startsecs=0
killasgroup=true
stdout_logfile={dir}/grandchild.log
";

#[test]
fn many_ends_at_once_are_all_seen() {
    let mut host = Host::new(Subject::Ours, MANY);
    host.confine(&MISSING);
    let mut daemon = Daemon::start_on(host);
    for number in 0..40 {
        daemon.wait_state(&format!("quick:quick_{number:02}"), "EXITED");
    }
    daemon.wait_state("grandchild", "EXITED");
    let before = daemon.wait_state("stays", "RUNNING").pid;
    kill(before, Signal::SIGUSR1).unwrap();
    wait::until(PATIENCE, "another life", || {
        let now = daemon.process("stays").map_err(|error| error.to_string())?;
        if now.state == "RUNNING" && now.pid != before { Ok(()) } else { Err(now.to_string()) }
    });
    wait_text(&daemon.path("stays.log"), "SUPERVISOR_PROCESS_NAME=stays\n");
    let links = fs::read_dir(format!("/proc/{}/fd", daemon.pid())).unwrap();
    let links = links.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok());
    let links: Vec<_> = links.map(|link| link.display().to_string()).collect();
    assert!(!links.iter().any(|link| link.contains("pidfd")), "{links:?}");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    let log = daemon.log();
    assert_eq!(log.matches("INFO exited: quick_").count(), 40, "{log}");
    assert!(log.contains("WARN exited: stays (terminated by SIGUSR1"), "{log}");
    assert!(log.contains("WARN stopped: stays (terminated by SIGTERM)\n"), "{log}");
    assert!(!log.contains("waitpid error"), "{log}");
}
