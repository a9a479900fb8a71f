//! Opening the listening sockets, as supervisord does it: synchronously, before daemonizing.

use std::io;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::os::unix::net::UnixListener;

use agent_core::spec::{Credentials, ServerAddress, ServerSpec};
use nix::errno::Errno;
use thiserror::Error;

use super::unix_socket::{self, SocketFile};
use crate::descriptors::Purpose;
use crate::hosts::ipv4_of;

/// Why a server cannot be opened. The texts are supervisord's: what follows `Error: `.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum BindError {
    /// Somebody answers on that address already.
    #[error(
        "Another program is already listening on a port that one of our HTTP servers is \
         configured to use.  Shut this program down first before starting supervisord."
    )]
    InUse,
    /// A system call failed.
    #[error("Cannot open an HTTP server: socket.error reported errno.{0:?} ({number})", number = *.0 as i32)]
    Errno(Errno),
    /// A failure without an error number: the resolver's code, or a text.
    #[error("Cannot open an HTTP server: socket.error reported {0}")]
    Other(String),
    /// The host's own name has no address, and `port` has no host part.
    #[error(
        "Could not determine IP address for hostname {0}, please try setting an explicit IP \
         address in the \"port\" setting of your [inet_http_server] section.  For example, \
         instead of \"port = 9001\", try \"port = 127.0.0.1:9001.\""
    )]
    NoOwnAddress(String),
    /// `chown` needs rights that the agent does not have.
    #[error(
        "Not permitted to chown {path} to uid/gid ({uid}, {gid}); adjust \"sockchown\" value in \
         config file or on command line to values that the current user ({user}) can \
         successfully chown"
    )]
    Chown {
        /// The socket.
        path: String,
        /// The user id asked for; -1 leaves it.
        uid: i64,
        /// The group id asked for; -1 leaves it.
        gid: i64,
        /// Who the agent runs as.
        user: String,
    },
}

impl From<Errno> for BindError {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::EADDRINUSE => Self::InUse,
            other => Self::Errno(other),
        }
    }
}

impl From<io::Error> for BindError {
    fn from(error: io::Error) -> Self {
        match error.raw_os_error() {
            Some(number) => Errno::from_raw(number).into(),
            None => Self::Other(error.to_string()),
        }
    }
}

/// A server whose socket is open. It survives a fork; nothing happens when it is dropped.
#[derive(Debug)]
pub struct BoundServer {
    /// What basic authentication compares with.
    pub(super) credentials: Option<Credentials>,
    pub(super) listener: Listener,
}

/// A listening socket, non-blocking.
#[derive(Debug)]
pub(super) enum Listener {
    Unix(UnixListener, SocketFile),
    Tcp(TcpListener),
}

impl BoundServer {
    /// The file of a unix socket, to be unlinked when the agent ends.
    #[must_use]
    pub fn socket_file(&self) -> Option<SocketFile> {
        match &self.listener {
            Listener::Unix(_, file) => Some(file.clone()),
            Listener::Tcp(_) => None,
        }
    }

    /// What its descriptor is for.
    pub(super) fn purpose(&self) -> Purpose {
        Purpose::Door(match &self.listener {
            Listener::Unix(_, file) => file.path().display().to_string(),
            Listener::Tcp(listener) => {
                listener.local_addr().map_or_else(|_| String::new(), |at| at.to_string())
            }
        })
    }

    /// The port of a TCP server, as bound.
    #[must_use]
    pub fn port(&self) -> Option<u16> {
        match &self.listener {
            Listener::Unix(..) => None,
            Listener::Tcp(listener) => listener.local_addr().ok().map(|address| address.port()),
        }
    }

    /// Closes the socket and removes its file.
    pub fn close(self) {
        if let Some(file) = self.socket_file() {
            file.unlink();
        }
    }
}

/// Opens a server.
///
/// A stale unix socket is taken over; standard error gets `Unlinking stale socket PATH`.
///
/// # Errors
///
/// [`BindError`], whose text follows `Error: ` in supervisord's words.
pub fn open(server: &ServerSpec) -> Result<BoundServer, BindError> {
    let listener = match &server.address {
        ServerAddress::Inet { host, port } => Listener::Tcp(open_inet(host, *port)?),
        ServerAddress::Unix { path, mode, owner } => {
            let (listener, file) = unix_socket::open(path, *mode, *owner)?;
            Listener::Unix(listener, file)
        }
    };
    Ok(BoundServer { credentials: server.credentials.clone(), listener })
}

fn open_inet(host: &str, port: u16) -> Result<TcpListener, BindError> {
    // The standard library sets SO_REUSEADDR, and lets the system decide how many may wait.
    let listener = TcpListener::bind(SocketAddrV4::new(resolve(host)?, port))?;
    if host.is_empty() {
        own_address()?;
    }
    listener.set_nonblocking(true)?;
    Ok(listener)
}

fn resolve(host: &str) -> Result<Ipv4Addr, BindError> {
    if host.is_empty() {
        return Ok(Ipv4Addr::UNSPECIFIED);
    }
    ipv4_of(host).map_err(|why| BindError::Other(why.code.to_string()))
}

/// supervisord wants its host's name to have an address when a server listens on every one.
fn own_address() -> Result<(), BindError> {
    let name = nix::unistd::gethostname()
        .map_or_else(|_| String::new(), |name| name.to_string_lossy().into_owned());
    ipv4_of(&name).map(drop).map_err(|_| BindError::NoOwnAddress(name))
}

#[cfg(test)]
mod tests {
    use agent_core::spec::{ServerAddress, ServerSpec};
    use nix::errno::Errno;

    use super::{BindError, open};

    fn inet(host: &str, port: u16) -> ServerSpec {
        ServerSpec {
            section: "inet_http_server".into(),
            address: ServerAddress::Inet { host: host.into(), port },
            credentials: None,
        }
    }

    #[test]
    fn what_cannot_be_bound_is_said_in_supervisords_words() {
        let start = "Cannot open an HTTP server: socket.error reported";
        let cases = [
            (inet("::1", 1), format!("{start} -9")),
            (inet("192.0.2.1", 9), format!("{start} errno.EADDRNOTAVAIL (99)")),
        ];
        for (server, text) in cases {
            assert_eq!(open(&server).unwrap_err().to_string(), text);
        }
        assert_eq!(
            BindError::from(Errno::EACCES).to_string(),
            format!("{start} errno.EACCES (13)")
        );
    }

    #[test]
    fn a_port_that_somebody_listens_on_is_in_use() {
        let other = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = other.local_addr().unwrap().port();
        let error = open(&inet("127.0.0.1", port)).unwrap_err();
        assert_eq!(error, BindError::InUse);
    }
}
