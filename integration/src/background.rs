//! A daemon that has gone to the background: nobody's child, known by its pidfile.

use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::owned::Owned;
use crate::processes::Seen;
use crate::ran::Ran;
use crate::rpc::Door;
use crate::subject::{Host, wait_text};
use crate::wait::{self, PATIENCE};

/// A daemon in the background. With its home it goes, as everything with the home's mark.
#[derive(Debug)]
pub struct Background {
    host: Host,
    pid: Pid,
    launcher: Pid,
    pidfile: PathBuf,
    /// What the process that was started left, and its exit code.
    pub left: Ran,
}

impl Background {
    /// Starts the daemon without `-n`, with these arguments, and waits until its pid stands in the
    /// pidfile of [`crate::subject::HEAD`].
    #[must_use]
    pub fn start(host: Host, arguments: &[&str]) -> Self {
        let pidfile = host.home().join("main.pid");
        Self::start_with_pidfile(host, arguments, pidfile)
    }

    /// The same with another pidfile.
    ///
    /// # Panics
    ///
    /// When the launched process does not end with 0, or leaves no daemon.
    #[must_use]
    pub fn start_with_pidfile(host: Host, arguments: &[&str], pidfile: PathBuf) -> Self {
        let mut command = host.daemon_command();
        let mut process = Owned::start(host.home(), command.args(arguments));
        let launcher = process.pid();
        let code = process.wait(PATIENCE);
        let words = |name| host.normal(&host.home().read(name));
        let left = Ran { code, stdout: words("stdout.txt"), stderr: words("stderr.txt") };
        assert_eq!(left.code, 0, "{left}");
        let text = wait_text(&pidfile, "\n");
        let number = text.trim().parse().unwrap_or_else(|_| panic!("{text:?} is no pid"));
        Self { host, pid: Pid::from_raw(number), launcher, pidfile, left }
    }

    /// The host.
    #[must_use]
    pub fn host(&self) -> &Host {
        &self.host
    }

    /// The host, for another start in the same home.
    #[must_use]
    pub fn into_host(self) -> Host {
        self.host
    }

    /// The daemon's pid.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The pid of the process that was started and has ended.
    #[must_use]
    pub fn launcher(&self) -> Pid {
        self.launcher
    }

    /// What the system tells of the daemon.
    #[must_use]
    pub fn seen(&self) -> Seen {
        Seen::of(self.pid)
    }

    /// The unix socket of [`crate::subject::HEAD`].
    #[must_use]
    pub fn door(&self) -> Door {
        Door::Unix(self.host.home().join("s.sock"))
    }

    /// The activity log of [`crate::subject::HEAD`], normalised.
    #[must_use]
    pub fn log(&self) -> String {
        self.host.normal(&self.host.home().read("main.log"))
    }

    /// Waits until a phrase stands in the activity log.
    pub fn wait_log(&self, phrase: &str) {
        wait_text(&self.host.home().join("main.log"), phrase);
    }

    /// Ends the daemon by TERM and waits until it has gone.
    pub fn end(&self) {
        // One that is gone already is no error.
        let _ = kill(self.pid, Signal::SIGTERM);
        wait::until(PATIENCE, "the daemon's end", || {
            let seen = self.seen();
            if seen.is_gone() && !self.pidfile.exists() { Ok(()) } else { Err(format!("{seen:?}")) }
        });
    }
}
