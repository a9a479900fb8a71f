//! The birth of a child, as the agent sees it.
//!
//! The child shares the agent's memory while the spawn thread waits for its exec (as after vfork), so
//! it is cheap however large the agent is. What it does meanwhile is in `child.rs`.

#![expect(unsafe_code, reason = "clone and fork")]

use std::collections::BTreeMap;
use std::ffi::{OsString, c_int, c_void};
use std::os::fd::{FromRawFd, OwnedFd};
use std::sync::atomic::Ordering;

use agent_core::spec::ProcessSpec;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::child::{child, raw};
use super::errno::errno_text;
use super::pipes::Ends;
use super::plan::{Closing, Plan};
use super::reap::Watch;
use super::register::Listed;
use super::resolve::Runnable;
use super::slots::Slots;

/// The child's stack in words of 16 bytes: 64 KiB, of which it uses a few hundred bytes.
const STACK_WORDS: usize = 4096;

/// Without `close_range`, at most this many descriptors are closed one by one: each costs a system
/// call, and the agent's own are closed by exec anyway.
const CLOSE_ONE_BY_ONE_MAX: u32 = 65_536;

/// Where children are born: what is kept from one birth to the next.
#[derive(Debug)]
pub(super) struct Birthplace {
    stack: Vec<u128>,
    closing: Closing,
    way: Way,
    /// Ends are seen by pidfd; where there are none, by SIGCHLD.
    pidfds: bool,
    /// `None` where a child cannot share the table of descriptors, and gets a copy of all of it.
    slots: Option<Slots>,
}

/// How children are born.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// In shared memory, with a pidfd from the start.
    SharedWithPidfd,
    /// In shared memory; a pidfd is opened afterwards, where there are any.
    Shared,
    /// By fork, likewise: a seccomp profile is in the way.
    Forked,
}

/// Why no child was born.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unborn {
    /// fork or clone failed.
    Os(Errno),
    /// It has no pidfd, though there are any.
    Unwatchable(Errno),
    /// A word, a variable or the directory has a NUL byte.
    Nul,
    /// The register is full.
    Unlisted,
}

/// A child, and what tells of its end.
pub(super) type Born = (i32, Watch);

impl Unborn {
    /// supervisord's text (SM-48, SM-49), or ours where it has none.
    pub(super) fn text_for(&self, name: &str) -> String {
        match self {
            Self::Os(Errno::EAGAIN) => {
                format!("Too many processes in process table to spawn '{name}'")
            }
            Self::Os(errno) => {
                let errno = errno_text(*errno as i32);
                format!("unknown error during fork for '{name}': {errno}")
            }
            Self::Unwatchable(errno) => {
                format!("no pidfd for '{name}': {}", errno_text(*errno as i32))
            }
            Self::Unlisted => format!(
                "too many programs at once to spawn '{name}': {} are the most",
                super::register::LINES_MAX
            ),
            Self::Nul => {
                format!("command, directory or environment of '{name}' has a NUL byte")
            }
        }
    }
}

impl Birthplace {
    /// `minfds` bounds which descriptors are closed where `close_range` is missing; without
    /// `pidfds` ends are seen by SIGCHLD.
    pub(super) fn new(minfds: i64, pidfds: bool) -> Self {
        // An empty range: this only asks whether the call is there.
        let beyond = u32::MAX as usize;
        let (closing, slots) = match raw(libc::SYS_close_range, [beyond, beyond, 0, 0]) {
            Ok(()) => (Closing::AtOnce, Slots::reserve().ok()),
            Err(_) => (one_by_one(minfds), None),
        };
        let way = if pidfds { Way::SharedWithPidfd } else { Way::Shared };
        Self { stack: vec![0; STACK_WORDS], closing, way, pidfds, slots }
    }

    /// Makes everything ready for a birth. Name services are asked here, and may hang.
    pub(super) fn plan(
        &self,
        spec: &ProcessSpec,
        command: &Runnable,
        variables: &BTreeMap<OsString, OsString>,
        ends: &Ends,
    ) -> Result<Plan, Unborn> {
        Plan::new(spec, command, variables, ends, self.closing).map_err(|_nul| Unborn::Nul)
    }

