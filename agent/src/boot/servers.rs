//! Opening the HTTP servers one by one, and what the activity log says of each.

use agent_core::spec::{Configuration, Level, RpcInterfaceSpec, ServerAddress, ServerSpec};
use jiff::Zoned;
use nix::unistd::gethostname;
use proto_words::repr;
use thiserror::Error;

use crate::http::{self, BindError, BoundServer};
use crate::logs::ActivityLog;

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
///
/// After a restart an interface with a key too many is made nevertheless: everything is stopped by
/// then, and a key is no reason to leave it so.
pub(super) fn open(
    configuration: &Configuration,
    first: bool,
    activity: &mut ActivityLog,
) -> Result<Vec<BoundServer>, ServerError> {
    let interfaces = &configuration.rpc_interfaces;
    let mut opened = Vec::new();
    for server in &configuration.servers {
        let announced = match http::open(server) {
            Ok(bound) => {
                opened.push(bound);
                announce(server, interfaces, first, activity)
            }
            Err(error) => Err(error.into()),
        };
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
    first: bool,
    activity: &mut ActivityLog,
) -> Result<(), ServerError> {
    if activity.level() <= Level::Trace {
        activity.log(Level::Trace, &started(server));
    }
    for RpcInterfaceSpec { name, unexpected_key } in interfaces {
        if let Some(key) = unexpected_key {
            let text = format!(
                "TypeError: make_main_rpcinterface() got an unexpected keyword argument {}; \
                 [rpcinterface:{name}] takes its factory and no other key, not even from [DEFAULT]",
                repr(key)
            );
            activity.log(Level::Warn, &text);
            if first {
                return Err(ServerError::Interface(name.clone()));
            }
        }
        activity.log(Level::Info, &format!("RPC interface {} initialized", repr(name)));
    }
    if server.credentials.is_none() {
        let text = format!(
            "Server {} running without any HTTP authentication checking",
            repr(&server.section)
        );
        activity.log(Level::Critical, &text);
    }
    Ok(())
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
