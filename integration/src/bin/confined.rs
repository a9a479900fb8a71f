//! Runs a program on a kernel that refuses some things: `confined WORD… -- PROGRAM ARGUMENT…`.
//!
//! | word | what is refused |
//! |---|---|
//! | `chmod`, `chown` | changing a file's mode or owner: not permitted |
//! | `pidfd` | all that knows of pidfds, as on a kernel before 5.2: no such call |
//! | `close-range` | the call of that name: no such call |
//! | `fork=N`, `kill=N`, `wait=N` | new processes, signals, waiting for ends: error N (0 does nothing) |
//! | `setgroups=N`, `setgid=N` | changing groups: error N |

use std::collections::BTreeMap;
use std::error::Error;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

/// Calls, and for each when it counts: always, without a rule.
type Rules = BTreeMap<i64, Vec<SeccompRule>>;

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let end = words.iter().position(|word| word == "--").ok_or("WORD… -- PROGRAM ARGUMENT…")?;
    let (refused, program) = (&words[..end], &words[end + 1..]);
    for word in refused {
        for (errno, rules) in filters(word)? {
            confine(errno, rules)?;
        }
    }
    let (program, arguments) = program.split_first().ok_or("no program")?;
    Err(Command::new(program).args(arguments).exec().into())
}

fn filters(word: &str) -> Result<Vec<(i32, Rules)>, Box<dyn Error>> {
    let always = |calls: &[i64]| calls.iter().map(|call| (*call, Vec::new())).collect::<Rules>();
    if let Some((what, errno)) = word.split_once('=') {
        return numbered(what, errno.parse()?);
    }
    Ok(match word {
        "chmod" => vec![(libc::EPERM, always(&[libc::SYS_chmod, libc::SYS_fchmodat]))],
        "chown" => {
            let calls = [libc::SYS_chown, libc::SYS_lchown, libc::SYS_fchownat];
            vec![(libc::EPERM, always(&calls))]
        }
        "pidfd" => {
            let calls = [libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal, libc::SYS_clone3];
            let flags = u64::try_from(libc::CLONE_PIDFD)?;
            let asks_for_one = has(0, SeccompCmpOp::MaskedEq(flags), flags)?;
            let by_one = has(0, SeccompCmpOp::Eq, libc::P_PIDFD.into())?;
            let others = [(libc::SYS_clone, asks_for_one), (libc::SYS_waitid, by_one)];
            vec![(libc::ENOSYS, always(&calls)), (libc::EINVAL, others.into())]
        }
        "close-range" => vec![(libc::ENOSYS, always(&[libc::SYS_close_range]))],
        other => return Err(format!("no such word: {other}; see the head of confined.rs").into()),
    })
}

/// Refused with an error that the test chooses.
fn numbered(what: &str, errno: i32) -> Result<Vec<(i32, Rules)>, Box<dyn Error>> {
    let calls: &[i64] = match what {
        // Threads are made by clone, too; clone3 cannot be looked into, so there is none.
        "fork" => {
            let thread = u64::try_from(libc::CLONE_THREAD)?;
            let no_thread = has(0, SeccompCmpOp::MaskedEq(thread), 0)?;
            let clone3 = Rules::from([(libc::SYS_clone3, Vec::new())]);
            let mut others = Rules::from([(libc::SYS_clone, no_thread)]);
            #[cfg(target_arch = "x86_64")]
            others.extend([(libc::SYS_fork, Vec::new()), (libc::SYS_vfork, Vec::new())]);
            return Ok(vec![(errno, others), (libc::ENOSYS, clone3)]);
        }
        "kill" => &[libc::SYS_kill, libc::SYS_pidfd_send_signal],
        "wait" => &[libc::SYS_wait4, libc::SYS_waitid],
        "setgroups" => &[libc::SYS_setgroups],
        "setgid" => &[libc::SYS_setgid],
        other => return Err(format!("no such word: {other}; see the head of confined.rs").into()),
    };
    Ok(vec![(errno, calls.iter().map(|call| (*call, Vec::new())).collect())])
}

/// When this argument is so.
fn has(argument: u8, how: SeccompCmpOp, value: u64) -> Result<Vec<SeccompRule>, Box<dyn Error>> {
    let condition = SeccompCondition::new(argument, SeccompCmpArgLen::Dword, how, value)?;
    Ok(vec![SeccompRule::new(vec![condition])?])
}

fn confine(errno: i32, rules: Rules) -> Result<(), Box<dyn Error>> {
    let refuse = SeccompAction::Errno(errno.unsigned_abs());
    let arch = TargetArch::try_from(std::env::consts::ARCH)?;
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse, arch)?;
    apply_filter(&BpfProgram::try_from(filter)?)?;
    Ok(())
}