    /// Gives birth; when this returns, the child runs its program or has failed with 127 (with
    /// the fallback, it may still be on its way).
    pub(super) fn give_birth(
        &mut self,
        mut plan: Plan,
        ends: &Ends,
        listed: &Listed,
    ) -> Result<Born, Unborn> {
        plan.line = listed.pid();
        // A signal between birth and exec must find the child's own dispositions, not the
        // agent's handlers (CH-12): it waits until the child has unblocked everything.
        let mut before = SigSet::empty();
        let all = SigSet::all();
        nix::sys::signal::pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&all), Some(&mut before))
            .map_err(Unborn::Os)?;
        let born = self.birth(&mut plan, ends);
        let unblocked =
            nix::sys::signal::pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None);
        debug_assert_eq!(unblocked, Ok(()), "the mask was valid before");
        let (pid, pidfd) = born?;
        let watch = match pidfd {
            Some(pidfd) => Watch::Pidfd(pidfd),
            None if self.pidfds => watch(pid, listed)?,
            None => Watch::Signal,
        };
        Ok((pid, watch))
    }

    /// By the first way that works; the next birth begins with it.
    fn birth(&mut self, plan: &mut Plan, ends: &Ends) -> Result<(i32, Option<OwnedFd>), Unborn> {
        loop {
            let next = match self.way {
                Way::SharedWithPidfd => Way::Shared,
                Way::Shared => Way::Forked,
                Way::Forked => return birth_forked(plan).map(|pid| (pid, None)),
            };
            match self.birth_from_slots(plan, ends) {
                Err(Unborn::Os(Errno::EINVAL | Errno::ENOSYS | Errno::EPERM)) => self.way = next,
                born => return born,
            }
        }
    }

    /// Where `close_range` is known, the child shares the table of descriptors at first.
    fn birth_from_slots(
        &mut self,
        plan: &mut Plan,
        ends: &Ends,
    ) -> Result<(i32, Option<OwnedFd>), Unborn> {
        let usual = plan.stdio;
        if let Some(slots) = self.slots.as_mut().filter(|_| plan.closing == Closing::AtOnce) {
            slots.lend(ends).map_err(|errno| Unborn::Os(Errno::from_raw(errno.raw_os_error())))?;
            (plan.stdio, plan.own_below) = (slots.numbers(), Some(slots.above()));
        }
        let born = self.birth_shared(plan);
        (plan.stdio, plan.own_below) = (usual, None);
        if let Some(slots) = &mut self.slots {
            slots.take_back();
        }
        born
    }

    fn birth_shared(&mut self, plan: &Plan) -> Result<(i32, Option<OwnedFd>), Unborn> {
        let files = plan.own_below.map_or(0, |_| libc::CLONE_FILES);
        let pidfds = if self.way == Way::SharedWithPidfd { libc::CLONE_PIDFD } else { 0 };
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD | files | pidfds;
        let top = self.stack.as_mut_ptr_range().end.cast::<c_void>();
        let plan = std::ptr::from_ref(plan).cast_mut().cast::<c_void>();
        let mut pidfd: c_int = -1;
        let unused = std::ptr::null_mut::<c_void>();
        // SAFETY: the stack is ours, 16-byte aligned, large enough, and used by nobody else; this
        // thread sleeps until the child has left our memory by exec or exit, so stack, plan and
        // pidfd outlive its use of them. The child never returns into Rust code that allocates,
        // locks or unwinds (see `child`).
        let pid = unsafe { libc::clone(child, top, flags, plan, &raw mut pidfd, unused, unused) };
        let pid = Errno::result(pid).map_err(Unborn::Os)?;
        // Kernels before 5.2 do not know the flag and ignore it.
        let pidfd = (pidfd >= 0).then(|| {
            // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
            unsafe { OwnedFd::from_raw_fd(pidfd) }
        });
        Ok((pid, pidfd))
    }
}

/// Up to the limit of descriptors, which `minfds` may have raised.
fn one_by_one(minfds: i64) -> Closing {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.and_then(|most| u32::try_from(most).ok());
    let below = limit.unwrap_or(CLOSE_ONE_BY_ONE_MAX);
    let below = below.max(u32::try_from(minfds).unwrap_or(0));
    Closing::OneByOne { below: below.min(CLOSE_ONE_BY_ONE_MAX) }
}

/// The way without shared memory.
fn birth_forked(plan: &Plan) -> Result<i32, Unborn> {
    // SAFETY: the child of this threaded process calls nothing but `child`, which makes raw
    // system calls only and does not return.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        child(std::ptr::from_ref(plan).cast_mut().cast::<c_void>());
    }
    let pid = Errno::result(pid).map_err(Unborn::Os)?;
    // The child does the same; whoever comes first, the line and the group are there when the
    // birth is known.
    // SAFETY: give_birth has just set it, to a line that its caller holds.
    if let Some(line) = unsafe { plan.line.as_ref() } {
        line.store(pid, Ordering::Release);
    }
    let _ = nix::unistd::setpgid(nix::unistd::Pid::from_raw(pid), nix::unistd::Pid::from_raw(pid));
    Ok(pid)
}

