//! A process that ends with its owner.

use std::fs::File;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::home::{Home, MARK};
use crate::wait;

/// A started process whose output goes to `stdout.txt` and `stderr.txt` in its home.
#[derive(Debug)]
pub struct Owned {
    child: Child,
    name: String,
}

impl Owned {
    /// Starts `command` with the home's mark, in the home's directory.
    ///
    /// # Panics
    ///
    /// When it cannot be started.
    pub fn start(home: &Home, command: &mut Command) -> Self {
        let name = format!("{}", Path::new(command.get_program()).display());
        let child = command
            .env(MARK, home.path())
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(output(home, "stdout.txt"))
            .stderr(output(home, "stderr.txt"))
            .spawn()
            .unwrap_or_else(|error| panic!("{name} cannot be started: {error}"));
        Self { child, name }
    }

    /// Its pid.
    #[must_use]
    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Sends a signal; one that is gone already is no error.
    pub fn signal(&self, signal: Signal) {
        let _ = kill(self.pid(), signal);
    }

    /// The exit code if it has ended (128 and the number for a signal).
    pub fn ended(&mut self) -> Option<i32> {
        let status = self.child.try_wait().expect("our own child can be waited for")?;
        Some(status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default()))
    }

    /// Waits for its end and returns the exit code.
    ///
    /// # Panics
    ///
    /// When it has not ended by `deadline`.
    pub fn wait(&mut self, deadline: Duration) -> i32 {
        let name = format!("the end of {}", self.name);
        wait::until(deadline, &name, || self.ended().ok_or("still running"))
    }

    /// Kills it at once and waits for it.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Appended to, so that a daemon that is started again in its home keeps its first words.
fn output(home: &Home, name: &str) -> Stdio {
    let path = home.join(name);
    File::options()
        .create(true)
        .append(true)
        .open(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        .into()
}

impl Drop for Owned {
    fn drop(&mut self) {
        self.kill();
    }
}
