//! File systems that hang: they delay who needs them, and nobody else.

use std::fs;
use std::thread;
use std::time::Duration;

use integration::hung::HungMount;
use integration::places;
use integration::subject::{Daemon, Host, Subject};
use integration::wait::{self, PATIENCE};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// `path` runs from the file system that will hang, `cwd` changes into it between birth and exec,
/// `log` writes to it, and `quick` and `fine` know nothing of it.
const PROGRAMS: &str = "{head}
[program:path]
command={dir}/mount/child forever
autorestart=true
startsecs=0
stopwaitsecs=1
[program:cwd]
command={child} forever
directory={dir}/mount
autorestart=true
startsecs=0
stopwaitsecs=1
[program:log]
command={child} forever
stdout_logfile={dir}/mount/log
autorestart=true
startsecs=0
stopwaitsecs=1
[program:quick]
command={child} sleep:0.3 exit:0
autorestart=true
startsecs=0
[program:fine]
command={child} forever
startsecs=0
autostart=false
";

/// The three that hang.
const HANG: [&str; 3] = ["path", "cwd", "log"];

/// A host whose three programs have ended and cannot be started again, because everything that
/// they need hangs.
fn hanging() -> Option<(Daemon, HungMount)> {
    let host = Host::new(Subject::Ours, PROGRAMS);
    let mount = host.home().join("mount");
    fs::create_dir(&mount).unwrap();
    fs::copy(places::binary("child"), mount.join("child")).unwrap();
    let daemon = Daemon::start_on(host);
    let before = HANG.map(|name| daemon.wait_state(name, "RUNNING").pid);
    let hung = match HungMount::over(&mount) {
        Ok(hung) => hung,
        Err(error) => {
            println!("not looked at, since nothing can be made to hang: {error}");
            return None;
        }
    };
    for pid in before {
        kill(pid, Signal::SIGKILL).unwrap();
    }
    for name in HANG {
        daemon.wait_log(&format!("exited: {name} (terminated by SIGKILL; not expected)"));
        let process = daemon.wait_state(name, "STARTING");
        assert_eq!(process.pid, Pid::from_raw(0), "{name}");
    }
    Some((daemon, hung))
}

#[test]
fn others_start_stop_and_start_again_meanwhile() {
    let Some((daemon, hung)) = hanging() else { return };
    let call =
        |method: &str, name: &str| daemon.door().call(&format!("supervisor.{method}"), &[name]);
    for _ in 0..3 {
        call("startProcess", "fine").unwrap();
        call("stopProcess", "fine").unwrap();
    }
    let lives = || daemon.log().matches("exited: quick (exit status 0; expected)").count();
    let before = lives();
    wait::until(PATIENCE, "more lives of another program", || {
        let now = lives();
        if now >= before + 3 { Ok(()) } else { Err(now) }
    });
    for name in HANG {
        assert_eq!(daemon.process(name).unwrap().state, "STARTING", "{name}");
        daemon.wait_log(&format!("WARN starting {name} takes long: a file system or name service"));
    }
    // Whoever waits for a look at the command waits alone, too.
    call("stopProcess", "log").unwrap();
    let door = daemon.door();
    let waits = thread::spawn(move || door.call("supervisor.startProcess", &["log"]));
    call("startProcess", "fine").unwrap();
    // Nothing shows that the call is under way; it must be before the mount goes.
    wait::pass(Duration::from_secs(1));
    drop(hung);
    let started = waits.join().unwrap().unwrap_err().to_string();
    assert_eq!(started, "fault 50: SPAWN_ERROR: log", "its log could not be opened");
    for name in HANG {
        daemon.wait_state(name, "RUNNING");
    }
}

#[test]
fn a_stop_or_the_end_does_not_wait_for_it() {
    let Some((mut daemon, hung)) = hanging() else { return };
    daemon.door().call("supervisor.stopProcess", &["path"]).unwrap();
    let stopped = daemon.process("path").unwrap();
    assert_eq!(stopped.state, "STOPPED");
    assert!(stopped.spawn_error.starts_with("stopped before it could be started"), "{stopped}");
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait_end(), 0);
    drop(hung);
}
