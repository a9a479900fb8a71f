//! What the original does by accident, and ours does not (`docs/COMPAT.md`).

use integration::subject::{Daemon, Host, Subject};
use nix::sys::signal::{Signal, kill};

use super::{ask, count, lines, wait_lines};

/// So often: what is lost, is lost once in a while.
const MANY: usize = 20;

/// COMPAT-14: there is no moment between fork and exec in which a signal is lost.
#[test]
fn a_stop_right_after_a_start_is_heard() {
    let configuration = format!(
        "{{head}}\n[program:short]\ncommand=/bin/cat\nprocess_name=s-%(process_num)02d\n\
         numprocs={MANY}\nautostart=false\nstartsecs=9\nstopwaitsecs=3600\n"
    );
    let daemon = Daemon::start(Subject::Ours, &configuration);
    for number in 0..MANY {
        let name = format!("short:s-{number:02}");
        assert_eq!(ask(&daemon, "startProcess", &name), 0);
        assert_eq!(ask(&daemon, "stopProcess", &name), 0);
    }
    for number in 0..MANY {
        let name = format!("s-{number:02}");
        wait_lines(&daemon, &name, "WARN stopped: ", 1);
        let stopped = format!("WARN stopped: {name} (terminated by SIGTERM)");
        assert_eq!(lines(&daemon, &name).last(), Some(&stopped));
    }
}

/// COMPAT-110: an end is seen when it happens.
#[test]
fn a_child_that_ends_at_once_is_never_taken_for_running() {
    let configuration = format!(
        "{{head}}\n[program:short]\ncommand={{child}} exit:0\nprocess_name=s-%(process_num)02d\n\
         numprocs={MANY}\nstartsecs=1\nstartretries=0\n"
    );
    let daemon = Daemon::start(Subject::Ours, &configuration);
    for number in 0..MANY {
        let all = wait_lines(&daemon, &format!("s-{number:02}"), "gave up: ", 1);
        assert_eq!((all.len(), count(&all, "success")), (3, 0), "{all:?}");
    }
}

/// COMPAT-3: whoever is in UNKNOWN and ends is STOPPED, and the host goes on.
#[test]
fn the_end_of_an_unknown_child_is_an_ordinary_one() {
    let configuration = "{head}\n[program:lost]\ncommand={child} forever\nstartsecs=0\n";
    let mut host = Host::new(Subject::Ours, configuration);
    host.confine(&[&format!("kill={}", libc::EPERM)]);
    let daemon = Daemon::start_on(host);
    let pid = daemon.wait_state("lost", "RUNNING").pid;
    let _ = ask(&daemon, "stopProcess", "lost");
    assert_eq!(daemon.wait_state("lost", "UNKNOWN").pid, pid);
    kill(pid, Signal::SIGKILL).unwrap();
    daemon.wait_state("lost", "STOPPED");
    wait_lines(&daemon, "lost", "WARN stopped: lost (terminated by SIGKILL)", 1);
    assert_eq!(ask(&daemon, "startProcess", "lost"), 0);
    daemon.wait_state("lost", "RUNNING");
}
