//! Exits and signals: pidfds for our own children, `waitid` for strangers.
//!
//! The core thread calls this; nothing in here blocks.

#![expect(unsafe_code, reason = "kill, pidfd_send_signal and waitid for any child are raw calls")]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use agent_core::input::Exit;
use nix::errno::Errno;
use nix::sys::signal::SigHandler;
use nix::sys::signal::Signal::{SIGKILL, SIGXFSZ};
use proto_words::Signal;
use rustix::event::{Timespec, epoll};
use rustix::process::{
    Pid, PidfdFlags, WaitId, WaitIdOptions, WaitIdStatus, getpid, pidfd_open, waitid,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::register::Register;

/// Exits that one look takes out; the next look finds the rest.
const EXITS_AT_ONCE_MAX: usize = 256;

/// Strangers that one look reaps, as supervisord takes 100 children in a pass.
const STRANGERS_AT_ONCE_MAX: usize = 100;

/// All pidfds in one epoll descriptor: it is readable when any child has ended, so one `AsyncFd`
/// watches thousands of children. A child stays ready until it is removed.
#[derive(Debug)]
pub struct Exits(OwnedFd);

impl Exits {
    /// An empty set.
    ///
    /// # Errors
    ///
    /// When no descriptor can be made (`EMFILE`, `ENOMEM`).
    pub fn new() -> io::Result<Self> {
        Ok(Self(epoll::create(epoll::CreateFlags::CLOEXEC)?))
    }

    /// Has the runtime watch the set: it is readable while any child in it has ended.
    ///
    /// # Errors
    ///
    /// When the runtime cannot watch another descriptor.
    pub fn watch(self) -> io::Result<AsyncFd<Self>> {
        // SAFETY: the set owns its descriptor and the AsyncFd owns the set, so the descriptor stays
        // open and the same for as long as it is registered.
        let watched = unsafe { AsyncFd::register_with_interest(self, Interest::READABLE) };
        Ok(watched?)
    }

    /// Watches a child; `key` comes back from [`Exits::ready`].
    ///
    /// # Errors
    ///
    /// When it is in the set already, or the kernel's limit of watches is reached (`ENOSPC`).
    pub fn add(&self, key: u64, pidfd: &OwnedFd) -> io::Result<()> {
        let data = epoll::EventData::new_u64(key);
        Ok(epoll::add(&self.0, pidfd, data, epoll::EventFlags::IN)?)
    }

    /// Forgets a child, after it was reaped and before its pidfd is closed. Closing alone may leave
    /// it ready for a moment: another child that is just being born has a copy of the descriptor.
    ///
    /// # Errors
    ///
    /// When it is not in the set.
    pub fn remove(&self, pidfd: &OwnedFd) -> io::Result<()> {
        Ok(epoll::delete(&self.0, pidfd)?)
    }

    /// Puts the keys of children that have ended into `ready`, at most a few hundred at once;
    /// when none is added, none is left. Never waits.
    ///
    /// # Errors
    ///
    /// None that a program could cause.
    pub fn ready(&self, ready: &mut Vec<u64>) -> io::Result<()> {
        let mut events = Vec::with_capacity(EXITS_AT_ONCE_MAX);
        let at_once = Timespec::default();
        match epoll::wait(&self.0, rustix::buffer::spare_capacity(&mut events), Some(&at_once)) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(errno) => return Err(errno.into()),
        }
        ready.extend(events.iter().map(|event| event.data.u64()));
        Ok(())
    }
}

