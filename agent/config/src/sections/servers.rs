//! `[unix_http_server…]` and `[inet_http_server…]` (KHS-01 to KHS-08).

use agent_core::spec::{Credentials, ServerAddress, ServerSpec};

use super::{Build, Scope};
use crate::error::ConfigError;
use crate::fault::Fault;
use crate::names::Names;
use crate::text::strip;
use crate::types::{inet_address, octal};

const DEFAULT_MODE: u32 = 0o700;

/// All servers, inet before unix, each in file order. A section counts by how its name begins.
pub(crate) fn read(build: &Build<'_>) -> Result<Vec<ServerSpec>, ConfigError> {
    let mut servers = vec![];
    for section in build.sections("inet_http_server") {
        servers.push(inet(build, build.scope(section))?);
    }
    for section in build.sections("unix_http_server") {
        servers.push(unix(build, build.scope(section))?);
    }
    Ok(servers)
}

/// What programs get as `SUPERVISOR_SERVER_URL`: the first unix server, else the last inet one
/// (UP-04).
pub(crate) fn url(servers: &[ServerSpec]) -> Option<String> {
    let unix = servers.iter().find_map(|server| match &server.address {
        ServerAddress::Unix { path, .. } => Some(format!("unix://{path}")),
        ServerAddress::Inet { .. } => None,
    });
    let inet = || {
        servers.iter().rev().find_map(|server| match &server.address {
            ServerAddress::Inet { host, port } if host.is_empty() => {
                Some(format!("http://localhost:{port}"))
            }
            ServerAddress::Inet { host, port } => Some(format!("http://{host}:{port}")),
            ServerAddress::Unix { .. } => None,
        })
    };
    unix.or_else(inet)
}

fn inet(build: &Build<'_>, scope: Scope<'_>) -> Result<ServerSpec, ConfigError> {
    let names = &build.environment;
    let credentials = credentials(scope, names)?;
    let (host, port) = scope
        .read_optional("port", names, inet_address)?
        .ok_or_else(|| scope.fails(None, Fault::NoPort(scope.section.to_owned())))?;
    Ok(ServerSpec {
        section: scope.section.to_owned(),
        address: ServerAddress::Inet { host, port },
        credentials,
    })
}

fn unix(build: &Build<'_>, scope: Scope<'_>) -> Result<ServerSpec, ConfigError> {
    let names = &build.environment;
    let file = scope
        .text("file", &build.names())?
        .ok_or_else(|| scope.fails(None, Fault::NoFile(scope.section.to_owned())))?;
    let credentials = credentials(scope, names)?;
    let owner = scope.read_optional("chown", names, |text| {
        let owner = build.world.owner(text);
        owner.map_err(|_| Fault::BadChown(text.to_owned()))
    })?;
    let mode = scope.read("chmod", names, DEFAULT_MODE, |text| {
        octal(text).map_err(|_| Fault::BadChmod(text.to_owned()))
    })?;
    Ok(ServerSpec {
        section: scope.section.to_owned(),
        address: ServerAddress::Unix { path: build.world.whole_path(strip(&file)), mode, owner },
        credentials,
    })
}

/// Both or none (KHS-06); an empty name is none (KHS-08).
fn credentials(scope: Scope<'_>, names: &Names) -> Result<Option<Credentials>, ConfigError> {
    let username = scope.text("username", names)?;
    let password = scope.text("password", names)?;
    match (username, password) {
        (Some(username), Some(password)) => {
            Ok((!username.is_empty()).then_some(Credentials { username, password }))
        }
        (None, None) => Ok(None),
        (username, _) => {
            let key = username.map_or("password", |_| "username");
            let fault = Fault::HalfCredentials(scope.section.to_owned());
            Err(scope.fails(Some(key), fault))
        }
    }
}
