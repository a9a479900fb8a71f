//! The birth of a child, and its few steps up to exec.
//!
//! The child shares the agent's memory while the spawn thread waits for its exec (as after vfork), so
//! it is cheap however large the agent is. Between birth and exec it makes raw system calls only:
//! no allocation, no lock, none of libc's setuid family, which would signal the agent's threads.
//! 64-bit Linux only, where every one of these calls has its plain number.

#![expect(unsafe_code, reason = "clone, and raw system calls between clone and exec")]

use std::collections::BTreeMap;
use std::ffi::{OsString, c_int, c_long, c_void};
use std::os::fd::{FromRawFd, OwnedFd};

use agent_core::spec::ProcessSpec;
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow};
use rustix::process::{Pid, PidfdFlags, pidfd_open};

use super::errno::{errno_name, errno_text};
use super::pipes::Ends;
use super::plan::{Closing, NOT_SPAWNED, Plan, Switch};
use super::resolve::Runnable;
use super::slots::Slots;

/// The child's stack in words of 16 bytes: 64 KiB, of which it uses a few hundred bytes.
const STACK_WORDS: usize = 4096;

/// Without `close_range`, at most this many descriptors are closed one by one: each costs a system
/// call, and the agent's own are closed by exec anyway.
const CLOSE_ONE_BY_ONE_MAX: u32 = 65_536;

/// The exit code of a child that could not become its program (CH-10).
const NOT_SPAWNED_CODE: usize = 127;

/// The highest signal number.
const SIGNALS_MAX: c_int = 64;

/// Bytes in a kernel's signal set.
const SIGSET_BYTES: usize = 8;

/// Where children are born: what is kept from one birth to the next.
#[derive(Debug)]
pub(super) struct Birthplace {
    stack: Vec<u128>,
    closing: Closing,
    way: Way,
    /// `None` where a child cannot share the table of descriptors, and gets a copy of all of it.
    slots: Option<Slots>,
}

/// How children are born.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// In shared memory, with a pidfd from the start.
    SharedWithPidfd,
    /// By fork, the pidfd opened afterwards: an older kernel, or a seccomp profile in the way.
    ForkThenPidfd,
}

/// Why no child was born.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unborn {
    /// fork or clone failed.
    Os(Errno),
    /// There are no pidfds, so its end would never be seen. (A way through SIGCHLD would begin
    /// here.)
    Unwatchable(Errno),
    /// A word, a variable or the directory has a NUL byte.
    Nul,
}

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
            Self::Unwatchable(errno) => format!(
                "no pidfd for '{name}': {}; Linux 5.4 or later is needed, and a seccomp profile \
                 that allows pidfd_open",
                errno_text(*errno as i32)
            ),
            Self::Nul => {
                format!("command, directory or environment of '{name}' has a NUL byte")
            }
        }
    }
}

impl Birthplace {
    /// `minfds` bounds which descriptors are closed where `close_range` is missing.
    pub(super) fn new(minfds: i64) -> Self {
        // An empty range: this only asks whether the call is there.
        let beyond = u32::MAX as usize;
        let (closing, slots) = match raw(libc::SYS_close_range, [beyond, beyond, 0, 0]) {
            Ok(()) => (Closing::AtOnce, Slots::reserve().ok()),
            Err(_) => (one_by_one(minfds), None),
        };
        Self { stack: vec![0; STACK_WORDS], closing, way: Way::SharedWithPidfd, slots }
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
    ) -> Result<(i32, OwnedFd), Unborn> {
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
        born
    }

    fn birth(&mut self, plan: &mut Plan, ends: &Ends) -> Result<(i32, OwnedFd), Unborn> {
        if self.way == Way::SharedWithPidfd {
            match self.birth_from_slots(plan, ends) {
                Err(Unborn::Os(Errno::EINVAL | Errno::ENOSYS | Errno::EPERM)) => {
                    self.way = Way::ForkThenPidfd;
                }
                born => return born,
            }
        }
        birth_forked(plan)
    }

