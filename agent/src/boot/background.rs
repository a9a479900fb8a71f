//! Going to the background: one fork and a new session, before any thread exists.

use std::env::set_current_dir;

use agent_core::spec::{DaemonSpec, Level};
use nix::sys::stat::{Mode, umask};
use proto_words::repr;

/// Becomes a daemon; the process that was started exits with 0. Returns what to say in the
/// activity log. Standard streams become the null device; other descriptors stay.
///
/// # Errors
///
/// When the system cannot fork.
pub fn go(spec: &DaemonSpec) -> nix::Result<Vec<(Level, String)>> {
    nix::unistd::daemon(true, false)?;
    let mut said = vec![(Level::Info, "daemonizing the supervisord process".to_owned())];
    if let Some(directory) = &spec.directory {
        said.push(match set_current_dir(directory) {
            Ok(()) => (Level::Info, format!("set current directory: {}", repr(directory))),
            Err(error) => {
                (Level::Critical, format!("can't chdir into {}: {error}", repr(directory)))
            }
        });
    }
    umask(Mode::from_bits_truncate(spec.umask));
    Ok(said)
}
