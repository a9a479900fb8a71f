//! Opening the HTTP servers one by one, and what the activity log says of each.

use std::time::Duration;

use agent_core::spec::{Configuration, Level, RpcInterfaceSpec, ServerAddress, ServerSpec};
use jiff::Zoned;
use nix::unistd::gethostname;
use proto_words::repr;
use thiserror::Error;

use crate::http::{self, BindError, BoundServer};
use crate::logs::ActivityLog;

/// How often a server that cannot be opened is tried again: soon enough for whoever has just freed
/// its address, and seldom enough to cost nothing.
pub(super) const OPEN_AGAIN: Duration = Duration::from_secs(2);

/// Why the servers cannot be had; the texts are supervisord's.
#[derive(Debug, Error)]
pub(super) enum ServerError {
    /// One cannot listen.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// What should answer on them cannot be made (ST-22).
    #[error("Could not make {0} rpc interface")]
    Interface(String),
}

/// Opens every server, in order. When something fails, those before it are closed again.
pub(super) fn open(
    configuration: &Configuration,
    activity: &mut ActivityLog,
) -> Result<Vec<BoundServer>, ServerError> {
    let mut opened = Vec::new();
    for server in &configuration.servers {
        let bound = http::open(server).map_err(ServerError::from);
        let announced = bound.and_then(|bound| {
            opened.push(bound);
            announce(server, &configuration.rpc_interfaces, activity)
        });
        if let Err(error) = announced {
            opened.into_iter().for_each(BoundServer::close);
            return Err(error);
        }
    }
    Ok(opened)
}

fn announce(
    server: &ServerSpec,
    interfaces: &[RpcInterfaceSpec],
    activity: &mut ActivityLog,
) -> Result<(), ServerError> {
    activity.log(Level::Trace, &started(server));
    for interface in interfaces {
        for (level, text) in initialized(interface) {
            activity.log(level, &text);
            if level == Level::Warn {
                return Err(ServerError::Interface(interface.name.clone()));
            }
        }
    }
    if let Some((level, text)) = without_authentication(server) {
        activity.log(level, &text);
    }
    Ok(())
}

/// Opens what can be opened, after a restart; the rest is to be tried again. Everything is stopped
/// by then, and neither an address that somebody has taken nor a key too many is a reason to leave
/// it so.
pub(super) fn open_again(
    configuration: &Configuration,
    activity: &mut ActivityLog,
) -> (Vec<BoundServer>, Vec<ServerSpec>) {
    let (mut opened, mut late) = (Vec::new(), Vec::new());
    for server in &configuration.servers {
        let said = match http::open(server) {
            Ok(bound) => {
                opened.push(bound);
                notes(server, &configuration.rpc_interfaces)
            }
            Err(error) => {
                late.push(server.clone());
                vec![(Level::Critical, not_open(server, &error))]
            }
        };
        for (level, text) in said {
            activity.log(level, &text);
        }
    }
    (opened, late)
}

/// What is said of a server that is open.
pub(super) fn notes(server: &ServerSpec, interfaces: &[RpcInterfaceSpec]) -> Vec<(Level, String)> {
    let mut said = vec![(Level::Trace, started(server))];
    said.extend(interfaces.iter().flat_map(initialized));
    said.extend(without_authentication(server));
    said
}

fn not_open(server: &ServerSpec, error: &BindError) -> String {
    let secs = OPEN_AGAIN.as_secs();
    format!("[{}] is not served yet: {error} Trying again every {secs} seconds.", server.section)
}

/// What is said of an interface; a warning when it has a key too many.
fn initialized(interface: &RpcInterfaceSpec) -> Vec<(Level, String)> {
    let RpcInterfaceSpec { name, unexpected_key } = interface;
    let complaint = unexpected_key.as_ref().map(|key| {
        let text = format!(
            "TypeError: make_main_rpcinterface() got an unexpected keyword argument {}; \
             [rpcinterface:{name}] takes its factory and no other key, not even from [DEFAULT]",
            repr(key)
        );
        (Level::Warn, text)
    });
    let told = (Level::Info, format!("RPC interface {} initialized", repr(name)));
    complaint.into_iter().chain([told]).collect()
}

fn without_authentication(server: &ServerSpec) -> Option<(Level, String)> {
    let name = repr(&server.section);
    let text = format!("Server {name} running without any HTTP authentication checking");
    server.credentials.is_none().then_some((Level::Critical, text))
}

/// supervisord's line, from which one learns what listens where (ST-26). An address is shown as it
/// is: no name service is asked for the sake of a line.
fn started(server: &ServerSpec) -> String {
    let own_name = gethostname().unwrap_or_default();
    let own_name = own_name.to_string_lossy();
    let (ip, hostname, port) = match &server.address {
        ServerAddress::Unix { path, .. } => (path, "<unix domain socket>", path.clone()),
        ServerAddress::Inet { host, port } if host.is_empty() => {
            (host, own_name.as_ref(), port.to_string())
        }
        ServerAddress::Inet { host, port } => (host, host.as_str(), port.to_string()),
    };
    let now = Zoned::now().strftime("%a %b %e %H:%M:%S %Y");
    format!("{ip}:Medusa (V1.12) started at {now}\n\tHostname: {hostname}\n\tPort:{port}")
}