    /// Where `close_range` is known, the child shares the table of descriptors at first.
    fn birth_from_slots(&mut self, plan: &mut Plan, ends: &Ends) -> Result<(i32, OwnedFd), Unborn> {
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

    fn birth_shared(&mut self, plan: &Plan) -> Result<(i32, OwnedFd), Unborn> {
        let files = plan.own_below.map_or(0, |_| libc::CLONE_FILES);
        let flags = libc::CLONE_VM | libc::CLONE_VFORK | libc::CLONE_PIDFD | libc::SIGCHLD | files;
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
        if pidfd < 0 {
            // Kernels before 5.2 do not know the flag and ignore it.
            return watch(pid);
        }
        // SAFETY: the kernel has just made this descriptor for us, and nobody else knows it.
        Ok((pid, unsafe { OwnedFd::from_raw_fd(pidfd) }))
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
fn birth_forked(plan: &Plan) -> Result<(i32, OwnedFd), Unborn> {
    // Without pidfds the child had better not begin.
    pidfd_open(rustix::process::getpid(), PidfdFlags::empty())
        .map_err(|errno| Unborn::Unwatchable(Errno::from_raw(errno.raw_os_error())))?;
    // SAFETY: the child of this threaded process calls nothing but `child`, which makes raw
    // system calls only and does not return.
    let pid = unsafe { libc::fork() };
    if pid == 0 {
        child(std::ptr::from_ref(plan).cast_mut().cast::<c_void>());
    }
    let pid = Errno::result(pid).map_err(Unborn::Os)?;
    // The child does the same; whoever comes first, the group is there when the birth is known.
    let _ = nix::unistd::setpgid(nix::unistd::Pid::from_raw(pid), nix::unistd::Pid::from_raw(pid));
    watch(pid)
}

/// Opens a pidfd of a child that is not reaped; without one it is ended, since nobody would.
fn watch(pid: i32) -> Result<(i32, OwnedFd), Unborn> {
    let opened = Pid::from_raw(pid)
        .ok_or(rustix::io::Errno::SRCH)
        .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()));
    opened.map(|pidfd| (pid, pidfd)).map_err(|errno| {
        let child = nix::unistd::Pid::from_raw(pid);
        let _ = nix::sys::signal::kill(child, nix::sys::signal::Signal::SIGKILL);
        let _ = nix::sys::wait::waitpid(child, None);
        Unborn::Unwatchable(Errno::from_raw(errno.raw_os_error()))
    })
}

/// The child, from its birth to its exec. `plan` is a [`Plan`]. It never returns.
extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY: both callers pass a Plan that stays alive, and nobody changes it meanwhile.
    let plan = unsafe { &*plan.cast::<Plan>() };
    attempt(libc::SYS_setpgid, [0, 0, 0, 0]);
    if let Some(below) = plan.own_below {
        let rest = [below as usize, u32::MAX as usize, libc::CLOSE_RANGE_UNSHARE as usize, 0];
        if raw(libc::SYS_close_range, rest).is_err() {
            // The table is still the agent's: nothing in it may be touched, not even to complain.
            end();
        }
    }
    for (target, source) in plan.stdio.iter().enumerate() {
        if raw(libc::SYS_dup3, [word(*source), target, 0, 0]).is_err() {
            leave();
        }
    }
    close_the_rest(plan);
    become_user(plan);
    if let Some(directory) = &plan.directory {
        let directory = directory.as_ptr().expose_provenance();
        if let Err(errno) = raw(libc::SYS_chdir, [directory, 0, 0, 0]) {
            fail_with(&plan.chdir_failed, errno);
        }
    }
    if let Some(mask) = plan.umask {
        attempt(libc::SYS_umask, [mask as usize, 0, 0, 0]);
    }
    reset_signals();
    let file = plan.file.as_ptr().expose_provenance();
    let (words, variables) =
        (plan.words.as_ptr().expose_provenance(), plan.variables.as_ptr().expose_provenance());
    match raw(libc::SYS_execve, [file, words, variables, 0]) {
        Err(errno) => fail_with(&plan.exec_failed, errno),
        Ok(()) => leave(),
    }
}

/// Nothing but 0, 1 and 2 goes on (CH-03).
fn close_the_rest(plan: &Plan) {
    match plan.closing {
        Closing::AtOnce => attempt(libc::SYS_close_range, [3, u32::MAX as usize, 0, 0]),
        Closing::OneByOne { below } => {
            for fd in 3..below {
                attempt(libc::SYS_close, [fd as usize, 0, 0, 0]);
            }
        }
    }
}

/// The raw calls concern the child alone; libc's would make every thread of the agent follow.
fn become_user(plan: &Plan) {
    match &plan.user {
        Switch::Stay => {}
        Switch::Refuse(line) => fail(&[line]),
        Switch::Become { groups, groups_failed, gid, gid_failed, uid, uid_failed } => {
            let list = [groups.len(), groups.as_ptr().expose_provenance(), 0, 0];
            if raw(libc::SYS_setgroups, list).is_err() {
                fail(&[groups_failed]);
            }
            if raw(libc::SYS_setgid, [*gid as usize, 0, 0, 0]).is_err() {
                fail(&[gid_failed]);
            }
            if raw(libc::SYS_setuid, [*uid as usize, 0, 0, 0]).is_err() {
                fail(&[uid_failed]);
            }
        }
    }
}

