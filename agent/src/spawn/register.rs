//! The register of children: a line for each, from before its program begins until it is reaped.
//!
//! The lines are in shared memory behind a descriptor, and the child itself writes its pid between
//! birth and exec: no program ever runs unlisted, whatever becomes of the agent meanwhile, and
//! whoever holds the descriptor sees the same. Nothing but pids goes through it.

#![expect(unsafe_code, reason = "memory that children write to")]

use std::fmt;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agent_core::effect::ProcessId;
use nix::errno::Errno;
use nix::sys::resource::{Resource, getrlimit};
use rustix::fs::{MemfdFlags, ftruncate, memfd_create};

use crate::descriptors::{Kept, Purpose};

/// Children at once: more than a host runs. The memory is taken as it is used, 16 bytes a line. An
/// agent whose files may not be that long (`ulimit -f`) has as many as they may hold.
pub const LINES_MAX: u32 = 131_072;

/// One child.
#[repr(C)]
struct Line {
    /// Whose child, meaningful while the line is taken.
    process: AtomicU64,
    /// Its pid, by itself; 0 until it has written it.
    pid: AtomicI32,
    /// 1 while the line is taken.
    taken: AtomicU32,
}

const LINE_BYTES: usize = size_of::<Line>();

/// All lines.
pub struct Register {
    memory: NonNull<Line>,
    lines: u32,
    descriptor: Kept<OwnedFd>,
    free: Mutex<Free>,
}

/// Which lines are free.
#[derive(Debug)]
struct Free {
    /// Those that were taken before.
    again: Vec<u32>,
    /// From this one on all are, up to the end.
    from: u32,
    end: u32,
}

// SAFETY: the lines are atomics, and everything else is behind a lock.
unsafe impl Send for Register {}
// SAFETY: as above.
unsafe impl Sync for Register {}

impl Register {
    /// An empty register.
    ///
    /// # Errors
    ///
    /// When there is no descriptor or no memory.
    pub fn new() -> Result<Self, Errno> {
        let descriptor = memfd_create("fleetvisor-children", MemfdFlags::CLOEXEC).map_err(of)?;
        let lines = lines_that_fit(getrlimit(Resource::RLIMIT_FSIZE)?.0);
        let bytes = LINE_BYTES * lines as usize;
        ftruncate(&descriptor, bytes as u64).map_err(of)?;
        let access = libc::PROT_READ | libc::PROT_WRITE;
        let (anywhere, fd) = (std::ptr::null_mut(), descriptor.as_raw_fd());
        // SAFETY: a new mapping at an address of the kernel's choice, of a descriptor of that size.
        let memory = unsafe { libc::mmap(anywhere, bytes, access, libc::MAP_SHARED, fd, 0) };
        if memory == libc::MAP_FAILED {
            return Err(Errno::last());
        }
        let memory = NonNull::new(memory.cast()).ok_or(Errno::ENOMEM)?;
        let descriptor = Kept::new(descriptor, Purpose::Register);
        let free = Mutex::new(Free { again: Vec::new(), from: 0, end: lines });
        Ok(Self { memory, lines, descriptor, free })
    }

    /// Takes a line for a child that is about to be born; `None` when there are [`LINES_MAX`].
    pub(super) fn expect(self: &Arc<Self>, process: ProcessId) -> Option<Listed> {
        let number = self.lock().take()?;
        let line = self.line(number);
        line.process.store(process.0, Ordering::Relaxed);
        line.pid.store(0, Ordering::Relaxed);
        line.taken.store(1, Ordering::Release);
        Some(Listed { register: Arc::clone(self), number })
    }

    /// Whether this dead child may be one of ours. Asked after the child was seen dead: it was born
    /// before that, so it has its line, or has died before it could write to it.
    #[must_use]
    pub fn may_own(&self, pid: i32) -> bool {
        self.taken().any(|line| [0, pid].contains(&line.pid.load(Ordering::Acquire)))
    }

    /// The child of a process, if one is on its way to its program or runs.
    #[must_use]
    pub fn child_of(&self, process: ProcessId) -> Option<i32> {
        let mut lines = self.taken();
        let line = lines.find(|line| line.process.load(Ordering::Relaxed) == process.0);
        line.map(|line| line.pid.load(Ordering::Acquire)).filter(|pid| *pid != 0)
    }

