//! What the system tells of a process under `/proc`.

use std::fs;
use std::path::PathBuf;

use nix::unistd::Pid;

/// One process, looked at anew with each question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen(Pid);

/// Fields of `/proc/PID/stat`, counted from the state, which stands behind the name.
const STATE: usize = 0;
const PARENT: usize = 1;
const GROUP: usize = 2;
const SESSION: usize = 3;
const TERMINAL: usize = 4;
const BORN: usize = 19;

/// The bits of `flags` in `/proc/PID/fdinfo` that say how a file may be used.
const ACCESS_MODE: u32 = 0o3;

impl Seen {
    /// The process with this pid.
    #[must_use]
    pub fn of(pid: Pid) -> Self {
        Self(pid)
    }

    /// Whether it has ended, be it waited for or not.
    #[must_use]
    pub fn is_gone(self) -> bool {
        self.fields().is_none_or(|fields| fields[STATE] == "Z")
    }

    /// Whose child it is.
    #[must_use]
    pub fn parent(self) -> i32 {
        self.number(PARENT)
    }

    /// Whether it is there, and a child of that one.
    #[must_use]
    pub fn is_child_of(self, parent: Pid) -> bool {
        let number = parent.to_string();
        self.fields().is_some_and(|fields| fields[PARENT] == number)
    }

    /// Its process group.
    #[must_use]
    pub fn group(self) -> i32 {
        self.number(GROUP)
    }

    /// Its session.
    #[must_use]
    pub fn session(self) -> i32 {
        self.number(SESSION)
    }

    /// The terminal that controls it, 0 for none.
    #[must_use]
    pub fn terminal(self) -> i32 {
        self.number(TERMINAL)
    }

    /// A line of its `status`, without the name.
    ///
    /// # Panics
    ///
    /// When it is gone, or there is no such line.
    #[must_use]
    pub fn status(self, name: &str) -> String {
        let text = fs::read_to_string(self.file("status")).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).trim().to_owned()
    }

    /// Its real user id.
    ///
    /// # Panics
    ///
    /// When it is gone.
    #[must_use]
    pub fn uid(self) -> u32 {
        let line = self.status("Uid");
        line.split('\t').next().and_then(|uid| uid.parse().ok()).expect("four numbers")
    }

    /// The signals that it catches, as a set of bits: the lowest is number 1.
    ///
    /// # Panics
    ///
    /// When it is gone.
    #[must_use]
    pub fn caught(self) -> u64 {
        u64::from_str_radix(&self.status("SigCgt"), 16).expect("a number of base 16")
    }

    /// Its working directory.
    ///
    /// # Panics
    ///
    /// When it is gone.
    #[must_use]
    pub fn directory(self) -> PathBuf {
        fs::read_link(self.file("cwd")).expect("it runs")
    }

    /// What a descriptor of it leads to, `None` when it is not open.
    #[must_use]
    pub fn descriptor(self, number: i32) -> Option<PathBuf> {
        fs::read_link(self.file(&format!("fd/{number}"))).ok()
    }

    /// How a descriptor may be used: 0 to read, 1 to write, 2 for both.
    ///
    /// # Panics
    ///
    /// When it is not open.
    #[must_use]
    pub fn access(self, number: i32) -> u32 {
        let path = self.file(&format!("fdinfo/{number}"));
        let text = fs::read_to_string(path).expect("the descriptor is open");
        let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
        let flags = flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok());
        flags.expect("flags of base 8") & ACCESS_MODE
    }

    /// A soft limit as `limits` names it (`Max open files`), as the system writes it.
    ///
    /// # Panics
    ///
    /// When it is gone, or there is no such limit.
    #[must_use]
    pub fn limits(self, name: &str) -> (String, String) {
        let text = fs::read_to_string(self.file("limits")).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a known limit");
        let mut words = line.split_whitespace().map(str::to_owned);
        let mut next = || words.next().expect("soft and hard");
        (next(), next())
    }

    /// A variable of the environment that it was started with.
    #[must_use]
    pub fn variable(self, name: &str) -> Option<String> {
        let bytes = fs::read(self.file("environ")).ok()?;
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let found = text.split('\0').find_map(|entry| entry.strip_prefix(name)?.strip_prefix('='));
        found.map(str::to_owned)
    }

    /// When it was born, in ticks since the system's start; `None` when it is gone.
    #[must_use]
    pub fn born(self) -> Option<u64> {
        self.fields()?.get(BORN)?.parse().ok()
    }

    /// Its children, those that nobody has waited for yet included.
    #[must_use]
    pub fn children(self) -> Vec<Pid> {
        let threads = fs::read_dir(self.file("task")).into_iter().flatten().flatten();
        let lists =
            threads.filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok());
        let pids = |list: String| -> Vec<Pid> {
            list.split_whitespace().filter_map(|pid| pid.parse().ok()).map(Pid::from_raw).collect()
        };
        lists.flat_map(pids).collect()
    }

    /// How many descriptors it has open.
    ///
    /// # Panics
    ///
    /// When it is gone.
    #[must_use]
    pub fn open_descriptors(self) -> usize {
        fs::read_dir(self.file("fd")).expect("it runs").count()
    }

    /// The memory that it takes, in KiB: pages that it shares count in part.
    ///
    /// # Panics
    ///
    /// When it is gone.
    #[must_use]
    pub fn memory_kib(self) -> u64 {
        let text = fs::read_to_string(self.file("smaps_rollup")).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:")).expect("the sum");
        line.trim().trim_end_matches(" kB").parse().expect("a number")
    }

    fn number(self, field: usize) -> i32 {
        let fields = self.fields().unwrap_or_else(|| panic!("{} is gone", self.0));
        fields[field].parse().expect("a number")
    }

    /// `None` when there is no such process.
    fn fields(self) -> Option<Vec<String>> {
        let text = fs::read_to_string(self.file("stat")).ok()?;
        let (_, fields) = text.rsplit_once(") ")?;
        Some(fields.split(' ').map(str::to_owned).collect())
    }

    fn file(self, name: &str) -> String {
        format!("/proc/{}/{name}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use nix::unistd::{Pid, getpgrp, getppid, getuid};

    use super::Seen;

    #[test]
    fn we_see_ourselves() {
        let own = Seen::of(Pid::this());
        assert!(!own.is_gone());
        assert_eq!(own.parent(), getppid().as_raw());
        assert_eq!(own.group(), getpgrp().as_raw());
        assert_eq!(own.uid(), getuid().as_raw());
        assert_eq!(own.directory(), std::env::current_dir().expect("there is one"));
        assert_eq!(own.descriptor(-1), None);
        assert!(own.open_descriptors() > 2 && own.memory_kib() > 0);
        assert!(own.limits("Max open files").0.parse::<u64>().is_ok());
        assert!(Seen::of(Pid::from_raw(i32::MAX)).is_gone());
    }
}
