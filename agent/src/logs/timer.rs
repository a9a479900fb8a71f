//! One moment to wake up at, among the descriptors that the loop waits for.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

/// Readable once its time has come. While it is not set it costs nothing.
#[derive(Debug)]
pub(super) struct Timer {
    fd: OwnedFd,
    is_set: bool,
}

impl Timer {
    pub(super) fn new() -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        Ok(Self { fd: timerfd_create(TimerfdClockId::Monotonic, flags)?, is_set: false })
    }

    /// Wakes the loop in so many seconds, unless it is set already.
    pub(super) fn set_secs(&mut self, seconds: i64) {
        if !self.is_set {
            self.is_set = true;
            self.settle(seconds);
        }
    }

    /// Does not wake the loop any more.
    pub(super) fn clear(&mut self) {
        if self.is_set {
            self.is_set = false;
            self.settle(0);
        }
    }

    /// 0 stops it, and what it has told is forgotten in any case.
    fn settle(&self, seconds: i64) {
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let at = Timespec { tv_sec: seconds, tv_nsec: 0 };
        let time = Itimerspec { it_interval: never, it_value: at };
        let set = timerfd_settime(&self.fd, TimerfdTimerFlags::empty(), &time);
        debug_assert!(set.is_ok(), "{set:?}");
    }
}

impl AsFd for Timer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}
