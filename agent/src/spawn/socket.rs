//! Makes the listening socket that the programs of a FastCGI group share.
//!
//! Called on the spawn thread, and before there are threads to try a socket once. Nothing is
//! remembered here: whoever gets the descriptor closes it.

use std::net::SocketAddrV4;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::{fmt, fs, io};

use agent_core::spec::{SocketAddress, SocketSpec};
use nix::errno::Errno;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with, sockopt,
};
use thiserror::Error;

use crate::hosts::{Unresolved, ipv4_of};
use crate::pipe::above_stdio;

/// How many connections may wait where the configuration does not say: glibc's `SOMAXCONN`, which
/// is Python's. The kernel's own limit (`net.core.somaxconn`) counts as well.
const BACKLOG_DEFAULT: u16 = 4096;

/// Why there is no socket; supervisord's text.
#[derive(Debug, Error)]
#[error("Could not create FastCGI socket {url}: {why}")]
pub struct Unmade {
    url: String,
    why: Why,
}

/// What supervisord shows behind the colon.
#[derive(Debug)]
enum Why {
    /// A system call failed; with the path where Python has one.
    Os { errno: Errno, path: Option<String> },
    /// A name has no address.
    Host(Unresolved),
    /// `sun_path` is shorter.
    PathTooLong,
    /// `chown` failed.
    Ownership(Box<Why>),
    /// `chmod` failed.
    Permissions(Box<Why>),
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Os { errno, path } => {
                write!(f, "[Errno {}] {}", *errno as i32, errno.desc())?;
                path.as_ref().map_or(Ok(()), |path| write!(f, ": {}", proto_words::repr(path)))
            }
            Self::Host(Unresolved { code, text }) => write!(f, "[Errno {code}] {text}"),
            Self::PathTooLong => f.write_str("AF_UNIX path too long"),
            Self::Ownership(why) => {
                write!(f, "Could not change ownership of socket file: {why}")
            }
            Self::Permissions(why) => {
                write!(f, "Could not change permissions of socket file: {why}")
            }
        }
    }
}

impl From<rustix::io::Errno> for Why {
    fn from(errno: rustix::io::Errno) -> Self {
        Self::Os { errno: Errno::from_raw(errno.raw_os_error()), path: None }
    }
}

/// Makes a socket and listens on it: blocking, close-on-exec, and above the standard descriptors.
///
/// # Errors
///
/// [`Unmade`]; nothing stays open, and a unix path that was bound is removed again.
pub fn open(spec: &SocketSpec) -> Result<OwnedFd, Unmade> {
    let made = match &spec.address {
        SocketAddress::Unix { path, mode, owner } => open_unix(path, *mode, *owner),
        SocketAddress::Tcp { host, port } => open_tcp(host, *port),
    };
    let backlog = i32::from(spec.backlog.unwrap_or(BACKLOG_DEFAULT));
    let listening = made.and_then(|socket| {
        listen(&socket, backlog)?;
        Ok(above_stdio(socket)?)
    });
    listening.map_err(|why| Unmade { url: spec.address.to_string(), why })
}

fn open_tcp(host: &str, port: u16) -> Result<OwnedFd, Why> {
    let address = ipv4_of(host).map_err(Why::Host)?;
    let socket = stream(AddressFamily::INET)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    bind(&socket, &SocketAddrV4::new(address, port))?;
    Ok(socket)
}

/// Whatever stands at the path goes first, and nobody is asked whether it is in use (FCG-06).
fn open_unix(path: &str, mode: u32, owner: Option<(i64, i64)>) -> Result<OwnedFd, Why> {
    let of_path = |error: &io::Error| Why::Os {
        errno: Errno::from_raw(error.raw_os_error().unwrap_or(0)),
        path: Some(path.to_owned()),
    };
    if fs::metadata(path).is_ok() {
        fs::remove_file(path).map_err(|error| of_path(&error))?;
    }
    let address = SocketAddrUnix::new(path).map_err(|_| Why::PathTooLong)?;
    let socket = stream(AddressFamily::UNIX)?;
    bind(&socket, &address)?;
    let given = give(path, mode, owner, of_path);
    if given.is_err() {
        // It was ours a moment ago; the first error is the one to tell.
        let _ = fs::remove_file(path);
    }
    given.map(|()| socket)
}

