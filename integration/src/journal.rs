//! An activity log read as what it tells of each program: who was born, with which pid, and how it
//! ended. A line that does not follow from those before it is a fault.
//!
//! ```text
//!   spawned ──▶ (success) ──▶ exited or stopped ──▶ spawned …
//! ```

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use nix::unistd::Pid;

/// So many faults are kept: the first ones tell, and a storm may make thousands of the same.
const FAULTS_MAX: usize = 20;

/// What the log tells of one program.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lives {
    /// How many `spawned:` lines.
    pub begun: usize,
    /// How many `exited:` lines.
    pub exited: usize,
    /// How many `stopped:` lines.
    pub stopped: usize,
    /// How many of both tell of a SIGKILL.
    pub killed: usize,
    /// Who runs now.
    pub pid: Option<Pid>,
    /// That one has been called RUNNING.
    pub is_up: bool,
}

/// A log that grows, read as far as it is written.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    read: u64,
    rest: String,
    /// By the program's name in the log.
    pub programs: BTreeMap<String, Lives>,
    /// Lines that cannot be right where they stand.
    pub faults: Vec<String>,
}

impl Journal {
    /// Of the log at this path, from its beginning.
    #[must_use]
    pub fn of(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            read: 0,
            rest: String::new(),
            programs: BTreeMap::new(),
            faults: Vec::new(),
        }
    }

    /// Reads what has been written since.
    ///
    /// # Panics
    ///
    /// When the log cannot be read.
    pub fn follow(&mut self) -> &Self {
        let mut bytes = Vec::new();
        let mut file = File::open(&self.path).expect("the daemon has a log");
        file.seek(SeekFrom::Start(self.read)).expect("a log is a file");
        self.read += file.read_to_end(&mut bytes).expect("the log can be read") as u64;
        let mut text = std::mem::take(&mut self.rest);
        text.push_str(&String::from_utf8_lossy(&bytes));
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        for line in text[..whole].lines() {
            if let Err(why) = self.take(line) {
                self.complain(format!("{why}: {line}"));
            }
        }
        text.drain(..whole);
        self.rest = text;
        self
    }

    fn complain(&mut self, fault: String) {
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    /// One line, `DATE TIME LEVEL WORD: REST`.
    fn take(&mut self, line: &str) -> Result<(), &'static str> {
        let Some((word, rest)) = line.splitn(4, ' ').nth(3).and_then(|text| text.split_once(": "))
        else {
            return Ok(());
        };
        match word {
            "spawned" => {
                let (name, pid) = rest.split_once("' with pid ").ok_or("no pid")?;
                let pid = pid.parse().map_err(|_| "no pid")?;
                let lives = self.lives(name.trim_start_matches('\''));
                lives.begun += 1;
                lives.is_up = false;
                match lives.pid.replace(Pid::from_raw(pid)) {
                    Some(_) => Err("born while another lives"),
                    None => Ok(()),
                }
            }
            "success" => {
                let (name, _) = rest.split_once(" entered RUNNING").ok_or("no state")?;
                let lives = self.lives(name);
                let was_up = std::mem::replace(&mut lives.is_up, true);
                if lives.pid.is_none() || was_up { Err("up without being born") } else { Ok(()) }
            }
            "exited" | "stopped" => {
                let (name, how) = rest.split_once(" (").ok_or("no cause")?;
                let lives = self.lives(name);
                *if word == "exited" { &mut lives.exited } else { &mut lives.stopped } += 1;
                lives.killed += usize::from(how.starts_with("terminated by SIGKILL"));
                lives.is_up = false;
                lives.pid.take().map(drop).ok_or("ended without being born")
            }
            _ => Ok(()),
        }
    }

    fn lives(&mut self, name: &str) -> &mut Lives {
        if !self.programs.contains_key(name) {
            self.programs.insert(name.to_owned(), Lives::default());
        }
        self.programs.get_mut(name).expect("it is there now")
    }

    /// A sum over all programs.
    pub fn sum(&self, of: impl Fn(&Lives) -> usize) -> usize {
        self.programs.values().map(of).sum()
    }

    /// How many run, and have been called RUNNING.
    #[must_use]
    pub fn up(&self) -> usize {
        self.sum(|lives| usize::from(lives.is_up && lives.pid.is_some()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::{Journal, Lives};

    #[test]
    fn lines_make_lives_and_what_does_not_fit_is_a_fault() {
        let mut log = tempfile::NamedTempFile::new().expect("a file");
        let mut journal = Journal::of(log.path());
        let mut write = |text: &str| {
            for line in text.lines() {
                let end = if line.ends_with('…') { "" } else { "\n" };
                write!(log, "{}{end}", line.trim_end_matches('…')).expect("written");
            }
        };
        write(
            "2026-11-21 16:51:01,357 INFO spawned: 'a' with pid 7\n\
             2026-11-21 16:51:01,357 INFO success: a entered RUNNING state, process has …",
        );
        assert_eq!((journal.follow().up(), journal.sum(|lives| lives.begun)), (0, 1));
        write(
            "stayed up\n\
             2026-11-21 16:51:01,358 WARN exited: a (terminated by SIGKILL; not expected)\n\
             2026-11-21 16:51:01,358 INFO spawned: 'a' with pid 8\n\
             2026-11-21 16:51:01,358 WARN received SIGTERM indicating exit request\n\
             2026-11-21 16:51:01,358 INFO stopped: a (exit status 0)",
        );
        let lives = Lives { begun: 2, exited: 1, stopped: 1, killed: 1, pid: None, is_up: false };
        assert_eq!(journal.follow().programs["a"], lives);
        assert_eq!(journal.faults, [""; 0]);
        write("2026-11-21 16:51:01,358 INFO exited: a (exit status 0; expected)");
        assert_eq!(journal.follow().faults.len(), 1);
    }
}