    fn taken(&self) -> impl Iterator<Item = &Line> {
        let lines = (0..self.lock().from).map(|number| self.line(number));
        lines.filter(|line| line.taken.load(Ordering::Acquire) == 1)
    }

    fn line(&self, number: u32) -> &Line {
        assert!(number < self.lines, "a line that was taken is inside");
        // SAFETY: the mapping has so many lines, lives as long as the register, and holds zeroes
        // or what was stored in it: every bit pattern is a valid line.
        unsafe { self.memory.add(number as usize).as_ref() }
    }

    fn lock(&self) -> MutexGuard<'_, Free> {
        // It is whole after each statement, so a panic elsewhere does not spoil it.
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How many lines a file of at most so many bytes holds.
fn lines_that_fit(bytes: u64) -> u32 {
    u32::try_from(bytes / LINE_BYTES as u64).unwrap_or(LINES_MAX).min(LINES_MAX)
}

fn of(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}

impl Free {
    fn take(&mut self) -> Option<u32> {
        if let Some(number) = self.again.pop() {
            return Some(number);
        }
        let number = self.from;
        (number < self.end).then(|| {
            self.from += 1;
            number
        })
    }
}

impl AsFd for Register {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl fmt::Debug for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Register").field("descriptor", &self.descriptor).finish_non_exhaustive()
    }
}

impl Drop for Register {
    fn drop(&mut self) {
        // SAFETY: it was mapped with this size, and no line can be borrowed any more: whoever holds
        // one holds the register.
        let _ =
            unsafe { libc::munmap(self.memory.as_ptr().cast(), LINE_BYTES * self.lines as usize) };
    }
}

/// A taken line. To be dropped when its child is reaped, or was not born.
#[derive(Debug)]
pub struct Listed {
    register: Arc<Register>,
    number: u32,
}

impl Listed {
    /// Where the child writes its pid. Valid as long as this is.
    pub(super) fn pid(&self) -> &AtomicI32 {
        &self.register.line(self.number).pid
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let line = self.register.line(self.number);
        line.taken.store(0, Ordering::Release);
        line.pid.store(0, Ordering::Relaxed);
        self.register.lock().again.push(self.number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_taken_until_it_is_dropped() {
        let register = Arc::new(Register::new().unwrap());
        let first = register.expect(ProcessId(7)).unwrap();
        assert!(register.may_own(5), "anybody may be the one that is expected");
        assert_eq!(register.child_of(ProcessId(7)), None);
        first.pid().store(41, Ordering::Release);
        assert!(register.may_own(41) && !register.may_own(5));
        assert_eq!(register.child_of(ProcessId(7)), Some(41));
        let second = register.expect(ProcessId(8)).unwrap();
        second.pid().store(42, Ordering::Release);
        drop(first);
        assert!(register.may_own(42) && !register.may_own(41) && !register.may_own(0));
        assert_eq!(register.child_of(ProcessId(7)), None);
        assert_eq!(register.expect(ProcessId(9)).unwrap().number, 0, "it is used again");
    }

    #[test]
    fn whoever_holds_the_descriptor_sees_the_lines() {
        let register = Arc::new(Register::new().unwrap());
        let line = register.expect(ProcessId(7)).unwrap();
        line.pid().store(41, Ordering::Release);
        let mut seen = [0; LINE_BYTES];
        assert_eq!(rustix::io::pread(&*register, &mut seen, 0).unwrap(), LINE_BYTES);
        let expected =
            [7u64.to_ne_bytes().as_slice(), &41i32.to_ne_bytes(), &1u32.to_ne_bytes()].concat();
        assert_eq!(seen.as_slice(), expected);
    }

    #[test]
    fn there_are_so_many_lines_and_no_more() {
        let register = Arc::new(Register::new().unwrap());
        let all: Vec<_> = (0..LINES_MAX).map_while(|_| register.expect(ProcessId(1))).collect();
        assert_eq!(all.len(), LINES_MAX as usize);
        assert!(register.expect(ProcessId(1)).is_none());
    }

    #[test]
    fn a_short_file_has_fewer_lines() {
        for (bytes, lines) in [(u64::MAX, LINES_MAX), (2 << 20, LINES_MAX), (65_536, 4096)] {
            assert_eq!(lines_that_fit(bytes), lines, "{bytes}");
        }
    }
}
