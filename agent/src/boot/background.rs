//! Going to the background: one fork and a new session, before any thread exists.

use std::env::set_current_dir;
use std::fs::{File, OpenOptions};
use std::io;

use agent_core::spec::{DaemonSpec, Level};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{daemon, dup2_stderr, dup2_stdin, dup2_stdout};
use proto_words::repr;

use crate::logs::ActivityLog;

/// What standard streams lead to in the background.
const NOWHERE: &str = "/dev/null";

/// Becomes a daemon; the process that was started exits with 0. Standard streams become the null
/// device; other descriptors stay.
///
/// # Errors
///
/// When the system cannot fork, or has no null device.
pub(super) fn go(spec: &DaemonSpec, activity: &mut ActivityLog) -> io::Result<()> {
    let (nowhere_from, nowhere_to) =
        (File::open(NOWHERE)?, OpenOptions::new().write(true).open(NOWHERE)?);
    // The parent's word, said before it is one: behind the fork it has no say any more.
    activity.log(Level::Blather, "supervisord forked; parent exiting");
    daemon(true, true)?;
    activity.log(Level::Info, "daemonizing the supervisord process");
    if let Some(directory) = &spec.directory {
        match set_current_dir(directory) {
            Ok(()) => {
                let text = format!("set current directory: {}", repr(directory));
                activity.log(Level::Info, &text);
            }
            Err(error) => {
                let text = format!(
                    "can't chdir into {}: {}: {}",
                    repr(directory),
                    in_pythons_words(&error),
                    repr(directory)
                );
                activity.log(Level::Critical, &text);
            }
        }
    }
    dup2_stdin(nowhere_from)?;
    dup2_stdout(&nowhere_to)?;
    dup2_stderr(nowhere_to)?;
    umask(Mode::from_bits_truncate(spec.umask));
    Ok(())
}

/// `[Errno 13] Permission denied`, as the log of supervisord has it.
fn in_pythons_words(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => {
            let text = error.to_string();
            let text = text.split(" (os error").next().unwrap_or_default();
            format!("[Errno {number}] {text}")
        }
        None => error.to_string(),
    }
}
