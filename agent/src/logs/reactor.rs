//! What a thread waits with: an epoll set, a mailbox and two timers.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::event::epoll::{self, Event, EventData, EventFlags};
use rustix::io::Errno;

use super::mailbox::Orders;
use super::program::{Role, Slot};
use super::timer::Timer;

/// Descriptors that one look takes out; the next look finds the rest.
const EVENTS_AT_ONCE_MAX: usize = 256;

/// What has become ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ready {
    /// Something was posted.
    Mailbox,
    /// A target of the activity log that could not take more.
    Activity,
    /// Syslog, when it could not take more.
    Syslog,
    /// Syslog has not taken anything for too long.
    SyslogHangs,
    /// The end of all patience with logs that have not taken their last lines.
    Closing,
    /// A program's descriptor.
    Program(Slot, Role),
}

impl Ready {
    /// Slots count from 0; these stand at the other end.
    const OTHERS: [Self; 5] =
        [Self::Mailbox, Self::Activity, Self::Syslog, Self::SyslogHangs, Self::Closing];

    fn key(self) -> u64 {
        match self {
            Self::Program(slot, role) => role.key(slot),
            other => {
                let number = Self::OTHERS.iter().position(|known| *known == other);
                u64::MAX - number.unwrap_or_default() as u64
            }
        }
    }

    /// What an event is about.
    pub(super) fn of(event: Event) -> Option<Self> {
        Self::of_key(event.data.u64())
    }

    fn of_key(key: u64) -> Option<Self> {
        let number = usize::try_from(u64::MAX - key).ok();
        let other = number.and_then(|number| Self::OTHERS.get(number)).copied();
        other.or_else(|| Role::of(key).map(|(slot, role)| Self::Program(slot, role)))
    }
}

/// See the module.
pub(super) struct Reactor {
    epoll: OwnedFd,
    pub orders: Orders,
    /// Since when syslog has taken nothing.
    pub patience: Timer,
    /// Since when nothing follows.
    pub closing: Timer,
}

impl Reactor {
    /// Around a mailbox that may have been another thread's.
    pub(super) fn around(orders: Orders) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let (patience, closing) = (Timer::new()?, Timer::new()?);
        for (fd, ready) in [
            (orders.as_fd(), Ready::Mailbox),
            (patience.as_fd(), Ready::SyslogHangs),
            (closing.as_fd(), Ready::Closing),
        ] {
            epoll::add(&epoll, fd, EventData::new_u64(ready.key()), EventFlags::IN)?;
        }
        Ok(Self { epoll, orders, patience, closing })
    }

    /// Room for what [`Reactor::wait`] takes out.
    pub(super) fn room() -> Vec<Event> {
        Vec::with_capacity(EVENTS_AT_ONCE_MAX)
    }

    /// Waits until something is ready, and takes it out.
    ///
    /// # Errors
    ///
    /// What the kernel says, but for interruptions.
    pub(super) fn wait(&self, room: &mut Vec<Event>) -> Result<(), Errno> {
        room.clear();
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(room), None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(errno) => Err(errno),
        }
    }

    /// What programs enter their descriptors into.
    pub(super) fn epoll(&self) -> BorrowedFd<'_> {
        self.epoll.as_fd()
    }

    /// Wakes the thread once when a target takes more.
    pub(super) fn arm(&self, target: impl AsFd, ready: Ready) {
        arm(&self.epoll, target, ready.key());
    }
}

/// Wakes the loop once when a descriptor can be written to. One that cannot be waited for (a
/// regular file) is always ready and never gets here.
pub(super) fn arm(epoll: impl AsFd, target: impl AsFd, key: u64) {
    let flags = EventFlags::OUT | EventFlags::ONESHOT;
    let data = EventData::new_u64(key);
    let armed = match epoll::add(&epoll, &target, data, flags) {
        Err(Errno::EXIST) => epoll::modify(&epoll, &target, data, flags),
        armed => armed,
    };
    debug_assert!(armed.is_ok(), "{armed:?} for {}", target.as_fd().as_raw_fd());
}

#[cfg(test)]
mod tests {
    use agent_core::input::Stream;

    use super::{Ready, Role, Slot};

    #[test]
    fn keys_lead_back() {
        let mut all = Ready::OTHERS.to_vec();
        for role in [Role::Stdin, Role::Pipe(Stream::Stderr), Role::Log(Stream::Stdout)] {
            all.extend([0, 1, 1 << 40].map(|slot| Ready::Program(Slot(slot), role)));
        }
        for ready in all {
            assert_eq!(Ready::of_key(ready.key()), Some(ready));
        }
    }
}