/// Opens a pidfd of a child that is not reaped; without one it is ended, since nobody would.
fn watch(pid: i32, listed: &Listed) -> Result<Watch, Unborn> {
    let opened = Pid::from_raw(pid)
        .ok_or(rustix::io::Errno::SRCH)
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
    opened.map(Watch::Pidfd).map_err(|errno| {
        let child = nix::unistd::Pid::from_raw(pid);
        let _ = nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL);
        // From here on its pid may be somebody else's.
        listed.pid().store(0, Ordering::Release);
        let _ = nix::sys::wait::waitpid(child, None);
        Unborn::Unwatchable(Errno::from_raw(errno.raw_os_error()))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsStr;
    use std::os::fd::AsRawFd;
    use std::sync::Arc;

    use agent_core::effect::ProcessId;
    use agent_core::input::Exit;
    use nix::sys::wait::{Id, WaitPidFlag, waitid};
    use nix::unistd::Pid;
    use rustix::event::{PollFd, PollFlags, poll};

    use super::super::register::Register;
    use super::super::{pipes, reap, resolve};
    use super::{Birthplace, Closing, Unborn, Watch, Way, one_by_one};

    fn run(birthplace: &mut Birthplace, command: &str) -> Result<Exit, Unborn> {
        let command = resolve::resolve(command, OsStr::new("/bin:/usr/bin")).unwrap();
        let spec = pipes::tests::spec_without_logs();
        let (_channels, ends) =
            pipes::open(ProcessId(1), &spec, agent_core::effect::Stdin::Pipe, None).unwrap();
        let register = Arc::new(Register::new().unwrap());
        let listed = register.expect(ProcessId(1)).unwrap();
        let plan = birthplace.plan(&spec, &command, &BTreeMap::new(), &ends)?;
        let (pid, watch) = birthplace.give_birth(plan, &ends, &listed)?;
        assert_eq!(register.child_of(ProcessId(1)), Some(pid));
        match &watch {
            Watch::Pidfd(pidfd) => {
                poll(&mut [PollFd::new(pidfd, PollFlags::IN)], None).unwrap();
            }
            Watch::Signal => {
                let (child, look) = (Id::Pid(Pid::from_raw(pid)), WaitPidFlag::WNOWAIT);
                waitid(child, look | WaitPidFlag::WEXITED).unwrap();
            }
        }
        let exit = reap::wait(pid, &watch).unwrap().unwrap();
        assert_eq!(reap::wait(pid, &watch).unwrap_err().raw_os_error(), Some(libc::ECHILD));
        Ok(exit)
    }

    #[test]
    fn all_ways_of_birth_lead_to_the_same_end() {
        for (way, pidfds) in [
            (Way::SharedWithPidfd, true),
            (Way::Shared, true),
            (Way::Forked, true),
            (Way::Shared, false),
            (Way::Forked, false),
        ] {
            let mut birthplace = Birthplace::new(1024, pidfds);
            birthplace.way = way;
            assert_eq!(run(&mut birthplace, "sh -c 'exit 7'"), Ok(Exit::Code(7)));
            let group = "sh -c 'test $$ = $(cut -d\" \" -f5 /proc/$$/stat)'";
            assert_eq!(run(&mut birthplace, group), Ok(Exit::Code(0)));
            let killed = Exit::Signal { number: 9, core_dumped: false };
            assert_eq!(run(&mut birthplace, "sh -c 'kill -9 $$'"), Ok(killed));
            assert_eq!((birthplace.way, birthplace.pidfds), (way, pidfds));
        }
    }

    #[test]
    fn both_ways_of_closing_leave_nothing_of_the_agents() {
        let file = std::fs::File::open("/dev/null").unwrap();
        let inheritable = rustix::io::fcntl_dupfd_cloexec(&file, 700).unwrap();
        rustix::io::fcntl_setfd(&inheritable, rustix::io::FdFlags::empty()).unwrap();
        let gone = inheritable.as_raw_fd();
        let look = format!("sh -c 'test -e /proc/$$/fd/2 && ! test -e /proc/$$/fd/{gone}'");
        for closing in [Closing::AtOnce, one_by_one(1024)] {
            let mut birthplace = Birthplace::new(1024, true);
            assert_eq!(birthplace.closing, Closing::AtOnce);
            birthplace.closing = closing;
            assert_eq!(run(&mut birthplace, &look), Ok(Exit::Code(0)), "{closing:?}");
            birthplace.slots = None;
            assert_eq!(run(&mut birthplace, &look), Ok(Exit::Code(0)), "{closing:?}, a copy");
        }
    }

    #[test]
    fn a_nul_byte_is_refused_before_the_birth() {
        let mut birthplace = Birthplace::new(1024, true);
        assert_eq!(run(&mut birthplace, "true \0"), Err(Unborn::Nul));
    }

    #[test]
    fn texts_are_supervisords() {
        let text = |errno| Unborn::Os(errno).text_for("web");
        let full = "Too many processes in process table to spawn 'web'";
        assert_eq!(text(nix::errno::Errno::EAGAIN), full);
        let other = "unknown error during fork for 'web': ENOMEM";
        assert_eq!(text(nix::errno::Errno::ENOMEM), other);
    }
}