impl AsFd for Exits {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Exits {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// A file-size limit must not end the agent when a log reaches it: the write fails instead, and is
/// said. Called once, before there are threads; children inherit it, as the original's do (CH-11).
pub fn ignore_file_size_signal() {
    // SAFETY: SIG_IGN runs no code of ours.
    let _ = unsafe { nix::sys::signal::signal(SIGXFSZ, SigHandler::SigIgn) };
}

/// What tells of a child's end.
#[derive(Debug)]
pub enum Watch {
    /// It becomes readable; see [`Exits`].
    Pidfd(OwnedFd),
    /// SIGCHLD, which says no more than that one of the children has ended: a kernel before 5.4,
    /// or a seccomp profile in the way.
    Signal,
}

/// Whether the kernel has all that it takes to watch children by pidfd.
#[must_use]
pub fn pidfds_work() -> bool {
    let Ok(own) = pidfd_open(getpid(), PidfdFlags::empty()) else {
        return false;
    };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    // We are no child of ours; whoever does not know the question says something else.
    let waits =
        matches!(waitid(WaitId::PidFd(own.as_fd()), options), Err(rustix::io::Errno::CHILD));
    waits && send(&own, 0).is_ok()
}

/// Reaps a child: how it ended, or `None` when it still runs.
///
/// # Errors
///
/// `ECHILD` when somebody else has reaped it: its end is unknown, and it will never be known.
pub fn wait(pid: i32, watch: &Watch) -> io::Result<Option<Exit>> {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG;
    let whom = || match watch {
        Watch::Pidfd(pidfd) => Some(WaitId::PidFd(pidfd.as_fd())),
        Watch::Signal => Pid::from_raw(pid).map(WaitId::Pid),
    };
    loop {
        let whom = whom().ok_or(rustix::io::Errno::CHILD)?;
        match waitid(whom, options) {
            Ok(status) => return Ok(status.as_ref().map(exit_of)),
            Err(rustix::io::Errno::INTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn exit_of(status: &WaitIdStatus) -> Exit {
    match status.terminating_signal() {
        Some(number) => Exit::Signal { number, core_dumped: status.dumped() },
        None => Exit::Code(status.exit_status().unwrap_or(-1)),
    }
}

/// Sends a signal to a child that is not reaped yet, or to its process group.
///
/// # Errors
///
/// `ESRCH` when it is gone, `EPERM` when it has become somebody else.
pub fn signal_child(watch: &Watch, pid: i32, signal: Signal, group: bool) -> Result<(), Errno> {
    let number = signal.number();
    match watch {
        Watch::Pidfd(pidfd) if !group => send(pidfd, number),
        // It is not reaped, so the pid is still its own.
        Watch::Pidfd(_) | Watch::Signal => {
            let whom = if group { -pid } else { pid };
            // SAFETY: kill takes plain numbers and touches no memory.
            Errno::result(unsafe { libc::kill(whom, number) }).map(drop)
        }
    }
}

/// Kills a child whose birth hangs, so that its exec fails. It is not reaped before its birth is
/// told, so the pid is its own.
pub fn kill_newborn(pid: i32) {
    // One that is gone already is told as well.
    let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), SIGKILL);
}

fn send(pidfd: &OwnedFd, number: i32) -> Result<(), Errno> {
    let fd = pidfd.as_raw_fd();
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is borrowed for the call; a null siginfo is allowed.
    let sent = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, number, no_info, 0) };
    Errno::result(sent).map(drop)
}

/// Whether children may end that are not ours: as PID 1, where every orphan comes to us, or with
/// children from before we became this program. Asked before there are children of ours.
#[must_use]
pub fn strangers_may_come() -> bool {
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let childless = matches!(waitid(WaitId::All, look), Err(rustix::io::Errno::CHILD));
    std::process::id() == 1 || !childless
}

/// What [`reap_strangers`] has found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Strangers {
    /// Pid and end of each that was reaped.
    pub reaped: Vec<(i32, Exit)>,
    /// A child of ours stands in front, or there may be more: look again after the next exit or
    /// birth was handled.
    pub look_again: bool,
}

/// Reaps children that are not ours: inherited ones, and orphans when the agent is PID 1. Each is
/// looked at first and only then taken, so that a listed one is never taken from its pidfd.
pub fn reap_strangers(register: &Register) -> Strangers {
    let mut strangers = Strangers::default();
    while let Some((pid, exit)) = peek() {
        let full = strangers.reaped.len() >= STRANGERS_AT_ONCE_MAX;
        if full || register.may_own(pid) {
            strangers.look_again = true;
            break;
        }
        take(pid);
        strangers.reaped.push((pid, exit));
    }
    strangers
}

/// The first child that has ended, without reaping it.
fn peek() -> Option<(i32, Exit)> {
    // SAFETY: all-zero bytes are a valid siginfo_t, a plain C structure.
    let mut info: libc::siginfo_t = unsafe { std::mem::zeroed() };
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    // SAFETY: `info` is a valid siginfo_t that outlives the call.
    let result = unsafe { libc::waitid(libc::P_ALL, 0, &raw mut info, options) };
    if result != 0 {
        return None;
    }
    // SAFETY: waitid has filled in the fields of SIGCHLD, or left the zeroes of before.
    let (pid, status) = unsafe { (info.si_pid(), info.si_status()) };
    let exit = match info.si_code {
        libc::CLD_EXITED => Exit::Code(status),
        code => Exit::Signal { number: status, core_dumped: code == libc::CLD_DUMPED },
    };
    (pid != 0).then_some((pid, exit))
}

fn take(pid: i32) {
    // It was seen dead, and nobody else reaps strangers; there is nothing to do about a failure.
    let _ = nix::sys::wait::waitpid(
        nix::unistd::Pid::from_raw(pid),
        Some(nix::sys::wait::WaitPidFlag::WNOHANG),
    );
}