fn give(
    path: &str,
    mode: u32,
    owner: Option<(i64, i64)>,
    of_path: impl Fn(&io::Error) -> Why,
) -> Result<(), Why> {
    if let Some((uid, gid)) = owner {
        // -1 is no id, and leaves what is there.
        chown(path, u32::try_from(uid).ok(), u32::try_from(gid).ok())
            .map_err(|error| Why::Ownership(Box::new(of_path(&error))))?;
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(|error| Why::Permissions(Box::new(of_path(&error))))
}

fn stream(family: AddressFamily) -> Result<OwnedFd, Why> {
    Ok(socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None)?)
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
    use std::os::unix::net::UnixStream;

    use agent_core::spec::{SocketAddress, SocketSpec};

    use super::open;

    fn unix(path: &str, owner: Option<(i64, i64)>) -> SocketSpec {
        let address = SocketAddress::Unix { path: path.to_owned(), mode: 0o640, owner };
        SocketSpec { address, backlog: Some(1) }
    }

    fn tcp(host: &str, port: u16) -> SocketSpec {
        SocketSpec { address: SocketAddress::Tcp { host: host.to_owned(), port }, backlog: None }
    }

    #[test]
    fn a_unix_socket_takes_the_place_of_whatever_was_there_and_stays_behind() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.sock");
        std::fs::write(&path, "something else").unwrap();
        let spec = unix(path.to_str().unwrap(), Some((-1, -1)));
        let socket = open(&spec).unwrap();
        UnixStream::connect(&path).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        drop(socket);
        assert_eq!(UnixStream::connect(&path).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        let old = std::fs::metadata(&path).unwrap().ino();
        let _again = open(&spec).unwrap();
        assert!(UnixStream::connect(&path).is_ok(), "the old one had inode {old}");
    }

    #[test]
    fn what_cannot_be_made_is_said_in_supervisords_words() {
        let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        let long = format!("/tmp/{}", "x".repeat(200));
        let directory = tempfile::tempdir().unwrap();
        let directory = directory.path().to_str().unwrap();
        let in_use = format!("tcp://127.0.0.1:{port}: [Errno 98] Address already in use");
        let is_directory = format!("unix://{directory}: [Errno 21] Is a directory: '{directory}'");
        let nowhere = "unix:///no/such/s: [Errno 2] No such file or directory".to_owned();
        for (spec, text) in [
            (tcp("127.0.0.1", port), in_use),
            (
                tcp("192.0.2.1", 9),
                "tcp://192.0.2.1:9: [Errno 99] Cannot assign requested address".to_owned(),
            ),
            (unix("/no/such/s", None), nowhere),
            (unix(directory, None), is_directory),
            (unix(&long, None), format!("unix://{long}: AF_UNIX path too long")),
        ] {
            let said = open(&spec).unwrap_err().to_string();
            assert_eq!(said, format!("Could not create FastCGI socket {text}"));
        }
    }

    #[test]
    fn an_owner_that_cannot_be_given_leaves_nothing_behind() {
        if nix::unistd::geteuid().is_root() {
            return;
        }
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("s.sock");
        let shown = path.to_str().unwrap();
        let said = open(&unix(shown, Some((0, 0)))).unwrap_err().to_string();
        let why = "Could not change ownership of socket file: [Errno 1] Operation not permitted";
        assert_eq!(
            said,
            format!("Could not create FastCGI socket unix://{shown}: {why}: '{shown}'")
        );
        assert!(!path.exists());
    }
}
