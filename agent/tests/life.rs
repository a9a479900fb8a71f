//! The whole program, from its start to its end, where signals meet it at odd moments.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking, its helpers too")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal::{SIGHUP, SIGKILL, SIGTERM};
use nix::sys::{ptrace, signal};
use nix::unistd::Pid;
use tempfile::TempDir;

/// However loaded the machine is, everything here happens long before.
const DEADLINE: Duration = Duration::from_mins(1);

/// How often the races are run: most of them would be lost before the third.
const RACES: usize = 5;

/// An agent in a home of its own; it ends with the test.
struct Agent {
    home: TempDir,
    child: Option<Child>,
    /// Its pid, when it has gone to the background.
    daemon: Option<Pid>,
}

impl Agent {
    fn prepare(daemon: &str, programs: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        let at = home.path().display();
        let text = format!(
            "[supervisord]\nlogfile={at}/log\npidfile={at}/pid\nchildlogdir={at}\n\
             identifier=life\n{daemon}[unix_http_server]\nfile={at}/socket\n{programs}"
        );
        std::fs::write(home.path().join("conf"), text).unwrap();
        Self { home, child: None, daemon: None }
    }

    fn start(programs: &str) -> Self {
        let mut agent = Self::prepare("", programs);
        let child = agent.command(&["-n", "-s", "-c", "conf"]).spawn().unwrap();
        agent.child = Some(child);
        agent
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fleetvisord"));
        command.args(arguments).current_dir(self.home.path());
        command.stdin(Stdio::null()).stderr(Stdio::null());
        command
    }

    fn pid(&self) -> Pid {
        let child = self.child.as_ref().map(Child::id);
        let child = child.map(|pid| Pid::from_raw(pid.try_into().unwrap()));
        child.or(self.daemon).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.path("log")).unwrap_or_default()
    }

    fn signal(&self, signal: signal::Signal) {
        signal::kill(self.pid(), signal).unwrap();
    }

    /// How it ended, and that it left nothing behind.
    fn end(mut self) -> Option<i32> {
        let mut status = None;
        until("the end", || {
            status = self.child.as_mut().unwrap().try_wait().unwrap();
            status.is_some()
        });
        assert!(!self.path("pid").exists() && !self.path("socket").exists());
        status.unwrap().code()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.kill());
            drop(child.wait());
        }
        // Its pidfile is there as long as it is, so the pid is its own.
        if self.path("pid").exists()
            && let Some(daemon) = self.daemon
        {
            let _ = signal::kill(daemon, SIGKILL);
        }
    }
}

/// Looks without a pause: these tests are about the first moment at which something is so.
#[expect(clippy::disallowed_methods, reason = "a deadline for what a test waits for")]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

fn has_pid(path: &Path) -> bool {
    std::fs::read_to_string(path).is_ok_and(|text| text.ends_with('\n'))
}

#[test]
fn a_signal_as_soon_as_the_pidfile_is_there_ends_it_in_order() {
    for _ in 0..RACES {
        let agent = Agent::start("");
        until("the pidfile", || has_pid(&agent.path("pid")));
        agent.signal(SIGTERM);
        assert_eq!(agent.end(), Some(0));
    }
}

#[test]
fn a_signal_between_two_lives_is_heard_by_the_second() {
    for _ in 0..RACES {
        let agent = Agent::start("");
        until("the pidfile", || has_pid(&agent.path("pid")));
        let written = || std::fs::metadata(agent.path("pid")).and_then(|file| file.modified());
        let before = written().unwrap();
        agent.signal(SIGHUP);
        until("the gap, or its end", || written().map_or(true, |now| now != before));
        agent.signal(SIGTERM);
        assert_eq!(agent.end(), Some(0));
    }
}

/// The pid in the newest `spawned` line of a program.
fn spawned(log: &str, name: &str) -> Option<i32> {
    let after = log.rsplit_once(&format!("spawned: '{name}' with pid "))?.1;
    after.split_once('\n')?.0.parse().ok()
}

#[test]
fn a_dead_child_that_a_debugger_holds_back_does_not_make_it_deaf() {
    let agent = Agent::start(
        "[program:held]\ncommand=sleep 1000\nautorestart=false\n\
         [program:other]\ncommand=sleep 1000\nstartsecs=0\nautorestart=true\n",
    );
    until("both", || {
        let log = agent.log();
        spawned(&log, "held").is_some() && spawned(&log, "other").is_some()
    });
    let held = Pid::from_raw(spawned(&agent.log(), "held").unwrap());
    let other = spawned(&agent.log(), "other").unwrap();
    ptrace::seize(held, ptrace::Options::empty()).unwrap();
    signal::kill(held, SIGKILL).unwrap();

    let stat = || std::fs::read_to_string(format!("/proc/{held}/stat")).unwrap();
    until("the end of the held one", || stat().contains(") Z "));
    signal::kill(Pid::from_raw(other), SIGKILL).unwrap();
    until("the restart of the other", || spawned(&agent.log(), "other") != Some(other));
    assert!(!agent.log().contains("exited: held"));
    // The debugger lets go.
    nix::sys::wait::waitpid(held, None).unwrap();
    until("the exit of the held one", || agent.log().contains("exited: held"));
    agent.signal(SIGTERM);
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn a_daemon_in_another_directory_still_finds_its_configuration() {
    let mut agent = Agent::prepare("directory=/\n", "");
    let status = agent.command(&["-c", "conf"]).status().unwrap();
    assert!(status.success());
    until("the pidfile", || has_pid(&agent.path("pid")));
    let pid = std::fs::read_to_string(agent.path("pid")).unwrap();
    agent.daemon = Some(Pid::from_raw(pid.trim().parse().unwrap()));
    agent.signal(SIGHUP);
    let lives = || agent.log().matches("supervisord started with pid").count();
    until("the second life", || lives() == 2);
    agent.signal(SIGTERM);
    until("the end", || !agent.path("pid").exists());
}

#[test]
fn a_restart_onto_a_port_that_is_taken_is_refused_and_said() {
    let agent = Agent::start("");
    until("the pidfile", || has_pid(&agent.path("pid")));
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut conf = std::fs::read_to_string(agent.path("conf")).unwrap();
    let port = taken.local_addr().unwrap();
    write!(conf, "[inet_http_server]\nport={port}\n").unwrap();
    std::fs::write(agent.path("conf"), conf).unwrap();
    agent.signal(SIGHUP);
    let said = "[inet_http_server]: Another program is already listening";
    until("the line", || agent.log().contains(said));
    assert!(agent.log().contains("ERRO not restarted, everything goes on: "), "{}", agent.log());
    agent.signal(SIGTERM);
    assert_eq!(agent.end(), Some(0));
}

#[test]
fn a_restart_onto_a_log_that_cannot_be_opened_goes_on_with_the_old_one() {
    let program = "[program:p]\ncommand=/bin/sleep 1000\nstartsecs=0\n";
    let agent = Agent::start(program);
    until("the first life", || spawned(&agent.log(), "p").is_some());
    let conf = std::fs::read_to_string(agent.path("conf")).unwrap();
    let directory = format!("logfile={}\n", agent.home.path().display());
    let at = format!("logfile={}/log\n", agent.home.path().display());
    std::fs::write(agent.path("conf"), conf.replace(&at, &directory)).unwrap();
    agent.signal(SIGHUP);
    until("the second life", || agent.log().matches("spawned: 'p'").count() == 2);
    assert!(agent.log().contains("CRIT cannot open the activity log"), "{}", agent.log());
    agent.signal(SIGTERM);
    assert_eq!(agent.end(), Some(0));
}
