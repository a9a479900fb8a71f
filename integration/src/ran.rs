//! What a program that has ended left: its exit code and its words.

use std::fmt;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Output, Stdio};

/// A program that has run to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ran {
    /// The exit code; for a death by signal 128 and the signal's number, as a shell says it.
    pub code: i32,
    /// Standard output, as UTF-8 with replacements.
    pub stdout: String,
    /// Standard error, as UTF-8 with replacements.
    pub stderr: String,
}

impl Ran {
    /// Runs `command` to its end, with nothing to read.
    ///
    /// # Errors
    ///
    /// When it cannot be started.
    pub fn of(command: &mut Command) -> io::Result<Self> {
        Ok(Self::from(command.stdin(Stdio::null()).output()?))
    }
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        let signal = output.status.signal().map_or(-1, |number| 128 + number);
        Self {
            code: output.status.code().unwrap_or(signal),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// As a transcript shows it: the output, what went to stderr marked, the exit code.
impl fmt::Display for Ran {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in self.stdout.lines() {
            writeln!(f, "{line}")?;
        }
        for line in self.stderr.lines() {
            writeln!(f, "(stderr) {line}")?;
        }
        write!(f, "[rc={}]", self.code)
    }
}
