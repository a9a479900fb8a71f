//! Where a child that shares the agent's table of descriptors finds its own three.
//!
//! A copy of the table for each birth costs time for every program that runs: its pipes and log are
//! copied and closed again, so that starting many is quadratic. Sharing costs nothing, and
//! `close_range` then makes a copy of the lowest descriptors only. These slots are among those.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::{Mode, OFlags, open};
use rustix::io::{DupFlags, Errno, dup3, fcntl_dupfd_cloexec};

use super::pipes::Ends;

/// Three descriptors above 2 that are kept for births, as low as they were free.
#[derive(Debug)]
pub(super) struct Slots {
    /// What stands in them between births.
    nothing: OwnedFd,
    slots: [OwnedFd; 3],
}

impl Slots {
    /// Takes three descriptors.
    pub(super) fn reserve() -> Result<Self, Errno> {
        let nothing = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        let slot = || fcntl_dupfd_cloexec(&nothing, 3);
        let slots = [slot()?, slot()?, slot()?];
        Ok(Self { nothing, slots })
    }

    /// Puts a child's ends into the slots.
    pub(super) fn lend(&mut self, ends: &Ends) -> Result<(), Errno> {
        let stderr = ends.stderr.as_ref().unwrap_or(&ends.stdout);
        self.fill([ends.stdin.as_fd(), ends.stdout.as_fd(), stderr.as_fd()])
    }

    /// Lets go of them, so that a pipe ends with its writers.
    pub(super) fn take_back(&mut self) {
        let Self { nothing, slots } = self;
        for slot in slots {
            // Putting one open descriptor over another fails for no reason that could arise here.
            let _ = dup3(&*nothing, slot, DupFlags::CLOEXEC);
        }
    }

    fn fill(&mut self, ends: [BorrowedFd<'_>; 3]) -> Result<(), Errno> {
        for (slot, end) in self.slots.iter_mut().zip(ends) {
            dup3(end, slot, DupFlags::CLOEXEC)?;
        }
        Ok(())
    }

    /// Their numbers, for 0, 1 and 2.
    pub(super) fn numbers(&self) -> [i32; 3] {
        self.slots.each_ref().map(AsRawFd::as_raw_fd)
    }

    /// The first descriptor above all of them.
    pub(super) fn above(&self) -> u32 {
        self.numbers().into_iter().max().map_or(3, |highest| highest.cast_unsigned() + 1)
    }
}
