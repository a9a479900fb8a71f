//! A restart ends one life of a host and begins another: what is wrong is to be found while
//! everything still runs, and what goes wrong all the same must not leave the host stopped.

use agent_core::command::BadConfiguration;
use agent_core::spec::{Configuration, ServerAddress, ServerSpec};

use super::privileges;
use crate::http;

/// Looks at what a restart with this configuration needs beyond the file: the user that it must
/// become, and addresses that it does not have yet.
///
/// # Errors
///
/// The text that supervisord ends with.
pub fn possible(next: &Configuration, running: &[ServerSpec]) -> Result<(), BadConfiguration> {
    privileges::may_become(next.daemon.user.as_ref()).map_err(|error| BadConfiguration {
        text: error.to_string(),
        diagnosis: format!("[supervisord] user: {error}; the agent has given up its rights"),
    })?;
    let is_new = |server: &&ServerSpec| !running.iter().any(|known| is_held_by(server, known));
    for server in next.servers.iter().filter(is_new) {
        let bound = http::open(server).map_err(|error| BadConfiguration {
            text: error.to_string(),
            diagnosis: format!("[{}]: {error}", server.section),
        })?;
        bound.close();
    }
    Ok(())
}

/// Whether a server that runs may hold what another wants: it cannot be tried then.
fn is_held_by(wanted: &ServerSpec, known: &ServerSpec) -> bool {
    match (&wanted.address, &known.address) {
        (ServerAddress::Inet { port: wanted, .. }, ServerAddress::Inet { port: known, .. }) => {
            wanted == known
        }
        (ServerAddress::Unix { path: wanted, .. }, ServerAddress::Unix { path: known, .. }) => {
            wanted == known
        }
        (ServerAddress::Inet { .. }, ServerAddress::Unix { .. })
        | (ServerAddress::Unix { .. }, ServerAddress::Inet { .. }) => false,
    }
}
