//! Resource limits: enough descriptors and processes, or a clear word.

use agent_core::spec::Level;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use thiserror::Error;

/// A limit that cannot be raised; the texts are supervisord's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LimitError {
    /// `minfds`.
    #[error(
        "The minimum number of file descriptors required to run this process is {wanted} as per \
         the \"minfds\" command-line argument or config file setting. The current environment will \
         only allow you to open {allowed} file descriptors.  Either raise the number of usable file \
         descriptors in your environment (see README.rst) or lower the minfds setting in the config \
         file to allow the process to start."
    )]
    Files {
        /// What the configuration wants.
        wanted: i64,
        /// The hard limit.
        allowed: u64,
    },
    /// `minprocs`.
    #[error(
        "The minimum number of available processes required to run this program is {wanted} as per \
         the \"minprocs\" command-line argument or config file setting. The current environment \
         will only allow you to open {allowed} processes.  Either raise the number of usable \
         processes in your environment (see README.rst) or lower the minprocs setting in the config \
         file to allow the program to start."
    )]
    Processes {
        /// What the configuration wants.
        wanted: i64,
        /// The hard limit.
        allowed: u64,
    },
}

/// Raises the soft limits of descriptors and processes to at least these counts, and the hard
/// ones with them where that is allowed. Returns what to say in the activity log.
///
/// # Errors
///
/// [`LimitError`] when a limit cannot be raised.
pub fn raise(minfds: i64, minprocs: i64) -> Result<Vec<(Level, String)>, LimitError> {
    let mut said = Vec::new();
    raise_one(Resource::RLIMIT_NOFILE, minfds, "RLIMIT_NOFILE", &mut said)
        .map_err(|allowed| LimitError::Files { wanted: minfds, allowed })?;
    raise_one(Resource::RLIMIT_NPROC, minprocs, "RLIMIT_NPROC", &mut said)
        .map_err(|allowed| LimitError::Processes { wanted: minprocs, allowed })?;
    Ok(said)
}

/// The error is the hard limit as it stands.
fn raise_one(
    resource: Resource,
    wanted: i64,
    name: &str,
    said: &mut Vec<(Level, String)>,
) -> Result<(), u64> {
    let Ok((soft, hard)) = getrlimit(resource) else {
        return Ok(());
    };
    let enough = u64::try_from(wanted).unwrap_or(0);
    // "Unlimited" is the largest number.
    if soft >= enough {
        return Ok(());
    }
    setrlimit(resource, enough, hard.max(enough)).map_err(|_| hard)?;
    said.push((Level::Info, format!("Increased {name} limit to {wanted}")));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::raise;

    #[test]
    fn what_is_enough_already_is_left_alone() {
        assert_eq!(raise(3, 1), Ok(vec![]));
        assert_eq!(raise(-1, -1), Ok(vec![]));
    }
}
