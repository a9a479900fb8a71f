//! One unix socket: its file, and how a stale one is taken over.

use std::fs::{self, Permissions};
use std::io::Write as _;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, listen, socket,
};

use super::BindError;

/// Connections that wait to be accepted: supervisord's number, enough for a burst of clients
/// while the doors' thread is busy.
const BACKLOG: i32 = 1024;

/// How often a stale socket is taken over before the path counts as contended: once is the rule,
/// more means that somebody else starts at the same moment.
const TAKEOVERS_MAX: usize = 5;

/// The file of a unix socket that we have made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the file, if it is still ours: another agent may have taken the path over. To be
    /// called before the listener is closed; until then nobody else's file has our inode number.
    pub fn unlink(&self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (self.device, self.inode));
        if ours {
            // Gone meanwhile is as good as removed.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Binds to a temporary name, gives it its mode, and links it to `path`, which therefore never
/// exists with wider permissions.
pub(super) fn open(
    path: &str,
    mode: u32,
    owner: Option<(i64, i64)>,
) -> Result<(UnixListener, SocketFile), BindError> {
    let temporary = format!("{path}.{}", std::process::id());
    for _ in 0..TAKEOVERS_MAX {
        // A leftover of an earlier agent with our pid.
        let _ = fs::remove_file(&temporary);
        let opened = match bind_and_link(&temporary, path, mode) {
            Ok(Some(listener)) => own(path, owner).map(|file| Some((listener, file))),
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        // The link lives on; a name that is not there need not be removed.
        let _ = fs::remove_file(&temporary);
        if let Some(opened) = opened? {
            return Ok(opened);
        }
        take_over(path)?;
    }
    Err(BindError::InUse)
}

/// `None` when `path` exists already.
fn bind_and_link(
    temporary: &str,
    path: &str,
    mode: u32,
) -> Result<Option<UnixListener>, BindError> {
    let address = UnixAddr::new(temporary)
        .map_err(|_| BindError::Other("AF_UNIX path too long".to_owned()))?;
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    let fd: OwnedFd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    bind(fd.as_raw_fd(), &address)?;
    fs::set_permissions(temporary, Permissions::from_mode(mode))?;
    listen(&fd, Backlog::new(BACKLOG)?)?;
    match fs::hard_link(temporary, path) {
        Ok(()) => Ok(Some(UnixListener::from(fd))),
        Err(error) if error.raw_os_error() == Some(Errno::EEXIST as i32) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Removes a socket that nobody answers on.
fn take_over(path: &str) -> Result<(), BindError> {
    if is_answered(path) {
        return Err(BindError::InUse);
    }
    let mut stderr = std::io::stderr();
    // With standard error closed there is nobody to tell.
    let _ = writeln!(stderr, "Unlinking stale socket {path}");
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Whoever listens is alive, whether it answers or hangs.
fn is_answered(path: &str) -> bool {
    UnixStream::connect(path).is_ok()
}

/// Gives the socket its owner, and remembers which file it is.
fn own(path: &str, owner: Option<(i64, i64)>) -> Result<SocketFile, BindError> {
    let found = fs::symlink_metadata(path)?;
    let file = SocketFile { path: PathBuf::from(path), device: found.dev(), inode: found.ino() };
    let Some((uid, gid)) = owner else {
        return Ok(file);
    };
    // -1 is no id, and leaves what is there.
    let changed = chown(path, u32::try_from(uid).ok(), u32::try_from(gid).ok());
    changed.map(|()| file.clone()).map_err(|error| {
        file.unlink();
        match error.kind() {
            std::io::ErrorKind::PermissionDenied if is_eperm(&error) => {
                BindError::Chown { path: path.to_owned(), uid, gid, user: own_name() }
            }
            _ => error.into(),
        }
    })
}

fn is_eperm(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EPERM as i32)
}

fn own_name() -> String {
    let uid = nix::unistd::geteuid();
    match nix::unistd::User::from_uid(uid) {
        Ok(Some(user)) => user.name,
        Ok(None) | Err(_) => uid.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::UnixListener;

    use super::open;
    use crate::http::BindError;

    #[test]
    fn a_socket_appears_with_its_mode_and_without_its_temporary_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.sock");
        let (_listener, file) = open(path.to_str().unwrap(), 0o640, Some((-1, -1))).unwrap();
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        file.unlink();
        assert!(!path.exists());
    }

    #[test]
    fn a_stale_socket_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.sock");
        let path = path.to_str().unwrap();
        drop(open(path, 0o700, None).unwrap());
        let (_new, file) = open(path, 0o700, None).unwrap();
        file.unlink();
        assert!(std::fs::metadata(path).is_err());
    }

    #[test]
    fn whoever_lost_its_path_does_not_unlink_the_new_owners_socket() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.sock");
        let path = path.to_str().unwrap();
        let (_old, file) = open(path, 0o700, None).unwrap();
        std::fs::remove_file(path).unwrap();
        let _new = open(path, 0o700, None).unwrap();
        file.unlink();
        assert!(std::fs::metadata(path).is_ok());
    }

    #[test]
    fn a_socket_that_somebody_accepts_on_is_in_use() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s.sock");
        let _peer = UnixListener::bind(&path).unwrap();
        let error = open(path.to_str().unwrap(), 0o700, None).unwrap_err();
        assert_eq!(error, BindError::InUse);
    }

    #[test]
    fn a_missing_directory_and_an_endless_path_are_said_as_supervisord_says_them() {
        let start = "Cannot open an HTTP server: socket.error reported";
        let long = format!("/tmp/{}", "x".repeat(200));
        for (path, text) in
            [("/nowhere/at/all.sock", "errno.ENOENT (2)"), (long.as_str(), "AF_UNIX path too long")]
        {
            let error = open(path, 0o700, None).unwrap_err();
            assert_eq!(error.to_string(), format!("{start} {text}"));
        }
    }
}
