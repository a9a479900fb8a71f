//! What a process sees of itself: the word `own` of the scripted child writes it, tests read it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use nix::unistd::{getpgid, getpid, getsid};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::{Deserialize, Serialize};

/// One look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Own {
    /// Its pid.
    pub pid: i32,
    /// Its process group.
    pub group: i32,
    /// Its session.
    pub session: i32,
    /// Its descriptors and what they lead to, such as `pipe:[17]`.
    pub fds: BTreeMap<i32, String>,
    /// Which of 0, 1 and 2 are terminals.
    pub terminals: Vec<i32>,
    /// The other side of its stdin has been closed.
    pub stdin_ended: bool,
    /// The lines of `/proc/self/status` by name: `Uid`, `Gid`, `Groups`, `Umask`.
    pub status: BTreeMap<String, String>,
    /// Where it works.
    pub directory: String,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
}

/// The lines of a `/proc/PID/status` by name.
#[must_use]
pub fn status(text: &str) -> BTreeMap<String, String> {
    let pairs = text.lines().filter_map(|line| line.split_once(':'));
    pairs.map(|(name, value)| (name.to_owned(), words(value))).collect()
}

fn words(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

impl Own {
    /// Looks.
    ///
    /// # Errors
    ///
    /// Without `/proc`.
    pub fn look() -> io::Result<Self> {
        let stdin = std::io::stdin();
        let mut ended = [PollFd::new(&stdin, PollFlags::IN)];
        poll(&mut ended, Some(&Timespec::default()))?;
        Ok(Self {
            pid: getpid().as_raw(),
            group: getpgid(None)?.as_raw(),
            session: getsid(None)?.as_raw(),
            fds: fds()?,
            terminals: (0..=2).filter(|fd| is_terminal(*fd)).collect(),
            stdin_ended: ended[0].revents().contains(PollFlags::HUP),
            status: status(&std::fs::read_to_string("/proc/self/status")?),
            directory: std::env::current_dir()?.display().to_string(),
            environment: std::env::vars().collect(),
        })
    }

    /// What a line of a log says.
    ///
    /// # Panics
    ///
    /// When it is none that [`Own::look`] has led to.
    #[must_use]
    pub fn read(line: &str) -> Self {
        serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    /// A line of its `/proc/self/status`.
    #[must_use]
    pub fn status(&self, name: &str) -> &str {
        self.status.get(name).map_or("", String::as_str)
    }
}

/// All but the one that the look itself needs.
fn fds() -> io::Result<BTreeMap<i32, String>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        let name = entry?.file_name();
        let fd = name.to_str().and_then(|name| name.parse().ok()).ok_or(io::ErrorKind::Other)?;
        let leads_to = std::fs::read_link(Path::new("/proc/self/fd").join(name))?;
        if !leads_to.starts_with("/proc") {
            all.insert(fd, leads_to.display().to_string());
        }
    }
    Ok(all)
}

fn is_terminal(fd: i32) -> bool {
    use std::io::IsTerminal;
    match fd {
        0 => std::io::stdin().is_terminal(),
        1 => std::io::stdout().is_terminal(),
        _ => std::io::stderr().is_terminal(),
    }
}
