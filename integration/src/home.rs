//! A fresh directory for one daemon, and everything that was started in it.
//!
//! Every process under a home carries the home's path in its environment, so that even children
//! whose parent was killed are found and ended when the home is dropped.

use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::wait;

/// The variable that marks the processes of a home. Not one of ours: those are not passed on.
pub const MARK: &str = "INTEGRATION_HOME";

/// A temporary directory and the processes that carry its mark.
#[derive(Debug)]
pub struct Home {
    directory: tempfile::TempDir,
}

impl Default for Home {
    fn default() -> Self {
        Self::new()
    }
}

impl Home {
    /// Makes the directory, with a short path: the path of a unix socket has at most 107 bytes.
    #[must_use]
    pub fn new() -> Self {
        let directory = tempfile::Builder::new()
            .prefix("fv-")
            .tempdir()
            .expect("the directory for temporary files is writable");
        Self { directory }
    }

    /// The directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// A path in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// A file in it, lossily; empty when it is not there.
    #[must_use]
    pub fn read(&self, name: &str) -> String {
        fs::read(self.join(name))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Writes a file in it.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.join(name);
        fs::write(&path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// The living processes that were started, directly or not, with this home's mark.
    #[must_use]
    pub fn processes(&self) -> Vec<Pid> {
        marked(self.path())
    }
}

/// The living processes that carry the mark of the home in this directory, be it gone or not.
#[must_use]
pub fn marked(home: &Path) -> Vec<Pid> {
    let mark = format!("{MARK}={}", home.display());
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let pids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter(|pid| carries(*pid, &mark)).map(Pid::from_raw).collect()
}

/// Whether the process was started with `mark` in its environment. A zombie has none.
fn carries(pid: i32, mark: &str) -> bool {
    fs::read(format!("/proc/{pid}/environ"))
        .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes()))
}

impl Drop for Home {
    fn drop(&mut self) {
        // The daemon is gone by now, so nothing restarts what is killed here; more than one round
        // only for children that were being made meanwhile. No panic in a drop: what survives
        // this many rounds cannot be killed.
        const ROUNDS_MAX: usize = 50;
        for _ in 0..ROUNDS_MAX {
            let alive = self.processes();
            if alive.is_empty() {
                return;
            }
            for pid in alive {
                let _ = kill(pid, Signal::SIGKILL);
            }
            wait::pass(std::time::Duration::from_millis(5));
        }
    }
}
