//! `[fcgi-program:x]` (KFC-01 to KFC-10): programs that share a listening socket.

use agent_core::spec::{GroupKind, GroupSpec, SocketAddress, SocketSpec, UserSpec};

use super::group::{group_name, group_priority};
use super::program::{DEFAULT_PRIORITY, processes};
use super::{Build, Scope};
use crate::World;
use crate::error::ConfigError;
use crate::fault::{Fault, SocketFault};
use crate::names::{Names, Value};
use crate::text::{digit, is_space};
use crate::types::{octal, port_number, wide_integer};

const DEFAULT_MODE: u32 = 0o700;

/// The group that a section makes.
pub(crate) fn read(
    build: &Build<'_>,
    section: &str,
    warnings: &mut Vec<String>,
) -> Result<GroupSpec, ConfigError> {
    let scope = build.scope(section);
    let name = group_name(scope)?;
    let priority = group_priority(build, scope, DEFAULT_PRIORITY)?;
    let socket = socket(build, scope, &name)?;
    let processes = processes(build, section, &name, warnings)?;
    Ok(GroupSpec { name, priority, kind: GroupKind::FastCgi(socket), processes })
}

/// The order is supervisord's (KFC-10).
fn socket(build: &Build<'_>, scope: Scope<'_>, program: &str) -> Result<SocketSpec, ConfigError> {
    let world = build.world;
    let mut names = build.names();
    let user = scope.read_optional("user", &names, |text| world.user(text))?;
    let backlog = scope.read_optional("socket_backlog", &names, backlog)?;
    let owner = scope.read_optional("socket_owner", &names, |text| {
        let owner = world.owner(text);
        owner.map_err(|_| Fault::BadSocketOwner(text.to_owned()))
    })?;
    let mode = scope.read_optional("socket_mode", &names, |text| {
        octal(text).map_err(|_| Fault::BadSocketMode(text.to_owned()))
    })?;
    names.insert("program_name".to_owned(), Value::Text(program.to_owned()));
    let url = address(scope, &names)?;
    let parts = Parts { owner, mode, user };
    let address = parse(world, &url, parts).map_err(|why| {
        let key = match &why {
            SocketFault::OwnerOfTcp if scope.raw("socket_mode").is_some() => "socket_mode",
            SocketFault::OwnerOfTcp => "socket_owner",
            _ => "socket",
        };
        scope.fails(Some(key), Fault::BadSocket { section: scope.section.to_owned(), why })
    })?;
    Ok(SocketSpec { address, backlog })
}

/// The value of `socket`, which cannot be empty.
fn address(scope: Scope<'_>, names: &Names) -> Result<String, ConfigError> {
    match scope.text("socket", names)? {
        Some(url) if !url.is_empty() => Ok(url),
        Some(_) | None => {
            let fault = Fault::NoSocket(scope.section.to_owned());
            Err(scope.fails(Some("socket"), fault))
        }
    }
}

fn backlog(text: &str) -> Result<u16, Fault> {
    let wide = wide_integer(text)?;
    let backlog = u16::try_from(wide).ok().filter(|backlog| *backlog > 0);
    backlog.ok_or(Fault::BadBacklog(wide))
}

struct Parts {
    owner: Option<(i64, i64)>,
    mode: Option<u32>,
    user: Option<UserSpec>,
}

fn parse(world: &World<'_>, url: &str, parts: Parts) -> Result<SocketAddress, SocketFault> {
    if let Some(path) = url.strip_prefix("unix://") {
        if !path.starts_with('/') {
            return Err(SocketFault::Relative(path.to_owned()));
        }
        return Ok(SocketAddress::Unix {
            path: world.whole_path(path),
            mode: parts.mode.unwrap_or(DEFAULT_MODE),
            owner: parts.owner.or_else(|| default_owner(world, parts.user)),
        });
    }
    if parts.owner.is_some() || parts.mode.is_some() {
        return Err(SocketFault::OwnerOfTcp);
    }
    let (host, port) = tcp(url).ok_or_else(|| SocketFault::Format(url.to_owned()))?;
    let port = port_number(port).map_err(|fault| SocketFault::Port(Box::new(fault)))?;
    Ok(SocketAddress::Tcp { host: host.to_lowercase(), port })
}

/// `tcp://host:port`, where the host has neither blank nor colon.
fn tcp(url: &str) -> Option<(&str, &str)> {
    let (host, port) = url.strip_prefix("tcp://")?.split_once(':')?;
    let is_host = !host.is_empty() && !host.contains(is_space);
    let is_port = !port.is_empty() && port.chars().all(|c| digit(c).is_some());
    (is_host && is_port).then_some((host, port))
}

/// The program's user, when it is not the one that the agent runs as (KFC-09).
fn default_owner(world: &World<'_>, user: Option<UserSpec>) -> Option<(i64, i64)> {
    let user = user.filter(|user| user.uid != world.users.own_uid())?;
    Some((i64::from(user.uid), i64::from(user.gid)))
}