/// Every signal gets its default, but SIGPIPE and SIGXFSZ, which are ignored: programs under
/// supervisord find them so, and some of them live from that (CH-11: strict parity). Then all are
/// unblocked.
fn reset_signals() {
    for signal in 1..=SIGNALS_MAX {
        let handler = match signal {
            libc::SIGPIPE | libc::SIGXFSZ => libc::SIG_IGN,
            _ => libc::SIG_DFL,
        };
        // The kernel's sigaction on every 64-bit Linux: the handler, then flags, restorer and
        // mask in some order, all of them zero. KILL and STOP refuse, as they should.
        let action = [handler, 0, 0, 0, 0, 0, 0, 0];
        let arguments = [word(signal), action.as_ptr().expose_provenance(), 0, SIGSET_BYTES];
        attempt(libc::SYS_rt_sigaction, arguments);
    }
    let none = 0u64;
    let arguments =
        [word(libc::SIG_SETMASK), (&raw const none).expose_provenance(), 0, SIGSET_BYTES];
    attempt(libc::SYS_rt_sigprocmask, arguments);
}

/// Says what failed, with the name of the error, and ends.
fn fail_with(what: &[u8], errno: c_int) -> ! {
    let name = errno_name(errno).unwrap_or("unknown error");
    fail(&[what, name.as_bytes(), b"\n"])
}

/// Says what failed and ends (CH-10). The texts land in the program's log.
fn fail(parts: &[&[u8]]) -> ! {
    for part in parts {
        say(part);
    }
    leave()
}

fn leave() -> ! {
    say(NOT_SPAWNED);
    end()
}

fn end() -> ! {
    loop {
        attempt(libc::SYS_exit_group, [NOT_SPAWNED_CODE, 0, 0, 0]);
    }
}

fn say(text: &[u8]) {
    attempt(libc::SYS_write, [2, text.as_ptr().expose_provenance(), text.len(), 0]);
}

/// A descriptor or signal number as a system call's argument; they are never negative here.
fn word(number: c_int) -> usize {
    number.cast_unsigned() as usize
}

/// A raw system call whose failure changes nothing: there is nobody to tell, and the next step
/// does not depend on it.
fn attempt(number: c_long, arguments: [usize; 4]) {
    let _ = raw(number, arguments);
}

/// One raw system call.
fn raw(number: c_long, arguments: [usize; 4]) -> Result<(), c_int> {
    let [a, b, c, d] = arguments;
    // SAFETY: every caller is in this file and passes plain numbers, or addresses of memory that
    // outlives the call and has the layout which that call wants.
    if unsafe { libc::syscall(number, a, b, c, d) } >= 0 {
        return Ok(());
    }
    // SAFETY: errno's address is always valid. It is the waiting thread's own, which sets it anew.
    Err(unsafe { *libc::__errno_location() })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsStr;
    use std::os::fd::AsRawFd;

    use agent_core::input::Exit;
    use rustix::event::{PollFd, PollFlags, poll};

    use super::super::{pipes, reap, resolve};
    use super::{Birthplace, Closing, Unborn, Way, one_by_one};

    fn run(birthplace: &mut Birthplace, command: &str) -> Result<Exit, Unborn> {
        let command = resolve::resolve(command, OsStr::new("/bin:/usr/bin")).unwrap();
        let spec = pipes::tests::spec_without_logs();
        let (_channels, ends) = pipes::open(&spec, agent_core::effect::Stdin::Pipe, None).unwrap();
        let plan = birthplace.plan(&spec, &command, &BTreeMap::new(), &ends)?;
        let (_, pidfd) = birthplace.give_birth(plan, &ends)?;
        poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], None).unwrap();
        Ok(reap::wait_pidfd(&pidfd).unwrap().unwrap())
    }

    #[test]
    fn both_ways_of_birth_lead_to_the_same_end() {
        for way in [Way::SharedWithPidfd, Way::ForkThenPidfd] {
            let mut birthplace = Birthplace::new(1024);
            birthplace.way = way;
            assert_eq!(run(&mut birthplace, "sh -c 'exit 7'"), Ok(Exit::Code(7)));
            let group = "sh -c 'test $$ = $(cut -d\" \" -f5 /proc/$$/stat)'";
            assert_eq!(run(&mut birthplace, group), Ok(Exit::Code(0)));
            assert_eq!(birthplace.way, way);
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
            let mut birthplace = Birthplace::new(1024);
            assert_eq!(birthplace.closing, Closing::AtOnce);
            birthplace.closing = closing;
            assert_eq!(run(&mut birthplace, &look), Ok(Exit::Code(0)), "{closing:?}");
            birthplace.slots = None;
            assert_eq!(run(&mut birthplace, &look), Ok(Exit::Code(0)), "{closing:?}, a copy");
        }
    }

    #[test]
    fn a_nul_byte_is_refused_before_the_birth() {
        let mut birthplace = Birthplace::new(1024);
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
