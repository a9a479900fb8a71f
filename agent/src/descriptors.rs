//! The table of descriptors that live long: who owns which.
//!
//! There is one for the process, as the descriptors are the process's. Each stands in it from its
//! opening to its closing, so that whoever looks knows what every one of them is for, and a program
//! that takes this one's place can be handed exactly these. What such a program would make anew does
//! not stand here: what threads wait with, connections, the ledger, the way to syslog.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use agent_core::effect::{ProcessId, SocketId};

/// What a descriptor is for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// A door listens on it; its address, or its path.
    Door(String),
    /// The programs of a FastCGI group listen on it.
    Socket(SocketId),
    /// Our end of a child's stdin.
    Stdin(ProcessId),
    /// Our end of a child's stdout.
    Stdout(ProcessId),
    /// Our end of a child's stderr.
    Stderr(ProcessId),
    /// A log is written to it.
    Log(PathBuf),
    /// It tells of a child's end.
    Child(ProcessId),
    /// The register of children.
    Register,
}

static TABLE: Mutex<BTreeMap<RawFd, Purpose>> = Mutex::new(BTreeMap::new());

fn table() -> MutexGuard<'static, BTreeMap<RawFd, Purpose>> {
    // The table is whole after each statement, so a panic elsewhere does not spoil it.
    TABLE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// All of them, as they are now.
#[must_use]
pub fn all() -> Vec<(RawFd, Purpose)> {
    table().iter().map(|(fd, purpose)| (*fd, purpose.clone())).collect()
}

/// A descriptor's line in the table. To be dropped before the descriptor is closed: after that its
/// number may be another's.
#[derive(Debug)]
pub struct Entry(RawFd);

/// Enters a descriptor.
#[must_use = "the line goes with it"]
pub fn enter(fd: &impl AsFd, purpose: Purpose) -> Entry {
    let number = fd.as_fd().as_raw_fd();
    let before = table().insert(number, purpose);
    debug_assert_eq!(before, None, "descriptor {number} has a line that nobody has dropped");
    Entry(number)
}

impl Drop for Entry {
    fn drop(&mut self) {
        table().remove(&self.0);
    }
}

/// A descriptor together with its line.
#[derive(Debug)]
pub struct Kept<T> {
    // Dropped in this order: the line, then the descriptor.
    _entry: Entry,
    held: T,
}

impl<T: AsFd> Kept<T> {
    /// Enters it.
    #[must_use]
    pub fn new(held: T, purpose: Purpose) -> Self {
        Self { _entry: enter(&held, purpose), held }
    }
}

impl<T> Deref for Kept<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.held
    }
}

impl<T: AsFd> AsFd for Kept<T> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.held.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::{Kept, Purpose, all};

    #[test]
    fn a_line_stands_as_long_as_its_descriptor() {
        let purpose = Purpose::Log("/only/here".into());
        let stands = || all().into_iter().filter(|(_, known)| *known == purpose).count();
        let file = Kept::new(std::fs::File::open("/dev/null").unwrap(), purpose.clone());
        assert_eq!((stands(), file.metadata().unwrap().len()), (1, 0));
        drop(file);
        assert_eq!(stands(), 0);
    }
}
