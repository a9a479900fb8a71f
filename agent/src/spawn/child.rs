//! The child's few steps from its birth to its exec.
//!
//! It shares the agent's memory while the spawn thread waits for its exec (as after vfork), so it makes
//! raw system calls only: no allocation, no lock, none of libc's setuid family, which would signal
//! the agent's threads. 64-bit Linux only, where every one of these calls has its plain number.

#![expect(unsafe_code, reason = "raw system calls between clone and exec")]

use std::ffi::{c_int, c_long, c_void};
use std::sync::atomic::Ordering;

use super::errno::errno_name;
use super::plan::{Closing, NOT_SPAWNED, Plan, Switch};

/// The exit code of a child that could not become its program (CH-10).
const NOT_SPAWNED_CODE: usize = 127;

/// The highest signal number.
const SIGNALS_MAX: c_int = 64;

/// Bytes in a kernel's signal set.
const SIGSET_BYTES: usize = 8;

/// The child, from its birth to its exec. `plan` is a [`Plan`]. It never returns.
pub(super) extern "C" fn child(plan: *mut c_void) -> c_int {
    // SAFETY: both callers pass a Plan that stays alive, and nobody changes it meanwhile.
    let plan = unsafe { &*plan.cast::<Plan>() };
    enter_register(plan);
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

/// Whatever becomes of the agent from here on, this child is listed.
fn enter_register(plan: &Plan) {
    // SAFETY: it takes nothing and cannot fail.
    let pid = unsafe { libc::syscall(libc::SYS_getpid) };
    // A pid has 22 bits at most.
    let pid = c_int::try_from(pid).unwrap_or(0);
    // SAFETY: it is null, or of a line that stays taken until the child is reaped or was not born.
    if let Some(line) = unsafe { plan.line.as_ref() } {
        line.store(pid, Ordering::Release);
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
pub(super) fn raw(number: c_long, arguments: [usize; 4]) -> Result<(), c_int> {
    let [a, b, c, d] = arguments;
    // SAFETY: every caller is in this file and passes plain numbers, or addresses of memory that
    // outlives the call and has the layout which that call wants.
    if unsafe { libc::syscall(number, a, b, c, d) } >= 0 {
        return Ok(());
    }
    // SAFETY: errno's address is always valid. It is the waiting thread's own, which sets it anew.
    Err(unsafe { *libc::__errno_location() })
}
